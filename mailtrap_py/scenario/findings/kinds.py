"""What a finding is, and how a kind of finding is written: a small pure function under its level, RFC and sentence."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

from mailtrap_py.events import Line

T = TypeVar("T")

_MOST_DETAILS = 3


class Level(StrEnum):
    """How bad it is: `error` breaks a MUST or loses mail somewhere, `warning` a SHOULD, `info` is worth knowing."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Finding:
    """Something about a client that nobody asked for: what, how bad, by which RFC, and the lines of the transcript.

    `why` says to people what comes of it.
    """

    kind: str
    level: Level
    text: str
    why: str
    rfc: str
    session_id: str
    lines: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Spot:
    """One place where a kind was met: lines of a transcript, what to add to the sentence, and, if not clear, whose."""

    lines: tuple[Line, ...] = ()
    detail: str = ""
    session_id: str = ""


@dataclass(frozen=True, slots=True)
class Kind(Generic[T]):
    """A kind of finding. `look` gives every spot of it in what it is shown."""

    name: str
    level: Level
    rfc: str
    sentence: str
    why: str
    look: Callable[[T], Iterator[Spot]]

    def findings(self, shown: Iterable[T], session_id: str = "") -> Iterator[Finding]:
        """Look at each of what is shown, and make one finding of all spots in a session."""
        spots: dict[str, list[Spot]] = {}
        for each in shown:
            for spot in self.look(each):
                spots.setdefault(spot.session_id or session_id, []).append(spot)
        for where, found in spots.items():
            yield self._finding(where, found)

    def _finding(self, session_id: str, spots: Iterable[Spot]) -> Finding:
        lines = {line.number for spot in spots for line in spot.lines}
        details = list(dict.fromkeys(spot.detail for spot in spots if spot.detail))
        more = ["…"] if len(details) > _MOST_DETAILS else []
        text = ": ".join(filter(None, (self.sentence, ", ".join(details[:_MOST_DETAILS] + more))))
        return Finding(self.name, self.level, text, self.why, self.rfc, session_id, tuple(sorted(lines)))


def kind(level: Level, rfc: str, sentence: str, why: str) -> Callable[[Callable[[T], Iterator[Spot]]], Kind[T]]:
    """Make a kind of finding of a function; its name is that of the function, with hyphens."""

    def make(look: Callable[[T], Iterator[Spot]]) -> Kind[T]:
        return Kind(look.__name__.strip("_").replace("_", "-"), level, rfc, sentence, why, look)

    return make
