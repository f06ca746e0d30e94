"""A real server for the proxy to stand in front of: a script of replies, and everything that it was told.

`answers` gives the replies by verb, one after the other; `"connect"` is the greeting and `"."` the reply to content.
What is not in it is answered as usual. `CLOSE`, `RESET` and `SILENCE` stand for what is no reply; `CLOSE` may come
after one in a tuple.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from enum import Enum, auto

from mailtrap_py.smtp.upstream import Security, Upstream

END_OF_DATA = b"\r\n.\r\n"


class Odd(Enum):
    """What a server does in place of a reply."""

    CLOSE = auto()
    RESET = auto()
    SILENCE = auto()


CLOSE, RESET, SILENCE = Odd.CLOSE, Odd.RESET, Odd.SILENCE
Answer = bytes | Odd | tuple[bytes, Odd]

USUAL: dict[str, Answer] = {
    "connect": b"220 real.example ESMTP at your service\r\n",
    "EHLO": b"250-real.example greets you\r\n250-8BITMIME\r\n250 SIZE 10000000\r\n",
    "DATA": b"354 go ahead\r\n",
    ".": b"250 2.0.0 Ok: queued as REAL1\r\n",
    "QUIT": (b"221 2.0.0 Bye\r\n", CLOSE),
}


@dataclass
class Real:
    """One such server."""

    answers: dict[str, list[Answer]] = field(default_factory=dict)
    tls: ssl.SSLContext | None = None
    heard: list[bytes] = field(default_factory=list)
    contents: list[bytes] = field(default_factory=list)
    connections: int = 0
    open: int = 0
    port: int = 0

    def upstream(self, security: Security = Security.NONE, *, verify: bool = True, timeout: float = 5.0) -> Upstream:
        return Upstream("127.0.0.1", self.port, security, verify, timeout)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.open += 1
        try:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
                await self._talk(reader, writer)
        finally:
            self.open -= 1
            writer.transport.abort()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        goes_on, _ = await self._answer("connect", reader, writer)
        while goes_on:
            line = await reader.readuntil(b"\n")
            self.heard.append(line)
            verb = (line.decode("latin-1").upper().split() or [""])[0]
            if verb == "BDAT":
                self.contents.append(await reader.readexactly(int(line.split()[1])))
            goes_on, said = await self._answer(verb, reader, writer)
            if goes_on and verb == "DATA" and said[:1] == b"3":
                self.contents.append(await _content(reader))
                goes_on, _ = await self._answer(".", reader, writer)
            if goes_on and verb == "STARTTLS" and said[:1] == b"2" and self.tls is not None:
                await writer.start_tls(self.tls)

    async def _answer(
        self, verb: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> tuple[bool, bytes]:
        """Answer; tell whether the conversation goes on, and what was said."""
        left = self.answers.get(verb)
        answer: Answer = left.pop(0) if left else USUAL.get(verb, b"250 2.0.0 Ok\r\n")
        said = answer if isinstance(answer, bytes) else answer[0] if isinstance(answer, tuple) else b""
        odd = answer if isinstance(answer, Odd) else answer[1] if isinstance(answer, tuple) else None
        writer.write(said)
        await writer.drain()
        if odd is SILENCE:
            await reader.read()
        if odd is RESET:
            connection = writer.get_extra_info("socket")
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            writer.transport.abort()
        if odd is CLOSE:
            writer.close()
        return odd is None, said


async def _content(reader: asyncio.StreamReader) -> bytes:
    start = await reader.readexactly(3)
    if start == END_OF_DATA[2:]:
        return start
    content = bytearray(start)
    while not content.endswith(END_OF_DATA):
        content += await reader.readuntil(b"\n")
    return bytes(content)


@contextlib.asynccontextmanager
async def real(
    answers: dict[str, list[Answer]] | None = None, *, tls: ssl.SSLContext | None = None, implicit: bool = False
) -> AsyncIterator[Real]:
    """Open one on a free port."""
    server = Real(answers or {}, tls)
    listening = await asyncio.start_server(
        server._serve,  # noqa: SLF001 - it is this file's
        "127.0.0.1",
        0,
        limit=1 << 24,
        ssl=tls if implicit else None,
    )
    server.port = listening.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listening.close()
        while server.open:  # noqa: ASYNC110 - its clients are gone, and the loop tells it so
            await asyncio.sleep(0)


def dead_port() -> int:
    """Find a port where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])
