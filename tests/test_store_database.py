"""What can be opened as a store, what is refused and left as it was, and what survives."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import Connection, insert, select, text, update
from sqlalchemy.exc import IntegrityError

from mailtrap_py.errors import SettingError
from mailtrap_py.store import Store, sqlite
from mailtrap_py.store.database import BusyError, Database
from mailtrap_py.store.schema import VERSION, about


def position(connection: Connection) -> int:
    return int(connection.execute(select(about.c.position)).scalar_one())


def advance(opened: Database) -> None:
    with opened.writing() as connection:
        connection.execute(update(about).values(position=about.c.position + 1))


def refusal(url: str) -> str:
    with pytest.raises(SettingError) as caught:
        Database(url)
    assert caught.value.cure
    return caught.value.problem


def made(path: Path, *statements: str) -> bytes:
    """Make a file with SQLite itself, and give its bytes."""
    with closing(sqlite3.connect(path)) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()
    return path.read_bytes()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "mail.db"


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("mail.db", "'mail.db' is not the URL of a store"),
        ("mysql://root:secret@host/mail", "'mysql://root:***@host/mail' cannot be used as a store"),
        ("sqlite://host/mail.db", "'sqlite://host/mail.db' cannot be used as a store"),
        ("sqlite:///mail.db?mode=ro", "'sqlite:///mail.db?mode=ro' cannot be used as a store"),
    ],
)
def test_what_is_not_the_url_of_a_store_is_refused(url: str, problem: str) -> None:
    assert refusal(url) == problem


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "missing" / "mail.db"
    assert refusal(f"sqlite:///{path}") == f"{path} cannot be opened as a store: unable to open database file"
    assert not path.parent.exists()


def test_a_folder_is_refused(tmp_path: Path) -> None:
    assert "unable to open database file" in refusal(f"sqlite:///{tmp_path}")


@pytest.mark.parametrize("content", [b"Hello, this is no database.\n" * 50, b"SQLite format 3\x00" + b"\xff" * 4080])
def test_a_file_that_is_no_database_is_refused_and_kept(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    assert refusal(f"sqlite:///{file}") == f"{file} cannot be opened as a store: file is not a database"
    assert file.read_bytes() == content


@pytest.mark.parametrize("journal", ["delete", "wal"])
def test_the_database_of_another_program_is_refused_and_kept(file: Path, journal: str) -> None:
    content = made(file, f"PRAGMA journal_mode={journal}", "CREATE TABLE messages (body)")
    assert refusal(f"sqlite:///{file}") == f"{file} is the database of another program"
    assert file.read_bytes() == content


@pytest.mark.parametrize(("version", "age"), [(VERSION + 1, "a newer"), (0, "a much older")])
def test_a_record_of_another_version_is_refused_and_kept(file: Path, version: int, age: str) -> None:
    Database(f"sqlite:///{file}").close()
    content = made(file, f"UPDATE mailtrap_py SET version = {version}")
    problem = refusal(f"sqlite:///{file}")
    assert problem.startswith(f"{file} was written by {age} mailtrap_py")
    assert f"version {version}, this program's {VERSION}" in problem
    assert file.read_bytes() == content


def test_a_record_without_a_version_is_refused(file: Path) -> None:
    Database(f"sqlite:///{file}").close()
    made(file, "DELETE FROM mailtrap_py")
    assert "version None" in refusal(f"sqlite:///{file}")


@pytest.mark.parametrize("content", [None, b""])
def test_a_file_that_is_missing_or_empty_becomes_a_record(file: Path, content: bytes | None) -> None:
    if content is not None:
        file.write_bytes(content)
    for expected in (1, 2):
        with closing(Database(f"sqlite:///{file}")) as opened:
            advance(opened)
            with opened.reading() as connection:
                assert position(connection) == expected
                assert connection.execute(text("PRAGMA journal_mode")).scalar_one() == "wal"
    assert [path.name for path in file.parent.iterdir()] == ["mail.db"]


def test_many_may_create_the_same_file_at_once(file: Path) -> None:
    start = threading.Barrier(8)
    failures: list[BaseException] = []

    def create() -> None:
        start.wait()
        try:
            with closing(Database(f"sqlite:///{file}")) as opened:
                advance(opened)
        except BaseException as error:  # noqa: BLE001 - a thread's own; the test looks at it
            failures.append(error)

    threads = [threading.Thread(target=create) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    with closing(Database(f"sqlite:///{file}")) as opened, opened.reading() as connection:
        assert position(connection) == 8


def test_a_reader_of_a_file_sees_one_moment_and_holds_nobody_up(file: Path) -> None:
    with closing(Database(f"sqlite:///{file}")) as opened:
        with opened.reading() as connection:
            assert position(connection) == 0
            advance(opened)
            assert position(connection) == 0
        with opened.reading() as connection:
            assert position(connection) == 1


@pytest.mark.parametrize("memory", [True, False])
def test_an_exception_undoes_the_transaction(file: Path, *, memory: bool) -> None:
    with closing(Database("sqlite://" if memory else f"sqlite:///{file}")) as opened:
        with pytest.raises(IntegrityError), opened.writing() as connection:
            connection.execute(insert(about), [{"version": 9, "position": 9}, {"version": 9, "position": 9}])
        advance(opened)
        with opened.reading() as connection:
            assert position(connection) == 1


def test_whoever_keeps_the_file_to_himself_makes_it_busy(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite, "_BUSY_SECONDS", 0.01)
    with closing(Database(f"sqlite:///{file}")) as opened, closing(sqlite3.connect(file)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(BusyError, match="database is locked"):
            advance(opened)
        assert "database is locked" in refusal(f"sqlite:///{file}")
        other.rollback()
        advance(opened)


@pytest.mark.parametrize("memory", [True, False])
def test_a_closed_database_is_not_read_and_closing_again_is_nothing(file: Path, *, memory: bool) -> None:
    opened = Database("sqlite://" if memory else f"sqlite:///{file}")
    opened.close()
    opened.close()
    with pytest.raises(RuntimeError, match="the store is closed"), opened.reading():
        pass


WRITES_UNTIL_KILLED = """
import asyncio, itertools, sys
from mailtrap_py.events import *
from mailtrap_py.store import Store

async def session(store, name):
    for number in itertools.count():
        id = f"{name}-{number}"
        store.add(Line(session_id=name, number=number, at=1.0, clock=1.0, source=Source.CLIENT, data=b"DATA"))
        await store.commit(Message(
            id=id, inbox="default", session_id=name, transaction_id="t", at=1.0, clock=1.0, reverse_path="",
            parameters={}, recipients=(), raw=id.encode() * 1000, client="", helo="", tls_version="", user=""))
        print(id, flush=True)

async def main(store):
    await asyncio.gather(*(session(store, f"s{name}") for name in range(10)))

asyncio.run(main(Store(sys.argv[1])))
"""


def kill_and_check(path: Path, acknowledged: int) -> None:
    """Kill a process with SIGKILL in mid-load: what it had acknowledged is there, and what is there is whole."""
    url = f"sqlite:///{path}"
    environ = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    with subprocess.Popen(
        [sys.executable, "-c", WRITES_UNTIL_KILLED, url], stdout=subprocess.PIPE, env=environ
    ) as child:
        assert child.stdout is not None
        done = [child.stdout.readline() for _ in range(acknowledged)]
        child.send_signal(signal.SIGKILL)
        done += child.stdout.readlines()
    acknowledgements = {line.decode().strip() for line in done if line.endswith(b"\n")}
    assert len(acknowledgements) >= acknowledged
    with closing(Store(url)) as store:
        found = {message.id for message in store.messages(limit=100_000).items}
        assert acknowledgements <= found
        assert len(found - acknowledgements) <= 10  # one of each session was on its way
        for id_ in found:
            assert store.raw(id_) == id_.encode() * 1000
        for name in {id_.partition("-")[0] for id_ in found}:
            said = {line.number for line in store.transcript(name)}
            assert said >= {int(id_.partition("-")[2]) for id_ in found if id_.startswith(f"{name}-")}
        store.clear()


def test_a_killed_process_loses_nothing_it_acknowledged(tmp_path: Path) -> None:
    for acknowledged in (1, 300):
        kill_and_check(tmp_path / "mail.db", acknowledged)


@pytest.mark.slow
def test_a_process_that_is_killed_again_and_again_loses_nothing_it_acknowledged(tmp_path: Path) -> None:
    dice = random.Random(2)
    for _ in range(10):
        kill_and_check(tmp_path / "mail.db", dice.randint(1, 3000))
