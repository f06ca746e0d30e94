"""Many rows into a table by one statement, run by the driver itself.

SQLAlchemy would look at every value of every row again, which costs more than the database does. And each statement
gives up the interpreter, and among busy sessions the writing thread waits for its turn every time: so there is one for
all rows of a batch.
"""

from __future__ import annotations

from itertools import chain, repeat
from typing import TYPE_CHECKING, Any

from mailtrap_py.store.schema import Text, escape, storable

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlalchemy import Column, Connection, Table

    Row = tuple[Any, ...]

_PLACEHOLDERS = {"qmark": "?", "pyformat": "%s"}
_MOST_VALUES = 30_000  # in one statement; SQLite takes 32766, PostgreSQL 65535


class _Texts:
    """The columns that hold texts, among those of a row."""

    def __init__(self, columns: Iterable[Column[Any]]) -> None:
        self._numbers = [number for number, column in enumerate(columns) if isinstance(column.type, Text)]

    def escaped(self, rows: Sequence[Row]) -> Sequence[Row]:
        """Give the rows with texts that any database takes: hardly ever are they others."""
        numbers = self._numbers
        if storable([row[number] for row in rows for number in numbers]):
            return rows
        return [
            tuple(escape(value) if number in numbers else value for number, value in enumerate(row)) for row in rows
        ]


class BulkUpdate:
    """Changes rows of one table, each found by its `id`. A row is a tuple of the new values, and then the id."""

    def __init__(self, table: Table, names: Sequence[str]) -> None:
        """Take the columns that change."""
        values = ", ".join(f'"{name}" = {{0}}' for name in names)
        self._statement = f'UPDATE "{table.name}" SET {values} WHERE "id" = {{0}}'  # noqa: S608 - names of our own
        self._texts = _Texts(table.c[name] for name in (*names, "id"))

    def run(self, connection: Connection, rows: Sequence[Row]) -> None:
        """Change them, in the connection's transaction. Raises what the driver raises."""
        cursor = connection.connection.cursor()
        statement = self._statement.format(_PLACEHOLDERS[connection.dialect.paramstyle])
        cursor.executemany(statement, self._texts.escaped(rows))
        cursor.close()


class BulkInsert:
    """Puts rows into one table of any database. A row is a tuple of all columns, in order; JSON is encoded."""

    def __init__(self, table: Table) -> None:
        """Write down what is the same for any number of rows."""
        names = ", ".join(f'"{column.name}"' for column in table.columns)
        self._head = f'INSERT INTO "{table.name}" ({names}) VALUES '  # noqa: S608 - names of our own
        self._width = len(table.columns)
        self._texts = _Texts(table.columns)
        self._statements: dict[tuple[str, int], str] = {}

    def run(self, connection: Connection, rows: Sequence[Row]) -> None:
        """Put them in, in the connection's transaction. Raises what the driver raises."""
        placeholder = _PLACEHOLDERS[connection.dialect.paramstyle]
        cursor = connection.connection.cursor()
        most = _MOST_VALUES // self._width
        for first in range(0, len(rows), most):
            some = rows[first : first + most]
            values = tuple(chain.from_iterable(self._texts.escaped(some)))
            cursor.execute(self._statement(placeholder, len(some)), values)
        cursor.close()

    def _statement(self, placeholder: str, rows: int) -> str:
        statement = self._statements.get((placeholder, rows))
        if statement is None:
            # The drivers keep prepared statements by their text: it must be the same one each time.
            group = f"({', '.join(repeat(placeholder, self._width))})"
            statement = self._statements[placeholder, rows] = self._head + ", ".join(repeat(group, rows))
        return statement
