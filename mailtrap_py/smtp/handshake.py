"""The TLS handshake of a session: as it should be, or going wrong the way a scenario wants it."""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass
from typing import Final, cast

from mailtrap_py.events import Ending
from mailtrap_py.scenario import TlsFault
from mailtrap_py.smtp.service import MakeContext
from mailtrap_py.smtp.tls import BadTls
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


async def shake_hands(
    wire: Wire, protocol: asyncio.BaseProtocol, contexts: MakeContext, fault: TlsFault | None
) -> Secured:
    """Go under TLS. Raises `SessionOver` when that fails, be it for the client, or because it is to fail."""
    match fault:
        case TlsFault.DROP:
            await wire.abort()
            raise SessionOver(Ending.SERVER_CLOSED, "the connection was dropped in place of a TLS handshake")
        case TlsFault.GARBAGE:
            wire.transport.write(GARBAGE)
            wire.note("sent garbage in place of a TLS handshake")
            wire.unhold()
            await wire.close()
            raise SessionOver(Ending.SERVER_CLOSED, "garbage in place of a TLS handshake")
        case TlsFault.STALL:
            wire.note("says nothing in place of a TLS handshake")
            wire.unhold()
            await wire.unless_lost(wire.inbox.clock.sleep(LIMIT), or_closed=True)
            await wire.close()
            raise SessionOver(Ending.SERVER_CLOSED, "silence in place of a TLS handshake")
    return await _start(wire, protocol, contexts(_BAD.get(fault) if fault is not None else None))


def _feed(protocol: asyncio.BaseProtocol, data: bytes) -> None:
    """Give the protocol of TLS what was read before it was there."""
    tls = cast("asyncio.BufferedProtocol", protocol)
    while data:
        buffer = memoryview(tls.get_buffer(len(data)))
        count = min(len(buffer), len(data))
        buffer[:count] = data[:count]
        tls.buffer_updated(count)
        data = data[count:]


async def _start(wire: Wire, protocol: asyncio.BaseProtocol, context: ssl.SSLContext) -> Secured:
    loop = asyncio.get_running_loop()
    before = wire.transport
    handshake = loop.create_task(
        loop.start_tls(before, protocol, context, server_side=True, ssl_handshake_timeout=LIMIT)
    )
    try:
        await asyncio.sleep(0)  # until the protocol of TLS has taken over
        early = wire.input.discard()
        if early:
            # uvloop reads a new connection's first octets even where its protocol has paused it. They are given on
            # after the protocol of TLS was told of its connection.
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
    found = Secured(transport, secured.version() or "TLS", cipher[0] if cipher else "")
    wire.note(f"{found.version} with {found.cipher}")
    return found
