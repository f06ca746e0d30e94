"""SQLite's own ways to be refused, and that what is refused is left as it was."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from mailtrap_py.store import sqlite
from mailtrap_py.store.database import Database
from tests.test_store_database import advance, made, position, refusal


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "mail.db"


def filled(file: Path) -> bytes:
    Database(f"sqlite:///{file}").close()
    return made(
        file,
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 99) "
        "INSERT INTO contents SELECT i, zeroblob(5000) FROM n",
    )


def test_a_record_that_was_cut_off_is_refused_and_kept(file: Path) -> None:
    content = filled(file)
    file.write_bytes(content[: len(content) // 2])
    assert "malformed" in refusal(f"sqlite:///{file}")
    assert file.read_bytes() == content[: len(content) // 2]


def test_a_record_with_a_damaged_page_is_refused_and_kept(file: Path) -> None:
    content = filled(file)
    middle = len(content) // 2 // 4096 * 4096
    content = content[:middle] + b"\xff" * 8192 + content[middle + 8192 :]
    file.write_bytes(content)
    assert f"{file} is damaged: " in refusal(f"sqlite:///{file}")
    assert file.read_bytes() == content


def test_of_a_large_file_only_the_beginning_is_checked(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = filled(file)
    middle = len(content) // 2 // 4096 * 4096
    file.write_bytes(content[:middle] + b"\xff" * 8192 + content[middle + 8192 :])
    monkeypatch.setattr(sqlite, "_CHECKED_OCTETS", 4096)
    Database(f"sqlite:///{file}").close()


def test_databases_in_memory_are_apart() -> None:
    with closing(Database("sqlite://")) as one, closing(Database("sqlite:///:memory:")) as other:
        advance(one)
        with other.reading() as connection:
            assert position(connection) == 0
