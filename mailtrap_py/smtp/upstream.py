"""The connection to the real server in proxy mode. What it says is kept to the byte; nothing is sent unasked."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import socket
import ssl
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import parse_qsl, urlsplit

from mailtrap_py.errors import SettingError, UpstreamError
from mailtrap_py.events import Reply
from mailtrap_py.smtp.wire import break_off

MAX_REPLY_LINE = 65536
"""Octets of a reply's line: far more than the 512 of RFC 5321, section 4.5.3.1.5, but not endless."""
MAX_REPLY_LINES = 1000

CHUNK = 262_144
"""Octets that are sent at a time; the server must take each of them within the time-out."""

_LINE = re.compile(rb"(?P<code>[0-9]{3})(?P<more>-?)")


class Security(StrEnum):
    """How TLS begins on the way to the real server."""

    NONE = "smtp"
    TLS = "smtps"
    STARTTLS = "smtp+starttls"


@dataclass(frozen=True, slots=True)
class Upstream:
    """Where the real server is. `timeout` is in seconds, for connecting and for each reply."""

    host: str
    port: int
    security: Security = Security.NONE
    verify: bool = True
    timeout: float = 30.0

    @classmethod
    def parse(cls, text: str, *, timeout: float = 30.0) -> Upstream:
        """Read `HOST:PORT`, or a URL: `smtp://`, `smtps://`, `smtp+starttls://`, with `?verify=no` for any certificate.

        Raises `SettingError`.
        """
        try:
            url = urlsplit(text if "://" in text else f"smtp://{text}")
            security, host, port = Security(url.scheme), url.hostname or "", url.port
            host.encode("idna")  # as the look-up will do; a label may be empty or too long
        except ValueError:
            raise _no_address(text) from None
        options = dict(parse_qsl(url.query))
        known = options.keys() <= {"verify"} and options.get("verify", "yes") in {"yes", "no"}
        if not host or not port or not known or url.path.strip("/") or url.fragment or url.username is not None:
            raise _no_address(text)
        return cls(host, port, security, options.get("verify", "yes") == "yes", timeout)

    def __str__(self) -> str:
        """Read as `host:port`, or as a URL when there is TLS."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}" if self.security is Security.NONE else f"{self.security}://{host}:{self.port}"

    def context(self) -> ssl.SSLContext:
        """Make the TLS context of a client."""
        context = ssl.create_default_context()
        if not self.verify:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context


class Connection:
    """A live connection to the real server. Every failure is an `UpstreamError` that says what happened."""

    greeting: Reply

    def __init__(self, upstream: Upstream, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Take over an open connection; `connect` makes one."""
        self._upstream = upstream
        self._reader, self._writer = reader, writer

    @classmethod
    async def connect(cls, upstream: Upstream, *, hostname: str) -> Connection:
        """Connect, read the greeting, and go under TLS if that is asked for; `hostname` is our name in an EHLO."""
        try:
            async with asyncio.timeout(upstream.timeout):
                reader, writer = await asyncio.open_connection(
                    upstream.host,
                    upstream.port,
                    limit=MAX_REPLY_LINE,
                    ssl=upstream.context() if upstream.security is Security.TLS else None,
                )
        except TimeoutError as error:
            raise UpstreamError(f"{upstream} did not take the connection within {upstream.timeout:g} s") from error
        except OSError as error:
            raise UpstreamError(f"{upstream} cannot be reached: {_why(error)}") from error
        connection = cls(upstream, reader, writer)
        try:
            connection.greeting = await connection.reply()
            if upstream.security is Security.STARTTLS and connection.greeting.positive:
                await connection._start_tls(hostname)
        except BaseException:
            connection.close()
            raise
        return connection

    async def _start_tls(self, hostname: str) -> None:
        await self.command(f"EHLO {hostname}\r\n".encode())
        reply = await self.command(b"STARTTLS\r\n")
        if not reply.positive:
            raise UpstreamError(f"{self._upstream} refused STARTTLS: {' '.join(str(reply).splitlines())}")
        await self._refuse_injection()
        limit = self._upstream.timeout
        try:
            async with asyncio.timeout(limit):
                await self._writer.start_tls(self._upstream.context(), server_hostname=self._upstream.host)
        except TimeoutError as error:
            raise UpstreamError(f"TLS with {self._upstream} failed: no answer within {limit:g} s") from error
        except OSError as error:
            raise UpstreamError(f"TLS with {self._upstream} failed: {error}") from error

    async def _refuse_injection(self) -> None:
        # What came in clear must not be taken for what is said under TLS (RFC 3207, section 6, from the client's side).
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0):
                if await self._reader.read(1):
                    raise UpstreamError(f"{self._upstream} said more in clear behind its reply to STARTTLS")

    async def command(self, line: bytes) -> Reply:
        """Send a line, or the content of a message, as it is, and read the reply."""
        try:
            for start in range(0, len(line), CHUNK):  # so that the time-out is for a piece, not for a large message
                self._writer.write(line[start : start + CHUNK])
                if self._writer.transport.get_write_buffer_size():
                    async with asyncio.timeout(self._upstream.timeout):
                        await self._writer.drain()
        except TimeoutError as error:
            raise UpstreamError(f"{self._upstream} did not read for {self._upstream.timeout:g} s") from error
        except OSError:
            pass  # it may have said why before it closed: read that
        return await self.reply()

    async def reply(self) -> Reply:
        """Read a reply; its bytes are in `raw`."""
        raw = bytearray()
        try:
            async with asyncio.timeout(self._upstream.timeout):
                for _ in range(MAX_REPLY_LINES):
                    line = await self._reader.readuntil(b"\n")
                    raw += line
                    found = _LINE.match(line)
                    if found is None or not found["more"]:
                        return _read(bytes(raw))
        except TimeoutError as error:
            raise UpstreamError(f"{self._upstream} did not reply within {self._upstream.timeout:g} s") from error
        except (OSError, asyncio.IncompleteReadError) as error:
            raise UpstreamError(f"{self._upstream} closed the connection") from error
        except asyncio.LimitOverrunError as error:
            raise UpstreamError(f"{self._upstream} sent a reply line of over {MAX_REPLY_LINE} octets") from error
        raise UpstreamError(f"{self._upstream} sent a reply of over {MAX_REPLY_LINES} lines")

    def close(self) -> None:
        """Let the connection go at once, without QUIT: what is half sent must not be taken for whole."""
        with contextlib.suppress(RuntimeError):  # the loop is closing
            break_off(self._writer.transport)


def _no_address(text: str) -> SettingError:
    return SettingError(
        f"{text!r} is not the address of a mail server",
        cure="write HOST:PORT, or smtp://, smtps:// or smtp+starttls://HOST:PORT, as in mail.example.com:587",
    )


def _why(error: OSError) -> str:
    """Say it in the system's words, where it is the system that says it."""
    if isinstance(error, ssl.SSLError | socket.gaierror) or error.errno is None:
        return error.strerror or str(error)
    return os.strerror(error.errno)


def _read(raw: bytes) -> Reply:
    """Make a reply of the bytes; a server that talks nonsense gets its nonsense passed on."""
    text = raw.decode("utf-8", "surrogateescape")
    try:
        parsed = Reply.parse(text)
    except ValueError:
        return Reply(0, "", tuple(text.splitlines()), raw=raw)
    return Reply(parsed.code, parsed.enhanced, parsed.lines, raw=raw)
