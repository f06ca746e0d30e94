from __future__ import annotations

import time

import pytest

from mailtrap_py.clock import ManualClock
from mailtrap_py.events import Ending, Firing, Point, SessionEnded, SessionStarted, SessionUpdated
from mailtrap_py.inbox import Inbox
from mailtrap_py.scenario import Decision, make_rule
from mailtrap_py.smtp.chronicle import Chronicle
from mailtrap_py.smtp.service import Port
from tests.connected import Book


@pytest.fixture
def book() -> Book:
    return Book()


@pytest.fixture
def clock() -> ManualClock:
    clock = ManualClock()
    clock.advance(3600)
    return clock


@pytest.fixture
def facts(book: Book, clock: ManualClock) -> Chronicle:
    inbox = Inbox("team")
    inbox.clock = clock
    return Chronicle(record=book, inbox=inbox, port=Port(465, implicit_tls=True))


def test_who_came(facts: Chronicle, book: Book, clock: ManualClock) -> None:
    facts.started(("::1", 4711), "mail.example:25")

    (started,) = book.of(SessionStarted)
    assert started == SessionStarted(
        id=facts.id,
        inbox="team",
        number=1,
        at=started.at,
        clock=clock.now(),
        client="::1",
        client_port=4711,
        port=465,
        protocol="smtps",
        upstream="mail.example:25",
    )
    assert abs(started.at - time.time()) < 60
    assert (facts.number, facts.client, facts.client_port) == (1, "::1", 4711)


def test_what_became_known(facts: Chronicle, book: Book) -> None:
    facts.helo, facts.esmtp, facts.user, facts.mechanism = "c", True, "ann", "PLAIN"
    facts.tls_version, facts.tls_cipher = "TLSv1.3", "TLS_AES_256_GCM_SHA384"
    facts.updated()

    assert book.of(SessionUpdated) == [
        SessionUpdated(
            id=facts.id,
            inbox="team",
            helo="c",
            esmtp=True,
            tls_version="TLSv1.3",
            tls_cipher="TLS_AES_256_GCM_SHA384",
            user="ann",
            mechanism="PLAIN",
        )
    ]


def test_which_rule_acted(facts: Chronicle, book: Book, clock: ManualClock) -> None:
    rule = make_rule({"at": "rcpt", "do": [{"delay": "2s"}, {"reply": "450 4.2.1 Busy"}]})
    facts.fired(Point.RCPT, Decision("busy", 3, rule.do), "transaction")

    (fired,) = book.of(Firing)
    assert fired == Firing(
        session_id=facts.id,
        transaction_id="transaction",
        inbox="team",
        at=fired.at,
        clock=clock.now(),
        point=Point.RCPT,
        rule="busy",
        number=3,
        actions=("delay: 2s", "reply: 450 4.2.1 Busy"),
    )


def test_how_it_ended(facts: Chronicle, book: Book, clock: ManualClock) -> None:
    facts.ended(Ending.TIMEOUT, "silence")

    assert book.ended == SessionEnded(
        id=facts.id, inbox="team", at=book.ended.at, clock=clock.now(), ending=Ending.TIMEOUT, reason="silence"
    )


def test_going_on_in_another_inbox(facts: Chronicle, book: Book) -> None:
    before, other = facts.inbox, Inbox("ann")
    facts.started(("127.0.0.1", 1), "")
    assert (before.open_sessions, other.open_sessions) == (1, 0)

    facts.move(other)
    facts.move(other)

    assert (before.open_sessions, other.open_sessions, facts.inbox) == (0, 1, other)
    facts.ended(Ending.QUIT, "")
    assert book.ended.inbox == "ann"


def test_two_sessions_have_two_names(book: Book) -> None:
    first, second = (Chronicle(record=book, inbox=Inbox(), port=Port(25)) for _ in range(2))

    assert first.id < second.id
