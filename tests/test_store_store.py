"""The store as a whole: a record that is kept, read while it is written, and closed."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from msgspec.structs import replace

from mailtrap_py.errors import SettingError
from mailtrap_py.events import Line, Record, Source
from mailtrap_py.store import Query, Store
from tests import stored

MESSAGE = replace(stored.MESSAGE, raw=stored.MESSAGE.raw + b"x" * 5000)


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    with closing(Store(store_url)) as store:
        yield store


def test_a_store_is_what_sessions_write_to(store: Store) -> None:
    record: Record = store
    record.add(MESSAGE)
    assert store.raw("m") == MESSAGE.raw


def test_every_read_sees_what_was_added_before(store: Store) -> None:
    for number in range(100):
        store.add(Line(session_id="s", number=number, at=1.0, clock=1.0, source=Source.CLIENT, data=b""))
        assert len(store.transcript("s")) == number + 1
        store.add(replace(MESSAGE, id=str(number)))
        assert store.messages(limit=0).total == number + 1
    assert store.delete_messages(Query()) == 100


def test_a_record_in_a_file_is_there_again_and_goes_on(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'mail.db'}"
    with closing(Store(url)) as store:
        store.add(MESSAGE)
    with closing(Store(url)) as store:
        (first,) = store.messages().items
        store.add(replace(MESSAGE, id="m2"))
        assert [message.id for message in store.messages(Query(after=first.position)).items] == ["m2"]
        assert store.raw("m") == MESSAGE.raw


def test_two_programs_may_share_a_file(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'mail.db'}"
    with closing(Store(url)) as one, closing(Store(url)) as other:
        for number in range(10):
            one.add(replace(MESSAGE, id=f"one-{number}"))
            other.add(replace(MESSAGE, id=f"other-{number}"))
            one.flush()
            other.flush()
        assert one.messages() == other.messages()
        assert one.messages().total == 20
        assert len({message.position for message in one.messages().items}) == 20


def test_it_is_read_while_it_is_written_and_readers_never_see_a_part(store: Store) -> None:
    finished = threading.Event()
    failures: list[BaseException] = []

    def read() -> None:
        last = 0
        try:
            while not finished.is_set():
                page = store.messages(limit=5)
                assert page.total >= last
                last = page.total
                for message in page.items:
                    raw = store.raw(message.id)
                    assert raw == MESSAGE.raw
                    assert message.size == len(raw)
                assert store.messages(Query(subject="Hello"), limit=1).total >= last
        except BaseException as error:  # noqa: BLE001 - a thread's own; the test looks at it
            failures.append(error)

    async def session(name: int) -> None:
        for number in range(40):
            await store.commit(replace(MESSAGE, id=f"{name}-{number}"))

    async def main() -> None:
        await asyncio.gather(*(session(name) for name in range(10)))

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    asyncio.run(main())
    finished.set()
    for reader in readers:
        reader.join()
    assert failures == []
    assert store.messages().total == 400


def test_closing_writes_what_is_queued(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'mail.db'}"
    store = Store(url)
    for number in range(500):
        store.add(replace(MESSAGE, id=str(number)))
    store.close()
    store.close()
    with closing(Store(url)) as store:
        assert store.messages().total == 500


def test_threads_that_close_at_once_all_return(store_url: str) -> None:
    before = set(threading.enumerate())
    store = Store(store_url)
    threads = [threading.Thread(target=store.close) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert not any(thread.is_alive() for thread in threads)
    assert set(threading.enumerate()) <= before


async def _commit(store: Store) -> None:
    await store.commit(MESSAGE)


@pytest.mark.parametrize(
    "use",
    [
        lambda store: store.add(MESSAGE),
        lambda store: asyncio.run(_commit(store)),
        lambda store: store.messages(),
        lambda store: store.raw("m"),
        lambda store: store.delete_message("m"),
        lambda store: store.clear(),
    ],
)
def test_a_closed_store_says_so(store_url: str, use: Callable[[Store], object]) -> None:
    store = Store(store_url)
    store.close()
    with pytest.raises(RuntimeError, match="the store is closed"):
        use(store)


def test_what_cannot_be_opened_starts_no_thread(tmp_path: Path) -> None:
    before = set(threading.enumerate())
    with pytest.raises(SettingError):
        Store(f"sqlite:///{tmp_path}")
    assert set(threading.enumerate()) <= before
