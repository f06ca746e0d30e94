"""A file of users: a name and a password on each line, as in `ann:secret`."""

from __future__ import annotations

from pathlib import Path

from mailtrap_py.errors import SettingError


def read_users(file: str | Path) -> dict[str, str]:
    """Read passwords by user name. Empty lines, and lines that begin with `#`, are skipped. Raises `SettingError`."""
    try:
        lines = Path(file).read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingError(
            f"the users cannot be read: {error}", cure="give a file of lines NAME:PASSWORD with --users-file"
        ) from error
    users: dict[str, str] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.startswith("#"):
            continue
        name, colon, password = line.partition(":")
        if not name or not colon:
            raise SettingError(f"{file}:{number} is not a user", cure="write a name and a password, as in ann:secret")
        users[name] = password
    return users
