"""A session of a real store as evidence."""

from __future__ import annotations

import contextlib

import pytest
from msgspec.structs import replace

from mailtrap_py.events import Ending, Line, Recorded, SessionEnded, SessionUpdated, Source
from mailtrap_py.scenario.evidence import Evidence
from mailtrap_py.store import Store
from mailtrap_py.web import evidence
from mailtrap_py.web.evidence import evidence_of, evidence_of_inbox
from tests.recorded import Recording, deliver
from tests.served import OCTOBER, PLAIN, RICH, accepted, mail, rejected, started

AHEAD = 3600.0  # the scenario's clock was moved by an hour


def known(session: str = "s1") -> SessionUpdated:
    return SessionUpdated(
        id=session,
        inbox="default",
        helo="app",
        esmtp=True,
        tls_version="TLSv1.3",
        tls_cipher="TLS_AES_256_GCM_SHA384",
        user="ann",
        mechanism="PLAIN",
    )


def line(number: int) -> Line:
    at = OCTOBER + number
    return Line(session_id="s1", number=number, at=at, clock=at + AHEAD, source=Source.CLIENT, data=b"NOOP\r\n")


def gathered(store: Store, session: str = "s1") -> Evidence:
    view = store.session(session)
    assert view is not None
    return evidence_of(store, view, store.transcript(session), store.transactions(session_id=session))


def test_a_session_comes_back_as_it_was_recorded() -> None:
    with contextlib.closing(Store()) as store:
        begun = replace(started(), clock=OCTOBER + AHEAD)
        ended = SessionEnded(
            id="s1", inbox="default", at=OCTOBER + 9, clock=OCTOBER + 9 + AHEAD, ending=Ending.TIMEOUT, reason="silence"
        )
        message = replace(mail(RICH), clock=OCTOBER + AHEAD)
        recorded: list[Recorded] = [
            begun,
            known(),
            line(1),
            line(2),
            message,
            accepted(message),
            rejected(mail()),
            ended,
        ]
        others: list[Recorded] = [started("s2"), accepted(mail(session="s2")), mail(session="s2")]
        for each in [*recorded, *others]:
            store.add(each)

        found = gathered(store)

    assert found == Evidence.gather(recorded)


def test_a_session_that_just_began_is_evidence_too() -> None:
    with contextlib.closing(Store()) as store:
        store.add(started())
        store.add(SessionEnded(id="s2", inbox="default", at=0.0, clock=0.0, ending=Ending.QUIT))

        [session] = gathered(store).sessions

    assert (session.started, session.ended, session.lines) == (started(), None, ())


def test_a_session_that_ended_without_a_word_ended() -> None:
    ended = SessionEnded(id="s1", inbox="default", at=OCTOBER + 1, clock=OCTOBER + 1, ending=Ending.CLIENT_RESET)
    with contextlib.closing(Store()) as store:
        store.add(started())
        store.add(ended)

        [session] = gathered(store).sessions

    assert session.ended == ended


def test_of_very_many_messages_only_the_first_are_read() -> None:
    assert evidence.MOST_READ == 100
    with contextlib.closing(Store()) as store:
        store.add(started())
        named = PLAIN.replace(b"Subject", b"Message-ID: <same@example.com>\r\nSubject")
        for number in range(102):
            store.add(mail(named if number == 101 else PLAIN))

        copies = gathered(store).messages

    assert [bool(copy.raw) for copy in copies] == [True] * 100 + [False] * 2
    assert copies[100].key == copies[100].id
    assert copies[101].key == "<same@example.com>"


def test_all_of_an_inbox_comes_back_as_it_was_recorded() -> None:
    run = Recording().session(deliver()).wait(5).fired("busy", 2).session(deliver(key="2"), None)
    with contextlib.closing(Store()) as store:
        for each in [*run.events, started("s2", inbox="other")]:
            store.add(each)

        found = evidence_of_inbox(store, "default", since=0.0, until=2000.0)
        later = evidence_of_inbox(store, "default", since=1003.0, until=2000.0)

    told = Evidence.gather(run.events)
    assert [session.lines for session in found.sessions] == [session.lines for session in told.sessions]
    assert [session.transactions for session in found.sessions] == [session.transactions for session in told.sessions]
    assert [copy.key for copy in found.messages] == [copy.key for copy in told.messages]
    assert (found.firings, found.until >= 2000.0) == (told.firings, True)
    assert [session.number for session in later.sessions] == [2]
    assert (len(later.firings), len(later.messages)) == (2, 1)


def test_every_session_of_an_inbox_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evidence, "_PAGE", 2)
    with contextlib.closing(Store()) as store:
        for number in range(1, 6):
            store.add(started(f"s{number}", number=number))

        found = evidence_of_inbox(store, "default", since=0.0, until=OCTOBER)

    assert [session.number for session in found.sessions] == [1, 2, 3, 4, 5]
