"""The pages of sessions: who connected, every line that was said, and what became of each transaction."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from mailtrap_py.events import Outcome, Source
from mailtrap_py.message import decode, visible

if TYPE_CHECKING:
    from collections.abc import Iterable

    from starlette.requests import Request
    from starlette.responses import Response

    from mailtrap_py.events import Firing, Line, Transaction
    from mailtrap_py.store import SessionView
    from mailtrap_py.web.ui_render import Pages

_PAGE = 50
_LONG = 1.0  # seconds without a word that are worth pointing out
_MASK = "********"
_AUTH = re.compile(rb"AUTH +[A-Z0-9_-]{1,20} +", re.IGNORECASE)


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


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a transcript: when, the silence before it, by whom, what, and what there is to note about it.

    `source` is that of a line, or `rule` for one that fired, or `end` for the end of the session.
    """

    offset: float
    pause: float
    source: str
    lines: tuple[str, ...]
    ended: bool
    rule: str


def rows(session: SessionView, transcript: Iterable[Line], firings: Iterable[Firing]) -> list[Row]:
    """Make the rows of a transcript, the rules that fired and the end of the session among them, in order of time."""
    told: list[tuple[float, str, tuple[str, ...], bool, str]] = [
        (line.at, str(line.source), *_said(line), line.rule) for line in transcript
    ]
    told += [(firing.at, "rule", (", ".join(firing.actions),), True, firing.rule) for firing in firings]
    if session.ended_at is not None:
        why = f": {session.reason}" if session.reason else ""
        told.append((session.ended_at, "end", (f"{session.ending}{why}",), True, ""))
    found: list[Row] = []
    last = session.at
    for at, source, lines, ended, rule in sorted(told, key=lambda each: each[0]):
        found.append(Row(at - session.at, at - last if at - last >= _LONG else 0.0, source, lines, ended, rule))
        last = at
    return found


def _said(line: Line) -> tuple[tuple[str, ...], bool]:
    """Give the lines of a line, and whether it ended as lines do; credentials are masked, odd line ends are shown."""
    if line.secret:
        mechanism = _AUTH.match(line.data)
        return ((mechanism[0].decode("ascii") if mechanism else "") + _MASK,), True
    if line.source is Source.CONTENT:
        return (f"{line.octets} octets of message",), True
    ended = line.source is Source.NOTE or line.data.endswith(b"\r\n")
    return tuple(visible(decode(each)[0]) for each in line.data.removesuffix(b"\r\n").split(b"\r\n")), ended


class SessionPages:
    """The list of sessions, and a session."""

    def __init__(self, pages: Pages) -> None:
        """Show them on these pages."""
        self._pages = pages

    def index(self, request: Request) -> Response:
        """List the sessions, newest first."""
        before = request.query_params.get("before", "")
        page = self._pages.context.store.sessions(
            inbox=request.query_params.get("inbox") or None,
            limit=_PAGE,
            before=int(before) if before.isdecimal() else None,
        )
        return self._pages.page(request, "sessions.html", page=page, before=before)

    def show(self, request: Request) -> Response:
        """Show a session."""
        store = self._pages.context.store
        session = store.session(request.path_params["id"])
        if session is None:
            return self._pages.missing(request, "session")
        return self._pages.page(
            request,
            "session.html",
            session=session,
            transactions=[
                (each, outcome(each), store.message(each.message_id) if each.message_id else None)
                for each in store.transactions(session_id=session.id)
            ],
            rows=rows(session, store.transcript(session.id), store.firings(session_id=session.id)),
        )
