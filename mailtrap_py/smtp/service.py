"""What all sessions of a trap share: its policy, its record, its inboxes. Handed in by whoever opens the ports."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from mailtrap_py.events import Record, Reply
from mailtrap_py.inbox import DEFAULT, Inbox, Inboxes
from mailtrap_py.scenario import ListenerHow
from mailtrap_py.scenario.persona import PersonaSpec
from mailtrap_py.smtp.outbox import Outbox
from mailtrap_py.smtp.sasl import MECHANISMS
from mailtrap_py.smtp.tls import BadTls
from mailtrap_py.smtp.upstream import Upstream

LANDING = 65536
"""Octets that are read at once, at most."""


class AuthPolicy(StrEnum):
    """Whether AUTH is offered, and whether mail is taken without it."""

    OPTIONAL = "optional"
    REQUIRED = "required"
    OFF = "off"


class TlsPolicy(StrEnum):
    """What is refused in clear: nothing, AUTH, or AUTH and mail."""

    OFF = "off"
    AUTH = "auth"
    MAIL = "mail"


def _no_port(_: ListenerHow, __: float | None, ___: Inbox) -> None:
    """Stand for the ports where nobody listens."""


def _everybody(_: str) -> Reply | None:
    """Stand for the limits where nobody counts."""
    return None


class MakeContext(Protocol):
    """Makes or finds a TLS context: the right one, or one that is bad in a certain way."""

    def __call__(self, bad: BadTls | None = None) -> ssl.SSLContext:
        """Give it, the same each time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """The server as one session sees it. Sizes are octets, times are seconds."""

    record: Record
    inboxes: Inboxes
    hostname: str = "mailtrap.localhost"
    max_message_size: int = 52_428_800
    command_timeout: float = 300.0
    """RFC 5321, section 4.5.3.2.7: a server waits at least 5 minutes for the next command."""
    auth: AuthPolicy = AuthPolicy.OPTIONAL
    users: Mapping[str, str] = field(default_factory=dict)
    """Passwords by user name; with none, every credential is accepted."""
    mechanisms: Sequence[str] = tuple(MECHANISMS)
    """The mechanisms of AUTH, in the order in which they are offered."""
    require_tls: TlsPolicy = TlsPolicy.OFF
    tls: MakeContext | None = None
    """Makes or finds the server's TLS context: the first client that wants TLS pays for it, not the start."""
    spool_over: int = 0
    """Octets of a message over which it goes to disk while it comes; 0: never."""
    lenient_line_ends: bool = False
    """Whether a bare LF ends a line too, and so may end the content."""
    proxy_protocol: Sequence[str] = ()
    """Networks whose connections begin with a header of the PROXY protocol."""
    xclient: Sequence[str] = ()
    """Networks whose clients may say by XCLIENT that they are somebody else."""
    max_recipients: int = 1000
    """Of a transaction. RFC 5321, section 4.5.3.1.8: a server must take at least 100."""
    max_sessions: int = 10_000
    max_sessions_per_client: int | None = None
    max_errors: int | None = 100
    """Refusals in a session before it is closed; those that a scenario wants do not count."""
    upstream: Upstream | None = None
    persona: PersonaSpec | None = None
    """Whom sessions talk like where the scenario names nobody."""
    inbox: str = DEFAULT
    listener: Callable[[ListenerHow, float | None, Inbox], None] = _no_port
    """Closes the ports, or opens them again; whoever listens puts it here."""
    admit: Callable[[str], Reply | None] = _everybody
    """Turns a client away when there are too many; whoever listens puts it here."""
    landing: memoryview = field(default_factory=lambda: memoryview(bytearray(LANDING)), repr=False, compare=False)
    """Where octets arrive. Sessions of one event loop share it, because each takes its own away at once."""
    outbox: Outbox = field(default_factory=Outbox, repr=False, compare=False)
    """Where replies leave, for sessions of one event loop."""


@dataclass(frozen=True, slots=True)
class Port:
    """One listening port: its number, and whether TLS begins with the first byte (RFC 8314, section 3).

    One of LMTP may be a unix socket: its number is 0.
    """

    number: int
    implicit_tls: bool = False
    lmtp: bool = False

    @property
    def protocol(self) -> str:
        """The word of the record for it."""
        return "lmtp" if self.lmtp else "smtps" if self.implicit_tls else "smtp"
