from __future__ import annotations

import base64

import pytest

from mailtrap_py.smtp.sasl import user_of


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


@pytest.mark.parametrize(
    ("mechanism", "response", "user"),
    [
        ("PLAIN", b64(b"\0ann\0secret"), "ann"),
        ("PLAIN", b64(b"boss\0ann\0secret"), "ann"),
        ("PLAIN", b64("\0j\u00f6rg\0x".encode()), "j\u00f6rg"),
        ("PLAIN", b64(b"\0\xff\0"), "\ufffd"),
        ("PLAIN", b64(b"ann"), ""),
        ("PLAIN", b64(b"\0ann\0sec\0ret"), ""),
        ("PLAIN", "", ""),
        ("PLAIN", "=", ""),
        ("PLAIN", "!!!!", ""),
        ("PLAIN", "\udcff", ""),
        ("LOGIN", b64(b"ann"), "ann"),
        ("LOGIN", "*", ""),
        ("CRAM-MD5", b64(b"ann 0123456789abcdef"), ""),
        ("", b64(b"ann"), ""),
    ],
)
def test_the_name_is_read_where_the_mechanism_shows_it(mechanism: str, response: str, user: str) -> None:
    assert user_of(mechanism, response, first=True) == user


def test_the_second_response_of_login_is_the_password() -> None:
    assert user_of("LOGIN", b64(b"secret"), first=False) == ""
