"""A session without a network: octets go in, and what comes out, what is recorded and how it ends is held to rules."""

from __future__ import annotations

import asyncio
import logging
import re
import weakref
from collections.abc import Iterable
from typing import Any

from mailtrap_py.clock import ManualClock
from mailtrap_py.events import Message, Recorded, SessionEnded, SessionStarted, Transaction
from mailtrap_py.inbox import Inboxes
from mailtrap_py.scenario import from_data
from mailtrap_py.smtp.lmtp import LmtpSession
from mailtrap_py.smtp.service import AuthPolicy, Port, Service
from mailtrap_py.smtp.session import Session

LIMIT = 5000  # octets of a message
TURNS = 2000  # of the event loop, after which a session that still does something is called endless
REPLY = re.compile(rb"(?:[2-5][0-9]{2}-[^\r\n]*\r\n)*[2-5][0-9]{2} [^\r\n]*\r\n")

# What servers do wrong, among all of which the session has to stay sound.
RULES: tuple[list[dict[str, Any]], ...] = (
    [],
    [{"at": "rcpt", "when": {"to": "bob@*"}, "do": [{"reply": "450 4.2.0 Busy"}]}],
    [{"at": "message", "do": ["accept", {"close": "reset"}]}],
    [{"at": "data", "do": [{"delay": "5s"}]}],
    [{"at": "any", "count": {"every": 3}, "do": [{"reply": "421 4.3.2 Down"}]}],
    [{"at": "content", "do": [{"read": "stop"}]}],
    [{"at": "mail", "do": ["stall"]}],
    [{"at": "quit", "do": [{"drip": {"bytes": 1, "every": "1s"}}]}],
)


# What a server may be set to; the replies to the content are one for each recipient in LMTP, and are not counted.
POLICIES: tuple[dict[str, Any], ...] = (
    {},
    {"auth": AuthPolicy.REQUIRED, "users": {"ann": "secret"}},
    {"auth": AuthPolicy.OFF, "max_errors": 3, "max_recipients": 1},
    {"lenient_line_ends": True},
    {"proxy_protocol": ("127.0.0.0/8",)},
    {"xclient": ("127.0.0.0/8",)},
    {"lmtp": True},
    {"spool_over": 20},
)


class Complaints(logging.Handler):
    """Keeps what the server logs as an error: it is an error of ours."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.texts.append(self.format(record))


class Book:
    """A record that is a list."""

    def __init__(self) -> None:
        self.events: list[Recorded] = []

    def add(self, event: Recorded) -> None:
        self.events.append(event)

    async def commit(self, event: Recorded) -> None:
        self.events.append(event)


class Line(asyncio.Transport):
    """The way to a client that takes everything at once."""

    def __init__(self, protocol: asyncio.BaseProtocol) -> None:
        super().__init__()
        self._protocol = protocol
        self.said = bytearray()
        self.closed = self.ended = self.paused = False

    def get_extra_info(self, name: str, default: object = None) -> object:
        return ("127.0.0.1", 12345) if name == "peername" else default

    def write(self, data: bytes | bytearray | memoryview) -> None:
        assert not self.ended, "something is said after the end"
        self.said += data

    def writelines(self, list_of_data: Iterable[bytes | bytearray | memoryview]) -> None:
        for data in list_of_data:
            self.write(data)

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        self.ended = True

    def pause_reading(self) -> None:
        self.paused = True

    def resume_reading(self) -> None:
        self.paused = False

    def is_reading(self) -> bool:
        return not self.paused

    def is_closing(self) -> bool:
        return self.closed

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        pass

    def get_write_buffer_size(self) -> int:
        return 0

    def close(self) -> None:
        if not self.closed:
            self.closed = True
            asyncio.get_running_loop().call_soon(self._protocol.connection_lost, None)

    def abort(self) -> None:
        self.close()


class Harness:
    """Runs sessions one after the other, on one event loop."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.complaints = Complaints()
        self.events: list[Recorded] = []  # what the last session left on record
        logging.getLogger("mailtrap_py").addHandler(self.complaints)
        logging.getLogger("mailtrap_py").propagate = False
        self.sessions: weakref.WeakSet[Session] = weakref.WeakSet()
        self.loop.set_exception_handler(lambda _, context: self.complaints.texts.append(str(context)))

    def close(self) -> None:
        logging.getLogger("mailtrap_py").removeHandler(self.complaints)
        logging.getLogger("mailtrap_py").propagate = True
        self.loop.close()

    def run(self, choice: int, pieces: list[bytes]) -> bytes:
        """Hold a session in which these pieces arrive; `choice` is its policy and its scenario. Gives what it said."""
        return self.loop.run_until_complete(self._run(choice, pieces))

    async def _run(self, choice: int, pieces: list[bytes]) -> bytes:
        rules = RULES[choice % len(RULES)]
        inboxes, book = Inboxes(), Book()
        self.events = book.events
        inbox = inboxes.get()
        inbox.use(from_data({"name": "fuzz", "clock": "manual", "rules": rules}), seed=1)
        policy = {**POLICIES[choice // len(RULES) % len(POLICIES)]}
        lmtp = bool(policy.pop("lmtp", False))
        service = Service(record=book, inboxes=inboxes, max_message_size=LIMIT, **policy)
        over: list[object] = []
        kind = LmtpSession if lmtp else Session
        session = kind(service, Port(25, implicit_tls=False, lmtp=lmtp), ended=over.append)
        self.sessions.add(session)
        line = Line(session)
        session.connection_made(line)
        for piece in pieces:
            if line.closed:
                break
            for begin in range(0, len(piece), len(service.landing)):
                part = piece[begin : begin + len(service.landing)]
                session.get_buffer(-1)[: len(part)] = part
                session.buffer_updated(len(part))
                await asyncio.sleep(0)
        if not line.closed:
            session.eof_received()
            await self._until(over)
        if not over:  # what waits on the scenario's clock, or for a reset: time passes, then the client breaks off
            assert isinstance(inbox.clock, ManualClock)
            inbox.clock.advance(100_000)
            await self._until(over)
        if not over:
            line.close()
            await self._until(over)
        self._judge(choice, sum(map(len, pieces)), line, book, over)
        return bytes(line.said)

    async def _until(self, over: list[object]) -> None:
        for _ in range(TURNS):
            if over:
                return
            await asyncio.sleep(0)

    def _judge(self, choice: int, octets: int, line: Line, book: Book, over: list[object]) -> None:
        assert over, "the session does not end"
        assert self.complaints.texts == [], self.complaints.texts.pop()
        kinds = [type(event) for event in book.events]
        assert (kinds[0], kinds[-1]) == (SessionStarted, SessionEnded), "the record has neither beginning nor end"
        assert (kinds.count(SessionStarted), kinds.count(SessionEnded)) == (1, 1)
        assert kinds.count(Message) <= kinds.count(Transaction)
        # A command is a line, one octet at least; the longest reply is that to EHLO.
        assert len(line.said) <= 500 * (octets + 2), "it says much more than it was told"
        assert len(kinds) <= 8 * (octets + 4), "it records much more than there was"
        stored = sum(len(event.raw) for event in book.events if isinstance(event, Message))
        assert stored <= octets, "it stores more than was sent"
        if not RULES[choice % len(RULES)]:
            assert re.fullmatch(rb"(?:" + REPLY.pattern + rb")*", line.said), "it says what is no reply"
