"""`message` as a whole: every file of `tests/messages` gives the view beside it, and no bytes make it raise."""

from __future__ import annotations

import json
from pathlib import Path
from timeit import repeat
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailtrap_py.message import View, addresses, embed_images, remote_references, summarize, view

FILES = sorted(Path(__file__).parent.joinpath("messages").glob("*.eml"))
ADDRESS_FIELDS = ("from", "to", "cc", "reply-to")


def as_json(message: View) -> dict[str, Any]:
    """All there is to see of a message, without what is empty."""
    seen: dict[str, Any] = {
        "headers": [list(field) for field in message.headers],
        "from": message.from_,
        "to": message.to,
        "cc": message.cc,
        "subject": message.subject,
        "date": message.date,
        "message_id": message.message_id,
        "addresses": {
            name: [list(address) for address in addresses(message.header(name))]
            for name in ADDRESS_FIELDS
            if message.header(name)
        },
        "text": message.text,
        "html": message.html,
        "links": list(message.links),
        "codes": list(message.codes),
        "defects": list(message.defects),
    }
    parts = [
        {
            "index": part.index,
            "depth": part.depth,
            "content_type": part.content_type,
            "filename": part.filename,
            "content_id": part.content_id,
            "disposition": part.disposition,
            "size": part.size,
            "inline": part.is_inline,
            "attachment": part.is_attachment,
        }
        for part in message.parts
    ]
    always = {"index", "depth", "size"}
    seen["parts"] = [{key: value for key, value in part.items() if value or key in always} for part in parts]
    return {key: value for key, value in seen.items() if value}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_message_file_gives_the_view_beside_it(file: Path) -> None:
    raw = file.read_bytes()
    assert as_json(view(raw)) == json.loads(file.with_suffix(".json").read_text("utf-8"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_the_summary_agrees_with_the_view(file: Path) -> None:
    agree(file.read_bytes())


def test_there_are_no_views_without_a_message() -> None:
    views = sorted(file.stem for file in FILES[0].parent.glob("*.json"))
    assert views == [file.stem for file in FILES]


def agree(raw: bytes) -> None:
    """Read everything, and compare the two readers."""
    summary, message = summarize(raw), view(raw)
    assert (summary.subject, summary.from_, summary.to) == (message.subject, message.from_, message.to)
    assert (summary.cc, summary.date, summary.message_id) == (message.cc, message.date, message.message_id)
    assert summary.attachments == len(message.attachments)


FRAGMENTS = [
    b"\r\n", b"\n", b"\r", b"\0", b" ", b"\t", b";", b"'", b'"', b"(", b")", b"=", b"\xff", b"\xc3\xbc", b"--b\r\n",
    b"--b--", b"Content-Type: ", b"multipart/mixed; boundary=b", b"multipart/related; boundary=b", b"text/html",
    b"; charset=", b"utf-7", b"+2AA-", b"Content-Transfer-Encoding: base64", b"quoted-printable",
    b"Content-Disposition: attachment", b"name*0*=", b'name="', b"=?utf-8?B?", b"=?x?q?=41?=", b"?=", b"Subject: ",
    b"From: ", b'To: a,"b', b"Content-ID: <i>", b"<a href=", b"<!--", b"&#99999999999;", b"<", b">", b"cid:i",
    b"url(http://", b"code 123456 ", b"message/rfc822",
]  # fmt: skip


@settings(deadline=None, max_examples=300)
@given(st.one_of(st.binary(max_size=400), st.lists(st.sampled_from(FRAGMENTS), max_size=40).map(b"".join)))
def test_any_bytes_can_be_read(raw: bytes) -> None:
    agree(raw)
    message = view(raw)
    assert len(message.parts) >= 1
    json.dumps(as_json(message), ensure_ascii=False).encode()  # no surrogates, which no database and no page can take
    for part in message.parts:
        assert len(part.data) == part.size
        assert not set("/\\\0\r\n") & set(part.filename)
        repr(part)
        part.text.encode()
    embed_images(message.html, message.parts).encode()
    "".join(remote_references(message.html)).encode()


HOSTILE = {
    "open parentheses": b"To: " + b"(" * 200_000,
    "escaped quotes": b"Content-Type: text/plain" + b';a="\\"' * 40_000,
    "encoded words": b"Subject: " + b"=?utf-8?q?a" * 40_000,
    "half a header": b"Subject: x\r\n " * 40_000,
    "no colon": b"a" * 400_000,
    "open tags": b"Content-Type: text/html\r\n\r\n" + b"<a <b " * 60_000,
    "open quotes": b"Content-Type: text/html\r\n\r\n" + b"<a '\"><b" * 40_000,
    "open comments": b"Content-Type: text/html\r\n\r\n" + b"<!--" * 60_000,
    "ends of nothing": b"Content-Type: text/html\r\n\r\n" + b"</ " * 100_000,
    "bare attributes": b"Content-Type: text/html\r\n\r\n<a " + b"a" * 400_000 + b">",
    "words for codes": b"\r\n" + b"pin " * 25_000 + b"1234 " * 40_000,
    "punctuation": b"\r\nhttp://" + b")" * 300_000,
    "schemes": b"\r\n" + b"a.b+c-" * 60_000,
    "boundaries": b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n" * 60_000,
    "boundaries that are none": b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--bb\r\n" * 60_000,
    "spaces": b"Content-Type: text/html\r\n\r\n" + b" \n" * 200_000 + b"=" + b" " * 200_000,
}


@pytest.mark.parametrize("raw", HOSTILE.values(), ids=HOSTILE)
def test_hostile_input_takes_no_longer_than_its_length(raw: bytes) -> None:
    def read() -> None:
        as_json(view(raw))
        agree(raw)

    # A quarter of a megabyte that were read in quadratic time would take minutes.
    assert min(repeat(read, number=1, repeat=1)) < 5


def test_a_summary_is_read_in_microseconds() -> None:
    body = b"All work and no play makes Jack a dull boy.\r\n" * 100
    raw = FILES[[file.stem for file in FILES].index("encoded-words")].read_bytes() + body
    seconds = min(repeat(lambda: summarize(raw), number=200, repeat=5)) / 200
    assert seconds < 0.0005  # some thirty times what it takes, so that a busy machine does not fail it
