"""The pages of sessions: who connected, every line that was said, and what became of each transaction."""

from __future__ import annotations

from dataclasses import dataclass, replace
from operator import attrgetter
from typing import TYPE_CHECKING, NamedTuple

from mailtrap_py.events import Outcome, Source
from mailtrap_py.message import decode, visible
from mailtrap_py.scenario.findings import findings
from mailtrap_py.web.evidence import evidence_of
from mailtrap_py.web.masking import masked
from mailtrap_py.web.ui_paging import page_before
from mailtrap_py.web.ui_render import position

if TYPE_CHECKING:
    from collections.abc import Iterable

    from starlette.requests import Request
    from starlette.responses import Response

    from mailtrap_py.events import Firing, Line, Transaction
    from mailtrap_py.store import SessionView
    from mailtrap_py.web.ui_render import Pages

_PAGE = 50
_LONG = 1.0  # seconds without a word that are worth pointing out


class Verdict(NamedTuple):
    """What became of a transaction: `good`, `doubtful`, `bad` or `open`, and a sentence for it."""

    kind: str
    words: str


def outcome(transaction: Transaction) -> Verdict:
    """Say what became of a transaction, and whether its client knows."""
    if transaction.outcome is Outcome.ACCEPTED and not transaction.acknowledged:
        return Verdict("doubtful", "Stored, but the 250 was never sent: the client does not know.")
    if transaction.outcome is Outcome.ACCEPTED and not transaction.message_id:
        return Verdict("doubtful", "Not stored, although the client was told that it was.")
    if transaction.outcome is Outcome.ACCEPTED:
        return Verdict("good", "Stored, and the client was told so.")
    if transaction.outcome is Outcome.REJECTED:
        return Verdict("bad", "Refused.")
    return Verdict("bad", "Broken off before it was complete.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A row of a transcript: when, by whom, its lines, and what there is to note about it.

    `source` is that of a line, or `rule` for one that fired, or `end` for the end of the session. `number` is that of
    the line, 0 for what is none; `pause` is the silence before it, in seconds, 0 if it is none to speak of; `ended`
    says whether it ended as lines do.
    """

    offset: float
    source: str
    lines: tuple[str, ...]
    rule: str = ""
    number: int = 0
    ended: bool = True
    pause: float = 0.0


def rows(session: SessionView, transcript: Iterable[Line], firings: Iterable[Firing]) -> list[Row]:
    """Make the rows of a transcript, the rules that fired and the end of the session among them, in order of time."""
    found = [_row(line, session.at) for line in transcript]
    found += [
        Row(offset=firing.at - session.at, source="rule", lines=(", ".join(firing.actions),), rule=firing.rule)
        for firing in firings
    ]
    if session.ended_at is not None:
        why = f": {session.reason}" if session.reason else ""
        found.append(Row(offset=session.ended_at - session.at, source="end", lines=(f"{session.ending}{why}",)))
    found.sort(key=attrgetter("offset"))
    befores = [0.0, *(row.offset for row in found)]
    return [
        replace(row, pause=row.offset - before) if row.offset - before >= _LONG else row
        for row, before in zip(found, befores, strict=False)  # there is one time more: that of the last row
    ]


def _row(line: Line, began: float) -> Row:
    """Make the row of a line; credentials are masked, odd line ends are shown."""
    ended = True
    if line.secret:
        lines: tuple[str, ...] = (masked(line.data),)
    elif line.source is Source.CONTENT:
        lines = (f"{line.octets} octets of message",)
    else:
        ended = line.source is Source.NOTE or line.data.endswith(b"\r\n")
        lines = tuple(visible(decode(each)[0]) for each in line.data.removesuffix(b"\r\n").split(b"\r\n"))
    offset = line.at - began
    return Row(offset=offset, source=line.source, lines=lines, rule=line.rule, number=line.number, ended=ended)


class SessionPages:
    """The list of sessions, and a session."""

    def __init__(self, pages: Pages) -> None:
        """Show them on these pages."""
        self._pages = pages

    def index(self, request: Request) -> Response:
        """List the sessions, newest first."""
        before = position(request)
        inbox = request.query_params.get("inbox") or None
        store, newer = self._pages.context.store, None
        page = store.sessions(inbox=inbox, limit=_PAGE, before=before)
        if before is not None and page.items:
            newer = page_before(
                lambda before, limit: store.sessions(inbox=inbox, limit=limit, before=before).items,
                page.items[0].position,
                _PAGE,
            )
        return self._pages.page(request, "sessions.html", page=page, before=before, newer=newer)

    def show(self, request: Request) -> Response:
        """Show a session."""
        store = self._pages.context.store
        session = store.session(request.path_params["id"])
        if session is None:
            return self._pages.missing(request, "session")
        transcript, transactions = store.transcript(session.id), store.transactions(session_id=session.id)
        return self._pages.page(
            request,
            "session.html",
            session=session,
            transactions=[
                (each, outcome(each), store.message(each.message_id) if each.message_id else None)
                for each in transactions
            ],
            findings=findings(evidence_of(store, session, transcript, transactions)),
            rows=rows(session, transcript, store.firings(session_id=session.id)),
        )
