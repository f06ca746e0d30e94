"""Limits of what is kept: what goes, what stays, and that everybody is told."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from unittest.mock import ANY

import pytest
from msgspec.structs import replace

from mailtrap_py.events import Ending, Line, Message, SessionEnded, SessionStarted, Source
from mailtrap_py.store import Announcement, Keep, Query, Store, upkeep
from mailtrap_py.store.database import Database
from mailtrap_py.store.texts import Texts
from mailtrap_py.store.upkeep import Limits, Upkeep

NOW = time.time()
MESSAGE = Message(
    id="m",
    inbox="default",
    session_id="s",
    transaction_id="t",
    at=NOW,
    clock=NOW,
    reverse_path="",
    parameters={},
    recipients=(),
    raw=b"x" * 100,
    client="::1",
    helo="",
    tls_version="",
    user="",
)
STARTED = SessionStarted(
    id="s", inbox="default", number=1, at=NOW, clock=NOW, client="::1", client_port=9, port=25, protocol="smtp"
)

Open = Callable[[Keep], Store]


@pytest.fixture
def kept(store_url: str) -> Iterator[Open]:
    """Open a store with limits."""
    with ExitStack() as stack:
        yield lambda keep: stack.enter_context(closing(Store(store_url, keep=keep)))


def fill(store: Store, count: int, *, first: int = 0, inbox: str = "default", age: float = 0.0) -> None:
    for number in range(first, first + count):
        name = f"{inbox}-{number}"
        store.add(replace(STARTED, id=name, inbox=inbox))
        store.add(Line(session_id=name, number=1, at=NOW, clock=NOW, source=Source.CLIENT, data=b""))
        store.add(replace(MESSAGE, id=name, inbox=inbox, session_id=name, at=NOW - age))
        store.add(SessionEnded(id=name, inbox=inbox, at=NOW - age, clock=NOW, ending=Ending.QUIT))
    store.flush()


def left(store: Store, inbox: str = "default") -> list[int]:
    return [int(message.id.partition("-")[2]) for message in store.messages(Query(inbox), limit=1000).items][::-1]


def until(condition: Callable[[], bool]) -> None:
    pause = threading.Event()
    for _ in range(1000):
        if condition():
            return
        pause.wait(0.02)
    raise AssertionError


@pytest.mark.parametrize("keep", [Keep(messages=3), Keep(octets=350), Keep(age=1000.0)])
def test_the_oldest_go_and_their_sessions_with_them(kept: Open, keep: Keep) -> None:
    store = kept(keep)
    told: list[Announcement] = []
    store.subscribe(told.append)
    fill(store, 5, age=2000.0 if keep.age else 0.0)
    fill(store, 3, first=5)
    until(lambda: left(store) == [5, 6, 7])
    gone = [f"default-{number}" for number in range(5)]
    # They are told of after the commit, and so after somebody may have seen it.
    until(lambda: [news.id for news in told if news.kind == "deleted"] == gone)
    until(lambda: store.sessions().total == 3)
    assert store.raw("default-4") is None
    assert store.transcript("default-4") == []
    assert len(store.transcript("default-5")) == 1


def test_every_inbox_has_the_whole_measure(kept: Open) -> None:
    store = kept(Keep(messages=3))
    fill(store, 3, inbox="ann")
    fill(store, 5, inbox="bob")
    until(lambda: left(store, "bob") == [2, 3, 4])
    assert left(store, "ann") == [0, 1, 2]


def test_without_limits_all_is_kept(kept: Open) -> None:
    store = kept(Keep())
    fill(store, 5, age=1e8)
    assert left(store) == [0, 1, 2, 3, 4]
    assert not Keep()
    assert Keep(age=1.0)


def test_what_is_within_the_limits_is_kept(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'mail.db'}"
    with closing(Store(url)) as store:
        fill(store, 5)
    limits = Limits(Keep(messages=5, octets=500, age=1000.0))
    with closing(Database(url)) as database, database.writing() as connection:
        assert limits.due()
        assert limits.step(connection) == []
        assert not limits.due()
    with closing(Store(url)) as store:
        assert left(store) == [0, 1, 2, 3, 4]
        assert store.sessions().total == 5


def test_a_record_from_before_is_brought_within_the_limits(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'mail.db'}"
    with closing(Store(url)) as store:
        fill(store, 5)
    with closing(Store(url, keep=Keep(messages=2))) as store:
        until(lambda: left(store) == [3, 4])


def test_sessions_that_brought_nothing_go_too_but_not_one_that_is_open(kept: Open) -> None:
    store = kept(Keep(messages=2, age=1000.0))
    store.add(replace(STARTED, id="open", at=NOW - 5000))
    for number in range(5):
        age = 2000.0 if number < 2 else 0.0
        store.add(replace(STARTED, id=f"s{number}"))
        store.add(SessionEnded(id=f"s{number}", inbox="default", at=NOW - age, clock=NOW, ending=Ending.QUIT))
    fill(store, 1)
    until(lambda: "s1" not in {session.id for session in store.sessions().items})
    until(lambda: store.sessions().total <= 3)
    assert "open" in {session.id for session in store.sessions().items}
    assert left(store) == [0]


def test_sessions_alone_are_limited_in_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upkeep, "SLICE", 5)
    url = f"sqlite:///{tmp_path / 'mail.db'}"
    with closing(Store(url)) as store:
        for number in range(20):
            store.add(replace(STARTED, id=f"s{number}"))
            store.add(SessionEnded(id=f"s{number}", inbox="default", at=NOW, clock=NOW, ending=Ending.QUIT))
    limits = Limits(Keep(messages=2))
    with closing(Database("sqlite://")) as empty, empty.writing() as connection:
        limits.step(connection)
    limits.notice([Announcement("session", "default", "s")] * 6)
    assert limits.exceeded
    with closing(Database(url)) as database, database.writing() as connection:
        for _ in range(5):
            assert limits.step(connection) == []
        assert not limits.due()
    with closing(Store(url)) as store:
        assert [session.id for session in store.sessions().items] == ["s19", "s18"]


def test_limits_do_not_wait_for_ever_for_a_quiet_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    limits = Limits(Keep(messages=1))
    with closing(Database("sqlite://")) as database, database.writing() as connection:
        assert limits.pressing()
        assert limits.step(connection) == []
        assert not limits.pressing()
        news = Announcement("message", "default", "m", ANY)
        limits.notice([replace(news, message=type("", (), {"size": 1})()) for _ in range(2)])
        assert limits.exceeded
        assert not limits.pressing()
        now[0] += 2
        assert limits.pressing()
        limits.step(connection)
        assert not limits.exceeded


def test_ages_are_looked_at_now_and_then_and_nothing_else_is_done_when_there_is_nothing() -> None:
    with closing(Database("sqlite://")) as database, database.writing() as connection:
        quiet = Upkeep(database.texts, Keep(), behind=0)
        assert quiet.unfinished()  # a program before may have left something
        assert quiet.step(connection) == []
        assert quiet.pause() is None
        assert not quiet.pressing()
        for age, pause in ((10.0, 5.0), (1e6, 60.0)):
            aged = Upkeep(database.texts, Keep(age=age), behind=0)
            assert aged.step(connection) == []
            assert aged.step(connection) == []
            assert aged.pause() == pause


def test_what_is_gone_is_cleared_away_before_it_is_too_much() -> None:
    with closing(Database("sqlite://")) as database, database.writing() as connection:
        busy = Upkeep(database.texts, Keep(), behind=0)
        assert not busy.pressing()
        busy.notice([Announcement("deleted", "default", "m")] * 20_000)
        assert busy.pressing()
        assert busy.step(connection) == []
        assert not busy.pressing()


def test_an_upkeep_that_fails_is_logged_and_mail_is_still_taken(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> bool:
        raise OSError("the disk is full")

    monkeypatch.setattr(Texts, "step", fail)
    with closing(Store()) as store:
        fill(store, 150)
        until(lambda: "the upkeep of the store stopped" in caplog.text)
        fill(store, 1, first=1000)
        assert store.messages(limit=0).total == 151
    assert "the disk is full" in caplog.text
    assert caplog.text.count("the upkeep of the store stopped") == 1
