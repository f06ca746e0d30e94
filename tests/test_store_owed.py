"""Promises that the database did not take when their time had come: none is lost, none is there twice.

Nor are those that cannot be read back: they are left for who opens the database next.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from msgspec.structs import replace
from sqlalchemy import Connection, Engine, event
from sqlalchemy.engine.interfaces import DBAPIConnection

from mailtrap_py.events import Recorded
from mailtrap_py.store import Announcement, Store
from mailtrap_py.store import sqlite as sqlite_module
from mailtrap_py.store import writer as writer_module
from mailtrap_py.store.database import BusyError, Database
from mailtrap_py.store.rows import Batch, reserve
from mailtrap_py.store.writer import Writer
from tests.stored import ENDED, LINE, MESSAGE, STARTED
from tests.test_store_promises import ids, look, named, pages, promise, until, wait

LARGE = bytes(120_000)  # two of these are as much as there is room for on a small disk


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "mail.db"


@pytest.fixture
def url(database: Path) -> str:
    return f"sqlite:///{database}"


@pytest.fixture(autouse=True)
def soon_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no test wait for what it waits for anyway."""
    monkeypatch.setattr(writer_module, "_AGAIN", 0.01)
    monkeypatch.setattr(sqlite_module, "_BUSY_SECONDS", 0.01)


@pytest.fixture
def as_usual() -> Iterator[Callable[[], None]]:
    """Let nothing be written because clients are quiet, until this is called: what is promised is taken together."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(writer_module, "_QUIET_SECONDS", 1000.0)
        yield patch.undo


@contextmanager
def small_disk() -> Iterator[None]:
    """Let the databases that are opened be on a small disk."""

    def limit(connection: DBAPIConnection, _: object) -> None:
        connection.cursor().execute("PRAGMA max_page_count=100")

    event.listen(Engine, "connect", limit)
    try:
        yield
    finally:
        event.remove(Engine, "connect", limit)


def meanwhile(monkeypatch: pytest.MonkeyPatch, do: Callable[[], None]) -> None:
    """Do something once, on the writing thread, when it has taken what there is and begins to write it."""
    real, first = Writer._write_at_once, iter([True])  # noqa: SLF001 - between `take` and the transaction there is no other

    def write(self: Writer, items: Sequence[Recorded]) -> Exception | None:
        if next(first, False):
            do()
        return real(self, items)

    monkeypatch.setattr(Writer, "_write_at_once", write)


class TestFullDisk:
    """What fits is recorded, what is behind it waits for room."""

    @pytest.mark.parametrize("kind", ["memory", "file"])
    def test_it_waits_for_room(
        self, url: str, caplog: pytest.LogCaptureFixture, kind: str, as_usual: Callable[[], None]
    ) -> None:
        with small_disk(), closing(Store("sqlite://" if kind == "memory" else url)) as store:
            store.add(LINE)
            promise(store, *named("1", "2", "3", raw=LARGE), *named("small"))
            as_usual()
            assert ids(store) == ["1", "2"]  # and no other before its turn
            (record,) = caplog.records
            assert record.getMessage() == (
                "2 events are kept in the journal until they can be recorded: database or disk is full"
            )
            # Meanwhile who commits waits, and is told.
            (full, fits, bad) = wait(store, *named("4", raw=LARGE), *named("5", "1"))
            assert isinstance(full, sqlite3.OperationalError)
            assert str(full) == "database or disk is full"
            assert fits is None
            assert isinstance(bad, sqlite3.IntegrityError)
            store.clear()
            until(store, lambda: ids(store) == ["3", "small"])
            store.flush()
            promise(store, *named("6", raw=LARGE))
            assert ids(store) == ["3", "small", "6"]
            assert len(caplog.records) == 1

    def test_as_much_of_it_as_there_is_room_for_is_recorded(self, url: str, as_usual: Callable[[], None]) -> None:
        with small_disk(), closing(Store(url)) as store:
            promise(store, *named("1", "2", "3", "4", "5", "6", "7", raw=LARGE))
            as_usual()
            assert ids(store) == ["1", "2"]
            for names in (["3", "4"], ["5", "6"], ["7"]):
                store.clear()
                until(store, lambda names=names: ids(store) == names)  # type: ignore[misc] # a lambda's default

    def test_many_portions_of_it_are_tried_one_after_the_other(
        self, url: str, monkeypatch: pytest.MonkeyPatch, as_usual: Callable[[], None]
    ) -> None:
        tried: list[int] = []

        def batch(events: Sequence[Recorded], *, first: int) -> Batch:
            tried.append(len(events))
            return Batch(events, first=first)

        with small_disk(), closing(Store(url)) as store:
            promise(store, *named(*map(str, range(60)), raw=LARGE))
            as_usual()
            assert ids(store) == ["0", "1"]
            monkeypatch.setattr(writer_module, "Batch", batch)
            for first in range(2, 60, 2):
                fits = [str(first), str(first + 1)]
                store.clear()
                until(store, lambda fits=fits: ids(store) == fits)  # type: ignore[misc] # a lambda's default
            # Not all seven megabytes each time.
            assert 10 < max(tried) < 20

    def test_none_of_them_goes_before_another(self, as_usual: Callable[[], None]) -> None:
        names = [str(number) for number in range(303)]  # more than the 256 of a portion in memory
        with small_disk(), closing(Store("sqlite://")) as store:
            promise(store, *named(*names[:3], raw=LARGE), *named(*names[3:]))
            as_usual()
            assert ids(store) == names[:2]  # though there is room for the last
            store.clear()
            until(store, lambda: len(ids(store)) == 301)
            assert ids(store) == names[2:]

    @pytest.mark.usefixtures("as_usual")
    def test_a_message_and_what_was_promised_with_it_are_not_parted(self, url: str, database: Path) -> None:
        # Or what is recorded of it already would be recorded again, by who opens the database next.
        with small_disk(), closing(Store(url)) as store:
            for number, name in enumerate("123"):
                for line in range(4):
                    store.add(replace(LINE, number=4 * number + line))
                promise(store, *named(name, raw=LARGE))
            assert ids(store) == ["1", "2"]
            assert len(store.transcript("s")) == 8
        assert len(pages(database)) == 1
        for _ in range(2):
            with closing(Store(url)) as store:
                assert ids(store) == ["1", "2", "3"]
                assert [line.number for line in store.transcript("s")] == list(range(12))
            assert pages(database) == []


class TestBusy:
    """Nothing can be written as long as another program writes."""

    def test_it_waits(self, url: str, caplog: pytest.LogCaptureFixture, as_usual: Callable[[], None]) -> None:
        with closing(Store(url)) as store, closing(Database(url)) as other:
            with other.writing():
                store.add(LINE)
                promise(store, MESSAGE)
                as_usual()
                assert ids(store) == []
                assert [type(outcome) for outcome in wait(store, *named("3", "4"))] == [BusyError, BusyError]
                assert "2 events are kept in the journal until they can be recorded: no transaction" in caplog.text
            # Nobody asks for it.
            until(store, lambda: look(other) == ["m"])
            assert store.transcript("s") == [LINE]
            store.flush()
            promise(store, *named("5"))
            assert ids(store) == ["m", "5"]

    def test_it_is_announced_when_it_is_there(self, url: str) -> None:
        told: list[Announcement] = []
        with closing(Store(url)) as store, closing(Database(url)) as other:
            store.subscribe(told.append)
            with other.writing():
                promise(store, MESSAGE)
                store.flush()
                assert told == []
            until(store, lambda: [news.id for news in told] == ["m"])

    def test_what_came_behind_it_stays_behind_it(
        self, url: str, caplog: pytest.LogCaptureFixture, as_usual: Callable[[], None]
    ) -> None:
        with closing(Store(url)) as store, closing(Database(url)) as other:
            with other.writing():
                store.add(STARTED)
                promise(store, MESSAGE)
                store.add(LINE)
                store.add(ENDED)
                as_usual()
                store.flush()
            until(store, lambda: store.transcript("s") == [LINE])
            session = store.session("s")
            assert session is not None
            assert session.ending == "quit"
            assert look(other) == ["m"]
        (message,) = caplog.messages
        assert message.startswith("4 events are kept in the journal until they can be recorded")

    @pytest.mark.usefixtures("as_usual")
    def test_what_comes_later_does_not_pile_up(self, url: str, caplog: pytest.LogCaptureFixture) -> None:
        # Nobody was promised it, and there is no knowing when there will be room.
        with closing(Store(url)) as store, closing(Database(url)) as other:
            with other.writing():
                promise(store, MESSAGE)
                store.flush()
                caplog.clear()
                for _ in range(3):
                    store.add(LINE)
                    store.flush()
            assert len([text for text in caplog.messages if text.startswith("1 events were not recorded")]) == 3
            store.add(STARTED)
            assert ids(store) == ["m"]
            assert store.transcript("s") == []

    def test_what_can_never_be_recorded_is_dropped_among_it(
        self, url: str, caplog: pytest.LogCaptureFixture, as_usual: Callable[[], None]
    ) -> None:
        with closing(Store(url)) as store, closing(Database(url)) as other:
            with other.writing():
                promise(store, *named("1", "2", "1", "3"))
                as_usual()
                store.flush()
            until(store, lambda: look(other) == ["1", "2", "3"])
            store.flush()
            promise(store, *named("4"))
            assert ids(store) == ["1", "2", "3", "4"]
        assert caplog.messages[-1].startswith("an event was not recorded, a Message: UNIQUE constraint failed")

    @pytest.mark.parametrize("kind", ["memory", "file"])
    def test_what_is_promised_while_it_fails_is_there_afterwards_once_and_in_order(
        self, url: str, database: Path, monkeypatch: pytest.MonkeyPatch, kind: str, as_usual: Callable[[], None]
    ) -> None:
        names = [str(number) for number in range(600)]
        raw = b"Subject: Hello\r\n\r\n".ljust(8000)

        def more() -> None:
            store.add(replace(LINE, number=2))
            promise(store, *named(*names[300:], raw=raw))

        def reserve_(connection: Connection, count: int) -> int:
            if failing:  # and not another program: a database in memory has none
                raise BusyError("held")
            return reserve(connection, count)

        with closing(Store("sqlite://" if kind == "memory" else url)) as store:
            failing = True
            monkeypatch.setattr(writer_module, "reserve", reserve_)
            meanwhile(monkeypatch, more)
            store.add(LINE)
            promise(store, *named(*names[:300], raw=raw))
            as_usual()
            for _ in range(3):
                store.flush()
                assert [type(outcome) for outcome in wait(store, *named("late"))] == [BusyError]
            failing = False
            until(store, lambda: len(ids(store)) == len(names))
            assert ids(store) == names
            assert [line.number for line in store.transcript("s")] == [1, 2]
            store.flush()
            promise(store, *named("last"))
            assert ids(store) == [*names, "last"]
            assert [page.stat().st_size for page in pages(database)] == ([] if kind == "memory" else [0, 0])

    @pytest.mark.usefixtures("as_usual")
    def test_it_is_kept_beside_a_store_that_closes(
        self, url: str, database: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        with closing(Database(url)) as other:
            store = Store(url)
            with other.writing():
                store.add(LINE)
                promise(store, *named("1", "2"))
                store.close()
            assert len(pages(database)) == 1
            assert look(other) == []
            caplog.clear()
            for _ in range(2):
                with closing(Store(url)) as store:
                    assert ids(store) == ["1", "2"]
                    assert store.transcript("s") == [LINE]
                assert pages(database) == []
        (message,) = caplog.messages
        assert message.endswith("3 events that a killed process left are recorded now")

    @pytest.mark.usefixtures("as_usual")
    def test_both_pages_are_kept_beside_a_store_that_closes(
        self, url: str, database: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def more() -> None:
            store.add(replace(LINE, number=3))
            promise(store, *named("3", "4"))

        meanwhile(monkeypatch, more)
        with closing(Database(url)) as other:
            store = Store(url)
            with other.writing():
                store.add(LINE)
                promise(store, *named("1", "2"))
                store.add(replace(LINE, number=2))  # late, with the third message
                for _ in range(3):
                    store.flush()
                store.close()
            assert look(other) == []
            assert len(pages(database)) == 2
            for _ in range(2):
                with closing(Store(url)) as store:
                    assert ids(store) == ["1", "2", "3", "4"]
                    assert [line.number for line in store.transcript("s")] == [1, 2, 3]
                assert pages(database) == []


def wrong(page: Path) -> None:
    """Write something else over the end of a page."""
    with page.open("r+b") as file:
        file.seek(-10, os.SEEK_END)
        file.write(b"?")


@pytest.mark.usefixtures("as_usual")
class TestUnreadable:
    """The disk does not give back what was written to it."""

    def test_who_opens_the_database_next_tries_again_and_until_then_commits_go_on(
        self, url: str, database: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        def broken(*_: object) -> bytes:
            raise OSError(5, "Input/output error")

        with closing(Store(url)) as store:
            store.add(LINE)
            promise(store, *named("1", "2"))
            with monkeypatch.context() as patch:
                patch.setattr(os, "pread", broken)
                store.flush()
                assert ids(store) == []
            assert "the journal of the store cannot be read; who opens the store next will try again" in caplog.text
            for name in "56":
                assert wait(store, *named(name)) == [None]
            store.add(ENDED)
            assert ids(store) == ["5", "6"]
            kept = [page.stat().st_size for page in pages(database)]
            assert sorted(size > 0 for size in kept) == [False, True]
        for _ in range(2):
            with closing(Store(url)) as store:
                assert ids(store) == ["5", "6", "1", "2"]
                assert store.transcript("s") == [LINE]
            assert pages(database) == []

    def test_what_is_whole_before_it_is_recorded(self, url: str, database: Path) -> None:
        with closing(Store(url)) as store:
            for number, name in enumerate("123"):
                store.add(replace(LINE, number=number))
                promise(store, *named(name))
            wrong(max(pages(database), key=lambda page: page.stat().st_size))
            store.flush()
            assert wait(store, *named("4")) == [None]
            assert ids(store) == ["1", "2", "4"]
        for _ in range(2):
            with closing(Store(url)) as store:
                assert ids(store) == ["1", "2", "4"]
                assert [line.number for line in store.transcript("s")] == [0, 1]
            assert pages(database) == []

    def test_the_other_page_is_read_all_the_same(
        self, url: str, database: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        real, first = os.pread, iter([True])

        def broken(descriptor: int, count: int, where: int) -> bytes:
            if not next(first, False):
                return real(descriptor, count, where)
            promise(store, *named("3", "4"))
            raise OSError(5, "Input/output error")

        monkeypatch.setattr(os, "pread", broken)
        with closing(Store(url)) as store:
            promise(store, *named("1", "2"))
            store.flush()
            assert ids(store) == ["3", "4"]
            assert wait(store, *named("5")) == [None]
            assert len([page for page in pages(database) if page.stat().st_size]) == 2
        for _ in range(2):
            with closing(Store(url)) as store:
                assert ids(store) == ["3", "4", "5", "1", "2"]
            assert pages(database) == []
