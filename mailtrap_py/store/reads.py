"""The questions readers ask. Exact ones are answered by indexes, patterns by comparing summary after summary."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any, Protocol, TypeVar

from sqlalchemy import ColumnElement, Connection, RowMapping, Table, func, select, true

from mailtrap_py.events import Firing, Line, Outcome, Point, Recipient, Reply, Source, Transaction
from mailtrap_py.store.query import MOST_COUNTED, MessageSummary, Page, Query, SessionView
from mailtrap_py.store.rows import summarize_content
from mailtrap_py.store.schema import addresses, contents, firings, lines, messages, sessions, transactions
from mailtrap_py.store.texts import Texts

_FETCH = 500  # rows fetched together while patterns are compared
_FETCH_FOUND = 100  # and of what the index names


class _Positioned(Protocol):
    @property
    def position(self) -> int: ...


P = TypeVar("P", bound=_Positioned)


def _count_of(table: Table) -> ColumnElement[int]:
    return select(func.count()).where(table.c.session_id == sessions.c.id).scalar_subquery().label(table.name)


_SUMMARIES = select(*(messages.c[name] for name in MessageSummary.__struct_fields__))
_SESSIONS = select(
    *(sessions.c[name] for name in SessionView.__dataclass_fields__ if name in sessions.c),
    _count_of(messages),
    _count_of(transactions),
)
_TRANSACTIONS = (
    select(transactions, contents.c.data, messages.c.subject, messages.c.from_)
    .outerjoin(contents, contents.c.position == transactions.c.position)
    .outerjoin(messages, messages.c.id == transactions.c.message_id)
    .order_by(transactions.c.position)
)


def find_messages(
    connection: Connection, texts: Texts, query: Query, limit: int, before: int | None
) -> Page[MessageSummary]:
    """Give the newest `limit` messages that are meant, at positions below `before`; 0 only counts them."""
    if query.exact and not query.needles:
        condition = _condition(query)
        total = connection.execute(select(func.count()).select_from(messages).where(condition)).scalar_one()
        statement = _SUMMARIES.where(condition).order_by(messages.c.position.desc()).limit(limit + 1)
        if before is not None:
            statement = statement.where(messages.c.position < before)
        return _page([_summary(row) for row in connection.execute(statement).mappings()], limit, total)
    if query.text:
        return _search(connection, texts, query, limit, before)
    total = 0
    found: list[MessageSummary] = []
    for message in every_message(connection, texts, query):
        total += 1
        if len(found) <= limit and (before is None or message.position < before):
            found.append(message)
    return _page(found, limit, total)


def _search(connection: Connection, texts: Texts, query: Query, limit: int, before: int | None) -> Page[MessageSummary]:
    """Find by text, which takes so long that no more is looked at than is shown or counted."""
    if query.exact:
        found = list(islice(_places_of(connection, texts, query), MOST_COUNTED + 1))
        chosen = found[: limit + 1]
        if before is not None or limit > MOST_COUNTED:
            chosen = list(islice(_places_of(connection, texts, query, before), limit + 1))
        statement = _SUMMARIES.where(messages.c.position.in_(chosen)).order_by(messages.c.position.desc())
        shown = [_summary(row) for row in connection.execute(statement).mappings()] if chosen else []
        total = len(found)
    else:
        shown = list(islice(every_message(connection, texts, query, before), limit + 1))
        total = sum(1 for _ in islice(every_message(connection, texts, query), MOST_COUNTED + 1))
    return _page(shown, limit, min(total, MOST_COUNTED), uncounted=total > MOST_COUNTED)


def _places_of(connection: Connection, texts: Texts, query: Query, before: int | None = None) -> Iterator[int]:
    """Give the positions of what a search finds that needs no comparing, newest first."""
    condition = _condition(query)
    chosen = select(messages.c.position).where(condition).order_by(messages.c.position.desc())
    places = texts.positions(connection, query.needles, among=condition, before=before)
    while group := list(islice(places, _FETCH_FOUND)):
        yield from connection.execute(chosen.where(messages.c.position.in_(group))).scalars()


def every_message(
    connection: Connection, texts: Texts, query: Query, before: int | None = None
) -> Iterator[MessageSummary]:
    """Give all messages that are meant, at positions below `before`, newest first, as they are read."""
    for row in _rows_of(connection, texts, query, before):
        message = _summary(row)
        if query.exact or query.matches(message):
            yield message


def find_places(connection: Connection, texts: Texts, query: Query) -> Iterator[tuple[int, str, str]]:
    """Give position, inbox and id of all messages that are meant, newest first."""
    if query.exact and not query.needles:
        chosen = select(messages.c.position, messages.c.inbox, messages.c.id).where(_condition(query))
        for row in connection.execute(chosen.order_by(messages.c.position.desc())):
            yield row.position, row.inbox, row.id
    else:
        for message in every_message(connection, texts, query):
            yield message.position, message.inbox, message.id


def _rows_of(connection: Connection, texts: Texts, query: Query, before: int | None) -> Iterator[RowMapping]:
    condition = _condition(query)
    statement = _SUMMARIES.where(condition).order_by(messages.c.position.desc())
    if query.needles:
        places = texts.positions(connection, query.needles, among=condition, before=before)
        while group := list(islice(places, _FETCH_FOUND)):
            yield from connection.execute(statement.where(messages.c.position.in_(group))).mappings()
        return
    if before is not None:
        statement = statement.where(messages.c.position < before)
    with connection.execute(statement, execution_options={"yield_per": _FETCH}) as rows:
        yield from rows.mappings()


def find_message(connection: Connection, message_id: str) -> MessageSummary | None:
    """Give the message of that id."""
    row = connection.execute(_SUMMARIES.where(messages.c.id == message_id)).mappings().one_or_none()
    return None if row is None else _summary(row)


def find_these(connection: Connection, ids: Sequence[str]) -> dict[str, MessageSummary]:
    """Give the messages of those ids, as far as there are such."""
    if not ids:
        return {}
    rows = connection.execute(_SUMMARIES.where(messages.c.id.in_(ids))).mappings()
    return {row["id"]: _summary(row) for row in rows}


def find_raw(connection: Connection, message_id: str) -> bytes | None:
    """Give the octets of the message of that id."""
    statement = select(contents.c.data).join(messages, messages.c.position == contents.c.position)
    return connection.execute(statement.where(messages.c.id == message_id)).scalar_one_or_none()


def find_sessions(connection: Connection, inbox: str | None, limit: int, before: int | None) -> Page[SessionView]:
    """Give the newest `limit` sessions of an inbox or of all, at positions below `before`."""
    condition = true() if inbox is None else sessions.c.inbox == inbox
    total = connection.execute(select(func.count()).select_from(sessions).where(condition)).scalar_one()
    statement = _SESSIONS.where(condition).order_by(sessions.c.position.desc()).limit(limit + 1)
    if before is not None:
        statement = statement.where(sessions.c.position < before)
    return _page([SessionView(**row) for row in connection.execute(statement).mappings()], limit, total)


def find_session(connection: Connection, session_id: str) -> SessionView | None:
    """Give the session of that id."""
    row = connection.execute(_SESSIONS.where(sessions.c.id == session_id)).mappings().one_or_none()
    return None if row is None else SessionView(**row)


def find_lines(connection: Connection, session_id: str) -> list[Line]:
    """Give the transcript of a session, in the order of the lines."""
    statement = select(lines.c.chunk).where(lines.c.session_id == session_id).order_by(lines.c.position)
    return [_line(session_id, values) for chunk in connection.execute(statement).scalars() for values in chunk]


def find_firings(connection: Connection, session_id: str | None, inbox: str | None) -> list[Firing]:
    """Give the firings of a session, of an inbox, or all, oldest first."""
    statement = select(firings).order_by(firings.c.position)
    if session_id is not None:
        statement = statement.where(firings.c.session_id == session_id)
    if inbox is not None:
        statement = statement.where(firings.c.inbox == inbox)
    return [_firing(row) for row in connection.execute(statement).mappings()]


def find_transactions(connection: Connection, query: Query, session_id: str | None) -> list[Transaction]:
    """Give the transactions that are meant, oldest first, those that brought no message with what had come.

    Raises `ValueError` for a search by text: only messages have an index.
    """
    return [transaction for _, transaction in _transactions_of(connection, query, _brought(query, session_id))]


def find_transaction_page(
    connection: Connection, query: Query, outcome: Outcome | None, limit: int, after: int
) -> Page[Transaction]:
    """Give the oldest `limit` transactions that are meant, at positions above `after`, which is the cursor."""
    condition = _brought(query)
    if outcome is not None:
        condition &= transactions.c.outcome == outcome.value
    found: list[tuple[int, Transaction]]
    if _compares(query):
        every = list(_transactions_of(connection, query, condition))
        total = len(every)
        found = [each for each in every if each[0] > after][: limit + 1]
    else:
        total = connection.execute(select(func.count()).select_from(transactions).where(condition)).scalar_one()
        later = condition & (transactions.c.position > after)
        found = list(_transactions_of(connection, query, later, limit + 1))
    items = tuple(transaction for _, transaction in found[:limit])
    return Page(items, found[limit - 1][0] if len(found) > limit else None, total)


def _compares(query: Query) -> bool:
    return (query.to, query.from_, query.subject) != (None, None, None)


def _brought(query: Query, session_id: str | None = None) -> ColumnElement[bool]:
    """Say in SQL which transactions are meant, as far as that can be said there."""
    if query.text is not None:
        raise ValueError("transactions are not searched by text: ask for messages, they name their transactions")
    condition: ColumnElement[bool] = true()
    for wanted in (query.session_id, session_id):
        if wanted is not None:
            condition &= transactions.c.session_id == wanted
    if query.inbox is not None:
        condition &= transactions.c.inbox == query.inbox
    if query.after is not None:
        condition &= transactions.c.position > query.after
    return condition


def _transactions_of(
    connection: Connection, query: Query, condition: ColumnElement[bool], most: int | None = None
) -> Iterator[tuple[int, Transaction]]:
    statement = _TRANSACTIONS.where(condition).limit(most)
    compares = _compares(query)
    with connection.execute(statement, execution_options={"yield_per": _FETCH}) as rows:
        for row in rows.mappings():
            transaction = _transaction(row)
            if not compares or query.matches(_attempt(row, transaction)):
                yield row["position"], transaction


def _condition(query: Query) -> ColumnElement[bool]:
    """Say in SQL what can be said there; `Query.matches` does the rest."""
    condition: ColumnElement[bool] = true()
    if query.inbox is not None:
        condition &= messages.c.inbox == query.inbox
    if query.session_id is not None:
        condition &= messages.c.session_id == query.session_id
    if query.after is not None:
        condition &= messages.c.position > query.after
    for role, address in (("to", query.exact_to), ("from", query.exact_from)):
        if address is not None:
            named = select(addresses.c.message).where(addresses.c.address == address, addresses.c.role == role)
            condition &= messages.c.position.in_(named)
    return condition


def _page(found: Sequence[P], limit: int, total: int, *, uncounted: bool = False) -> Page[P]:
    items = tuple(found[:limit])
    return Page(items, items[-1].position if items and len(found) > limit else None, total, uncounted)


def _summary(row: RowMapping) -> MessageSummary:
    values = dict(row)
    values["recipients"] = tuple(values["recipients"])
    return MessageSummary(**values)


def _line(session_id: str, values: Sequence[Any]) -> Line:
    number, at, clock, source, data, octets, rule, secret, *early = values  # the first records had no `early`
    return Line(
        session_id=session_id,
        number=number,
        at=at,
        clock=clock,
        source=Source(source),
        data=data.encode("latin-1"),
        octets=octets,
        rule=rule,
        secret=bool(secret),
        early=any(early),
    )


def _firing(row: RowMapping) -> Firing:
    values = dict(row)
    del values["position"]
    values["point"] = Point(values["point"])
    values["actions"] = tuple(values["actions"])
    return Firing(**values)


def _transaction(row: RowMapping) -> Transaction:
    values = {name: value for name, value in row.items() if name in Transaction.__struct_fields__}
    values["recipients"] = tuple(_recipient(*recipient) for recipient in values["recipients"])
    values["outcome"] = Outcome(values["outcome"])
    values["reply"] = None if values["reply"] is None else _reply(*values["reply"])
    return Transaction(content=row["data"] or b"", **values)


def _recipient(address: str, parameters: dict[str, str], reply: Sequence[Any], rule: str) -> Recipient:
    return Recipient(address=address, parameters=parameters, reply=_reply(*reply), rule=rule)


def _reply(code: int, enhanced: str, words: Sequence[str], raw: str) -> Reply:
    return Reply(code, enhanced, tuple(words), raw.encode("latin-1"))


def _attempt(row: RowMapping, transaction: Transaction) -> MessageSummary:
    """See a transaction as the message it was to bring; its recipients are all that were named, accepted or not."""
    header = summarize_content(transaction.content) if row["subject"] is None else None
    return MessageSummary(
        position=row["position"],
        id=transaction.message_id,
        inbox=transaction.inbox,
        session_id=transaction.session_id,
        transaction_id=transaction.id,
        at=transaction.ended_at,
        reverse_path=transaction.reverse_path,
        recipients=tuple(recipient.address for recipient in transaction.recipients),
        subject=row["subject"] if header is None else header.subject,
        from_=row["from_"] if header is None else header.from_,
        to="",
        cc="",
        date="",
        message_id="",
        size=transaction.octets,
        attachments=0,
        tls_version="",
        user="",
        client="",
        helo="",
    )
