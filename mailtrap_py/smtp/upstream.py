"""The connection to the real server in proxy mode. What it says is kept to the byte; nothing is sent unasked."""

from __future__ import annotations

import asyncio
import contextlib
import re
import ssl
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import parse_qsl, urlsplit

from mailtrap_py.errors import SettingError, UpstreamError
from mailtrap_py.events import Reply

MAX_REPLY_LINE = 65536
"""Octets of a reply's line: far more than the 512 of RFC 5321, section 4.5.3.1.5, but not endless."""
MAX_REPLY_LINES = 1000

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
        url = urlsplit(text if "://" in text else f"smtp://{text}")
        options = dict(parse_qsl(url.query))
        try:
            security, port = Security(url.scheme), url.port
        except ValueError:
            security, port = Security.NONE, None
        known = options.keys() <= {"verify"} and options.get("verify", "yes") in {"yes", "no"}
        if not url.hostname or not port or not known or url.path.strip("/"):
            raise SettingError(
                f"{text!r} is not the address of a mail server",
                cure="write HOST:PORT, or smtp://, smtps:// or smtp+starttls://HOST:PORT, as in mail.example.com:587",
            )
        return cls(url.hostname, port, security, options.get("verify", "yes") == "yes", timeout)

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
            raise UpstreamError(f"{upstream} cannot be reached: {error.strerror or error}") from error
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
            raise UpstreamError(f"{self._upstream} refused STARTTLS: {reply}")
        try:
            await self._writer.start_tls(self._upstream.context(), server_hostname=self._upstream.host)
        except OSError as error:
            raise UpstreamError(f"TLS with {self._upstream} failed: {error}") from error

    async def command(self, line: bytes) -> Reply:
        """Send a line, or the content of a message, as it is, and read the reply."""
        try:
            self._writer.write(line)
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
            self._writer.transport.abort()


def _read(raw: bytes) -> Reply:
    """Make a reply of the bytes; a server that talks nonsense gets its nonsense passed on."""
    text = raw.decode("utf-8", "surrogateescape")
    try:
        parsed = Reply.parse(text)
    except ValueError:
        return Reply(0, "", tuple(text.splitlines()), raw=raw)
    return Reply(parsed.code, parsed.enhanced, parsed.lines, raw=raw)
