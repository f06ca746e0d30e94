"""What is known at each point of a session: to matchers, to the scopes of counters, and to `${to}` in a reply.

One vocabulary for the three, so that a rule reads alike throughout. A point that is added needs its line in `KNOWN`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from mailtrap_py.events import Event, Point

COMMANDS = frozenset(Point) - {
    *(Point.CONNECT, Point.TLS, Point.CONTENT, Point.MESSAGE, Point.IDLE, Point.UPSTREAM),
}
"""The points that `any` stands for: where the client has said something that is one line."""

_ALWAYS = frozenset({"client", "port", "inbox", "session_number", "state"})
_SESSION = _ALWAYS | {"tls", "sni", "helo", "user", "mechanism", "message_number"}
_COMMAND = _SESSION | {"verb"}
_MAIL = _COMMAND | {"from", "size"}
_RCPT = _MAIL | {"to", "index", "recipients"}
_DATA = _MAIL | {"to", "recipients"}

KNOWN: Mapping[Point, frozenset[str]] = {
    Point.CONNECT: _ALWAYS | {"tls", "sni"},
    Point.TLS: _ALWAYS | {"sni"},
    Point.EHLO: _COMMAND,
    Point.STARTTLS: _COMMAND,
    Point.AUTH: _COMMAND,
    Point.MAIL: _MAIL,
    Point.RCPT: _RCPT,
    Point.DATA: _DATA,
    Point.CONTENT: (_DATA - {"verb"}) | {"line"},
    Point.MESSAGE: (_DATA - {"verb"}) | {"header", "subject", "body", "message_id"},
    Point.RSET: _COMMAND,
    Point.NOOP: _COMMAND,
    Point.VRFY: _COMMAND,
    Point.QUIT: _COMMAND,
    Point.UNKNOWN: _COMMAND,
    Point.IDLE: _SESSION | {"idle"},
    Point.ANY: _RCPT,  # the sum of the commands; a command that knows less does not match
    Point.UPSTREAM: _RCPT | {"upstream"},
}
"""At `mail`, `rcpt` and `data` the size is the one that the client declared (SIZE, RFC 1870)."""

PLACEHOLDER = re.compile(r"\$\{(?P<name>[A-Za-z_][A-Za-z0-9_-]*)\}")
"""`${name}`, in any text of a scenario."""

_COUNTED = frozenset({Point.CONTENT, Point.MESSAGE})
_DECLARED = re.compile(r"[0-9]{1,20}")  # RFC 1870, section 3: "size-value ::= 1*20DIGIT"


def declared_size(event: Event) -> int | None:
    """Give the octets of the message: counted where it has come, before that as declared; `None` when it was not."""
    if event.point in _COUNTED:
        return len(event.content)
    declared = event.mail_parameters.get("SIZE", "")
    return int(declared) if _DECLARED.fullmatch(declared) else None


def _size(event: Event) -> str:
    size = declared_size(event)
    return "" if size is None else str(size)


def _to(event: Event) -> str:
    return ", ".join(event.recipients) if event.recipient is None else event.recipient


_NAMES: Mapping[str, Callable[[Event], str]] = {
    "client": lambda event: event.client,
    "inbox": lambda event: event.inbox,
    "session_number": lambda event: str(event.session_number),
    "verb": lambda event: event.verb,
    "helo": lambda event: event.helo,
    "user": lambda event: event.user,
    "mechanism": lambda event: event.mechanism,
    "message_number": lambda event: str(event.message_number),
    "from": lambda event: event.reverse_path or "",
    "size": _size,
    "to": _to,
    "index": lambda event: str(event.index),
    "recipients": lambda event: str(len(event.recipients)),
}
NAMES = tuple(_NAMES)
"""The names that are filled in when a rule fires; a scenario's own params are filled in when it is loaded."""


def names_of(event: Event) -> dict[str, str]:
    """Say what `${to}` and the others stand for at this event; what is not known is empty."""
    return {name: read(event) for name, read in _NAMES.items()}


def fill(text: str, names: Mapping[str, str]) -> str:
    """Put the names in place; one that is not given stays as written."""
    return PLACEHOLDER.sub(lambda found: names.get(found["name"], found[0]), text)
