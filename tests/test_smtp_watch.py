from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailtrap_py.smtp.watch import Watch

CONTENT = b"one\r\ntwo\r\n\r\nfour\r\n"


def told(content: bytes, ends: list[int], *, octets: list[int], lines: list[int]) -> list[tuple[bytes, int]]:
    """Let content grow to each of the ends, and note what is told."""
    calls: list[tuple[bytes, int]] = []

    async def reached(prefix: bytes, count: int) -> None:
        calls.append((prefix, count))

    async def stream() -> None:
        watch = Watch(reached, octets=octets, lines=lines)
        for end in ends:
            await watch.look(bytearray(content), end)

    asyncio.run(stream())
    return calls


def test_octets_and_lines_are_told_in_order() -> None:
    assert told(CONTENT, [len(CONTENT)], octets=[7, 0], lines=[1, 3]) == [
        (b"", 0),
        (b"one\r\n", 1),
        (b"one\r\ntw", 1),
        (b"one\r\ntwo\r\n\r\n", 3),
    ]


def test_what_was_not_reached_is_not_told() -> None:
    assert told(CONTENT, [4], octets=[5], lines=[1]) == []
    assert told(CONTENT, [5], octets=[5], lines=[1]) == [(b"one\r\n", 1), (b"one\r\n", 1)]


def test_a_mark_is_told_once() -> None:
    assert told(CONTENT, [9, 9, 10], octets=[2], lines=[]) == [(b"on", 0)]


@given(st.lists(st.integers(0, 30)), st.lists(st.integers(0, 6)), st.lists(st.integers(0, len(CONTENT))))
def test_segments_make_no_difference(octets: list[int], lines: list[int], cuts: list[int]) -> None:
    whole = told(CONTENT, [len(CONTENT)], octets=octets, lines=lines)
    split = told(CONTENT, [*sorted(cuts), len(CONTENT)], octets=octets, lines=lines)
    assert sorted(split, key=len) == sorted(whole, key=len)
    assert {prefix for prefix, _ in split} == {prefix for prefix, _ in whole}


def test_no_more_is_wanted_than_up_to_the_next_mark() -> None:
    async def reached(_: bytes, __: int) -> None: ...

    watch = Watch(reached, octets=[1000, 2000])
    assert (watch.appetite(0), watch.appetite(900), watch.appetite(1004)) == (1004, 104, 1)
    asyncio.run(watch.look(bytearray(1000), 1000))
    assert watch.appetite(1004) == 1000
    asyncio.run(watch.look(bytearray(2000), 2000))
    assert watch.appetite(2004) == 0
    assert Watch(reached, octets=[9000], lines=[3]).appetite(0) == 512


def test_what_the_listener_raises_ends_the_look() -> None:
    async def reached(_: bytes, __: int) -> None:
        raise LookupError

    with pytest.raises(LookupError):
        asyncio.run(Watch(reached, octets=[1]).look(bytearray(b"ab"), 2))
