"""The database under the record: opened, checked, made or brought up to date, and handed out as transactions."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Protocol

from sqlalchemy import Connection, Engine, inspect, select
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError

from mailtrap_py.errors import SettingError
from mailtrap_py.store.schema import VERSION, about, create
from mailtrap_py.store.sqlite import Sqlite
from mailtrap_py.store.texts import Texts
from mailtrap_py.store.upgrade import OLDEST, upgrade

if TYPE_CHECKING:
    from mailtrap_py.store.journal import Journal, Leftover
    from mailtrap_py.store.query import Announcement
    from mailtrap_py.store.replicas import Hear, Replicas
    from mailtrap_py.store.texts import Index


class BusyError(Exception):
    """Another program holds the database for itself, or it is gone: a second try would only wait as long again."""


def cause(error: Exception) -> Exception:
    """Take off what SQLAlchemy says around an error: the driver's own is the one that people understand."""
    return error.orig if isinstance(error, DBAPIError) and isinstance(error.orig, Exception) else error


def may_pass(error: Exception) -> bool:
    """Tell whether a second try may succeed: a disk that is full, or a database that another program holds."""
    return isinstance(error, BusyError | sqlite3.OperationalError)


class Kind(Protocol):
    """What differs from one kind of database to the next."""

    cure: str
    where: str
    one_at_a_time: bool
    engine: Engine
    readers: Engine
    """The engine whose transactions see one moment of the record."""

    def check(self, connection: Connection) -> None:
        """Look through a record before it is used. Raises `SettingError` when it is damaged."""

    def prepare(self) -> None:
        """Do what cannot be done in a transaction."""

    def lock(self, connection: Connection) -> None:
        """Keep others, until the transaction ends, from creating the same tables."""

    def index(self, connection: Connection) -> Index:
        """Give the index for searches by text, made if it is not there."""

    def join(self, hear: Hear) -> Replicas | None:
        """Join the other programs on this database; None where there cannot be any."""

    def journal(self) -> Journal | None:
        """Give where promises are kept until they are in the database; None where each waits for its commit."""

    def leftovers(self) -> AbstractContextManager[Sequence[Leftover]]:
        """Give the promises that killed programs have left."""


class Database:
    """A database that holds a record of this version, new or from before. Any thread may read; one at a time writes."""

    texts: Texts
    """The words of the messages, for searches."""
    journal: Journal | None
    """Where promises are kept until they are in here; None where each waits for its commit."""

    def __init__(self, url: str) -> None:
        """Open or create it. Raises `SettingError`, and has changed nothing, when it cannot be used."""
        self._kind = _kind_of(url)
        self._engine = self._kind.engine
        self._turn = threading.RLock() if self._kind.one_at_a_time else contextlib.nullcontext()
        self._closing = threading.Lock()
        self._closed = False
        self._replicas: Replicas | None = None
        with contextlib.ExitStack() as undo:
            undo.callback(self._engine.dispose)
            self._writer = self._open()
            self.journal = self._kind.journal()
            undo.pop_all()

    @contextlib.contextmanager
    def reading(self) -> Iterator[Connection]:
        """Give a connection that sees one moment of the record, however many statements are asked."""
        with self._turn:
            if self._closed:
                raise RuntimeError("the store is closed")
            with self._kind.readers.connect() as connection:
                yield connection

    @contextlib.contextmanager
    def writing(self) -> Iterator[Connection]:
        """Give a transaction that is committed at the end, or undone by an exception. Raises `BusyError`."""
        with self._turn:
            try:
                transaction = self._writer.begin()
            except DBAPIError as error:
                raise BusyError(f"no transaction could be opened: {error.orig}") from error
            try:
                with transaction:
                    yield self._writer
            except DBAPIError as error:
                if error.connection_invalidated:
                    raise BusyError(f"the connection to the database was lost: {error.orig}") from error
                raise

    def leftovers(self) -> AbstractContextManager[Sequence[Leftover]]:
        """Give the promises that killed programs have left, to be taken in."""
        return self._kind.leftovers()

    def join(self, hear: Hear) -> Replicas | None:
        """Join the other programs on this database, which `hear` listens to; None where there cannot be any.

        Raises `SettingError` when the database does not let it.
        """
        self._replicas = self._kind.join(hear)
        return self._replicas

    def tell(self, connection: Connection, announcements: Sequence[Announcement]) -> None:
        """Tell the other programs what the transaction that is about to be committed has written."""
        if self._replicas is not None and announcements:
            self._replicas.tell(connection, announcements)

    def close(self) -> None:
        """Close all connections; the last one to leave a file folds its log into it. Idempotent."""
        with self._closing:  # two that close at once would leave connections open behind each other's back
            if self._closed:
                return
            if self._replicas is not None:
                self._replicas.close()
            with self._turn:
                self._closed = True
                self._writer.close()
                self._engine.dispose()

    def _open(self) -> Connection:
        """Check what is there, create what is not, and give the connection that writes."""
        kind = self._kind
        with contextlib.ExitStack() as undo:
            try:
                with self._engine.connect() as connection:
                    if _version(connection, kind.where):
                        kind.check(connection)
                kind.prepare()
                writer = undo.enter_context(self._engine.connect().execution_options(mailtrap_py_writes=True))
                with writer.begin():
                    kind.lock(writer)
                    # Again, now that nobody else can write: two programs may create the same file at the same time.
                    version = _version(writer, kind.where)
                    if not version:
                        create(writer)
                    elif version < VERSION:
                        upgrade(writer, version)
                    self.texts = Texts(kind.index(writer))
            except (DBAPIError, sqlite3.Error) as error:
                reason = error.orig if isinstance(error, DBAPIError) else error
                raise SettingError(f"{kind.where} cannot be opened as a store: {reason}", cure=kind.cure) from error
            undo.pop_all()
        return writer


def _kind_of(url: str) -> Kind:
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise SettingError(f"{url!r} is not the URL of a store", cure=Sqlite.cure) from error
    if parsed.get_backend_name() == "sqlite":
        return Sqlite(parsed)
    if parsed.get_backend_name() == "postgresql":
        from mailtrap_py.store.postgresql import Postgresql  # noqa: PLC0415 - for who has one

        return Postgresql(parsed)
    raise SettingError(f"{parsed.render_as_string()!r} cannot be used as a store", cure=Sqlite.cure)


def _version(connection: Connection, where: str) -> int:
    """Give the version of the record that is there, 0 for none. Raises `SettingError` for what cannot be used."""
    tables = inspect(connection).get_table_names()
    if not tables:
        return 0
    if about.name not in tables:
        raise SettingError(f"{where} is the database of another program", cure="name a file of its own for the mail")
    version = connection.execute(select(about.c.version)).scalars().first()
    if version is None or not OLDEST <= version <= VERSION:
        age = "a newer" if version is not None and version > VERSION else "a much older"
        raise SettingError(
            f"{where} was written by {age} mailtrap_py (its record has version {version}, this program's {VERSION})",
            cure="name another file, or open this one with the program that wrote it",
        )
    return int(version)
