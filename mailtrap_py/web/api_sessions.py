"""The API's sessions: who connected, what was said word by word, and what became of every transaction."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from pydantic import Field

from mailtrap_py.events import Outcome, Source
from mailtrap_py.scenario.findings import findings
from mailtrap_py.web.api import operation
from mailtrap_py.web.bodies import (
    FindingItem,
    FiringItem,
    LineItem,
    SessionDetail,
    SessionItem,
    SessionList,
    TransactionItem,
    TransactionList,
)
from mailtrap_py.web.evidence import evidence_of
from mailtrap_py.web.files import file
from mailtrap_py.web.filters import LAST_POSITION, MOST_AT_ONCE, Filter
from mailtrap_py.web.masking import masked
from mailtrap_py.web.parameters import Parameters
from mailtrap_py.web.problems import NOT_FOUND, ProblemError

if TYPE_CHECKING:
    from starlette.responses import Response

    from mailtrap_py.events import Line
    from mailtrap_py.store import SessionView
    from mailtrap_py.web.context import Context

_SENT = frozenset({Source.CLIENT, Source.SERVER})
_CRLF = b"\r\n"


class ListSessions(Parameters):
    """Which part of the list of sessions is wanted."""

    inbox: str | None = Field(None, min_length=1, examples=["default"], description="Only sessions of this inbox.")
    limit: int = Field(50, ge=1, le=MOST_AT_ONCE, examples=[50], description="How many at most.")
    cursor: int | None = Field(None, ge=0, le=LAST_POSITION, description="The `next_cursor` of the part before.")


class OneSession(Parameters):
    """Which session."""

    id: str


class ShownSession(OneSession):
    """Which session, and whether to show the credentials that were sent in it."""

    secrets: bool = Field(default=False, examples=[True], description="Show credentials instead of masking them.")


class OneTransaction(OneSession):
    """Which transaction of which session."""

    number: int = Field(examples=[1], description="The `number` of the transaction.")


class ListTransactions(Filter):
    """Which transactions are wanted, and which part of the list."""

    outcome: Outcome | None = Field(None, examples=["rejected"], description="Only those that ended so.")
    limit: int = Field(50, ge=1, le=MOST_AT_ONCE, examples=[50], description="How many at most.")
    cursor: int = Field(0, ge=0, le=LAST_POSITION, description="The `next_cursor` of the part before.")


def list_sessions(context: Context, parameters: ListSessions) -> SessionList:
    """List sessions, newest first, with what is known of each."""
    page = context.store.sessions(inbox=parameters.inbox, limit=parameters.limit, before=parameters.cursor)
    return SessionList.part(page)


def read_session(context: Context, parameters: ShownSession) -> SessionDetail:
    """Show a session: its transcript with times, its transactions, the rules that acted, and findings."""
    store, session = context.store, _session(context, parameters.id)
    lines, transactions = store.transcript(session.id), store.transactions(session_id=session.id)
    return SessionDetail(
        **dict(SessionItem.model_validate(session)),
        transcript=[_line(line, session.at, parameters.secrets) for line in lines],
        transactions=[TransactionItem.model_validate(each) for each in transactions],
        firings=[FiringItem.model_validate(each) for each in store.firings(session_id=session.id)],
        findings=[
            FindingItem.model_validate(each) for each in findings(evidence_of(store, session, lines, transactions))
        ],
    )


def read_content(context: Context, parameters: OneTransaction) -> Response:
    """Give the octets that came in a transaction, whatever became of it: all of a message, or as far as it came."""
    session = _session(context, parameters.id)
    found = {each.number: each for each in context.store.transactions(session_id=session.id)}.get(parameters.number)
    if found is None:
        cure = f"GET /api/sessions/{session.id} lists what there is"
        raise ProblemError(NOT_FOUND, f"session {session.id!r} has no transaction {parameters.number}", cure=cure)
    content = (context.store.raw(found.message_id) if found.message_id else found.content) or b""
    if not content:
        cure = f"its outcome was {found.outcome}, with {found.octets} octets; a message that was deleted is gone"
        raise ProblemError(NOT_FOUND, f"nothing is kept of what transaction {found.number} brought", cure=cure)
    return file(found.id, content, "message/rfc822", f"{found.id}.eml")


def list_transactions(context: Context, parameters: ListTransactions) -> TransactionList:
    """List mail transactions, oldest first: the accepted ones, the rejected, and those that broke off."""
    page = context.store.transaction_page(
        parameters.query(), outcome=parameters.outcome, limit=parameters.limit, after=parameters.cursor
    )
    return TransactionList.part(page)


def _session(context: Context, session_id: str) -> SessionView:
    session = context.store.session(session_id)
    if session is None:
        cure = "GET /api/sessions lists what there is"
        raise ProblemError(NOT_FOUND, f"there is no session {session_id!r}", cure=cure)
    return session


def _line(line: Line, began: float, secrets: bool) -> LineItem:  # noqa: FBT001 - a parameter of the request
    hidden = line.secret and not secrets
    text = masked(line.data) if hidden else line.data.removesuffix(_CRLF).decode("utf-8", "replace")
    exact = hidden or line.source not in _SENT or text.encode() + _CRLF == line.data
    return LineItem.model_validate(
        {
            "number": line.number,
            "at": line.at,
            "clock": line.clock,
            "offset": round(line.at - began, 6),
            "source": line.source,
            "text": text,
            "data": None if exact else base64.b64encode(line.data),
            "octets": line.octets,
            "rule": line.rule,
            "secret": line.secret,
            "early": line.early,
        }
    )


OPERATIONS = (
    operation("GET", "/api/sessions", list_sessions, ListSessions, SessionList),
    operation("GET", "/api/sessions/{id}", read_session, ShownSession, SessionDetail),
    operation("GET", "/api/sessions/{id}/transactions/{number}/raw", read_content, OneTransaction, "message/rfc822"),
    operation("GET", "/api/transactions", list_transactions, ListTransactions, TransactionList),
)
