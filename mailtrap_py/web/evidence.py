"""The record as evidence, a session or all of an inbox: what the scenario room needs to judge its clients."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from mailtrap_py.events import Ending, SessionEnded, SessionStarted, SessionUpdated
from mailtrap_py.scenario.evidence import Copy, Evidence, message_key
from mailtrap_py.store import Query

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from mailtrap_py.events import Line, Recorded, Transaction
    from mailtrap_py.scenario.evidence import CommandResult
    from mailtrap_py.store import MessageSummary, Page, SessionView, Store

MOST_READ = 100
"""Messages of one session whose content is read: a connection that is kept open can bring thousands."""

_MOST_MESSAGES = 10_000
_PAGE = 500


class MailReader(Protocol):
    """What is asked of a record here."""

    def messages(self, query: Query, *, limit: int) -> Page[MessageSummary]:
        """Give the messages that are meant, newest first."""

    def raw(self, id: str, /) -> bytes | None:  # noqa: A002 - the word is the field's
        """Give the exact octets of a message."""


def evidence_of(
    store: MailReader, session: SessionView, lines: Sequence[Line], transactions: Iterable[Transaction]
) -> Evidence:
    """Gather what is recorded of a session: its transcript and its transactions, and the mail that it brought."""
    return Evidence.gather(recorded(store, session, lines, transactions))


def evidence_of_inbox(
    store: Store, inbox: str, *, since: float, until: float, command: CommandResult | None = None
) -> Evidence:
    """Gather what is recorded of an inbox since a time of the wall clock, until one of the scenario's clock."""
    events: list[Recorded | Copy] = [each for each in store.firings(inbox=inbox) if each.at >= since]
    for session in _sessions_since(store, inbox, since):
        lines, transactions = store.transcript(session.id), store.transactions(session_id=session.id)
        events += recorded(store, session, lines, transactions)
    return Evidence.gather(events, until=until, command=command)


def _sessions_since(store: Store, inbox: str, since: float) -> Iterator[SessionView]:
    before = None
    while True:
        page = store.sessions(inbox=inbox, limit=_PAGE, before=before)
        for session in page.items:
            if session.at < since:
                return
            yield session
        if page.next is None:
            return
        before = page.next


def recorded(
    store: MailReader, session: SessionView, lines: Sequence[Line], transactions: Iterable[Transaction]
) -> Iterator[Recorded | Copy]:
    """Tell what happened in a session as it was told when it happened; its messages are read."""
    # The record's view of a session has no clock; that of its first line is as far from the wall clock.
    drift = lines[0].clock - lines[0].at if lines else 0.0
    yield SessionStarted(
        id=session.id,
        inbox=session.inbox,
        number=session.number,
        at=session.at,
        clock=session.at + drift,
        client=session.client,
        client_port=session.client_port,
        port=session.port,
        protocol=session.protocol,
        upstream=session.upstream,
    )
    yield SessionUpdated(
        id=session.id,
        inbox=session.inbox,
        helo=session.helo,
        esmtp=session.esmtp,
        tls_version=session.tls_version,
        tls_cipher=session.tls_cipher,
        user=session.user,
        mechanism=session.mechanism,
    )
    yield from lines
    yield from transactions
    messages = store.messages(Query(session_id=session.id), limit=_MOST_MESSAGES).items
    for number, message in enumerate(reversed(messages)):
        yield _copy(message, store.raw(message.id) or b"" if number < MOST_READ else b"", drift)
    if session.ended_at is not None:
        end = max(session.ended_at + drift, lines[-1].clock if lines else 0.0)
        yield SessionEnded(
            id=session.id,
            inbox=session.inbox,
            at=session.ended_at,
            clock=end,
            ending=Ending(session.ending),
            reason=session.reason,
        )


def _copy(message: MessageSummary, raw: bytes, drift: float) -> Copy:
    return Copy(
        id=message.id,
        session_id=message.session_id,
        transaction_id=message.transaction_id,
        clock=message.at + drift,
        reverse_path=message.reverse_path,
        recipients=message.recipients,
        # Of what is not read nothing is known that could be the same as something else.
        key=message_key(raw, message.message_id) if raw or message.message_id else message.id,
        subject=message.subject,
        raw=raw,
    )
