"""Many rows into a table by one statement, run by the driver itself.

SQLAlchemy would look at every value of every row again, which costs more than the database does. And each statement
gives up the interpreter, and among busy sessions the writing thread waits for its turn every time: so there is one for
all rows of a batch.
"""

from __future__ import annotations

from itertools import chain, repeat
from typing import TYPE_CHECKING, Any

from mailtrap_py.store.schema import Json, Text, encode, escape

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from sqlalchemy import Column, Connection, Table

    Row = tuple[Any, ...]
    Process = Callable[[Any], str]

_PROCESSES: dict[type, Process] = {Text: escape, Json: encode}
"""What values of these types go through; those of the others are taken as they are."""
_PLACEHOLDERS = {"qmark": "?", "pyformat": "%s"}
_MOST_VALUES = 30_000  # in one statement; SQLite takes 32766, PostgreSQL 65535


def _processes(columns: Iterable[Column[Any]]) -> tuple[tuple[int, Process], ...]:
    found = (_PROCESSES.get(type(column.type)) for column in columns)
    return tuple((number, process) for number, process in enumerate(found) if process is not None)


def _bound(row: Row, processes: tuple[tuple[int, Process], ...]) -> list[Any]:
    bound = list(row)
    for column, process in processes:
        bound[column] = process(bound[column])
    return bound


class BulkUpdate:
    """Changes rows of one table, each found by its `id`. A row is a tuple of the new values, and then the id."""

    def __init__(self, table: Table, names: Sequence[str]) -> None:
        """Take the columns that change."""
        values = ", ".join(f'"{name}" = {{0}}' for name in names)
        self._statement = f'UPDATE "{table.name}" SET {values} WHERE "id" = {{0}}'  # noqa: S608 - names of our own
        self._processes = _processes(table.c[name] for name in (*names, "id"))

    def run(self, connection: Connection, rows: Sequence[Row]) -> None:
        """Change them, in the connection's transaction. Raises what the driver raises."""
        cursor = connection.connection.cursor()
        statement = self._statement.format(_PLACEHOLDERS[connection.dialect.paramstyle])
        cursor.executemany(statement, [_bound(row, self._processes) for row in rows])
        cursor.close()


class BulkInsert:
    """Puts rows into one table of any database. A row is a tuple of all columns, in the table's order."""

    def __init__(self, table: Table) -> None:
        """Write down what is the same for any number of rows."""
        names = ", ".join(f'"{column.name}"' for column in table.columns)
        self._head = f'INSERT INTO "{table.name}" ({names}) VALUES '  # noqa: S608 - names of our own
        self._width = len(table.columns)
        self._processes = _processes(table.columns)
        self._statements: dict[tuple[str, int], str] = {}

    def run(self, connection: Connection, rows: Sequence[Row]) -> None:
        """Put them in, in the connection's transaction. Raises what the driver raises."""
        placeholder = _PLACEHOLDERS[connection.dialect.paramstyle]
        cursor = connection.connection.cursor()
        most = _MOST_VALUES // self._width
        for first in range(0, len(rows), most):
            some = rows[first : first + most]
            values = tuple(chain.from_iterable(_bound(row, self._processes) for row in some))
            cursor.execute(self._statement(placeholder, len(some)), values)
        cursor.close()

    def _statement(self, placeholder: str, rows: int) -> str:
        statement = self._statements.get((placeholder, rows))
        if statement is None:
            # The drivers keep prepared statements by their text: it must be the same one each time.
            group = f"({', '.join(repeat(placeholder, self._width))})"
            statement = self._statements[placeholder, rows] = self._head + ", ".join(repeat(group, rows))
        return statement
