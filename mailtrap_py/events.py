"""What happened, as frozen values. Nothing here acts; everything else passes these around.

Two families. An `Event` is what the scenario is asked about, before anything is done. The others are what is written
down afterwards: a `SessionStarted`, its `Line`s, `Firing`s and `Transaction`s, the `Message`s it brought, a
`SessionEnded`. Every one of them carries two times, both in seconds since 1970: `at` is the wall clock, for people;
`clock` is the scenario's clock, for judging (they differ only when a scenario speeds time up or moves it by hand).
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Mapping
from enum import StrEnum
from typing import Final, Protocol, Self

from msgspec import Struct, field
from msgspec.structs import replace as replace  # noqa: PLC0414 - for others: `dataclasses.replace` for values


class Value(Struct, frozen=True, gc=False):
    """A frozen value. A struct and no dataclass: it is made in a tenth of the time, and there are twenty to a message.

    None of them refers to itself, not even by way of others, so they are nothing for the garbage collector.
    """


class Point(StrEnum):
    """Where in a session a rule can act. The order is that of a session."""

    CONNECT = "connect"
    TLS = "tls"
    EHLO = "ehlo"
    STARTTLS = "starttls"
    AUTH = "auth"
    MAIL = "mail"
    RCPT = "rcpt"
    DATA = "data"
    CONTENT = "content"
    MESSAGE = "message"
    RSET = "rset"
    NOOP = "noop"
    VRFY = "vrfy"
    QUIT = "quit"
    UNKNOWN = "unknown"
    IDLE = "idle"
    ANY = "any"
    UPSTREAM = "upstream"


class Source(StrEnum):
    """Who wrote a line of a transcript; `content` stands for the octets of a message, `note` is the trap itself."""

    CLIENT = "client"
    SERVER = "server"
    CONTENT = "content"
    NOTE = "note"


CLIENT_LEFT: Final = b"the client closed its side, and the server owed it a reply"
"""The note in a transcript that says when a client stopped waiting; what the server says later it says to nobody."""


class Outcome(StrEnum):
    """What became of a transaction; whether the client was told is `Transaction.acknowledged`."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    ABORTED = "aborted"


class Ending(StrEnum):
    """How a session ended, and by whom."""

    QUIT = "quit"
    CLIENT_CLOSED = "client-closed"
    CLIENT_RESET = "client-reset"
    SERVER_CLOSED = "server-closed"
    SERVER_RESET = "server-reset"
    TIMEOUT = "timeout"
    SHUTDOWN = "shutdown"


_REPLY = re.compile(r"(?P<code>[0-9]{3})(?:[ -](?:(?P<enhanced>[245]\.[0-9]{1,3}\.[0-9]{1,3})(?: |$))?(?P<text>.*))?\Z")


class Reply(Value, frozen=True, gc=False):
    """An SMTP reply (RFC 5321, section 4.2). `raw` is set when its exact bytes came from elsewhere, CRLF included."""

    code: int
    enhanced: str = ""
    lines: tuple[str, ...] = ("",)
    raw: bytes = b""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `450 4.2.0 text`, one line or several. Raises `ValueError` for what is no reply, or two."""
        codes: list[str] = []
        enhanced = ""
        lines: list[str] = []
        # Not `splitlines`: it also splits at U+0085 and its like, which a real server's text may have.
        for line in text.removesuffix("\n").split("\n"):
            found = _REPLY.match(line.removesuffix("\r"))
            if found is None or (codes and found["code"] != codes[0]):
                message = f"{line!r} is not a reply: write a code of three digits and a text, as in '450 4.2.1 Busy'"
                raise ValueError(message)
            codes.append(found["code"])
            enhanced = enhanced or found["enhanced"] or ""
            lines.append(found["text"] or "")
        return cls(int(codes[0]), enhanced, tuple(lines))

    @property
    def positive(self) -> bool:
        """Whether the command was accepted: 2yz, or 3yz for one that asks for more."""
        return self.code // 100 in {2, 3}

    @property
    def text(self) -> str:
        """The words without code and hyphens, lines joined by a line feed."""
        return "\n".join(self.lines)

    def wire(self) -> bytes:
        """Give the bytes to send; the enhanced code stands on every line (RFC 2034, section 4)."""
        if self.raw:
            return self.raw
        prefix = f"{self.enhanced} " if self.enhanced else ""
        if len(self.lines) == 1:
            return f"{self.code} {prefix}{self.lines[0]}\r\n".encode("utf-8", "surrogateescape")
        last = len(self.lines) - 1
        return "".join(
            f"{self.code}{' ' if number == last else '-'}{prefix}{line}\r\n" for number, line in enumerate(self.lines)
        ).encode("utf-8", "surrogateescape")

    def __str__(self) -> str:
        """Read as on the wire, without the last line end."""
        return self.wire().decode("utf-8", "replace").rstrip("\r\n")


class Event(Value, frozen=True, gc=False, kw_only=True):
    """What a scenario is asked about: a point in a session and all that is known there.

    A field that the point cannot know yet holds its default. Addresses are as the client wrote them, without brackets;
    the null reverse-path is the empty string, and `None` means that no MAIL command was seen.

    `content` is what has come of the message: all of it at `message`, its beginning at `content`, where `lines` counts
    the complete lines. `open_sessions` counts those of the inbox, this one too. `silent` is in seconds, at `idle`.
    """

    point: Point
    session_id: str = ""
    inbox: str = "default"
    client: str = ""
    port: int = 0
    session_number: int = 1
    message_number: int = 0
    tls: str = ""
    helo: str = ""
    user: str = ""
    mechanism: str = ""
    verb: str = ""
    line: bytes = b""
    reverse_path: str | None = None
    mail_parameters: Mapping[str, str] = field(default_factory=dict)
    recipient: str | None = None
    index: int = 0
    recipients: tuple[str, ...] = ()
    rcpt_parameters: Mapping[str, str] = field(default_factory=dict)
    content: bytes = b""
    lines: int = 0
    sni: str = ""
    open_sessions: int = 0
    silent: float = 0.0
    upstream_reply: Reply | None = None


class Recipient(Value, frozen=True, gc=False, kw_only=True):
    """One RCPT command: the forward-path, its parameters (names in upper case, values as sent) and the reply.

    In LMTP, where the content has a reply for each recipient, it is that one, once there is one.
    """

    address: str
    parameters: Mapping[str, str] = field(default_factory=dict)
    reply: Reply
    rule: str = ""

    @property
    def accepted(self) -> bool:
        """Whether the message is for this recipient too."""
        return self.reply.positive


class SessionStarted(Value, frozen=True, gc=False, kw_only=True, tag=True):
    """A client connected. `number` counts the sessions of the inbox from 1; `protocol` is `smtp`, `smtps` or `lmtp`."""

    id: str
    inbox: str
    number: int
    at: float
    clock: float
    client: str
    client_port: int
    port: int
    protocol: str
    upstream: str = ""


class SessionUpdated(Value, frozen=True, gc=False, kw_only=True, tag=True):
    """What became known of a session since: each field holds the whole truth so far. `inbox` may have changed."""

    id: str
    inbox: str
    helo: str
    esmtp: bool
    tls_version: str
    tls_cipher: str
    user: str
    mechanism: str


class ClientKnown(Value, frozen=True, gc=False, kw_only=True, tag=True):
    """Somebody who is trusted said who the client of a session really is: PROXY protocol, or XCLIENT."""

    id: str
    inbox: str
    client: str
    client_port: int


class Line(Value, frozen=True, gc=False, tag=True):
    """A line of a transcript: `data` is exactly what was sent, line end included; `octets` counts a content's.

    `rule` names the rule that made the server say it; `secret` marks credentials, for views that mask them; `early`
    marks what the client sent before it had the reply to what came before: the octets alone do not show it.
    """

    session_id: str
    number: int
    at: float
    clock: float
    source: Source
    data: bytes
    octets: int = 0
    rule: str = ""
    secret: bool = False
    early: bool = False


class Firing(Value, frozen=True, gc=False, kw_only=True, tag=True):
    """A rule acted: the `number`th time (from 1), at a point of a session. `actions` are the words of the scenario."""

    session_id: str
    transaction_id: str
    inbox: str
    at: float
    clock: float
    point: Point
    rule: str
    number: int
    actions: tuple[str, ...]


class Transaction(Value, frozen=True, gc=False, kw_only=True, tag=True):
    """A mail transaction that ended, from its MAIL command on; `number` counts those of the session from 1.

    `reverse_path` is "" for the null sender. `content` is what had come, un-dotted, of a message that was not stored;
    a stored one has a `message_id` instead. `acknowledged` says whether the client was sent the 250.
    """

    id: str
    session_id: str
    inbox: str
    number: int
    started_at: float
    started_clock: float
    ended_at: float
    ended_clock: float
    reverse_path: str
    parameters: Mapping[str, str]
    recipients: tuple[Recipient, ...]
    outcome: Outcome
    acknowledged: bool
    reply: Reply | None
    rule: str = ""
    reason: str = ""
    octets: int = 0
    content: bytes = b""
    message_id: str = ""


class Message(Value, frozen=True, gc=False, kw_only=True, tag=True):
    """Mail to store: the envelope, and in `raw` the exact bytes after un-dotting. Recipients are the accepted ones."""

    id: str
    inbox: str
    session_id: str
    transaction_id: str
    at: float
    clock: float
    reverse_path: str
    parameters: Mapping[str, str]
    recipients: tuple[Recipient, ...]
    raw: bytes
    client: str
    helo: str
    tls_version: str
    user: str


class SessionEnded(Value, frozen=True, gc=False, kw_only=True, tag=True):
    """A session is over. `reason` is a sentence for people, empty when the ending says it all."""

    id: str
    inbox: str
    at: float
    clock: float
    ending: Ending
    reason: str = ""


Recorded = SessionStarted | SessionUpdated | ClientKnown | Line | Firing | Transaction | Message | SessionEnded


class Record(Protocol):
    """Where sessions write down what happened; the store is one."""

    def add(self, event: Recorded) -> None:
        """Write it down soon, in the order of the calls. Never blocks."""

    def commit(self, event: Recorded) -> Awaitable[None]:
        """Write it down with all that was added before, and return when it is safe."""
