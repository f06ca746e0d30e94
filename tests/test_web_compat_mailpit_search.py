"""Mailpit's search language, on one message."""

from __future__ import annotations

import contextlib

import pytest

from mailtrap_py.store import Store
from mailtrap_py.web.compat.mailbox import Mailbox
from mailtrap_py.web.compat.mailpit_search import parse, read_date
from mailtrap_py.web.compat.marks import Marks
from tests.served import OCTOBER, mail

MAIL = (
    b"From: Ann Lee <ann@example.com>\r\nTo: Bob <bob@example.com>\r\nCc: carl@example.com\r\n"
    b"Reply-To: help@example.com\r\nSubject: Your Order 4711 is here\r\nMessage-ID: <1.2@app>\r\nX-Tags: shop\r\n"
    b"Content-Type: multipart/mixed; boundary=x\r\n\r\n"
    b"--x\r\nContent-Type: text/plain\r\n\r\nIt left the Warehouse.\r\n"
    b"--x\r\nContent-Type: application/pdf; name=bill.pdf\r\n\r\nx\r\n--x--\r\n"
)


def fits(query: str, zone: str = "") -> bool:
    with contextlib.closing(Store()) as store:
        box = Mailbox(store, Marks(store.subscribe))
        store.add(mail(MAIL, to="hidden@example.com", name="m"))
        box.marks.set_read(["m"], read=True)
        return bool(list(box.search(parse(query, zone))))


@pytest.mark.parametrize(
    "query",
    [
        "warehouse",
        "ORDER",
        '"left the warehouse"',
        "ann lee bob",
        "bill.pdf",
        "from:ann",
        'from:"ann lee"',
        "FROM:ANN@EXAMPLE.COM",
        "to:bob",
        "cc:carl",
        "bcc:hidden",
        "reply-to:help",
        "addressed:ann",
        "addressed:hidden addressed:help addressed:carl",
        'subject:"order 4711"',
        "message-id:1.2@",
        "tag:sho",
        "is:read",
        "is:tagged",
        "has:attachment",
        "has:attachments",
        "larger:100",
        "smaller:1K",
        "smaller:1.5mb",
        "after:2026-09-30",
        "before:2026-10-02",
        "-nothing",
        "!from:bob",
        '-"not this"',
        "is:unknown",
        "has:nothing",
        "larger:huge",
        "after:soon",
        "",
        '""',
    ],
)
def test_it_fits(query: str) -> None:
    assert fits(query)


@pytest.mark.parametrize(
    "query",
    [
        "nothing",
        "order nothing",
        "-order",
        "!warehouse",
        '-"left the warehouse"',
        "from:bob",
        "to:hidden",
        "bcc:bob",
        "cc:bob",
        "reply-to:ann",
        "addressed:nobody",
        "subject:warehouse",
        "message-id:app2",
        "tag:news",
        "is:unread",
        "-is:read",
        "has:inline",
        "larger:1M",
        "smaller:10",
        "after:2026-10-02",
        "before:2026-09-30",
        "order:4711",
    ],
)
def test_it_does_not_fit(query: str) -> None:
    assert not fits(query)


@pytest.mark.parametrize(
    ("query", "zone", "fitting"),
    [
        ("after:2026-10-01", "", True),
        ('after:"2026-10-01 10:00"', "", False),
        ('after:"2026-10-01 10:00"', "Europe/Berlin", True),  # 08:00 in UTC
        ('after:"2026-10-01 10:00"', "No/Where", False),
        ("before:2026-10-01T09:00:01Z", "", True),
        ("before:2026-10-01T09:00:00Z", "", False),
    ],
)
def test_dates_are_read_in_a_zone(query: str, zone: str, fitting: bool) -> None:  # noqa: FBT001 - expected
    assert fits(query, zone) is fitting


@pytest.mark.parametrize(
    "text", ["2026-10-01T09:00:00.5Z", "2026-10-01 09:00:00.500+00:00", "2026-10-01t11:00:00.5+02:00"]
)
def test_dates_are_read_as_they_are_written(text: str) -> None:
    assert read_date(text) == OCTOBER


def test_what_is_no_date_is_none() -> None:
    assert read_date("soon") is None
    assert read_date("") is None
