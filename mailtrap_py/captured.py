"""A captured message as a test looks at it: the envelope, what the header says, the parts, and how it came."""

from __future__ import annotations

from functools import cached_property
from typing import NamedTuple

from mailtrap_py.events import Line, Transaction
from mailtrap_py.message import Part, View, view
from mailtrap_py.store import MessageSummary, SessionView, Store


class Envelope(NamedTuple):
    """What MAIL and RCPT said: "" is the null reverse-path; only recipients that were accepted are here."""

    reverse_path: str
    recipients: tuple[str, ...]


class Message:
    """One captured message. Reading it never raises, however broken it is; equal to another of the same id."""

    def __init__(self, summary: MessageSummary, store: Store) -> None:
        """Look at a message of a record; its octets are read when they are asked for."""
        self.summary = summary
        self._store = store

    @property
    def id(self) -> str:
        """The name of this message in the record and in URLs."""
        return self.summary.id

    @property
    def subject(self) -> str:
        """The Subject, decoded."""
        return self.summary.subject

    @property
    def from_(self) -> str:
        """The From header, decoded."""
        return self.summary.from_

    @property
    def to(self) -> str:
        """The To header, decoded; who really got it is in `envelope`."""
        return self.summary.to

    @property
    def cc(self) -> str:
        """The Cc header, decoded."""
        return self.summary.cc

    @property
    def message_id(self) -> str:
        """The Message-ID, without brackets."""
        return self.summary.message_id

    @property
    def size(self) -> int:
        """Octets."""
        return self.summary.size

    @property
    def at(self) -> float:
        """When it was stored, in seconds since 1970."""
        return self.summary.at

    @property
    def tls(self) -> str:
        """The TLS version it came over; empty without TLS."""
        return self.summary.tls_version

    @property
    def user(self) -> str:
        """Who had logged in; empty for nobody."""
        return self.summary.user

    @property
    def helo(self) -> str:
        """The name that the client gave itself."""
        return self.summary.helo

    @property
    def envelope(self) -> Envelope:
        """The envelope."""
        return Envelope(self.summary.reverse_path, self.summary.recipients)

    @cached_property
    def raw(self) -> bytes:
        """The exact octets, dots un-stuffed. Raises `LookupError` if the message was deleted meanwhile."""
        raw = self._store.raw(self.id)
        if raw is None:
            raise LookupError(f"message {self.id} has been deleted")
        return raw

    @cached_property
    def view(self) -> View:
        """Everything that can be read in it."""
        return view(self.raw)

    @property
    def headers(self) -> list[tuple[str, str]]:
        """All header fields in order, decoded."""
        return list(self.view.headers)

    def header(self, name: str) -> str:
        """Give the first header field of that name, decoded; empty when there is none."""
        return self.view.header(name)

    @property
    def text(self) -> str:
        """The text to read: the plain part, else the words of the HTML."""
        return self.view.text

    @property
    def html(self) -> str:
        """The HTML part; empty when there is none."""
        return self.view.html

    @property
    def links(self) -> list[str]:
        """Every link, in order, each once."""
        return list(self.view.links)

    @property
    def codes(self) -> list[str]:
        """One-time codes found in the text."""
        return list(self.view.codes)

    @property
    def attachments(self) -> tuple[Part, ...]:
        """The attachments."""
        return tuple(self.view.attachments)

    @property
    def session(self) -> Session:
        """The session that brought it."""
        found = self._store.session(self.summary.session_id)
        if found is None:
            raise LookupError(f"session {self.summary.session_id} has been deleted")
        return Session(found, self._store)

    def __repr__(self) -> str:
        """Show what tells one message from another."""
        return (
            f"<Message {self.subject!r} from {self.envelope.reverse_path!r} to {', '.join(self.envelope.recipients)}>"
        )

    def __eq__(self, other: object) -> bool:
        """Compare by id."""
        return isinstance(other, Message) and other.id == self.id

    def __hash__(self) -> int:
        """Hash by id."""
        return hash(self.id)


class Session:
    """One session of the record, with its transcript."""

    def __init__(self, facts: SessionView, store: Store) -> None:
        """Look at a session of a record."""
        self.facts = facts
        self._store = store

    @property
    def id(self) -> str:
        """The name of this session in the record and in URLs."""
        return self.facts.id

    @property
    def helo(self) -> str:
        """The name that the client gave itself."""
        return self.facts.helo

    @property
    def user(self) -> str:
        """Who had logged in; empty for nobody."""
        return self.facts.user

    @property
    def tls(self) -> str:
        """The TLS version; empty without TLS."""
        return self.facts.tls_version

    @property
    def ending(self) -> str:
        """How it ended, as in `quit`; empty while it is open."""
        return self.facts.ending

    @property
    def lines(self) -> list[Line]:
        """What was said, in order."""
        return self._store.transcript(self.id)

    @property
    def transactions(self) -> Transactions:
        """The mail transactions in it."""
        return Transactions(self._store.transactions(session_id=self.id))

    @property
    def transcript(self) -> str:
        """The conversation for people: seconds since the connection, who spoke, what, and the rule that made it so."""
        return "\n".join(_show(line, self.facts.at) for line in self.lines)

    def __repr__(self) -> str:
        """Show what tells one session from another."""
        return f"<Session {self.facts.number} of {self.facts.client}, {self.ending or 'open'}>"


class Transactions(list[Transaction]):
    """Transactions, oldest first."""

    @property
    def outcomes(self) -> list[str]:
        """What became of each: `accepted`, `rejected` or `aborted`."""
        return [str(transaction.outcome) for transaction in self]


_SPEAKERS: dict[str, str] = {"client": "C:", "server": "S:", "content": "C:", "note": "--"}
_BELOW = "\n" + " " * 12  # under the first line's words


def _show(line: Line, start: float) -> str:
    said = line.data.decode("utf-8", "replace").rstrip("\r\n")
    if line.secret:
        said = _mask(said)
    if line.source == "content":
        said = f"({line.octets} octets of content)"
    said = _BELOW.join(map(_printable, said.split("\r\n")))
    rule = f"   [{line.rule}]" if line.rule else ""
    return f"{line.at - start:8.3f} {_SPEAKERS[line.source]} {said}{rule}"


def _printable(said: str) -> str:
    """Escape control characters, a bare LF too: what was sent must not look like a line of the transcript."""
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in said)


def _mask(said: str) -> str:
    words = said.split(" ")
    return " ".join([*words[:2], "***"]) if words[0].upper() == "AUTH" and len(words) > 2 else said and "***"  # noqa: PLR2004
