"""The first message of a TLS handshake, as far as it says which name the client asks a certificate for.

It is read only where a rule at `tls` wants to know the name before the handshake. Nothing in here fails: what is no
such message, or a broken one, has no name, and the handshake itself will say what is wrong with it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

MOST: Final = 65536
"""Octets that are looked at; a client's first message has some hundreds, or two thousand with keys of new kinds."""

_HANDSHAKE, _CLIENT_HELLO = 22, 1  # RFC 8446, section 5.1: ContentType; section 4: HandshakeType
_SERVER_NAME, _HOST_NAME = 0, 0  # RFC 6066, sections 1.1 and 3
_HEADER: Final = 5  # octets of a record: type, version, length
_FIXED: Final = 34  # octets of a ClientHello before its session id: version and random


def server_name(data: bytes) -> str | None:
    """Read the name that the client asks for, "" if it names none; `None`: this is only a part of its message."""
    message = b""
    while True:
        if not data:
            return None
        if data[0] != _HANDSHAKE:
            return ""
        end = _HEADER + int.from_bytes(data[3:5], "big")
        if len(data) < max(end, _HEADER):
            return "" if len(data) > MOST else None
        message += data[_HEADER:end]
        data = data[end:]
        if len(message) >= 4 + int.from_bytes(message[1:4], "big") and message[0] == _CLIENT_HELLO:
            return _name_in(message[4:])
        if message[:1] != bytes([_CLIENT_HELLO]) or len(message) > MOST:
            return ""


def _name_in(hello: bytes) -> str:
    _, rest = _split(hello[_FIXED:], 1)  # the session id
    _, rest = _split(rest, 2)  # the cipher suites
    _, rest = _split(rest, 1)  # the compression methods
    extensions, _ = _split(rest, 2)
    for kind, content in _entries(extensions, 2):
        if kind == _SERVER_NAME:
            names, _ = _split(content, 2)
            for type_, name in _entries(names, 1):
                if type_ == _HOST_NAME:
                    return name.decode("ascii", "replace")
    return ""


def _split(data: bytes, octets: int) -> tuple[bytes, bytes]:
    """Take a vector off whose length stands in so many octets; give it and the rest (RFC 8446, section 3.4)."""
    end = octets + int.from_bytes(data[:octets], "big")
    return data[octets:end], data[end:]


def _entries(data: bytes, octets: int) -> Iterator[tuple[int, bytes]]:
    """Go through a list of what has a number, in so many octets, and a vector after it."""
    while data:
        kind = int.from_bytes(data[:octets], "big")
        content, data = _split(data[octets:], 2)
        yield kind, content
