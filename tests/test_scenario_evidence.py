"""The record of a run, put in order."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from mailtrap_py.events import Ending, Line, Message, Outcome, SessionEnded, SessionStarted, Transaction
from mailtrap_py.scenario.evidence import CommandResult, Copy, Evidence, message_key
from tests.recorded import Recording, deliver, updated

READY = "S: 220 mx.example ready"


def test_a_message_is_known_by_its_message_id_else_by_its_content() -> None:
    assert message_key(b"Message-ID: <a@x>\r\n\r\nHi") == "<a@x>"
    assert message_key(b"\r\nHi", message_id="b@x") == "<b@x>"
    anonymous = message_key(b"Subject: Hi\r\n\r\nHi")
    assert anonymous.startswith("sha256:")
    assert anonymous != message_key(b"Subject: Hi\r\n\r\nHo")
    assert message_key(b"") == message_key(b"")


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (CommandResult(exit_code=0), "success"),
        (CommandResult(exit_code=3), "failure"),
        (CommandResult(exit_code=None), ""),
        (CommandResult(exit_code=0, timed_out=True), ""),
        (CommandResult(exit_code=1, signal=9), ""),
    ],
)
def test_what_a_command_said(command: CommandResult, said: str) -> None:
    assert command.said == said


def test_events_are_put_in_order() -> None:
    run = Recording().session(deliver()).session(deliver(key="2")).fired("busy")
    run.events.append(updated("session-1", tls_version="TLSv1.3"))
    run.events.append(replace(updated(), id="unknown"))

    evidence = Evidence.gather(reversed(run.events), until=5.0)

    first, second = evidence.sessions
    assert (first.number, second.number) == (1, 2)
    assert [line.number for line in first.lines] == list(range(1, 14))
    assert first.ending is Ending.QUIT
    assert first.updated is not None
    assert first.updated.tls_version == "TLSv1.3"
    assert [len(session.transactions) for session in evidence.sessions] == [1, 1]
    assert [copy.key for copy in evidence.messages] == ["<2@example.com>", "<1@example.com>"]  # one clock, as they came
    assert [firing.rule for firing in evidence.firings] == ["busy"]
    assert evidence.until == 1000.0
    assert evidence.began == 1000.0


def test_what_belongs_to_no_session_is_left_out() -> None:
    run = Recording().session(deliver())
    run.events = [event for event in run.events if not isinstance(event, SessionStarted | SessionEnded)]

    evidence = run.evidence()

    assert evidence.sessions == ()
    assert len(evidence.messages) == 1
    assert Evidence(until=7.0).began == 7.0


def test_a_message_may_come_as_a_copy() -> None:
    (message,) = [event for event in Recording().session(deliver()).events if isinstance(event, Message)]
    copy = Copy.of(message)

    assert copy.recipients == ("bob@example.com",)
    assert copy.key == "<1@example.com>"
    assert Evidence.gather([copy]).messages == (copy,)


def test_the_end_is_never_before_the_last_event() -> None:
    run = Recording().session(f"{READY}\n+ 9\nC: NOOP\nS: 250 Ok", None)

    assert Evidence.gather(run.events).until == 1009.0
    assert Evidence.gather(run.events, until=2000.0).until == 2000.0


def test_waits() -> None:
    run = Recording().session(
        f"+ 1\n{READY}\nC: NOOP\n+ 2\nS: 250 Ok\n+ 50\nS: 421 Bye\nC: NOOP\n+ 3\nC: NOOP\n+ 4", "client-closed"
    )

    waits = run.evidence().sessions[0].waits(0.0)

    assert [(wait.exchange.verb, wait.seconds, wait.answered) for wait in waits] == [
        ("(greeting)", 1.0, True),
        ("NOOP", 2.0, True),
        ("NOOP", 7.0, False),
    ]
    (greeting,) = Recording().session("", None).evidence(watched=4.0).sessions[0].waits(1004.0)
    assert (greeting.seconds, greeting.answered) == (4.0, False)


def test_owed() -> None:
    def owed(told: str) -> str:
        exchange = Recording().session(told).evidence().sessions[0].owed
        return exchange.verb if exchange else ""

    assert owed("") == "(greeting)"
    assert owed(READY) == ""
    assert owed(f"{READY}\nC: NOOP\nR: 25") == "NOOP"
    assert owed(f"{READY}\nR: 25") == ""


def test_commands_are_what_the_client_asked() -> None:
    run = Recording().session(deliver().replace("C: MAIL", "C: AUTH LOGIN\nS: 334 x\nX: YQ==\nS: 235 Ok\nC: MAIL"))

    assert [each.verb for each in run.evidence().sessions[0].commands] == [
        "EHLO",
        "AUTH",
        "MAIL",
        "RCPT",
        "DATA",
        "QUIT",
    ]


def transactions(told: str, ending: str = "client-closed") -> tuple[Evidence, tuple[Transaction, ...]]:
    evidence = Recording().session(told, ending).evidence()
    return evidence, evidence.sessions[0].transactions


MAIL = "C: MAIL FROM:<a@x>\nS: 250 Ok\nC: RCPT TO:<b@x>\nS: 250 Ok\nC: DATA\nS: 354 Go"


@pytest.mark.parametrize(
    ("told", "key"),
    [
        ("D: Message-ID: <1@x>||Hi|\nS: 250 Ok", "<1@x>"),
        ("D: Message-ID: <1@x>||Hi|\nS: 550 No", "<1@x>"),
        ("K: Message-ID: <1@x>||H", "<1@x>"),
        ("K: Message-ID: <1@", ""),
        ("K: Subject: Hi||H", ""),
        ("D: Hi|\nS: 550 No", message_key(b"Hi\r\n")),
        ("", ""),
    ],
)
def test_the_key_of_a_transaction(told: str, key: str) -> None:
    evidence, (transaction,) = transactions(f"{READY}\n{MAIL}\n{told}")

    assert evidence.key_of(transaction) == key


def test_contents_find_their_lines() -> None:
    evidence, found = transactions(
        f"{READY}\nC: MAIL FROM:<a@x>\nS: 450 No\n{MAIL}\nD: one\nS: 250 Ok\n{MAIL}\nD: two\nS: 550 No"
    )

    (session,) = evidence.sessions
    refused, first, second = found
    assert refused.outcome is Outcome.REJECTED
    assert session.content_line(refused) is None
    assert [line.number for line in map(session.content_line, (first, second)) if line] == [10, 18]
    assert [evidence.content_of(each) for each in found] == [b"", b"one", b"two"]
    assert evidence.copy_of(first) is evidence.messages[0]
    assert evidence.copy_of(second) is None


@pytest.mark.parametrize(
    ("told", "shown"),
    [
        ("S: 250-a | 250 b", "S: 250-a / 250 b"),
        ("C: RCPT TO:<é@x>", "C: RCPT TO:<é@x>"),
        ("B: NOOP\\r\\0\\n", "C: NOOP\\r\\x00"),
        ("X: cGFzcw==", "C: (credentials)"),
        ("C: AUTH PLAIN AGFubg==", "C: AUTH PLAIN (credentials)"),
        ("C: auth LOGIN", "C: auth LOGIN"),
        ("C: AUTH", "C: AUTH"),
        ("N: says nothing more", "-- says nothing more"),
    ],
)
def test_lines_for_people(told: str, shown: str) -> None:
    run = Recording().session(f"{READY}\n+ 1.5\n{told}", None)
    evidence = run.evidence()

    assert evidence.show(evidence.sessions[0].lines[-1]) == f"+1.500s #1 {shown}"
    assert evidence.tell(evidence.sessions[0], 1000.25, "began") == "+0.250s #1 -- began"


def test_content_for_people() -> None:
    evidence, _ = transactions(f"{READY}\n{MAIL}\nD: Hi|\nS: 250 Ok")
    (line,) = [line for line in evidence.sessions[0].lines if line.source == "content"]

    assert evidence.show(line) == "+0.000s #1 C: (7 octets of content)"
    assert evidence.show(replace(line, session_id="elsewhere")).startswith("+0.000s #? C:")


def test_a_line_is_a_line() -> None:
    assert all(isinstance(line, Line) for line in transactions(READY)[0].sessions[0].lines)
