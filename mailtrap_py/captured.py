"""A captured message as a test looks at it: the envelope, what the header says, the parts, and how it came."""

from __future__ import annotations

import difflib
import itertools
from functools import cached_property
from typing import NamedTuple, Protocol, TypeVar

from mailtrap_py.events import Firing, Line, Transaction
from mailtrap_py.message import Part, View, view
from mailtrap_py.pattern import Pattern
from mailtrap_py.store import MessageSummary, Page, Query, SessionView

T = TypeVar("T")

_MOST_DIFFERENCES = 30  # lines


class Reader(Protocol):
    """What is read of a record: the store of this process, or that of a server which is asked over HTTP."""

    def messages(self, query: Query = ..., *, limit: int = ..., before: int | None = ...) -> Page[MessageSummary]:
        """Give the messages that are meant, newest first."""

    def raw(self, id: str, /) -> bytes | None:  # noqa: A002 - the word is the field's
        """Give the exact octets of a message."""

    def sessions(self, *, inbox: str | None = ..., limit: int = ..., before: int | None = ...) -> Page[SessionView]:
        """Give the sessions, newest first."""

    def session(self, id: str, /) -> SessionView | None:  # noqa: A002 - the word is the field's
        """Give one session."""

    def transcript(self, session_id: str, /) -> list[Line]:
        """Give all that was said in a session."""

    def firings(self, *, session_id: str | None = ..., inbox: str | None = ...) -> list[Firing]:
        """Give the firings of rules, oldest first."""

    def transactions(self, query: Query = ..., *, session_id: str | None = ...) -> list[Transaction]:
        """Give the transactions that are meant, oldest first."""


class Envelope(NamedTuple):
    """What MAIL and RCPT said: "" is the null reverse-path; only recipients that were accepted are here."""

    reverse_path: str
    recipients: tuple[str, ...]


class Message:
    """One captured message. Reading it never raises, however broken it is.

    Two are equal when they are the same mail: the same envelope, octet for octet the same content. So a duplicate is
    equal to the original; their `id` tells them apart.
    """

    def __init__(self, summary: MessageSummary, store: Reader) -> None:
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

    def link(self, pattern: str = "") -> str:
        """Give the one link that fits: a part of it, a glob, or `/re/`. Raises `AssertionError` for none or several."""
        return _the_one("link", [(link, link) for link in self.links], pattern)

    def code(self) -> str:
        """Give the one one-time code. Raises `AssertionError` for none or several."""
        return _the_one("code", [(code, code) for code in self.codes], "")

    def attachment(self, name: str = "") -> Part:
        """Give the one attachment whose file name fits. Raises `AssertionError` for none or several."""
        return _the_one("attachment", [(part.filename, part) for part in self.attachments], name)

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
        """Say whether it is the same mail."""
        if not isinstance(other, Message):
            return NotImplemented
        if other.id == self.id:
            return True
        return (self.envelope, self.size) == (other.envelope, other.size) and self.raw == other.raw

    def __hash__(self) -> int:
        """Hash what is at hand of that."""
        return hash((self.envelope, self.size))

    def differences(self, other: Message) -> list[str]:
        """Say for people how another differs: the envelope, then the lines that one of them has and the other not."""
        found = [
            f"{name}: {left!r} != {right!r}"
            for name, left, right in zip(Envelope._fields, self.envelope, other.envelope, strict=True)
            if left != right
        ]
        mine, theirs = (message.raw.decode("utf-8", "backslashreplace").splitlines() for message in (self, other))
        lines = [line for line in difflib.ndiff(mine, theirs) if line[:1] in {"+", "-", "?"}]
        return found + [line.rstrip() for line in itertools.islice(lines, _MOST_DIFFERENCES)]


class Session:
    """One session of the record, with its transcript."""

    def __init__(self, facts: SessionView, store: Reader) -> None:
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


def _the_one(what: str, found: list[tuple[str, T]], pattern: str) -> T:
    """Give the only one whose name fits, or say what there is."""
    wanted = Pattern(pattern)
    fits = [each for each in found if wanted.matches(each[0])]
    if len(fits) == 1:
        return fits[0][1]
    number = f"{len(fits)} {what}s" if fits else f"no {what}"
    which = f" that fits {pattern!r}" if pattern else ""
    shown = "".join(f"\n  {name or '(without a name)'}" for name, _ in fits or found)
    raise AssertionError(f"the message has {number}{which}{'; there is:' if shown and not fits else ''}{shown}")


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
