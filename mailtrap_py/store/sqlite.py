"""SQLite: a file that is kept, or a database in memory that is not.

What is promised of a file: what was committed survives the death of this process, however sudden (`kill -9`, a crash),
because a commit hands the pages to the operating system before it returns (WAL), and so does the journal that messages
are in before (see `journal`). It is not promised that the last seconds survive the death of the machine: with
`synchronous=NORMAL` the pages reach the disk at checkpoints, not at each commit. The file stays sound in both cases.
With a flush at each commit (`FULL`) throughput fell by an eighth on a disk that flushes in 0.15 ms; on one that takes
10 ms every session would wait for them, for mail of a test.
"""

from __future__ import annotations

import contextlib
import logging
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import URL, Connection, Engine, QueuePool, StaticPool, create_engine, event
from sqlalchemy.exc import OperationalError

from mailtrap_py.errors import SettingError
from mailtrap_py.store.indexes import Fts5, NoIndex
from mailtrap_py.store.journal import MemoryJournal, journal_beside, left_beside

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AbstractContextManager

    from sqlalchemy.engine.interfaces import DBAPIConnection
    from sqlalchemy.pool import ConnectionPoolEntry

    from mailtrap_py.store.journal import Journal, Leftover
    from mailtrap_py.store.replicas import Hear, Replicas
    from mailtrap_py.store.texts import Index

_LOG = logging.getLogger("mailtrap_py.store")
_BUSY_SECONDS = 5.0
_CHECKED_OCTETS = 256 * 2**20  # so much is looked through in about 0.1 s; a larger file only at its beginning


class Sqlite:
    """One SQLite database, not opened yet."""

    cure = (
        "write sqlite:///mail.db for a file in this folder, sqlite:////var/lib/mail.db for one elsewhere, "
        "sqlite:// for memory; the folder must exist, and be writable"
    )

    def __init__(self, url: URL) -> None:
        """Take its URL. Raises `SettingError` for one that says more than a file."""
        if url.host or url.query:
            raise SettingError(f"{url.render_as_string()!r} cannot be used as a store", cure=self.cure)
        self._path = "" if url.database in {None, "", ":memory:"} else str(url.database)
        self.where = self._path or "the database in memory"
        self.one_at_a_time = not self._path
        """Whether it lives in one connection, which serves one thread at a time."""
        self.engine = self.readers = _make_engine(url, self._path)

    def check(self, connection: Connection) -> None:
        """Look through a record before it is used. Raises `SettingError` when it is damaged."""
        if self._path and Path(self._path).stat().st_size <= _CHECKED_OCTETS:
            found = connection.exec_driver_sql("PRAGMA quick_check(1)").scalar_one()
            if found != "ok":
                raise SettingError(f"{self.where} is damaged: {found}", cure="name another file")

    def prepare(self) -> None:
        """Do what cannot be done in a transaction: the log stays with the file from now on."""
        with contextlib.closing(self.engine.raw_connection()) as raw:
            raw.cursor().execute("PRAGMA journal_mode=WAL")

    def lock(self, connection: Connection) -> None:
        """Keep others from creating the same tables: a transaction that writes does it from its beginning."""

    def index(self, connection: Connection) -> Index:
        """Give the index for searches by text that this SQLite has; made, if it is not there."""
        there = connection.exec_driver_sql("SELECT 1 FROM sqlite_master WHERE name = 'search'").first()
        able = connection.exec_driver_sql("SELECT 1 FROM pragma_module_list WHERE name = 'fts5'").first()
        if not able or sqlite3.sqlite_version_info < (3, 34):
            _LOG.warning("this SQLite has no FTS5 with trigrams: searches by text look through every message")
            return NoIndex()
        index = Fts5()
        if not there:
            index.create(connection)
        return index

    def join(self, hear: Hear) -> Replicas | None:
        """Join nobody: programs that share a file see what the others wrote when they look."""

    def journal(self) -> Journal | None:
        """Give a file beside the file; for what is in memory, nothing that outlives it either."""
        return journal_beside(Path(self._path)) if self._path else MemoryJournal()

    def leftovers(self) -> AbstractContextManager[Sequence[Leftover]]:
        """Give what is left beside the file."""
        return left_beside(Path(self._path)) if self._path else contextlib.nullcontext(())


def _make_engine(url: URL, path: str) -> Engine:
    engine = create_engine(
        url.set(drivername="sqlite+pysqlite"),
        poolclass=QueuePool if path else StaticPool,
        # Transactions are opened by `_begin`; the driver on its own would not open one for reading.
        connect_args={"check_same_thread": False, "isolation_level": None, "timeout": _BUSY_SECONDS},
    )
    event.listen(engine, "connect", _configure)
    event.listen(engine, "begin", _begin)
    return engine


def _configure(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.close()


def _begin(connection: Connection) -> None:
    writes = connection.get_execution_options().get("mailtrap_py_writes", False)
    cursor = connection.connection.cursor()
    statement = "BEGIN IMMEDIATE" if writes else "BEGIN"
    try:
        cursor.execute(statement)  # by the driver: SQLAlchemy's way costs ten times as much, for every batch
    except sqlite3.OperationalError as error:
        raise OperationalError(statement, None, error) from error
    finally:
        cursor.close()
