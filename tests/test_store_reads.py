"""Lists, pages, totals and counts, and that indexes and patterns mean the same."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from mailtrap_py.events import (
    Firing,
    Line,
    Outcome,
    Point,
    Recipient,
    Reply,
    Source,
    Transaction,
)
from mailtrap_py.store import Query, Store
from tests import stored
from tests.stored import STARTED

OK = Reply(250, "2.0.0", ("Ok",))
REFUSED = Reply(550, "5.1.1", ("No such user",))
MESSAGE = replace(
    stored.MESSAGE,
    recipients=(Recipient(address="bob@example.net", reply=OK),),
    raw=b"Subject: Hello\r\nFrom: Ann <ann@example.org>\r\n\r\nHello\r\n",
    helo="client",
)
TRANSACTION = Transaction(
    id="t",
    session_id="s",
    inbox="default",
    number=1,
    started_at=1.0,
    started_clock=1.0,
    ended_at=2.0,
    ended_clock=2.0,
    reverse_path="ann@example.com",
    parameters={},
    recipients=(Recipient(address="bob@example.net", reply=OK), Recipient(address="eve@Example.net", reply=REFUSED)),
    outcome=Outcome.ACCEPTED,
    acknowledged=True,
    reply=OK,
    message_id="m",
)


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    with closing(Store(store_url)) as store:
        yield store


def to(*addresses: str) -> tuple[Recipient, ...]:
    return tuple(Recipient(address=address, reply=OK) for address in addresses)


def ids(store: Store, query: Query) -> list[str]:
    return [message.id for message in store.messages(query).items]


@pytest.mark.parametrize("query", [Query(), Query(subject="Hello"), Query(to="*@example.net")])
def test_pages_follow_each_other_and_new_mail_does_not_move_them(store: Store, query: Query) -> None:
    for number in range(7):
        store.add(replace(MESSAGE, id=f"m{number}"))
    first = store.messages(query, limit=3)
    store.add(replace(MESSAGE, id="late"))
    second = store.messages(query, limit=3, before=first.next)
    third = store.messages(query, limit=3, before=second.next)
    assert [[item.id for item in page.items] for page in (first, second, third)] == [
        ["m6", "m5", "m4"],
        ["m3", "m2", "m1"],
        ["m0"],
    ]
    assert [page.total for page in (first, second, third)] == [7, 8, 8]
    assert third.next is None


@pytest.mark.parametrize("query", [Query(), Query(subject="Hello")])
def test_a_page_that_is_just_full_is_the_last(store: Store, query: Query) -> None:
    store.add(MESSAGE)
    assert store.messages(query, limit=1).next is None
    store.add(replace(MESSAGE, id="m2"))
    assert store.messages(query, limit=1).next == store.messages(query).items[0].position


@pytest.mark.parametrize("query", [Query(), Query(subject="Hello")])
def test_a_page_of_none_only_counts(store: Store, query: Query) -> None:
    store.add(MESSAGE)
    page = store.messages(query, limit=0)
    assert (page.items, page.next, page.total) == ((), None, 1)


def test_each_field_of_a_query_narrows(store: Store) -> None:
    store.add(replace(MESSAGE, id="1", inbox="ann"))
    store.add(replace(MESSAGE, id="2", session_id="s2"))
    store.add(replace(MESSAGE, id="3", recipients=to("Carl@Example.NET", "dora@example.net", "Carl@example.net")))
    store.add(replace(MESSAGE, id="4", reverse_path="", raw=b"Subject: Bounce\r\nFrom: <daemon@example.net>\r\n\r\n"))
    four, three, two, one = store.messages().items
    assert ids(store, Query(inbox="ann")) == ["1"]
    assert ids(store, Query(session_id="s2")) == ["2"]
    assert ids(store, Query(to="Carl@example.net")) == ["3"]
    assert ids(store, Query(to="carl@example.net")) == []
    assert ids(store, Query(to="*@example.net", from_="ann@example.org", session_id="s")) == ["3", "1"]
    assert ids(store, Query(from_="")) == ["4"]
    assert ids(store, Query(from_="daemon@EXAMPLE.net")) == ["4"]
    assert ids(store, Query(from_="ann@example.org")) == ["3", "2", "1"]
    assert ids(store, Query(subject="bounce")) == ["4"]
    assert ids(store, Query(after=two.position)) == ["4", "3"]
    assert ids(store, Query(after=two.position, subject="Hello")) == ["3"]
    assert store.messages(Query(to="bob@example.net")).total == 3
    assert one.position < two.position < three.position < four.position


ADDRESSES = st.sampled_from(
    ["", "a", "a@b", "A@B", "a@B", "*@b", "?@b", "a@[::1]", "/a/", "/^$/", "/", "//", "caf\udce9@b"]
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(ADDRESSES, st.lists(ADDRESSES, max_size=3), ADDRESSES), max_size=4), ADDRESSES, ADDRESSES)
def test_the_database_finds_what_the_query_matches(
    mails: list[tuple[str, list[str], str]], asked_to: str, asked_from: str
) -> None:
    with closing(Store()) as store:
        for number, (sender, recipients, header) in enumerate(mails):
            raw = b"From: " + header.encode("utf-8", "surrogateescape") + b"\r\n\r\n"
            mail = replace(MESSAGE, id=str(number), reverse_path=sender, recipients=to(*recipients), raw=raw)
            store.add(mail)
        everything = store.messages().items
        for query in (Query(to=asked_to), Query(from_=asked_from), Query(to=asked_to, from_=asked_from)):
            expected = tuple(message for message in everything if query.matches(message))
            page = store.messages(query)
            assert (page.items, page.total) == (expected, len(expected))


def test_more_summaries_than_are_fetched_together(store: Store) -> None:
    for number in range(1203):
        store.add(replace(MESSAGE, id=str(number), raw=b"Subject: %d\r\n\r\n" % (number % 2)))
    page = store.messages(Query(subject="1"), limit=2)
    assert ([message.id for message in page.items], page.total) == (["1201", "1199"], 601)


def test_what_is_not_there_is_none(store: Store) -> None:
    assert store.message("x") is None
    assert store.raw("x") is None
    assert store.session("x") is None
    assert store.transcript("x") == []


def test_sessions_count_what_they_brought(store: Store) -> None:
    for number in (1, 2, 3):
        store.add(replace(STARTED, id=f"s{number}", number=number, inbox="ann" if number == 3 else "default"))
    for number in range(4):
        session_id = "s1" if number else "s2"
        store.add(replace(MESSAGE, id=f"m{number}", session_id=session_id))
        store.add(replace(TRANSACTION, id=f"t{number}", session_id=session_id))
    store.add(replace(TRANSACTION, id="refused", session_id="s1", outcome=Outcome.REJECTED))
    assert [(view.id, view.messages, view.transactions) for view in store.sessions().items] == [
        ("s3", 0, 0),
        ("s2", 1, 1),
        ("s1", 3, 4),
    ]
    assert store.session("s1") == store.sessions().items[2]
    first = store.sessions(inbox="default", limit=1)
    assert ([view.id for view in first.items], first.total) == (["s2"], 2)
    second = store.sessions(inbox="default", limit=1, before=first.next)
    assert ([view.id for view in second.items], second.total, second.next) == (["s1"], 2, None)


def test_transcripts_and_firings_belong_to_their_sessions(store: Store) -> None:
    line = Line(session_id="s1", number=1, at=1.0, clock=1.0, source=Source.CLIENT, data=b"EHLO x\r\n")
    firing = Firing(
        session_id="s1",
        transaction_id="",
        inbox="default",
        at=1.0,
        clock=1.0,
        point=Point.EHLO,
        rule="rule-1",
        number=1,
        actions=("reply: 421",),
    )
    for event in (line, firing, replace(line, session_id="s2"), replace(firing, session_id="s2", inbox="ann")):
        store.add(event)
    assert store.transcript("s1") == [line]
    assert store.firings(session_id="s1") == [firing]
    assert store.firings(inbox="ann") == [replace(firing, session_id="s2", inbox="ann")]
    assert store.firings(session_id="s1", inbox="ann") == []


def test_transactions_are_found_by_any_recipient_they_named(store: Store) -> None:
    refused = replace(
        TRANSACTION,
        id="t1",
        outcome=Outcome.REJECTED,
        message_id="",
        content=b"Subject: Welcome\r\nFrom: carl@example.org\r\n\r\n",
        recipients=(Recipient(address="eve@example.net", reply=REFUSED),),
    )
    accepted = replace(TRANSACTION, id="t2")
    aborted = replace(TRANSACTION, id="t3", session_id="s2", inbox="ann", outcome=Outcome.ABORTED, message_id="")
    for event in (refused, MESSAGE, accepted, aborted):
        store.add(event)
    after = store.messages().items[0].position
    for query, expected in {
        Query(): [refused, accepted, aborted],
        Query(to="eve@example.net"): [refused, accepted, aborted],
        Query(to="bob@*"): [accepted, aborted],
        Query(subject="Welcome"): [refused],
        Query(subject="Hello"): [accepted],
        Query(from_="carl@example.org"): [refused],
        Query(from_="ann@example.org"): [accepted],
        Query(inbox="ann"): [aborted],
        Query(session_id="s"): [refused, accepted],
        Query(after=after): [accepted, aborted],
    }.items():
        assert store.transactions(query) == expected
    assert store.transactions(session_id="s2") == [aborted]
    assert store.transactions(Query(session_id="s"), session_id="s2") == []


@pytest.mark.parametrize("query", [Query(), Query(to="*@example.net")])
def test_transactions_are_read_part_by_part(store: Store, query: Query) -> None:
    for number in range(5):
        outcome = Outcome.REJECTED if number % 2 else Outcome.ACCEPTED
        store.add(replace(TRANSACTION, id=f"t{number}", outcome=outcome, content=b"came"))
    ids: list[list[str]] = []
    after: int | None = 0
    while after is not None:
        page = store.transaction_page(query, limit=2, after=after)
        assert page.total == 5
        ids.append([transaction.id for transaction in page.items])
        after = page.next
    assert ids == [["t0", "t1"], ["t2", "t3"], ["t4"]]
    rejected = store.transaction_page(query, outcome=Outcome.REJECTED)
    assert ([transaction.id for transaction in rejected.items], rejected.total) == (["t1", "t3"], 2)
    assert store.transaction_page(Query(inbox="other")).total == 0


def test_transactions_are_not_searched_by_text(store: Store) -> None:
    with pytest.raises(ValueError, match="not searched by text"):
        store.transactions(Query(text="apple"))
