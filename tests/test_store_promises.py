"""Messages that were promised: when they are written, and what becomes of them when the database does not take them."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from msgspec.structs import replace
from sqlalchemy import text

from mailtrap_py.events import Outcome, Recorded, Reply, Transaction
from mailtrap_py.store import Query, Store
from mailtrap_py.store import writer as writer_module
from mailtrap_py.store.database import Database
from mailtrap_py.store.journal import FileJournal
from mailtrap_py.store.upkeep import Upkeep
from mailtrap_py.store.writer import Writer
from tests.stored import LINE, MESSAGE, STARTED

NEVER = 1000.0  # seconds


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "mail.db"


@pytest.fixture
def url(database: Path) -> str:
    return f"sqlite:///{database}"


@pytest.fixture
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nothing be written because time has passed."""
    monkeypatch.setattr(writer_module, "_QUIET_SECONDS", NEVER)
    monkeypatch.setattr(writer_module, "_LATEST_SECONDS", NEVER)


def named(*names: str, raw: bytes = MESSAGE.raw) -> list[Recorded]:
    return [replace(MESSAGE, id=name, raw=raw) for name in names]


def promise(store: Store, *events: Recorded) -> None:
    """Commit messages, and see that they are not waited for."""

    async def main() -> None:
        for one in events:
            waiter = store.commit(one)
            assert not isinstance(waiter, asyncio.Future)
            await waiter

    asyncio.run(main())


def wait(store: Store, *events: Recorded) -> list[BaseException | None]:
    """Commit events, see that they are waited for, and give what is told then."""

    async def main() -> list[BaseException | None]:
        waiters = [store.commit(one) for one in events]
        assert all(isinstance(waiter, asyncio.Future) for waiter in waiters)
        return await asyncio.gather(*waiters, return_exceptions=True)

    return asyncio.run(main())


def ids(store: Store) -> list[str]:
    return [message.id for message in reversed(store.messages(limit=10_000).items)]


def look(other: Database) -> list[str]:
    """Look what is there, and let the store not know."""
    with other.reading() as connection:
        return list(connection.execute(text("SELECT id FROM messages ORDER BY position")).scalars())


def pages(database: Path) -> list[Path]:
    return sorted(database.parent.glob("mail.db-promised-*"))


def until(store: Store, done: Callable[[], bool]) -> None:
    """Wait, by the announcements, until something is so."""
    told = threading.Event()
    unsubscribe = store.subscribe(lambda _: told.set())
    while not done():
        assert told.wait(10)
        told.clear()
    unsubscribe()


class TestWhen:
    """A promise is written when clients are quiet, after some time, when it is much, or when somebody looks."""

    def test_when_it_is_quiet(self, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(writer_module, "_LATEST_SECONDS", NEVER)
        with closing(Store(url)) as store, closing(Database(url)) as other:
            promise(store, MESSAGE)
            until(store, lambda: look(other) == ["m"])

    @pytest.mark.parametrize("seconds", [0.0, 0.05])
    def test_after_a_while_when_it_is_not(self, url: str, monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
        monkeypatch.setattr(writer_module, "_LATEST_SECONDS", seconds)
        monkeypatch.setattr(FileJournal, "most", sys.maxsize)
        told = threading.Event()

        async def main() -> None:
            number = 0
            while not told.is_set():
                await store.commit(replace(MESSAGE, id=str(number)))
                number += 1
                await asyncio.sleep(0)

        with closing(Store(url)) as store:
            store.subscribe(lambda _: told.set())
            asyncio.run(asyncio.wait_for(main(), 10))

    @pytest.mark.usefixtures("unhurried")
    def test_when_it_is_much(self, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(FileJournal, "most", 5000)  # so little that the second one makes it much
        with closing(Store(url)) as store, closing(Database(url)) as other:
            promise(store, *named("1"))
            assert look(other) == []
            promise(store, *named("2"))
            until(store, lambda: look(other) == ["1", "2"])

    def test_when_it_is_much_though_the_loop_that_was_to_say_so_is_closed(
        self, url: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        asleep = threading.Event()

        def pause(_: Upkeep) -> None:  # until it is woken
            asleep.set()

        def leave() -> None:
            store.commit(MESSAGE)
            loop.stop()  # before the turn in which the thread would be woken

        monkeypatch.setattr(FileJournal, "most", 3000)
        monkeypatch.setattr(Upkeep, "pause", pause)
        with closing(Store(url)) as store, closing(Database(url)) as other:
            for name in ("m", "n"):
                assert asleep.wait(10)
                store.subscribe(lambda _: None)()  # which comes to an end when the thread really sleeps
                asleep.clear()
                if name == "m":
                    loop = asyncio.new_event_loop()
                    loop.call_soon(leave)
                    loop.run_forever()
                    loop.close()
                else:
                    promise(store, *named(name))
                until(store, lambda name=name: name in look(other))  # type: ignore[misc] # a lambda's default

    @pytest.mark.usefixtures("unhurried")
    def test_when_somebody_begins_to_hurry(self, url: str) -> None:
        with closing(Store(url)) as store, closing(Database(url)) as other:
            promise(store, MESSAGE)
            assert look(other) == []
            with store.hurrying():
                until(store, lambda: look(other) == ["m"])

    @pytest.mark.usefixtures("unhurried")
    def test_when_somebody_reads_changes_or_closes(self, url: str) -> None:
        with closing(Store(url)) as store, closing(Database(url)) as other:
            for name in "abc":
                promise(store, *named(name))
                assert store.raw(name) == MESSAGE.raw
            promise(store, *named("d"))
            assert store.delete_message("d")
            assert store.delete_messages(Query()) == 3
            promise(store, *named("e"))
            assert look(other) == []
            store.close()
            assert look(other) == ["e"]

    @pytest.mark.usefixtures("unhurried")
    def test_when_something_is_waited_for_that_came_later(self, url: str) -> None:
        large = replace(MESSAGE, id="large", raw=bytes(FileJournal.largest))
        with closing(Store(url)) as store, closing(Database(url)) as other:
            promise(store, MESSAGE)
            assert wait(store, large) == [None]
            assert look(other) == ["m", "large"]
            assert wait(store, STARTED) == [None]
            promise(store, *named("m2"))
            with store.hurrying():
                assert wait(store, *named("m3")) == [None]
            assert look(other) == ["m", "large", "m2", "m3"]

    @pytest.mark.usefixtures("unhurried")
    def test_when_much_content_that_is_not_stored_came_before_it(self, url: str) -> None:
        refused = Transaction(
            id="t",
            session_id="s",
            inbox="default",
            number=1,
            started_at=1.0,
            started_clock=1.0,
            ended_at=2.0,
            ended_clock=2.0,
            reverse_path="ann@example.com",
            parameters={},
            recipients=(),
            outcome=Outcome.REJECTED,
            acknowledged=False,
            reply=Reply(554),
            content=bytes(900_000),
        )
        larger = replace(refused, id="t2", content=bytes(2**20))
        with closing(Store(url)) as store:
            store.add(refused)
            promise(store, *named("1"))
            store.add(larger)
            assert wait(store, *named("2")) == [None]  # the journal does not take that
            store.flush()
            promise(store, *named("3"))
            assert ids(store) == ["1", "2", "3"]
            assert store.transactions() == [refused, larger]

    @pytest.mark.parametrize("kind", ["memory", "file"])
    @pytest.mark.usefixtures("unhurried")
    def test_many_megabytes_are_written_in_their_order(self, url: str, kind: str) -> None:
        with closing(Store("sqlite://" if kind == "memory" else url)) as store:
            for names in ([str(number) for number in range(800)], [str(number) for number in range(800, 1000)]):
                for name in names:
                    store.add(replace(LINE, number=int(name)))
                    promise(store, *named(name, raw=f"Subject: {name}\r\n\r\n".encode().ljust(8000)))
                store.flush()
            assert ids(store) == [str(number) for number in range(1000)]
            assert [line.number for line in store.transcript("s")] == list(range(1000))
            assert store.raw("999") == b"Subject: 999\r\n\r\n".ljust(8000)

    @pytest.mark.usefixtures("unhurried")
    def test_what_is_too_much_waits_and_makes_room(self, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(FileJournal, "most", 13_000)
        (first,) = named("1", raw=bytes(4000))  # not half of it, or it would be written at once
        second, third = named("2", "3", raw=bytes(6000))
        with closing(Store(url)) as store:
            promise(store, first)
            assert wait(store, second) == [None]
            promise(store, third)
            assert ids(store) == ["1", "2", "3"]

    def test_without_a_journal_never(self) -> None:
        with closing(Database("sqlite://")) as database:
            database.journal = None
            with closing(Writer(database)) as writer:

                async def main() -> None:
                    waiter = writer.commit(MESSAGE)
                    assert isinstance(waiter, asyncio.Future)
                    await waiter

                asyncio.run(main())
                assert look(database) == ["m"]

    @pytest.mark.usefixtures("unhurried")
    def test_the_journal_is_empty_then_and_goes_with_the_store(self, url: str, database: Path) -> None:
        with closing(Store(url)) as store:
            promise(store, MESSAGE)
            assert sum(page.stat().st_size for page in pages(database)) > len(MESSAGE.raw)
            store.flush()
            assert [page.stat().st_size for page in pages(database)] == [0, 0]
        assert pages(database) == []


@pytest.mark.usefixtures("unhurried")
@pytest.mark.parametrize("kind", ["memory", "file"])
def test_a_bad_promise_takes_no_other_with_it(url: str, caplog: pytest.LogCaptureFixture, kind: str) -> None:
    with closing(Store("sqlite://" if kind == "memory" else url)) as store:
        store.add(replace(STARTED, id="bad", client_port=2**63))
        promise(store, *named("1", "2", "1", "3"))
        assert ids(store) == ["1", "2", "3"]
        too_large, twice = caplog.messages
        assert too_large == (
            "an event was not recorded, a SessionStarted: Python int too large to convert to SQLite INTEGER"
        )
        assert twice == "an event was not recorded, a Message: UNIQUE constraint failed: messages.id"
        promise(store, *named("4"))  # nothing is owed: these cannot be recorded at any time
        assert ids(store) == ["1", "2", "3", "4"]


def test_a_closed_store_promises_nothing_and_keeps_what_it_promised(url: str) -> None:
    promised: list[str] = []
    begun = threading.Event()

    async def send() -> None:
        while True:
            await store.commit(replace(MESSAGE, id=str(len(promised))))
            promised.append(str(len(promised)))
            if len(promised) == 10:
                begun.set()

    def run() -> None:
        with pytest.raises(RuntimeError, match="the store is closed"):
            asyncio.run(send())

    store = Store(url)
    client = threading.Thread(target=run)
    client.start()
    assert begun.wait(10)
    store.close()
    client.join()
    with closing(Database(url)) as database:
        assert look(database) == promised
