"""XCLIENT, as Postfix describes it."""

from __future__ import annotations

import pytest

from mailtrap_py.events import ClientKnown, Reply, SessionUpdated
from mailtrap_py.smtp.xclient import OFFER, read_attributes
from tests.connected import house, looped

LOOPBACK = ("127.0.0.0/8",)
GREETING = "220 mailtrap.localhost ESMTP mailtrap_py"


@pytest.mark.parametrize(
    ("argument", "told"),
    [
        ("NAME=spike.example ADDR=168.100.189.2", {"NAME": "spike.example", "ADDR": "168.100.189.2"}),
        ("name=[UNAVAILABLE] addr=IPV6:2001:db8::7", {"NAME": "", "ADDR": "IPV6:2001:db8::7"}),
        ("HELO=a+2Bb PROTO=smtp PORT=25", {"HELO": "a+b", "PROTO": "smtp", "PORT": "25"}),
        ("LOGIN=[TEMPUNAVAIL] DESTADDR=10.0.0.1 DESTPORT=25", {"LOGIN": "", "DESTADDR": "10.0.0.1", "DESTPORT": "25"}),
    ],
)
def test_attributes(argument: str, told: dict[str, str]) -> None:
    assert read_attributes(argument) == told


@pytest.mark.parametrize(
    ("argument", "reply"),
    [
        ("", "501 5.5.4 Syntax: XCLIENT attribute=value..."),
        ("ADDR", "501 5.5.4 Syntax: XCLIENT attribute=value..."),
        ("COLOUR=red", "501 5.5.4 Bad XCLIENT attribute name: COLOUR"),
        ("ADDR=nowhere", "501 5.5.4 Bad ADDR syntax: nowhere"),
        ("PORT=70000", "501 5.5.4 Bad PORT syntax: 70000"),
        ("PROTO=LMTP", "501 5.5.4 Bad PROTO syntax: LMTP"),
        ("HELO=a+2", "501 5.5.4 Bad HELO syntax: a+2"),
    ],
)
def test_what_is_no_attribute(argument: str, reply: str) -> None:
    refused = read_attributes(argument)

    assert isinstance(refused, Reply)
    assert str(refused) == reply


@looped
async def test_the_client_is_the_one_that_is_described() -> None:
    async with house(xclient=LOOPBACK) as built:
        client = await built.greeted()
        assert OFFER in await client.ask("EHLO proxy")

        assert await client.ask("XCLIENT NAME=x ADDR=192.0.2.7 PORT=4711 HELO=real.example LOGIN=ann") == GREETING
        assert await client.ask("MAIL FROM:<a@b>") == "503 5.5.1 Error: send HELO/EHLO first"
        assert OFFER in await client.ask("EHLO c")
        assert (await client.mail()).startswith("250")
        (known,) = built.book.of(ClientKnown)
        assert (known.client, known.client_port) == ("192.0.2.7", 4711)
        assert (built.book.message.client, built.book.message.user) == ("192.0.2.7", "ann")
        assert "real.example" in [update.helo for update in built.book.of(SessionUpdated)]


@looped
async def test_rules_at_connect_are_asked_about_the_client_that_it_is_now() -> None:
    async with house(xclient=LOOPBACK) as built:
        built.play({"at": "connect", "when": {"client": "2001:db8::/32"}, "do": [{"reply": "554 5.7.1 Not you"}]})
        client = await built.greeted()

        assert await client.ask("XCLIENT ADDR=IPV6:2001:db8::7") == "554 5.7.1 Not you"
        assert await client.ask("HELO c") == "503 5.5.1 Error: the server takes no mail"


@looped
async def test_nobody_changes_in_a_transaction() -> None:
    async with house(xclient=LOOPBACK) as built:
        client = await built.greeted(hello="EHLO c")
        await client.ask("MAIL FROM:<a@b>")

        assert await client.ask("XCLIENT NAME=x") == "503 5.5.1 Error: MAIL transaction in progress"
        assert await client.ask("XCLIENT") == "503 5.5.1 Error: MAIL transaction in progress"
        await client.ask("RSET")
        assert await client.ask("XCLIENT") == "501 5.5.4 Syntax: XCLIENT attribute=value..."
        assert await client.ask("XCLIENT ADDR=[UNAVAILABLE]") == GREETING
        assert built.book.of(ClientKnown)[0].client == "127.0.0.1"


@pytest.mark.parametrize("trusted", [(), ("192.0.2.1/32",)])
@looped
async def test_who_is_not_trusted_knows_no_such_command(trusted: tuple[str, ...]) -> None:
    async with house(xclient=trusted) as built:
        client = await built.greeted()

        assert "XCLIENT" not in await client.ask("EHLO c")
        assert (await client.ask("XCLIENT NAME=x")).startswith("500")


@looped
async def test_a_rule_may_answer_it() -> None:
    async with house(xclient=LOOPBACK) as built:
        built.play({"at": "unknown", "when": {"verb": "XCLIENT"}, "do": [{"reply": "550 5.7.0 Not authorized"}]})
        client = await built.greeted()

        assert await client.ask("XCLIENT NAME=x") == "550 5.7.0 Not authorized"
