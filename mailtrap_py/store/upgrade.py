"""A record of an older version becomes one of this version, in the transaction that opens it: wholly or not at all."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import Connection, insert, inspect, update

from mailtrap_py.store.schema import VERSION, about, indexed, ledgers, messages, metadata, notes, stale, texts

OLDEST = 1
"""The oldest version that can be brought up to date."""


def upgrade(connection: Connection, version: int) -> None:
    """Bring the tables up to date, from a version that is not too old, in the transaction of the connection."""
    for step in _STEPS[version - OLDEST :]:
        step(connection)
    connection.execute(update(about).values(version=VERSION))


def _search_and_keep(connection: Connection) -> None:
    """Make room for the words of the messages, which are then read one after the other, and index what is counted."""
    metadata.create_all(connection, tables=[texts, stale, indexed, ledgers, notes])
    connection.execute(insert(indexed).values(position=0))
    there = {index["name"] for index in inspect(connection).get_indexes(messages.name)}
    connection.exec_driver_sql("DROP INDEX IF EXISTS ix_messages_inbox")
    for index in messages.indexes:
        if index.name not in there:
            index.create(connection)


_STEPS: tuple[Callable[[Connection], None], ...] = (_search_and_keep,)
"""What leads from each version to the next, from `OLDEST` on."""
