"""The record as evidence: what a judge and the findings need to know of a client."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from mailtrap_py.scenario.evidence import Evidence
from mailtrap_py.web.evidence import recorded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mailtrap_py.captured import Reader
    from mailtrap_py.events import Recorded
    from mailtrap_py.scenario.evidence import Copy
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


def evidence_of(record: Reader, inbox: str | None, until: float) -> Evidence:
    """Gather what is recorded of an inbox, of all if it is None, until this moment of the scenario's clock."""
    return Evidence.gather(_everything(record, inbox), until=until)


def _everything(record: Reader, inbox: str | None) -> Iterator[Recorded | Copy]:
    for session in all_sessions(record, inbox):
        lines = record.transcript(session.id)
        yield from recorded(record, session, lines, record.transactions(session_id=session.id))
    yield from record.firings(inbox=inbox)
