"""The JSON of single messages; that all fields are there, tests/test_web_compat_mailpit.py says."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest

from mailtrap_py.store import MessageSummary, Store
from mailtrap_py.web.compat.mailpit_shapes import created, digest_of, headers_json, message_json, summary_json, tags_of
from tests.served import mail


def stored(raw: bytes, to: str = "bob@example.com") -> MessageSummary:
    with contextlib.closing(Store()) as store:
        store.add(mail(raw, to=to, name="m"))
        summary = store.message("m")
    assert summary is not None
    return summary


def shown(raw: bytes, to: str = "bob@example.com") -> dict[str, Any]:
    return message_json(stored(raw, to), raw, tags=[])


def test_a_message_without_anything_is_shown_all_the_same() -> None:
    message = shown(b"")
    summary = stored(b"")
    listed = summary_json(summary, digest_of(summary, b""), read=False, tags=[])

    assert (message["From"], message["Text"], message["Date"]) == (None, "", "2026-10-01T09:00:00.500Z")
    assert (listed["From"], listed["Snippet"]) == ({"Name": "", "Address": ""}, "")
    assert [each["Address"] for each in listed["Bcc"]] == ["bob@example.com"]


@pytest.mark.parametrize(
    ("field", "date"),
    [
        (b"Mon, 20 Jul 2026 06:51:26 +0200", "2026-07-20T06:51:26+02:00"),
        (b"Mon, 20 Jul 2026 06:51:26 +0000", "2026-07-20T06:51:26Z"),
        (b"Mon, 20 Jul 2026 06:51:26 -0000", "2026-07-20T06:51:26Z"),
        (b"yesterday", "2026-10-01T09:00:00.500Z"),
        (b"Mon, 99 Jul 2026 06:51:26 +0200", "2026-10-01T09:00:00.500Z"),
    ],
)
def test_the_date_keeps_its_offset(field: bytes, date: str) -> None:
    assert shown(b"Date: " + field + b"\r\n\r\n")["Date"] == date


def test_who_is_named_nowhere_is_a_bcc() -> None:
    raw = b"To: Bob <BOB@Example.com>\r\nBcc: Eve <eve@example.com>\r\n\r\n"

    assert shown(raw)["Bcc"] == [{"Name": "Eve", "Address": "eve@example.com"}]
    assert shown(raw, "x@example.com")["Bcc"][1:] == [{"Name": "", "Address": "x@example.com"}]


@pytest.mark.parametrize(
    ("raw", "tags"),
    [
        (b"X-Tags: one, two three ,,one\r\n\r\n", ("one", "two three")),
        (b"To: bob+signup@example.com\r\nFrom: a+b+c@example.com\r\n\r\n", ("b c", "signup")),
        (b"Subject: a\r\n\r\n", ()),
    ],
)
def test_a_message_brings_tags(raw: bytes, tags: tuple[str, ...]) -> None:
    assert tags_of(stored(raw), raw) == tags


def test_the_beginning_of_the_text_is_the_snippet() -> None:
    raw = b"\r\n" + b"Hello  there,\r\n\r\n" * 40

    snippet = digest_of(stored(raw), raw).snippet

    assert (snippet[:26], len(snippet)) == ("Hello there, Hello there, ", 250)


@pytest.mark.parametrize(
    ("header", "links", "errors"),
    [
        (b"<https://a.example/u>, <mailto:u@a.example>", ["https://a.example/u", "mailto:u@a.example"], ""),
        (b"<mailto:u@a.example>,<https://a.example/u>", ["https://a.example/u", "mailto:u@a.example"], ""),
        (b"https://a.example/u", [], "no links in angle brackets"),
        (b"<ftp://a.example>", [], "only http, https and mailto links may be used"),
        (b"<http://a.example>, <http://b.example>", ["http://a.example"], "more than one link of a kind"),
    ],
)
def test_how_to_unsubscribe_is_read(header: bytes, links: list[str], errors: str) -> None:
    raw = b"List-Unsubscribe: " + header + b"\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n\r\n"

    assert shown(raw)["ListUnsubscribe"] == {
        "Header": header.decode(),
        "Links": links,
        "Errors": errors,
        "HeaderPost": "List-Unsubscribe=One-Click",
    }


def test_images_of_the_html_are_inline() -> None:
    raw = (
        b"Content-Type: multipart/related; boundary=x\r\n\r\n--x\r\nContent-Type: text/html\r\n\r\n<img src=cid:a>\r\n"
        b"--x\r\nContent-Type: image/png\r\nContent-ID: <a>\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        b"iVBO\r\n--x--\r\n"
    )

    [inline] = shown(raw)["Inline"]

    assert (inline["ContentID"], inline["Size"], shown(raw)["Attachments"]) == ("a", 3, [])
    assert digest_of(stored(raw), raw).inline == 1


def test_fields_are_given_as_they_were_sent() -> None:
    raw = b"subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\nX-A:  a\r\n\tb \r\nx-a: \xff\r\nB: c\r\n\r\n"

    assert headers_json(raw) == {"B": ["c"], "Subject": ["=?utf-8?q?Gr=C3=BC=C3=9Fe?="], "X-A": ["a b", "\ufffd"]}


def test_times_have_milliseconds() -> None:
    assert created(0.1234) == "1970-01-01T00:00:00.123Z"
