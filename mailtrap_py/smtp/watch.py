"""Looks at the content of a message while it streams in, and tells when an octet or a line is reached that matters.

What is told depends on the content alone, not on the segments in which it happened to come: each mark is met once, in
order, with exactly the octets up to it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable

HELD_BACK = 4
"""Octets that are not shown yet, because they may be the beginning of the final dot."""

_LINE_PORTION = 512
"""Octets that are read at once while a mark is a line: seven lines of an ordinary text."""

Reached = Callable[[bytes, int], Awaitable[None]]
"""Called with the content up to the mark and the number of its complete lines."""


class Watch:
    """The marks of one message that are still to come."""

    def __init__(self, reached: Reached, *, octets: Iterable[int] = (), lines: Iterable[int] = ()) -> None:
        """Take the marks: numbers of octets, and numbers of complete lines."""
        self._reached = reached
        self._octets = sorted(set(octets), reverse=True)
        self._lines = sorted(set(lines), reverse=True)
        self._counted = 0
        self._line_end = 0

    def appetite(self, have: int) -> int:
        """Tell how many octets to read next, so that the next mark is reached and hardly more is read; 0: any number.

        Lines are read in small portions, because nobody knows where they end.
        """
        wanted = [max(1, self._octets[-1] + HELD_BACK - have)] if self._octets else []
        if self._lines:
            wanted.append(_LINE_PORTION)
        return min(wanted, default=0)

    async def look(self, buffer: bytearray, end: int) -> None:
        """Tell of every mark in the first `end` octets that was not told of before. Raises what the listener raises."""
        while True:
            octet = self._octets[-1] if self._octets and self._octets[-1] <= end else None
            line = self._next_line_mark(buffer, end)
            if octet is None and line is None:
                return
            if line is None or (octet is not None and octet <= line):
                place = self._octets.pop()
            else:
                place = line
                self._lines.pop()
            await self._reached(bytes(buffer[:place]), buffer.count(b"\n", 0, place))

    def _next_line_mark(self, buffer: bytearray, end: int) -> int | None:
        """Find where the line of the next mark ends, if that is within `end`."""
        if not self._lines:
            return None
        while self._counted < self._lines[-1]:
            found = buffer.find(b"\n", self._line_end, end)
            if found < 0:
                return None
            self._counted += 1
            self._line_end = found + 1
        return self._line_end
