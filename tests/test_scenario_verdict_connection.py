"""The judges of connections: each expectation holding and failing, with the evidence that it shows."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from mailtrap_py.scenario.expectation import Expectation
from mailtrap_py.scenario.needs import NOTHING, Needs
from mailtrap_py.scenario.verdict import Result, judge
from tests.recorded import Recording, deliver, updated

READY = "S: 220 mx.example ready"
HELLO = f"{READY}\nC: EHLO client.example\nS: 250 mx.example"
BYE = "C: QUIT\nS: 221 2.0.0 Bye"
BUSY = "S: 421 4.3.2 Busy"


@dataclass(frozen=True)
class Expected:
    """A scenario that is nothing but its expectations."""

    expect: tuple[Expectation, ...]
    needs: Needs = NOTHING


def ruled(recording: Recording, key: str, said: object, *, watched: float = 0.0) -> Result:
    expectation = Expectation.model_validate({key: said})
    (result,) = judge(Expected((expectation,)), recording.evidence(watched=watched)).results
    return result


# -- reconnected


def test_reconnected() -> None:
    run = Recording().session(BUSY, "server-closed").wait(3.0).session(deliver())

    assert ruled(run, "reconnected", {"after": 421, "within": "10s"}).evidence == (
        "1 time, and a new connection each time",
    )
    late = ruled(run, "reconnected", {"within": "2s"})
    assert not late.passed
    assert late.evidence == ("+0.000s #1 S: 421 4.3.2 Busy", "+3.000s #2 -- connected, 3.000s after that")


def test_stayed_away() -> None:
    run = Recording().session(deliver()).session(f"{HELLO}\nC: NOOP\n{BUSY}", "server-closed")

    result = ruled(run, "reconnected", {})

    assert not result.passed
    assert result.evidence == ("+0.000s #2 S: 421 4.3.2 Busy", "no connection followed")


def test_reconnected_after_a_lost_connection() -> None:
    dropped = f"{HELLO}\nC: MAIL FROM:<ann@example.com>"
    run = Recording().session(dropped, "server-reset")

    assert ruled(run, "reconnected", {"after": "lost"}).evidence == (
        "+0.000s #1 -- the connection was lost before the reply",
        "no connection followed",
    )
    assert ruled(run.session(deliver()), "reconnected", {"after": "lost"}).passed


def test_a_connection_that_was_open_is_no_new_one() -> None:
    slow = f"{HELLO}\n+ 3\nC: NOOP\n{BUSY}"
    run = Recording().session(slow, "server-closed").wait(-2.0).session(deliver())

    assert not ruled(run, "reconnected", {}).passed


def test_reconnecting_needs_an_occasion() -> None:
    result = ruled(Recording().session(deliver()), "reconnected", {})

    assert not result.passed
    assert result.evidence == ("nothing failed with 421",)


# -- not_reused


def test_a_broken_connection_was_left() -> None:
    run = Recording().session(f"{HELLO}\nC: MAIL FROM:<ann@example.com>\nS: 451 4.3.0 No\nC: RSET\nS: 250 Ok\n{BYE}")

    result = ruled(run, "not_reused", {"after": "error"})

    assert result.passed
    assert result.evidence == ("1 connection failed with error, none was used on",)


def test_a_broken_connection_was_used_on() -> None:
    run = Recording().session(
        f"{HELLO}\nC: MAIL FROM:<ann@example.com>\nS: 421 4.3.0 No\nC: MAIL FROM:<ann@example.com>\nS: 250 Ok\n{BYE}"
    )

    result = ruled(run, "not_reused", {"after": "421"})

    assert not result.passed
    assert result.evidence == ("+0.000s #1 S: 421 4.3.0 No", "+0.000s #1 C: MAIL FROM:<ann@example.com>")
    assert ruled(run, "not_reused", {"after": "5xx"}).evidence == ("0 connections failed with 5xx, none was used on",)


def test_what_was_sent_together_is_no_reuse() -> None:
    run = Recording().session(
        f"{HELLO}\nC: MAIL FROM:<ann@example.com>\nS: 451 4.3.0 No\n"
        f"P: RCPT TO:<bob@example.com>\nS: 503 Bad sequence\n{BYE}"
    )

    assert ruled(run, "not_reused", {"after": "451"}).passed


# -- gave_up and waited

STALLED = f"{HELLO}\nC: NOOP\n+ 5"


def test_gave_up_in_time() -> None:
    run = Recording().session(STALLED, "client-closed")

    result = ruled(run, "gave_up", {"within": "5s"})

    assert result.passed
    assert result.evidence == ("+0.000s #1 C: NOOP [waited 5.000s, then left]",)


@pytest.mark.parametrize(
    ("told", "ending", "words"),
    [
        (STALLED, "client-reset", "C: NOOP [waited 5.000s, then left]"),
        (STALLED, "server-closed", "C: NOOP [waited 5.000s, until the session ended (server-closed)]"),
        (f"{STALLED}\nS: 250 Ok\n{BYE}", "quit", "C: NOOP [waited 5.000s, then was answered]"),
        ("+ 5", "client-closed", "-- connected [waited 5.000s, then left]"),
        (STALLED, None, "C: NOOP [waited 6.000s, and still waits]"),
    ],
)
def test_hung_past_its_deadline(told: str, ending: str | None, words: str) -> None:
    result = ruled(Recording().session(told, ending), "gave_up", {"within": "4s"}, watched=1.0)

    assert not result.passed
    assert result.evidence == (f"+0.000s #1 {words}",)


def test_giving_up_needs_an_occasion() -> None:
    never = "the client never left a server that owed it a reply"

    assert ruled(Recording().session(deliver()), "gave_up", {"within": "4s"}).evidence == (never,)
    assert ruled(Recording().session(STALLED, "server-closed"), "gave_up", {"within": "9s"}).evidence == (never,)


def test_waited_long_enough() -> None:
    result = ruled(Recording().session(f"{STALLED}\nS: 250 Ok\n{BYE}"), "waited", {"at_least": "5s"})

    assert result.passed
    assert result.evidence == ("+0.000s #1 C: NOOP [waited 5.000s, then was answered]",)
    assert ruled(Recording().session(STALLED, "client-closed"), "waited", {"at_least": "5s"}).passed


def test_cut_off_too_early() -> None:
    result = ruled(Recording().session(STALLED, "client-closed"), "waited", {"at_least": "10s"})

    assert not result.passed
    assert result.evidence == ("+0.000s #1 C: NOOP [waited 5.000s, then left]",)


def test_patience_needs_an_occasion() -> None:
    assert ruled(Recording().session(deliver()), "waited", {"at_least": "1s"}).evidence == ("no reply took so long",)


def test_the_reply_to_quit_need_not_be_waited_for() -> None:
    run = Recording().session(f"{STALLED}\nS: 250 Ok\nC: QUIT", "client-closed")

    assert ruled(run, "waited", {"at_least": "5s"}).passed


# -- ends_with


def test_ended_with_quit() -> None:
    assert ruled(Recording().session(deliver()), "ends_with", "quit").evidence == ("1 session ended with QUIT",)


@pytest.mark.parametrize(
    ("ending", "words"),
    [
        ("client-closed", "ended by client-closed, not by quit"),
        ("timeout", "ended by timeout, not by quit"),
        (None, "still open"),
    ],
)
def test_ended_otherwise(ending: str | None, words: str) -> None:
    result = ruled(Recording().session(deliver(quit_=False), ending), "ends_with", "quit", watched=1.0)

    assert not result.passed
    assert result.evidence == (f"{'+1.000s' if ending is None else '+0.000s'} #1 -- {words}",)


@pytest.mark.parametrize(
    ("told", "ending"),
    [
        (HELLO, "server-reset"),
        (f"{HELLO}\nC: NOOP\n{BUSY}", "client-closed"),
        (f"{HELLO}\nC: NOOP", "client-closed"),
        (f"{HELLO}\nC: NOOP\nR: 25", "client-reset"),
    ],
)
def test_some_sessions_are_not_the_clients_to_end(told: str, ending: str) -> None:
    run = Recording().session(told, ending)

    assert ruled(run, "ends_with", "quit").evidence == ("0 sessions ended with QUIT",)
    assert ruled(run, "ends_with", "quit").passed
    assert ruled(Recording(), "ends_with", "quit").evidence == ("no client connected",)
    assert not ruled(Recording(), "ends_with", "quit").passed


def test_who_leaves_in_the_handshake_cannot_say_quit() -> None:
    run = Recording().session(f"{HELLO}\nC: STARTTLS\nS: 220 Go\nS: 250 Injected", "client-closed")

    assert ruled(run, "ends_with", "quit").evidence == ("0 sessions ended with QUIT",)
    run.events.append(updated(tls_version="TLSv1.3"))
    assert not ruled(run, "ends_with", "quit").passed


def test_a_session_that_idled_until_421_was_the_clients_to_end() -> None:
    run = Recording().session(f"{HELLO}\n+ 300\nS: 421 4.4.2 Timeout", "timeout")

    assert not ruled(run, "ends_with", "quit").passed


# -- no_plaintext


@pytest.mark.parametrize(
    ("told", "kept"),
    [
        ("C: MAIL FROM:<ann@example.com>\nS: 250 Ok", "auth"),
        ("C: AUTH PLAIN AGFubgBwYXNz\nS: 235 Ok", "mail"),
        ("C: AUTH LOGIN\nS: 334 VXNlcm5hbWU6\nX: YW5u\nS: 334 UGFzc3dvcmQ6\nX: cGFzcw==\nS: 235 Ok", "mail"),
    ],
)
def test_in_clear(told: str, kept: str) -> None:
    run = Recording().session(f"{HELLO}\n{told}\n{BYE}")

    result = ruled(run, "no_plaintext", ["auth", "mail"])

    assert not result.passed
    assert "AGFubgBwYXNz" not in str(result)
    assert "cGFzcw==" not in str(result)
    assert ruled(run, "no_plaintext", kept).passed


def test_only_tls_hides_it() -> None:
    told = f"{HELLO}\nC: STARTTLS\nS: 220 Go\nC: EHLO client.example\nS: 250 mx\nC: AUTH PLAIN AGFubg==\nS: 235 Ok"
    mail = "C: MAIL FROM:<ann@example.com>\nS: 250 Ok"
    run = Recording().session(f"{told}\n{mail}\n{BYE}").session(f"{HELLO}\n{mail}\n{BYE}", protocol="smtps")

    assert ruled(run, "no_plaintext", ["auth", "mail"]).evidence == ("nothing in clear in 2 sessions",)
    refused = f"{HELLO}\nC: STARTTLS\nS: 454 4.7.0 Not now\n{mail}\n{BYE}"
    result = ruled(Recording().session(refused), "no_plaintext", ["mail"])
    assert result.evidence == ("+0.000s #1 C: MAIL FROM:<ann@example.com>",)


def test_tls_that_the_scenario_made_bad_hides_nothing() -> None:
    mail = "C: MAIL FROM:<ann@example.com>\nS: 250 Ok"
    told = f"{HELLO}\nC: STARTTLS\nS: 220 Go\nC: EHLO client.example\nS: 250 mx\n{mail}\n{BYE}"
    over_tls = Recording().session(told).session(told).fired("bad", action="tls: expired")

    result = ruled(over_tls, "no_plaintext", ["mail"])

    assert not result.passed
    assert result.evidence == ("+0.000s #1 -- tls: expired", "+0.000s #1 C: MAIL FROM:<ann@example.com>")
    assert ruled(over_tls, "no_plaintext", ["auth"]).passed
    assert ruled(Recording().session(told).fired("bad", action="tls: inject"), "no_plaintext", ["mail"]).passed


@pytest.mark.parametrize(
    "told", ["C: AUTH LOGIN\nS: 538 5.7.11 Encryption required", "C: AUTH LOGIN\nS: 334 x\nC: *\nS: 501"]
)
def test_an_auth_command_without_credentials_gives_nothing_away(told: str) -> None:
    assert ruled(Recording().session(f"{HELLO}\n{told}\n{BYE}"), "no_plaintext", "auth").passed


@pytest.mark.parametrize(
    ("told", "points"),
    [
        (f"P: EHLO x\n{READY}\nS: 250 mx", ["greeting"]),
        (f"{READY}\nC: EHLO x\nP: MAIL FROM:<a@x>\nS: 250 mx\nS: 250 Ok", ["ehlo"]),
        (f"{READY}\nC: HELO x\nP: QUIT\nS: 250 mx\nS: 221 Bye", ["greeting", "ehlo"]),
        (f"{HELLO}\nC: STARTTLS\nP: EHLO x\nS: 220 Go\nS: 250 mx", "starttls"),
        (f"{HELLO}\nC: AUTH PLAIN AGEAYg==\nP: MAIL FROM:<a@x>\nS: 235 Ok\nS: 250 Ok", ["auth"]),
    ],
)
def test_spoke_before_its_turn(told: str, points: object) -> None:
    result = ruled(Recording().session(told), "not_early", points)

    assert not result.passed
    assert result.evidence[-1] == "that was sent before the reply had come"


def test_pipelining_and_other_points_are_not_early() -> None:
    pipelined = f"{HELLO}\nC: MAIL FROM:<a@x>\nC: RCPT TO:<b@x>\nC: DATA\nS: 250 a\nS: 250 b\nS: 354 c"
    everywhere = ["greeting", "ehlo", "starttls", "auth", "data", "message"]
    result = ruled(Recording().session(pipelined), "not_early", everywhere)

    assert result.passed
    assert result.evidence == (f"every reply was waited for ({', '.join(everywhere)})",)
    early_at_ehlo = f"{READY}\nC: EHLO x\nP: QUIT\nS: 250 mx\nS: 221 Bye"
    assert ruled(Recording().session(early_at_ehlo), "not_early", "greeting").passed
