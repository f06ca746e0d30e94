"""Reading and waiting over HTTP, where it is not the same as in process; the rest is tested in both homes."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import NoReturn

import pytest

from mailtrap_py import Mailtrap
from mailtrap_py.errors import SettingError
from mailtrap_py.handle import remote_record
from mailtrap_py.handle.http import Client, RefusedError
from mailtrap_py.handle.remote_record import RemoteRecord, RemoteWatch
from mailtrap_py.store import Query
from tests.connected import PATIENCE
from tests.homes import BOB, elsewhere, fates, in_background, send
from tests.served import mail, started

__all__ = ["elsewhere"]  # a fixture


@pytest.fixture
def record(elsewhere: Mailtrap) -> Iterator[RemoteRecord]:
    elsewhere.reset()
    client = Client(elsewhere.url)
    yield RemoteRecord(client)
    client.close()


def test_lists_are_read_in_pages(elsewhere: Mailtrap, record: RemoteRecord, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote_record, "_MOST_AT_ONCE", 2)
    elsewhere.fail("rcpt", "450 4.2.0 Busy")
    fates(elsewhere, 5)

    assert len(record.transactions()) == len(record.firings()) == 5
    page = record.sessions(limit=2)
    assert (len(page.items), page.total) == (2, 5)
    assert page.next is not None
    assert len(record.sessions(limit=2, before=page.next).items) == 2


def test_messages_after_another_end_the_list(elsewhere: Mailtrap, record: RemoteRecord) -> None:
    store = elsewhere.trap.store
    store.add(started("s1"))
    for number in range(5):
        store.add(mail(session="s1", name=f"m{number}"))
    newest = record.messages().items

    page = record.messages(Query(after=newest[2].position), limit=3)
    assert ([one.id for one in page.items], page.next) == (["m4", "m3"], None)
    page = record.messages(Query(), limit=3)
    assert ([one.id for one in page.items], page.next) == (["m4", "m3", "m2"], newest[2].position)
    assert record.messages(Query(), limit=0).items == ()


def test_what_came_in_vain_can_be_read(elsewhere: Mailtrap, record: RemoteRecord) -> None:
    elsewhere.fail("message", "554 5.7.1 No")
    assert fates(elsewhere, 1) == [554]

    (transaction,) = record.transactions()

    assert b"Subject: Hello" in transaction.content


def test_a_fault_of_the_server_is_not_taken_for_nothing(
    record: RemoteRecord, elsewhere: Mailtrap, monkeypatch: pytest.MonkeyPatch
) -> None:
    with RemoteWatch(Client(elsewhere.url), Query(inbox="")) as watch, pytest.raises(RefusedError, match="400"):
        watch.next(0.0)

    def broken(*_: object) -> NoReturn:
        raise RuntimeError("the disk is full")

    monkeypatch.setattr(elsewhere.trap.store, "session", broken)
    monkeypatch.setattr(elsewhere.trap.store, "raw", broken)
    for ask in (lambda: record.session("s1"), lambda: record.raw("m1")):
        with pytest.raises(RefusedError, match="500"):
            ask()


def test_a_long_wait_takes_several_requests(elsewhere: Mailtrap, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote_record, "_LONGEST_WAIT", 0.02)
    elsewhere.reset()
    with RemoteWatch(Client(elsewhere.url), Query()) as watch:
        assert watch.next(0.05) is None
        with in_background(lambda: watch.next(PATIENCE)) as waiting:
            threading.Event().wait(0.03)
            send(elsewhere, BOB)
    assert waiting.result() is not None


def test_a_wait_can_be_broken_off(elsewhere: Mailtrap) -> None:
    elsewhere.reset()
    with RemoteWatch(Client(elsewhere.url), Query()) as watch:
        with in_background(lambda: watch.next(600)) as waiting:
            deadline = time.monotonic() + PATIENCE
            while watch._connection._http.sock is None and time.monotonic() < deadline:  # noqa: SLF001 - it has begun
                time.sleep(0.001)
            watch.cancel()
        assert waiting.result() is None
        assert watch.next(600) is None


def test_a_server_that_is_gone_is_said() -> None:
    with RemoteWatch(Client("http://127.0.0.1:1"), Query()) as watch, pytest.raises(SettingError, match="no mail trap"):
        watch.next(0.0)
