"""Transcripts read as conversations."""

from __future__ import annotations

import pytest

from mailtrap_py.events import Line
from mailtrap_py.scenario.conversation import CONTENT, GREETING, UNASKED, Exchange, converse
from tests.recorded import Recording


def exchanges(told: str, *, secure: bool = False) -> tuple[Exchange, ...]:
    lines = [event for event in Recording().session(told).events if isinstance(event, Line)]
    return converse(lines, secure=secure)


def verbs(told: str) -> list[tuple[str, int]]:
    return [(exchange.verb, exchange.code) for exchange in exchanges(told)]


def test_an_empty_transcript_is_a_greeting_that_never_came() -> None:
    assert converse(()) == (Exchange(GREETING, None, None, 0),)


def test_commands_meet_their_replies() -> None:
    assert verbs("S: 220 mx\nC: ehlo x\nS: 250-mx | 250 SIZE\nC: NOOP\nS: 250 Ok\nC: QUIT") == [
        (GREETING, 220),
        ("EHLO", 250),
        ("NOOP", 250),
        ("QUIT", 0),
    ]


def test_commands_sent_together_are_answered_in_order() -> None:
    found = exchanges("S: 220 mx\nC: MAIL FROM:<a@x>\nC: RCPT TO:<b@x>\nC: RSET\nS: 250 a\nS: 550 b\nS: 250 c")

    assert [(each.verb, each.code, each.early) for each in found[1:]] == [
        ("MAIL", 250, False),
        ("RCPT", 550, True),
        ("RSET", 250, True),
    ]


def test_a_line_says_what_its_place_does_not() -> None:
    found = exchanges("S: 220 mx\nP: NOOP\nS: 250 Ok\nN: something else\nC: NOOP\nS: 250 Ok")

    assert [each.early for each in found[1:]] == [True, False]


@pytest.mark.parametrize(
    ("told", "code"),
    [
        ("S: 250", 250),
        ("S: 250 ", 250),
        ("S: 250-a | 250-b | 250 c", 250),
        ("R: 250-a\\r\\n550 b\\r\\n", 550),
        ("R: 250 2.0.", 0),
        ("R: 25", 0),
        ("B: ", 0),
    ],
)
def test_what_a_whole_reply_is(told: str, code: int) -> None:
    assert exchanges(f"S: 220 mx\nC: NOOP\n{told}")[1].code == code


def test_a_reply_in_pieces_is_one_reply() -> None:
    found = exchanges("B: \nS: 220-wait | 220-for\nS: 220 it\nC: NOOP\nS: 250 Ok".removeprefix("B: \n"))

    assert [(each.verb, each.code) for each in found] == [(GREETING, 220), ("NOOP", 250)]
    assert found[0].reply is not None
    assert found[0].reply.number == 1


def test_half_a_reply_is_taken_for_one_when_the_client_goes_on() -> None:
    found = exchanges("S: 220 mx\nC: NOOP\nR: 25\nC: RSET\nS: 250 Ok")

    assert [(each.verb, each.code, each.early) for each in found[1:]] == [("NOOP", 0, False), ("RSET", 250, False)]


def test_replies_that_nobody_asked_for() -> None:
    assert verbs("S: 220 mx\nS: 250 hm\nC: NOOP\nS: 250 Ok\nS: 421 Bye") == [
        (GREETING, 220),
        (UNASKED, 250),
        ("NOOP", 250),
        (UNASKED, 421),
    ]


def test_auth_is_a_command_and_answers() -> None:
    found = exchanges(
        "S: 220 mx\nC: AUTH LOGIN\nS: 334 x\nX: YW5u\nS: 334 y\nX: QUIT me\nS: 235 Ok\nC: NOOP\nS: 250 Ok"
    )

    assert [(each.verb, each.step, each.argument) for each in found[1:]] == [
        ("AUTH", False, "LOGIN"),
        ("AUTH", True, "YW5u"),
        ("AUTH", True, "QUIT me"),
        ("NOOP", False, ""),
    ]


def test_content_is_an_exchange() -> None:
    found = exchanges(
        "S: 220 mx\nC: MAIL FROM:<a@x>\nS: 250 Ok\nC: RCPT TO:<b@x>\nS: 250 Ok\nC: DATA\nS: 354 Go\nD: Hi\nS: 250 Ok"
    )

    assert [(each.verb, each.code) for each in found[3:]] == [("DATA", 354), (CONTENT, 250)]
    assert [line.number for line in found[-1].lines] == [8, 9]


def test_tls_begins_behind_starttls() -> None:
    found = exchanges("S: 220 mx\nC: STARTTLS\nS: 454 No\nC: STARTTLS\nS: 220 Go\nC: EHLO x\nS: 250 mx")

    assert [each.secure for each in found] == [False, False, False, True]
    assert all(each.secure for each in exchanges("S: 220 mx\nC: NOOP", secure=True))


@pytest.mark.parametrize(
    ("code", "failed"), [(0, False), (220, False), (354, False), (421, True), (550, True), (999, True)]
)
def test_failed(code: int, failed: bool) -> None:  # noqa: FBT001 - a table
    assert Exchange("NOOP", None, None, code).failed is failed


def test_an_exchange_without_a_command_has_no_argument() -> None:
    assert Exchange(UNASKED, None, None, 250).argument == ""
    assert exchanges("S: 220 mx\nC: VRFY  é \nS: 252 Ok")[1].argument == "é"


def test_the_last_chunk_is_the_message() -> None:
    mail = "S: 220 mx\nC: MAIL FROM:<a@x>\nS: 250 Ok\nC: RCPT TO:<b@x>\nS: 250 Ok\n"
    told = "C: BDAT 3\nN: a chunk\nS: 250 Ok\nC: BDAT 2 LAST\nD: abcde\nS: 250 queued\nC: BDAT 1\nS: 503 no"

    assert verbs(mail + told)[3:] == [("BDAT", 250), (CONTENT, 250), ("BDAT", 503)]
