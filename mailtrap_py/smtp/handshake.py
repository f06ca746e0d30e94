"""The TLS handshake of a session: as it should be, or going wrong the way a scenario wants it.

The name that a client asks a certificate for (SNI) stands in its first message. After a handshake it is known anyway;
before it, only to who waits for that message: `listen_first`.
"""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass
from typing import Final, cast

from mailtrap_py.events import Ending
from mailtrap_py.scenario import TlsFault
from mailtrap_py.smtp.client_hello import MOST, server_name
from mailtrap_py.smtp.service import MakeContext
from mailtrap_py.smtp.tls import BadTls, name_asked_for
from mailtrap_py.smtp.wire import SessionOver, Wire

LIMIT = 60.0
"""Seconds that a handshake may take, and that a silent one lasts."""

GARBAGE: Final = b"this is no TLS record\r\n"
"""Text, as a server says that knows of no TLS; a client sees at the first octet that it is no record."""

INJECTED: Final = b"250 2.0.0 Injected in clear behind the 220\r\n"
"""What `inject` puts behind the 220 of STARTTLS; a client that obeys it takes a stranger's words for the server's."""


_BAD: Final = {TlsFault(bad.value): bad for bad in BadTls}


@dataclass(frozen=True, slots=True)
class Secured:
    """A connection under TLS."""

    transport: asyncio.Transport
    version: str
    cipher: str
    name: str


async def listen_first(wire: Wire) -> tuple[bytes, str]:
    """Wait for the client's first message; give what came, and the name in it. Raises `SessionOver`, `ClientGone`."""
    wire.unhold()
    came, name = b"", None
    try:
        while name is None:
            came += await wire.input.take(MOST, LIMIT)
            name = server_name(came)
    except TimeoutError as error:
        wire.note("the client began no TLS handshake")
        raise SessionOver(Ending.CLIENT_CLOSED, "the client began no TLS handshake") from error
    return came, name


async def shake_hands(
    wire: Wire,
    protocol: asyncio.BaseProtocol,
    contexts: MakeContext,
    fault: TlsFault | None,
    came: bytes = b"",
) -> Secured:
    """Go under TLS. Raises `SessionOver` when that fails, be it for the client, or because it is to fail.

    `came` is what `listen_first` has read.
    """
    match fault:
        case TlsFault.DROP:
            why = "the connection was dropped in place of a TLS handshake"
            raise SessionOver(Ending.SERVER_CLOSED, why, then=wire.abort)
        case TlsFault.GARBAGE:
            wire.transport.write(GARBAGE)
            wire.note("sent garbage in place of a TLS handshake")
            wire.unhold()
            raise SessionOver(Ending.SERVER_CLOSED, "garbage in place of a TLS handshake", then=wire.close)
        case TlsFault.STALL:
            wire.note("says nothing in place of a TLS handshake")
            wire.unhold()
            await wire.unless_lost(wire.inbox.clock.sleep(LIMIT), or_closed=True)
            raise SessionOver(Ending.SERVER_CLOSED, "silence in place of a TLS handshake", then=wire.close)
    context = contexts(_BAD.get(fault) if fault is not None else None)
    if fault is TlsFault.OLD_VERSION:
        came = came or (await listen_first(wire))[0]
        await _refuse(wire, context, came)
    return await _start(wire, protocol, context, came)


async def _refuse(wire: Wire, context: ssl.SSLContext, came: bytes) -> None:
    """Say why the handshake cannot be, if it cannot: asyncio would close before the alert is sent.

    RFC 8446, section 4.2.1: "it MUST abort the handshake with a "protocol_version" alert".
    """
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    incoming.write(came)
    try:
        context.wrap_bio(incoming, outgoing, server_side=True).do_handshake()
    except ssl.SSLWantReadError:
        return  # it goes on: the client is as old
    except ssl.SSLError as error:
        failure = f"TLS handshake failed: {error}"
        wire.note(failure)
        wire.transport.write(outgoing.read())
        raise SessionOver(Ending.SERVER_CLOSED, failure, then=wire.close) from error


def _feed(protocol: asyncio.BaseProtocol, data: bytes) -> None:
    """Give the protocol of TLS what was read before it was there."""
    tls = cast("asyncio.BufferedProtocol", protocol)
    while data:
        buffer = memoryview(tls.get_buffer(len(data)))
        count = min(len(buffer), len(data))
        buffer[:count] = data[:count]
        tls.buffer_updated(count)
        data = data[count:]


def _name(subject: object) -> str:
    """Write a name as it is usual, as in CN=ann,O=Example: Python gives tuples of tuples of pairs."""
    parts = cast("tuple[tuple[tuple[str, str], ...], ...]", subject)
    short = {"commonName": "CN", "organizationName": "O", "organizationalUnitName": "OU", "countryName": "C"}
    return ",".join(f"{short.get(key, key)}={value}" for part in parts for key, value in part)


async def _start(wire: Wire, protocol: asyncio.BaseProtocol, context: ssl.SSLContext, came: bytes) -> Secured:
    loop = asyncio.get_running_loop()
    before = wire.transport
    handshake = loop.create_task(
        loop.start_tls(before, protocol, context, server_side=True, ssl_handshake_timeout=LIMIT)
    )
    try:
        await asyncio.sleep(0)  # until the protocol of TLS has taken over
        early = came + wire.input.discard()
        if early:
            # What was read before: to know the name, while a rule waited, or because uvloop reads a new connection's
            # first octets even where its protocol has paused it. It is given on after the protocol of TLS was told of
            # its connection.
            loop.call_soon(_feed, before.get_protocol(), early)
        transport = await handshake
    except (OSError, TimeoutError) as error:  # ssl.SSLError is an OSError
        failure = f"TLS handshake failed: {str(error) or type(error).__name__}"
        wire.note(failure)
        raise SessionOver(Ending.CLIENT_CLOSED, failure) from error
    finally:
        handshake.cancel()  # of no effect when it is done
    if transport is None:
        raise SessionOver(Ending.CLIENT_CLOSED, "the client left during the TLS handshake")
    wire.transport = transport
    secured: ssl.SSLObject = transport.get_extra_info("ssl_object")
    cipher = secured.cipher()
    found = Secured(transport, secured.version() or "TLS", cipher[0] if cipher else "", name_asked_for(secured))
    wire.note(f"{found.version} with {found.cipher}")
    if certificate := secured.getpeercert():
        wire.note(f"the client's certificate is that of {_name(certificate['subject'])}")
    return found
