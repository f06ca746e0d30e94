from __future__ import annotations

import pytest

from mailtrap_py.message.extract import codes, links, pieces


@pytest.mark.parametrize(
    ("markup", "expected"),
    [
        ('<a href="https://a/?x=1&amp;y=2">a</a>', ("https://a/?x=1&y=2",)),
        ("<area href=https://b/><A HREF='https://a/'>", ("https://b/", "https://a/")),
        ('<a href=" https://a/\n b ">', ("https://a/b",)),
        ("<a href=mailto:x@y><a href=myapp://open?t=1>", ("mailto:x@y", "myapp://open?t=1")),
        ("<a href=#top><a href=/relative><a href=''><a>", ()),
        ("<a href='java\nscript:alert(1)'><a href=data:text/html,x><a href=FILE:///etc/passwd>", ()),
        ("<img src=https://a/pixel><link href=https://a/style>", ()),
    ],
)
def test_links_of_html(markup: str, expected: tuple[str, ...]) -> None:
    assert links("", markup) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("see https://a/b.", ("https://a/b",)),
        ("(https://a/b_(c)), <https://a/d>; 'https://a/e'", ("https://a/b_(c)", "https://a/d", "https://a/e")),
        ("[x](https://a/b?c=d&e=f#g)!", ("https://a/b?c=d&e=f#g",)),
        ("myapp://open/1 http://*** ftp://x", ("myapp://open/1", "http://", "ftp://x")),
        ("file:///etc/passwd mailto:x@y example.com //x ://y", ()),
        ("https://a https://a", ("https://a",)),
    ],
)
def test_links_of_text(text: str, expected: tuple[str, ...]) -> None:
    assert links(text, "") == expected


def test_links_of_html_come_first() -> None:
    assert links("https://b https://a", "<a href=https://a>") == ("https://a", "https://b")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Your code is 482913.", ("482913",)),
        ("482913 is your verification code. Order 55555 follows.", ("482913",)),
        ("Your one-time code:\n\n  739 204  \n", ("739 204",)),
        ("Enter the code to sign in. It is valid for 10 minutes.\n\n*482913*\n\nThanks.", ("482913",)),
        ("G-482913 is your Google verification code", ("G-482913",)),
        ("PIN: 2024, born in 1999", ("2024",)),
        ("The code of 2025 was A1B2C3", ("A1B2C3",)),
        ("Recovery codes: K7Q9-PL2M, AB12-CD34", ("K7Q9-PL2M", "AB12-CD34")),
        ("Ihr Sicherheitscode lautet 55512", ("55512",)),
        ("您的验证码是918273。", ("918273",)),
        ("code 123456 and again code 123456", ("123456",)),
        ("123-456 is your token", ("123-456",)),
    ],
)
def test_codes(text: str, expected: tuple[str, ...]) -> None:
    assert codes(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "Order 482913 has been shipped",
        "zip code 90210, error code 5501, status code 4040",
        "barcode 482913, postcode 12345, decode 482913",
        "code https://example.com/482913",
        "code 12.3456, 1,234 EUR, $4829, 4829%, 1234/56, +491701234",
        "code 123456789",
        "code ABCDEF abc123",
        "The code is in the app. Your order is 482913.",
        "Order 482913.\nThe code is in the app.",
        "code" + " word" * 60 + " 482913",
        "code" + " word" * 30 + " 482913 and more",
        "code " + "x" * 100_000 + " code 482913",
        "CODE1234",
        "",
    ],
)
def test_no_codes(text: str) -> None:
    assert codes(text) == ()


def test_a_text_is_cut_at_its_links() -> None:
    text = "(see https://a/b), file:///x or http://c."
    assert [piece for piece in pieces(text) if piece[0]] == [
        ("(see ", ""),
        ("https://a/b", "https://a/b"),
        ("), file:///x or ", ""),
        ("http://c", "http://c"),
        (".", ""),
    ]
