"""AUTH on the wire, mechanism by mechanism; `test_smtp_session` has what all of them share."""

from __future__ import annotations

import asyncio
import base64
import hmac
import smtplib
import ssl
from collections.abc import Callable
from typing import Any

import pytest

from mailtrap_py.events import Line, SessionUpdated
from mailtrap_py.inbox import Inboxes
from mailtrap_py.smtp.service import AuthPolicy, TlsPolicy
from mailtrap_py.smtp.tls import Authority
from tests.connected import Client, House, house, looped

AUTHORITY = Authority(("localhost", "127.0.0.1"))
DONE = "235 2.7.0 Authentication successful"
INVALID = "535 5.7.8 Authentication credentials invalid"
USERS = {"ann": "secret"}


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def bearer(token: str) -> str:
    return b64(f"user=ann\x01auth=Bearer {token}\x01\x01".encode())


def oauth(token: str) -> str:
    return b64(f"n,a=ann,\x01auth=Bearer {token}\x01\x01".encode())


async def ready(built: House) -> Client:
    return await built.greeted(hello="EHLO c")


async def cram(client: Client, password: str) -> str:
    asked = base64.b64decode((await client.ask("AUTH CRAM-MD5")).partition(" ")[2])
    return await client.ask(b64(f"ann {hmac.new(password.encode(), asked, 'md5').hexdigest()}".encode()))


def secrets(built: House) -> list[str]:
    return [line.data.decode().strip() for line in built.book.of(Line) if line.secret]


@looped
async def test_cram_md5() -> None:
    async with house(users=USERS) as built:
        client = await ready(built)

        assert await cram(client, "wrong") == INVALID
        assert await cram(client, "secret") == DONE
        updated = built.book.of(SessionUpdated)[-1]
        assert (updated.user, updated.mechanism) == ("ann", "CRAM-MD5")
        assert len(secrets(built)) == 4


@pytest.mark.parametrize(("mechanism", "token"), [("XOAUTH2", bearer), ("OAUTHBEARER", oauth)])
@looped
async def test_bearer_tokens(mechanism: str, token: Callable[[str], str]) -> None:
    async with house(users=USERS) as built:
        client = await ready(built)
        refused = await client.ask(f"AUTH {mechanism} {token('wrong')}")

        assert base64.b64decode(refused.removeprefix("334 ")).startswith(b'{"status":')
        assert await client.ask("AQ==") == INVALID
        await client.ask(f"AUTH {mechanism} {token('wrong')}")
        assert await client.ask("") == INVALID
        await client.ask(f"AUTH {mechanism} {token('wrong')}")
        assert await client.ask("*") == "501 5.7.0 Authentication aborted"
        await client.ask(f"AUTH {mechanism} {token('wrong')}")
        assert (await client.ask("#")).startswith("501 5.5.2")
        assert await client.ask(f"AUTH {mechanism}") == "334 "
        assert await client.ask(token("secret")) == DONE
        assert built.book.of(SessionUpdated)[-1].user == "ann"
        assert all(token("wrong") in line for line in secrets(built)[::2][:4])


@pytest.mark.parametrize("exchange", [f"AUTH XOAUTH2 {bearer('any')}", f"AUTH OAUTHBEARER {oauth('any')}"])
@looped
async def test_without_users_every_token_will_do(exchange: str) -> None:
    async with house() as built:
        client = await ready(built)

        assert await client.ask(exchange) == DONE


@pytest.mark.parametrize(
    ("exchange", "reply"),
    [
        (["AUTH CRAM-MD5 YW5u"], "501 5.5.2 CRAM-MD5 has no initial response"),
        (["AUTH CRAM-MD5", "YW5u"], "501 5.5.2 Can't split auth value"),
        (["AUTH CRAM-MD5", "*"], "501 5.7.0 Authentication aborted"),
        (["AUTH XOAUTH2 ="], "501 5.5.2 Can't split auth value"),
        (["AUTH XOAUTH2 YW5u"], "501 5.5.2 Can't split auth value"),
        (["AUTH OAUTHBEARER", "YW5u"], "501 5.5.2 Can't split auth value"),
        (["AUTH LOGIN =", b64(b"secret")], INVALID),
    ],
)
@looped
async def test_exchanges_that_come_to_nothing(exchange: list[str], reply: str) -> None:
    async with house(users=USERS) as built:
        client = await ready(built)

        assert [await client.ask(line) for line in exchange][-1] == reply
        assert await client.ask(f"AUTH XOAUTH2 {bearer('secret')}") == DONE


@looped
async def test_mechanisms_can_be_chosen() -> None:
    async with house(mechanisms=("PLAIN",)) as built:
        client = await built.greeted()

        assert (await client.ask("EHLO c")).endswith("250 AUTH PLAIN")
        assert (await client.ask("AUTH LOGIN")).startswith("504 5.5.4")


@pytest.mark.parametrize("policy", [TlsPolicy.AUTH, TlsPolicy.MAIL])
@looped
async def test_auth_may_wait_for_tls(policy: TlsPolicy) -> None:
    async with house(require_tls=policy, tls=AUTHORITY.context) as built:
        client = await built.greeted()

        assert "AUTH" not in await client.ask("EHLO c")
        refused = "538 5.7.11 Encryption required for requested authentication mechanism"
        assert await client.ask(f"AUTH XOAUTH2 {bearer('any')}") == refused
        wanted = "530 5.7.0 Must issue a STARTTLS command first" if policy is TlsPolicy.MAIL else "250 2.1.0 Ok"
        assert await client.ask("MAIL FROM:<a@b>") == wanted
        assert secrets(built) == [f"AUTH XOAUTH2 {bearer('any')}"]


@looped
async def test_under_tls_nothing_waits() -> None:
    async with house(require_tls=TlsPolicy.MAIL, tls=AUTHORITY.context, auth=AuthPolicy.REQUIRED) as built:

        def send() -> dict[str, Any]:
            with smtplib.SMTP("127.0.0.1", built.port, timeout=30) as client:
                client.starttls(context=ssl.create_default_context(cadata=AUTHORITY.pem.decode()))
                client.login("ann", "whatever")
                return client.sendmail("a@b", ["c@d"], b"Subject: x\r\n\r\ny\r\n")

        assert await asyncio.to_thread(send) == {}
        assert built.book.of(SessionUpdated)[-1].mechanism == "CRAM-MD5"


@looped
async def test_an_inbox_knows_its_users() -> None:
    inboxes = Inboxes()
    inboxes.create("shop").users = {"ann": "secret"}
    inboxes.create("bob")
    async with house(inboxes=inboxes, users={"bob": "other", "ann": "not this one"}) as built:
        client = await ready(built)
        assert await cram(client, "not this one") == INVALID
        assert await cram(client, "secret") == DONE
        other = await ready(built)
        assert await other.ask("AUTH PLAIN " + b64(b"\0bob\0other")) == DONE

        assert [each.inbox for each in built.book.of(SessionUpdated) if each.user] == ["shop", "bob"]


@looped
async def test_the_users_of_an_inbox_say_nothing_of_others() -> None:
    inboxes = Inboxes()
    inboxes.create("shop").users = {"ann": "secret"}
    async with house(inboxes=inboxes) as built:
        client = await ready(built)

        assert await client.ask("AUTH PLAIN " + b64(b"\0eve\0anything")) == DONE
        assert built.book.of(SessionUpdated)[-1].inbox == "default"
