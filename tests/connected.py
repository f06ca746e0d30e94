"""A server of sessions whose record is a list, and clients that talk to it over real sockets.

`@looped` runs a test on an event loop of its own and holds three things about its end: it ends in time, no task is
left, and nothing went to the loop's exception handler.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import os
import socket
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass, field, replace
from typing import Any, ParamSpec, TypeVar

from mailtrap_py import ports
from mailtrap_py.clock import ManualClock
from mailtrap_py.events import Line, Message, Recorded, SessionEnded, Source, Transaction
from mailtrap_py.inbox import Inbox, Inboxes
from mailtrap_py.scenario import from_data
from mailtrap_py.smtp.server import Server
from mailtrap_py.smtp.service import Service
from mailtrap_py.smtp.wire import break_off

P = ParamSpec("P")
T = TypeVar("T", bound=Recorded)

PATIENCE = 30.0
"""Seconds after which a test that hangs is called hung."""
GREETING = b"220 mailtrap.localhost ESMTP mailtrap_py\r\n"
ENVELOPE = b"HELO c\r\nMAIL FROM:<ann@example.com>\r\nRCPT TO:<bob@example.com>\r\nDATA\r\n"
CONTENT = b"Subject: hello\r\n\r\ntext\r\n"


def looped(test: Callable[P, Coroutine[Any, Any, None]]) -> Callable[P, None]:
    """Make a test of a coroutine function."""

    @functools.wraps(test)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        asyncio.run(_watched(test(*args, **kwargs)))

    return run


async def _watched(work: Coroutine[Any, Any, None]) -> None:
    complaints: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
    async with asyncio.timeout(PATIENCE):
        await work
    left = asyncio.all_tasks() - {asyncio.current_task()}
    assert not left, f"tasks are left: {left}"
    assert not complaints, f"the loop complained: {complaints}"


class Book:
    """A record that is a list. `commit` fails while `broken` is set, and so does each `add` that `refuses` fits."""

    def __init__(self) -> None:
        self.events: list[Recorded] = []
        self.broken: Exception | None = None
        self.refuses: Callable[[Recorded], bool] = lambda _: False

    def add(self, event: Recorded) -> None:
        if self.refuses(event):
            raise OSError("no page is left")
        self.events.append(event)

    async def commit(self, event: Recorded) -> None:
        if self.broken is not None:
            raise self.broken
        self.add(event)

    def of(self, kind: type[T]) -> list[T]:
        return [event for event in self.events if isinstance(event, kind)]

    def said(self, source: Source) -> list[bytes]:
        return [line.data for line in self.of(Line) if line.source is source]

    @property
    def notes(self) -> list[str]:
        return [note.decode() for note in self.said(Source.NOTE)]

    @property
    def ended(self) -> SessionEnded:
        (ended,) = self.of(SessionEnded)
        return ended

    @property
    def transaction(self) -> Transaction:
        (transaction,) = self.of(Transaction)
        return transaction

    @property
    def message(self) -> Message:
        (message,) = self.of(Message)
        return message


async def until(condition: Callable[[], object]) -> None:
    """Let the loop run until it holds. No time is waited; the limit of the test ends it if it never does."""
    while not condition():  # noqa: ASYNC110 - what is waited for is inside the server, and has no event
        await asyncio.sleep(0)


@dataclass
class House:
    """A server that runs, and what it was given."""

    service: Service
    server: Server
    port: int
    book: Book
    inboxes: Inboxes
    clients: list[Client] = field(default_factory=list)

    @property
    def inbox(self) -> Inbox:
        return self.inboxes.get()

    @property
    def clock(self) -> ManualClock:
        clock = self.inbox.clock
        assert isinstance(clock, ManualClock)
        return clock

    def play(self, *rules: dict[str, Any]) -> None:
        """Use these rules, on a clock that the test moves."""
        self.inbox.use(from_data({"name": "test", "clock": "manual", "rules": list(rules)}), seed=1)

    async def connect(self) -> Client:
        """Connect, and read nothing yet."""
        client = Client(*await asyncio.open_connection("127.0.0.1", self.port))
        self.clients.append(client)
        return client

    async def greeted(self, *, hello: str = "") -> Client:
        """Connect, read the greeting, and say hello if it is given."""
        client = await self.connect()
        assert (await client.hear()).startswith("220 ")
        if hello:
            assert (await client.ask(hello)).startswith("250")
        return client

    def hurry(self, seconds: float = 0.02) -> None:
        """From the next wait on, let the open sessions wait for their clients no longer than this.

        Only then, because on a busy machine a client may need longer for what comes before.
        """
        for session in self.server._sessions:  # noqa: SLF001 - the time-out is the service's, and the same for all
            session.service = replace(session.service, command_timeout=seconds)
            session.wire.patience = seconds

    async def one_over(self) -> SessionEnded:
        """Wait until one session has ended, whatever the others do, and give its end."""
        await until(lambda: self.book.of(SessionEnded))
        return self.book.of(SessionEnded)[-1]

    async def over(self) -> SessionEnded:
        """Wait until the one session of a test has ended, and give its end."""
        await until(lambda: self.book.of(SessionEnded) and not self.server.sessions)
        return self.book.ended


@dataclass
class Client:
    """The client's end of a connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    shut: bool = False

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def hear(self) -> str:
        """Read one reply, all its lines, without the last line end."""
        lines: list[bytes] = []
        while not lines or lines[-1][3:4] == b"-":
            lines.append(await self.reader.readuntil(b"\r\n"))
        return b"".join(lines).decode("utf-8", "surrogateescape").removesuffix("\r\n")

    async def ask(self, *lines: str) -> str:
        """Send lines together, and read the reply to the last of them."""
        await self.send("".join(f"{line}\r\n" for line in lines).encode("utf-8", "surrogateescape"))
        replies = [await self.hear() for _ in lines]
        return replies[-1]

    async def data(self, content: bytes = CONTENT) -> str:
        """Send content and the final dot, and read the reply."""
        await self.send(content + b".\r\n")
        return await self.hear()

    async def mail(self, content: bytes = CONTENT) -> str:
        """Send a message from HELO to the final dot, and read the reply to it."""
        assert (await self.ask(*ENVELOPE.decode().split("\r\n")[:-1])).startswith("354")
        return await self.data(content)

    def peek(self) -> bytes | OSError:
        """Look what has come that was not read yet: an octet, none at the end, or why there is nothing to read."""
        with socket.socket(fileno=os.dup(self.writer.get_extra_info("socket").fileno())) as connection:
            try:
                return connection.recv(1, socket.MSG_PEEK)
            except OSError as error:
                return error

    async def rest(self) -> bytes:
        """Read until the server ends the connection."""
        return await self.reader.read()

    def half_close(self) -> None:
        self.writer.write_eof()
        self.shut = True

    def leave(self) -> None:
        """Close as a program does that ends."""
        self.writer.close()

    def reset(self) -> None:
        """Break the connection with RST."""
        connection = self.writer.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        break_off(self.writer.transport)


@contextlib.asynccontextmanager
async def house(
    *,
    implicit_tls: bool = False,
    lmtp: bool = False,
    inboxes: Inboxes | None = None,
    **settings: Any,  # noqa: ANN401 - what Service takes
) -> AsyncIterator[House]:
    """Open a server on a free port, and close it with its clients."""
    book = Book()
    inboxes = inboxes or Inboxes()
    service = Service(record=book, inboxes=inboxes, **settings)
    server = Server(service)
    port = await server.listen(ports.bind(["127.0.0.1"], 0, purpose="smtp-port"), implicit_tls=implicit_tls, lmtp=lmtp)
    built = House(service, server, port.number, book, inboxes)
    try:
        yield built
    finally:
        for client in built.clients:
            break_off(client.writer.transport)
        await server.close()
