"""Searches by text: what they find, whether the index has it yet or not, with every index and with none."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from mailtrap_py.events import Message
from mailtrap_py.message.words import fold
from mailtrap_py.store import Query, Store, query, texts
from mailtrap_py.store.database import Database
from tests import stored

MESSAGE = replace(stored.MESSAGE, reverse_path="bounces@example.org")


@pytest.fixture(params=["indexed", "not yet", "without FTS5"])
def store(store_url: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """Give a store where the index has everything at once, or nothing by itself, or is not there."""
    if request.param == "without FTS5":
        monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 33, 0))
    monkeypatch.setattr(texts, "BEHIND", 0 if request.param == "indexed" else 10**9)
    with closing(Store(store_url)) as store:
        yield store


def mail(number: int, text: str, **changes: object) -> Message:
    """Make a message that says something."""
    raw = f"Subject: Number {number}\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{text}\r\n".encode()
    return replace(MESSAGE, id=str(number), raw=raw, **changes)  # fields of a message


def found(store: Store, text: str, **more: object) -> list[str]:
    page = store.messages(Query(text=text, **more))  # type: ignore[arg-type]  # fields of a query
    assert page.total == len(page.items)
    return [message.id for message in page.items]


PIECES = {
    "invoice": ["2", "1"],
    "INVOICE 0815": ["1"],
    "invoice 08": ["2", "1"],
    "0815 is": ["1"],
    "number 3": ["3"],
    "bounces@": ["3", "2", "1"],
    "bob@example.net": ["3", "2", "1"],
    "é": ["3"],
    "CAFÉ": ["3"],
    "cafe": [],
    "100%": ["2"],
    "1_0": [],
    '"quoted" OR x': ["3"],
    "invoice\t\r\n0815": ["1"],
    " 0815 ": ["1"],
    "08": ["2", "1"],
    "voice in": [],
    "xyz": [],
    "'": [],
    "ab\0c": [],
}


def test_a_search_finds_any_piece_in_any_case(store: Store) -> None:
    store.add(mail(1, "Your invoice\r\n0815 is here"))
    store.add(mail(2, "Invoice  0816, 100% yours"))
    store.add(mail(3, 'Café "quoted" or X'))
    assert {text: found(store, text) for text in PIECES} == PIECES


def test_the_other_fields_of_the_query_count_too(store: Store) -> None:
    store.add(mail(1, "the same"))
    store.add(mail(2, "the same", inbox="other"))
    store.add(mail(3, "the same", session_id="s3"))
    assert found(store, "the same", inbox="other") == ["2"]
    assert found(store, "the same", session_id="s3") == ["3"]
    assert found(store, "the same", subject="Number 1") == ["1"]
    assert found(store, "the same", to="eve@example.net") == []
    assert found(store, "", inbox="other") == ["2"]


def test_what_is_deleted_is_not_found_and_what_comes_after_is(store: Store) -> None:
    store.add(mail(1, "first apple"))
    store.add(mail(2, "second apple"))
    assert found(store, "apple") == ["2", "1"]
    assert store.delete_message("1")
    assert found(store, "apple") == ["2"]
    assert store.delete_messages(Query(text="apple")) == 1
    assert found(store, "apple") == []
    store.add(mail(3, "third apple"))
    assert found(store, "apple") == ["3"]
    store.clear()
    assert found(store, "apple") == []
    store.add(mail(4, "fourth apple"))
    store.add(mail(5, "fifth pear", inbox="other"))
    assert found(store, "apple") == ["4"]
    store.clear("default")
    assert found(store, "apple") == []
    assert found(store, "pear") == ["5"]


def test_pages_of_a_search(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mailtrap_py.store.reads.MOST_COUNTED", 5)
    for number in range(12):
        store.add(mail(number, "apple"))
    first = store.messages(Query(text="apple"), limit=5)
    second = store.messages(Query(text="apple"), limit=5, before=first.next)
    third = store.messages(Query(text="apple"), limit=5, before=second.next)
    ids = [message.id for page in (first, second, third) for message in page.items]
    assert ids == [str(number) for number in reversed(range(12))]
    assert third.next is None
    assert [(page.total, page.uncounted) for page in (first, second, third)] == [(5, True)] * 3
    assert query.MOST_COUNTED == 1000
    few = store.messages(Query(text="number 3"), limit=0)
    assert (few.items, few.total, few.uncounted) == ((), 1, False)


def test_a_plain_subject_is_found_by_the_index_too(store: Store) -> None:
    store.add(mail(1, "nothing"))
    store.add(mail(2, "Subject: Number 1"))
    assert [message.id for message in store.messages(Query(subject="nUMBER 1")).items] == ["1"]
    assert [message.id for message in store.messages(Query(subject="2")).items] == ["2"]


def test_a_message_that_cannot_be_read_is_found_by_its_envelope(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(raw: bytes, *_: str) -> str:
        raise ZeroDivisionError(raw)

    monkeypatch.setattr(texts, "words", broken)
    store.add(mail(1, "apple"))
    assert found(store, "bob@EXAMPLE.net") == ["1"]
    assert found(store, "apple") == []


PIECE = st.text(st.sampled_from('abB ß\n"%_\\\0é'), max_size=6)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.text(st.sampled_from('abB ß\n"%_\\\0é'), max_size=20), max_size=4), PIECE)
def test_every_index_agrees_with_a_look_at_each_message(store: Store, contents: list[str], needle: str) -> None:
    store.clear()
    for number, text in enumerate(contents):
        store.add(replace(mail(number, ""), raw=b"\r\n" + text.encode(), reverse_path="", recipients=()))
    expected = [str(number) for number, text in enumerate(contents) if fold(needle) in fold(text)]
    assert found(store, needle) == expected[::-1]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "mail.db"


def rows(file: Path, table: str) -> int:
    with closing(sqlite3.connect(file)) as connection:
        return int(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])


def until(condition: Callable[[], bool]) -> None:
    """Wait for the writing thread, which tells nobody of its upkeep."""
    pause = threading.Event()
    for _ in range(1000):
        if condition():
            return
        pause.wait(0.02)
    raise AssertionError


def test_the_index_is_written_behind_the_messages_and_without_being_asked(file: Path) -> None:
    with closing(Store(f"sqlite:///{file}")) as store:
        for number in range(texts.BEHIND - 1):
            store.add(mail(number, "apple"))
        store.flush()
        assert rows(file, "texts") == 0
        for number in range(500, 510):
            store.add(mail(number, "pear"))
        until(lambda: rows(file, "texts") == texts.BEHIND - 1 + 10)
        assert store.messages(Query(text="apple"), limit=0).total == texts.BEHIND - 1


def test_the_words_of_what_is_deleted_are_taken_out_when_there_is_time(file: Path) -> None:
    with closing(Store(f"sqlite:///{file}")) as store:
        for number in range(120):
            store.add(mail(number, "apple"))
        until(lambda: rows(file, "texts") == 120)
        assert store.delete_messages(Query()) == 120
        until(lambda: rows(file, "texts") == rows(file, "stale") == 0)
    with closing(sqlite3.connect(file)) as connection:  # the index has nothing left either, and is sound
        connection.execute("INSERT INTO search(search) VALUES('integrity-check')")
        assert connection.execute("SELECT count(*) FROM search WHERE search MATCH '\"app\"'").fetchone() == (0,)


def test_a_search_lets_the_index_catch_up_first(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mailtrap_py.store.upkeep.BEHIND", 10**9)
    monkeypatch.setattr(texts, "_STEP_MESSAGES", 7)
    with closing(Store(f"sqlite:///{file}")) as store:
        for number in range(150):
            store.add(mail(number, "apple"))
        assert store.messages(Query(text="apple"), limit=0).total == 150
        assert 150 - texts.BEHIND <= rows(file, "texts") < 150


def test_what_waits_for_the_index_when_the_program_ends_is_indexed_by_the_next(file: Path) -> None:
    with closing(Store(f"sqlite:///{file}")) as store:
        for number in range(120):
            store.add(mail(number, "apple"))
    with closing(Store(f"sqlite:///{file}")) as store:
        until(lambda: rows(file, "texts") == 120)
        assert store.messages(Query(text="apple"), limit=0).total == 120


def test_a_file_goes_from_a_sqlite_without_fts5_to_one_with_it_and_back(
    file: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    url = f"sqlite:///{file}"
    for able in (False, True, False, True):
        with monkeypatch.context() as patch:
            patch.setattr(texts, "BEHIND", 0)
            if not able:
                patch.setattr(sqlite3, "sqlite_version_info", (3, 33, 0))
            with closing(Store(url)) as store:
                number = store.messages(limit=0).total
                store.add(mail(number, "apple"))
                assert found(store, "apple") == [str(each) for each in reversed(range(number + 1))]
                assert found(store, f"number {number}") == [str(number)]
    assert caplog.text.count("this SQLite has no FTS5") == 2


def test_large_messages_are_taken_in_one_by_one(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(texts, "_STEP_OCTETS", 100)
    with closing(Store(f"sqlite:///{file}")) as store:
        for number in range(3):
            store.add(mail(number, "x" * 1000))
    with closing(Database(f"sqlite:///{file}")) as database:
        for expected in (1, 2, 3):
            with database.writing() as connection:
                assert database.texts.step(connection)
            assert rows(file, "texts") == expected
        with database.writing() as connection:
            assert not database.texts.step(connection)
