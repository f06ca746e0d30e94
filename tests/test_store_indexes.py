"""What an index is asked beyond what every search shows: order, cursors, windows, and that it stays sound."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection, delete, insert

from mailtrap_py.store import indexes
from mailtrap_py.store.database import Database
from mailtrap_py.store.indexes import Fts5, NoIndex, Trigrams, joints_in, joints_of
from mailtrap_py.store.schema import texts
from mailtrap_py.store.texts import Index


@pytest.fixture
def connection(store_url: str) -> Iterator[Connection]:
    with closing(Database(store_url)) as database, database.writing() as connection:
        yield connection


@pytest.fixture(params=["the database's own", "none"])
def index(connection: Connection, request: pytest.FixtureRequest) -> Index:
    if connection.dialect.name == "postgresql":
        return Trigrams()
    return NoIndex() if request.param == "none" else Fts5()


def put(connection: Connection, index: Index, rows: dict[int, str]) -> None:
    connection.execute(insert(texts), [{"position": position, "text": text} for position, text in rows.items()])
    index.add(connection, list(rows))


def test_the_newest_come_first_and_below_the_cursor(connection: Connection, index: Index) -> None:
    put(connection, index, {number: f"apple {number % 2}" for number in range(1, 12)})
    assert list(index.positions(connection, ["apple 0"], None)) == [10, 8, 6, 4, 2]
    assert list(index.positions(connection, ["apple 0"], 8)) == [6, 4, 2]
    assert list(index.positions(connection, ["e 1", "app"], 4)) == [3, 1]
    assert list(index.positions(connection, ["1"], 4)) == [3, 1]
    assert list(index.positions(connection, ["pear"], None)) == []


def test_windows_grow_until_all_is_seen(connection: Connection, index: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(indexes, "_WINDOW", 3)
    put(connection, index, dict.fromkeys((1, 2, 30, 100, 200, 201), "apple"))
    assert list(index.positions(connection, ["apple"], None)) == [201, 200, 100, 30, 2, 1]


def test_an_empty_record_has_nothing(connection: Connection, index: Index) -> None:
    assert list(index.positions(connection, ["apple"], None)) == []
    assert list(index.positions(connection, ["a"], 9)) == []


def test_what_is_taken_out_is_not_found(connection: Connection, index: Index) -> None:
    put(connection, index, {1: "apple", 2: "apple", 3: "apple"})
    index.remove(connection, [2])
    connection.execute(delete(texts).where(texts.c.position == 2))
    assert list(index.positions(connection, ["apple"], None)) == [3, 1]
    index.empty(connection)
    connection.execute(delete(texts))
    assert list(index.positions(connection, ["apple"], None)) == []


def test_having_all_runs_is_not_having_it_in_one_piece(connection: Connection, index: Index) -> None:
    put(connection, index, {1: "abcd bcde", 2: "abcde"})
    assert list(index.positions(connection, ["abcde"], None)) == [2]


def test_what_is_long_is_found(connection: Connection, index: Index) -> None:
    long = " ".join(map(str, range(500)))
    put(connection, index, {1: long, 2: long.replace("499", "498")})
    assert list(index.positions(connection, [long], None)) == [1]


def test_everyday_words_in_an_order_that_few_have_are_found_by_their_joints(
    connection: Connection, index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(indexes, "_TRIED", 3)
    rows = dict.fromkeys(range(1, 20), "the order of the day\nday of rest")
    put(
        connection,
        index,
        rows | {2: "the day of the order", 5: "rest of the day\nof the order", 19: "a day of the orders"},
    )
    assert list(index.positions(connection, ["of the order"], None)) == [19, 5, 2]
    assert list(index.positions(connection, ["day of the order"], None)) == [19, 2]
    assert list(index.positions(connection, ["ay of the or"], 19)) == [2]
    assert list(index.positions(connection, ["y of the o"], None)) == [19, 2]
    assert list(index.positions(connection, ["the order of", "of rest"], 5)) == [4, 3, 1]


@given(st.text(st.sampled_from("ab é\n"), max_size=30), st.integers(0, 30), st.integers(0, 30))
def test_a_text_has_the_joints_of_each_of_its_pieces(content: str, start: int, end: int) -> None:
    piece = content[start:end]
    if "\n" not in piece:
        assert joints_in(content) >= set(joints_of(piece))


def test_joints_that_a_piece_cannot_be_sure_of_are_left_out() -> None:
    assert joints_of("word") == joints_of("") == []
    assert joints_of("a word") == joints_of("word a") == joints_of("a b") == []
    assert len(joints_of("the word")) == len(joints_of("a big word")) == len(joints_of("big a b")) == 1
    assert len(joints_of("one a b two")) == 3
