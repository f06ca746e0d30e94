"""Many rows by one statement: what goes in comes out, however many there are."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Column, Connection, Integer, LargeBinary, MetaData, Table, create_engine, select

from mailtrap_py.store.bulk import BulkInsert, BulkUpdate
from mailtrap_py.store.schema import Json, Text, encode

TABLE = Table(
    "to order",  # a name, and one of a column, that SQL would not take without quotes
    MetaData(),
    Column("position", Integer, primary_key=True),
    Column("select", Text),
    Column("data", LargeBinary),
    Column("list", Json),
)


@pytest.fixture
def connection() -> Iterator[Connection]:
    engine = create_engine("sqlite://")
    with engine.begin() as connection:
        TABLE.create(connection)
        yield connection
    engine.dispose()


@pytest.mark.parametrize("count", [0, 1, 2, 7501])  # 7500 rows of four columns go into one statement
def test_rows_come_out_as_they_went_in(connection: Connection, count: int) -> None:
    rows = [(number, f"\ud800 no. {number} \x00", b"\x00\xff", ["\udc80", {"a": number}]) for number in range(count)]

    BulkInsert(TABLE).run(connection, [(*rest, encode(data)) for *rest, data in rows])

    assert [tuple(row) for row in connection.execute(select(TABLE).order_by(TABLE.c.position))] == rows


@pytest.mark.parametrize("odd", ["\ud800", "\x00", "\x1a0000"])
def test_a_text_that_must_be_escaped_is_so_among_any_others(connection: Connection, odd: str) -> None:
    rows = [
        (number, odd if number == 5 else "plain", odd.encode("utf-8", "surrogatepass"), "[]") for number in range(9)
    ]

    BulkInsert(TABLE).run(connection, rows)

    found = connection.execute(select(TABLE.c["select"], TABLE.c.data).order_by(TABLE.c.position))
    assert [tuple(row) for row in found] == [(text, data) for _, text, data, _ in rows]


def test_one_statement_serves_several_databases(connection: Connection) -> None:
    inserts = BulkInsert(TABLE)
    inserts.run(connection, [(1, "a", b"", "[]")])
    other = create_engine("sqlite://")
    with other.begin() as elsewhere:
        TABLE.create(elsewhere)
        inserts.run(elsewhere, [(1, "b", b"", "[]")])
        assert elsewhere.execute(select(TABLE.c["select"])).scalar_one() == "b"
    other.dispose()

    inserts.run(connection, [(2, "c", b"", "[]")])

    assert connection.execute(select(TABLE.c["select"])).scalars().all() == ["a", "c"]


def test_rows_are_changed_by_their_id(connection: Connection) -> None:
    table = Table("changing", MetaData(), Column("id", Text, primary_key=True), Column("to", Text), Column("n", Json))
    table.create(connection)
    BulkInsert(table).run(connection, [(name, "", "[1]") for name in ("a", "b\x00", "c")])

    changes = [("[2]", "x\ud800", "b\x00"), ("[3]", "", "c"), ("[4]", "", "nobody")]
    BulkUpdate(table, ("n", "to")).run(connection, changes)

    assert [tuple(row) for row in connection.execute(select(table).order_by(table.c.id))] == [
        ("a", "", [1]),
        ("b\x00", "x\ud800", [2]),
        ("c", "", [3]),
    ]
