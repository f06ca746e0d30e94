"""The PROXY protocol: who the client is, as told by the load balancer in front, before the first word of SMTP.

Both versions of the specification (https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt). Only sources that are
trusted are believed; all others speak SMTP at once, and a header of theirs is no command that anybody knows.
"""

from __future__ import annotations

import ipaddress
import struct
from typing import TYPE_CHECKING, Final, NoReturn

from mailtrap_py.events import Ending
from mailtrap_py.smtp.reader import LineTooLong
from mailtrap_py.smtp.trust import is_among
from mailtrap_py.smtp.wire import SessionOver

if TYPE_CHECKING:
    from mailtrap_py.smtp.session import Session

PATIENCE: Final = 10.0
"""Seconds in which the header must have come: a load balancer sends it at once."""

MAX_V1: Final = 107
"""Octets of a header of version 1 with its CRLF ("a 108-byte buffer is always enough")."""

_SIGNATURE: Final = b"\r\n\r\n\x00\r\nQUIT\n"
_LOCAL, _PROXY = 0x20, 0x21
_FAMILIES: Final = {0x11: ("4s4sHH", 12), 0x21: ("16s16sHH", 36)}  # TCP over IPv4 and IPv6

Client = tuple[str, int]


class BadHeader(ValueError):  # noqa: N818 - a fact about the source
    """What came is no header of the PROXY protocol."""


def read_v1(line: bytes) -> Client | None:
    """Read a header of version 1; `None`: it does not say who the client is. Raises `BadHeader`."""
    words = line[:-2].decode("ascii", "replace").split(" ")
    if not line.endswith(b"\r\n") or len(line) > MAX_V1 or words[0] != "PROXY":
        raise BadHeader("it is not a line of at most 107 octets that begins with PROXY")
    match words[1:]:
        case ["UNKNOWN", *_]:
            return None
        case ["TCP4" | "TCP6" as family, source, destination, source_port, destination_port]:
            try:
                addresses = ipaddress.ip_address(source), ipaddress.ip_address(destination)
            except ValueError as error:
                raise BadHeader(str(error)) from None
            ports = [int(port) if port.isdecimal() else -1 for port in (source_port, destination_port)]
            if {address.version for address in addresses} == {int(family[3])} and all(0 <= n <= 65535 for n in ports):  # noqa: PLR2004 - ports
                return str(addresses[0]), ports[0]
    raise BadHeader(f"{line!r} names no two addresses and ports")


def read_v2(command: int, family: int, body: bytes) -> Client | None:
    """Read what follows the signature of version 2; `None`: it does not say who the client is. Raises `BadHeader`."""
    if command == _LOCAL:
        return None
    if command != _PROXY:
        raise BadHeader(f"version and command are {command:#04x}")
    if family not in _FAMILIES:
        return None  # "UNSPEC" and unix sockets: "the receiver should ignore address information"
    layout, size = _FAMILIES[family]
    if len(body) < size:
        raise BadHeader(f"{len(body)} octets hold no addresses")
    source, _, port, _ = struct.unpack(f"!{layout}", body[:size])
    return str(ipaddress.ip_address(source)), port


async def learn_client(session: Session) -> None:
    """Read the header, if the source is one that sends it. Raises `SessionOver` if there is none."""
    wire, facts = session.wire, session.facts
    if not is_among(facts.client, session.service.proxy_protocol):
        return
    if facts.port.implicit_tls:
        wire.unhold()  # the header comes before TLS
    try:
        told = await _read(session)
    except BadHeader as bad:
        await _refuse(session, f"what came is no header of the PROXY protocol: {bad}")
    except LineTooLong:
        await _refuse(session, "what came is no header of the PROXY protocol: its line is too long")
    except TimeoutError:
        await _refuse(session, f"no header of the PROXY protocol came in {PATIENCE:g} s")
    if facts.port.implicit_tls:
        wire.hold()
    if told is None:
        wire.note("the PROXY header does not say who the client is")
        return
    wire.note(f"the PROXY header says that the client is {told[0]}, port {told[1]}")
    facts.client, facts.client_port = told
    facts.client_known()


async def _read(session: Session) -> Client | None:
    waiting = session.wire.input
    line = await waiting.line(PATIENCE)
    if line != b"\r\n":
        return read_v1(line)
    while len(line) < len(_SIGNATURE) and _SIGNATURE.startswith(line):
        line += await waiting.take(len(_SIGNATURE) - len(line), PATIENCE)
    if line != _SIGNATURE:
        raise BadHeader("it has not the signature of version 2")
    command, family, size = struct.unpack("!BBH", await _exactly(session, 4))
    return read_v2(command, family, await _exactly(session, size))


async def _exactly(session: Session, count: int) -> bytes:
    octets = b""
    while len(octets) < count:
        octets += await session.wire.input.take(count - len(octets), PATIENCE)
    return octets


async def _refuse(session: Session, why: str) -> NoReturn:
    """Break the connection: "the receiver must not try to be smart"."""
    session.wire.note(why)
    raise SessionOver(Ending.SERVER_CLOSED, why, then=session.wire.abort)
