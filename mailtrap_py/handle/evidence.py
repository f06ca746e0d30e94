"""The record as evidence: what a judge and the findings need to know of a client."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailtrap_py.handle.pages import all_sessions
from mailtrap_py.scenario.evidence import Evidence
from mailtrap_py.web.evidence import recorded

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mailtrap_py.captured import Reader
    from mailtrap_py.events import Recorded
    from mailtrap_py.scenario.evidence import Copy


def evidence_of(record: Reader, inbox: str | None, until: float) -> Evidence:
    """Gather what is recorded of an inbox, of all if it is None, until this moment of the scenario's clock."""
    return Evidence.gather(_everything(record, inbox), until=until)


def _everything(record: Reader, inbox: str | None) -> Iterator[Recorded | Copy]:
    for session in all_sessions(record, inbox):
        lines = record.transcript(session.id)
        yield from recorded(record, session, lines, record.transactions(session_id=session.id))
    yield from record.firings(inbox=inbox)
