from __future__ import annotations

from pathlib import Path

import pytest

from mailtrap_py.errors import SettingError
from mailtrap_py.smtp.users import read_users


def test_names_and_passwords(tmp_path: Path) -> None:
    file = tmp_path / "users"
    file.write_text("# who may log in\nann:secret\n\nj\u00f6rg:a:b \nnobody:\n", "utf-8")

    assert read_users(file) == {"ann": "secret", "j\u00f6rg": "a:b ", "nobody": ""}


@pytest.mark.parametrize("line", ["ann", ":secret"])
def test_a_line_that_is_no_user(tmp_path: Path, line: str) -> None:
    file = tmp_path / "users"
    file.write_text(f"bob:x\n{line}\n")

    with pytest.raises(SettingError, match="users:2 is not a user") as refused:
        read_users(file)
    assert "ann:secret" in refused.value.cure


@pytest.mark.parametrize("octets", [None, b"\xff:\n"])
def test_a_file_that_cannot_be_read(tmp_path: Path, octets: bytes | None) -> None:
    file = tmp_path / "users"
    if octets is not None:
        file.write_bytes(octets)

    with pytest.raises(SettingError, match="the users cannot be read"):
        read_users(file)
