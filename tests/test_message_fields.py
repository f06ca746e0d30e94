from __future__ import annotations

import pytest

from mailtrap_py.message.fields import (
    addresses,
    decode_field,
    decode_fields,
    decode_words,
    field_defects,
    parameters,
    read_section,
    unfold,
)


def test_a_section_ends_with_the_empty_line() -> None:
    raw = b"Subject: a\r\n b\r\nX:\r\n\r\nbody"
    section = read_section(raw)
    assert section.fields == [(b"Subject", b" a\r\n b\r"), (b"X", b"\r")]
    assert raw[section.body :] == b"body"
    assert section.defect == ""


@pytest.mark.parametrize(
    ("raw", "names", "body"),
    [
        (b"", [], b""),
        (b"\r\nbody", [], b"body"),
        (b"\nbody", [], b"body"),
        (b"A: 1", [b"A"], b""),
        (b"A: 1\n\nB: 2\n", [b"A"], b"B: 2\n"),
        (b"A : 1\n B: 2\n\n", [b"A"], b""),
        (b"A: 1\r\n \r\n\r\nx", [b"A"], b"x"),
    ],
)
def test_where_the_body_begins(raw: bytes, names: list[bytes], body: bytes) -> None:
    section = read_section(raw)
    assert [name for name, _ in section.fields] == names
    assert raw[section.body :] == body
    assert section.defect == ""


def test_a_line_that_is_no_field_begins_the_body() -> None:
    raw = b"A: 1\r\nnonsense \0\r\nB: 2\r\n"
    section = read_section(raw)
    assert raw[section.body :] == b"nonsense \0\r\nB: 2\r\n"
    assert section.defect == "a line among the headers is none, so the body begins there: 'nonsense ␀'"


def test_a_section_can_lie_in_the_middle() -> None:
    raw = b"--b\nA: 1\n--b"
    section = read_section(raw, 4, 9)
    assert section == ([(b"A", b" 1")], 9, "")


def test_unfolding_takes_the_line_end_and_nothing_else() -> None:
    assert unfold(b" a\r\n b\n\tc \r") == "a b\tc"


@pytest.mark.parametrize(
    ("text", "decoded"),
    [
        ("=?utf-8?B?w7w=?=", "ü"),
        ("=?utf-8?B?w7w?=", "ü"),
        ("=?UTF-8?q?a_b=20c?=", "a b c"),
        ("=?utf-8?Q?a b?=", "a b"),
        ("=?utf-8?Q?=C3?= \t=?utf-8?Q?=BC?=", "ü"),
        ("=?utf-8?Q?a?= =?iso-8859-1?Q?=FC?= b", "aü b"),
        ("x =?utf-8*en?Q?y?= z", "x y z"),
        ("=?nonsense?Q?=C3=BC?=", "ü"),
        ("=?utf-8?B?####?=", "=?utf-8?B?####?="),
        ("=?utf-8?X?a?= =? ?=", "=?utf-8?X?a?= =? ?="),
        ("no =?utf-8?Q?", "no =?utf-8?Q?"),
    ],
)
def test_encoded_words(text: str, decoded: str) -> None:
    assert decode_words(text) == decoded


@pytest.mark.parametrize(
    ("written", "decoded"),
    [
        (b"=?utf-8?Q?M=C3=BCller=2C_=22Hans=22?= <h@example.com>", '"Müller, \\"Hans\\"" <h@example.com>'),
        (b'"=?utf-8?Q?M=2C?=" <h@example.com>, =?utf-8?Q?a=40b?= <c@d>', '"M," <h@example.com>, "a@b" <c@d>'),
        (b"=?utf-8?Q?Hans?= <h@example.com>", "Hans <h@example.com>"),
    ],
)
def test_a_decoded_address_field_can_still_be_read_as_one(written: bytes, decoded: str) -> None:
    assert decode_field("From", written) == decoded


def test_other_fields_are_not_quoted() -> None:
    assert decode_fields([(b"Subject", b" =?utf-8?Q?a=2C_b?=\r"), (b"X\xc3\xbc", b"a\rb\r")]) == [
        ("Subject", "a, b"),
        ("Xü", "a␍b"),
    ]


def test_defects_of_fields() -> None:
    fields = [
        (b"Subject", b"=?utf-8?B?#?="),
        (b"X-Other", b"=?utf-8?Z?a?= =?"),
        (b"X-Latin", b"\xfc"),
        (b"X-Good", "ü =?utf-8?Q?=C3=BC?=".encode()),
    ]
    assert field_defects(fields) == [
        "Subject: an encoded word that cannot be decoded (RFC 2047)",
        "X-Other: an encoded word that cannot be decoded (RFC 2047)",
        "X-Latin: octets that are not UTF-8 (RFC 6532)",
    ]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("", {}),
        ("; charset = UTF-8 ", {"charset": "UTF-8"}),
        ("; a=\"x;y\"; B='z'", {"a": "x;y", "b": "'z'"}),
        (r'; a="q\"\\ \n"', {"a": r'q"\ \n'}),
        ('; a="never closed; b=1', {"a": "never closed; b=1"}),
        ("; a=1; A=2", {"a": "1"}),
        ("; a; =b; c=", {"c": ""}),
        ("; a*=utf-8'en'%e2%82%ac%20x", {"a": "€ x"}),
        ("; a*1*=%C3; a*0*=utf-8''x%; a*2*=%BC; a*3=\"'y\"", {"a": "x%ü'y"}),
        ("; a=plain; a*=utf-8''extended", {"a": "extended"}),
        ("; a*=no-quotes%20here", {"a": "no-quotes here"}),
        ("; a*=nonsense''%C3%BC", {"a": "ü"}),
        ('; a="=?utf-8?Q?=C3=BC=3B?="', {"a": "ü;"}),
        ("; a*99999=x; a=b", {"a": "b", "a*99999": "x"}),
        ("; *=x; a=%00\0", {"*": "x", "a": "%00␀"}),
    ],
)
def test_parameters(value: str, expected: dict[str, str]) -> None:
    assert parameters(f"Text/Plain {value}") == ("text/plain", expected)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("", []),
        ("a@example.com", [("", "a@example.com")]),
        ("<a@example.com>", [("", "a@example.com")]),
        ("Ann  B. <a@example.com>", [("Ann B.", "a@example.com")]),
        ('"B, Ann" <a@example.com>', [("B, Ann", "a@example.com")]),
        (r'"a\"b" <x@y>', [('a"b', "x@y")]),
        ('"a b"@example.com', [("", '"a b"@example.com')]),
        ("a@example.com (Ann (B))", [("Ann (B)", "a@example.com")]),
        ("(note) Ann <a@b> (other)", [("Ann", "a@b")]),
        ("g: a@b, c@d; , e@f", [("", "a@b"), ("", "c@d"), ("", "e@f")]),
        ("undisclosed-recipients:;", []),
        ("u@[IPv6:2001:db8::1]", [("", "u@[IPv6:2001:db8::1]")]),
        ("Ann < a @ b >", [("Ann", "a@b")]),
        (",,a@b,,", [("", "a@b")]),
        ("Ann <a@b", [("Ann", "a@b")]),
        ("Ann <>", [("Ann", "")]),
        ("foo@", [("", "foo@")]),
        ("(open", []),
        ("a) b", [("", "ab")]),
        ("a@b > c", [("", "a@b>c")]),
    ],
)
def test_addresses(value: str, expected: list[tuple[str, str]]) -> None:
    assert list(addresses(value)) == expected
