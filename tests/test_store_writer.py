"""The thread that writes: what it groups, whom it tells, and what it survives.

Here somebody hurries it in most tests, so that a commit is done when the database has it; promises are the matter of
test_store_promises.py.
"""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, nullcontext
from pathlib import Path
from typing import cast

import pytest
from msgspec.structs import replace
from sqlalchemy import Connection, Engine, event, text
from sqlalchemy.engine.interfaces import DBAPIConnection

from mailtrap_py.events import Recorded
from mailtrap_py.ids import new_id
from mailtrap_py.store import Announcement, Query, Store
from mailtrap_py.store import sqlite as sqlite_module
from mailtrap_py.store.database import BusyError, Database
from mailtrap_py.store.upkeep import Upkeep
from mailtrap_py.store.writer import Writer
from tests.stored import LINE, MESSAGE, STARTED

TOO_LARGE_FOR_A_COLUMN = replace(STARTED, id="bad", client_port=2**63)


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    with closing(Store(store_url)) as store:
        yield store


@pytest.fixture
def commits() -> Iterator[list[int]]:
    """Grows by one with every commit in this process."""
    seen: list[int] = []

    def count(_: Connection) -> None:
        seen.append(1)

    event.listen(Engine, "commit", count)
    yield seen
    event.remove(Engine, "commit", count)


@contextmanager
def held(store: Store) -> Iterator[None]:
    """Keep the writing thread waiting inside a subscriber: all that is queued meanwhile is one batch."""
    entered, go_on = threading.Event(), threading.Event()

    def wait(_: Announcement) -> None:
        entered.set()
        go_on.wait(10)

    unsubscribe = store.subscribe(wait)
    store.add(replace(STARTED, id=new_id()))
    assert entered.wait(10)
    unsubscribe()
    try:
        yield
    finally:
        go_on.set()


async def commit_all(store: Store, events: list[Recorded]) -> list[BaseException | None]:
    with store.hurrying(), held(store):
        waiters = [store.commit(event) for event in events]
    return await asyncio.gather(*waiters, return_exceptions=True)


def count(database: Database) -> int:
    """Look how many messages are there, and let nobody know."""
    with database.reading() as connection:
        return int(connection.execute(text("SELECT count(*) FROM messages")).scalar_one())


def ids(store: Store) -> list[str]:
    return [message.id for message in reversed(store.messages(limit=10_000).items)]


@pytest.mark.parametrize("hurried", [True, False])
def test_a_message_is_there_when_its_commit_is_done(store: Store, *, hurried: bool) -> None:
    async def main() -> None:
        with store.hurrying() if hurried else nullcontext():
            for number in range(20):
                await store.commit(replace(MESSAGE, id=str(number)))
                assert store.raw(str(number)) == MESSAGE.raw

    asyncio.run(main())


def test_the_database_has_it_while_somebody_hurries(tmp_path: Path) -> None:
    path = f"sqlite:///{tmp_path / 'mail.db'}"

    async def main() -> None:
        for number in range(20):
            await store.commit(replace(MESSAGE, id=str(number)))
            assert count(other) == number + 1

    with closing(Store(path)) as store, closing(Database(path)) as other, store.hurrying():
        asyncio.run(main())


@pytest.mark.parametrize("hurried", [True, False])
def test_what_was_added_before_is_written_with_a_commit(store: Store, commits: list[int], *, hurried: bool) -> None:
    async def main() -> None:
        for number in range(5):
            store.add(replace(LINE, number=number))
        before = len(commits)
        with store.hurrying() if hurried else nullcontext():
            await store.commit(MESSAGE)
        assert len(commits) <= before + 1
        assert [line.number for line in store.transcript("s")] == [0, 1, 2, 3, 4]

    with held(store):
        pass
    asyncio.run(main())


@pytest.mark.parametrize("hurried", [True, False])
def test_commits_at_the_same_time_share_transactions(store: Store, commits: list[int], *, hurried: bool) -> None:
    async def session(number: int) -> None:
        for count in range(10):
            await store.commit(replace(MESSAGE, id=f"{number}-{count}"))

    async def main() -> None:
        with store.hurrying() if hurried else nullcontext():
            await asyncio.gather(*(session(number) for number in range(50)))

    before = len(commits)
    asyncio.run(main())
    assert store.messages().total == 500
    assert len(commits) - before < 100


def test_a_batch_is_one_transaction_in_the_order_of_the_calls(store: Store, commits: list[int]) -> None:
    with held(store):
        before = len(commits)
        for number in range(100):
            store.add(replace(MESSAGE, id=str(number)))
    store.flush()
    assert len(commits) == before + 1
    assert ids(store) == [str(number) for number in range(100)]


def test_an_event_that_nobody_waits_for_is_written_all_the_same(tmp_path: Path) -> None:
    path = tmp_path / "mail.db"
    with closing(Store(f"sqlite:///{path}")) as store, closing(Database(f"sqlite:///{path}")) as other:
        told = threading.Event()
        store.subscribe(lambda _: told.set())
        for number in range(3):  # out of the long sleep, and out of the short one
            told.clear()
            store.add(replace(MESSAGE, id=str(number)))
            assert told.wait(10)
            assert count(other) == number + 1


def test_events_added_by_many_threads_are_all_there_each_thread_in_its_order(store: Store) -> None:
    def add(name: int) -> None:
        for number in range(200):
            store.add(replace(LINE, session_id=str(name), number=number))
            if number % 50 == 0:
                store.add(replace(MESSAGE, id=f"{name}-{number}"))

    threads = [threading.Thread(target=add, args=(name,)) for name in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for name in range(8):
        assert [line.number for line in store.transcript(str(name))] == list(range(200))
    assert store.messages().total == 32


@pytest.mark.parametrize("hurried", [True, False])
def test_commits_of_several_loops_are_each_done_on_their_own(store: Store, *, hurried: bool) -> None:
    def run(name: str) -> None:
        async def main() -> None:
            await asyncio.gather(*(store.commit(replace(MESSAGE, id=f"{name}{number}")) for number in range(50)))

        asyncio.run(main())

    threads = [threading.Thread(target=run, args=(name,)) for name in "abc"]
    with store.hurrying() if hurried else nullcontext():
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert store.messages().total == 150


def test_one_bad_event_takes_no_other_with_it(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    good = [replace(MESSAGE, id=name) for name in ("1", "2", "3")]
    outcomes = asyncio.run(commit_all(store, [good[0], TOO_LARGE_FOR_A_COLUMN, good[1], replace(good[0]), good[2]]))
    assert [isinstance(outcome, Exception) for outcome in outcomes] == [False, True, False, True, False]
    assert ids(store) == ["1", "2", "3"]
    assert caplog.text == ""  # whoever waits is told; nobody else needs to be


def test_a_bad_event_that_nobody_waits_for_is_logged(
    store: Store, store_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    with held(store):
        for event_ in (TOO_LARGE_FOR_A_COLUMN, MESSAGE, TOO_LARGE_FOR_A_COLUMN):
            store.add(event_)
    assert ids(store) == ["m"]
    (record,) = caplog.records
    problem = {"sqlite": "Python int too large to convert to SQLite INTEGER", "postgresql": "integer out of range"}
    kind = store_url.partition(":")[0]
    assert record.getMessage() == f"2 events were not recorded, first a SessionStarted: {problem[kind]}"


def test_what_is_no_event_is_refused(store: Store) -> None:
    (outcome,) = asyncio.run(commit_all(store, [cast("Recorded", "no event")]))
    assert isinstance(outcome, AssertionError)


@pytest.mark.parametrize("memory", [True, False])
def test_a_full_disk_is_told_to_who_waits_and_passes(tmp_path: Path, *, memory: bool) -> None:
    def limit(connection: DBAPIConnection, _: object) -> None:
        connection.cursor().execute("PRAGMA max_page_count=100")

    large = replace(MESSAGE, raw=b"x" * 1_000_000)
    event.listen(Engine, "connect", limit)
    try:
        with closing(Store("sqlite://" if memory else f"sqlite:///{tmp_path / 'mail.db'}")) as store:
            mails: list[Recorded] = [replace(MESSAGE, id="1"), large, replace(MESSAGE, id="2")]
            outcomes = asyncio.run(commit_all(store, mails))
            assert [type(outcome) for outcome in outcomes] == [type(None), sqlite3.OperationalError, type(None)]
            assert str(outcomes[1]) == "database or disk is full"
            assert ids(store) == ["1", "2"]
            assert asyncio.run(commit_all(store, [replace(MESSAGE, id="3")])) == [None]
            store.clear()
            assert asyncio.run(commit_all(store, [replace(large, raw=b"x" * 100_000)])) == [None]
    finally:
        event.remove(Engine, "connect", limit)


def test_a_database_that_is_kept_busy_fails_the_batch_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite_module, "_BUSY_SECONDS", 0.01)
    path = f"sqlite:///{tmp_path / 'mail.db'}"
    with closing(Store(path)) as store, closing(Database(path)) as other:
        with other.writing():
            with pytest.raises(BusyError, match="locked"):
                store.delete_messages(Query())

            async def main() -> list[BaseException | None]:
                with store.hurrying():
                    waiters = [store.commit(replace(MESSAGE, id=str(number))) for number in range(3)]
                    return await asyncio.gather(*waiters, return_exceptions=True)

            assert {type(outcome) for outcome in asyncio.run(main())} == {BusyError}
        assert asyncio.run(commit_all(store, [MESSAGE])) == [None]
        assert ids(store) == ["m"]


def test_a_broken_subscriber_stops_nobody(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    told: list[str] = []

    def broken(_: Announcement) -> None:
        raise ZeroDivisionError

    store.subscribe(broken)
    store.subscribe(lambda news: told.append(news.id) if news.kind == "message" else None)
    assert asyncio.run(commit_all(store, [MESSAGE, replace(MESSAGE, id="m2")])) == [None, None]
    assert told == ["m", "m2"]
    assert "a subscriber could not take an announcement" in caplog.text


def test_subscribers_are_told_after_the_commit_and_before_whoever_waits(store: Store) -> None:
    seen: list[object] = []

    def subscriber(news: Announcement) -> None:
        # A subscriber reads on the writing thread; and the waiting session, which is on another, has not gone on yet.
        page = store.messages(Query(to="bob@example.net"))
        seen.append((news.kind, news.inbox, news.id, news.message == page.items[0]))

    async def main() -> None:
        await store.commit(MESSAGE)
        seen.append("done")

    store.subscribe(subscriber)
    with store.hurrying():
        asyncio.run(main())
    assert seen == [("message", "default", "m", True), "done"]


def test_a_subscriber_may_remove_what_it_is_told_of(store: Store) -> None:
    def remove(news: Announcement) -> None:
        if news.kind == "message":
            assert store.delete_message(news.id)

    unsubscribe = store.subscribe(remove)
    store.add(MESSAGE)
    assert ids(store) == []
    unsubscribe()
    unsubscribe()
    store.add(MESSAGE)
    assert ids(store) == ["m"]


def test_work_that_fails_fails_for_who_asked_and_changes_nothing(store: Store) -> None:
    store.add(MESSAGE)
    with pytest.raises(AttributeError):
        store.delete_messages(cast("Query", None))
    assert ids(store) == ["m"]


def test_a_session_that_was_cancelled_leaves_its_message(store: Store) -> None:
    async def main() -> None:
        with store.hurrying(), held(store):
            waiter = asyncio.ensure_future(store.commit(MESSAGE))
            waiter.cancel()
            other = store.commit(replace(MESSAGE, id="m2"))
        await other
        assert waiter.cancelled()

    asyncio.run(main())
    assert ids(store) == ["m", "m2"]


def test_a_loop_that_was_closed_meanwhile_harms_nobody(store: Store) -> None:
    async def leave() -> None:
        store.commit(MESSAGE)

    with store.hurrying(), held(store):
        asyncio.run(leave())
    assert ids(store) == ["m"]


def test_a_loop_that_was_closed_before_it_woke_the_thread_does_not_let_others_wait(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    told, asleep = threading.Event(), threading.Event()
    real = Upkeep.pause

    def pause(self: Upkeep) -> float | None:
        if not told.is_set():
            return real(self)
        asleep.set()
        return None  # until it is woken

    def leave() -> None:
        store.commit(MESSAGE)
        loop.stop()  # before the turn in which the thread would be woken

    async def main() -> None:
        await asyncio.wait_for(store.commit(replace(MESSAGE, id="m2")), 10)

    monkeypatch.setattr(Upkeep, "pause", pause)
    unsubscribe = store.subscribe(lambda _: told.set())
    loop = asyncio.new_event_loop()
    with store.hurrying():
        loop.call_soon(leave)
        loop.run_forever()
        loop.close()
        store.flush()
        assert asleep.wait(10)
        unsubscribe()  # which comes to an end when the thread really sleeps
        asyncio.run(main())
    assert ids(store) == ["m", "m2"]


class TestClosing:
    """`Writer.close` on its own; the whole store's is in test_store_store.py."""

    @pytest.fixture
    def database(self) -> Iterator[Database]:
        with closing(Database("sqlite://")) as database:
            yield database

    def test_what_is_queued_is_written_first(self, database: Database) -> None:
        writer = Writer(database)
        for number in range(500):
            writer.add(replace(MESSAGE, id=str(number)))
        writer.close()
        assert count(database) == 500
        writer.close()
        writer.flush()

    def test_whoever_reads_meanwhile_waits_for_the_end(self, database: Database) -> None:
        writer = Writer(database)
        entered, go_on = threading.Event(), threading.Event()

        def wait(_: Announcement) -> None:
            entered.set()
            go_on.wait(10)

        writer.subscribe(wait)
        writer.add(MESSAGE)
        assert entered.wait(10)
        writer.add(replace(MESSAGE, id="m2"))
        closer = threading.Thread(target=writer.close)
        closer.start()
        while True:  # `close` has come so far when nothing more is taken
            try:
                writer.add(LINE)
            except RuntimeError:
                break
        counted: list[int] = []

        def read() -> None:
            writer.flush()
            counted.append(count(database))

        reader = threading.Thread(target=read)
        reader.start()
        go_on.set()
        reader.join()
        closer.join()
        assert counted == [2]

    def test_nothing_is_taken_after_it(self, database: Database) -> None:
        writer = Writer(database)
        writer.close()
        with pytest.raises(RuntimeError, match="the store is closed"):
            writer.add(MESSAGE)
        with pytest.raises(RuntimeError, match="the store is closed"):
            writer.perform(lambda _: (None, []))
