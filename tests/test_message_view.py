from __future__ import annotations

import pytest

from mailtrap_py.message.view import Summary, summarize, view

RAW = (
    b"From: Ann <ann@example.com>\r\nTo: bob@example.com\r\nCc: c@example.com\r\nDate: now\r\n"
    b"Message-ID: (x) <1@a> \r\nSubject: Hello\r\nsubject: again\r\nX-Tag: 1\r\nX-Tag: 2\r\n\r\nHi\r\n"
)


def test_a_summary() -> None:
    assert summarize(RAW) == Summary(
        subject="Hello",
        from_="Ann <ann@example.com>",
        to="bob@example.com",
        cc="c@example.com",
        date="now",
        message_id="1@a",
        attachments=0,
    )


def test_of_nothing_there_is_a_summary_too() -> None:
    assert summarize(b"") == Summary("", "", "", "", "", "", 0)


def test_a_view_has_the_same_fields() -> None:
    message = view(RAW)
    assert (message.subject, message.from_, message.to, message.cc) == (
        "Hello",
        "Ann <ann@example.com>",
        "bob@example.com",
        "c@example.com",
    )
    assert (message.date, message.message_id, message.text, message.html) == ("now", "1@a", "Hi\n", "")
    assert message.header("x-TAG") == "1"
    assert message.header("missing") == ""
    assert [value for name, value in message.headers if name == "X-Tag"] == ["1", "2"]
    assert message.defects == ("subject is there 2 times",)


@pytest.mark.parametrize(
    ("fields", "attachments"),
    [
        ("Content-Type: text/plain; charset=utf-8", 0),
        ("Content-Type: TEXT/HTML", 0),
        ("Content-Type: text/plain; charset=x;\r\n name=a.txt", 1),
        ("Content-Type: text/plain\r\nContent-Disposition: attachment", 1),
        ("Content-Type: application/pdf", 1),
        ("Content-Type: text/calendar", 1),
        ("Content-Type: multipart/mixed; boundary=b", 1),
    ],
)
def test_attachments_are_counted_where_there_may_be_some(fields: str, attachments: int) -> None:
    raw = f"{fields}\r\n\r\n--b\r\nContent-Type: a/b\r\n\r\nx\r\n--b--\r\n".encode()
    assert summarize(raw).attachments == len(view(raw).attachments) == attachments


def test_the_text_is_the_first_that_says_something() -> None:
    parts = b"--b\n\n \n--b\nContent-Disposition: attachment\n\nfile\n--b\n\nyes\n"
    raw = b"Content-Type: multipart/mixed; boundary=b\n\n" + parts
    assert view(raw).text == "yes\n"


def test_the_text_of_html_is_its_words() -> None:
    message = view(b"Content-Type: text/html\n\n<p>Your code:</p><p>482913</p><a href=https://a>b</a>")
    assert message.text == "Your code:\n\n482913\n\nb"
    assert message.codes == ("482913",)
    assert message.links == ("https://a",)
