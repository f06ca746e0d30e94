"""XCLIENT: a proxy or a test says who the client is, as in Postfix (https://www.postfix.org/XCLIENT_README.html).

Only those who are trusted are offered it; to all others it is no command. As in Postfix the session begins anew: the
greeting is said again, after the scenario was asked about the client that it is now.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from mailtrap_py.events import Point, Reply
from mailtrap_py.smtp import refusals

if TYPE_CHECKING:
    from mailtrap_py.smtp.session import Session

OFFER: Final = "XCLIENT NAME ADDR PORT PROTO HELO LOGIN DESTADDR DESTPORT"
_UNKNOWN: Final = frozenset({"[UNAVAILABLE]", "[TEMPUNAVAIL]"})
_ENCODED: Final = re.compile(r"\+([0-9A-F]{2})")
_WELL_ENCODED: Final = re.compile(r"(?:[^+]|\+[0-9A-F]{2})*\Z")


def _address(value: str) -> bool:
    try:
        ipaddress.ip_address(_bare(value))
    except ValueError:
        return False
    return True


def _bare(value: str) -> str:
    return value[5:] if value[:5].upper() == "IPV6:" else value


def _port(value: str) -> bool:
    return value.isdecimal() and int(value) <= 65535  # noqa: PLR2004 - the last one


_FITS: Final[dict[str, Callable[[str], bool]]] = {
    "NAME": lambda _: True,
    "ADDR": _address,
    "PORT": _port,
    "PROTO": lambda value: value.upper() in {"SMTP", "ESMTP"},
    "HELO": lambda _: True,
    "LOGIN": lambda _: True,
    "DESTADDR": _address,
    "DESTPORT": _port,
}


def read_attributes(argument: str) -> dict[str, str] | Reply:
    """Read what is said of the client, `[UNAVAILABLE]` as an empty text; or give the reply that refuses it."""
    words = argument.split()
    if not words:
        return refusals.syntax_error("XCLIENT attribute=value...")
    found: dict[str, str] = {}
    for word in words:
        name, equals, encoded = word.partition("=")
        name = name.upper()
        if not equals:
            return refusals.syntax_error("XCLIENT attribute=value...")
        if name not in _FITS:
            return Reply(501, "5.5.4", (f"Bad XCLIENT attribute name: {word.partition('=')[0]}",))
        # RFC 3461, section 4, has the encoding: "+" and two hexadecimal digits.
        value = _ENCODED.sub(lambda code: chr(int(code[1], 16)), encoded)
        if value.upper() in _UNKNOWN:
            found[name] = ""
        elif not _WELL_ENCODED.match(encoded) or not _FITS[name](value):
            return Reply(501, "5.5.4", (f"Bad {name} syntax: {encoded}",))
        else:
            found[name] = value
    return found


async def become(session: Session, argument: str) -> None:
    """Take the session for one of the client that is described, and greet that client."""
    if session.transaction is not None:
        session.say(refusals.XCLIENT_IN_TRANSACTION)
        return
    told = read_attributes(argument)
    if isinstance(told, Reply):
        session.say(told)
        return
    facts = session.facts
    facts.client = _bare(told["ADDR"]) if told.get("ADDR") else facts.client
    facts.client_port = int(told["PORT"]) if told.get("PORT") else facts.client_port
    facts.client_known()
    session.forget()
    facts.helo = told.get("HELO", "")
    if told.get("LOGIN"):
        session.attempted_user, session.attempted_mechanism = told["LOGIN"], "XCLIENT"
        session.authenticated()
    else:
        facts.updated()
    session.verb, session.command = "", b""
    if not await session.scenario_answers(Point.CONNECT):
        await session.greet()
