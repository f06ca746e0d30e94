from __future__ import annotations

import pytest

from mailtrap_py.message.charsets import decode, visible


@pytest.mark.parametrize(
    ("data", "charset", "text"),
    [
        (b"abc", "", "abc"),
        (b"abc", "US-ASCII", "abc"),
        ("Grüße".encode(), "utf-8", "Grüße"),
        ("Grüße".encode(), " UTF_8 ", "Grüße"),
        ("日本語".encode("iso-2022-jp"), "ISO-2022-JP", "日本語"),
        (b"\x80 5", "iso-8859-1", "\u20ac 5"),  # as mail programs and browsers read what is labelled latin-1
        (b"\xff\xfea\0", "utf-16", "a"),
        (b"\x80", "koi8-r", "\u2500"),
    ],
)
def test_octets_in_their_charset_have_no_defect(data: bytes, charset: str, text: str) -> None:
    assert decode(data, charset) == (text, "")


@pytest.mark.parametrize(
    ("data", "charset", "text", "defect"),
    [
        ("ü".encode(), "", "ü", "octets outside ASCII, but no charset is given"),
        ("ü".encode(), "us-ascii", "ü", "octets outside ASCII, but the charset is us-ascii"),
        (b"\xfc", "", "ü", "octets outside ASCII, but no charset is given"),
        (b"\x81\xfc", "", "\x81ü", "octets outside ASCII, but no charset is given"),
        (b"Gr\xfc\xdfe", "utf-8", "Gr\ufffd\ufffde", "octets that are not in its charset, utf-8"),
        ("あ".encode(), "iso-2022-jp", "あ", "octets that are not in its charset, iso-2022-jp"),
        (b"\x81\xfc", "latin-1", "\x81ü", "octets that are not in its charset, latin-1"),
        (b"na\xc3\xafve", "x-klingon", "naïve", "the charset 'x-klingon' is not known"),
        (b"abc", "a\0b", "abc", "the charset 'a\\x00b' is not known"),
        (b"abc", "rot13", "abc", "the charset 'rot13' is not known"),
        (b"\\u00fc", "unicode_escape", "\\u00fc", "the charset 'unicode_escape' is not known"),
    ],
)
def test_other_octets_are_read_as_well_as_can_be(data: bytes, charset: str, text: str, defect: str) -> None:
    assert decode(data, charset) == (text, defect)


@pytest.mark.parametrize("data", [b"+2AA-", b"+2AA-\xff"])
def test_no_surrogate_comes_out(data: bytes) -> None:
    decode(data, "utf-7")[0].encode()


def test_control_characters_are_shown() -> None:
    assert visible("a\0b\rc\x1b\x7f\td") == "a␀b␍c␛␡\td"
    assert visible("plain") == "plain"
