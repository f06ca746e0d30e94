"""A connection to a mail server, as its client sees it: every octet of a reply, when it came, and what is odd about it.

Nothing here raises for what a server does: an `Answer` without a code says what there was instead of a reply. No wait
is longer than the time-out, and no reply is read without end.
"""

from __future__ import annotations

import contextlib
import re
import socket
import ssl
import time
from dataclasses import dataclass

MAX_LINES = 1000
MAX_OCTETS = 262_144
"""Of one reply: far more than any server has to say, but not endless."""

_LONG = 512  # octets of a reply's line with its line end (RFC 5321, section 4.5.3.1.5)
_CHUNK = 16_384
_REPLY = re.compile(rb"[2-5][0-9]{2}(?:[ -].*)?", re.DOTALL)
_ENDLESS = "the reply does not end"

# How other protocols greet, for those who mistook the port.
_OTHERS = (
    (rb"\x15\x03|\x16\x03", "TLS, not SMTP: this port begins with TLS (--tls implicit)"),
    (rb"HTTP/|<!DOCTYPE|<html", "an HTTP server, not SMTP"),
    (rb"SSH-", "an SSH server, not SMTP"),
    (rb"\* (OK|PREAUTH|BYE)", "an IMAP server, not SMTP"),
    (rb"\+OK|-ERR", "a POP3 server, not SMTP"),
)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came after a command: `code` is 0 when it was no reply, and `problem` says what it was instead.

    `lines` are as they came, without line ends; `odd` tells what a strict client could stumble over. `ended` says that
    the connection is gone.
    """

    lines: tuple[bytes, ...]
    seconds: float
    code: int = 0
    problem: str = ""
    odd: tuple[str, ...] = ()
    ended: bool = False

    @property
    def texts(self) -> tuple[str, ...]:
        """The lines, for people."""
        return tuple(readable(line) for line in self.lines)


def readable(data: bytes) -> str:
    """Show octets of a server as text: what would move a terminal's cursor is shown as an escape."""
    text = data.decode("utf-8", "backslashreplace")
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)


class Wire:
    """One connection. `timeout` is in seconds, for connecting and for each whole reply."""

    def __init__(self, connection: socket.socket, timeout: float) -> None:
        """Take a connection that is open."""
        self._socket = connection
        self._timeout = timeout
        self._buffer = bytearray()

    @classmethod
    def open(cls, host: str, port: int, timeout: float) -> Wire:
        """Connect. Raises `OSError`."""
        connection = socket.create_connection((host, port), timeout)
        with contextlib.suppress(OSError):  # not every stream has it
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return cls(connection, timeout)

    @property
    def peer(self) -> str:
        """The address of the server."""
        try:
            return str(self._socket.getpeername()[0])
        except OSError:  # it has gone already
            return ""

    @property
    def certificate(self) -> bytes:
        """The server's certificate in DER; empty without TLS."""
        secured = self._socket
        return secured.getpeercert(binary_form=True) or b"" if isinstance(secured, ssl.SSLSocket) else b""

    @property
    def tls(self) -> tuple[str, str]:
        """The version of TLS and the cipher; two empty texts without."""
        secured = self._socket
        if not isinstance(secured, ssl.SSLSocket):
            return "", ""
        cipher = secured.cipher()
        return secured.version() or "", cipher[0] if cipher else ""

    def start_tls(self, context: ssl.SSLContext, name: str) -> None:
        """Make the handshake, for this name of the server. Raises `OSError`, of which `ssl.SSLError` is one."""
        self._socket.settimeout(self._timeout)
        self._socket = context.wrap_socket(self._socket, server_hostname=name)

    def unasked(self) -> tuple[str, ...]:
        """Take what has come without having been asked for: the lines of it."""
        with contextlib.suppress(OSError):
            self._socket.settimeout(0)
            while len(self._buffer) < MAX_OCTETS and (data := self._socket.recv(_CHUNK)):
                self._buffer += data
        lines = tuple(readable(line) for line in bytes(self._buffer).splitlines())
        self._buffer.clear()
        return lines

    def ask(self, line: bytes) -> Answer:
        """Send a line, or several, and read the reply. The line end of the last one is added."""
        began = time.monotonic()
        try:
            self._socket.settimeout(self._timeout)
            self._socket.sendall(line + b"\r\n")
        except TimeoutError:
            return self._failed([], began, f"the server takes nothing in, for {self._timeout:g} s")
        except OSError as error:
            # What it said before it went explains it, as 421 does.
            answer = self._hear(began)
            return answer if answer.lines else self._failed([], began, went(error), ended=True)
        return self._hear(began)

    def hear(self) -> Answer:
        """Read one reply, all its lines."""
        return self._hear(time.monotonic())

    def _hear(self, began: float) -> Answer:
        lines: list[bytes] = []
        odd: list[str] = []
        try:
            self._read(lines, odd, began + self._timeout)
        except _NoReplyError as failed:
            return self._failed(lines, began, failed.problem, ended=failed.ended)
        return Answer(tuple(lines), time.monotonic() - began, int(lines[-1][:3]), odd=tuple(odd))

    def close(self) -> None:
        """Close it, without waiting for the server."""
        self._socket.close()

    def _read(self, lines: list[bytes], odd: list[str], deadline: float) -> None:
        """Read the lines of a reply, and note what is odd about them. Raises `_NoReplyError`."""
        while not lines or lines[-1][3:4] == b"-":
            line = self._line(deadline, lines, odd)
            if not line and not lines:
                _note(odd, "an empty line stands before the reply")
                continue
            lines.append(line)
            if not _REPLY.fullmatch(line):
                raise _NoReplyError(_other(lines[0]) or "this is not a reply of SMTP: three digits have to stand first")
            if line[:3] != lines[0][:3]:
                _note(odd, "its lines have different codes (RFC 5321, section 4.2.1)")
            if len(lines) > MAX_LINES:
                raise _NoReplyError(_ENDLESS)

    def _line(self, deadline: float, lines: list[bytes], odd: list[str]) -> bytes:
        while (end := self._buffer.find(b"\n")) < 0:
            if sum(map(len, lines)) + len(self._buffer) > MAX_OCTETS:
                raise _NoReplyError(_ENDLESS)
            self._buffer += self._more(deadline, lines)
        line = bytes(self._buffer[: end + 1])
        del self._buffer[: end + 1]
        if not line.endswith(b"\r\n"):
            _note(odd, "a line ends with LF alone, without CR (RFC 5321, section 2.3.8)")
        if len(line) > _LONG:
            _note(odd, f"a line has {len(line)} octets, more than {_LONG} (RFC 5321, section 4.5.3.1.5)")
        line = line.removesuffix(b"\n").removesuffix(b"\r")
        if any(octet < 0x20 or octet > 0x7E for octet in line.replace(b"\t", b"")):  # noqa: PLR2004 - printable ASCII
            _note(odd, "a line has octets that are not printable ASCII (RFC 5321, section 4.2)")
        return line

    def _failed(self, lines: list[bytes], began: float, problem: str, *, ended: bool = False) -> Answer:
        rest = bytes(self._buffer[:_CHUNK])
        self._buffer.clear()
        return Answer((*lines, *([rest] if rest else [])), time.monotonic() - began, problem=problem, ended=ended)

    def _more(self, deadline: float, lines: list[bytes]) -> bytes:
        begun = bool(lines or self._buffer)
        how = "the reply did not end" if begun else "no reply"
        late = _NoReplyError(_other(bytes(self._buffer)) or f"{how} within {self._timeout:g} s")
        left = deadline - time.monotonic()
        if left <= 0:
            raise late
        try:
            self._socket.settimeout(left)
            data = self._socket.recv(_CHUNK)
        except TimeoutError:
            raise late from None
        except OSError as error:
            raise _NoReplyError(went(error), ended=True) from None
        if not data:
            how = "in the middle of its reply" if begun else "without a reply"
            problem = _other(bytes(self._buffer)) or f"the server closed the connection {how}"
            raise _NoReplyError(problem, ended=True)
        return data


class _NoReplyError(Exception):
    """What came was no reply: what it was, and whether the connection is gone."""

    def __init__(self, problem: str, *, ended: bool = False) -> None:
        super().__init__(problem)
        self.problem = problem
        self.ended = ended


def _other(data: bytes) -> str:
    """Say which other protocol this is."""
    return next((words for start, words in _OTHERS if re.match(start, data, re.IGNORECASE)), "")


def went(error: OSError) -> str:
    """Say what an error of the connection means."""
    if isinstance(error, ssl.SSLError):
        return f"TLS broke: {(error.reason or str(error)).lower().replace('_', ' ')}"
    if isinstance(error, ConnectionError):
        return "the server reset the connection"
    return f"the connection failed: {error.strerror or error}"


def _note(odd: list[str], what: str) -> None:
    if what not in odd:
        odd.append(what)
