"""Captured octets as answers; what each route makes of them is with the route."""

from __future__ import annotations

import pytest

from mailtrap_py.message import view
from mailtrap_py.web.files import SANDBOX, file, media_type, shown


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("terms.pdf", "attachment; filename=\"terms.pdf\"; filename*=UTF-8''terms.pdf"),
        ('a"b\r\n.txt', "attachment; filename=\"a_b__.txt\"; filename*=UTF-8''a%22b%0D%0A.txt"),
        ("€\ud800", "attachment; filename=\"__\"; filename*=UTF-8''%E2%82%AC%EF%BF%BD"),
    ],
)
def test_the_name_of_a_file_is_said_twice(name: str, said: str) -> None:
    answer = file("1", b"x", "text/plain", name)

    assert answer.headers["content-disposition"] == said
    assert answer.headers["content-security-policy"] == SANDBOX


def test_text_that_cannot_be_encoded_is_shown_all_the_same() -> None:
    assert shown("1", "a\ud800", "text/plain", SANDBOX).body == "a\ufffd".encode()


@pytest.mark.parametrize(
    ("header", "said"),
    [
        (b"text/html; charset=utf-8", "text/html; charset=utf-8"),
        (b'text/html; charset="a b"', "text/html"),
        (b"te\xe9t/html", "application/octet-stream"),
    ],
)
def test_a_type_is_given_as_far_as_http_can_say_it(header: bytes, said: str) -> None:
    [part] = view(b"Content-Type: " + header + b"\r\n\r\n").parts

    assert media_type(part) == said
