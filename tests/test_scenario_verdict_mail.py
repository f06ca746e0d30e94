"""The judges of the mail: each expectation holding and failing, with the evidence that it shows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pytest

from mailtrap_py.scenario.expectation import Expectation
from mailtrap_py.scenario.needs import NOTHING, Needs
from mailtrap_py.scenario.verdict import Result, judge
from tests.recorded import Recording, deliver

HELLO = """
    S: 220 mx.example ready
    C: EHLO client.example
    S: 250 mx.example
"""
BYE = """
    C: QUIT
    S: 221 2.0.0 Bye
"""
DEFERRED = f"""{HELLO}
    C: MAIL FROM:<ann@example.com>
    S: 250 2.1.0 Ok
    C: RCPT TO:<bob@example.com>
    S: 450 4.2.0 Greylisted
    C: RSET
    S: 250 Ok
{BYE}"""
UNKNOWN = DEFERRED.replace("450 4.2.0 Greylisted", "550 5.1.1 No such user")
AT_THE_DOT = f"{HELLO}\n" + "\n".join(deliver(quit_=False).splitlines()[3:])


@dataclass(frozen=True)
class Expected:
    """A scenario that is nothing but its expectations."""

    expect: tuple[Expectation, ...]
    needs: Needs = NOTHING


def ruled(recording: Recording, key: str, said: object, *, watched: float = 0.0) -> Result:
    expectation = Expectation.model_validate({key: said})
    verdict = judge(Expected((expectation,)), recording.evidence(watched=watched))
    (result,) = verdict.results
    assert verdict.passed == result.passed
    assert result.expectation == expectation.describe()
    assert verdict.grade is None
    return result


def lost_250(key: str = "1") -> str:
    return deliver(key=key, quit_=False).replace("S: 250 2.0.0 Ok", "store", 1).replace("S: 250 2.0.0 Ok", "")


# -- delivered


def test_delivered_exactly_once() -> None:
    result = ruled(Recording().session(deliver(["bob@example.com", "cyd@example.com"])), "delivered", "exactly-once")

    assert result.passed
    assert result.evidence == ("1 message for 2 recipients, stored once",)


def test_a_copy_too_many_is_shown_with_both_times() -> None:
    run = Recording().session(lost_250(), "server-reset").wait(2.0).session(deliver())

    result = ruled(run, "delivered", "exactly-once")

    assert not result.passed
    assert result.evidence[0] == "<1@example.com> for <bob@example.com>: stored twice, not 1"
    assert [line.partition(" as ")[0] for line in result.evidence[1:]] == ["+0.000s stored", "+2.000s stored"]


def test_messages_without_message_id_are_known_by_their_content() -> None:
    anonymous = deliver().replace("Message-ID: <1@example.com>|", "")
    run = Recording().session(anonymous).session(anonymous)

    assert ruled(run, "delivered", {"copies": 2}).passed
    assert ruled(run, "delivered", "exactly-once").evidence[0].startswith("sha256:")


def test_two_messages_to_one_recipient_are_two_messages() -> None:
    assert ruled(Recording().session(deliver(key="1")).session(deliver(key="2")), "delivered", "exactly-once").passed


def test_a_retry_for_the_refused_recipient_alone_is_no_second_copy() -> None:
    both = deliver(["bob@example.com", "cyd@example.com"])
    first = both.replace("C: RCPT TO:<cyd@example.com>\nS: 250 2.1.5 Ok", "C: RCPT TO:<cyd@example.com>\nS: 450 later")
    run = Recording().session(first).session(deliver(["cyd@example.com"]))

    assert ruled(run, "delivered", "exactly-once").passed


def test_a_deferred_recipient_that_nobody_came_back_for_has_no_copy() -> None:
    result = ruled(Recording().session(DEFERRED), "delivered", "exactly-once")

    assert not result.passed
    assert result.evidence == ("mail from <ann@example.com> for <bob@example.com>: never stored, not 1",)


def test_a_recipient_refused_for_good_is_not_waited_for() -> None:
    one_unknown = deliver(["bob@example.com", "cyd@example.com"]).replace(
        "C: RCPT TO:<cyd@example.com>\nS: 250 2.1.5 Ok", "C: RCPT TO:<cyd@example.com>\nS: 550 5.1.1 unknown"
    )

    assert ruled(Recording().session(one_unknown), "delivered", "exactly-once").passed


def test_a_mail_deferred_at_mail_from_has_no_copy_and_no_recipient() -> None:
    refused = f"{HELLO}\nC: MAIL FROM:<ann@example.com>\nS: 451 4.3.0 Busy{BYE}"

    result = ruled(Recording().session(refused), "delivered", "at-least-once")

    assert result.evidence == ("mail from <ann@example.com>: never stored, not >= 1",)
    assert ruled(Recording().session(refused).session(deliver()), "delivered", "exactly-once").passed


def test_a_retry_that_is_refused_after_a_lost_250_takes_nothing_back() -> None:
    run = Recording().session(lost_250(), "server-reset").session(DEFERRED)

    assert ruled(run, "delivered", "exactly-once").passed


def test_a_mail_refused_at_the_dot_and_later_at_rcpt_is_one_missing_mail() -> None:
    rejected = AT_THE_DOT.replace("S: 250 2.0.0 Ok", "S: 451 4.3.0 Later")
    run = Recording().session(rejected + BYE).session(DEFERRED)

    assert ruled(run, "delivered", "exactly-once").evidence == (
        "mail from <ann@example.com> for <bob@example.com>: never stored, not 1",
    )


@pytest.mark.parametrize("word", ["exactly-once", "at-least-once"])
def test_nothing_at_all_is_no_delivery(word: str) -> None:
    result = ruled(Recording(), "delivered", word)

    assert not result.passed
    assert result.evidence == ("no message was stored",)
    assert result.rfc
    assert result.hint


def test_never() -> None:
    assert ruled(Recording(), "delivered", "never").passed
    assert ruled(Recording().session(DEFERRED), "delivered", "never").passed
    result = ruled(Recording().session(deliver()), "delivered", "never")
    assert result.evidence[0] == "<1@example.com> for <bob@example.com>: stored once, not 0"


def test_many_copies_are_counted() -> None:
    run = Recording().session(deliver()).session(deliver()).session(deliver(["bob@example.com", "cyd@example.com"]))

    assert ruled(run, "delivered", "at-least-once").evidence == (
        "1 message for 2 recipients, stored once or stored 3 times",
    )
    assert ruled(run, "delivered", "exactly-once").evidence[0].endswith("stored 3 times, not 1")


@pytest.mark.parametrize(
    ("match", "passed"),
    [
        ({"to": "bob@*"}, True),
        ({"to": "cyd@*"}, False),
        ({"from": "ann@example.com"}, True),
        ({"from": "cyd@*"}, False),
        ({"subject": "hello"}, True),
        ({"subject": "bye"}, False),
        ({"message_id": "1@example.com"}, True),
        ({"message_id": "2@example.com"}, False),
        ({"to": ["cyd@*", "bob@*"], "subject": "hello"}, True),
    ],
)
def test_a_match_picks_recipients_and_messages(match: Mapping[str, object], passed: bool) -> None:  # noqa: FBT001 - a table
    run = Recording().session(deliver().replace("D: From", "D: Subject: Hello|From"))

    result = ruled(run, "delivered", {"match": match, "copies": 1})

    assert result.passed is passed
    assert (result.evidence == ("no message that matches was stored",)) is not passed


# -- retried


def test_retried_after_the_wait() -> None:
    run = Recording().session(DEFERRED).wait(5.0).session(deliver())

    result = ruled(run, "retried", {"after": "4xx", "not_before": "5s", "within": "60s", "at_most": 1})

    assert result.passed
    assert result.evidence == (
        "+0.000s #1 S: 450 4.2.0 Greylisted",
        "+5.000s #2 C: MAIL FROM:<ann@example.com>",
    )


@pytest.mark.parametrize(
    ("waits", "said", "fault"),
    [
        ([], {}, "it never came again (watched for 3.000s)"),
        ([0.2], {"not_before": "5s"}, "it came again after 0.200s, sooner than 5s"),
        ([6.0], {"within": "5s"}, "it came again after 6.000s, later than 5s"),
        ([1.0, 1.0, 1.0], {"at_most": 2}, "it came again 3 times, more than 2"),
    ],
)
def test_retried_wrongly(waits: list[float], said: dict[str, object], fault: str) -> None:
    run = Recording().session(DEFERRED)
    for wait in waits:
        run.wait(wait).session(DEFERRED)

    result = ruled(run, "retried", said, watched=3.0)

    assert not result.passed
    assert result.evidence[0] == "+0.000s #1 S: 450 4.2.0 Greylisted"
    assert result.evidence[-1] == fault
    assert result.rfc == "RFC 5321, section 4.5.4.1"


def test_every_gap_is_judged_and_what_follows_a_success_is_not() -> None:
    run = Recording().session(DEFERRED).wait(5.0).session(DEFERRED).wait(1.0).session(deliver()).session(deliver())

    assert ruled(run, "retried", {"not_before": "5s"}).evidence[-1] == "it came again after 1.000s, sooner than 5s"
    assert ruled(run, "retried", {"at_most": 2}).passed


def test_nothing_failed_so_nothing_was_retried() -> None:
    result = ruled(Recording().session(deliver()), "retried", {"after": "4xx"})

    assert not result.passed
    assert result.evidence == ("nothing failed with 4xx, so nothing could be tried again",)


def test_a_retry_is_of_the_same_mail() -> None:
    run = Recording().session(DEFERRED)

    other_sender = deliver().replace("FROM:<ann@", "FROM:<amy@")
    assert not ruled(run.session(other_sender), "retried", {}).passed
    assert not ruled(run.session(deliver(["cyd@example.com"])), "retried", {}).passed
    assert ruled(run.session(deliver()), "retried", {}).passed


def test_declared_sizes_tell_two_mails_apart() -> None:
    first = DEFERRED.replace("<ann@example.com>", "<ann@example.com> SIZE=10")
    second = deliver().replace("FROM:<ann@example.com>", "FROM:<ann@example.com> SIZE=20")

    assert not ruled(Recording().session(first).session(second), "retried", {}).passed


def test_after_a_refusal_at_the_dot_the_message_id_decides() -> None:
    run = Recording().session(AT_THE_DOT.replace("S: 250 2.0.0 Ok", "S: 451 4.3.0 Later") + BYE)

    assert not ruled(run.session(deliver(key="2")), "retried", {}).passed
    assert ruled(run.session(deliver(key="1")), "retried", {"after": 451}).passed


def test_a_lost_connection_counts_as_451() -> None:
    run = Recording().session(lost_250(), "server-reset").wait(1.0).session(deliver())

    for after in ("4xx", "451", "45x", "lost", "error"):
        assert ruled(run, "retried", {"after": after}).evidence[0] == (
            "+0.000s #1 -- the connection was lost before the reply"
        )
    assert not ruled(run, "retried", {"after": "421"}).passed


def test_a_session_that_failed_before_mail_is_retried_by_the_next() -> None:
    busy = "S: 421 4.3.2 Busy"
    run = Recording().session(busy, "server-closed").wait(1.0).session(busy, "server-closed").wait(2.0)

    result = ruled(run.session(deliver()), "retried", {"after": "421", "at_most": 2})

    assert result.passed
    assert result.evidence == (
        "+0.000s #1 S: 421 4.3.2 Busy",
        "+1.000s #2 -- began",
        "+3.000s #3 C: MAIL FROM:<ann@example.com>",
    )


def test_mail_sent_at_the_same_time_is_no_retry() -> None:
    slow = DEFERRED.replace("S: 450", "+ 3\nS: 450")
    run = Recording().session(slow).wait(-2.0).session(deliver())

    assert not ruled(run, "retried", {}).passed


# -- not_retried


def test_what_was_refused_for_good_stayed_away() -> None:
    result = ruled(Recording().session(UNKNOWN), "not_retried", {"after": "5xx", "within": "2s"}, watched=0.5)

    assert result.passed
    assert result.evidence == ("1 mail failed with 5xx, none came again (watched for 0.500s of 2s)",)
    assert ruled(Recording().session(UNKNOWN), "not_retried", {"within": "2s"}, watched=3.0).evidence == (
        "1 mail failed with 5xx, none came again",
    )


def test_what_was_refused_for_good_came_again() -> None:
    run = Recording().session(UNKNOWN).wait(1.0).session(UNKNOWN)

    result = ruled(run, "not_retried", {})

    assert not result.passed
    assert result.evidence == (
        "+0.000s #1 S: 550 5.1.1 No such user",
        "+1.000s #2 C: MAIL FROM:<ann@example.com>",
    )
    assert ruled(run, "not_retried", {"within": "500ms"}).passed


def test_the_other_recipients_may_come_again() -> None:
    one_unknown = deliver(["bob@example.com", "cyd@example.com"]).replace(
        "C: RCPT TO:<cyd@example.com>\nS: 250 2.1.5 Ok", "C: RCPT TO:<cyd@example.com>\nS: 550 5.1.1 unknown"
    )
    run = Recording().session(one_unknown.replace("S: 250 2.0.0 Ok", "S: 451 4.3.0 Later"))

    assert ruled(run.session(deliver(["bob@example.com"])), "not_retried", {}).passed
    assert not ruled(run.session(deliver(["cyd@example.com"])), "not_retried", {}).passed


# -- only_retried


def test_only_the_refused_recipient_came_again() -> None:
    first = deliver(["bob@example.com", "cyd@example.com"]).replace(
        "C: RCPT TO:<cyd@example.com>\nS: 250 2.1.5 Ok", "C: RCPT TO:<cyd@example.com>\nS: 450 later"
    )
    run = Recording().session(first)

    assert ruled(run.session(deliver(["cyd@example.com"])), "only_retried", "refused").evidence == (
        "1 new attempt, none to a recipient that was not refused",
    )
    result = ruled(run.session(deliver(["bob@example.com", "cyd@example.com"])), "only_retried", "refused")
    assert not result.passed
    assert "sent again to <bob@example.com>" in result.evidence
    assert "sent again to <cyd@example.com>" in result.evidence  # by the third session, after the second


def test_an_attempt_whose_content_was_not_seen_is_another_mail_unless_it_names_a_refused_recipient() -> None:
    run = Recording().session(deliver()).session(DEFERRED)

    assert ruled(run, "only_retried", "refused").passed


def test_sending_again_after_a_lost_reply_is_right() -> None:
    run = Recording().session(lost_250(), "server-reset").session(deliver())

    assert ruled(run, "only_retried", "refused").passed
