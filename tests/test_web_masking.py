from __future__ import annotations

import pytest

from mailtrap_py.web.masking import masked


@pytest.mark.parametrize(
    ("data", "shown"),
    [
        (b"AUTH PLAIN AGFubgBzZWNyZXQ=\r\n", "AUTH PLAIN ********"),
        (b"auth  xoauth2 c2VjcmV0\r\n", "auth  xoauth2 ********"),
        (b"AUTH c2VjcmV0\r\n", "********"),
        (b"AUTH c2VjcmV0 \r\n", "********"),
        (b"c2VjcmV0\r\n", "********"),
    ],
)
def test_the_command_that_brought_credentials_is_shown(data: bytes, shown: str) -> None:
    assert masked(data) == shown
