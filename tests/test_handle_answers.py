"""What goes out of a record as JSON and comes back is what it was."""

from __future__ import annotations

import smtplib
from collections.abc import Iterator
from dataclasses import fields, is_dataclass

import pytest

from mailtrap_py import Mailtrap
from mailtrap_py.captured import Reader
from mailtrap_py.events import Value
from mailtrap_py.store import Query
from tests.connected import PATIENCE
from tests.homes import BOB, BUSY, EVE, elsewhere, send

__all__ = ["elsewhere"]  # a fixture


@pytest.fixture
def both(elsewhere: Mailtrap) -> Iterator[tuple[Reader, Reader]]:
    """Fill a record with everything that can be in one; give it as it is, and as it is over HTTP."""
    elsewhere.reset()
    elsewhere.fail("rcpt", BUSY, to=EVE)
    elsewhere.fail("message", "554 5.7.1 No", subject="bad")
    send(elsewhere, BOB, EVE, subject="=?utf-8?q?Gr=C3=BC=C3=9Fe?=", fields="Message-ID: <1@example.com>\n")
    with pytest.raises(smtplib.SMTPDataError):
        send(elsewhere, BOB, subject="bad")
    client = smtplib.SMTP(elsewhere.host, elsewhere.port, timeout=PATIENCE)
    client.ehlo("app")
    client.starttls(context=elsewhere.ssl_context())
    client.login("ann", "secret")
    client.docmd("NOOP", "one\\two")
    client.mail("ann@example.com")
    client.send(b"NOOP\r\nNOOP \xff\n\r\n")  # two at once, and one that no text can hold
    client.getreply()
    client.getreply()
    client.close()
    elsewhere.home.settle(5.0)
    with Mailtrap.at(elsewhere.url) as there:
        yield elsewhere.home.record, there.home.record


def same(value: object) -> object:
    """Leave out what JSON rounds: times are in microseconds."""
    return pytest.approx(value, abs=1e-5) if isinstance(value, float) else value


def alike(mine: object, theirs: object) -> None:
    if isinstance(mine, Value):
        names = mine.__struct_fields__
    else:
        assert is_dataclass(mine)
        names = tuple(each.name for each in fields(mine))
    for name in names:
        left, right = getattr(mine, name), getattr(theirs, name)
        if isinstance(left, Value):
            alike(left, right)
        elif isinstance(left, tuple) and left and isinstance(left[0], Value):
            for one, other in zip(left, right, strict=True):
                alike(one, other)
        else:
            assert right == same(left), name


def test_all_of_a_record_comes_back(both: tuple[Reader, Reader]) -> None:
    here, there = both
    inbox = "default"
    for mine, theirs in (
        (here.messages(Query(inbox=inbox)).items, there.messages(Query(inbox=inbox)).items),
        (here.sessions(inbox=inbox).items, there.sessions(inbox=inbox).items),
        (here.transactions(Query(inbox=inbox)), there.transactions(Query(inbox=inbox))),
        (here.firings(inbox=inbox), there.firings(inbox=inbox)),
    ):
        assert mine
        for one, other in zip(mine, theirs, strict=True):
            alike(one, other)


def test_a_transcript_comes_back_octet_by_octet(both: tuple[Reader, Reader]) -> None:
    here, there = both
    for session in here.sessions(inbox="default").items:
        mine, theirs = here.transcript(session.id), there.transcript(session.id)
        assert [line.data for line in theirs if line.source != "content"] == [
            line.data for line in mine if line.source != "content"
        ]
        for one, other in zip(mine, theirs, strict=True):
            assert (one.number, one.source, one.octets, one.rule, one.secret, one.early) == (
                other.number, other.source, other.octets, other.rule, other.secret, other.early,
            )  # fmt: skip
    assert any(line.secret and b"*" not in line.data for line in there.transcript(session_of(here)))


def session_of(record: Reader) -> str:
    return record.sessions(inbox="default").items[0].id


def test_raw_is_exact(both: tuple[Reader, Reader]) -> None:
    here, there = both
    (message,) = here.messages(Query(inbox="default")).items

    assert there.raw(message.id) == here.raw(message.id)
    assert there.raw("none") is None
    assert there.session("none") is None
    assert there.transcript("none") == []
