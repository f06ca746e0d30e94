"""Every event comes back from the record as it went in."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict
from types import MappingProxyType

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from mailtrap_py.events import (
    Ending,
    Firing,
    Line,
    Message,
    Outcome,
    Point,
    Recipient,
    Reply,
    SessionEnded,
    SessionStarted,
    SessionUpdated,
    Source,
    Transaction,
)
from mailtrap_py.message import Summary
from mailtrap_py.store import MessageSummary, Query, Store, rows
from tests import stored
from tests.stored import STARTED

TEXTS = st.text(st.characters(exclude_categories=()), max_size=20)
TIMES = st.floats(min_value=0, max_value=1e10)
NUMBERS = st.integers(0, 2**31 - 1)
OCTETS = st.integers(0, 2**63 - 1)
BYTES = st.binary(max_size=200)
PARAMETERS = st.dictionaries(TEXTS, TEXTS, max_size=3)
REPLIES = st.builds(
    Reply, st.integers(200, 599), TEXTS, st.lists(TEXTS, min_size=1, max_size=3).map(tuple), st.binary(max_size=20)
)
RECIPIENTS = st.lists(
    st.builds(Recipient, address=TEXTS, parameters=PARAMETERS, reply=REPLIES, rule=TEXTS), max_size=3
).map(tuple)

LINES = st.builds(
    Line,
    session_id=st.just("s"),
    number=NUMBERS,
    at=TIMES,
    clock=TIMES,
    source=st.sampled_from(Source),
    data=BYTES,
    octets=OCTETS,
    rule=TEXTS,
    secret=st.booleans(),
)
FIRINGS = st.builds(
    Firing,
    session_id=TEXTS,
    transaction_id=TEXTS,
    inbox=TEXTS,
    at=TIMES,
    clock=TIMES,
    point=st.sampled_from(Point),
    rule=TEXTS,
    number=NUMBERS,
    actions=st.lists(TEXTS, max_size=3).map(tuple),
)
TRANSACTIONS = st.builds(
    Transaction,
    id=TEXTS,
    session_id=TEXTS,
    inbox=TEXTS,
    number=NUMBERS,
    started_at=TIMES,
    started_clock=TIMES,
    ended_at=TIMES,
    ended_clock=TIMES,
    reverse_path=TEXTS,
    parameters=PARAMETERS,
    recipients=RECIPIENTS,
    outcome=st.sampled_from(Outcome),
    acknowledged=st.booleans(),
    reply=st.none() | REPLIES,
    rule=TEXTS,
    reason=TEXTS,
    octets=OCTETS,
    content=BYTES,
    message_id=TEXTS,
)
MESSAGES = st.builds(
    Message,
    id=TEXTS,
    inbox=TEXTS,
    session_id=TEXTS,
    transaction_id=TEXTS,
    at=TIMES,
    clock=TIMES,
    reverse_path=TEXTS,
    parameters=PARAMETERS,
    recipients=RECIPIENTS,
    raw=BYTES,
    client=TEXTS,
    helo=TEXTS,
    tls_version=TEXTS,
    user=TEXTS,
)
SESSIONS = st.builds(
    SessionStarted,
    id=TEXTS,
    inbox=TEXTS,
    number=NUMBERS,
    at=TIMES,
    clock=TIMES,
    client=TEXTS,
    client_port=NUMBERS,
    port=NUMBERS,
    protocol=TEXTS,
    upstream=TEXTS,
)
UPDATES = st.builds(
    SessionUpdated,
    id=TEXTS,
    inbox=TEXTS,
    helo=TEXTS,
    esmtp=st.booleans(),
    tls_version=TEXTS,
    tls_cipher=TEXTS,
    user=TEXTS,
    mechanism=TEXTS,
)
ENDS = st.builds(
    SessionEnded, id=TEXTS, inbox=TEXTS, at=TIMES, clock=TIMES, ending=st.sampled_from(Ending), reason=TEXTS
)

MESSAGE = replace(stored.MESSAGE, raw=b"Subject: Hello\r\nFrom: Ann <ann@example.org>\r\n\r\nHello\r\n", helo="client")


@pytest.fixture
def store() -> Iterator[Store]:
    with closing(Store()) as store:
        yield store


# A store in memory is made in milliseconds; so each example has its own.
fresh = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@fresh
@given(st.lists(st.lists(LINES, max_size=5), max_size=3))
def test_lines_come_back_in_their_order_whatever_commits_lie_between(batches: list[list[Line]]) -> None:
    with closing(Store()) as store:
        for batch in batches:
            for line in batch:
                store.add(line)
            store.flush()
        assert store.transcript("s") == [line for batch in batches for line in batch]


@fresh
@given(st.lists(FIRINGS, max_size=4))
def test_firings_come_back(events: list[Firing]) -> None:
    with closing(Store()) as store:
        for event in events:
            store.add(event)
        assert store.firings() == events
        for event in events:
            assert event in store.firings(session_id=event.session_id, inbox=event.inbox)


@fresh
@given(st.lists(TRANSACTIONS, max_size=4))
def test_transactions_come_back(events: list[Transaction]) -> None:
    with closing(Store()) as store:
        for event in events:
            store.add(event)
        assert store.transactions() == events
        for event in events:
            assert event in store.transactions(Query(inbox=event.inbox), session_id=event.session_id)


@fresh
@given(MESSAGES)
def test_a_message_comes_back_bit_for_bit(message: Message) -> None:
    with closing(Store()) as store:
        store.add(message)
        assert store.raw(message.id) == message.raw
        found = store.message(message.id)
        assert found is not None
        for name in ("id", "inbox", "session_id", "transaction_id", "at", "reverse_path"):
            assert getattr(found, name) == getattr(message, name)
        for name in ("client", "helo", "tls_version", "user"):
            assert getattr(found, name) == getattr(message, name)
        assert found.recipients == tuple(recipient.address for recipient in message.recipients)
        assert found.size == len(message.raw)
        assert Query(inbox=message.inbox, session_id=message.session_id).matches(found)


@fresh
@given(started=SESSIONS, events=st.lists(UPDATES | ENDS, max_size=3), together=st.booleans())
def test_a_session_is_what_was_last_said_of_it(
    *, started: SessionStarted, events: list[SessionUpdated | SessionEnded], together: bool
) -> None:
    expected: dict[str, object] = {"messages": 0, "transactions": 0, "ended_at": None, "ending": "", "reason": ""}
    expected |= {"helo": "", "esmtp": False, "tls_version": "", "tls_cipher": "", "user": "", "mechanism": ""}
    expected |= msgspec.structs.asdict(started)
    with closing(Store()) as store:
        store.add(started)
        for event in events:
            if not together:
                store.flush()
            said = msgspec.structs.asdict(replace(event, id=started.id))
            store.add(replace(event, id=started.id))
            if isinstance(event, SessionEnded):
                said |= {"ended_at": event.at, "at": started.at, "clock": started.clock}
            expected |= said
        found = store.session(started.id)
        assert found is not None
        del expected["clock"]
        assert asdict(found) | {"position": 0} == expected | {"position": 0}


def test_parameters_may_be_any_mapping(store: Store) -> None:
    store.add(replace(MESSAGE, parameters=MappingProxyType({"SIZE": "5"})))
    assert store.raw("m") == MESSAGE.raw


def test_bytes_that_are_not_utf_8_stay_in_the_addresses_and_are_found_by_them(store: Store) -> None:
    address = b"caf\xe9\x00@Example.com".decode("utf-8", "surrogateescape")
    recipient = Recipient(address=address, reply=Reply(250))
    store.add(replace(MESSAGE, reverse_path=address, recipients=(recipient,)))
    for query in (Query(to=address), Query(from_=address), Query(to="caf?*"), Query(from_="caf*@example.com")):
        (found,) = store.messages(query).items
        assert (found.reverse_path, found.recipients) == (address, (address,))
    assert address.encode("utf-8", "surrogateescape") == b"caf\xe9\x00@Example.com"


def test_the_summary_tells_what_the_header_says(store: Store) -> None:
    store.add(MESSAGE)
    found = store.message("m")
    assert found == MessageSummary(
        position=1,
        id="m",
        inbox="default",
        session_id="s",
        transaction_id="t",
        at=1.0,
        reverse_path="ann@example.com",
        recipients=("bob@example.net",),
        subject="Hello",
        from_="Ann <ann@example.org>",
        to="",
        cc="",
        date="",
        message_id="",
        size=len(MESSAGE.raw),
        attachments=0,
        tls_version="",
        user="",
        client="::1",
        helo="client",
    )


def test_a_header_of_any_length_is_cut_in_the_summary_and_whole_in_the_message(store: Store) -> None:
    raw = b"Subject: " + b"x" * 300_000 + b"\r\n\r\n"
    store.add(replace(MESSAGE, raw=raw))
    found = store.message("m")
    assert found is not None
    assert found.subject == "x" * 65_536
    assert store.raw("m") == raw


def test_a_summary_that_fails_costs_nobody_a_message(
    store: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(raw: bytes) -> Summary:
        raise RecursionError(len(raw))

    # Nothing is known to make it fail, so a failure is put in its place.
    monkeypatch.setattr(rows, "summarize", broken)
    store.add(MESSAGE)
    (found,) = store.messages().items
    assert (found.subject, found.from_, found.attachments) == ("", "", 0)
    assert store.raw("m") == MESSAGE.raw
    assert "could not be summarized" in caplog.text


def test_a_session_that_moves_within_one_batch_is_announced_to_both_inboxes(store: Store) -> None:
    told: list[tuple[str, str, str]] = []
    store.subscribe(lambda news: told.append((news.kind, news.inbox, news.id)))
    moved = SessionUpdated(
        id="s", inbox="ann", helo="", esmtp=True, tls_version="", tls_cipher="", user="ann", mechanism="PLAIN"
    )
    for event in (STARTED, replace(moved, inbox="default"), moved, moved):
        store.add(event)
    store.flush()
    assert told == [("session", "default", "s"), ("session", "ann", "s")]
