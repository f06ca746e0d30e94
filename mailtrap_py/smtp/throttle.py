"""How fast a client's bytes are taken in: so many a second, or none at all, so that the client really blocks.

Stopping is harder than not reading. On loopback a client pushes megabytes into the two kernels' buffers before it
notices. So the listening sockets are given the segment size of an Ethernet (`SEGMENT`), and the receive buffer is made
small when the reading stops; then an ordinary mail of a hundred kilobytes blocks.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from contextlib import suppress

from mailtrap_py.smtp.departure import Departure

SEGMENT = 1460
"""Octets of a TCP segment on an Ethernet; loopback's 65483 would let a client push 2 MB into a buffer of 4 KB."""

_BUFFER = 4096  # octets; the kernel doubles it and keeps half for itself

_PORTION = 0.25
"""Seconds' worth of octets that are taken at once, so that a rate is one from the first octets on."""


class Throttle:
    """The brake on one connection."""

    def __init__(
        self,
        transport: asyncio.Transport,
        *,
        now: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]],
        left: Callable[[], None],
    ) -> None:
        """Take the connection as it was accepted, under any TLS, and a clock's `now` and `sleep`.

        `left` is called when the client leaves while nothing is read, which nobody else would notice.
        """
        self._transport = transport
        self._now = now
        self._sleep = sleep
        self._due = 0.0
        self._left = left
        self._departure: Departure | None = None
        self.rate: float | None = None
        """Octets a second, None being as fast as they come."""
        self._breath: asyncio.Task[None] | None = None

    @property
    def stopped(self) -> bool:
        """Whether nothing is read any more."""
        return self.rate == 0

    @property
    def portion(self) -> int:
        """How many octets may be taken at once; 0: as many as there are."""
        return max(1, int(self.rate * _PORTION)) if self.rate else 0

    def read_at(self, rate: float) -> None:
        """Read so many octets a second from now on; 0 reads nothing more."""
        self.rate, self._due = rate, 0.0
        connection = self._transport.get_extra_info("socket")
        if connection is not None:
            with suppress(OSError):
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
        if rate == 0:
            self._pause()
            if connection is not None and self._departure is None:
                self._departure = Departure(connection, self._left)

    def took(self, octets: int) -> None:
        """Take a breath after so many octets, until as many seconds have passed as they may take."""
        if not self.rate:
            return
        now = self._now()
        self._due = (self._due or now) + octets / self.rate
        if self._breath is None and self._due > now:
            self._pause()
            self._breath = asyncio.ensure_future(self._rest())

    def end(self) -> None:
        """Let go: the connection ends, and must not wait for its bytes."""
        if self.rate is None:
            return
        self.rate = None
        if self._departure is not None:
            self._departure.stop()
            self._departure = None
        if self._breath is not None:
            self._breath.cancel()
            self._breath = None
        self._resume()

    async def _rest(self) -> None:
        while (seconds := self._due - self._now()) > 0:  # more may come that was on its way already
            await self._sleep(seconds)
        self._breath = None
        if not self.stopped:
            self._resume()

    def _pause(self) -> None:
        with suppress(RuntimeError):  # closing already
            self._transport.pause_reading()

    def _resume(self) -> None:
        with suppress(RuntimeError):
            self._transport.resume_reading()
