"""What a client sent and nobody has read yet: command lines, and the content of a message.

No socket in here: bytes are fed in by the protocol, and whoever reads waits on a future. Lines and the end of content
are found by scanning the buffer in bulk, and only the part not scanned before.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from mailtrap_py.smtp.content import DOT, END_OF_DATA, LENIENT_END, Arriving, Content
from mailtrap_py.smtp.watch import HELD_BACK, Watch

MAX_LINE = 12288
"""Octets of a command line. RFC 4954, section 4: AUTH lines may have 12288; the 512 of RFC 5321 is a minimum."""

HIGH_WATER = 65536
"""Octets that may wait unread before the client is made to wait (it pipelines faster than it is served)."""


class ClientGone(Exception):  # noqa: N818 - it ends a session, which is no error
    """The client closed or lost the connection; `reset` tells a broken one from a closed one."""

    def __init__(self, *, reset: bool) -> None:
        """Remember how it went."""
        super().__init__("the client reset the connection" if reset else "the client closed the connection")
        self.reset = reset


class LineTooLong(Exception):  # noqa: N818 - a fact about the client, answered with 500
    """A command line had over `MAX_LINE` octets; it was thrown away up to its end."""


class ClientInput:
    """The buffer between the protocol, which feeds it, and one reader."""

    def __init__(self, *, pause: Callable[[], None], resume: Callable[[], None]) -> None:
        """Take the means to stop and to restart the client."""
        self._buffer = bytearray()
        self._scanned = 0
        self._stuffed = False
        self._bulk = False
        self._paused = False
        self._pause, self._resume = pause, resume
        self._loop: asyncio.AbstractEventLoop | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._alarm: asyncio.TimerHandle | None = None
        self._deadline = 0.0
        self._gone: ClientGone | None = None
        self.portion = self.appetite = 0
        """How many octets should be read at once, 0 being as many as there are: `portion` as a rule has it, `appetite`
        now, when no more are wanted than up to the next mark."""
        self.hurry: Callable[[asyncio.Future[None]], None] = _finish
        """Finishes the future that the reader waits for. Whoever can let the reader go on at once puts it here."""

    def feed(self, data: bytes | memoryview) -> None:
        """Add what the client sent."""
        self._buffer += data
        # At a mark nothing more is read until somebody has looked: uvloop would read on before that.
        if not self._paused and (self.appetite if self._bulk else len(self._buffer) > HIGH_WATER):
            self._paused = True
            self._pause()
        self._wake()

    def end(self, *, reset: bool = False) -> None:
        """Note that nothing more will come."""
        if self._gone is None:
            self._gone = ClientGone(reset=reset)
        self._wake()

    @property
    def gone(self) -> ClientGone | None:
        """Whether the client left, and how."""
        return self._gone

    def has_line(self) -> bool:
        """Tell whether a whole line can be read without waiting: the client pipelines."""
        return b"\n" in self._buffer

    def discard(self) -> bytes:
        """Throw away what waits, and give it: plaintext in front of a TLS handshake (CVE-2011-0411)."""
        thrown = bytes(self._buffer)
        self._consume(len(self._buffer))
        return thrown

    async def line(self, patience: float) -> bytes:
        """Read a line with its end. Raises `ClientGone`, `LineTooLong`, or `TimeoutError` after so many seconds.

        RFC 5321, section 2.3.8, wants CRLF; a bare LF is taken too, as real servers do, and stands in the transcript.
        """
        too_long = False
        while True:
            found = self._buffer.find(b"\n", self._scanned)
            if found >= 0:
                line = bytes(memoryview(self._buffer)[: found + 1])
                self._consume(found + 1)
                if too_long or len(line) > MAX_LINE:
                    raise LineTooLong
                return line
            self._scanned = len(self._buffer)
            if self._scanned > MAX_LINE:
                too_long = True
                self._consume(self._scanned)
            if self._gone:
                raise self._gone
            await self.wait(patience)

    async def take(self, most: int, patience: float) -> bytes:
        """Give what has come, at most so many octets, waiting for the first of them. Raises as `line` does."""
        while not self._buffer:
            if self._gone:
                raise self._gone
            await self.wait(patience)
        return self._taken(min(most, len(self._buffer)))

    async def content(
        self, limit: int, patience: float, watch: Watch | None = None, *, spool_over: int = 0, lenient: bool = False
    ) -> Content:
        """Read up to the final dot. Far over `limit` octets it is still read to its end, but not kept (RFC 1870, 6.3).

        What had come is given, and is not complete, when the client leaves or sends nothing for `patience` seconds.
        `watch` is shown the content as it comes, without what may turn out to be the final dot. Over `spool_over`
        octets it goes to disk while it comes, if nobody watches it. `lenient` takes a bare LF for a line end too, also
        around the final dot: that is what SMTP smuggling lives on.
        """
        self._bulk = True
        self._unpause()
        arriving = Arriving(limit, spool_over=0 if watch is not None else spool_over, lenient=lenient)
        silent = False
        self._stuffed = lenient
        try:
            while True:
                first = arriving.octets == 0
                if first and self._buffer.startswith(END_OF_DATA[2:]):  # the CRLF before it ended the command
                    return arriving.end(self._taken(len(END_OF_DATA) - 2), complete=True)
                begin = max(0, self._scanned - len(END_OF_DATA) + 1)
                end, found = self._lenient_end(begin, first=first) if lenient else self._end(begin)
                if watch is not None and not arriving.too_big:
                    seen = len(self._buffer)
                    await watch.look(self._buffer, found + 2 if found >= 0 else max(0, seen - HELD_BACK))
                    if found < 0 and len(self._buffer) > seen:  # more came while it looked
                        self._scanned = seen
                        continue
                if found >= 0:
                    return arriving.end(self._taken_whole(end), complete=True, stuffed=self._stuffed)
                arriving.shed(self._buffer)
                self._scanned = len(self._buffer)
                if self._gone or silent:
                    return arriving.end(self.discard(), complete=False)
                self._set_appetite(watch)
                try:
                    await self.wait(patience)
                except TimeoutError:
                    silent = True
        finally:
            self._bulk = False
            self.appetite = self.portion

    def _taken(self, count: int) -> bytes:
        taken = bytes(memoryview(self._buffer)[:count])
        self._consume(count)
        return taken

    def _taken_whole(self, count: int) -> bytes | bytearray:
        """Take a content: without a copy, if nothing comes behind it."""
        if count != len(self._buffer):
            return self._taken(count)
        taken, self._buffer = self._buffer, bytearray()
        self._consume(0)
        return taken

    def _end(self, begin: int) -> tuple[int, int]:
        """Find the final dot: where it ends, and two octets before it, or -1."""
        if not self._stuffed:
            # One search finds the end, and whether any dot was stuffed before it.
            found = begin = self._buffer.find(DOT, begin)
            end = found + len(END_OF_DATA)
            if found < 0 or len(self._buffer) < end:
                return end, -1
            if self._buffer.startswith(END_OF_DATA, found):
                return end, found
            self._stuffed = True
        found = self._buffer.find(END_OF_DATA, begin)
        return found + len(END_OF_DATA), found

    def _lenient_end(self, begin: int, *, first: bool) -> tuple[int, int]:
        """Find the final dot between any line ends."""
        found = LENIENT_END.search(self._buffer, begin)
        if found is not None and not first and self._buffer[found.start()] == ord("."):
            # It stands at the beginning of what is left of a content that is too big: in the middle of a line.
            found = LENIENT_END.search(self._buffer, 1)
        if found is None:
            return 0, -1
        dot = self._buffer.index(b".", found.start())
        return found.end(), max(0, dot - 2)

    def _set_appetite(self, watch: Watch | None) -> None:
        if watch is not None:
            wanted = watch.appetite(self._scanned)
            self.appetite = min(wanted, self.portion) if wanted and self.portion else wanted or self.portion

    async def wait(self, patience: float) -> None:
        """Wait until something changed. Raises `TimeoutError` after so many seconds."""
        if (loop := self._loop) is None:  # asyncio asks the kernel each time which process this is
            loop = self._loop = asyncio.get_running_loop()
        if self._paused:
            self._unpause()
        self._waiter = loop.create_future()
        self._deadline = loop.time() + patience
        # One alarm serves wait after wait: to set one each time, and to take it back, costs more than the waiting.
        if self._alarm is None or self._alarm.when() > self._deadline:
            self._set_alarm(loop)
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _set_alarm(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
        self._alarm = loop.call_at(self._deadline, self._ring, loop)

    def _ring(self, loop: asyncio.AbstractEventLoop) -> None:
        self._alarm = None
        if self._waiter is None or self._waiter.done():
            return
        if loop.time() < self._deadline:  # set for an earlier wait
            self._set_alarm(loop)
        else:
            self._waiter.set_exception(TimeoutError())

    def close(self) -> None:
        """Let go of the alarm: nobody will wait any more."""
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self.hurry(self._waiter)

    def _consume(self, count: int) -> None:
        del self._buffer[:count]
        self._scanned = 0
        self._unpause()

    def _unpause(self) -> None:
        if self._paused and (self._bulk or len(self._buffer) <= HIGH_WATER):
            self._paused = False
            self._resume()


def _finish(waiter: asyncio.Future[None]) -> None:
    waiter.set_result(None)
