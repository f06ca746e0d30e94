"""What a client tried, and what came again."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from mailtrap_py.events import Line, Transaction
from mailtrap_py.scenario.attempts import Attempt, attempts_of, came_again
from tests.recorded import Recording, deliver

HELLO = "S: 220 mx.example ready\nC: EHLO client.example\nS: 250 mx.example"
BYE = "C: QUIT\nS: 221 2.0.0 Bye"
MAIL = "C: MAIL FROM:<ann@example.com>\nS: 250 Ok"


def attempts(told: str, ending: str | None = "quit") -> tuple[Attempt, ...]:
    return attempts_of(Recording().session(told, ending).evidence())


def test_a_delivery_is_taken() -> None:
    (attempt,) = attempts(deliver(["bob@EXAMPLE.com", "cyd@example.com"]))

    assert attempt.key == "<1@example.com>"
    assert attempt.addresses == attempt.taken == {"bob@example.com", "cyd@example.com"}
    assert attempt.whole is None
    assert attempt.fate("bob@example.com") is None
    assert attempt.first is not None
    assert attempt.first.number == 4
    assert attempt.setback("error") is None


def test_half_a_line_of_a_reply_is_a_lost_connection() -> None:
    run = Recording().session(deliver(quit_=False), "server-closed")
    run.events = [
        replace(event, data=b"250 2.0.") if isinstance(event, Line) and event.data == b"250 2.0.0 Ok\r\n" else event
        for event in run.events
    ]
    (attempt,) = attempts_of(run.evidence())

    assert attempt.transaction is not None
    assert attempt.transaction.acknowledged
    assert attempt.taken == frozenset()
    assert attempt.whole is not None
    assert attempt.whole.lost


def test_recipients_fail_one_by_one() -> None:
    (attempt,) = attempts(
        f"{HELLO}\n{MAIL}\nC: RCPT TO:<a@x>\n+ 1\nS: 450 Later\nC: RCPT TO:<b@x>\n+ 1\nS: 550 No\n"
        f"C: RCPT TO:<c@x>\n+ 1\nS: 450 Later\nC: RCPT TO:<d@x>\nS: 250 Ok\nC: RSET\nS: 250 Ok\n{BYE}"
    )

    assert {address: failure.code for address, failure in attempt.refused.items()} == {
        "a@x": 450,
        "b@x": 550,
        "c@x": 450,
    }
    assert attempt.whole is None
    assert attempt.taken == frozenset()
    deferred = attempt.setback("4xx")
    assert deferred is not None
    assert deferred.addresses == {"a@x", "c@x"}
    assert deferred.failure.clock == 1003.0
    assert deferred.failure.line is not None
    assert deferred.failure.line.data == b"450 Later\r\n"
    refused = attempt.setback("550")
    assert refused is not None
    assert refused.failure.final
    assert attempt.setback("421") is None


def test_a_recipient_named_again_has_its_best_reply() -> None:
    (attempt,) = attempts(
        f"{HELLO}\n{MAIL}\nC: RCPT TO:<a@x>\nS: 450 Later\nC: RCPT TO:<a@x>\nS: 250 Ok\n"
        f"C: RCPT TO:<a@x>\nS: 450 Twice\nC: RSET\nS: 250 Ok\n{BYE}"
    )

    assert attempt.addresses == {"a@x"}
    assert not attempt.refused


@pytest.mark.parametrize(
    ("told", "code"),
    [
        (f"{HELLO}\nC: MAIL FROM:<ann@example.com>\nS: 451 No\n{BYE}", 451),
        (f"{HELLO}\n{MAIL}\nC: RCPT TO:<a@x>\nS: 250 Ok\nC: DATA\nS: 554 No\nC: RSET\nS: 250 Ok\n{BYE}", 554),
        (f"{HELLO}\n{MAIL}\nC: RCPT TO:<a@x>\nS: 250 Ok\nC: DATA\nS: 354 Go\nD: Hi\nS: 552 Big\n{BYE}", 552),
    ],
)
def test_a_refusal_of_the_whole(told: str, code: int) -> None:
    (attempt,) = attempts(told)

    assert attempt.whole is not None
    assert attempt.whole.code == code
    assert attempt.whole.line is not None
    assert attempt.whole.line.data.startswith(str(code).encode())


@pytest.mark.parametrize(
    "ending", ["server-reset", "server-closed", "client-closed", "client-reset", "shutdown", "timeout"]
)
def test_a_lost_connection_fails_the_whole(ending: str) -> None:
    (attempt,) = attempts(f"{HELLO}\n{MAIL}\nC: RCPT TO:<a@x>\nS: 250 Ok\nC: DATA\n+ 5", ending)

    assert attempt.whole is not None
    assert attempt.whole.lost
    assert (attempt.whole.code, attempt.whole.clock) == (451, 1005.0)


@pytest.mark.parametrize(
    ("told", "ending"),
    [
        (f"{HELLO}\n{MAIL}\nC: RCPT TO:<a@x>\nS: 250 Ok\n{BYE}", "quit"),
        (f"{HELLO}\n{MAIL}\nC: RCPT TO:<a@x>\nS: 250 Ok\nC: RSET\nS: 250 Ok", "client-closed"),
        (
            f"{HELLO}\n{MAIL}\nC: RCPT TO:<a@x>\nS: 250 Ok\nC: RSET\nS: 250 Ok\n{MAIL}\nC: RSET\nS: 250 Ok",
            "client-closed",
        ),
        (deliver(quit_=False), "client-closed"),
    ],
)
def test_a_client_that_gave_up_lost_nothing(told: str, ending: str) -> None:
    assert all(attempt.whole is None for attempt in attempts(told, ending))


def test_a_transaction_of_a_session_that_is_open_is_not_lost() -> None:
    run = Recording().session(f"{HELLO}\n{MAIL}\nC: RSET\nS: 250 Ok", None)

    assert attempts_of(run.evidence())[0].whole is None


def test_the_accepted_recipients_of_a_session_that_broke_are_void() -> None:
    (attempt,) = attempts(
        f"{HELLO}\n{MAIL}\nC: RCPT TO:<a@x>\nS: 250 Ok\nC: RCPT TO:<b@x>\nS: 421 Too many errors", "server-closed"
    )

    assert {address: attempt.fate(address).code for address in ("a@x", "b@x")} == {  # type: ignore[union-attr]  # both failed
        "a@x": 451,
        "b@x": 421,
    }


@pytest.mark.parametrize(
    ("told", "ending", "code", "lost"),
    [
        ("S: 421 Busy", "server-closed", 421, False),
        ("S: 554 No\nC: QUIT\nS: 221 Bye", "quit", 554, False),
        (f"{HELLO}\nC: AUTH PLAIN AA==\nS: 535 No\n{BYE}", "quit", 535, False),
        ("", "client-closed", 451, True),
        (HELLO, "server-reset", 451, True),
        (f"{HELLO}\nC: MAIL FROM:<a@x>", "server-reset", 451, True),
    ],
)
def test_sessions_that_failed_before_mail(told: str, ending: str, code: int, lost: bool) -> None:  # noqa: FBT001 - a table
    (attempt,) = attempts(told, ending)

    assert attempt.transaction is None
    assert attempt.whole is not None
    assert (attempt.whole.code, attempt.whole.lost) == (code, lost)


@pytest.mark.parametrize(
    ("told", "ending"),
    [
        (f"{HELLO}\n{BYE}", "quit"),
        ("S: 220 mx\nC: EHLO x\nS: 502 No\nC: HELO x\nS: 250 mx", "client-closed"),
        ("S: 220 mx\nC: NOOP", "quit"),
        ("", None),
    ],
)
def test_sessions_that_only_looked_in(told: str, ending: str | None) -> None:
    assert attempts(told, ending) == ()


def test_a_mail_that_was_never_answered_is_an_attempt_after_others() -> None:
    told = f"{deliver(quit_=False)}\n+ 2\nC: MAIL FROM:<ann@example.com>"

    delivered, lost = attempts(told, "server-reset")

    assert delivered.taken
    assert lost.transaction is None
    assert lost.began == 1002.0
    assert lost.first is not None
    assert len(attempts(f"{deliver(quit_=False)}\nC: NOOP", "server-reset")) == 1


def test_what_came_again() -> None:
    refused = f"{HELLO}\n{MAIL}\nC: RCPT TO:<bob@example.com>\nS: 450 Later\n{BYE}"
    run = Recording().session(refused).session(deliver(["cyd@example.com"])).session(deliver(key="2"))
    found = attempts_of(run.evidence())
    setback = found[0].setback("4xx")
    assert setback is not None

    assert came_again(found[0], setback, found) == found[2:]
    assert found[0].same_mail(found[2])
    assert not found[1].same_mail(found[2])
    assert not found[0].same_mail(attempts("S: 421 Busy", "server-closed")[0])


def test_after_a_busy_server_every_contact_counts_up_to_a_mail() -> None:
    run = Recording().session("S: 421 Busy", "server-closed").session("S: 421 Busy", "server-closed")

    def again(run: Recording) -> tuple[Attempt, ...]:
        found = attempts_of(run.evidence())
        setback = found[0].setback("421")
        assert setback is not None
        return came_again(found[0], setback, found)

    assert len(again(run)) == 1
    assert len(again(run.session(deliver(key="1")).session(deliver(key="2")))) == 2


def test_a_transaction_whose_mail_command_is_not_in_the_transcript() -> None:
    run = Recording().session(f"{HELLO}\nC: MAIL FROM:<ann@example.com>\nS: 451 No\n{BYE}").session(deliver())
    run.events = [
        replace(event, reverse_path="eve@example.com") if isinstance(event, Transaction) else event
        for event in run.events
    ]

    first, second = attempts_of(run.evidence())

    assert first.first is second.first is None
    assert first.whole is not None
    assert first.whole.line is None
    assert first.whole.clock == 1000.0


def test_a_refusal_that_was_heard_stays_one_though_quit_was_not_answered() -> None:
    refused = deliver(quit_=False).replace("S: 250 2.0.0 Ok", "S: 550 5.7.1 No") + "\nC: QUIT"
    [attempt] = attempts_of(Recording().session(refused, "server-reset").evidence())

    assert attempt.whole is not None
    assert (attempt.whole.code, attempt.whole.lost) == (550, False)
