"""A listening socket that a scenario can shut and open again, on the same port and with its open sessions untouched."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from contextlib import suppress

from mailtrap_py import ports
from mailtrap_py.smtp.throttle import SEGMENT

BACKLOG = 1024
"""Connections that may wait to be taken: a burst of clients must not wait for TCP to try again."""


class Listening:
    """One socket. It listens until it is closed; whether connections are taken, left waiting or refused can change."""

    def __init__(self, listener: socket.socket, make: Callable[[], asyncio.BaseProtocol]) -> None:
        """Take a socket that listens, and what makes the protocol of each connection."""
        self._socket: socket.socket | None = listener
        self._host, self.number = listener.getsockname()[:2]
        self._make = make
        self._server: asyncio.Server | None = None

    async def take(self) -> None:
        """Take connections, those that wait first. Raises `SettingError` if another program has the port by now."""
        if self._server is not None:
            return
        if self._socket is None:
            (self._socket,) = ports.bind([self._host], self.number, purpose="smtp-port")
        with suppress(OSError, AttributeError):  # not on every system, and only `read: stop` needs it
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, SEGMENT)
        loop = asyncio.get_running_loop()
        # The server gets a duplicate to close: the socket itself listens on while it pauses.
        duplicate = self._socket.dup()
        try:
            self._server = await loop.create_server(self._make, sock=duplicate, backlog=BACKLOG)
        except BaseException:
            duplicate.close()
            raise

    async def pause(self) -> None:
        """Let new connections wait: the kernel accepts them, and nobody answers."""
        server, self._server = self._server, None
        if server is None:
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


async def turns() -> None:
    """Let the event loop turn as often as it takes from a connection that it was told of to its session's beginning."""
    for _ in range(3):
        await asyncio.sleep(0)
