"""What is removed goes with everything that hangs on it: octets, addresses, words, transcripts.

A great deal is removed in slices, each a transaction of its own, so that mail that comes in meanwhile does not wait.
What nobody can see any more, octets, addresses and words, is taken out later, when there is time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Table, delete, insert, select

from mailtrap_py.store import reads
from mailtrap_py.store.query import Announcement
from mailtrap_py.store.schema import (
    KEPT_FOR_EVER,
    about,
    firings,
    lines,
    messages,
    metadata,
    sessions,
    stale,
    transactions,
)

if TYPE_CHECKING:
    from mailtrap_py.store.query import Query
    from mailtrap_py.store.texts import Texts

SLICE = 250
"""So many rows are removed together: some ten milliseconds."""


class MessageRemoval:
    """Removes the messages that are meant when it begins, slice by slice."""

    def __init__(self, texts: Texts, query: Query) -> None:
        """Remove what the query means."""
        self._texts = texts
        self._query = query
        self._left: Iterator[tuple[int, str, str]] | None = None
        self.removed = 0

    def step(self, connection: Connection) -> tuple[bool, list[Announcement]]:
        """Remove some; say whether there may be more, and what to announce."""
        if self._left is None:
            self._left = iter(list(reads.find_places(connection, self._texts, self._query)))
        found = list(islice(self._left, SLICE))
        remove_messages(connection, [position for position, _, _ in found])
        self.removed += len(found)
        return len(found) == SLICE, [Announcement("deleted", inbox, id_) for _, inbox, id_ in found]


class InboxRemoval:
    """Removes all that was recorded of an inbox before it began, slice by slice."""

    def __init__(self, inbox: str) -> None:
        """Remove all of this inbox."""
        self._inbox = inbox
        self._last: int | None = None

    def step(self, connection: Connection) -> tuple[bool, list[Announcement]]:
        """Remove some; say whether there may be more, and what to announce."""
        if self._last is None:
            self._last = connection.execute(select(about.c.position)).scalar_one()
        left = SLICE
        for table in (messages, transactions, firings, sessions):
            chosen = select(table.c.position).where(table.c.inbox == self._inbox, table.c.position <= self._last)
            positions = list(connection.execute(chosen.limit(left)).scalars())
            if table is messages:
                remove_messages(connection, positions)
            else:
                if table is sessions:
                    _remove_lines(connection, positions)
                _remove(connection, table, positions)
            left -= len(positions)
            if not left:
                return True, []
        return False, [Announcement("deleted", self._inbox, "")]


def remove_message(connection: Connection, message_id: str) -> tuple[bool, list[Announcement]]:
    """Remove one message; say whether there was one, and what to announce."""
    message = reads.find_message(connection, message_id)
    if message is None:
        return False, []
    remove_messages(connection, [message.position])
    return True, [Announcement("deleted", message.inbox, message.id)]


def remove_everything(connection: Connection, texts: Texts) -> tuple[None, list[Announcement]]:
    """Remove all records there are. Positions go on: a cursor from before stays right."""
    texts.empty(connection)
    for table in metadata.sorted_tables:
        if table not in KEPT_FOR_EVER:
            connection.execute(delete(table))
    return None, [Announcement("deleted", "", "")]


def remove_messages(connection: Connection, positions: Sequence[int]) -> None:
    """Remove messages."""
    _remove(connection, messages, positions)


def remove_sessions(connection: Connection, positions: Sequence[int]) -> None:
    """Remove sessions that have no messages any more, with all else that happened in them."""
    if not positions:
        return
    ids = list(connection.execute(select(sessions.c.id).where(sessions.c.position.in_(positions))).scalars())
    brought = select(transactions.c.position).where(transactions.c.session_id.in_(ids))
    _remove(connection, transactions, list(connection.execute(brought).scalars()))
    connection.execute(delete(firings).where(firings.c.session_id.in_(ids)))
    _remove_lines(connection, positions)
    _remove(connection, sessions, positions)


def _remove_lines(connection: Connection, positions: Sequence[int]) -> None:
    if positions:
        of_these = select(sessions.c.id).where(sessions.c.position.in_(positions))
        connection.execute(delete(lines).where(lines.c.session_id.in_(of_these)))


def _remove(connection: Connection, table: Table, positions: Sequence[int]) -> None:
    if positions:
        gone = delete(table).where(table.c.position.in_(positions)).returning(table.c.position)
        # Another program may have removed some of them at the same time.
        left = [{"position": position} for position in connection.execute(gone).scalars()]
        if left and table in {messages, transactions}:
            connection.execute(insert(stale), left)
