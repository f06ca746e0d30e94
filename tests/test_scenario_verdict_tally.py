"""How often each message reached each recipient."""

from __future__ import annotations

from mailtrap_py.events import Message
from mailtrap_py.scenario.attempts import attempts_of
from mailtrap_py.scenario.verdict.tally import Fate, fates_of
from tests.recorded import Recording, deliver

HELLO = "S: 220 mx.example ready\nC: EHLO client.example\nS: 250 mx.example"
BYE = "C: QUIT\nS: 221 2.0.0 Bye"


def fates(run: Recording) -> tuple[Fate, ...]:
    evidence = run.evidence()
    return fates_of(evidence, attempts_of(evidence))


def rcpt(reply: str) -> Recording:
    return Recording().session(
        f"{HELLO}\nC: MAIL FROM:<ann@example.com>\nS: 250 Ok\nC: RCPT TO:<bob@example.com>\nS: {reply}\n{BYE}"
    )


def test_a_delivery() -> None:
    one, two = fates(Recording().session(deliver(["bob@Example.com", "cyd@example.com"])))

    assert (one.address, two.address) == ("bob@example.com", "cyd@example.com")
    for fate in (one, two):
        assert len(fate.copies) == 1
        assert fate.taken
        assert fate.through
        assert not fate.refused


def test_copies_add_up_and_a_recipient_named_twice_has_one() -> None:
    (fate,) = fates(Recording().session(deliver(["bob@example.com", "bob@EXAMPLE.com"])).session(deliver()))

    assert len(fate.copies) == 2


def test_refused_and_deferred() -> None:
    (refused,) = fates(rcpt("550 No"))
    (deferred,) = fates(rcpt("450 Later"))

    assert (refused.refused, refused.through) == (True, False)
    assert (deferred.refused, deferred.through) == (False, False)
    assert deferred.describe() == "mail from <ann@example.com> for <bob@example.com>"
    assert deferred.matches(None)


def test_the_last_word_counts() -> None:
    assert [fate.refused for fate in fates(rcpt("450 Later").session(_told(rcpt("550 No"))))] == [True]
    (stored,) = fates(rcpt("450 Later").session(deliver()))
    assert stored.copies


def _told(run: Recording) -> str:
    lines = run.evidence().sessions[0].lines
    return "\n".join(f"{'S' if line.source == 'server' else 'C'}: {line.data.decode().strip()}" for line in lines)


def test_a_discarded_message_is_taken_and_has_no_copy() -> None:
    run = Recording().session(deliver())
    run.forget(Message)

    (fate,) = fates(run)

    assert (fate.copies, fate.taken, fate.through) == ((), True, True)


def test_a_session_without_a_transaction_is_no_mail() -> None:
    assert fates(Recording().session("S: 421 Busy", "server-closed")) == ()
