"""How the values of settings are written: each function takes the text of a flag or variable, or the value itself.

What it gives is the value in its own type; whether the type is right in the end is pydantic's business. A value that
cannot be used raises `UnfitError`.
"""

from __future__ import annotations

import difflib
import ipaddress
import re
from collections.abc import Callable, Iterable, Mapping

from mailtrap_py import quantities

_LAST_PORT = 65535
_HOSTNAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?\Z|\[[0-9A-Za-z:.]+\]\Z")
_ORIGIN = re.compile(r"https?://[A-Za-z0-9.\[\]:-]+\Z", re.IGNORECASE)  # RFC 6454, section 6.1
_DATABASES = ("sqlite", "postgresql")


class UnfitError(ValueError):
    """A value that cannot be used: what is wrong with it, and what to write instead."""

    def __init__(self, problem: str, cure: str) -> None:
        """Say both."""
        super().__init__(f"{problem}; {cure}")
        self.problem = problem
        self.cure = cure


def port(value: object) -> object:
    """Read a port; 0 stands for any free one."""
    number = int(value) if isinstance(value, str) and value.isdecimal() else value
    if not isinstance(number, int) or not 0 <= number <= _LAST_PORT:
        raise UnfitError(f"{value!r} is not a port", f"write a number from 0 to {_LAST_PORT}; 0 picks a free one")
    return number


def or_off(read: Callable[[object], object]) -> Callable[[object], object]:
    """Read that, or `off` (None)."""

    def read_or_off(value: object) -> object:
        return None if value is None or (isinstance(value, str) and value.lower() == "off") else read(value)

    return read_or_off


def whole(value: object) -> object:
    """Read a whole number from 1 on."""
    number = int(value) if isinstance(value, str) and value.isdecimal() else value
    if not isinstance(number, int) or isinstance(number, bool) or number < 1:
        raise UnfitError(f"{value!r} is not a number", "write a whole number from 1, or off")
    return number


def seconds(value: object) -> object:
    """Read a time, as in 30s."""
    time = quantities.seconds(value.lower()) if isinstance(value, str) else value
    if not isinstance(time, int | float) or isinstance(time, bool) or not time > 0:
        raise UnfitError(f"{value!r} is not a duration", "write a number and a unit, as in 500ms, 30s, 5m or 1h")
    return time


def octets(value: object) -> object:
    """Read a size, as in 50MB."""
    size = quantities.octets(value) if isinstance(value, str) else value
    if not isinstance(size, int | float) or isinstance(size, bool) or not size > 0:
        raise UnfitError(
            f"{value!r} is not a size", "write a number of octets, or one with a unit, as in 500KB or 50MB"
        )
    return int(size)


def addresses(value: object) -> object:
    """Read addresses to listen on."""
    texts = [value] if isinstance(value, str) else list(value) if isinstance(value, Iterable) else []
    found: list[str] = []
    for text in texts or [value]:
        if text == "localhost":
            found += ["127.0.0.1", "::1"]
            continue
        try:
            found.append(str(ipaddress.ip_address(str(text))))
        except ValueError:
            cure = "write an address of this machine, as in 127.0.0.1 or ::1; 0.0.0.0 and :: stand for all of them"
            raise UnfitError(f"{text!r} is not an IP address", cure) from None
    return tuple(dict.fromkeys(found))


def networks(value: object) -> object:
    """Read addresses and networks, as in 10.0.0.0/8."""
    found: list[str] = []
    for text in [value] if isinstance(value, str) else value if isinstance(value, Iterable) else [value]:
        try:
            found.append(str(ipaddress.ip_network(str(text), strict=False)))
        except ValueError:
            cure = "write an address or a network, as in 10.1.2.3, 10.0.0.0/8 or fd00::/8"
            raise UnfitError(f"{text!r} is no network", cure) from None
    return tuple(dict.fromkeys(found))


def some_of(*words: str) -> Callable[[object], object]:
    """Read one or more of these words, in upper case."""

    def read(value: object) -> object:
        texts = [value] if isinstance(value, str) else list(value) if isinstance(value, Iterable) else [value]
        return tuple(dict.fromkeys(str(one_of(*words)(str(text).upper())) for text in texts))

    return read


def pairs(separator: str, what: str, example: str) -> Callable[[object], object]:
    """Read names with their values: `what` they are, with an `example` for who got it wrong."""

    def read(value: object) -> object:
        if isinstance(value, Mapping):
            return dict(value)
        pairs: dict[str, str] = {}
        for text in [value] if isinstance(value, str) else value if isinstance(value, Iterable) else [value]:
            name, found, content = str(text).partition(separator)
            if not name or not found:
                raise UnfitError(f"{text!r} is not {what}", f"write {example}")
            pairs[name] = content
        return pairs

    return read


def integer(value: object) -> object:
    """Read a whole number."""
    if isinstance(value, str):
        try:
            return int(value)
        except ValueError:
            raise UnfitError(f"{value!r} is not a number", "write a whole number, such as 42") from None
    return value


def speed(value: object) -> object:
    """Read a clock: real, manual, or how many times as fast."""
    if value is None or value in ("real", "manual"):
        return value
    text = value.removesuffix("x") if isinstance(value, str) else value
    try:
        speed = float(text)  # type: ignore[arg-type]  # whatever it is, float() says whether it is a number
    except (TypeError, ValueError):
        speed = 0.0
    if not 0 < speed < float("inf"):
        raise UnfitError(f"{value!r} is not a clock", "write real, manual, or how many times as fast, as in 60")
    return speed


def one_of(*words: str) -> Callable[[object], object]:
    """Read one of these words."""

    def read(value: object) -> object:
        if value not in words:
            near = difflib.get_close_matches(str(value), words, 1)
            cure = f"did you mean {near[0]}?" if near else f"write {', '.join(words[:-1])} or {words[-1]}"
            raise UnfitError(f"{value!r} is not one of {', '.join(words)}", cure)
        return value

    return read


def address(text: str) -> tuple[str, int]:
    """Take `host:port` apart; an IPv6 address stands in brackets. Raises `ValueError` when it is neither."""
    host, _, port = text.rpartition(":")
    bare = host.removeprefix("[").removesuffix("]")
    if not bare or (":" in bare) != (host != bare) or not port.isdecimal() or not 0 < int(port) <= _LAST_PORT:
        raise UnfitError(f"{text!r} is not a host and a port", "write both, as in smtp.example:587 or [::1]:25")
    return bare, int(port)


def upstream(value: object) -> object:
    """Read a host and a port, or nothing."""
    if value:
        address(str(value))
    return value


def database(value: object) -> object:
    """Read the name of a file or the URL of a database."""
    if not isinstance(value, str) or not value:
        return value
    scheme, found, _ = value.partition("://")
    if not found:
        return f"sqlite:///{value}"
    if scheme.partition("+")[0] not in _DATABASES:
        raise UnfitError(
            f"{value!r} is not a database", "write the name of a file, or a URL as in postgresql://user@host/name"
        )
    return value


def port_range(value: object) -> object:
    """Read a range of ports, or nothing."""
    if value:
        found = re.fullmatch(r"([0-9]{1,5})-([0-9]{1,5})", str(value))
        if found is None or not 0 < int(found[1]) <= int(found[2]) <= _LAST_PORT:
            raise UnfitError(f"{value!r} is no range of ports", "write the first and the last, as in 2600-2650")
    return value


def hostname(value: object) -> object:
    """Read a host name or an address literal."""
    if not isinstance(value, str) or not _HOSTNAME.match(value):
        raise UnfitError(
            f"{value!r} is not a host name", "write letters, digits, dots and hyphens, as in mail.example.com"
        )
    return value


def names(value: object) -> object:
    """Read host names."""
    texts = [value] if isinstance(value, str) else list(value) if isinstance(value, Iterable) else [value]
    return tuple(dict.fromkeys(str(hostname(text)).lower() for text in texts))


def origins(value: object) -> object:
    """Read origins (RFC 6454)."""
    texts = [value] if isinstance(value, str) else list(value) if isinstance(value, Iterable) else [value]
    for text in texts:
        if not isinstance(text, str) or not _ORIGIN.match(text):
            raise UnfitError(f"{text!r} is not an origin", "write scheme and host, as in https://app.example.com")
    return tuple(dict.fromkeys(str(text).lower() for text in texts))


# How a value is shown.


def show_number(value: int | None) -> str:
    """Write a number that may be missing as it is read."""
    return "off" if value is None else str(value)
