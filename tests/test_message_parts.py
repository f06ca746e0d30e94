from __future__ import annotations

import pytest

from mailtrap_py.message.parts import MAX_DEPTH, MAX_PARTS, Part, undo, walk


def leaf(fields: str, body: bytes = b"") -> Part:
    return walk(fields.encode() + b"\r\n\r\n" + body)[0][0]


def test_parts_come_depth_first() -> None:
    raw = (
        b"Content-Type: multipart/mixed; boundary=a\n\npreamble\n--a\n"
        b"Content-Type: multipart/alternative; boundary=b\n\n"
        b"--b\n\none\n--b\nX-Id: 2\n\ntwo\n\n--b--\n--a\n\nthree\n--a--\nepilogue"
    )
    parts, defect = walk(raw)
    assert [(part.index, part.depth, part.multipart, part.data) for part in parts if not part.multipart] == [
        (2, 2, False, b"one"),
        (3, 2, False, b"two\n"),
        (4, 1, False, b"three"),
    ]
    assert parts[3].headers == [("X-Id", "2")]
    assert parts[3].parent is parts[1]
    assert defect == ""
    assert not any(part.defects for part in parts)


def test_nesting_has_a_limit() -> None:
    levels = MAX_DEPTH * 3
    opening = "".join(f"Content-Type: multipart/mixed; boundary=b{level}.\n\n--b{level}.\n" for level in range(levels))
    parts, defect = walk(f"{opening}\ndeep".encode())
    assert len(parts) == MAX_DEPTH + 1
    assert parts[-1].content_type == "application/octet-stream"
    assert parts[-1].defects == ("more than 50 multiparts inside each other; the inner ones are not read",)
    assert defect == ""


@pytest.mark.parametrize("number", [MAX_PARTS - 1, MAX_PARTS, MAX_PARTS * 20])
def test_the_number_of_parts_has_a_limit(number: int) -> None:
    parts, defect = walk(b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--b\n\nx\n" * number + b"--b--")
    assert len(parts) == MAX_PARTS
    assert defect == ("" if number < MAX_PARTS else "more than 1000 parts; the rest is not read")


@pytest.mark.parametrize(
    ("written", "content_type", "defects"),
    [
        ("", "text/plain", 0),
        ("Content-Type:", "text/plain", 0),
        ("Content-Type: Text/HTML (comment); charset=utf-8", "text/html", 0),
        ("CONTENT-TYPE: a/b\r\nContent-Type: c/d", "a/b", 0),
        ("Content-Type: html", "text/plain", 1),
        ("Content-Type: multipart/mixed", "text/plain", 1),
        ("Content-Type: multipart/mixed; boundary=nowhere", "text/plain", 1),
    ],
)
def test_what_type_a_part_is_read_as(written: str, content_type: str, defects: int) -> None:
    part = leaf(written)
    assert part.content_type == content_type
    assert len(part.defects) == defects


@pytest.mark.parametrize(
    ("written", "filename"),
    [
        ("a.txt", "a.txt"),
        ("../../etc/passwd", ".._.._etc_passwd"),
        ("C:\\\\temp\\\\a.txt", "C:_temp_a.txt"),
        (" .. ", "_"),
        ("a\tb\x1b.txt", "a_b␛.txt"),
        ("annex\u202egpj.exe", "annexgpj.exe"),
        ("x" * 300, "x" * 200),
        ("", ""),
    ],
)
def test_a_file_name_has_no_path_and_no_tricks(written: str, filename: str) -> None:
    assert leaf(f'Content-Disposition: attachment; filename="{written}"').filename == filename


@pytest.mark.parametrize(
    ("parent", "fields", "attachment", "inline"),
    [
        ("mixed", "Content-Type: text/plain", False, False),
        ("mixed", "Content-Type: text/plain; name=a.txt", True, False),
        ("mixed", "Content-Type: text/html\nContent-Disposition: attachment", True, False),
        ("mixed", "Content-Type: text/csv", True, False),
        ("mixed", "Content-Type: image/png\nContent-ID: <a@b>", True, False),
        ("related", "Content-Type: image/png\nContent-ID: <a@b>", False, True),
        ("related", "Content-Type: image/png\nContent-ID: <a@b>\nContent-Disposition: attachment", True, False),
        ("related", "Content-Type: image/png", True, False),
        ("related", "Content-Type: text/css\nContent-ID: <a@b>", True, False),
        ("alternative", "Content-Type: text/x-amp-html", False, False),
        ("alternative", "Content-Type: text/calendar", True, False),
        ("digest", "X: y", True, False),
    ],
)
def test_what_is_an_attachment(parent: str, fields: str, attachment: bool, inline: bool) -> None:  # noqa: FBT001  a table
    raw = f"Content-Type: multipart/{parent}; boundary=b\n\n--b\n{fields}\n\nx\n--b--\n"
    part = walk(raw.encode())[0][1]
    assert (part.is_attachment, part.is_inline) == (attachment, inline)


def test_a_multipart_shows_its_body_as_it_was_sent() -> None:
    part = leaf("Content-Type: multipart/mixed; boundary=b\r\nContent-Transfer-Encoding: base64", b"--b\r\n\r\nYQ==")
    assert part.data == part.encoded == b"--b\r\n\r\nYQ=="
    assert not part.is_attachment
    assert part.defects == ("the end of multipart/mixed is missing: --b--",)


def test_text_has_line_feeds_and_no_byte_order_mark() -> None:
    part = leaf("Content-Type: text/plain; charset=utf-8", b"\xef\xbb\xbfa\r\nb\r\n")
    assert part.text == "a\nb\n"


def test_a_part_says_which_it_is() -> None:
    assert repr(leaf("Content-Type: text/plain")) == "<Part 0 text/plain>"
    assert repr(leaf("Content-Type: a/b; name=c")) == "<Part 0 a/b 'c'>"


@pytest.mark.parametrize(
    ("encoding", "data", "undone", "defect"),
    [
        ("", b"a=20", b"a=20", ""),
        ("8bit", b"\xff", b"\xff", ""),
        ("base64", b"", b"", ""),
        ("base64", b"SGVs\r\nbG8=\r\n", b"Hello", ""),
        ("base64", b"SGVsbG8", b"Hello", "broken base64: its padding is missing, or not at its end"),
        ("base64", b"SGVs*bG8=", b"Hello", "broken base64: it has b'*' in it"),
        ("base64", b"YQ==Yg==", b"ab", "broken base64: its padding is missing, or not at its end"),
        ("base64", b"SGVsb", b"Hel", "broken base64: its padding is missing, or not at its end"),
        ("base64", b"=", b"", "broken base64: its padding is missing, or not at its end"),
        ("base64", b"\xff", b"", "broken base64: it has b'\\xff' in it"),
        ("quoted-printable", b"a=20=\r\n=C3=BC=", b"a \xc3\xbc", ""),
        ("quoted-printable", b"a = \r\nb", b"a b", ""),
        ("quoted-printable", b"50 =zz", b"50 =zz", "broken quoted-printable: b'=zz'"),
        ("x-uuencode", b"a", b"a", "the transfer encoding 'x-uuencode' is not known; shown as it is"),
    ],
)
def test_transfer_encodings(encoding: str, data: bytes, undone: bytes, defect: str) -> None:
    assert undo(data, encoding) == (undone, defect)
