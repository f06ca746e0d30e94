"""The reader alone: bytes are fed by hand, in any pieces."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Coroutine, Iterable
from dataclasses import dataclass, field
from typing import TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailtrap_py.smtp.content import Content
from mailtrap_py.smtp.reader import HIGH_WATER, MAX_LINE, ClientGone, ClientInput, LineTooLong
from mailtrap_py.smtp.watch import Watch
from tests.connected import looped

T = TypeVar("T")
PATIENCE = 60.0
LIMIT = 1000


@dataclass
class Tap:
    """Counts how often the client was made to wait, and to go on."""

    turned: list[str] = field(default_factory=list)

    def input(self) -> ClientInput:
        return ClientInput(pause=lambda: self.turned.append("pause"), resume=lambda: self.turned.append("resume"))


@pytest.fixture
def tap() -> Tap:
    return Tap()


async def fed(reader: ClientInput, pieces: Iterable[bytes], work: Coroutine[None, None, T]) -> T:
    """Let somebody read while the pieces come one after the other, and then the end."""
    reading = asyncio.create_task(work)
    for piece in pieces:
        await asyncio.sleep(0)
        reader.feed(piece)
    await asyncio.sleep(0)
    reader.end()
    return await reading


def cut(data: bytes, at: Iterable[int]) -> list[bytes]:
    """Cut at these places, wrapped around so that each is one."""
    edges = [0, *sorted({number % (len(data) + 1) for number in at}), len(data)]
    return [data[start:end] for start, end in itertools.pairwise(edges)]


def steps(data: bytes, step: int) -> list[bytes]:
    """Cut into pieces of so many octets."""
    return [data[start : start + step] for start in range(0, len(data), step)]


# Lines


@pytest.mark.parametrize("step", [1, 2, 3, 1000])
@looped
async def test_lines_come_out_as_they_went_in(tap: Tap, step: int) -> None:
    data = b"EHLO a\r\nNOOP\n\r\n \xff\x00\rx\r\nQUIT\r\n"
    reader = tap.input()

    async def read() -> list[bytes]:
        return [await reader.line(PATIENCE) for _ in range(5)]

    lines = await fed(reader, steps(data, step), read())

    assert lines == [b"EHLO a\r\n", b"NOOP\n", b"\r\n", b" \xff\x00\rx\r\n", b"QUIT\r\n"]


@given(data=st.lists(st.sampled_from([b"a", b"\r", b"\n", b"\r\n", b"\x00", b"."])), at=st.lists(st.integers(0, 99)))
def test_lines_are_the_same_however_they_are_cut(data: list[bytes], at: list[int]) -> None:
    async def read() -> list[bytes]:
        reader = Tap().input()
        lines: list[bytes] = []

        async def lines_until_gone() -> None:
            while True:
                lines.append(await reader.line(PATIENCE))

        with pytest.raises(ClientGone):
            await fed(reader, cut(b"".join(data), at), lines_until_gone())
        return lines

    assert asyncio.run(read()) == [line + b"\n" for line in b"".join(data).split(b"\n")[:-1]]


@looped
async def test_what_the_client_left_behind_is_read_before_its_end_is_noticed(tap: Tap) -> None:
    reader = tap.input()
    reader.feed(b"NOOP\r\nQUI")
    reader.end(reset=True)
    reader.end()  # the first end is the true one

    assert await reader.line(PATIENCE) == b"NOOP\r\n"
    with pytest.raises(ClientGone, match="the client reset the connection") as caught:
        await reader.line(PATIENCE)
    assert caught.value.reset
    assert reader.gone is caught.value


@pytest.mark.parametrize("step", [1, 7000, 100_000])
@pytest.mark.parametrize("over", [0, 1, 5000])
@looped
async def test_a_line_of_the_longest_is_read_and_a_longer_one_thrown_away(tap: Tap, over: int, step: int) -> None:
    reader = tap.input()
    line = b"x" * (MAX_LINE - 2 + over) + b"\r\n"
    data = line + b"NOOP\r\n"

    async def read() -> list[bytes | None]:
        lines: list[bytes | None] = []
        for _ in range(2):
            try:
                lines.append(await reader.line(PATIENCE))
            except LineTooLong:
                lines.append(None)
        return lines

    assert await fed(reader, steps(data, step), read()) == [None if over else line, b"NOOP\r\n"]


@looped
async def test_a_line_without_end_is_not_kept(tap: Tap) -> None:
    reader = tap.input()
    reading = asyncio.create_task(reader.line(PATIENCE))
    for _ in range(100):
        reader.feed(b"x" * MAX_LINE)
        await asyncio.sleep(0)
        assert len(reader._buffer) <= 2 * MAX_LINE  # noqa: SLF001 - what it costs in memory

    reader.feed(b"\n")
    with pytest.raises(LineTooLong):
        await reading


@looped
async def test_who_waits_too_long_is_told(tap: Tap) -> None:
    reader = tap.input()
    with pytest.raises(TimeoutError):
        await reader.line(0.001)

    reader.feed(b"NOOP\r\n")
    assert await reader.line(PATIENCE) == b"NOOP\r\n"


@looped
async def test_a_reader_that_is_woken_and_cancelled_leaves_nothing_behind(tap: Tap) -> None:
    reader = tap.input()
    reading = asyncio.create_task(reader.line(PATIENCE))
    await asyncio.sleep(0)
    reader.feed(b"NO")
    reader.feed(b"OP")  # while it is woken already
    reading.cancel()
    await asyncio.wait([reading])

    reader.feed(b"\r\n")
    assert await reader.line(PATIENCE) == b"NOOP\r\n"


def test_whole_lines_are_seen(tap: Tap) -> None:
    reader = tap.input()
    reader.feed(b"NOOP\r")
    assert not reader.has_line()
    reader.feed(b"\n")
    assert reader.has_line()
    assert reader.discard() == b"NOOP\r\n"
    assert not reader.has_line()


# Making the client wait


@looped
async def test_a_client_that_sends_faster_than_it_is_served_waits(tap: Tap) -> None:
    reader = tap.input()
    reader.feed(b"NOOP\r\n" * (HIGH_WATER // 6))
    assert tap.turned == []

    reader.feed(b"NOOP\r\n")
    reader.feed(b"NOOP\r\n")  # it was on its way already
    assert tap.turned == ["pause"]

    await reader.line(PATIENCE)
    assert tap.turned == ["pause"]
    await reader.line(PATIENCE)
    assert tap.turned == ["pause", "resume"]


@looped
async def test_content_is_never_made_to_wait(tap: Tap) -> None:
    reader = tap.input()
    reader.feed(b"x" * (HIGH_WATER + 1))
    assert tap.turned == ["pause"]

    reading = asyncio.create_task(reader.content(10 * HIGH_WATER, PATIENCE))
    await asyncio.sleep(0)
    assert tap.turned == ["pause", "resume"]
    reader.feed(b"x" * HIGH_WATER)
    reader.feed(b"\r\n.\r\n")
    assert (await reading).octets == 2 * HIGH_WATER + 6
    assert tap.turned == ["pause", "resume"]

    reader.feed(b"x" * (HIGH_WATER + 1))
    assert tap.turned == ["pause", "resume", "pause"]
    reader.discard()
    assert tap.turned == ["pause", "resume", "pause", "resume"]


# Content


@pytest.mark.parametrize(
    ("wire", "raw"),
    [
        (b".\r\n", b""),
        (b"\r\n.\r\n", b"\r\n"),
        (b"a\r\n.\r\n", b"a\r\n"),
        (b"..\r\n.\r\n", b".\r\n"),
        (b".a\r\n.\r\n", b"a\r\n"),
        (b"a\r\n..\r\n...\r\n.\r\n", b"a\r\n.\r\n..\r\n"),
        (b"a\r\n..b\r\n.c\r\n.\r\n", b"a\r\n.b\r\nc\r\n"),
        (b"\n.\n\r.\r\n..\r\n\n.\r\n.\r\n", b"\n.\n\r.\r\n.\r\n\n.\r\n"),
        (b"\r\n.\n\r\n.\r\r\n\r.\r\n.\r\n", b"\r\n\n\r\n\r\r\n\r.\r\n"),
        (b"\x00\xff\r\n\x00\r\n.\r\n", b"\x00\xff\r\n\x00\r\n"),
        (b"x" * 5000 + b"\r\n.\r\n", b"x" * 5000 + b"\r\n"),
    ],
)
@looped
async def test_content_ends_at_crlf_dot_crlf_and_at_nothing_else(wire: bytes, raw: bytes) -> None:
    for step in (1, 2, 3, len(wire)):
        reader = Tap().input()
        content = await fed(reader, [*steps(wire, step), b"QUIT\r\n"], reader.content(10_000, PATIENCE))

        assert content == Content(wire, len(wire), complete=True, too_big=False)
        assert content.raw == raw
        assert reader.discard() == b"QUIT\r\n"


_SCRAPS = st.lists(st.sampled_from([b"a", b".", b"\r", b"\n", b"\r\n", b"\r\n.", b"\r\n..", b"\x00", b"\xff"]))


def stuff(raw: bytes) -> bytes:
    """Stuff dots as a client does (RFC 5321, section 4.5.2): here the content ends with CRLF or is empty."""
    stuffed = raw.replace(b"\r\n.", b"\r\n..")
    return (b"." if raw.startswith(b".") else b"") + stuffed + b".\r\n"


@given(scraps=_SCRAPS, at=st.lists(st.integers(0, 99)), tail=st.sampled_from([b"", b"RSET\r\n", b".\r\n"]))
@settings(deadline=None)
def test_what_was_stuffed_comes_out_bit_for_bit(scraps: list[bytes], at: list[int], tail: bytes) -> None:
    raw = b"".join(scraps)
    raw += b"\r\n" if raw else b""
    wire = stuff(raw)

    async def read() -> tuple[Content, bytes]:
        reader = Tap().input()
        content = await fed(reader, cut(wire + tail, at), reader.content(LIMIT, PATIENCE))
        return content, reader.discard()

    content, left = asyncio.run(read())
    assert content == Content(wire, len(wire), complete=True, too_big=False)
    assert (content.raw, left) == (raw, tail)


@pytest.mark.parametrize(
    ("sent", "raw"),
    [
        (b"", b""),
        (b".", b""),
        (b".\r", b"\r"),
        (b"a\r\n.", b"a\r\n"),
        (b"a\r\n..b\r\n.\r", b"a\r\n.b\r\n\r"),
        (b"a", b"a"),
    ],
)
@looped
async def test_a_client_that_leaves_in_the_content_leaves_what_it_sent(tap: Tap, sent: bytes, raw: bytes) -> None:
    reader = tap.input()
    content = await fed(reader, [sent], reader.content(LIMIT, PATIENCE))

    assert content == Content(sent, len(sent), complete=False, too_big=False)
    assert content.raw == raw


@pytest.mark.parametrize("step", [1, 3, 999, 10_000])
@looped
async def test_content_far_over_the_limit_is_read_to_its_end_and_not_kept(tap: Tap, step: int) -> None:
    reader = tap.input()
    wire = b"x" * 5000 + b"\r\n.\r\n"
    kept = 0

    async def read() -> Content:
        nonlocal kept
        reading = asyncio.create_task(reader.content(LIMIT, PATIENCE))
        while not reading.done():
            await asyncio.sleep(0)
            kept = max(kept, len(reader._buffer))  # noqa: SLF001 - what it costs in memory
        return await reading

    content = await fed(reader, [*steps(wire, step), b"QUIT\r\n"], read())

    assert (content.octets, content.complete) == (5005, True)
    if step < 10_000:
        assert content.too_big
        assert content.wire == b""
        assert kept <= 2 * LIMIT + step
    else:  # it came at once, so there was nothing to save
        assert content.wire == wire
    assert reader.discard() == b"QUIT\r\n"


@looped
async def test_a_client_that_leaves_far_over_the_limit_is_counted_too(tap: Tap) -> None:
    reader = tap.input()
    content = await fed(reader, [b"x" * 1500, b"y" * 1500], reader.content(LIMIT, PATIENCE))

    assert content == Content(b"", 3000, complete=False, too_big=True)


@pytest.mark.parametrize("sent", [b"", b".\r", b"Subject: hello\r\n\r\nte"])
@looped
async def test_a_client_that_falls_silent_in_the_content_leaves_what_it_sent(tap: Tap, sent: bytes) -> None:
    reader = tap.input()
    reader.feed(sent)

    content = await reader.content(LIMIT, 0.001)

    assert content == Content(sent, len(sent), complete=False, too_big=False)
    assert reader.gone is None


@looped
async def test_content_that_came_with_its_command_is_not_waited_for(tap: Tap) -> None:
    reader = tap.input()
    reader.feed(b"DATA\r\n")
    reader.feed(b"a\r\n.\r\nMAIL")
    assert await reader.line(PATIENCE) == b"DATA\r\n"

    content = await reader.content(LIMIT, PATIENCE)

    assert (content.raw, reader.discard()) == (b"a\r\n", b"MAIL")


@pytest.mark.parametrize("later", [b"cd\r\n.\r\nQUIT\r\n", b"cd\r\n.\r", b"cd", b""])
@looped
async def test_what_comes_while_a_mark_is_looked_at_is_seen_too(tap: Tap, later: bytes) -> None:
    reader = tap.input()
    reached, go_on = asyncio.Event(), asyncio.Event()

    async def look(content: bytes, _: int) -> None:
        assert content == b"ab"
        reached.set()
        await go_on.wait()

    reading = asyncio.create_task(reader.content(LIMIT, PATIENCE, Watch(look, octets=[2])))
    reader.feed(b"ab1234")
    await reached.wait()
    reader.feed(later)
    go_on.set()
    await asyncio.sleep(0)
    whole = b"ab1234cd\r\n.\r\n"
    reader.feed(whole[6 + len(later) :])

    assert await reading == Content(whole, len(whole), complete=True, too_big=False)


@looped
async def test_a_client_that_leaves_while_a_mark_is_looked_at_is_noticed(tap: Tap) -> None:
    reader = tap.input()

    async def look(_: bytes, __: int) -> None:
        reader.feed(b"7")
        reader.end()
        await asyncio.sleep(0)

    reader.feed(b"123456")
    content = await reader.content(LIMIT, PATIENCE, Watch(look, octets=[1]))

    assert content == Content(b"1234567", 7, complete=False, too_big=False)
