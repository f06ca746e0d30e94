"""Going back in a list that the record gives newest first: the part before the one that is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_REGION = 64  # positions looked at first; ever more, until enough is found


class Positioned(Protocol):
    """What stands in a list of the record."""

    @property
    def position(self) -> int:
        """Where."""


T = TypeVar("T", bound=Positioned)


def newer(read: Callable[[int | None, int], Sequence[T]], position: int, count: int) -> list[T]:
    """Give the `count` items that are next newer than a position, newest first; fewer if there are no more.

    `read` gives the newest items below a position (None: of all), so many at most.
    """
    newest = next(iter(read(None, 1)), None)
    if newest is None:
        return []
    length = _REGION
    while True:
        end = position + length + 1
        found = [each for each in read(end, length) if each.position > position]
        if len(found) >= count or end > newest.position:
            return found[-count:]
        length *= 4


def page_before(read: Callable[[int | None, int], Sequence[T]], first: int, count: int) -> int | str | None:
    """Say for `before` where the part of a list begins that comes before the one with this first position.

    The empty string is the beginning of the list; None says that the list begins here.
    """
    found = newer(read, first, count)
    if not found:
        return None
    return found[0].position + 1 if len(found) == count else ""
