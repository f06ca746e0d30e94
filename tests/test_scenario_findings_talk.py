"""A conversation with what was known when each command was sent."""

from __future__ import annotations

from mailtrap_py.scenario.findings.talk import PathArgument, Talk
from tests.recorded import Recording

READY = "S: 220 mx.example ready"


def talk(told: str) -> Talk:
    return Talk(Recording().session(told).evidence().sessions[0])


def test_what_was_offered_is_known_until_tls_begins() -> None:
    told = talk(
        f"{READY}\nC: EHLO x.y\nS: 250-mx hello | 250-size 1000 | 250 AUTH PLAIN LOGIN\nC: NOOP\nS: 250 Ok\n"
        "C: EHLO\nS: 501 Syntax\nC: STARTTLS\nS: 220 Go\nC: NOOP\nS: 250 Ok\nC: HELO x.y\nS: 250 mx\nC: NOOP\nR: 25"
    )

    hello, before, bad, starttls, after, helo, last = told.turns
    assert hello.offered is None
    assert not hello.greeted
    for turn in (before, bad, starttls):
        assert turn.offered == {"SIZE": "1000", "AUTH": "PLAIN LOGIN"}
        assert turn.offers("SIZE")
        assert turn.greeted
    assert after.offered is None
    assert not after.offers("SIZE")
    assert not after.greeted
    assert helo.before is after.exchange
    assert last.offered == {}
    assert last.greeted


def test_arguments_of_mail_and_rcpt() -> None:
    told = talk(
        f"{READY}\nC: MAIL FROM:<> SIZE=1 BODY=7BIT\nS: 503 No\nC: rcpt to: \nS: 501 No\nC: RCPT TO: bob\nS: 503 No\n"
        'C: RCPT TO:<"a> b"@x> é\nS: 503 No\nC: RCPT\nS: 501 No'
    )

    assert [argument for _, argument in told.paths()] == [
        PathArgument("", "<>", ("SIZE=1", "BODY=7BIT"), 17),
        PathArgument(" ", "bob", (), 0),
        PathArgument("", '<"a> b"@x>', ("é",), 3),
    ]
