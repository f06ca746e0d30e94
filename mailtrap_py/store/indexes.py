"""The indexes for searches by text, one for each kind of database; what they are asked is said in `texts.Index`.

All hold every run of three characters. They name the texts that have all runs of what is searched for; whether one has
them in one piece is then seen in the text itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import pairwise
from zlib import crc32

from sqlalchemy import (
    BigInteger,
    BindParameter,
    ColumnElement,
    Connection,
    Select,
    TableClause,
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

_TRIED = 500

_SEARCH = table("search", column("rowid", BigInteger), column("search", AnyText))
_JOINTS = table("joints", column("rowid", BigInteger), column("joints", AnyText))
_SOME: BindParameter[list[int]] = bindparam("positions", expanding=True)
_ADD = text("INSERT INTO search(rowid, text) SELECT position, text FROM texts WHERE position IN :positions")
_REMOVE = text(
    "INSERT INTO search(search, rowid, text) SELECT 'delete', position, text FROM texts WHERE position IN :positions"
)


class Fts5:
    """SQLite's own. It is told of every text, also when one goes, and then what was in it.

    Two everyday words have nothing but everyday runs, and nearly every text has them all. So a second table holds the
    joints of the words: how one ends and how the next begins, two letters each. What words in this order few texts
    have, it knows.
    """

    kept = True

    def create(self, connection: Connection) -> None:
        """Make the tables. Texts come folded, so case is as written; where a run stands is not kept."""
        connection.exec_driver_sql(
            "CREATE VIRTUAL TABLE search USING fts5("
            "text, content='texts', content_rowid='position', tokenize='trigram case_sensitive 1', detail='none')"
        )
        connection.exec_driver_sql(
            "CREATE VIRTUAL TABLE joints USING fts5(pair, content='', columnsize=0, tokenize='ascii', detail='none')"
        )

    def add(self, connection: Connection, positions: list[int]) -> None:
        """Take in texts that were just written."""
        connection.execute(_ADD.bindparams(_SOME), {"positions": positions})
        self._joints(connection, positions, "INSERT INTO joints(rowid, pair) VALUES (?, ?)")

    def remove(self, connection: Connection, positions: list[int]) -> None:
        """Take out texts that are still there and are about to go."""
        connection.execute(_REMOVE.bindparams(_SOME), {"positions": positions})
        self._joints(connection, positions, "INSERT INTO joints(joints, rowid, pair) VALUES ('delete', ?, ?)")

    def _joints(self, connection: Connection, positions: list[int], statement: str) -> None:
        rows = connection.execute(select(texts.c.position, texts.c.text).where(texts.c.position.in_(positions)))
        if found := [(position, " ".join(sorted(joints_in(content)))) for position, content in rows]:
            connection.exec_driver_sql(statement, found)

    def empty(self, connection: Connection) -> None:
        """Take out everything."""
        for name in ("search", "joints"):
            connection.exec_driver_sql(f"INSERT INTO {name}({name}) VALUES('delete-all')")

    def positions(self, connection: Connection, needles: Sequence[str], before: int | None) -> Iterator[int]:
        """Give the positions, below `before` and highest first, of the texts that contain all needles."""
        stored = map(escape, needles)
        runs = dict.fromkeys(needle[at : at + _RUN] for needle in stored for at in range(len(needle) - _RUN + 1))
        if not runs:
            yield from _looked_through(connection, needles, before)
            return
        joints = [joint for needle in needles for joint in joints_of(needle)]
        named = _naming(_SEARCH, list(runs)[:_MOST_RUNS], before)
        if joints:
            # What many texts have is among the newest, and what few have is soon all seen. Else the joints are asked.
            tried = list(connection.execute(named.limit(_TRIED)).scalars())
            chosen = select(texts.c.position).where(texts.c.position.in_(tried), _contains(needles))
            yield from connection.execute(chosen.order_by(texts.c.position.desc())).scalars()
            if len(tried) < _TRIED:
                return
            named = _naming(_JOINTS, joints[:_MOST_RUNS], tried[-1])
        place = named.selected_columns[0]
        yield from _fetched(connection, named.join(texts, texts.c.position == place).where(_contains(needles)))


def joints_in(content: str) -> set[str]:
    """Give how the words of a text are joined, each joint as a word of its own."""
    found = set()
    for line in content.split("\n"):
        said = line.split(" ")
        found.update([_joint(one[-2:], other[:2]) for one, other in pairwise(said)])
    return found


def joints_of(needle: str) -> list[str]:
    """Give the joints that every text has that contains it: its first and its last word may be parts of longer ones."""
    said = needle.split(" ")
    last = len(said) - 2
    return [
        _joint(one[-2:], other[:2])
        for number, (one, other) in enumerate(pairwise(said))
        if (number or len(one) > 1) and (number < last or len(other) > 1)
    ]


@lru_cache(65_536)
def _joint(one: str, other: str) -> str:
    return f"{crc32(f'{one} {other}'.encode('utf-8', 'surrogatepass')):x}"


def _naming(index: TableClause, tokens: list[str], before: int | None) -> Select[int]:
    """Ask an index for the texts that have all of these."""
    asked = " AND ".join('"' + token.replace('"', '""') + '"' for token in tokens)
    named = select(index.c.rowid).where(index.c[index.name].op("MATCH")(literal(asked, AnyText)))
    return (named if before is None else named.where(index.c.rowid < before)).order_by(index.c.rowid.desc())


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
    with connection.execute(statement, execution_options={"yield_per": _FETCH}) as found:  # who asked may stop early
        yield from found.scalars()
