"""How sessions begin and end, and in which order: a conversation that shows each finding, and one that does not."""

from __future__ import annotations

import pytest

from tests.recorded import Recording, deliver

READY = "S: 220 mx.example ready"
HELLO = f"{READY}\nC: EHLO client.example\nS: 250-mx.example | 250 PIPELINING"
ALONE = f"{READY}\nC: EHLO client.example\nS: 250 mx.example"
BYE = "C: QUIT\nS: 221 2.0.0 Bye"
MAIL = "C: MAIL FROM:<ann@example.com>\nS: 250 Ok"
RCPT = "C: RCPT TO:<bob@example.com>\nS: 250 Ok"
NO_RCPT = "C: RCPT TO:<bob@example.com>\nS: 550 No"
MESSAGE = "C: DATA\nS: 354 Go on\nD: From: a@x|Date: now|Message-ID: <1@x>||Hi|\nS: 250 Ok"


def test_an_ordinary_session_has_no_findings() -> None:
    assert Recording().session(deliver()).findings() == {}


@pytest.mark.parametrize(
    ("kind", "told", "lines", "detail"),
    [
        ("early-talker", f"P: EHLO client.example\n{READY}\nS: 250 mx\n{BYE}", (1,), ""),
        ("early-talker", f"C: EHLO client.example\n{READY}\nS: 250 mx\n{BYE}", (1,), ""),
        ("went-on-after-421", f"{HELLO}\nC: NOOP\nS: 421 Busy\nC: NOOP\nS: 250 Ok\n{BYE}", (6,), ""),
        ("mail-without-hello", f"{READY}\n{MAIL}\n{BYE}", (2,), ""),
        ("mail-without-hello", f"{HELLO}\nC: STARTTLS\nS: 220 Go\n{MAIL}\n{BYE}", (6,), ""),
        ("helo-only", f"{READY}\nC: HELO client.example\nS: 250 mx\n{BYE}", (2,), ""),
        ("helo-name", f"{READY}\nC: EHLO localhost\nS: 250 mx\n{BYE}", (2,), ": localhost"),
        ("helo-name", f"{READY}\nC: EHLO 192.0.2.1\nS: 250 mx\n{BYE}", (2,), ": 192.0.2.1"),
        ("helo-name", f"{READY}\nC: EHLO ::1\nS: 250 mx\n{BYE}", (2,), ": ::1"),
        ("helo-name", f"{READY}\nC: EHLO\nS: 501 Syntax\n{BYE}", (2,), ": none at all"),
        (
            "pipelining-not-offered",
            f"{ALONE}\nC: MAIL FROM:<a@x.y>\nP: RSET\nS: 250 Ok\nS: 250 Ok\n{BYE}",
            (5,),
            "",
        ),
        ("pipelining-not-offered", f"{ALONE}\nC: MAIL FROM:<a@x.y>\nC: RSET\nS: 250 Ok\nS: 250 Ok\n{BYE}", (5,), ""),
        ("pipelining-too-far", f"{HELLO}\nC: NOOP\nC: RSET\nS: 250 Ok\nS: 250 Ok\n{BYE}", (5,), ": after NOOP"),
        (
            "pipelining-too-far",
            f"{HELLO}\n{MAIL}\n{RCPT}\nC: DATA\nK: Subject: Hi||Hello|\nS: 354 Go on\nS: 250 Ok\n{BYE}",
            (9,),
            ": after DATA",
        ),
        (
            "nested-mail",
            f"{HELLO}\n{MAIL}\n{RCPT}\nC: DATA\nS: 451 No\nC: MAIL FROM:<a@x.y>\nS: 503 Nested\n{BYE}",
            (10,),
            "",
        ),
        ("out-of-order", f"{HELLO}\nC: DATA\nS: 503 Need RCPT\n{BYE}", (4,), ": DATA"),
        (
            "out-of-order",
            f"{ALONE}\nC: MAIL FROM:<a@x.y>\nS: 550 No\nC: RCPT TO:<b@x.y>\nS: 503 Need MAIL\n{BYE}",
            (6,),
            ": RCPT",
        ),
        ("data-without-recipients", f"{ALONE}\n{MAIL}\n{NO_RCPT}\nC: DATA\nS: 554 Nobody\n{BYE}", (8,), ""),
    ],
)
def test_what_a_conversation_shows(kind: str, told: str, lines: tuple[int, ...], detail: str) -> None:
    finding = Recording().session(told).findings()[kind]

    assert finding.lines == lines
    assert finding.session_id == "session-1"
    assert finding.text.endswith(detail)
    assert finding.rfc.startswith("RFC ")


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("early-talker", f"{HELLO}\nC: NOOP\nC: NOOP\nS: 250 Ok\nS: 250 Ok\n{BYE}"),
        ("early-talker", READY),
        ("went-on-after-421", f"{HELLO}\nC: NOOP\nS: 421 Busy\nP: NOOP\n{BYE}"),
        ("mail-without-hello", f"{HELLO}\n{MAIL}\n{BYE}"),
        ("mail-without-hello", f"{READY}\nC: HELO x.y\nS: 250 mx\n{MAIL}\n{BYE}"),
        ("helo-only", f"{READY}\nC: EHLO x.y\nS: 502 No\nC: HELO x.y\nS: 250 mx\n{BYE}"),
        ("helo-name", f"{READY}\nC: EHLO [127.0.0.1]\nS: 250 mx\n{BYE}"),
        ("helo-name", f"{READY}\nC: EHLO [IPv6:::1]\nS: 250 mx\n{BYE}"),
        ("pipelining-not-offered", f"{HELLO}\nC: RSET\nC: RSET\nS: 250 Ok\nS: 250 Ok\n{BYE}"),
        ("pipelining-too-far", f"{HELLO}\nC: MAIL FROM:<a@x.y>\nC: NOOP\nS: 250 Ok\nS: 250 Ok\n{BYE}"),
        ("nested-mail", f"{HELLO}\n{MAIL}\n{RCPT}\n{MESSAGE}\n{MAIL}\nC: RSET\nS: 250 Ok\n{MAIL}\n{BYE}"),
        ("nested-mail", f"{HELLO}\nC: MAIL FROM:<a@x.y>\nS: 450 No\n{MAIL}\n{BYE}"),
        ("out-of-order", f"{HELLO}\nC: MAIL FROM:<a@x.y>\nS: 550 No\nC: RCPT TO:<b@x.y>\nS: 503 Need MAIL\n{BYE}"),
        ("data-without-recipients", f"{HELLO}\n{MAIL}\n{NO_RCPT}\nC: DATA\nS: 554 Nobody\n{BYE}"),
        ("data-without-recipients", f"{ALONE}\n{MAIL}\n{NO_RCPT}\n{RCPT}\n{MESSAGE}\n{BYE}"),
        ("data-without-recipients", f"{ALONE}\n{MAIL}\nC: DATA\nS: 503 Need RCPT\n{BYE}"),
    ],
)
def test_what_a_conversation_does_not_show(kind: str, told: str) -> None:
    assert kind not in Recording().session(told).findings()


@pytest.mark.parametrize("ending", ["client-closed", "client-reset"])
def test_no_quit(ending: str) -> None:
    finding = Recording().session(HELLO, ending).findings()["no-quit"]

    assert finding.lines == (3,)
    assert finding.text.endswith(f": the session ended by {ending}")


@pytest.mark.parametrize(
    ("told", "ending"),
    [(f"{HELLO}\n{BYE}", "quit"), (HELLO, "server-reset"), (HELLO, None), (f"{HELLO}\nC: NOOP", "client-closed")],
)
def test_no_quit_is_not_always_the_clients_fault(told: str, ending: str | None) -> None:
    assert "no-quit" not in Recording().session(told, ending).findings()


def test_idle_until_timeout() -> None:
    assert Recording().session(f"{HELLO}\nS: 421 Timeout", "timeout").findings()["idle-until-timeout"].lines == (4,)
    assert "idle-until-timeout" not in Recording().session(deliver()).findings()


def test_a_503_of_a_rule_is_not_the_clients_fault() -> None:
    run = Recording().session(f"{HELLO}\nC: DATA\nS: 503 Need RCPT\n{BYE}")
    run.say_by_rule(b"503 Need RCPT\r\n")

    assert "out-of-order" not in run.findings()
