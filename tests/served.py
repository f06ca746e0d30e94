"""The web application over a real record, asked over ASGI; and mail to fill the record with."""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
from msgspec.structs import replace
from starlette.applications import Starlette

from mailtrap_py.errors import SettingError
from mailtrap_py.events import Message, Outcome, Recipient, Reply, SessionStarted, Transaction
from mailtrap_py.inbox import Inbox, Inboxes
from mailtrap_py.scenario import ListenerHow
from mailtrap_py.settings import Settings
from mailtrap_py.store import Store
from mailtrap_py.web.app import close, create_app
from mailtrap_py.web.context import Context

AUTHORITY = b"-----BEGIN CERTIFICATE-----\n"
OCTOBER = 1_790_845_200.5  # 2026-10-01T09:00:00.5Z

PLAIN = b"From: ann@example.com\r\nSubject: Hello\r\n\r\nHello\r\n"
RICH = (
    b"From: Ann <ann@example.com>\r\n"
    b"To: bob@example.com\r\n"
    b"Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n"
    b"Date: Mon, 20 Jul 2026 06:51:26 +0200\r\n"
    b"Message-ID: <1@example.com>\r\n"
    b"MIME-Version: 1.0\r\n"
    b"Content-Type: multipart/mixed; boundary=x\r\n"
    b"\r\n"
    b"--x\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nYour code is 482913: https://example.com/confirm\r\n"
    b"--x\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<p onclick=x()>Hello <script>alert(1)</script></p>\r\n"
    b"--x\r\nContent-Type: text/html; charset=iso-8859-1; name*=utf-8''%e2%82%ac%22.html\r\n"
    b"Content-Disposition: attachment\r\nContent-Transfer-Encoding: base64\r\n\r\n/zw=\r\n"
    b"--x\r\nContent-Type: im age/png\r\nContent-Disposition: attachment\r\n\r\nx\r\n"
    b"--x--\r\n"
)

_numbers = itertools.count(1)


class Harbour:
    """Ports that nobody can come to; what was done with them is written down."""

    def __init__(self) -> None:
        """Begin with none."""
        self.opened: dict[int, str] = {}
        self.done: list[tuple[object, ...]] = []

    async def open(self, protocol: str, inbox: str) -> int:
        """Give the next number, from 2600 on."""
        if protocol == "smtps" and inbox == "full":
            raise SettingError("all ports are taken", cure="close some")
        number = 2600 + len(self.opened)
        self.opened[number] = protocol
        self.done.append(("open", protocol, inbox))
        return number

    async def close(self, number: int) -> None:
        """Forget one."""
        del self.opened[number]

    async def shut(self, how: ListenerHow, inbox: Inbox) -> None:
        """Write it down."""
        self.done.append(("shut", str(how), inbox.name))

    async def end_sessions(self, inbox: Inbox) -> int:
        """Write it down."""
        self.done.append(("end", inbox.name))
        return 0


_spare: list[Store] = []


@contextlib.contextmanager
def _lent() -> Iterator[Store]:
    """Give an empty record, one that was used before if there is one: to open one takes longer than most tests."""
    store = _spare.pop() if _spare else Store()
    try:
        yield store
    finally:
        with contextlib.suppress(RuntimeError):  # the test closed it
            store.clear()
            _spare.append(store)


@atexit.register
def _close_all() -> None:
    for store in _spare:
        store.close()


@dataclass(frozen=True)
class Served:
    """An application that is asked without a network, and what stands behind it."""

    app: Starlette
    status: dict[str, object]

    @classmethod
    @contextlib.contextmanager
    def open(cls, **settings: Any) -> Iterator[Served]:  # noqa: ANN401 - what Settings takes
        """Build it over a new record in memory; `status` is what the trap says of itself, and may be changed."""
        status: dict[str, object] = {"version": "1", "ready": True}
        with _lent() as store:
            app = create_app(
                store=store,
                inboxes=Inboxes(),
                settings=Settings(**settings),
                authority_pem=lambda: AUTHORITY,
                status=lambda: status,
                ports=Harbour(),
            )
            try:
                yield cls(app, status)
            finally:
                close(app)

    @property
    def context(self) -> Context:
        """What the routes were given."""
        found: Context = self.app.state.context
        return found

    @property
    def store(self) -> Store:
        """The record."""
        return self.context.store

    def ask(self, method: str, path: str, **options: Any) -> httpx.Response:  # noqa: ANN401 - what httpx takes
        """Send a request, outside of any loop."""
        return asyncio.run(self.ask_async(method, path, **options))

    async def ask_async(self, method: str, path: str, **options: Any) -> httpx.Response:  # noqa: ANN401 - as above
        """Send a request; an exception becomes the answer that a server would give."""
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return await client.request(method, path, **options)

    async def somebody_waits(self) -> None:
        """Return when a request waits for news."""
        async with asyncio.timeout(10):
            while not self.context.bus.sleepers:  # noqa: ASYNC110 - the product needs no event for it
                await asyncio.sleep(0)

    def keep(self, *messages: Message) -> list[str]:
        """Write messages down, and give their ids."""
        for message in messages:
            self.store.add(message)
        return [message.id for message in messages]


def mail(
    raw: bytes = PLAIN,
    *,
    to: str = "bob@example.com",
    inbox: str = "default",
    session: str = "s1",
    name: str = "",
) -> Message:
    """Make a message as a session makes it; `name` is its id."""
    number = next(_numbers)
    return Message(
        id=name or f"m{number}",
        inbox=inbox,
        session_id=session,
        transaction_id=f"t{number}",
        at=OCTOBER,
        clock=OCTOBER,
        reverse_path="bounce@example.com",
        parameters={},
        recipients=(Recipient(address=to, reply=Reply(250, "2.1.5", ("Ok",))),),
        raw=raw,
        client="127.0.0.1",
        helo="app",
        tls_version="TLSv1.3",
        user="ann",
    )


def accepted(message: Message) -> Transaction:
    """Make the transaction that brought the message, and in which one more recipient was refused."""
    nobody = Recipient(address="nobody@example.com", reply=Reply(550, "5.1.1", ("No such user",)), rule="refuse")
    return Transaction(
        id=message.transaction_id,
        session_id=message.session_id,
        inbox=message.inbox,
        number=1,
        started_at=message.at,
        started_clock=message.clock,
        ended_at=message.at,
        ended_clock=message.clock,
        reverse_path=message.reverse_path,
        parameters={"SIZE": "10"},
        recipients=(*message.recipients, nobody),
        outcome=Outcome.ACCEPTED,
        acknowledged=True,
        reply=Reply(250, "2.0.0", ("Ok", "queued")),
        octets=len(message.raw),
        message_id=message.id,
    )


def rejected(message: Message) -> Transaction:
    """Make the transaction in which that message was refused after its final dot."""
    return replace(
        accepted(message),
        id=f"{message.transaction_id}-rejected",
        outcome=Outcome.REJECTED,
        acknowledged=False,
        reply=Reply(451, "4.3.0", ("Try again later",)),
        rule="busy",
        reason="the scenario refused it",
        content=message.raw,
        message_id="",
    )


def started(session: str = "s1", inbox: str = "default", number: int = 1) -> SessionStarted:
    """Begin a session."""
    return SessionStarted(
        id=session,
        inbox=inbox,
        number=number,
        at=OCTOBER,
        clock=OCTOBER,
        client="127.0.0.1",
        client_port=50000,
        port=1025,
        protocol="smtp",
    )
