"""What several judges want of the evidence."""

from __future__ import annotations

from mailtrap_py.events import Line
from mailtrap_py.scenario.verdict.case import Case, count
from tests.recorded import Recording, deliver

HELLO = "S: 220 mx.example ready\nC: EHLO client.example\nS: 250 mx.example"
DEFERRED = (
    f"{HELLO}\nC: MAIL FROM:<ann@example.com>\nS: 250 Ok\nC: RCPT TO:<bob@example.com>\nS: 450 No\nC: QUIT\nS: 221 Bye"
)


def case(run: Recording) -> Case:
    return Case(run.evidence())


def test_numbers_of_things() -> None:
    assert [count(number, "session") for number in (0, 1, 2)] == ["0 sessions", "1 session", "2 sessions"]


def test_each_failed_mail_is_one_row() -> None:
    found = case(Recording().session(DEFERRED).wait(1).session(DEFERRED).wait(1).session(deliver()))

    ((attempt, setback, again),) = found.setbacks("4xx")

    assert attempt is found.attempts[0]
    assert setback.failure.code == 450
    assert again == found.attempts[1:]
    assert found.setbacks("5xx") == []


def test_two_mails_are_two_rows() -> None:
    other = DEFERRED.replace("ann@", "amy@")

    assert len(case(Recording().session(DEFERRED).session(other)).setbacks("4xx")) == 2


def test_waits_come_with_their_sessions() -> None:
    found = case(Recording().session(HELLO).session("+ 3", "client-closed"))

    assert [(session.number, wait.seconds) for session, wait in found.waits()] == [(1, 0.0), (1, 0.0), (2, 3.0)]
    session, wait = list(found.waits())[-1]
    assert found.show_wait(session, wait, "then left") == "+0.000s #2 -- connected [waited 3.000s, then left]"


def test_failures_and_beginnings_for_people() -> None:
    run = Recording().session(DEFERRED).session("", "server-reset").session(DEFERRED)
    run.forget(Line)
    first, lost, _ = case(run).attempts
    found = case(run)

    assert found.show_failure(lost, lost.whole) == "+0.000s #2 -- the connection was lost before the reply"  # type: ignore[arg-type]  # it is there
    assert found.show_failure(first, first.refused["bob@example.com"]) == "+0.000s #1 -- failed with 450"
    assert found.show_start(lost) == "+0.000s #2 -- began"
