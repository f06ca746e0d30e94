"""Events become rows: what one transaction writes, table by table, and what is announced once it is written."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, assert_never

from sqlalchemy import Connection, Table, select

from mailtrap_py.events import (
    ClientKnown,
    Firing,
    Line,
    Message,
    Recipient,
    Recorded,
    Reply,
    SessionEnded,
    SessionStarted,
    SessionUpdated,
    Transaction,
)
from mailtrap_py.message import Summary, summarize
from mailtrap_py.pattern import fold_domain
from mailtrap_py.store.bulk import BulkInsert, BulkUpdate
from mailtrap_py.store.query import Announcement, MessageSummary, senders
from mailtrap_py.store.schema import (
    about,
    addresses,
    contents,
    encode,
    firings,
    lines,
    messages,
    sessions,
    transactions,
)

if TYPE_CHECKING:
    from mailtrap_py.store.bulk import Row

    Values = dict[str, Any]

_LOG = logging.getLogger("mailtrap_py.store")
_LONGEST_FIELD = 65_536  # characters of a header that a summary shows; the message itself is whole

_INSERTS = {
    table: BulkInsert(table) for table in (sessions, lines, firings, transactions, messages, contents, addresses)
}
_KNOWN: tuple[str, ...] = ("inbox", "helo", "esmtp", "tls_version", "tls_cipher", "user", "mechanism")
_CLIENT: tuple[str, ...] = ("client", "client_port")
_ENDED: tuple[str, ...] = ("inbox", "ended_at", "ended_clock", "ending", "reason")
_UPDATES = {columns: BulkUpdate(sessions, columns) for columns in (_KNOWN, _CLIENT, _ENDED)}


class Batch:
    """The rows of one transaction. Made of events in their order, then written at once."""

    def __init__(self, events: Sequence[Recorded], *, first: int) -> None:
        """Make the rows; the events take the positions from `first` on, one each."""
        self.announcements: list[Announcement] = []
        self._rows: dict[Table, list[Row]] = defaultdict(list)
        self._chunks: dict[str, tuple[int, list[Line]]] = {}
        self._started: dict[str, Values] = {}
        self._changed: dict[tuple[str, ...], dict[str, Row]] = defaultdict(dict)
        self._announced: set[tuple[str, str]] = set()
        for position, event in enumerate(events, first):
            self._take(position, event)
        self._rows[lines] = [
            (position, session, encode([_line_data(line) for line in chunk]))
            for session, (position, chunk) in self._chunks.items()
        ]

    def write(self, connection: Connection) -> None:
        """Write all rows: a statement for each table, however many rows there are."""
        for table, rows in self._rows.items():
            _INSERTS[table].run(connection, rows)
        if self._started:
            _INSERTS[sessions].run(connection, [tuple(values.values()) for values in self._started.values()])
        for columns, changes in self._changed.items():
            _UPDATES[columns].run(connection, list(changes.values()))

    def _take(self, position: int, event: Recorded) -> None:
        match event:
            case Line():  # most of them are
                self._take_line(position, event)
            case Transaction():
                self._take_transaction(position, event)
            case Message():
                self._take_message(position, event)
            case Firing():
                self._rows[firings].append(_firing_row(position, event))
            case SessionStarted():
                self._started[event.id] = _session_values(position, event)
                self._announce_session(event)
            case SessionUpdated():
                self._change(_KNOWN, event.id, {column: getattr(event, column) for column in _KNOWN})
                self._announce_session(event)
            case ClientKnown():
                self._change(_CLIENT, event.id, {column: getattr(event, column) for column in _CLIENT})
                self._announce_session(event)
            case SessionEnded():
                ended = (event.inbox, event.at, event.clock, event.ending.value, event.reason)
                self._change(_ENDED, event.id, dict(zip(_ENDED, ended, strict=True)))
                self._announce_session(event)
            case _:
                assert_never(event)

    def _take_line(self, position: int, line: Line) -> None:
        chunk = self._chunks.get(line.session_id)
        if chunk is None:
            self._chunks[line.session_id] = (position, [line])
        else:
            chunk[1].append(line)

    def _take_transaction(self, position: int, transaction: Transaction) -> None:
        self._rows[transactions].append(_transaction_row(position, transaction))
        if transaction.content:
            self._rows[contents].append((position, transaction.content))
        self.announcements.append(Announcement("transaction", transaction.inbox, transaction.id))

    def _take_message(self, position: int, message: Message) -> None:
        summary = summarize_message(position, message)
        self._rows[messages].append(_message_row(message, summary))
        self._rows[contents].append((position, message.raw))
        for role, group in (("to", summary.recipients), ("from", senders(summary.reverse_path, summary.from_))):
            self._rows[addresses] += [(position, role, one) for one in set(map(fold_domain, group))]
        self.announcements.append(Announcement("message", message.inbox, message.id, summary))

    def _change(self, columns: tuple[str, ...], key: str, values: Values) -> None:
        # The last word of a batch is the whole truth; a session that began in the same batch is written complete.
        started = self._started.get(key)
        if started is not None:
            started.update(values)
        else:
            self._changed[columns][key] = (*values.values(), key)

    def _announce_session(self, event: SessionStarted | SessionUpdated | ClientKnown | SessionEnded) -> None:
        if (event.id, event.inbox) not in self._announced:
            self._announced.add((event.id, event.inbox))
            self.announcements.append(Announcement("session", event.inbox, event.id))


def reserve(connection: Connection, count: int) -> int:
    """Take the next `count` positions in this transaction, and give the first."""
    cursor = connection.connection.cursor()  # the driver's: once for every batch SQLAlchemy's way costs too much
    cursor.execute(f"UPDATE {about.name} SET position = position + {int(count)} RETURNING position")  # noqa: S608 - ours
    (last,) = cursor.fetchone() or (0,)
    cursor.close()
    return int(last) - count + 1


def has_last(connection: Connection, events: Sequence[Recorded]) -> bool | None:
    """Tell whether the last of the messages among the events is in the record; None when there is none among them."""
    ids = [event.id for event in events if isinstance(event, Message)]
    if not ids:
        return None
    return connection.execute(select(messages.c.position).where(messages.c.id == ids[-1])).first() is not None


def summarize_message(position: int, message: Message) -> MessageSummary:
    """Read the header for the lists. Whatever goes wrong in there, the message itself is never lost for it."""
    summary = summarize_content(message.raw)
    return MessageSummary(
        position=position,
        id=message.id,
        inbox=message.inbox,
        session_id=message.session_id,
        transaction_id=message.transaction_id,
        at=message.at,
        reverse_path=message.reverse_path,
        recipients=tuple(recipient.address for recipient in message.recipients),
        subject=summary.subject[:_LONGEST_FIELD],
        from_=summary.from_[:_LONGEST_FIELD],
        to=summary.to[:_LONGEST_FIELD],
        cc=summary.cc[:_LONGEST_FIELD],
        date=summary.date[:_LONGEST_FIELD],
        message_id=summary.message_id[:_LONGEST_FIELD],
        size=len(message.raw),
        attachments=summary.attachments,
        tls_version=message.tls_version,
        user=message.user,
        client=message.client,
        helo=message.helo,
    )


def summarize_content(raw: bytes) -> Summary:
    """Summarize any bytes; an empty summary when they cannot be read at all."""
    try:
        return summarize(raw)
    except Exception:  # noqa: BLE001 - no bug in a view may cost anybody a message
        _LOG.exception("a message of %d octets could not be summarized; it is stored all the same", len(raw))
        return Summary(subject="", from_="", to="", cc="", date="", message_id="", attachments=0)


def _message_row(message: Message, summary: MessageSummary) -> Row:
    return (
        summary.position,
        summary.id,
        summary.inbox,
        summary.session_id,
        summary.transaction_id,
        summary.at,
        message.clock,
        summary.reverse_path,
        encode(message.parameters),
        encode(summary.recipients),
        summary.subject,
        summary.from_,
        summary.to,
        summary.cc,
        summary.date,
        summary.message_id,
        summary.size,
        summary.attachments,
        summary.tls_version,
        summary.user,
        summary.client,
        summary.helo,
    )


def _session_values(position: int, event: SessionStarted) -> Values:
    return {
        "position": position,
        "id": event.id,
        "inbox": event.inbox,
        "number": event.number,
        "at": event.at,
        "clock": event.clock,
        "client": event.client,
        "client_port": event.client_port,
        "port": event.port,
        "protocol": event.protocol,
        "upstream": event.upstream,
        "helo": "",
        "esmtp": False,
        "tls_version": "",
        "tls_cipher": "",
        "user": "",
        "mechanism": "",
        "ended_at": None,
        "ended_clock": None,
        "ending": "",
        "reason": "",
    }


def _firing_row(position: int, firing: Firing) -> Row:
    return (
        position,
        firing.session_id,
        firing.transaction_id,
        firing.inbox,
        firing.at,
        firing.clock,
        firing.point.value,
        firing.rule,
        firing.number,
        encode(firing.actions),
    )


def _transaction_row(position: int, transaction: Transaction) -> Row:
    return (
        position,
        transaction.id,
        transaction.session_id,
        transaction.inbox,
        transaction.number,
        transaction.started_at,
        transaction.started_clock,
        transaction.ended_at,
        transaction.ended_clock,
        transaction.reverse_path,
        encode(transaction.parameters),
        encode([_recipient_data(recipient) for recipient in transaction.recipients]),
        transaction.outcome,
        transaction.acknowledged,
        encode(_reply_data(transaction.reply)),
        transaction.rule,
        transaction.reason,
        transaction.octets,
        transaction.message_id,
    )


def _line_data(line: Line) -> tuple[object, ...]:
    text = line.data.decode("latin-1")
    return line.number, line.at, line.clock, line.source, text, line.octets, line.rule, line.secret, line.early


def _recipient_data(recipient: Recipient) -> list[object]:
    return [recipient.address, recipient.parameters, _reply_data(recipient.reply), recipient.rule]


def _reply_data(reply: Reply | None) -> list[object] | None:
    return None if reply is None else [reply.code, reply.enhanced, reply.lines, reply.raw.decode("latin-1")]
