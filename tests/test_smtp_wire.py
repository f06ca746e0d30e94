"""The wire alone, between two real sockets, without a session on it."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import cast

import pytest

from mailtrap_py.clock import Clock, ManualClock
from mailtrap_py.events import CLIENT_LEFT, Line, Reply, Source
from mailtrap_py.inbox import Inbox
from mailtrap_py.smtp import wire as wire_module
from mailtrap_py.smtp.reader import ClientGone, LineTooLong
from mailtrap_py.smtp.travel import Dripped, Duplicated, Preceded, Split
from mailtrap_py.smtp.wire import SessionOver, Wire
from tests.connected import Book, Client, looped, until

OK = Reply(250, "2.0.0", ("Ok",))
PATIENCE = 30.0


@dataclass
class Bare(asyncio.Protocol):
    """A protocol that has a wire, and nothing else."""

    book: Book = field(default_factory=Book)
    inbox: Inbox = field(default_factory=Inbox)
    held: bool = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.wire = Wire(cast("asyncio.Transport", transport), session_id="session", record=self.book, inbox=self.inbox)
        if self.held:
            self.wire.hold()

    def data_received(self, data: bytes) -> None:
        self.wire.feed(data)

    def eof_received(self) -> bool:
        self.wire.client_closed()
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        self.wire.connection_lost(reset=exc is not None)

    def pause_writing(self) -> None:
        self.wire.pause_writing()

    def resume_writing(self) -> None:
        self.wire.resume_writing()


@dataclass
class Ends:
    """Both ends of a connection."""

    bare: Bare
    client: Client

    @property
    def wire(self) -> Wire:
        return self.bare.wire

    @property
    def clock(self) -> ManualClock:
        assert isinstance(self.bare.inbox.clock, ManualClock)
        return self.bare.inbox.clock


@contextlib.asynccontextmanager
async def ends(*, held: bool = False) -> AsyncIterator[Ends]:
    bare = Bare(held=held)
    bare.inbox.clock = ManualClock()
    server = await asyncio.get_running_loop().create_server(lambda: bare, "127.0.0.1", 0)
    client = Client(*await asyncio.open_connection(*server.sockets[0].getsockname()))
    await until(lambda: hasattr(bare, "wire"))
    try:
        yield Ends(bare, client)
    finally:
        client.writer.transport.abort()
        bare.wire.transport.abort()
        server.close()
        await asyncio.sleep(0)


# What is said, and what is written down


@looped
async def test_replies_leave_together_when_the_session_waits() -> None:
    async with ends() as both:
        both.wire.reply(OK, rule="it")
        both.wire.reply(Reply(354, "", ("go",)))
        both.wire.note("caf\u00e9 \udcff")
        waiting = asyncio.create_task(both.wire.line(PATIENCE))

        assert await both.client.reader.read(1000) == b"250 2.0.0 Ok\r\n354 go\r\n"
        await both.client.send(b"NOOP\r\n")
        assert await waiting == b"NOOP\r\n"
        lines = both.bare.book.of(Line)
        assert [(line.number, line.source, line.data, line.rule) for line in lines] == [
            (1, Source.SERVER, b"250 2.0.0 Ok\r\n", "it"),
            (2, Source.SERVER, b"354 go\r\n", ""),
            (3, Source.NOTE, b"caf\xc3\xa9 \xff", ""),
            (4, Source.CLIENT, b"NOOP\r\n", ""),
        ]
        assert {(line.session_id, line.clock) for line in lines} == {("session", both.clock.now())}


@looped
async def test_replies_wait_while_the_next_command_is_there_already() -> None:
    async with ends() as both:
        await both.client.send(b"one\r\ntwo\r\n")
        await both.wire.line(PATIENCE)
        both.wire.reply(OK)
        await both.wire.line(PATIENCE)
        both.wire.reply(OK)

        await both.wire.flush()
        assert await both.client.reader.read(1000) == b"250 2.0.0 Ok\r\n" * 2
        assert [line.early for line in both.bare.book.of(Line)] == [False, False, True, False]


@looped
async def test_many_replies_do_not_wait() -> None:
    async with ends() as both:
        await both.client.send(b"NOOP\r\n" * 2000)
        for _ in range(2000):
            await both.wire.line(PATIENCE)
            both.wire.reply(OK)

        assert len(await both.client.reader.read(100_000)) > wire_module.FULL


@pytest.mark.parametrize(
    ("line", "secret", "marked"),
    [
        (b"  AUTH PLAIN AGFubgBzZWNyZXQ=\r\n", False, True),
        (b"auth\tPLAIN AGFubgBzZWNyZXQ=\r\n", False, True),
        (b"AUTH PLAIN x\r\n", False, True),
        (b"auth x\r\n", False, True),
        (b"AUTH\r\n", False, False),
        (b"eA==\r\n", True, True),
    ],
)
@looped
async def test_credentials_are_marked(line: bytes, *, secret: bool, marked: bool) -> None:
    async with ends() as both:
        await both.client.send(line)
        await both.wire.line(PATIENCE, secret=secret)

        assert [said.secret for said in both.bare.book.of(Line)] == [marked]


@looped
async def test_content_is_counted_and_not_written_down() -> None:
    async with ends() as both:
        both.wire.reply(Reply(354, "", ("go",)))
        taking = asyncio.create_task(both.wire.content(1000, PATIENCE))
        assert await both.client.hear() == "354 go"
        await both.client.send(b"..\r\n.\r\n")

        assert (await taking).raw == b".\r\n"
        assert [(line.source, line.octets, line.data) for line in both.bare.book.of(Line)][1:] == [
            (Source.CONTENT, 7, b"")
        ]


@looped
async def test_who_is_there() -> None:
    async with ends() as both:
        assert both.wire.peer == both.client.writer.get_extra_info("sockname")


@looped
async def test_a_connection_without_an_address() -> None:
    # As on a socket of the file system.
    transport = asyncio.Transport({"peername": None})
    wire = Wire(transport, session_id="", record=Book(), inbox=Inbox())

    assert wire.peer == ("", 0)


@looped
async def test_what_is_held_stays_in_the_kernel() -> None:
    async with ends(held=True) as both:
        await both.client.send(b"\x16\x03\x01\r\n")
        connection: socket.socket = both.wire.transport.get_extra_info("socket")
        await until(lambda: _waits(connection))
        assert not both.wire.input.has_line()

        both.wire.unhold()
        assert await both.wire.line(PATIENCE) == b"\x16\x03\x01\r\n"


def _waits(connection: socket.socket) -> bool:
    # asyncio lends no `recv`, so the bytes are looked at through a second descriptor of the same connection.
    with socket.socket(fileno=socket.dup(connection.fileno())) as other:
        try:
            return bool(other.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT))
        except BlockingIOError:
            return False


# How replies travel


@looped
async def test_a_reply_in_segments() -> None:
    async with ends() as both:
        both.wire.reply(Reply(220, "", ("hello",)))
        both.wire.next_reply(Split((3, 4)))
        both.wire.reply(OK)
        both.wire.reply(Reply(354, "", ("go",)))
        sending = asyncio.create_task(both.wire.flush())

        heard: list[bytes] = []
        while b"".join(heard) != b"220 hello\r\n250 2.0.0 Ok\r\n354 go\r\n":
            heard.append(await both.client.reader.read(1000))
        await sending
        assert len(heard) >= 3
        assert b"250" not in b"".join(heard)[:11]


@looped
async def test_a_reply_octet_by_octet_on_the_scenarios_clock() -> None:
    async with ends() as both:
        both.wire.next_reply(Dripped(5, every=2.0))
        both.wire.reply(OK)
        sending = asyncio.create_task(both.wire.flush())
        assert await both.client.reader.read(1000) == b"250 2"

        await until(lambda: both.clock.sleepers)
        both.clock.advance(2)
        assert await both.client.reader.read(1000) == b".0.0 "
        await until(lambda: both.clock.sleepers)
        both.clock.advance(2)
        assert await both.client.reader.read(1000) == b"Ok\r\n"
        await sending


@dataclass
class LateClock(Clock):
    """The clock of a machine that has other work: whoever sleeps wakes up late."""

    late: float
    time: float = 1000.0

    def now(self) -> float:
        return self.time

    async def sleep(self, seconds: float) -> None:
        self.time += seconds + self.late


@pytest.mark.parametrize(("late", "seconds"), [(0.0, 26.0), (0.9, 26.9), (3.0, 5.0 + 12 * 4.0)])
@looped
async def test_a_drip_keeps_its_pace_though_the_machine_does_not(late: float, seconds: float) -> None:
    # Two seconds for each octet; those that are late come closer together, but no closer than one second.
    async with ends() as both:
        clock = both.bare.inbox.clock = LateClock(late)
        both.wire.next_reply(Dripped(1, every=2.0))
        both.wire.reply(Reply(250, "", ("12345678",)))  # 14 octets, and so 13 pauses
        await both.wire.flush()

        assert clock.time - 1000.0 == pytest.approx(seconds)


@looped
async def test_a_client_that_leaves_ends_a_drip() -> None:
    async with ends() as both:
        both.wire.next_reply(Dripped(1, every=2.0))
        both.wire.reply(OK)
        sending = asyncio.create_task(both.wire.unless_lost(asyncio.sleep(PATIENCE)))
        await until(lambda: both.clock.sleepers)
        both.client.reset()

        with pytest.raises(ClientGone):
            await sending
        assert both.clock.sleepers == 0
        assert both.bare.book.said(Source.SERVER) == [b"2"]  # what went, and not what was meant to
        assert both.bare.book.notes[-1] == "13 octets of the reply were never sent"


@looped
async def test_a_reply_in_pieces_is_written_down_when_it_has_gone() -> None:
    async with ends() as both:
        begin = both.clock.now()
        both.wire.next_reply(Dripped(13, every=2.0))
        both.wire.reply(OK)
        await both.client.send(b"NOOP\r\n")  # too early: it is written down behind the reply all the same
        await until(both.wire.input.has_line)
        reading = asyncio.create_task(both.wire.line(PATIENCE))
        await until(lambda: both.clock.sleepers)
        assert both.bare.book.said(Source.SERVER) == []
        both.clock.advance(2)
        await reading

        assert [(line.source, line.clock, line.early) for line in both.bare.book.of(Line)] == [
            (Source.SERVER, begin + 2, False),
            (Source.CLIENT, begin + 2, True),
        ]


@looped
async def test_when_a_client_stops_waiting_is_written_down_once() -> None:
    async with ends() as both:
        begin = both.clock.now()
        waiting = asyncio.create_task(both.wire.unless_lost(both.clock.sleep(5)))
        await until(lambda: both.clock.sleepers)
        both.clock.advance(1)
        both.client.half_close()
        await until(lambda: both.bare.book.notes)
        both.clock.advance(4)
        await waiting
        await both.wire.unless_lost(asyncio.sleep(0))

        assert [(line.data, line.clock) for line in both.bare.book.of(Line)] == [(CLIENT_LEFT, begin + 1)]


@looped
async def test_who_comes_with_all_commands_and_closes_its_side_still_waits() -> None:
    async with ends() as both:
        await both.client.send(b"NOOP\r\n")
        both.client.half_close()
        await until(lambda: both.wire.input.gone)
        await both.wire.unless_lost(asyncio.sleep(0))

        assert both.bare.book.notes == []


@looped
async def test_two_who_send_at_once_send_each_piece_once() -> None:
    async with ends() as both:
        both.wire.next_reply(Dripped(7, every=2.0))
        both.wire.reply(OK)
        sending = [asyncio.create_task(both.wire.flush()) for _ in range(2)]
        await until(lambda: both.clock.sleepers)
        both.clock.advance(2)
        await asyncio.gather(*sending)

        assert await both.client.reader.readexactly(14) == b"250 2.0.0 Ok\r\n"


@looped
async def test_a_reply_whose_sending_is_cut_short_goes_at_once() -> None:
    async with ends() as both:
        both.wire.next_reply(Dripped(1, every=2.0))
        both.wire.reply(OK)
        sending = asyncio.create_task(both.wire.flush())
        await until(lambda: both.clock.sleepers)
        sending.cancel()  # as at a shutdown
        with pytest.raises(asyncio.CancelledError):
            await sending

        assert await both.client.reader.readexactly(14) == b"250 2.0.0 Ok\r\n"
        assert both.bare.book.said(Source.SERVER) == [b"250 2.0.0 Ok\r\n"]


@looped
async def test_manners_are_for_one_reply() -> None:
    async with ends() as both:
        both.wire.next_reply(Duplicated())
        both.wire.next_reply(Preceded(b"250 unsolicited\r\n"))
        both.wire.reply(OK)
        await both.wire.flush()
        both.wire.reply(OK)
        await both.wire.flush()

        wanted = b"250 unsolicited\r\n" + b"250 2.0.0 Ok\r\n" * 3
        assert await both.client.reader.readexactly(len(wanted)) == wanted
        assert both.bare.book.said(Source.SERVER) == [
            b"250 unsolicited\r\n250 2.0.0 Ok\r\n250 2.0.0 Ok\r\n",
            b"250 2.0.0 Ok\r\n",
        ]


@looped
async def test_a_reply_that_is_held_back_comes_with_the_next() -> None:
    async with ends() as both:
        both.wire.hold_reply()
        both.wire.reply(OK)
        await both.wire.flush()
        assert both.bare.book.said(Source.SERVER) == []
        assert both.bare.book.notes == ["holds back 14 octets"]

        both.wire.reply(Reply(354, "", ("go",)))
        await both.wire.flush()
        assert await both.client.reader.read(1000) == b"250 2.0.0 Ok\r\n354 go\r\n"


# A client that does not read


@looped
async def test_a_client_that_does_not_read_is_waited_for_and_then_given_up() -> None:
    async with ends() as both:
        both.wire.patience = 0.02
        both.client.reader._transport.pause_reading()  # type: ignore[attr-defined]  # noqa: SLF001 - it reads nothing
        both.wire.reply(Reply(250, "", ("x" * 20_000_000,)))

        with pytest.raises(SessionOver, match=r"the client took nothing for 0\.02 s"):
            await both.wire.flush()
        assert both.wire.closed


@looped
async def test_a_client_that_reads_again_is_sent_the_rest() -> None:
    async with ends() as both:
        both.client.reader._transport.pause_reading()  # type: ignore[attr-defined]  # noqa: SLF001 - it waits
        both.wire.reply(Reply(250, "", ("x" * 20_000_000,)))
        sending = asyncio.create_task(both.wire.flush())
        await asyncio.sleep(0)
        both.client.reader._transport.resume_reading()  # type: ignore[attr-defined]  # noqa: SLF001

        assert len(await both.client.reader.readexactly(20_000_006)) == 20_000_006
        await sending


# Waiting without losing sight of the client


@looped
async def test_a_wait_gives_what_it_waited_for_with_all_replies_sent() -> None:
    async with ends() as both:
        both.wire.reply(OK)

        async def work() -> int:
            assert await both.client.hear() == "250 2.0.0 Ok"
            return 7

        assert await both.wire.unless_lost(work()) == 7


@looped
async def test_what_goes_wrong_in_a_wait_is_raised() -> None:
    async def work() -> None:
        raise ZeroDivisionError

    async with ends() as both:
        with pytest.raises(ZeroDivisionError):
            await both.wire.unless_lost(work())


@pytest.mark.parametrize("or_closed", [False, True])
@looped
async def test_a_client_that_closed_its_side_is_waited_for_unless_told_otherwise(*, or_closed: bool) -> None:
    async with ends() as both:
        both.client.half_close()
        await until(lambda: both.wire.input.gone)
        work = both.wire.unless_lost(asyncio.sleep(0, 7), or_closed=or_closed)
        if or_closed:
            with pytest.raises(ClientGone):
                await work
        else:
            assert await work == 7


@looped
async def test_work_that_nobody_waits_for_is_stopped() -> None:
    stopped = asyncio.Event()

    async def work() -> None:
        try:
            await asyncio.sleep(PATIENCE)
        finally:
            stopped.set()

    async with ends() as both:
        waiting = asyncio.create_task(both.wire.unless_lost(work()))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        both.client.reset()
        with pytest.raises(ClientGone):
            await waiting
        assert stopped.is_set()


@looped
async def test_work_that_was_not_begun_is_closed() -> None:
    for begun in (False, True):
        async with ends() as both:
            both.wire.patience = 0.01
            both.wire.pause_writing()
            work = asyncio.sleep(0)
            with pytest.raises(SessionOver):
                await both.wire.unless_lost(asyncio.ensure_future(work) if begun else work)
            assert inspect.getcoroutinestate(work) == inspect.CORO_CLOSED


@pytest.mark.parametrize(
    ("sent", "how", "abandoned"),
    [
        (b"", None, False),
        (b"QUIT\r\n", Client.half_close, False),
        (b"", Client.half_close, True),
        (b"QUI", Client.half_close, True),
        (b"QUIT\r\n", Client.reset, True),
    ],
)
@looped
async def test_whether_somebody_waits_for_a_reply(
    sent: bytes, how: Callable[[Client], None] | None, *, abandoned: bool
) -> None:
    async with ends() as both:
        await both.client.send(sent)
        await until(lambda: both.wire.input.has_line() or b"\n" not in sent)
        if how is not None:
            how(both.client)
            await until(lambda: both.wire.input.gone)

        assert both.wire.abandoned is abandoned


# The ends


@pytest.mark.parametrize("how", [Wire.close, lambda wire: wire.close_half(PATIENCE), Wire.abort])
@looped
async def test_an_end_comes_after_what_was_said(how: Callable[[Wire], Awaitable[None]]) -> None:
    async with ends() as both:
        both.wire.reply(OK)
        closing = asyncio.ensure_future(how(both.wire))

        assert await both.client.rest() == b"250 2.0.0 Ok\r\n"
        both.client.leave()
        await closing
        assert both.wire.closed


@pytest.mark.parametrize("how", [Wire.close, lambda wire: wire.close_half(PATIENCE), Wire.abort, Wire.reset])
@looped
async def test_an_end_of_what_the_client_has_just_broken(how: Callable[[Wire], Awaitable[None]]) -> None:
    bare = Bare()
    server = await asyncio.get_running_loop().create_server(lambda: bare, "127.0.0.1", 0)
    client = socket.create_connection(server.sockets[0].getsockname())
    await until(lambda: hasattr(bare, "wire"))
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()  # a reset, of which the kernel knows, and the loop only when it turns
    await how(bare.wire)

    assert bare.wire.closed
    server.close()
    await until(lambda: bare.wire.input.gone)


@looped
async def test_closing_waits_for_the_client_and_not_for_ever() -> None:
    async with ends() as both:
        closing = asyncio.create_task(both.wire.close())
        assert await both.client.rest() == b""
        for _ in range(5):
            await both.client.send(b"still here\r\n")
            await asyncio.sleep(0)
        assert not closing.done()
        both.client.leave()
        await closing
        await both.wire.close()  # again, and nothing happens

    async with ends() as both:
        await both.wire.close_half(0.01)
        assert both.wire.closed


@looped
async def test_closing_after_the_client_has_gone() -> None:
    async with ends() as both:
        both.client.reset()
        await until(lambda: both.wire.input.gone)
        both.wire.reply(OK)

        await both.wire.close()
        assert both.wire.closed


@looped
async def test_cancelling_only_ends_the_waiting_of_a_close() -> None:
    async with ends() as both:
        closing = asyncio.create_task(both.wire.close())
        assert await both.client.rest() == b""
        closing.cancel()
        await closing  # is not cancelled


@looped
async def test_reset_sends_what_was_said_and_drop_does_not() -> None:
    for how, said in ((Wire.reset, b"250 2.0.0 Ok\r\n"), (_drop, b"")):
        async with ends() as both:
            both.wire.reply(OK)
            await how(both.wire)
            # What the client has not read when RST comes is lost to it; here nothing of it is read.
            heard = b""
            with contextlib.suppress(ConnectionResetError):
                heard = await both.client.reader.read(1000)
                heard += await both.client.reader.read(1000)
                pytest.fail("the connection was not reset")
            assert heard in {b"", said}


async def _drop(wire: Wire) -> None:
    wire.drop()


@looped
async def test_letting_go_never_waits() -> None:
    async with ends() as both:
        both.wire.reply(OK)
        both.wire.let_go()
        both.wire.let_go()

        assert await both.client.rest() == b"250 2.0.0 Ok\r\n"


@looped
async def test_letting_go_sends_what_was_still_to_travel() -> None:
    async with ends() as both:
        both.wire.next_reply(Dripped(1, every=60.0))
        both.wire.reply(OK)
        both.wire.reply(OK)
        both.wire.let_go()

        assert await both.client.rest() == b"250 2.0.0 Ok\r\n" * 2


@looped
async def test_resetting_a_connection_that_is_gone() -> None:
    async with ends() as both:
        both.client.reset()
        await until(lambda: both.wire.input.gone)
        await asyncio.sleep(0)

        await both.wire.reset()
        assert both.wire.closed


@looped
async def test_a_line_that_is_too_long_is_noted() -> None:
    async with ends() as both:
        await both.client.send(b"x" * 20_000 + b"\r\n")
        with pytest.raises(LineTooLong):
            await both.wire.line(PATIENCE)

        assert both.bare.book.notes == ["a command line of over 12288 octets was thrown away"]


# How fast is read


@looped
async def test_reading_may_stop_and_go_on_when_the_content_ends() -> None:
    async with ends() as both:
        both.wire.read_at(0.0)
        await both.client.send(b"NOOP\r\n")
        connection: socket.socket = both.wire.transport.get_extra_info("socket")
        await until(lambda: _waits(connection))
        both.wire.unhold()
        await asyncio.sleep(0)
        assert not both.wire.input.has_line()

        closing = asyncio.create_task(both.wire.close())
        both.client.leave()
        await closing
