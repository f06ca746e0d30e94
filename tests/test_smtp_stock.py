"""What `smtp/session.py` says it mends: each test shows that aiosmtpd's stock class does it, and that ours does not.

Both are asked the same by the same client, and each is held to what is known of it. Should a test fail for the stock
class alone, then a new version of it has mended something, and the list in `smtp/session.py` is shorter.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import ssl
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope
from aiosmtpd.smtp import Session as StockSession

from mailtrap_py.events import Message
from mailtrap_py.smtp.service import AuthPolicy
from mailtrap_py.smtp.session import Session
from mailtrap_py.smtp.tls import Authority
from tests.connected import Client, house, looped, until

AUTHORITY = Authority(("localhost", "127.0.0.1"))
TEXT = b"Subject: hello\r\n\r\ntext\r\n"
SECRET = "the password is tiger"


@dataclass(frozen=True)
class Captured:
    """What a server understood of a mail."""

    sender: str | None
    options: tuple[str, ...]
    recipients: tuple[str, ...]
    content: bytes


@dataclass
class Running:
    """A server of either kind, as a test sees it."""

    port: int
    captured: Callable[[], list[Captured]]
    clients: list[Client]

    async def client(self, *, context: ssl.SSLContext | None = None) -> Client:
        client = Client(*await asyncio.open_connection("127.0.0.1", self.port, ssl=context))
        self.clients.append(client)
        assert (await client.hear()).startswith("220 ")
        return client

    async def mail(self, client: Client, content: bytes = TEXT, *, sender: str = "<a@b>", to: str = "<c@d>") -> str:
        await client.ask(f"MAIL FROM:{sender}", f"RCPT TO:{to}")
        reply = await client.ask("DATA")
        return await client.data(content) if reply.startswith("354") else reply


@dataclass
class Trouble:
    """What goes wrong while a message is stored: it raises so often, and it waits for this first."""

    failures: int = 0
    gate: asyncio.Event | None = None

    async def meet(self) -> None:
        if self.gate is not None:
            await self.gate.wait()
        if self.failures:
            self.failures -= 1
            raise RuntimeError(SECRET)


class Handler:
    """What the stock class calls for each message."""

    def __init__(self, trouble: Trouble) -> None:
        self.captured: list[Captured] = []
        self.trouble = trouble

    async def handle_DATA(self, _: SMTP, __: StockSession, envelope: Envelope) -> str:  # noqa: N802 - the engine's name
        await self.trouble.meet()
        content = envelope.content
        assert isinstance(content, bytes)
        self.captured.append(
            Captured(envelope.mail_from, tuple(envelope.mail_options), tuple(envelope.rcpt_tos), content)
        )
        return "250 OK"


@contextlib.asynccontextmanager
async def stock(
    trouble: Trouble, *, kind: type[SMTP] = SMTP, patience: float = 300.0, implicit_tls: bool = False
) -> AsyncIterator[Running]:
    """Run the stock class on a socket of its own."""
    handler = Handler(trouble)

    def accept_all(*_: object) -> AuthResult:
        return AuthResult(success=True)

    def make() -> SMTP:
        loop = asyncio.get_running_loop()
        return kind(
            handler, hostname="stock", loop=loop, timeout=patience, authenticator=accept_all,
            # Under implicit TLS its own default is left, as a user of it would.
            auth_require_tls=implicit_tls,
        )  # fmt: skip

    context = AUTHORITY.context() if implicit_tls else None
    listening = await asyncio.get_running_loop().create_server(make, "127.0.0.1", 0, ssl=context)
    running = Running(listening.sockets[0].getsockname()[1], lambda: handler.captured, [])
    try:
        yield running
    finally:
        listening.close()
        for client in running.clients:
            client.writer.transport.abort()
        await until(lambda: len(asyncio.all_tasks()) == 1)


@contextlib.asynccontextmanager
async def ours(
    trouble: Trouble, *, kind: type[Session] = Session, patience: float = 300.0, implicit_tls: bool = False
) -> AsyncIterator[Running]:
    """Run ours."""
    settings: dict[str, Any] = {"command_timeout": patience, "implicit_tls": implicit_tls}
    async with house(tls=AUTHORITY.context, auth=AuthPolicy.OPTIONAL, **settings) as built:
        built.server._kind = kind  # noqa: SLF001 - one that is looked at more closely
        keep = built.book.commit

        async def commit(event: Any) -> None:  # noqa: ANN401 - as the record takes it
            await trouble.meet()
            await keep(event)

        built.book.commit = commit  # type: ignore[method-assign]

        def captured() -> list[Captured]:
            return [
                Captured(
                    message.reverse_path,
                    tuple(f"{name}={value}" for name, value in message.parameters.items()),
                    tuple(one.address for one in message.recipients),
                    message.raw,
                )
                for message in built.book.of(Message)
            ]

        running = Running(built.port, captured, built.clients)
        yield running


Open = Callable[..., contextlib.AbstractAsyncContextManager[Running]]
both = pytest.mark.parametrize(("server", "mended"), [(stock, False), (ours, True)], ids=["stock", "ours"])


def looked_at(kind: type[SMTP]) -> tuple[type[SMTP], list[str]]:
    """Make a class that tells how often it is inspected."""
    times: list[str] = []

    class Looked(kind):  # type: ignore[misc, valid-type]  # made from either class
        @property
        def smtp_probe(self) -> None:
            times.append("looked")

    return Looked, times


@both
@looped
async def test_it_does_not_inspect_its_class_for_every_connection(server: Open, *, mended: bool) -> None:
    kind, times = looked_at(SMTP if server is stock else Session)
    async with server(Trouble(), kind=kind) as running:
        for _ in range(3):
            client = await running.client()
            assert (await client.ask("HELO c")).startswith("250")

    assert (times == []) is mended


@both
@looped
async def test_a_new_connection_does_not_change_the_limits_of_the_others(server: Open, *, mended: bool) -> None:
    async with server(Trouble()) as running:
        client = await running.client()
        await client.ask("EHLO c")
        line = f"MAIL FROM:<@{'relay.' * 82}example:a@b>"
        assert 512 < len(line) < 538
        first = await client.ask(line, "RSET", line)
        await running.client()  # somebody else, who only connects
        await client.ask("RSET")

        assert first.startswith("250")
        assert (await client.ask(line)).startswith("250") is mended


@both
@looped
async def test_the_null_reverse_path_is_empty(server: Open, *, mended: bool) -> None:
    async with server(Trouble()) as running:
        client = await running.client()
        await client.ask("EHLO c")
        await running.mail(client, sender="<>")

        (captured,) = running.captured()
        assert (captured.sender == "") is mended


@both
@looped
async def test_parameters_keep_their_case(server: Open, *, mended: bool) -> None:
    async with server(Trouble()) as running:
        client = await running.client()
        await client.ask("EHLO c")
        await running.mail(client, sender="<a@b> BODY=8bitMIME")

        (captured,) = running.captured()
        assert ("BODY=8bitMIME" in captured.options) is mended


@both
@looped
async def test_no_address_makes_it_raise(server: Open, *, mended: bool, caplog: pytest.LogCaptureFixture) -> None:
    async with server(Trouble()) as running:
        client = await running.client()
        await client.ask("EHLO c")
        said = [await client.ask(f"MAIL FROM:{address}") for address in ('"', "a@[", "\\@[\t")]

        assert all(reply.startswith("501 5.1.7") for reply in said) is mended
        assert any("IndexError" in reply or "AttributeError" in reply for reply in said) is not mended
    caplog.clear()


@both
@looped
async def test_a_long_line_does_not_lose_the_message(server: Open, *, mended: bool) -> None:
    content = b"<html>" + b"x" * 2000 + b"</html>\r\n"
    async with server(Trouble()) as running:
        client = await running.client()
        await client.ask("EHLO c")
        reply = await running.mail(client, content)

        assert reply.startswith("250") is mended
        assert ([captured.content for captured in running.captured()] == [content]) is mended


@both
@looped
async def test_an_exception_does_not_tell_its_text(
    server: Open, *, mended: bool, caplog: pytest.LogCaptureFixture
) -> None:
    async with server(Trouble(failures=1)) as running:
        client = await running.client()
        await client.ask("EHLO c")
        reply = await running.mail(client)

        assert (SECRET not in reply) is mended
        assert SECRET in caplog.text  # it is told to whom it concerns


@both
@looped
async def test_an_exception_does_not_leave_its_recipients_to_the_next_mail(server: Open, *, mended: bool) -> None:
    async with server(Trouble(failures=1)) as running:
        client = await running.client()
        await client.ask("EHLO c")
        await running.mail(client, to="<first@d>")
        await running.mail(client, to="<second@d>")

        (captured,) = running.captured()
        assert (captured.recipients == ("second@d",)) is mended


@both
@looped
async def test_mechanisms_are_taken_in_any_case(server: Open, *, mended: bool) -> None:
    async with server(Trouble()) as running:
        client = await running.client()
        await client.ask("EHLO c")
        credentials = base64.b64encode(b"\0ann\0secret").decode()

        assert (await client.ask(f"AUTH plain {credentials}")).startswith("235") is mended


@both
@looped
async def test_auth_is_offered_under_implicit_tls(server: Open, *, mended: bool) -> None:
    context = ssl.create_default_context(cadata=AUTHORITY.pem.decode())
    async with server(Trouble(), implicit_tls=True) as running:
        client = await running.client(context=context)

        assert ("AUTH" in await client.ask("EHLO c")) is mended


@both
@looped
async def test_an_idle_client_is_told_421(server: Open, *, mended: bool) -> None:
    async with server(Trouble(), patience=0.02) as running:
        client = await running.client()

        assert (await client.rest()).startswith(b"421 ") is mended


@both
@looped
async def test_a_client_that_closes_its_side_early_gets_its_replies(server: Open, *, mended: bool) -> None:
    gate = asyncio.Event()
    async with server(Trouble(gate=gate)) as running:
        client = await running.client()
        await client.ask("EHLO c", "MAIL FROM:<a@b>", "RCPT TO:<c@d>", "DATA")
        await client.send(TEXT + b".\r\nQUIT\r\n")
        client.half_close()
        # Its end arrives while the message is being stored.
        reading = asyncio.create_task(client.rest())
        for _ in range(100):
            await asyncio.sleep(0)
        gate.set()

        said = (await reading).split(b"\r\n")
        assert ([line[:3] for line in said] == [b"250", b"221", b""]) is mended
