"""PostgreSQL: a record that several programs share, by psycopg. It promises what the server is set to promise."""

from __future__ import annotations

import logging
from contextlib import nullcontext
from typing import TYPE_CHECKING

from sqlalchemy import URL, Connection, Engine, create_engine
from sqlalchemy.exc import DBAPIError

from mailtrap_py.errors import SettingError
from mailtrap_py.store.indexes import Trigrams
from mailtrap_py.store.replicas import Replicas

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AbstractContextManager

    from mailtrap_py.store.journal import Journal, Leftover
    from mailtrap_py.store.replicas import Hear
    from mailtrap_py.store.texts import Index

_LOG = logging.getLogger("mailtrap_py.store")
_LOCK = 0x6D61696C74726170  # "mailtrap"
_CONNECT_SECONDS = 10
_LOCK_SECONDS = 10.0  # a program that holds a lock for longer is stopped or cut off, and nobody waits for it


class Postgresql:
    """One PostgreSQL database, not opened yet."""

    cure = "write postgresql://user:password@host/name, the name of a database that is there and is for the mail alone"
    one_at_a_time = False

    def __init__(self, url: URL) -> None:
        """Take its URL. Raises `SettingError` when the driver is not installed."""
        self.where = url.render_as_string()
        try:
            self.engine = create_engine(
                url.set(drivername="postgresql+psycopg"),
                pool_pre_ping=True,
                connect_args={
                    "connect_timeout": _CONNECT_SECONDS,
                    "options": f"-c lock_timeout={_LOCK_SECONDS * 1000:.0f}",
                },
            )
        except ImportError as error:
            cure = "install it: pip install 'mailtrap_py[postgres]'"
            raise SettingError("a store in PostgreSQL needs psycopg, which is not installed", cure=cure) from error
        self.readers: Engine = self.engine.execution_options(isolation_level="REPEATABLE READ")

    def check(self, connection: Connection) -> None:
        """Trust the server."""

    def prepare(self) -> None:
        """Do nothing: all is done in the transaction."""

    def lock(self, connection: Connection) -> None:
        """Keep others, until the transaction ends, from creating the same tables."""
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")

    def index(self, connection: Connection) -> Index:
        """Give the index for searches by text; made, if it is not there and can be made."""
        index = Trigrams()
        try:
            with connection.begin_nested():
                index.create(connection)
        except DBAPIError as error:
            _LOG.warning("there is no pg_trgm: searches by text look through every message (%s)", error.orig)
        return index

    def join(self, hear: Hear) -> Replicas | None:
        """Join the other programs on this database."""
        try:
            return Replicas(self.engine, hear)
        except (DBAPIError, self.engine.dialect.loaded_dbapi.Error) as error:
            raise SettingError(f"{self.where} cannot be shared with others: {error}", cure=self.cure) from error

    def journal(self) -> Journal | None:
        """Promise nothing: the other programs are to see a message before its 250."""

    def leftovers(self) -> AbstractContextManager[Sequence[Leftover]]:
        """Nothing is left."""
        return nullcontext(())
