"""What is removed goes with everything that hangs on it: octets, addresses, transcripts."""

from __future__ import annotations

from sqlalchemy import Connection, bindparam, delete, select

from mailtrap_py.store import reads
from mailtrap_py.store.query import Announcement, MessageSummary, Query
from mailtrap_py.store.schema import (
    about,
    addresses,
    contents,
    firings,
    lines,
    messages,
    metadata,
    sessions,
    transactions,
)

_OF_ONE_MESSAGE = tuple(
    delete(column.table).where(column == bindparam("message"))
    for column in (addresses.c.message, contents.c.position, messages.c.position)
)


def delete_messages(connection: Connection, query: Query) -> tuple[int, list[Announcement]]:
    """Remove the messages that are meant; give how many there were, and what to announce."""
    announcements = _remove(connection, list(reads.every_message(connection, query)))
    return len(announcements), announcements


def delete_message(connection: Connection, message_id: str) -> tuple[bool, list[Announcement]]:
    """Remove one message; say whether there was one, and what to announce."""
    message = reads.find_message(connection, message_id)
    announcements = _remove(connection, [] if message is None else [message])
    return bool(announcements), announcements


def clear(connection: Connection, inbox: str | None) -> tuple[None, list[Announcement]]:
    """Remove all records of an inbox, or all there are."""
    if inbox is None:
        for table in metadata.sorted_tables:
            if table is not about:  # positions go on: a cursor from before stays right
                connection.execute(delete(table))
        return None, [Announcement("deleted", "", "")]
    its_sessions = select(sessions.c.id).where(sessions.c.inbox == inbox)
    its_messages = select(messages.c.position).where(messages.c.inbox == inbox)
    its_transactions = select(transactions.c.position).where(transactions.c.inbox == inbox)
    for statement in (
        delete(addresses).where(addresses.c.message.in_(its_messages)),
        delete(contents).where(contents.c.position.in_(its_messages)),
        delete(contents).where(contents.c.position.in_(its_transactions)),
        delete(messages).where(messages.c.inbox == inbox),
        delete(transactions).where(transactions.c.inbox == inbox),
        delete(firings).where(firings.c.inbox == inbox),
        delete(lines).where(lines.c.session_id.in_(its_sessions)),
        delete(sessions).where(sessions.c.inbox == inbox),
    ):
        connection.execute(statement)
    return None, [Announcement("deleted", inbox, "")]


def _remove(connection: Connection, found: list[MessageSummary]) -> list[Announcement]:
    if found:
        keys = [{"message": message.position} for message in found]
        for statement in _OF_ONE_MESSAGE:
            connection.execute(statement, keys)
    return [Announcement("deleted", message.inbox, message.id) for message in found]
