"""Searches by text: an index that is written behind the messages, and what is not in it yet, looked through.

A message is stored without its words, so that its 250 does not wait for them. When the thread that writes has nothing
else to do, `step` puts the words of the next messages into `texts` and into the index over it, and the position in
`indexed` moves on. A search asks the index up to that position and reads the few messages behind it itself; so it
always finds what was stored before it began.

The index holds every run of three characters (FTS5 on SQLite, pg_trgm on PostgreSQL). It names the messages that have
all runs of what is searched for; whether they have them in one piece is then seen in the text.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from typing import Protocol

from sqlalchemy import (
    ColumnElement,
    Connection,
    RowMapping,
    delete,
    func,
    insert,
    select,
    true,
    update,
)
from sqlalchemy.dialects.sqlite.base import SQLiteDialect

from mailtrap_py.message.words import fold, words
from mailtrap_py.store.schema import addresses, contents, indexed, messages, stale, texts

BEHIND = 20
"""So many messages may wait for the index: fewer are looked through in no time, and small runs never need one."""

_LOG = logging.getLogger("mailtrap_py.store")
_STEP_MESSAGES = 32
_STEP_OCTETS = 2**20
_STEP_STALE = 16
_RUN = 3
_MOST_RUNS = 32

_UNREAD = select(messages.c.position, messages.c.reverse_path, messages.c.recipients, contents.c.data).join(
    contents, contents.c.position == messages.c.position
)
_INDEXED = select(func.coalesce(func.max(indexed.c.position), 0))
_WAITING = select(func.count()).select_from(messages).where(messages.c.position > _INDEXED.scalar_subquery())
# Rendered once, and not for every record that is opened: in the words of SQLite, which every database understands.
_BEHIND = str(_WAITING.compile(dialect=SQLiteDialect(), compile_kwargs={"literal_binds": True}))


class Index(Protocol):
    """The index of one kind of database."""

    kept: bool
    """Whether it is written at all."""

    def create(self, connection: Connection) -> None:
        """Make it, empty, over `texts`."""

    def add(self, connection: Connection, positions: list[int]) -> None:
        """Take in texts that were just written."""

    def remove(self, connection: Connection, positions: list[int]) -> None:
        """Take out texts that are still there and are about to go."""

    def empty(self, connection: Connection) -> None:
        """Take out everything."""

    def positions(self, connection: Connection, needles: Sequence[str], before: int | None) -> Iterator[int]:
        """Give the positions, below `before` and highest first, of the texts that contain all needles."""


class Texts:
    """The words of the messages: written, searched, and taken out again."""

    def __init__(self, index: Index) -> None:
        """Use the index that the database has."""
        self._index = index

    def edge(self, connection: Connection) -> int:
        """Give the position up to which the index has everything."""
        return int(connection.execute(_INDEXED).scalar_one())

    def behind(self, connection: Connection) -> int:
        """Count the messages that the index does not have yet."""
        return int(connection.exec_driver_sql(_BEHIND).scalar_one())

    def target(self, connection: Connection) -> int | None:
        """Give the position up to which the index should come before a search; None when it is near enough."""
        newest = select(messages.c.position).order_by(messages.c.position.desc()).offset(BEHIND).limit(1)
        target = connection.execute(newest).scalar()
        return target if self._index.kept and target is not None and target > self.edge(connection) else None

    def step(self, connection: Connection) -> bool:
        """Take in the next messages, in a transaction of some ten milliseconds; say whether there were any."""
        if not self._index.kept:
            return False
        # Of several programs on one database, one does it at a time, and the others do not wait for it.
        edge = connection.execute(select(indexed.c.position).with_for_update(skip_locked=True)).scalar()
        return edge is not None and self._take_in(connection, edge)

    def _take_in(self, connection: Connection, edge: int) -> bool:
        sizes = select(messages.c.position, messages.c.size).where(messages.c.position > edge)
        chosen: list[int] = []
        octets = 0
        for position, size in connection.execute(sizes.order_by(messages.c.position).limit(_STEP_MESSAGES)):
            octets += size
            if chosen and octets > _STEP_OCTETS:
                break
            chosen.append(position)
        if not chosen:
            return False
        rows = connection.execute(_UNREAD.where(messages.c.position.in_(chosen))).mappings().all()
        new = [{"position": row["position"], "text": _words(row)} for row in rows]
        connection.execute(insert(texts), new)
        self._index.add(connection, [row["position"] for row in rows])
        connection.execute(update(indexed).values(position=chosen[-1]))
        return True

    def take_out(self, connection: Connection) -> int:
        """Take out some of what was left of messages that are gone; give how many there were."""
        chosen = select(stale.c.position).limit(_STEP_STALE).with_for_update(skip_locked=True)
        gone = list(connection.execute(chosen).scalars())
        if gone:
            self._index.remove(connection, gone)
            for table in (texts, contents, stale):
                connection.execute(delete(table).where(table.c.position.in_(gone)))
            connection.execute(delete(addresses).where(addresses.c.message.in_(gone)))
        return len(gone)

    def empty(self, connection: Connection) -> None:
        """Take out everything at once."""
        self._index.empty(connection)
        for emptied in (texts, stale):
            connection.execute(delete(emptied))

    def positions(
        self,
        connection: Connection,
        needles: Sequence[str],
        *,
        among: ColumnElement[bool] | None = None,
        before: int | None = None,
    ) -> Iterator[int]:
        """Give the positions of what contains all needles, which are folded; highest first, all below `before`.

        Where the index decides, messages that are gone may be named, and those that `among` leaves out: who fetches the
        messages sees it.
        """
        edge = self.edge(connection)
        below = true() if before is None else messages.c.position < before
        unread = _UNREAD.where(messages.c.position > edge, below, true() if among is None else among)
        newest = unread.order_by(messages.c.position.desc())
        with connection.execute(newest, execution_options={"yield_per": 4}) as rows:  # each with its content
            for row in rows.mappings():
                content = _words(row)
                if all(needle in content for needle in needles):
                    yield row["position"]
        yield from self._index.positions(connection, needles, before)


def _words(row: RowMapping) -> str:
    return _read(row["data"], row["reverse_path"], *row["recipients"])


def _read(raw: bytes, *more: str) -> str:
    try:
        return words(raw, *more)
    except Exception:  # noqa: BLE001 - no bug in a view may stop the index, or hide the other messages
        _LOG.exception("a message of %d octets could not be read for searches", len(raw))
        return "\n".join(map(fold, more))
