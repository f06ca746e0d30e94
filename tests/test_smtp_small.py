"""The small commands of SMTP."""

from __future__ import annotations

import pytest

from mailtrap_py.events import Ending
from tests.connected import house, looped


@pytest.mark.parametrize(
    ("command", "reply"),
    [
        ("NOOP", "250 2.0.0 Ok"),
        ("NOOP whatever", "250 2.0.0 Ok"),
        ("RSET", "250 2.0.0 Ok"),
        ("RSET now", "501 5.5.4 Syntax: RSET"),
        ("QUIT now", "501 5.5.4 Syntax: QUIT"),
        ("VRFY bob", "252 2.0.0 bob"),
        ("VRFY", "501 5.5.4 Syntax: VRFY address"),
        ("VRFY a\rb", "252 2.0.0 Cannot verify that"),
        ("VRFY \udcff\x00", "252 2.0.0 Cannot verify that"),
        ("HELP", "214 2.0.0 Commands: AUTH BDAT DATA EHLO EXPN HELO HELP MAIL NOOP QUIT RCPT RSET STARTTLS VRFY"),
        ("HELP MAIL", "214 2.0.0 Commands: AUTH BDAT DATA EHLO EXPN HELO HELP MAIL NOOP QUIT RCPT RSET STARTTLS VRFY"),
        ("EXPN list", "502 5.5.1 EXPN not implemented"),
        ("ETRN example.com", "500 5.5.2 Error: command not recognized"),
        ("TURN", "500 5.5.2 Error: command not recognized"),
        ("LHLO c", "500 5.5.2 Error: command not recognized"),
    ],
)
@looped
async def test_small_commands(command: str, reply: str) -> None:
    async with house() as built:
        client = await built.greeted()
        assert await client.ask(command) == reply
        assert await client.ask("NOOP") == "250 2.0.0 Ok"


@looped
async def test_quit_ends_a_transaction_and_the_connection() -> None:
    async with house() as built:
        client = await built.greeted(hello="EHLO c")
        assert await client.ask("MAIL FROM:<a@b>", "QUIT") == "221 2.0.0 Bye"
        assert await client.rest() == b""
        client.leave()
        assert (await built.over()).ending is Ending.QUIT
        assert built.book.transaction.reason == "QUIT ended it"
