"""One client connection: the bytes both ways, and the transcript that is written as they pass.

Replies gather in a buffer and leave together when the session is about to wait, so that a group of pipelined commands
is answered in one segment (RFC 2920, section 3.2: responses "MAY be sent together"). Every way to end a connection that
a real server has is here: an orderly close that lets the last reply arrive, a half close, a plain close, a reset.
"""

from __future__ import annotations

import asyncio
import socket
import struct
import time
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, TypeVar

from mailtrap_py.events import CLIENT_LEFT, Ending, Line, Record, Reply, Source
from mailtrap_py.inbox import Inbox
from mailtrap_py.smtp.content import Content
from mailtrap_py.smtp.outbox import Outbox
from mailtrap_py.smtp.reader import MAX_LINE, ClientGone, ClientInput, LineTooLong
from mailtrap_py.smtp.throttle import Throttle
from mailtrap_py.smtp.travel import Manner, Piece, pieces
from mailtrap_py.smtp.watch import Watch

T = TypeVar("T")

LINGER = 2.0
"""Seconds that an orderly close waits for the client to close too, so that unread input makes no RST of it."""

PATIENCE = 300.0
"""Seconds that a client may leave its replies unread, unless the service says otherwise."""

FULL = 16384
"""Octets of replies that are sent even though the client's next command waits already."""

_SMALL = 4096
"""Octets of replies that a client surely takes, so that nobody need look whether it does."""

_RESET = struct.pack("ii", 1, 0)  # SO_LINGER on, zero seconds: closing sends RST


def break_off(transport: asyncio.WriteTransport) -> None:
    """End a connection at once. Under TLS, Python before 3.11.5 raises where there is none any more."""
    with suppress(AttributeError):
        transport.abort()


class SessionOver(Exception):  # noqa: N818 - an ending, not an error
    """Unwinds a session: nothing more is to be read or said."""

    def __init__(self, ending: Ending, reason: str = "", *, then: Callable[[], Awaitable[None]] | None = None) -> None:
        """Say how it ended and, for people, why; `then` is done to the connection when the end is in the record.

        So whoever was told a last reply, or saw the connection break, finds in the record what it was.
        """
        super().__init__(reason)
        self.ending = ending
        self.reason = reason
        self.then = then


@dataclass(slots=True)
class _Passage:
    """A reply on its way in pieces. It is written down when it has gone, or as much of it as went."""

    pieces: deque[Piece]
    rule: str = ""
    written_down: bool = False
    due: float = 0.0
    sent: bytearray = field(default_factory=bytearray)


class Wire:
    """The connection of one session. It belongs to one event loop."""

    def __init__(
        self,
        transport: asyncio.Transport,
        *,
        session_id: str,
        record: Record,
        inbox: Inbox,
        outbox: Outbox | None = None,
    ) -> None:
        """Take over a connection that was just accepted. Without an outbox replies leave at once."""
        self.transport = transport
        self.inbox = inbox
        self.input = ClientInput(pause=self._pause, resume=self._resume)
        self.closed = False
        self.patience = PATIENCE
        self._session_id = session_id
        self._record = record
        self._out = bytearray()
        self._outbox = outbox
        self._passages: deque[_Passage] = deque()
        self._one_at_a_time = asyncio.Lock()
        self._manners: list[Manner] = []
        self._held = b""
        self._hold_next = False
        self._writable = asyncio.Event()
        self._writable.set()
        self._lines = 0
        self._lost = False
        self._throttle = Throttle(transport, now=self._now, sleep=self._sleep, left=self.client_closed)
        self._waker: asyncio.Future[None] | None = None
        self._departure_noted = False

    # -- what the protocol tells

    def feed(self, data: bytes | memoryview) -> None:
        """Take what came, as slowly as a rule wants it."""
        self.input.feed(data)
        if self._throttle.rate:
            self._throttle.took(len(data))

    def client_closed(self) -> None:
        """Note that the client will send no more; it may still read."""
        self.input.end()
        if self._waker is not None:
            self._note_departure()
        self._wake()

    def connection_lost(self, *, reset: bool) -> None:
        """Note that there is no connection any more."""
        self._lost = True
        self.input.end(reset=reset)
        self._writable.set()
        self._wake()

    def _wake(self, _: asyncio.Future[Any] | None = None) -> None:
        if self._waker is not None and not self._waker.done():
            self._waker.set_result(None)

    def pause_writing(self) -> None:
        """Stop: the client does not take what it is sent."""
        self._writable.clear()

    def resume_writing(self) -> None:
        """Go on."""
        self._writable.set()

    def _pause(self) -> None:
        with suppress(RuntimeError, NotImplementedError):  # closing already
            self.transport.pause_reading()

    def _resume(self) -> None:
        if not self._throttle.stopped:
            with suppress(RuntimeError, NotImplementedError):
                self.transport.resume_reading()

    @property
    def peer(self) -> tuple[str, int]:
        """The client's address and port."""
        peer = self.transport.get_extra_info("peername") or ("", 0)
        return str(peer[0]), int(peer[1])

    def hold(self) -> None:
        """Leave what comes next in the kernel, for TLS to read."""
        self.transport.pause_reading()

    def unhold(self) -> None:
        """Read on: no TLS will."""
        self._resume()

    def read_at(self, rate: float) -> None:
        """Read so many octets a second until the content has ended; 0 reads nothing more."""
        self._throttle.read_at(rate)
        self.input.portion = self.input.appetite = self._throttle.portion

    # -- the transcript

    def write_down(  # noqa: PLR0913 - the fields of a line
        self,
        source: Source,
        data: bytes,
        *,
        octets: int = 0,
        rule: str = "",
        secret: bool = False,
        early: bool = False,
    ) -> None:
        """Add a line to the transcript."""
        self._lines += 1
        self._record.add(
            Line(
                self._session_id,
                self._lines,
                time.time(),
                self.inbox.clock.now(),
                source,
                data,
                octets,
                rule,
                secret,
                early,
            )
        )

    def _now(self) -> float:
        return self.inbox.clock.now()

    async def _sleep(self, seconds: float) -> None:
        await self.inbox.clock.sleep(seconds)

    def note(self, text: str, *, rule: str = "") -> None:
        """Add a remark of the trap itself to the transcript."""
        self.write_down(Source.NOTE, text.encode("utf-8", "surrogateescape"), rule=rule)

    def _note_departure(self) -> None:
        """Write down when a client stopped waiting: what is said to it later would look as if it had heard it."""
        if self.abandoned and not self._departure_noted:
            self._departure_noted = True
            self.write_down(Source.NOTE, CLIENT_LEFT)

    # -- from the client

    async def line(self, patience: float, *, secret: bool = False) -> bytes:
        """Read a command line, after sending all replies that are due. Raises as `ClientInput.line` does."""
        waits = self.input.has_line()
        early = waits and bool(self._out or self._passages)
        if self._passages:
            await self.flush()
        elif not waits:
            self._flush_soon()
            if not self._writable.is_set():
                await self._until_writable()
        elif len(self._out) > FULL:
            await self.flush()
            await asyncio.sleep(0)  # a client that pipelines without end keeps nobody waiting
        try:
            line = await self.input.line(patience)
        except LineTooLong:
            self.note(f"a command line of over {MAX_LINE} octets was thrown away")
            raise
        except ClientGone:
            left = self.input.discard()
            if left:
                shown = "" if secret or _has_credentials(left) else f": {left!r}"
                self.note(f"the client left in the middle of a line{shown}")
            raise
        self.write_down(Source.CLIENT, line, secret=secret or _has_credentials(line), early=early)
        return line

    async def content(
        self, limit: int, patience: float, watch: Watch | None = None, *, spool_over: int = 0, lenient: bool = False
    ) -> Content:
        """Read the content of a message up to its final dot; `watch` is shown it as it comes."""
        if watch is not None:
            # Before the client reads its 354: it would push into the kernel what a rule does not want read.
            await watch.look(bytearray(), 0)
        if self._passages or not self._writable.is_set():
            await self.flush()
        else:
            self._flush_soon()
        content = await self.input.content(limit, patience, watch, spool_over=spool_over, lenient=lenient)
        self._throttle.end()
        self.input.portion = self.input.appetite = 0
        self.write_down(Source.CONTENT, b"", octets=content.octets)
        return content

    # -- to the client

    def next_reply(self, manner: Manner) -> None:
        """Let the next reply travel like this."""
        self._manners.append(manner)

    def hold_reply(self) -> None:
        """Keep the next reply back, and send it together with the one after it."""
        self._hold_next = True

    def reply(self, reply: Reply, *, rule: str = "") -> None:
        """Put a reply in the buffer; it is sent when the session waits, or at `flush`."""
        data = self._held + reply.wire()
        self._held = b""
        if self._hold_next:
            self._hold_next, self._held = False, data
            self.note(f"holds back {len(data)} octets", rule=rule)
        elif self._manners or self._passages:
            self._reply_in_pieces(data, rule)
        else:
            self.write_down(Source.SERVER, data, rule=rule)
            self._out += data

    def _reply_in_pieces(self, data: bytes, rule: str) -> None:
        if self._out:
            self._passages.append(_Passage(deque([Piece(bytes(self._out))]), written_down=True))
            self._out.clear()
        manners, self._manners = self._manners, []
        self._passages.append(_Passage(deque(pieces(data, manners)), rule))

    async def flush(self) -> None:
        """Send what is in the buffer, in its pieces if it has any, and wait while the client does not take it."""
        if self._passages:
            async with self._one_at_a_time:  # a rule at idle sends too, while the reply before is still on its way
                await self._send_passages()
        self.flush_now()
        if not self._writable.is_set():
            await self._until_writable()

    async def send_pieces(self) -> None:
        """Send the replies that travel in pieces, if there are any, and what comes after them."""
        if self._passages:
            await self.flush()

    async def _send_passages(self) -> None:
        try:
            while self._passages:
                passage = self._passages[0]
                while passage.pieces:
                    await self._send_piece(passage)
                self._passages.popleft()
                self._has_gone(passage)
        except (ClientGone, asyncio.CancelledError):
            self.flush_now()  # what has gone belongs into the transcript before the end of the session
            raise

    async def _send_piece(self, passage: _Passage) -> None:
        piece = passage.pieces[0]
        if piece.wait:
            # Counted from when the piece before was due: a loop that wakes up late each time makes no slower pace.
            now = self.inbox.clock.now()
            passage.due = max((passage.due or now) + piece.wait, now + piece.wait / 2)
            await self._unless_lost(self.inbox.clock.sleep(passage.due - now), or_closed=False)
        if piece.gap:
            await asyncio.sleep(piece.gap)
        passage.pieces.popleft()
        if not self._lost:
            self.transport.write(piece.data)
            passage.sent += piece.data

    def _has_gone(self, passage: _Passage) -> None:
        if passage.sent and not passage.written_down:
            self.write_down(Source.SERVER, bytes(passage.sent), rule=passage.rule)
        unsent = sum(len(piece.data) for piece in passage.pieces)
        if unsent:
            self.note(f"{unsent} octets of the reply were never sent", rule=passage.rule)

    async def _until_writable(self) -> None:
        try:
            async with asyncio.timeout(self.patience):
                await self._writable.wait()
        except TimeoutError:
            self.closed = True
            break_off(self.transport)
            raise SessionOver(Ending.TIMEOUT, f"the client took nothing for {self.patience:g} s") from None

    @property
    def abandoned(self) -> bool:
        """Whether nobody seems to wait for a reply: the client closed its side, and left no command behind.

        A client that pipes a script into the connection and closes its side has left commands, and reads on.
        """
        return self._lost or (self.input.gone is not None and not self.input.has_line())

    def flush_now(self) -> None:
        """Send what is in the buffer, as far as the connection takes it without waiting."""
        open_ = not self._lost and not self.closed
        while self._passages:
            passage = self._passages.popleft()
            if open_:
                rest = b"".join(piece.data for piece in passage.pieces)
                passage.pieces.clear()
                self.transport.write(rest)
                passage.sent += rest
            self._has_gone(passage)
        self._send_out()

    def _send_out(self) -> None:
        """Send what is in the buffer; a reply in pieces may be on its way, and goes on as it does."""
        if self._out and not self._lost and not self.closed:
            self.transport.write(bytes(self._out))
        self._out.clear()

    def _flush_soon(self) -> None:
        """Send what is in the buffer before the client is waited for, and not much earlier."""
        if self._outbox is None or len(self._out) > _SMALL:
            self.flush_now()
        elif self._out:
            self._outbox.send_soon(self._send_out)

    # -- waiting, without losing sight of the client

    async def unless_lost(self, work: Awaitable[T], *, or_closed: bool = False) -> T:
        """Wait for something, with all replies sent. Raises `ClientGone` as soon as the connection is lost.

        With `or_closed` it is enough that the client closed its side.
        """
        try:
            await self.flush()
        except BaseException:
            if asyncio.iscoroutine(work):
                work.close()
            raise
        return await self._unless_lost(work, or_closed=or_closed)

    async def _unless_lost(self, work: Awaitable[T], *, or_closed: bool) -> T:
        task: asyncio.Future[T] = asyncio.ensure_future(work)
        task.add_done_callback(self._wake)
        try:
            while not task.done():
                if self.input.gone and (or_closed or self._lost):
                    raise self.input.gone
                if self.input.gone:
                    self._note_departure()
                self._waker = asyncio.get_running_loop().create_future()
                await self._waker
            return task.result()
        finally:
            self._waker = None
            task.remove_done_callback(self._wake)
            if not task.done():
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task

    # -- the ends

    async def close(self) -> None:
        """Close in order: what was said arrives, then FIN; input is read for a while, so that no RST overtakes it."""
        if self.closed:
            return
        await self.flush()
        self.closed = True
        self._throttle.end()
        await self._say_no_more(LINGER)

    async def close_half(self, patience: float) -> None:
        """Send FIN and go on reading until the client leaves, or for so many seconds. Over TLS it is a plain close."""
        await self.flush()
        self.closed = True
        await self._say_no_more(patience)

    async def _say_no_more(self, patience: float) -> None:
        if self.transport.can_write_eof():
            with suppress(OSError, RuntimeError):  # the client broke the connection, and the loop does not know yet
                self.transport.write_eof()
            await self._linger(patience)
        self.transport.close()

    async def _linger(self, patience: float) -> None:
        # Shutting down only ends the waiting: all is said, and how the session ended is settled.
        with suppress(TimeoutError, asyncio.CancelledError):
            async with asyncio.timeout(patience):
                while self.input.gone is None:
                    self.input.discard()
                    await self.input.wait(patience)

    def let_go(self) -> None:
        """Close, if nothing closed it before; never waits."""
        self._throttle.end()
        self.input.close()
        if not self.closed:
            self.flush_now()
            self.closed = True
            self.transport.close()

    async def abort(self) -> None:
        """Close at once: FIN, or RST if the client had sent what nobody read. Over TLS there is no close_notify."""
        await self.flush()
        self.closed = True
        break_off(self.transport)

    async def reset(self) -> None:
        """Break the connection: the client sees a reset (RST), and loses what it had not read yet."""
        await self.flush()
        self.drop()

    def drop(self) -> None:
        """Reset without sending what is in the buffer."""
        self.closed = True
        connection = self.transport.get_extra_info("socket")
        if connection is not None:
            with suppress(OSError):
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        break_off(self.transport)


def _has_credentials(line: bytes) -> bool:
    """Tell whether a command line may have some: of AUTH, however it is spaced, and with something behind it."""
    return b"AUTH" in line[:8].upper() and len(line) > len(b" AUTH\r\n")
