"""What a killed process has promised is recorded by who opens the database next: all of it, once, and in its order."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from msgspec.structs import replace
from sqlalchemy import Engine, event
from sqlalchemy.engine.interfaces import DBAPIConnection

from mailtrap_py.events import Message, Recorded
from mailtrap_py.store import Store
from mailtrap_py.store import sqlite as sqlite_module
from mailtrap_py.store import writer as writer_module
from mailtrap_py.store.database import Database
from mailtrap_py.store.journal import FileJournal, Leftover
from tests.stored import ENDED, LINE, MESSAGE, STARTED


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "mail.db"


@pytest.fixture
def url(database: Path) -> str:
    with closing(Store(f"sqlite:///{database}")):  # so that it is there already
        return f"sqlite:///{database}"


def named(name: str) -> Message:
    return replace(MESSAGE, id=name)


def leave(database: Path, *blocks: list[Recorded]) -> None:
    """Write a page that no living process has."""
    with closing(FileJournal(database)) as journal:
        for block in blocks:
            journal.append(block)


def pages(database: Path) -> list[Path]:
    return sorted(database.parent.glob("mail.db-promised-*"))


def ids(store: Store) -> list[str]:
    return [message.id for message in reversed(store.messages(limit=10_000).items)]


@contextmanager
def full_disk() -> Iterator[None]:
    def limit(connection: DBAPIConnection, _: object) -> None:
        connection.cursor().execute("PRAGMA max_page_count=1")  # no more than there are

    event.listen(Engine, "connect", limit)
    try:
        yield
    finally:
        event.remove(Engine, "connect", limit)


def test_a_killed_process_keeps_its_promises(database: Path, caplog: pytest.LogCaptureFixture) -> None:
    program = f"""if True:
        import asyncio, os, sys
        sys.path.insert(0, {str(Path(__file__).parent)!r})
        from test_store_leftovers import LINE, STARTED, Store, named, replace, writer_module
        writer_module._QUIET_SECONDS = writer_module._LATEST_SECONDS = 1000

        async def main():
            store = Store({f"sqlite:///{database}"!r})
            store.add(STARTED)
            for number in range(10):
                store.add(replace(LINE, number=number))
                await store.commit(named(str(number)))
                if number == 4:
                    store.flush()
            store.add(replace(LINE, number=10))  # nobody was told that this one is safe
            os._exit(9)

        asyncio.run(main())
    """
    done = subprocess.run([sys.executable, "-c", program], check=False, cwd=Path(__file__).parent.parent, timeout=60)
    assert done.returncode == 9
    assert len(pages(database)) == 2
    for _ in range(2):
        with closing(Store(f"sqlite:///{database}")) as store:
            assert ids(store) == [str(number) for number in range(10)]
            assert [line.number for line in store.transcript("s")] == list(range(10))
            assert store.session("s") is not None
            assert store.raw("9") == MESSAGE.raw
        assert pages(database) == []
        (record,) = caplog.records
        assert record.getMessage().endswith(": 10 events that a killed process left are recorded now")


def test_one_that_was_killed_between_commit_and_settling_has_nothing_twice(
    url: str, database: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def main() -> None:
        store.add(LINE)
        await store.commit(named("1"))
        await store.commit(named("2"))

    monkeypatch.setattr(writer_module, "_QUIET_SECONDS", 1000.0)
    with closing(Store(url)) as store:
        asyncio.run(main())
        found = {page: page.read_bytes() for page in pages(database)}
    for page, octets in found.items():
        page.write_bytes(octets)
    with closing(Store(url)) as store:
        assert ids(store) == ["1", "2"]
        assert store.transcript("s") == [LINE]
    assert pages(database) == []
    assert caplog.text == ""


def test_what_came_without_a_message_is_there_when_what_came_before_it_is(url: str, database: Path) -> None:
    with closing(Store(url)) as store:
        for recorded in (named("1"), STARTED, LINE):
            store.add(recorded)
    leave(database, [named("1")], [STARTED, LINE])
    leave(database, [replace(LINE, number=2)], [named("2")])
    with closing(Store(url)) as store:
        assert ids(store) == ["1", "2"]
        assert [line.number for line in store.transcript("s")] == [1, 2]


def test_what_is_there_does_not_keep_what_is_not_from_being_recorded(url: str, database: Path) -> None:
    with closing(Store(url)) as store:
        store.add(named("1"))
    leave(database, [LINE, named("1")], [replace(LINE, number=2), named("2")])
    with closing(Store(url)) as store:
        assert ids(store) == ["1", "2"]
        assert [line.number for line in store.transcript("s")] == [2]


def test_a_message_that_was_only_promised_with_another_does_not_stand_for_it(url: str, database: Path) -> None:
    with closing(Store(url)) as store:
        store.add(named("0"))
    leave(database, [named("0"), LINE, named("1")], [replace(LINE, number=2)])
    with closing(Store(url)) as store:
        assert ids(store) == ["0", "1"]
        assert [line.number for line in store.transcript("s")] == [1, 2]


def test_both_pages_are_taken_in_in_the_order_of_what_is_on_them(url: str, database: Path) -> None:
    with closing(FileJournal(database)) as journal:
        journal.append([named("0")])
        journal.turn()
        journal.append([STARTED, named("1")])
        journal.settle()
        journal.turn()
        journal.append([ENDED, named("2")])
    with closing(Store(url)) as store:
        assert ids(store) == ["1", "2"]
        session = store.session("s")
        assert session is not None
        assert session.ending == "quit"


def test_what_a_process_could_not_record_is_kept_from_nobody_else(
    url: str, database: Path, caplog: pytest.LogCaptureFixture
) -> None:
    bad = replace(STARTED, id="bad", client_port=2**63)
    leave(database, [STARTED, named("1")], [bad, LINE, named("2")], [named("2")], [STARTED, named("3")])
    with closing(Store(url)) as store:
        assert ids(store) == ["1", "2", "3"]
        assert store.transcript("s") == [LINE]
        assert [session.id for session in store.sessions().items] == ["s"]
    assert pages(database) == []
    too_large, twice, recorded = caplog.messages
    assert too_large.endswith(
        "an event was not recorded, a SessionStarted: Python int too large to convert to SQLite INTEGER"
    )
    assert twice.endswith("an event was not recorded, a SessionStarted: UNIQUE constraint failed: sessions.id")
    assert recorded.endswith(": 5 events that a killed process left are recorded now")


def test_one_that_was_killed_while_it_wrote_one_at_a_time_is_made_complete(url: str, database: Path) -> None:
    with closing(Store(url)) as store:
        store.add(STARTED)
    leave(database, [STARTED, named("1")])
    with closing(Store(url)) as store:
        assert ids(store) == ["1"]
        assert [session.id for session in store.sessions().items] == ["s"]


def test_while_another_program_writes_it_stays_where_it_is(
    url: str, database: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(sqlite_module, "_BUSY_SECONDS", 0.01)
    leave(database, [named("1")])
    leave(database, [named("2")])
    before = pages(database)
    with closing(Database(url)) as database_, closing(Database(url)) as other:
        with other.writing():
            closing_writer = writer_module.Writer(database_)
        closing_writer.close()
    assert pages(database) == before
    (message,) = caplog.messages
    assert "what a killed process left stays there: no transaction could be opened: database is locked" in message
    with closing(Store(url)) as store:
        assert ids(store) == ["1", "2"]
    assert pages(database) == []


def test_a_full_disk_keeps_it_where_it_is_and_nobody_from_making_room(
    url: str, database: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with closing(Store(url)) as store:
        store.add(replace(MESSAGE, id="old", raw=bytes(100_000)))
    large = replace(MESSAGE, id="large", raw=bytes(50_000))
    leave(database, [LINE, large])
    with full_disk(), closing(Store(url)) as store:
        assert ids(store) == ["old"]
        assert "what a killed process left stays there: database or disk is full" in caplog.text
        store.clear()
    with full_disk(), closing(Store(url)) as store:
        assert ids(store) == ["large"]
        assert store.transcript("s") == [LINE]
    assert pages(database) == []


def test_a_page_that_cannot_be_removed_is_not_recorded_again(
    url: str, database: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(_: Leftover) -> None:
        raise PermissionError(13, "Permission denied")

    leave(database, [LINE, MESSAGE])
    with monkeypatch.context() as patch:
        patch.setattr(Leftover, "remove", refuse)
        Store(url).close()
    assert "what a killed process left stays there: [Errno 13] Permission denied" in caplog.text
    with closing(Store(url)) as store:
        assert ids(store) == ["m"]
        assert store.transcript("s") == [LINE]
    assert pages(database) == []


def test_what_is_left_of_nothing_is_removed(url: str, database: Path, caplog: pytest.LogCaptureFixture) -> None:
    (database.parent / "mail.db-promised-x").write_bytes(b"")
    Store(url).close()
    assert pages(database) == []
    assert caplog.text == ""


def test_a_store_that_lives_keeps_its_own(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        await store.commit(MESSAGE)

    monkeypatch.setattr(writer_module, "_QUIET_SECONDS", 1000.0)
    with closing(Store(url)) as store:
        asyncio.run(main())
        with closing(Store(url)) as other:
            assert ids(other) == []
            assert ids(store) == ["m"]
            assert ids(other) == ["m"]
