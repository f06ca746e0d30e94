"""The database under the record: opened, checked, and handed out as transactions. The only place that knows SQLite.

What is promised of a file: what was committed survives the death of this process, however sudden (`kill -9`, a crash),
because a commit hands the pages to the operating system before it returns (WAL). It is not promised that the last
seconds survive the death of the machine: with `synchronous=NORMAL` the pages reach the disk at checkpoints, not at
each commit. The file stays sound in both cases. With a flush at each commit (`FULL`) throughput fell by an eighth on a
disk that flushes in 0.15 ms; on one that takes 10 ms every session would wait for them, for mail of a test.
"""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import (
    Connection,
    Engine,
    QueuePool,
    StaticPool,
    create_engine,
    event,
    insert,
    inspect,
    select,
)
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DatabaseError

from mailtrap_py.errors import SettingError
from mailtrap_py.store.schema import VERSION, about, metadata

if TYPE_CHECKING:
    from sqlalchemy.engine.interfaces import DBAPIConnection
    from sqlalchemy.pool import ConnectionPoolEntry

_CURE = (
    "write sqlite:///mail.db for a file in this folder, sqlite:////var/lib/mail.db for one elsewhere, "
    "sqlite:// for memory; the folder must exist, and be writable"
)
_BUSY_SECONDS = 5.0
_CHECKED_OCTETS = 256 * 2**20  # so much is looked through in about 0.1 s; a larger file only at its beginning


class BusyError(Exception):
    """Another program holds the database for itself, or it is gone: a second try would only wait as long again."""


class Database:
    """A database that holds a record of this version, new or from before. Any thread may read; one at a time writes."""

    def __init__(self, url: str) -> None:
        """Open or create it. Raises `SettingError`, and has changed nothing, when it cannot be used."""
        self._engine, path = _make_engine(url)
        # A database in memory lives in one connection, which serves one thread at a time.
        self._turn = contextlib.nullcontext() if path else threading.RLock()
        self._closed = False
        with contextlib.ExitStack() as undo:
            undo.callback(self._engine.dispose)
            self._writer = _open(self._engine, path)
            undo.pop_all()

    @contextlib.contextmanager
    def reading(self) -> Iterator[Connection]:
        """Give a connection that sees one moment of the record, however many statements are asked."""
        with self._turn:
            if self._closed:
                raise RuntimeError("the store is closed")
            with self._engine.connect() as connection:
                yield connection

    @contextlib.contextmanager
    def writing(self) -> Iterator[Connection]:
        """Give a transaction that is committed at the end, or undone by an exception. Raises `BusyError`."""
        with self._turn:
            try:
                transaction = self._writer.begin()
            except DatabaseError as error:
                raise BusyError(f"no transaction could be opened: {error.orig}") from error
            with transaction:
                yield self._writer

    def close(self) -> None:
        """Close all connections; the last one to leave a file folds its log into it. Idempotent."""
        with self._turn:
            self._closed = True
            self._writer.close()
            self._engine.dispose()


def _open(engine: Engine, path: str) -> Connection:
    """Check what is there, create what is not, and give the connection that writes."""
    where = path or "the database in memory"
    with contextlib.ExitStack() as undo:
        try:
            with engine.connect() as connection:
                if _check(connection, where) and path and Path(path).stat().st_size <= _CHECKED_OCTETS:
                    _check_pages(connection, where)
            with contextlib.closing(engine.raw_connection()) as raw:
                raw.cursor().execute("PRAGMA journal_mode=WAL")  # stays in the file; not possible in a transaction
            writer = undo.enter_context(engine.connect().execution_options(mailtrap_py_writes=True))
            with writer.begin():
                # Again, now that nobody else can write: two programs may create the same file at the same time.
                if not _check(writer, where):
                    metadata.create_all(writer)
                    writer.execute(insert(about).values(version=VERSION, position=0))
        except (DatabaseError, sqlite3.Error) as error:
            reason = error.orig if isinstance(error, DatabaseError) else error
            raise SettingError(f"{where} cannot be opened as a store: {reason}", cure=_CURE) from error
        undo.pop_all()
    return writer


def _check(connection: Connection, where: str) -> bool:
    """Say whether there is a record already. Raises `SettingError` for what is not ours, or not of this version."""
    tables = inspect(connection).get_table_names()
    if not tables:
        return False
    if about.name not in tables:
        raise SettingError(f"{where} is the database of another program", cure="name a file of its own for the mail")
    version = connection.execute(select(about.c.version)).scalars().first()
    if version != VERSION:
        age = "a newer" if isinstance(version, int) and version > VERSION else "an older"
        raise SettingError(
            f"{where} was written by {age} mailtrap_py (its record has version {version}, this program's {VERSION})",
            cure="name another file, or open this one with the program that wrote it",
        )
    return True


def _check_pages(connection: Connection, where: str) -> None:
    found = connection.exec_driver_sql("PRAGMA quick_check(1)").scalar_one()
    if found != "ok":
        raise SettingError(f"{where} is damaged: {found}", cure="name another file")


def _make_engine(url: str) -> tuple[Engine, str]:
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise SettingError(f"{url!r} is not the URL of a store", cure=_CURE) from error
    if parsed.get_backend_name() != "sqlite" or parsed.host or parsed.query:
        raise SettingError(f"{parsed.render_as_string()!r} cannot be used as a store", cure=_CURE)
    path = "" if parsed.database in {None, "", ":memory:"} else str(parsed.database)
    engine = create_engine(
        parsed.set(drivername="sqlite+pysqlite"),
        poolclass=QueuePool if path else StaticPool,
        # Transactions are opened by `_begin`; the driver on its own would not open one for reading.
        connect_args={"check_same_thread": False, "isolation_level": None, "timeout": _BUSY_SECONDS},
    )
    event.listen(engine, "connect", _configure)
    event.listen(engine, "begin", _begin)
    return engine, path


def _configure(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.close()


def _begin(connection: Connection) -> None:
    writes = connection.get_execution_options().get("mailtrap_py_writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
