"""What a search finds in a message, and what it does not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailtrap_py.message import words as module
from mailtrap_py.message.words import fold, words

MAIL = (
    b"From: =?utf-8?q?J=C3=BCrgen?= <j@example.com>\r\nSubject: Your\r\n Invoice\r\n"
    b'Content-Type: multipart/mixed; boundary="b"\r\n\r\n'
    b"--b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nGreetings from\r\nStra\xc3\x9fe 7\r\n"
    b'--b\r\nContent-Type: text/html\r\n\r\n<p>Pay <b>now</b></p><a href="https://example.com/pay?id=7">here</a>\r\n'
    b"--b\r\nContent-Type: text/plain; name=Terms.txt\r\n\r\nsmall print\r\n--b--\r\n"
)


@pytest.mark.parametrize(
    "needle",
    [
        "jürgen",
        "J@EXAMPLE.com",
        "subject: your invoice",
        "from straße",
        "FROM STRASSE 7",
        "pay now",
        "https://example.com/pay?id=7",
        "terms.TXT",
        "multipart/mixed",
        "bob@example.net",
    ],
)
def test_what_is_found(needle: str) -> None:
    assert fold(needle) in words(MAIL, "bob@example.net")


@pytest.mark.parametrize("needle", ["small print", "<b>", "7 pay", "bob@example.net from"])
def test_what_is_not_found(needle: str) -> None:
    assert fold(needle) not in words(MAIL, "bob@example.net")


@given(st.text(), st.text(), st.text())
def test_a_part_is_found_in_any_case_and_with_any_white_space(before: str, part: str, after: str) -> None:
    assert fold(part) in fold(f"{before}{part}{after}")
    assert fold(part.casefold()) == fold(part)
    assert fold(f" {part}\r\n") == fold(part)


def test_only_so_much_is_searched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LONGEST", 20)
    assert (
        words(b"A: 123456\r\nB: 123456789012345\r\nC: 1\r\n\r\n" + b"x" * 30) == "a: 123456\nb: 12345678\n" + "x" * 20
    )


@given(st.binary())
def test_anything_can_be_searched(raw: bytes) -> None:
    assert isinstance(words(raw), str)
