"""Records of older versions: brought up to date as a whole, or left as they were."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import Connection

from mailtrap_py.errors import SettingError
from mailtrap_py.events import Outcome
from mailtrap_py.store import Query, Store, upgrade
from mailtrap_py.store.database import Database
from mailtrap_py.store.schema import VERSION

RECORDS = Path(__file__).parent / "records"
OLDER = range(upgrade.OLDEST, VERSION)


def make(path: Path, version: int) -> None:
    """Make a file as that version wrote it, here in the version's own words."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.executescript((RECORDS / f"version-{version}.sql").read_text("utf-8"))


def definitions(path: Path) -> set[str]:
    with closing(sqlite3.connect(path)) as connection:
        return {re.sub(r"[\s\"]+", " ", sql) for (sql,) in connection.execute("SELECT sql FROM sqlite_master") if sql}


def dump(path: Path) -> str:
    with closing(sqlite3.connect(path)) as connection:
        return "\n".join(connection.iterdump())


@pytest.mark.parametrize("version", OLDER)
def test_every_older_version_has_a_file_and_becomes_what_a_new_record_is(tmp_path: Path, version: int) -> None:
    make(tmp_path / "old.db", version)
    Database(f"sqlite:///{tmp_path / 'old.db'}").close()
    Database(f"sqlite:///{tmp_path / 'new.db'}").close()
    assert definitions(tmp_path / "old.db") == definitions(tmp_path / "new.db")
    with closing(sqlite3.connect(tmp_path / "old.db")) as connection:
        assert connection.execute("SELECT version, position FROM mailtrap_py").fetchall() == [(VERSION, 8)]


@pytest.mark.parametrize("version", OLDER)
def test_what_was_recorded_is_there_is_searched_and_goes_on(tmp_path: Path, version: int) -> None:
    path = tmp_path / "old.db"
    make(path, version)
    for _ in range(2):  # the second time it is of this version
        with closing(Store(f"sqlite:///{path}")) as store:
            (message,) = store.messages(Query(text="INVOICE 08", to="bob@example.net")).items
            assert (message.id, message.position, message.helo) == ("m1", 6, "caf\udce9")
            assert store.raw("m1") == b"From: ann@example.com\r\nSubject: Invoice 0815\r\n\r\nPay now\r\n"
            said = [(line.data, line.early) for line in store.transcript("s1")]
            assert said == [(b"220 mail.example\r\n", False), (b"EHLO caf\xe9\r\n", True)]
            assert store.transactions()[0].outcome is Outcome.ACCEPTED
            assert store.firings()[0].rule == "busy"
            assert store.sessions().items[0].ending == "quit"


def test_an_upgrade_that_fails_leaves_the_record_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "old.db"
    make(path, 1)
    before = dump(path)
    steps = upgrade._STEPS  # noqa: SLF001 - one that fails comes after the real ones

    def fail(connection: Connection) -> None:
        connection.exec_driver_sql("DROP TABLE messages")
        connection.exec_driver_sql("SELECT * FROM messages")

    monkeypatch.setattr(upgrade, "_STEPS", (*steps, fail))
    with pytest.raises(SettingError, match=f"{path} cannot be opened as a store: no such table: messages"):
        Database(f"sqlite:///{path}")
    assert dump(path) == before
