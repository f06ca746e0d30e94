"""The mechanisms of AUTH (RFC 4954), as conversations: each asks for what it needs, and makes a claim of the answers.

A mechanism is a generator: it yields challenges, is sent responses, and returns a `Claim`. Nothing in here knows of
base64, lines or replies.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import re
import secrets
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Claim:
    """Who a client says it is. `proves` tells, given the user's password or token, whether the client knew it.

    `refusal` is what the mechanism has to say before a 535: a challenge that the client answers with nothing.
    """

    user: str
    proves: Callable[[str], bool]
    refusal: bytes = b""


class BadResponse(ValueError):  # noqa: N818 - a fact about the client, answered with 501
    """A response that the mechanism does not allow; its text is for the client."""


Exchange = Generator[bytes, bytes, Claim]

_UNREADABLE: Final = "Can't split auth value"
USERNAME: Final = b"Username:"
PASSWORD: Final = b"Password:"
"""What LOGIN asks; clients compare it with these words, if they compare. There is no RFC for it."""


# RFC 4616, section 2: "message = [authzid] UTF8NUL authcid UTF8NUL passwd".
_PLAIN = re.compile(rb"[^\0]*\0(?P<user>[^\0]+)\0(?P<password>[^\0]*)\Z")


def _plain(initial: bytes | None) -> Exchange:
    found = _PLAIN.match(initial if initial is not None else (yield b""))
    if found is None:
        raise BadResponse(_UNREADABLE)
    return _by_password(found["user"], found["password"])


def _login(initial: bytes | None) -> Exchange:
    user = initial if initial is not None else (yield USERNAME)
    return _by_password(user, (yield PASSWORD))


def _by_password(user: bytes, password: bytes, refusal: bytes = b"") -> Claim:
    return Claim(_text(user), lambda wanted: hmac.compare_digest(wanted.encode(), password), refusal)


def _cram_md5(initial: bytes | None) -> Exchange:
    if initial is not None:
        # RFC 4954, section 4: with "a mechanism in which the server goes first" there is no initial response.
        raise BadResponse("CRAM-MD5 has no initial response")
    challenge = f"<{secrets.token_hex(8)}@mailtrap.localhost>".encode()
    # RFC 2195, section 2: the user's name, a space, and the keyed digest of the challenge in hexadecimal digits.
    user, space, digest = (yield challenge).rpartition(b" ")
    if not space or not user:
        raise BadResponse(_UNREADABLE)

    def proves(wanted: str) -> bool:
        return hmac.compare_digest(hmac.new(wanted.encode(), challenge, "md5").hexdigest().encode(), digest.lower())

    return Claim(_text(user), proves)


_XOAUTH2 = re.compile(rb"user=(?P<user>[^\x01]+)\x01auth=Bearer (?P<token>[^\x01]*)\x01\x01\Z", re.IGNORECASE)


def _xoauth2(initial: bytes | None) -> Exchange:
    # As Google and Microsoft describe it: "user=" user ^A "auth=Bearer " token ^A ^A.
    found = _XOAUTH2.match(initial if initial is not None else (yield b""))
    if found is None:
        raise BadResponse(_UNREADABLE)
    refusal = b'{"status":"401","schemes":"bearer","scope":"mail"}'
    return _by_password(found["user"], found["token"], refusal)


# RFC 7628, section 3.1: a GS2 header, ^A, pairs of key and value that each end in ^A, and ^A.
_OAUTHBEARER = re.compile(
    rb"[ny],(?:a=(?P<user>[^,\x01]+))?,\x01(?:[A-Za-z]+=[^\x01]*\x01)*?auth=Bearer (?P<token>[^\x01]*)\x01"
    rb"(?:[A-Za-z]+=[^\x01]*\x01)*\x01\Z",
    re.IGNORECASE,
)


def _oauthbearer(initial: bytes | None) -> Exchange:
    found = _OAUTHBEARER.match(initial if initial is not None else (yield b""))
    if found is None:
        raise BadResponse(_UNREADABLE)
    token = found["token"]
    refusal = b'{"status":"invalid_token","scope":"mail"}'
    return Claim(
        _text(_saslname(found["user"] or b"")), lambda wanted: hmac.compare_digest(wanted.encode(), token), refusal
    )


def _saslname(octets: bytes) -> bytes:
    """Read a name out of a GS2 header (RFC 5801, section 4): "=2C" is a comma and "=3D" an equals sign."""
    return octets.replace(b"=2C", b",").replace(b"=3D", b"=")


def _text(octets: bytes) -> str:
    return octets.decode("utf-8", "replace")


MECHANISMS: Final[Mapping[str, Callable[[bytes | None], Exchange]]] = {
    "LOGIN": _login,
    "PLAIN": _plain,
    "CRAM-MD5": _cram_md5,
    "XOAUTH2": _xoauth2,
    "OAUTHBEARER": _oauthbearer,
}
"""By name: given the initial response, or `None` if there was none, they begin."""


def user_of(mechanism: str, response: str, *, first: bool) -> str:
    """Read the user's name out of a response, as far as the mechanism shows it; "" if it does not, or not yet.

    `response` is base64 as it was sent, `first` tells whether it is the first one of its exchange. A name is all that
    is read: whether the exchange will come to an end is another matter.
    """
    try:
        decoded = base64.b64decode(response, validate=True)
    except (binascii.Error, ValueError):
        return ""
    read = _USERS.get(mechanism)
    return _text(read(decoded)) if read is not None and (first or mechanism != "LOGIN") else ""


def _named(pattern: re.Pattern[bytes]) -> Callable[[bytes], bytes]:
    def read(response: bytes) -> bytes:
        found = pattern.match(response)
        return (found["user"] or b"") if found else b""

    return read


_USERS: Final[Mapping[str, Callable[[bytes], bytes]]] = {
    "LOGIN": lambda response: response,
    "PLAIN": _named(_PLAIN),
    "CRAM-MD5": lambda response: response.rpartition(b" ")[0],
    "XOAUTH2": _named(_XOAUTH2),
    "OAUTHBEARER": lambda response: _saslname(_named(_OAUTHBEARER)(response)),
}
