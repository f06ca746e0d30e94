"""The indexes for searches by text, one for each kind of database; what they are asked is said in `texts.Index`.

All hold every run of three characters. They name the texts that have all runs of what is searched for; whether one has
them in one piece is then seen in the text itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sqlalchemy import (
    BigInteger,
    BindParameter,
    ColumnElement,
    Connection,
    Select,
    and_,
    bindparam,
    column,
    func,
    literal,
    select,
    table,
    text,
)
from sqlalchemy import Text as AnyText

from mailtrap_py.store.schema import Text, escape, texts

_RUN = 3
_MOST_RUNS = 32
_FETCH = 100
_WINDOW = 1000
_GROWTH = 8

_SEARCH = table("search", column("rowid", BigInteger), column("search", AnyText))
_SOME: BindParameter[list[int]] = bindparam("positions", expanding=True)
_ADD = text("INSERT INTO search(rowid, text) SELECT position, text FROM texts WHERE position IN :positions")
_REMOVE = text(
    "INSERT INTO search(search, rowid, text) SELECT 'delete', position, text FROM texts WHERE position IN :positions"
)


class Fts5:
    """SQLite's own. It is told of every text, also when one goes, and then what was in it."""

    kept = True

    def create(self, connection: Connection) -> None:
        """Make the table. Texts come folded, so case is as written; where a run stands is not kept."""
        connection.exec_driver_sql(
            "CREATE VIRTUAL TABLE search USING fts5("
            "text, content='texts', content_rowid='position', tokenize='trigram case_sensitive 1', detail='none')"
        )

    def add(self, connection: Connection, positions: list[int]) -> None:
        """Take in texts that were just written."""
        connection.execute(_ADD.bindparams(_SOME), {"positions": positions})

    def remove(self, connection: Connection, positions: list[int]) -> None:
        """Take out texts that are still there and are about to go."""
        connection.execute(_REMOVE.bindparams(_SOME), {"positions": positions})

    def empty(self, connection: Connection) -> None:
        """Take out everything."""
        connection.exec_driver_sql("INSERT INTO search(search) VALUES('delete-all')")

    def positions(self, connection: Connection, needles: Sequence[str], before: int | None) -> Iterator[int]:
        """Give the positions, below `before` and highest first, of the texts that contain all needles."""
        stored = map(escape, needles)
        runs = dict.fromkeys(needle[at : at + _RUN] for needle in stored for at in range(len(needle) - _RUN + 1))
        if not runs:
            return _looked_through(connection, needles, before)
        asked = " AND ".join('"' + run.replace('"', '""') + '"' for run in list(runs)[:_MOST_RUNS])
        statement = (
            select(_SEARCH.c.rowid)
            .select_from(_SEARCH.join(texts, texts.c.position == _SEARCH.c.rowid))
            .where(_SEARCH.c.search.op("MATCH")(literal(asked, AnyText)), _contains(needles))
            .order_by(_SEARCH.c.rowid.desc())
        )
        return _fetched(connection, statement if before is None else statement.where(_SEARCH.c.rowid < before))


class NoIndex:
    """For a SQLite without FTS5: every message is looked through. An index that others made stays as it is."""

    kept = False

    def create(self, connection: Connection) -> None:
        """Make nothing."""

    def add(self, connection: Connection, positions: list[int]) -> None:
        """Take in nothing."""

    def remove(self, connection: Connection, positions: list[int]) -> None:
        """Take out nothing."""

    def empty(self, connection: Connection) -> None:
        """Take out nothing: the texts go, and what is not among them is not found."""

    def positions(self, connection: Connection, needles: Sequence[str], before: int | None) -> Iterator[int]:
        """Give the positions, below `before` and highest first, of the texts that contain all needles."""
        return _looked_through(connection, needles, before)


class Trigrams:
    """PostgreSQL's pg_trgm: the database keeps it up to date by itself, and looks into the texts by itself, too."""

    kept = True

    def create(self, connection: Connection) -> None:
        """Make it. Raises what the driver raises where the extension is not there."""
        connection.exec_driver_sql("CREATE EXTENSION IF NOT EXISTS pg_trgm")
        connection.exec_driver_sql("CREATE INDEX IF NOT EXISTS ix_texts_text ON texts USING gin (text gin_trgm_ops)")

    def add(self, connection: Connection, positions: list[int]) -> None:
        """Take in texts that were just written."""

    def remove(self, connection: Connection, positions: list[int]) -> None:
        """Take out texts that are still there and are about to go."""

    def empty(self, connection: Connection) -> None:
        """Take out everything."""

    def positions(self, connection: Connection, needles: Sequence[str], before: int | None) -> Iterator[int]:
        """Give the positions, below `before` and highest first, of the texts that contain all needles.

        In windows that grow: what many messages have is found among the newest, where reading them is quickest, and
        only for what few have is the index asked about all of them.
        """
        like = and_(*(texts.c.text.contains(needle, autoescape=True) for needle in needles))
        above = before
        if above is None:
            above = (connection.execute(select(func.max(texts.c.position))).scalar() or 0) + 1
        width = _WINDOW
        while above > 0:
            within = select(texts.c.position).where(texts.c.position < above, texts.c.position >= above - width, like)
            yield from connection.execute(within.order_by(texts.c.position.desc())).scalars()
            above -= width
            width *= _GROWTH


def _contains(needles: Sequence[str]) -> ColumnElement[bool]:
    return and_(*(func.instr(texts.c.text, literal(needle, Text)) > 0 for needle in needles))


def _looked_through(connection: Connection, needles: Sequence[str], before: int | None) -> Iterator[int]:
    statement = select(texts.c.position).where(_contains(needles)).order_by(texts.c.position.desc())
    return _fetched(connection, statement if before is None else statement.where(texts.c.position < before))


def _fetched(connection: Connection, statement: Select[int]) -> Iterator[int]:
    yield from connection.execute(statement, execution_options={"yield_per": _FETCH}).scalars()
