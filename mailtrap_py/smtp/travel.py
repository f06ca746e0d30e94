"""How a reply travels: whole, in pieces, too slowly, cut short, twice, with the wrong line ends.

Manners are values; `pieces` makes of a reply's bytes what goes on the wire, each piece with the pause before it. No
socket and no clock in here.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

SEGMENT_PAUSE: Final = 0.002
"""Seconds of real time between two writes that must not share a segment; half a millisecond was enough on loopback."""

LineEnd = Literal["lf", "cr", "crcrlf", "none"]
_LINE_ENDS: Final[dict[str, bytes]] = {"lf": b"\n", "cr": b"\r", "crcrlf": b"\r\r\n", "none": b""}


@dataclass(frozen=True, slots=True)
class Piece:
    """Bytes that are written at once, after `wait` seconds of the scenario's clock and `gap` seconds of real time."""

    data: bytes
    wait: float = 0.0
    gap: float = 0.0


@dataclass(frozen=True, slots=True)
class Dripped:
    """So many bytes at a time, with so many seconds between."""

    octets: int
    every: float


@dataclass(frozen=True, slots=True)
class Split:
    """Segments of their own, cut before these octets."""

    at: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class LineEnded:
    """Another line end than CRLF."""

    end: LineEnd


@dataclass(frozen=True, slots=True)
class Truncated:
    """Only the first octets."""

    at: int


@dataclass(frozen=True, slots=True)
class Duplicated:
    """The whole reply twice."""


@dataclass(frozen=True, slots=True)
class Preceded:
    """Something that nobody asked for in front of it."""

    by: bytes


Manner: TypeAlias = Dripped | Split | LineEnded | Truncated | Duplicated | Preceded


def pieces(data: bytes, manners: Sequence[Manner]) -> tuple[Piece, ...]:
    """Apply the manners in their order to a reply; at the end of all it is cut into what is written at once."""
    slow: Dripped | None = None
    cuts: tuple[int, ...] = ()
    for manner in manners:
        match manner:
            case LineEnded(end):
                data = data.replace(b"\r\n", _LINE_ENDS[end])
            case Truncated(at):
                data = data[:at]
            case Duplicated():
                data += data
            case Preceded(by):
                data = by + data
            case Split(at):
                cuts = at
            case Dripped():
                slow = manner
    if slow is not None:
        step = slow.octets
        return tuple(
            Piece(data[start : start + step], wait=slow.every if start else 0.0) for start in range(0, len(data), step)
        )
    bounds = [0, *sorted({cut for cut in cuts if 0 < cut < len(data)}), len(data)]
    return tuple(
        Piece(data[start:end], gap=SEGMENT_PAUSE if start else 0.0) for start, end in itertools.pairwise(bounds)
    )
