"""Talking like a real server: words, capabilities and limits; and nothing else changes."""

from __future__ import annotations

import base64
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from mailtrap_py.events import Ending
from mailtrap_py.scenario import from_data
from mailtrap_py.scenario.persona import Limits, Meaning, PersonaSpec, find, names
from mailtrap_py.smtp import persona as module
from mailtrap_py.smtp.service import AuthPolicy
from mailtrap_py.smtp.tls import Authority
from tests.connected import House, house, looped

AUTHORITY = Authority(("mailtrap.localhost",))


@asynccontextmanager
async def like(name: str, *, lie: bool = False, rules: Any = (), **settings: Any) -> AsyncIterator[House]:  # noqa: ANN401 - what Service takes
    """Open a server that talks like this one."""
    async with house(**{"tls": AUTHORITY.context, **settings}) as home:
        scenario = {"name": "test", "clock": "manual", "persona": {"name": name, "lie": lie}, "rules": list(rules)}
        home.inbox.use(from_data(scenario), seed=1)
        yield home


@looped
async def test_gmail_from_the_greeting_to_the_end() -> None:
    async with like("gmail", hostname="mx.example") as home:
        client = await home.connect()
        greeting = await client.hear()
        session = home.book.events[0].id  # type: ignore[union-attr]  # it is the start of a session

        assert greeting == f"220 mx.example ESMTP {session} - gsmtp"
        assert (await client.ask("EHLO c")).split("\r\n")[0] == "250-mx.example at your service, [127.0.0.1]"
        assert await client.ask("MAIL FROM:<a@x.example>") == f"250 2.1.0 OK {session} - gsmtp"
        assert await client.ask("DATA") == (
            "503-5.5.1 RCPT first. A mail transaction protocol command was issued out of\r\n"
            "503-5.5.1 sequence. For more information, go to\r\n"
            "503-5.5.1  https://support.google.com/a/answer/3221692 and review RFC 5321\r\n"
            f"503 5.5.1 specifications. {session} - gsmtp"
        )
        assert await client.ask("RCPT TO:<b@x.example>") == f"250 2.1.5 OK {session} - gsmtp"
        assert await client.ask("DATA") == f"354 Go ahead {session} - gsmtp"
        now = int(home.clock.now())
        assert await client.data() == f"250 2.0.0 OK  {now} {home.book.message.id} - gsmtp"
        assert await client.ask("QUIT") == f"221 2.0.0 closing connection {session} - gsmtp"
        client.leave()
        await home.over()

    # The record has the words that were said.
    transaction = home.book.transaction
    assert transaction.recipients[0].reply.lines == (f"OK {session} - gsmtp",)
    assert transaction.reply is not None
    assert transaction.reply.text.endswith("- gsmtp")


@pytest.mark.parametrize("name", names())
@looped
async def test_a_message_goes_through(name: str) -> None:
    async with like(name) as home:
        client = await home.connect()
        assert (await client.hear()).startswith("220")
        assert (await client.ask("EHLO client.example")).startswith("250")
        assert (await client.mail()).startswith("250")
        assert (await client.ask("QUIT")).startswith("221")
        client.leave()
        assert (await home.over()).ending is Ending.QUIT
        assert home.book.message.raw.startswith(b"Subject: hello")


@pytest.mark.parametrize("name", names())
@looped
async def test_what_is_offered_is_what_the_server_offers_in_its_order(name: str) -> None:
    persona = find(name)
    async with like(name) as home:
        client = await home.greeted()
        offered = [line[4:] for line in (await client.ask("EHLO client.example")).split("\r\n")[1:]]

    if persona.clear is not None:
        order = [line.split()[0] for line in persona.clear]
        keywords = [line.split()[0] for line in offered]
        assert [keyword for keyword in order if keyword in keywords] == keywords
        assert {"ETRN", "VERB", "EXPN", "DELIVERBY", "PIPECONNECT"}.isdisjoint(keywords)


def lines(reply: str) -> list[str]:
    return [line[4:] for line in reply.split("\r\n")[1:]]


@looped
async def test_what_cannot_be_honoured_is_withheld() -> None:
    async with like("postfix") as home:
        client = await home.greeted()

        assert lines(await client.ask("EHLO c")) == [
            *("PIPELINING", "SIZE 10240000", "VRFY", "STARTTLS", "AUTH PLAIN LOGIN"),
            *("ENHANCEDSTATUSCODES", "8BITMIME", "DSN", "SMTPUTF8", "CHUNKING"),
        ]


@looped
async def test_a_lie_offers_it_all_the_same_and_is_found_out() -> None:
    async with like("postfix", lie=True) as home:
        client = await home.greeted()

        assert "ETRN" in lines(await client.ask("EHLO c"))
        assert await client.ask("ETRN example.com") == "500 5.5.2 Error: command not recognized"


@looped
async def test_what_the_server_does_not_offer_is_refused() -> None:
    async with like("gmail") as home:
        client = await home.greeted(hello="EHLO c")

        assert (await client.ask("AUTH PLAIN AGEAYg==")).startswith("502")  # before TLS Gmail offers none


@looped
async def test_a_rule_changes_what_the_persona_offers() -> None:
    async with like("postfix", rules=[{"at": "ehlo", "do": [{"ehlo": {"remove": "DSN", "add": "X-ODD"}}]}]) as home:
        client = await home.greeted()
        offered = lines(await client.ask("EHLO c"))

        assert "DSN" not in offered
        assert offered[-1] == "X-ODD"


@looped
async def test_under_tls_it_offers_something_else() -> None:
    async with like("gmail") as home:
        client = await home.greeted(hello="EHLO c")
        assert await client.ask("STARTTLS") == "220 2.0.0 Ready to start TLS"
        context = ssl.create_default_context(cadata=AUTHORITY.pem.decode())
        await client.writer.start_tls(context, server_hostname="mailtrap.localhost")

        assert lines(await client.ask("EHLO c")) == [
            *(
                "SIZE 35882577",
                "8BITMIME",
                "AUTH LOGIN PLAIN XOAUTH2 OAUTHBEARER",
                "ENHANCEDSTATUSCODES",
                "PIPELINING",
                "CHUNKING",
            ),
            "SMTPUTF8",
        ]
        secret = base64.b64encode(b"\0ann\0secret").decode()
        assert await client.ask(f"AUTH PLAIN {secret}") == "235 2.7.0 Accepted"


@looped
async def test_a_wrong_password_is_refused_in_its_words() -> None:
    async with like("ses", users={"ann": "right"}) as home:
        client = await home.greeted(hello="EHLO c")
        secret = base64.b64encode(b"\0ann\0wrong").decode()

        assert await client.ask(f"AUTH PLAIN {secret}") == "535 Authentication Credentials Invalid"


@looped
async def test_where_auth_is_off_it_is_not_offered() -> None:
    async with like("sendgrid", auth=AuthPolicy.OFF) as home:
        client = await home.greeted()

        assert lines(await client.ask("EHLO c")) == ["8BITMIME", "PIPELINING", "SIZE 31457280", "STARTTLS"]


@looped
async def test_an_old_spelling_of_auth_is_offered_too() -> None:
    async with like("sendgrid") as home:
        client = await home.greeted()

        assert lines(await client.ask("EHLO c"))[-2:] == ["AUTH PLAIN LOGIN", "AUTH=PLAIN LOGIN"]


@looped
async def test_what_has_no_source_is_said_as_ever_without_codes_that_were_not_offered() -> None:
    async with like("mailgun") as home:
        client = await home.greeted(hello="EHLO c")
        assert await client.ask("RCPT TO:<b@x.example>") == "503 Error: need MAIL command"
    async with like("yahoo") as home:
        client = await home.greeted(hello="EHLO c")
        assert await client.ask("RCPT TO:<b@x.example>") == "503 5.5.1 Error: need MAIL command"


@looped
async def test_a_rule_speaks_for_itself() -> None:
    rules = [
        {"at": "mail", "do": [{"reply": "250 2.1.0 Yes"}]},
        {"at": "rcpt", "when": {"to": "no@*"}, "do": [{"reply": "550 5.1.1 No"}]},
        {"at": "rcpt", "do": [{"reply": "250 2.1.5 Welcome"}]},
        {"at": "message", "do": [{"reply": "250 2.0.0 Thanks"}]},
        {"at": "any", "when": {"verb": "HELP"}, "do": [{"reply": "214 2.0.0 Help yourself"}]},
    ]
    async with like("exim", rules=rules) as home:
        client = await home.greeted(hello="EHLO c")

        assert await client.ask("HELP") == "214 2.0.0 Help yourself"
        assert await client.ask("MAIL FROM:<a@x.example>") == "250 2.1.0 Yes"
        assert await client.ask("RCPT TO:<no@x.example>") == "550 5.1.1 No"
        assert await client.ask("RCPT TO:<b@x.example>") == "250 2.1.5 Welcome"
        assert (await client.ask("DATA")).startswith("354")
        assert await client.data() == "250 2.0.0 Thanks"


@looped
async def test_help_where_it_is_offered() -> None:
    async with like("opensmtpd") as home:
        client = await home.greeted(hello="EHLO c")
        assert (await client.ask("HELP")).endswith("214 2.0.0 End of HELP info")
    async with like("yahoo") as home:
        client = await home.greeted(hello="EHLO c")
        assert await client.ask("HELP") == "500 5.5.1 Command HELP unrecognized."


@looped
async def test_a_parameter_that_is_not_known() -> None:
    async with like("postfix") as home:
        client = await home.greeted(hello="EHLO c")

        assert await client.ask("MAIL FROM:<a@x.example> foo=1") == "555 5.5.4 Unsupported option: foo=1"


@looped
async def test_the_lower_limit_of_a_size_holds() -> None:
    async with like("ses") as home:  # 10 MB, where the trap would take 50
        client = await home.greeted(hello="EHLO c")
        assert (await client.ask("MAIL FROM:<a@x.example> SIZE=10485761")).startswith("552")
    async with like("ses", max_message_size=1000) as home:
        client = await home.greeted()
        assert "SIZE 1000" in lines(await client.ask("EHLO c"))
    async with like("ses", max_message_size=0) as home:
        client = await home.greeted()
        assert "SIZE 10485760" in lines(await client.ask("EHLO c"))


@looped
async def test_too_many_recipients(monkeypatch: pytest.MonkeyPatch) -> None:
    limited(monkeypatch, "postfix", Limits(recipients=1))
    async with like("postfix") as home:
        client = await home.greeted(hello="EHLO c")
        assert await client.ask("MAIL FROM:<a@x.example>", "RCPT TO:<b@x.example>") == "250 2.1.5 Ok"
        assert await client.ask("RCPT TO:<c@x.example>") == "452 4.5.3 Error: too many recipients"
        assert (await client.ask("DATA")).startswith("354")
        assert (await client.data()).startswith("250")


@looped
async def test_too_many_messages_and_staying(monkeypatch: pytest.MonkeyPatch) -> None:
    limited(monkeypatch, "exim", Limits(messages=1))
    async with like("exim") as home:
        client = await home.greeted(hello="EHLO c")
        assert (await client.mail()).startswith("250")
        assert await client.ask("MAIL FROM:<a@x.example>") == "421 too many messages in this connection"
        assert (await client.ask("QUIT")).startswith("221")


@looped
async def test_too_many_messages_and_closing(monkeypatch: pytest.MonkeyPatch) -> None:
    limited(monkeypatch, "sendgrid", Limits(messages=1))
    async with like("sendgrid") as home:
        client = await home.greeted(hello="EHLO c")
        assert (await client.mail()).startswith("250")
        assert (await client.ask("MAIL FROM:<a@x.example>")).startswith("421")
        assert await client.rest() == b""
        client.leave()
        ended = await home.over()

    assert (ended.ending, ended.reason) == (Ending.SERVER_CLOSED, "too many messages in this connection")


@looped
async def test_too_many_errors(monkeypatch: pytest.MonkeyPatch) -> None:
    limited(monkeypatch, "postfix", Limits(errors=2))
    async with like("postfix", hostname="mx.example") as home:
        client = await home.greeted(hello="EHLO c")
        assert (await client.ask("FOO", "MAIL FROM:<")).startswith("501")
        assert await client.hear() == "421 4.7.0 mx.example Error: too many errors"
        assert await client.rest() == b""
        client.leave()
        assert (await home.over()).reason == "too many errors"


def limited(monkeypatch: pytest.MonkeyPatch, name: str, limits: Limits) -> None:
    """Give a persona limits that a test can reach."""
    changed = replace(find(name), limits=limits)
    monkeypatch.setattr(module, "find", lambda _: changed)


@looped
async def test_the_service_has_one_where_the_scenario_names_none() -> None:
    async with house(persona=PersonaSpec(name="exim"), hostname="mx.example") as home:
        client = await home.connect()
        assert (await client.hear()).startswith("220 mx.example ESMTP Exim 4.96 ")
        home.inbox.use(from_data({"persona": "ses"}))
        assert await client.ask("NOOP") == "250 OK"  # the persona of a session is that of its greeting
        assert " SimpleEmailService-" in await (await home.connect()).hear()


def test_every_meaning_is_worded_by_somebody() -> None:
    worded = {meaning for name in names() for meaning in find(name).replies}

    assert worded == set(Meaning)
