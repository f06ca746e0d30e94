"""The options of a check: what cannot be meant is refused before anything is sent."""

from __future__ import annotations

from typing import Any

import pytest

from mailtrap_py.check.model import Options
from mailtrap_py.errors import SettingError


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"helo": "a b"}, "'a b' has a character"),
        ({"sender": "a@b>\r\nRCPT TO:<c@d"}, "has a character"),
        ({"recipients": ("ok@example.com", "a\nb")}, "has a character"),
        ({"user": "ann", "password": "x\0"}, "AUTH cannot carry"),
        ({"password": "secret"}, "there is a password, but no user"),
        ({"host": "a" * 64 + ".example"}, "is not the name of a host"),
        ({"host": "."}, "is not the name of a host"),
        ({"name": ".example.com"}, "is not the name of a host"),
    ],
)
def test_what_cannot_be_meant_is_refused(options: dict[str, Any], problem: str) -> None:
    with pytest.raises(SettingError) as refused:
        Options(**{"host": "mx.example.com", **options})

    assert problem in refused.value.problem


def test_an_address_is_written_in_brackets() -> None:
    assert Options(host="::1", port=25).target == "[::1]:25"
    assert Options(host="mx.example.com", port=465).target == "mx.example.com:465"
