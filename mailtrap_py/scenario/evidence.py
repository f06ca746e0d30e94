"""What verdict and findings look at: the record of a run, put in order.

`Evidence.gather` takes the recorded events as they came. A `Session` is one connection with its transcript and its
transactions. `message_key` says when two messages are the same.
"""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from mailtrap_py.events import (
    ClientKnown,
    Ending,
    Firing,
    Line,
    Message,
    Outcome,
    Recorded,
    SessionEnded,
    SessionStarted,
    SessionUpdated,
    Source,
    Transaction,
)
from mailtrap_py.message import summarize
from mailtrap_py.scenario.conversation import (
    CONTENT,
    GREETING,
    UNASKED,
    Exchange,
    converse,
    is_departure,
    verb_of,
)

BY_CLIENT = frozenset({Ending.CLIENT_CLOSED, Ending.CLIENT_RESET})
"""The endings that are the client's doing, without a QUIT."""

_HEADER_END = re.compile(rb"\r?\n\r?\n")


def message_key(raw: bytes, message_id: str = "") -> str:
    """Give what a message is known by: `<its Message-ID>`, else `sha256:` and a hash of its whole content."""
    message_id = message_id or summarize(raw).message_id
    return f"<{message_id}>" if message_id else f"sha256:{hashlib.sha256(raw).hexdigest()[:16]}"


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandResult:
    """What the command under test said: its exit code, None if it has none because a signal (> 0) ended it.

    `timed_out` is set when it had to be stopped; then the signal is ours. `unhandled` is for whoever can tell that an
    error escaped the program.
    """

    exit_code: int | None
    timed_out: bool = False
    signal: int = 0
    unhandled: bool = False

    @property
    def said(self) -> str:
        """What the exit code means: `success`, `failure`, or nothing."""
        if self.timed_out or self.signal or self.exit_code is None:
            return ""
        return "failure" if self.exit_code else "success"

    def __str__(self) -> str:
        """Read as a sentence."""
        if self.timed_out:
            return "the command was still running at its time limit"
        if self.signal:
            return f"the command died of signal {self.signal}"
        return f"the command ended with exit code {self.exit_code}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """A stored message. `raw` may be left empty by who has the key; then the findings say nothing of its content."""

    id: str
    session_id: str
    transaction_id: str
    clock: float
    reverse_path: str
    recipients: tuple[str, ...]
    key: str
    subject: str = ""
    raw: bytes = b""

    @classmethod
    def of(cls, message: Message) -> Copy:
        """Read a stored message."""
        return cls(
            id=message.id,
            session_id=message.session_id,
            transaction_id=message.transaction_id,
            clock=message.clock,
            reverse_path=message.reverse_path,
            recipients=tuple(recipient.address for recipient in message.recipients),
            key=message_key(message.raw),
            subject=summarize(message.raw).subject,
            raw=message.raw,
        )


@dataclass(frozen=True, slots=True)
class Wait:
    """How long a client waited for a reply, in seconds of the scenario's clock, and what ended it.

    `answered`: the whole reply came. `went_on`: the client said the next thing, with half a reply or none. Neither: it
    was still waiting when it left, or when the session or the run ended.
    """

    exchange: Exchange
    seconds: float
    answered: bool
    went_on: bool = False


@dataclass(frozen=True, kw_only=True)
class Session:
    """One connection: who, what became known, how it ended; lines and transactions in their order."""

    started: SessionStarted
    updated: SessionUpdated | None = None
    ended: SessionEnded | None = None
    lines: tuple[Line, ...] = ()
    transactions: tuple[Transaction, ...] = ()

    @property
    def number(self) -> int:
        """The session's number in its inbox, from 1."""
        return self.started.number

    @property
    def ending(self) -> Ending | None:
        """How it ended; None while it is open."""
        return self.ended.ending if self.ended else None

    @cached_property
    def exchanges(self) -> tuple[Exchange, ...]:
        """The conversation; its first exchange is always the greeting, answered or not."""
        return converse(self.lines, secure=self.started.protocol == "smtps")

    @property
    def commands(self) -> tuple[Exchange, ...]:
        """The exchanges that a command began."""
        return tuple(each for each in self.exchanges if each.verb not in {GREETING, CONTENT, UNASKED} and not each.step)

    @property
    def owed(self) -> Exchange | None:
        """The last exchange, if it has no whole reply: the server still owes one."""
        last = self.exchanges[-1]
        return None if last.code or last.verb == UNASKED else last

    @cached_property
    def left(self) -> float | None:
        """When the client left without QUIT, on the scenario's clock; None if it did not.

        That is the end of the session, or the moment at which it closed its side while the server owed it a reply.
        """
        noted = next((line.clock for line in self.lines if is_departure(line)), None)
        if noted is None and self.ended is not None and self.ended.ending in BY_CLIENT:
            return self.ended.clock
        return noted

    def waits(self, until: float) -> tuple[Wait, ...]:
        """Every time that the client waited for a reply; one still waiting waits until then.

        The time runs from the command, for the greeting from the connection, to the whole reply, or to the end. Of
        commands sent together only the first unanswered one is waited for.
        """
        found = []
        for position, exchange in enumerate(self.exchanges):
            if exchange.verb == UNASKED:
                continue
            since = exchange.request.clock if exchange.request else self.started.clock
            if exchange.told is not None:
                found.append(Wait(exchange, exchange.told.clock - since, answered=True))
                continue
            later = [each.request for each in self.exchanges[position + 1 :] if each.request and not each.early]
            if later and exchange.reply is not None:
                found.append(Wait(exchange, later[0].clock - since, answered=False, went_on=True))
                continue
            end = self.left if self.left is not None else self.ended.clock if self.ended else until
            return (*found, Wait(exchange, end - since, answered=False))
        return tuple(found)

    def content_line(self, transaction: Transaction) -> Line | None:
        """Give the transcript's line for the content of one of the session's transactions, if it had any."""
        with_content = [each for each in self.transactions if each.octets or each.content or each.message_id]
        lines = [line for line in self.lines if line.source is Source.CONTENT]
        return next((line for each, line in zip(with_content, lines, strict=False) if each is transaction), None)


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """All that happened in a run, and until when it was watched (on the scenario's clock)."""

    sessions: tuple[Session, ...] = ()
    messages: tuple[Copy, ...] = ()
    firings: tuple[Firing, ...] = ()
    command: CommandResult | None = None
    until: float = 0.0

    @classmethod
    def gather(
        cls, recorded: Iterable[Recorded | Copy], *, until: float = 0.0, command: CommandResult | None = None
    ) -> Evidence:
        """Put recorded events in order. `until` is when the run was over; it is never before the last event.

        A stored message may be given as `Copy`. What belongs to a session whose start is not there is left out.
        """
        started: dict[str, SessionStarted] = {}
        updated: dict[str, SessionUpdated] = {}
        ended: dict[str, SessionEnded] = {}
        lines: defaultdict[str, list[Line]] = defaultdict(list)
        transactions: defaultdict[str, list[Transaction]] = defaultdict(list)
        messages: list[Copy] = []
        firings: list[Firing] = []
        for event in recorded:
            until = max(until, _clock(event))
            match event:
                case SessionStarted():
                    started[event.id] = event
                case SessionUpdated():
                    updated[event.id] = event
                case ClientKnown():
                    pass  # nothing is judged by it
                case SessionEnded():
                    ended[event.id] = event
                case Line():
                    lines[event.session_id].append(event)
                case Transaction():
                    transactions[event.session_id].append(event)
                case Message() | Copy():
                    messages.append(event if isinstance(event, Copy) else Copy.of(event))
                case _:
                    firings.append(event)
        sessions = (
            Session(
                started=start,
                updated=updated.get(name),
                ended=ended.get(name),
                lines=tuple(sorted(lines[name], key=lambda line: line.number)),
                transactions=tuple(sorted(transactions[name], key=lambda transaction: transaction.number)),
            )
            for name, start in started.items()
        )
        return cls(
            sessions=tuple(sorted(sessions, key=lambda session: (session.started.clock, session.number))),
            messages=tuple(sorted(messages, key=lambda copy: copy.clock)),
            firings=tuple(firings),
            command=command,
            until=until,
        )

    @property
    def began(self) -> float:
        """When the first client connected; times in reports count from here."""
        return self.sessions[0].started.clock if self.sessions else self.until

    @cached_property
    def _copies(self) -> Mapping[str, Copy]:
        return {copy.transaction_id: copy for copy in self.messages}

    def copy_of(self, transaction: Transaction) -> Copy | None:
        """Give the stored message that a transaction brought."""
        return self._copies.get(transaction.id)

    def content_of(self, transaction: Transaction) -> bytes:
        """Give what is kept of a transaction's content, stored or not."""
        copy = self.copy_of(transaction)
        return copy.raw if copy else transaction.content

    def key_of(self, transaction: Transaction) -> str:
        """Give the key of what a transaction sent, "" when too little of it was seen.

        A content that was cut off has a Message-ID if its header section came whole, and never a hash.
        """
        copy = self.copy_of(transaction)
        if copy is not None:
            return copy.key
        whole = transaction.outcome is not Outcome.ABORTED
        if not transaction.content or not (whole or _HEADER_END.search(transaction.content)):
            return ""
        key = message_key(transaction.content)
        return key if whole or key.startswith("<") else ""

    def show(self, line: Line) -> str:
        """Write a line of a transcript for people: `+0.012s #1 C: RCPT TO:<bob@example.com>`; secrets are hidden."""
        session = next((each for each in self.sessions if each.started.id == line.session_id), None)
        letter = {Source.SERVER: "S:", Source.NOTE: "--"}.get(line.source, "C:")
        return f"{self.when(line.clock)} #{session.number if session else '?'} {letter} {_words(line)}"

    def tell(self, session: Session, clock: float, words: str) -> str:
        """Write what happened to a session, as `show` writes lines."""
        return f"{self.when(clock)} #{session.number} -- {words}"

    def when(self, clock: float) -> str:
        """Write a time relative to the first connection."""
        return f"{clock - self.began:+.3f}s"


def _clock(event: Recorded | Copy) -> float:
    match event:
        case SessionUpdated() | ClientKnown():
            return 0.0
        case Transaction():
            return event.ended_clock
        case _:
            return event.clock


def _words(line: Line) -> str:
    if line.source is Source.CONTENT:
        return f"({line.octets} octets of content)"
    if line.secret:
        return "(credentials)"
    text = line.data.rstrip(b"\r\n").decode("utf-8", "replace")
    if line.source is Source.CLIENT and verb_of(line.data) == "AUTH":
        verb, mechanism, *credentials = (*text.split(), "")
        return f"{verb} {mechanism}{' (credentials)' if any(credentials) else ''}".rstrip()
    text = text.replace("\r\n", " / ")
    return text if text.isprintable() else "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)
