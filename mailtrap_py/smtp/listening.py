"""A listening socket that a scenario can shut and open again, on the same port and with its open sessions untouched."""

from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from mailtrap_py import ports
from mailtrap_py.smtp.throttle import SEGMENT

BACKLOG = 1024
"""Connections that may wait to be taken: a burst of clients must not wait for TCP to try again."""

MOST_STOPPERS = 200
"""Connections of one's own that fill the queue of those that wait: two on Linux, where an empty one holds one."""

UNANSWERED = 0.05
"""Seconds after which a connection on this machine counts as unanswered: the kernel answers within the call."""


# From Python 3.13 on a server removes its socket's file when it closes; here it has to outlive a pause.
_KEEP_FILE: Final[dict[str, Any]] = {"cleanup_socket": False} if sys.version_info >= (3, 13) else {}


class Listening:
    """One socket. It listens until it is closed; connections are taken, left waiting, not answered, or refused."""

    def __init__(self, listener: socket.socket, make: Callable[[], asyncio.BaseProtocol]) -> None:
        """Take a socket that listens, and what makes the protocol of each connection."""
        self._socket: socket.socket | None = listener
        name = listener.getsockname()
        self._file: str = name if isinstance(name, str) else ""  # of a unix socket
        self._host: str = "" if self._file else name[0]
        self.number: int = 0 if self._file else name[1]
        self._make = make
        self._server: asyncio.Server | None = None
        self._stoppers: list[socket.socket] = []
        self.turn = asyncio.Lock()
        """For who changes what becomes of connections, so that one change is over when the next begins."""

    async def take(self) -> None:
        """Take connections, those that wait first. Raises `SettingError` if another program has the port by now."""
        if self._server is not None:
            return
        if self._socket is None:
            self._socket = self._bind()
        await self._answer_again(self._socket)
        with suppress(OSError, AttributeError):  # not on every system, and only `read: stop` needs it
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, SEGMENT)
        loop = asyncio.get_running_loop()
        # The server gets a duplicate to close: the socket itself listens on while it pauses.
        duplicate = self._socket.dup()
        try:
            if self._file:
                server = await loop.create_unix_server(
                    self._make, sock=duplicate, backlog=BACKLOG, start_serving=False, **_KEEP_FILE
                )
            else:
                server = await loop.create_server(self._make, sock=duplicate, backlog=BACKLOG, start_serving=False)
        except BaseException:
            duplicate.close()
            raise
        # Known before anything is taken: whoever is interrupted here leaves a port that can be closed again.
        self._server = server
        await server.start_serving()

    def _bind(self) -> socket.socket:
        if self._file:
            return ports.bind_file(self._file, purpose="lmtp-socket")
        (listener,) = ports.bind([self._host], self.number, purpose="smtp-port")
        return listener

    async def pause(self) -> None:
        """Let new connections wait: the kernel accepts them, and nobody answers."""
        server, self._server = self._server, None
        if server is None:
            if self._socket is not None:
                await self._answer_again(self._socket)
            return
        # A connection that asyncio has half taken when its server closes is lost, and its socket stays open. So first
        # no more are taken, then those have their turns to begin.
        loop = asyncio.get_running_loop()
        for listener in server.sockets:
            with suppress(NotImplementedError):
                loop.remove_reader(listener.fileno())
        try:
            await turns()
        finally:
            server.close()

    async def refuse(self) -> None:
        """Let the kernel refuse new connections, and break those that wait."""
        await self.pause()
        if self._socket is not None:
            self._socket.close()
            self._socket = None
            if self._file:
                Path(self._file).unlink(missing_ok=True)  # noqa: ASYNC240 - one call of the system

    async def swallow(self) -> None:
        """Let nobody answer new connections, not even the kernel, so that they time out: those that wait are kept.

        A queue that is full makes Linux drop what asks for a connection, as a firewall does. So the queue is made as
        short as it can be, and filled by connections of one's own. A client that goes on asking is answered when all
        is over: TCP asks again after one second, three, seven and so on.
        """
        await self.pause()
        if self._socket is None:
            self._socket = self._bind()
        self._socket.listen(0)
        while len(self._stoppers) < MOST_STOPPERS:
            stopper = socket.socket(self._socket.family, socket.SOCK_STREAM)
            stopper.setblocking(False)  # noqa: FBT003 - the name of the socket's method says it
            self._stoppers.append(stopper)
            # Not by the loop, which would still know the socket when an interruption has it closed.
            if stopper.connect_ex(self._nearby()) != 0:
                await asyncio.sleep(UNANSWERED)
                with suppress(OSError):
                    stopper.getpeername()
                    continue
                return

    def _nearby(self) -> tuple[str, int]:
        """Give the address under which this machine reaches the port."""
        return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self._host, self._host), self.number  # noqa: S104 - compared

    async def _answer_again(self, listener: socket.socket) -> None:
        """Take one's own connections out of the queue, and begin sessions for the others that wait in it."""
        if not self._stoppers:
            return
        ours = {stopper.getsockname()[:2] for stopper in self._stoppers}
        waiting = []
        listener.setblocking(False)  # noqa: FBT003 - as above
        with suppress(BlockingIOError):
            while True:
                connection, address = listener.accept()
                if address[:2] in ours:
                    connection.close()
                else:
                    waiting.append(connection)
        for stopper in self._stoppers:
            stopper.close()
        self._stoppers.clear()
        listener.listen(BACKLOG)
        try:
            while waiting:
                await asyncio.get_running_loop().connect_accepted_socket(self._make, waiting[0])
                waiting.pop(0)
        finally:
            for connection in waiting:
                connection.close()


async def turns() -> None:
    """Let the event loop turn as often as it takes from a connection that it was told of to its session's beginning."""
    for _ in range(3):
        await asyncio.sleep(0)
