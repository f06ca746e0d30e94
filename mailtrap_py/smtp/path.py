"""The arguments of MAIL and RCPT: a path and its parameters (RFC 5321, section 4.1.2).

Lenient where real servers are (a space after the colon, brackets left out), and exact about what it keeps: local parts
keep their case and their quotes, parameter values their case, and octets that are not UTF-8 survive as surrogates.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping

from mailtrap_py.events import Value

# Of control characters NUL alone is refused, as Postfix does: the others are seen in the wild.
_DOT_ATOMS = r"[^\s\0<>()@,;:\\\"\[\]]+"
_QUOTED = r'"(?:[^"\\\0]|\\[^\0])*"'
_WITHIN = r"[^\s\0<>@\[\]().,;:\\\"]"
_EDGE = r"[^\s\0<>@\[\]().,;:\\\"-]"
# RFC 5321, section 4.1.2: a label begins and ends with a letter or a digit; RFC 1035, section 2.3.4: it has at most 63
# octets. A name of digits alone is an address without its brackets.
_LABEL = rf"{_EDGE}(?:{_WITHIN}{{0,61}}{_EDGE})?"
_NAME = rf"(?![0-9.]+(?:[\s>,:]|\Z)){_LABEL}(?:\.{_LABEL})*\.?"
_DOMAIN = rf"(?:\[[^\[\]\s<>]+\]|{_NAME})"
_ADDRESS = rf"(?:{_DOT_ATOMS}|{_QUOTED})(?:@{_DOMAIN})?"
# RFC 5321, section 4.1.2: source routes "MUST BE accepted, SHOULD NOT be generated, and SHOULD be ignored".
_ROUTE = rf"(?:@{_DOMAIN}(?:,@{_DOMAIN})*:)?"
_ARGUMENT = re.compile(
    rf"(?:FROM|TO):\s*(?:<(?P<null>)>|<{_ROUTE}(?P<path>{_ADDRESS})>|(?P<bare>{_ADDRESS}))(?:\s+(?P<rest>.*))?\Z",
    re.IGNORECASE | re.DOTALL,
)
_PARAMETER = re.compile(r"(?P<name>[A-Za-z0-9][A-Za-z0-9-]*)(?:=(?P<value>[^=\s]+.*))?\Z", re.DOTALL)
MAX_LOCAL_PART = 64
MAX_DOMAIN = 255


class Path(Value, frozen=True, gc=False):
    """A reverse-path or forward-path with its parameters, names in upper case; `address` is "" for the null path."""

    address: str
    parameters: Mapping[str, str] = {}  # a new one each time, as structs do it

    @property
    def unicode(self) -> bool:
        """Whether the address needs SMTPUTF8 (RFC 6531)."""
        return not self.address.isascii()


def parse_path(argument: str) -> Path:
    """Read `FROM:<a@b> SIZE=7` or `TO:<a@b>`. Raises `ValueError`: "address" or "parameter" says what is wrong."""
    found = _ARGUMENT.match(argument)
    if found is None:
        raise ValueError("address")
    address = found["path"] or found["bare"] or ""
    local, _, domain = address.rpartition("@") if "@" in address else (address, "", "")
    # RFC 5321, section 4.5.3.1: 64 octets of local-part and 255 of domain are what everybody must be able to take.
    if len(local.encode("utf-8", "replace")) > MAX_LOCAL_PART or len(domain.encode("utf-8", "replace")) > MAX_DOMAIN:
        raise ValueError("address")
    if not (_is_address(domain) if domain.startswith("[") else address.isascii() or _is_utf8(address)):
        raise ValueError("address")
    rest = found["rest"]
    return Path(address, _parameters(rest)) if rest else Path(address)


def _is_address(literal: str) -> bool:
    """Say whether `[127.0.0.1]` or `[IPv6:::1]` is one (RFC 5321, section 4.1.3; no other kind was ever registered)."""
    inside = literal[1:-1]
    try:
        if inside[:5].upper() == "IPV6:":
            ipaddress.IPv6Address(inside[5:])
        else:
            ipaddress.IPv4Address(inside)
    except ValueError:
        return False
    return True


def _is_utf8(address: str) -> bool:
    """Say whether all of its octets were UTF-8 (RFC 6531, section 3.3): what was not came as surrogates."""
    try:
        address.encode()
    except UnicodeEncodeError:
        return False
    return True


def _parameters(text: str) -> dict[str, str]:
    parameters: dict[str, str] = {}
    for word in text.split():
        found = _PARAMETER.match(word)
        if found is None or found["name"].upper() in parameters:
            raise ValueError("parameter")
        parameters[found["name"].upper()] = found["value"] or ""
    return parameters
