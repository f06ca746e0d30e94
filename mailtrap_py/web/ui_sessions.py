"""The pages of sessions: who connected, every line that was said, and what became of each transaction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from mailtrap_py.events import Outcome
from mailtrap_py.message import decode, visible

if TYPE_CHECKING:
    from collections.abc import Iterable

    from starlette.requests import Request
    from starlette.responses import Response

    from mailtrap_py.events import Line, Transaction
    from mailtrap_py.web.ui_render import Pages

_PAGE = 50
_LONG = 1.0  # seconds without a word that are worth pointing out
_MASK = "********"


class Verdict(NamedTuple):
    """What became of a transaction: `good`, `doubtful`, `bad` or `open`, and a sentence for it."""

    kind: str
    words: str


def outcome(transaction: Transaction) -> Verdict:
    """Say what became of a transaction, and whether its client knows."""
    reply = str(transaction.reply).replace("\r\n", " / ") if transaction.reply else "no reply"
    if transaction.outcome is Outcome.ACCEPTED and not transaction.acknowledged:
        return Verdict("doubtful", "Stored, but the 250 was never sent: the client does not know.")
    if transaction.outcome is Outcome.ACCEPTED and not transaction.message_id:
        return Verdict("doubtful", f"Not stored, although the client was told {reply}.")
    if transaction.outcome is Outcome.ACCEPTED:
        return Verdict("good", f"Stored, and the client was told {reply}.")
    if transaction.outcome is Outcome.REJECTED:
        return Verdict("bad", f"Refused: {reply}.")
    return Verdict("bad", "Broken off before it was complete.")


@dataclass(frozen=True, slots=True)
class Row:
    """A line of a transcript to show: when, by whom, its lines, and what there is to note about it."""

    offset: float
    pause: float
    source: str
    lines: tuple[str, ...]
    ended: bool
    rule: str
    octets: int


def rows(transcript: Iterable[Line], began: float) -> list[Row]:
    """Make the rows of a transcript; credentials are masked, odd line ends are shown."""
    found: list[Row] = []
    last = began
    for line in transcript:
        data = b"" if line.secret else line.data
        text = decode(data.removesuffix(b"\r\n"), "utf-8")[0]
        found.append(
            Row(
                offset=line.at - began,
                pause=line.at - last if line.at - last >= _LONG else 0.0,
                source=str(line.source),
                lines=(_MASK,) if line.secret else tuple(visible(each) for each in text.split("\r\n")),
                ended=line.secret or line.source not in {"client", "server"} or data.endswith(b"\r\n"),
                rule=line.rule,
                octets=line.octets,
            )
        )
        last = line.at
    return found


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
            firings=store.firings(session_id=session.id),
            rows=rows(store.transcript(session.id), session.at),
        )
