r"""Writes a run down as the server would: sessions told as conversations become the events of the record.

A line of a conversation begins with who speaks:

    C: MAIL FROM:<ann@example.com>     the client; CRLF is added
    S: 250-mx.example | 250 SIZE 100   the server; ` | ` parts the lines of one reply
    R: 25                              the server, exactly these octets
    B: NOOP\n                          the client, exactly these octets
    X: AGFubgBwYXNz                    the client, and the line is marked as a secret
    P: NOOP                            the client, before it had the reply to what came before
    D: Subject: Hi||Hello              the content of a message; `|` stands for CRLF, \n, \r, \0 for themselves
    E: Subject: Hi||Hello              the same, but one of its lines began with a single dot, which is gone
    K: Subject: Hi||Hel                the same, and the client leaves before the final dot
    N: some remark                     the trap
    + 5                                five seconds pass
    store                              the message is stored now, whatever is said of it later

A 2yz reply to content stores the message. The transactions follow from the conversation.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable

from msgspec.structs import replace

from mailtrap_py.events import (
    Ending,
    Firing,
    Line,
    Point,
    Recorded,
    Reply,
    SessionEnded,
    SessionStarted,
    SessionUpdated,
    Source,
)
from mailtrap_py.scenario.evidence import CommandResult, Evidence
from mailtrap_py.scenario.findings import Finding, findings
from mailtrap_py.smtp.path import parse_path
from mailtrap_py.smtp.transaction import OpenTransaction

_SOURCES = {"S": Source.SERVER, "R": Source.SERVER, "N": Source.NOTE, "D": Source.CONTENT}
SYNTAX_ERROR = 501  # the one refusal of MAIL that leaves no transaction
_ENDS = {"D:": 3, "E:": 4, "K:": 0}  # octets on the wire beyond the content and its doubled dots


class Recording:
    """A run that is being written down. Its clock begins at 1000 and moves only where a conversation says so."""

    def __init__(self) -> None:
        """Begin."""
        self.events: list[Recorded] = []
        self._now = 1000.0
        self._sessions = 0

    def now(self) -> float:
        """Be the clock of the transactions."""
        return self._now

    def wait(self, seconds: float) -> Recording:
        """Let time pass."""
        self._now += seconds
        return self

    def session(self, told: str, ending: str | None = "quit", *, protocol: str = "smtp") -> Recording:
        """Write down a session; with no ending it stays open."""
        self._sessions += 1
        conversation = _Conversation(self, self._sessions)
        self.events.append(
            SessionStarted(
                id=conversation.id,
                inbox="default",
                number=self._sessions,
                at=self._now,
                clock=self._now,
                client="127.0.0.1",
                client_port=50000,
                port=1025,
                protocol=protocol,
            )
        )
        for line in filter(None, map(str.strip, told.splitlines())):
            conversation.take(line)
        if ending is not None:
            conversation.end()
            self.events.append(
                SessionEnded(id=conversation.id, inbox="default", at=self._now, clock=self._now, ending=Ending(ending))
            )
        return self

    def fired(self, rule: str, times: int = 1, *, action: str = "reply: 450") -> Recording:
        """Write down that a rule acted in the first session."""
        self.events += [
            Firing(
                session_id="session-1",
                transaction_id="",
                inbox="default",
                at=self._now,
                clock=self._now,
                point=Point.RCPT,
                rule=rule,
                number=number,
                actions=(action,),
            )
            for number in range(1, times + 1)
        ]
        return self

    def say_by_rule(self, data: bytes) -> None:
        """Mark what the server said as the words of a rule."""
        self.events = [
            replace(event, rule="rule-1") if isinstance(event, Line) and event.data == data else event
            for event in self.events
        ]

    def forget(self, kind: type[Recorded]) -> Recording:
        """Lose all events of a kind."""
        self.events = [event for event in self.events if not isinstance(event, kind)]
        return self

    def findings(self) -> dict[str, Finding]:
        """Look for findings; each kind is there once, however many sessions have it."""
        return {finding.kind: finding for finding in findings(self.evidence())}

    def evidence(self, command: CommandResult | None = None, *, watched: float = 0.0) -> Evidence:
        """Give the run to the judges, watched for so long after its last event."""
        return Evidence.gather(self.events, command=command, until=self._now + watched)


class _Conversation:
    """One session while it is told."""

    def __init__(self, recording: Recording, number: int) -> None:
        self.id = f"session-{number}"
        self._recording = recording
        self._lines = itertools.count(1)
        self._numbers = itertools.count(1)
        self._asked = ""
        self._transaction: OpenTransaction | None = None

    def take(self, told: str) -> None:
        word, _, rest = told.partition(" ")
        match word:
            case "+":
                self._recording.wait(float(rest))
            case "store":
                self._store()
            case "C:" | "X:" | "P:":
                self._asked = rest
                self._write("C", f"{rest}\r\n".encode(), secret=word == "X:", early=word == "P:")
            case "B:":
                self._write("C", _octets(rest))
            case "D:" | "E:" | "K:":
                self._content(_octets(rest.replace("|", "\r\n")), _ENDS[word])
            case "S:":
                self._write("S", (rest.replace(" | ", "\r\n") + "\r\n").encode())
                self._replied(Reply.parse(rest.replace(" | ", "\n")))
            case _:
                self._write(word[0], _octets(rest))

    def _write(self, who: str, data: bytes, *, octets: int = 0, secret: bool = False, early: bool = False) -> None:
        now = self._recording.now()
        self._recording.events.append(
            Line(
                session_id=self.id,
                number=next(self._lines),
                at=now,
                clock=now,
                source=_SOURCES.get(who, Source.CLIENT),
                data=data,
                octets=octets,
                secret=secret,
                early=early,
            )
        )

    def _content(self, raw: bytes, end: int) -> None:
        assert self._transaction is not None
        self._asked = "."
        doubled = raw.startswith(b".") + raw.count(b"\r\n.")
        self._transaction.content = raw
        self._transaction.octets = len(raw) + doubled + end
        self._write("D", b"", octets=self._transaction.octets)

    def _replied(self, reply: Reply) -> None:
        verb, _, argument = self._asked.partition(" ")
        transaction = self._transaction
        match verb.upper():
            case "MAIL" if transaction is None and reply.code != SYNTAX_ERROR:
                self._open(argument)
                if not reply.positive:
                    self._refuse(reply)
                    self.end()
            case "RCPT" if transaction is not None:
                transaction.add(parse_path(argument), reply)
            case "DATA" if transaction is not None and not reply.positive:
                self._refuse(reply)
            case ".":
                self._decided(reply)
            case "RSET" | "EHLO" | "HELO" | "QUIT":
                self.end()
        self._asked = ""

    def _open(self, argument: str) -> None:
        self._transaction = OpenTransaction(
            parse_path(argument),
            session_id=self.id,
            number=next(self._numbers),
            inbox="default",
            clock=self._recording,  # type: ignore[arg-type]  # all that it asks of a clock is the time
        )

    def _refuse(self, reply: Reply) -> None:
        assert self._transaction is not None
        self._transaction.refuse(reply)

    def _store(self) -> None:
        assert self._transaction is not None
        message = self._transaction.message(
            self._transaction.content, client="127.0.0.1", helo="", tls_version="", user=""
        )
        self._transaction.stored = message.id
        self._recording.events.append(message)

    def _decided(self, reply: Reply) -> None:
        assert self._transaction is not None
        if reply.positive:
            if not self._transaction.stored:
                self._store()
            self._transaction.reply = reply
            self._transaction.acknowledged = True
        else:
            self._refuse(reply)
        self.end()

    def end(self) -> None:
        """End the transaction that is open."""
        if self._transaction is not None:
            self._recording.events.append(self._transaction.end())
            self._transaction = None


def _octets(told: str) -> bytes:
    raw = told.encode("utf-8", "surrogateescape")
    for written, octet in ((b"\\n", b"\n"), (b"\\r", b"\r"), (b"\\0", b"\0")):
        raw = raw.replace(written, octet)
    return raw


def updated(session: str = "session-1", *, tls_version: str = "") -> SessionUpdated:
    """Give what became known of a session."""
    return SessionUpdated(
        id=session,
        inbox="default",
        helo="client.example",
        esmtp=True,
        tls_version=tls_version,
        tls_cipher="",
        user="",
        mechanism="",
    )


def deliver(recipients: Iterable[str] = ("bob@example.com",), *, key: str = "1", quit_: bool = True) -> str:
    """Tell an ordinary session with one message, for `Recording.session`. There is nothing to say against it."""
    return "\n".join(
        (
            "S: 220 mx.example ready",
            "C: EHLO client.example",
            "S: 250-mx.example | 250-PIPELINING | 250-SIZE 1000000 | 250-8BITMIME | 250 SMTPUTF8",
            "C: MAIL FROM:<ann@example.com>",
            "S: 250 2.1.0 Ok",
            *(f"C: RCPT TO:<{recipient}>\nS: 250 2.1.5 Ok" for recipient in recipients),
            "C: DATA",
            "S: 354 Go on",
            f"D: From: ann@example.com|Date: Mon, 1 Jun 2026 10:00:00 +0000|Message-ID: <{key}@example.com>||Hello|",
            "S: 250 2.0.0 Ok",
            *(("C: QUIT", "S: 221 2.0.0 Bye") if quit_ else ()),
        )
    )
