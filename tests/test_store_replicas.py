"""Several stores on one PostgreSQL: they hear of each other, take turns, and begin anew when all were gone."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing

import pytest
from msgspec.structs import replace

from mailtrap_py.errors import SettingError
from mailtrap_py.store import Announcement, Query, Store
from mailtrap_py.store.replicas import Ledger
from tests.postgresql import Databases
from tests.test_store_postgresql import execute
from tests.test_store_texts import MESSAGE

pytestmark = pytest.mark.slow

Open = Callable[[], Store]


@pytest.fixture
def url(postgresql: Databases) -> str:
    return postgresql()


@pytest.fixture
def opened(url: str) -> Iterator[Open]:
    with ExitStack() as stack:
        yield lambda: stack.enter_context(closing(Store(url)))


class Ear:
    """One who listens to a store."""

    def __init__(self, store: Store) -> None:
        """Listen from now on."""
        self.heard: list[Announcement] = []
        self._more = threading.Condition()
        store.subscribe(self._hear)

    def _hear(self, announcement: Announcement) -> None:
        with self._more:
            self.heard.append(announcement)
            self._more.notify_all()

    def wait(self, number: int) -> list[Announcement]:
        """Wait until so many were heard."""
        with self._more:
            assert self._more.wait_for(lambda: len(self.heard) >= number, 20), self.heard
            return self.heard


def shared(store: Store, inbox: str = "default") -> Ledger:
    assert store.replicas is not None
    return store.replicas.ledger(inbox)


def test_what_one_writes_all_tell_once(opened: Open) -> None:
    one, other = opened(), opened()
    ears = Ear(one), Ear(other)

    async def main() -> None:
        await one.commit(replace(MESSAGE, id="m1"))
        await other.commit(replace(MESSAGE, id="m2"))

    asyncio.run(main())
    for ear in ears:
        heard = {news.id: news for news in ear.wait(2)}
        assert heard.keys() == {"m1", "m2"}
        assert heard["m1"].message == one.message("m1")
    assert other.delete_message("m1")
    for ear in ears:
        assert ear.wait(3)[2] == Announcement("deleted", "default", "m1")
    one.clear()
    for ear in ears:
        assert ear.wait(4)[3] == Announcement("deleted", "", "")
        assert len(ear.heard) == 4


def test_much_is_told_in_parts_and_what_is_gone_meanwhile_is_not_told(opened: Open) -> None:
    one, other = opened(), opened()
    ear = Ear(other)
    for number in range(500):
        one.add(replace(MESSAGE, id=f"m{number:03}"))
    one.flush()
    assert sorted(news.id for news in ear.wait(500)) == [f"m{number:03}" for number in range(500)]
    assert one.delete_messages(Query()) == 500
    ear.wait(1000)


def test_turns_do_not_overlap_and_keep_what_was_changed(opened: Open) -> None:
    stores = [opened() for _ in range(3)]

    def count(store: Store) -> None:
        for _ in range(20):
            with shared(store).turn() as turn:
                turn.data["count"] = turn.data.get("count", 0) + 1
                turn.note("key", (turn.recall("key") or 0) + 2)

    threads = [threading.Thread(target=count, args=(store,)) for store in stores for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with shared(stores[0]).turn() as turn:
        assert (turn.data, turn.recall("key"), turn.recall("other")) == ({"count": 120}, 240, None)
        turn.forget()
        assert turn.recall("key") is None
    with shared(stores[1], "other").turn() as turn:
        assert turn.data == {}


def test_a_turn_that_fails_changes_nothing(opened: Open) -> None:
    store = opened()
    with pytest.raises(ZeroDivisionError), shared(store).turn() as turn:  # noqa: PT012 - the turn is what fails
        turn.data["count"] = 1
        turn.note("key", 1)
        raise ZeroDivisionError
    with shared(store).turn() as turn:
        assert (turn.data, turn.recall("key")) == ({}, None)


def test_a_change_is_heard_by_the_others(opened: Open) -> None:
    one, other = opened(), opened()
    changed = threading.Event()
    names: list[str] = []

    def watch(name: str) -> None:
        names.append(name)
        changed.set()

    for store in (one, other):
        assert store.replicas is not None
        store.replicas.watch(watch)
    with shared(one, "ann").turn() as turn:
        turn.data["count"] = 1
        turn.changed = True
    assert changed.wait(20)
    assert names == ["ann"]
    assert other.replicas is not None
    assert other.replicas.inboxes() == ["ann"]


def test_nobody_waits_for_ever_for_one_that_does_not_end_its_turn(
    opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = opened()
    monkeypatch.setattr("mailtrap_py.store.postgresql._LOCK_SECONDS", 0.1)
    other = opened()
    with shared(one).turn(), pytest.raises(ConnectionError, match="lock timeout"), shared(other).turn():
        pass
    with shared(other).turn() as turn:
        assert turn.data == {}


def test_after_the_end_nothing_is_remembered(url: str) -> None:
    store = Store(url)
    store.close()
    with pytest.raises(ConnectionError), shared(store).turn():
        pass


def test_an_inbox_whose_name_is_too_long_to_be_told_is_written_all_the_same(opened: Open) -> None:
    store = opened()
    ear = Ear(opened())
    store.add(replace(MESSAGE, id="m1", inbox="x" * 9000))
    store.add(replace(MESSAGE, id="m2"))
    assert [news.id for news in ear.wait(1)] == ["m2"]
    assert store.raw("m1") == MESSAGE.raw


def test_who_may_not_share_is_refused_and_leaves_nothing_behind(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    before = set(threading.enumerate())
    monkeypatch.setattr("mailtrap_py.store.replicas._CHANNEL", "not a name")
    with pytest.raises(SettingError, match="cannot be shared with others: syntax error"):
        Store(url)
    assert set(threading.enumerate()) <= before


def test_what_is_remembered_lasts_as_long_as_anybody_is_there(url: str) -> None:
    def remembered(store: Store) -> dict[str, object]:
        with shared(store).turn() as turn:
            turn.data["here"] = True
            return dict(turn.data)

    with closing(Store(url)) as first:
        remembered(first)
        with closing(Store(url)) as second:
            assert remembered(second) == {"here": True}
            first.close()
            with closing(Store(url)) as third:
                assert remembered(third) == {"here": True}
    with closing(Store(url)) as later, shared(later).turn() as turn:
        assert turn.data == {}


def test_who_lost_the_server_hears_again_when_it_is_back(
    url: str, opened: Open, caplog: pytest.LogCaptureFixture
) -> None:
    one, other = opened(), opened()
    ear = Ear(other)
    execute(url, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()")
    with pytest.raises(ConnectionError), shared(one).turn():
        pass
    with shared(one).turn() as turn:
        turn.data["count"] = 1
    deadline = time.monotonic() + 20
    while not ear.heard:
        assert time.monotonic() < deadline
        one.add(replace(MESSAGE, id=f"m{time.monotonic_ns()}"))
        one.flush()
    assert "is not heard for a while" in caplog.text


def test_a_file_has_no_others(tmp_path: object) -> None:
    with closing(Store(f"sqlite:///{tmp_path}/mail.db")) as store:
        assert store.replicas is None
