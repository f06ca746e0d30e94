"""Lists of the record, read to their end."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

    from mailtrap_py.captured import Reader
    from mailtrap_py.store import Page, SessionView

T = TypeVar("T")
_PAGE = 1000


def oldest_first(read: Callable[[int | None], Page[T]]) -> list[T]:
    """Read a list of the record to its end; `read` takes the cursor of a page."""
    page = read(None)
    found = [*page.items]
    while page.next is not None:
        page = read(page.next)
        found += page.items
    return found[::-1]


def all_sessions(record: Reader, inbox: str | None) -> list[SessionView]:
    """Give every session of an inbox, oldest first."""
    return oldest_first(lambda before: record.sessions(inbox=inbox, limit=_PAGE, before=before))
