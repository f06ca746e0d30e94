"""What is removed is gone with all that hangs on it, and the rest stays."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from msgspec.structs import replace

from mailtrap_py.events import (
    Firing,
    Line,
    Outcome,
    Point,
    Recipient,
    Reply,
    SessionStarted,
    Source,
    Transaction,
)
from mailtrap_py.store import Announcement, Query, Store
from tests.stored import MESSAGE


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "mail.db"


@pytest.fixture
def store(file: Path) -> Iterator[Store]:
    with closing(Store(f"sqlite:///{file}")) as store:
        yield store


@pytest.fixture
def told(store: Store) -> list[Announcement]:
    announcements: list[Announcement] = []
    store.subscribe(announcements.append)
    return announcements


def deleted(told: list[Announcement]) -> list[tuple[str, str]]:
    return [(news.inbox, news.id) for news in told if news.kind == "deleted"]


def rows(file: Path) -> dict[str, int]:
    """Count the rows of every table that has any, when all that is gone was cleared away."""
    pause = threading.Event()
    for _ in range(1000):
        counts = rows_now(file)
        if "stale" not in counts:
            return counts
        pause.wait(0.02)
    raise AssertionError


def rows_now(file: Path) -> dict[str, int]:
    """Count the rows of every table that has any, as SQLite itself sees them, but for those about the record."""
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute("BEGIN")  # one moment of all tables: else what is cleared away meanwhile is half there
        tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        about = ("mailtrap_py", "indexed", "search", "joints")
        counted = [name for name in tables if not name.startswith(about)]
        counts = {name: connection.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0] for name in counted}
    return {name: count for name, count in counts.items() if count}


def record_everything(store: Store, inbox: str) -> None:
    """Add a session of that inbox with all that a session can bring: a message, and a refusal with what had come."""
    store.add(
        SessionStarted(
            id=f"s-{inbox}",
            inbox=inbox,
            number=1,
            at=1.0,
            clock=1.0,
            client="::1",
            client_port=9,
            port=25,
            protocol="smtp",
        )
    )
    store.add(Line(session_id=f"s-{inbox}", number=1, at=1.0, clock=1.0, source=Source.CLIENT, data=b"QUIT\r\n"))
    store.add(
        Firing(
            session_id=f"s-{inbox}",
            transaction_id="",
            inbox=inbox,
            at=1.0,
            clock=1.0,
            point=Point.QUIT,
            rule="r",
            number=1,
            actions=(),
        )
    )
    store.add(
        Transaction(
            id=f"t-{inbox}",
            session_id=f"s-{inbox}",
            inbox=inbox,
            number=1,
            started_at=1.0,
            started_clock=1.0,
            ended_at=1.0,
            ended_clock=1.0,
            reverse_path="",
            parameters={},
            recipients=(),
            outcome=Outcome.REJECTED,
            acknowledged=False,
            reply=None,
            content=b"Subject: Refused\r\n\r\n",
        )
    )
    store.add(replace(MESSAGE, id=f"m-{inbox}", inbox=inbox, session_id=f"s-{inbox}"))


def test_a_message_goes_with_its_octets_and_its_addresses(store: Store, told: list[Announcement], file: Path) -> None:
    store.add(MESSAGE)
    store.add(replace(MESSAGE, id="other"))
    assert store.delete_message("m")
    assert not store.delete_message("m")
    assert store.message("m") is None
    assert store.raw("m") is None
    assert [message.id for message in store.messages(Query(to="bob@example.net")).items] == ["other"]
    assert deleted(told) == [("default", "m")]
    assert rows(file) == {"messages": 1, "contents": 1, "addresses": 2}


@pytest.mark.parametrize(
    "query", [Query(to="bob@example.net"), Query(to="bob@*"), Query(subject="Hello", inbox="default")]
)
def test_the_messages_that_are_meant_go(store: Store, told: list[Announcement], file: Path, query: Query) -> None:
    store.add(MESSAGE)
    store.add(
        replace(MESSAGE, id="other", inbox="ann", recipients=(Recipient(address="eve@example.net", reply=Reply(250)),))
    )
    store.add(replace(MESSAGE, id="m2"))
    assert store.delete_messages(query) == 2
    assert store.delete_messages(query) == 0
    assert [message.id for message in store.messages().items] == ["other"]
    assert deleted(told) == [("default", "m2"), ("default", "m")]
    assert rows(file) == {"messages": 1, "contents": 1, "addresses": 2}


def test_clearing_an_inbox_leaves_the_others(store: Store, told: list[Announcement], file: Path) -> None:
    record_everything(store, "ann")
    store.flush()
    alone = rows(file)
    assert set(alone) == {"sessions", "lines", "firings", "transactions", "messages", "contents", "addresses"}
    record_everything(store, "default")
    store.clear("default")
    assert rows(file) == alone
    assert store.messages().items[0].id == "m-ann"
    assert store.transactions()[0].content == b"Subject: Refused\r\n\r\n"
    assert len(store.transcript("s-ann")) == len(store.firings()) == store.sessions().total == 1
    assert deleted(told) == [("default", "")]


def test_clearing_everything_leaves_nothing_but_the_order(store: Store, told: list[Announcement], file: Path) -> None:
    record_everything(store, "ann")
    record_everything(store, "default")
    before = store.messages().items[0].position
    store.clear()
    assert rows(file) == {}
    assert deleted(told) == [("", "")]
    store.add(MESSAGE)
    assert [message.id for message in store.messages(Query(after=before)).items] == ["m"]


def test_what_comes_after_a_removal_stays(store: Store) -> None:
    store.add(MESSAGE)
    assert store.delete_messages(Query()) == 1
    store.add(MESSAGE)
    assert store.messages().total == 1
