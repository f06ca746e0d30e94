"""A transcript read as a conversation: each command with its reply."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from mailtrap_py.events import CLIENT_LEFT, Line, Source

GREETING: Final = "(greeting)"
"""The verb of the exchange that the server begins; the client's half of it is to connect."""

CONTENT: Final = "(content)"
"""The verb of the exchange that a message is: its octets, answered after the final dot."""

UNASKED: Final = "(unasked)"
"""The verb of a reply that no command asked for."""

_COMPLETE = re.compile(rb"(?:\A|\n)([0-9]{3})(?: [^\n]*|\r?)\n\Z")
_GOES_ON = re.compile(rb"(?:\A|\n)[0-9]{3}-[^\n]*\n\Z")


@dataclass(frozen=True, slots=True)
class Exchange:
    """A command and its reply. `code` is 0 without a whole reply; `secure` says whether the command went over TLS.

    `reply` is the first line of the transcript that has something of it, `told` the one with which the client had all
    of it, be it a reply or a line that is none; half a reply (RFC 5321, section 4.2.1: lines with a hyphen, or a line
    that has no end) tells nothing. `step` marks what follows a 334: an answer, not a command. `early` marks what came
    before it was its turn.
    """

    verb: str
    request: Line | None
    reply: Line | None
    code: int
    secure: bool = False
    step: bool = False
    early: bool = False
    told: Line | None = None

    @property
    def failed(self) -> bool:
        """Whether the reply says no: a whole reply, and neither 2yz nor 3yz."""
        return self.code > 0 and self.code // 100 not in {2, 3}

    @property
    def argument(self) -> str:
        """What stands behind the verb, line end removed; all of the line where it is an answer."""
        line = self.request.data.rstrip(b"\r\n") if self.request else b""
        return (line if self.step else line.partition(b" ")[2].strip()).decode("utf-8", "surrogateescape")

    @property
    def lines(self) -> tuple[Line, ...]:
        """The lines of it that are there."""
        return tuple(line for line in (self.request, self.reply) if line is not None)


@dataclass(slots=True)
class _Open:
    """An exchange that waits for its reply."""

    verb: str
    request: Line | None
    secure: bool
    step: bool = False
    early: bool = False
    reply: Line | None = None
    told: Line | None = None
    heard: bytes = b""
    code: int = 0

    def close(self) -> Exchange:
        return Exchange(self.verb, self.request, self.reply, self.code, self.secure, self.step, self.early, self.told)


class _Reader:
    """Pairs commands with replies, in the order of both (RFC 2920, section 3.2: replies come in command order)."""

    def __init__(self, *, secure: bool) -> None:
        greeting = _Open(GREETING, None, secure)
        self.exchanges = [greeting]
        self.waiting = deque(self.exchanges)
        self.secure = secure
        self.step = False
        self.lmtp = False
        self.accepted = 0
        self.more = 0

    def read(self, line: Line) -> None:
        match line.source:
            case Source.SERVER:
                self._reply(line)
            case Source.NOTE:
                pass
            case _:
                self._request(line)

    def _reply(self, line: Line) -> None:
        if self.more:  # RFC 2033: the content has a reply for each recipient; the first stands for it
            self.more -= 1
            return
        if not self.waiting:
            self._ask(_Open(UNASKED, None, self.secure))
        exchange = self.waiting[0]
        exchange.reply = exchange.reply or line
        exchange.heard += line.data
        if exchange.heard.endswith(b"\n") and not _GOES_ON.search(exchange.heard):
            exchange.told = line
        found = _COMPLETE.search(exchange.heard)
        if found is None:
            return
        exchange.code = int(found[1])
        self.waiting.popleft()
        self._count(exchange)
        self.step = exchange.verb == "AUTH" and exchange.code == 334  # noqa: PLR2004 - "go on" (RFC 4954, section 4)
        if exchange.verb == "STARTTLS" and exchange.heard.startswith(b"220 "):
            # RFC 3207, section 4: "go ahead"; whatever an attacker has put behind it is no part of the reply.
            exchange.code, self.secure = 220, True

    def _count(self, exchange: _Open) -> None:
        accepted = exchange.code // 100 == 2  # noqa: PLR2004 - 2yz: done
        match exchange.verb:
            case "LHLO":
                self.lmtp = self.lmtp or accepted
            case "MAIL":
                self.accepted = 0
            case "RCPT" if accepted:
                self.accepted += 1
            case verb if verb == CONTENT and self.lmtp:
                self.more = max(0, self.accepted - 1)

    def _request(self, line: Line) -> None:
        if line.source is Source.CONTENT and self.waiting and self.waiting[-1].verb == "BDAT":
            self.waiting[-1].verb = CONTENT  # with its last chunk a message is one command and has one reply (RFC 3030)
            return
        if self.waiting and self.waiting[0].reply is not None:
            self.waiting.popleft()  # half a reply: the client took it for a whole one
        verb = CONTENT if line.source is Source.CONTENT else "AUTH" if self.step else verb_of(line.data)
        early = line.early or bool(self.waiting)
        self._ask(_Open(verb, line, self.secure, step=self.step and verb == "AUTH", early=early))
        self.step = False

    def _ask(self, exchange: _Open) -> None:
        self.exchanges.append(exchange)
        self.waiting.append(exchange)


def converse(lines: Iterable[Line], *, secure: bool = False) -> tuple[Exchange, ...]:
    """Read a transcript, in its order. The first exchange is always the greeting, answered or not.

    `secure` says that TLS was there from the first octet on (a port for implicit TLS). What the server says when the
    client has left answers nothing.
    """
    reader = _Reader(secure=secure)
    gone = False
    for line in lines:
        gone = gone or is_departure(line)
        if not gone or line.source is not Source.SERVER:
            reader.read(line)
    return tuple(exchange.close() for exchange in reader.exchanges)


def is_departure(line: Line) -> bool:
    """Say whether a line is the trap's note that the client stopped waiting; a rule's note can say what it likes."""
    return line.source is Source.NOTE and line.data == CLIENT_LEFT and not line.rule


def verb_of(data: bytes) -> str:
    """Read the verb of a command line, in upper case."""
    return data.rstrip(b"\r\n").partition(b" ")[0].upper().decode("ascii", "replace")
