"""What stands after a matcher: patterns for addresses, texts and words, and networks. Always one, or a list of them."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated

from pydantic import Field, PlainSerializer, PlainValidator, WithJsonSchema

from mailtrap_py.pattern import Kind, Pattern
from mailtrap_py.scenario.mistakes import Mistake
from mailtrap_py.scenario.values import OneOrMore, as_text, listed

if TYPE_CHECKING:
    from collections.abc import Callable

_VERSION = re.compile(r"(?:TLSv?)?(?P<number>1(?:\.[0-3])?)", re.IGNORECASE)
_CODE = re.compile(r"[2-5](?:xx|[0-9]x|[0-9]{2})")

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True)
class Word:
    """A keyword of the protocol: the whole of it, letters in any case; or a wildcard or regular expression."""

    text: str
    _pattern: Pattern | None = field(init=False, repr=False, compare=False, default=None)

    def __post_init__(self) -> None:
        """Compile what is more than a word."""
        if not self.text.isalnum() and set(self.text) & set("*?/"):
            object.__setattr__(self, "_pattern", Pattern(self.text))

    def matches(self, value: str) -> bool:
        """Say whether the value is one of those meant."""
        if self._pattern is None:
            return value.casefold() == self.text.casefold()
        return self._pattern.matches(value)


def _read_pattern(kind: Kind) -> Callable[[object], Pattern]:
    def read(value: object) -> Pattern:
        if isinstance(value, Pattern):
            return value
        text = as_text(value)
        if kind == "address" and text.startswith("<") and text.endswith(">"):
            text = text[1:-1]  # as on the wire; without this it would be a pattern that never matches
        return Pattern(text, kind)

    return read


def _read_word(value: object) -> Word:
    return value if isinstance(value, Word) else Word(as_text(value))


def read_network(value: object) -> Network:
    """Read an address or a network. Raises `Mistake`."""
    if isinstance(value, ipaddress.IPv4Network | ipaddress.IPv6Network):
        return value
    text = as_text(value)
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        cure = "write an address or a network, as in 127.0.0.1, 10.0.0.0/8, '::1'"
        raise Mistake(f"{text!r} is not an address", cure) from None


def _read_tls(value: object) -> bool | tuple[Word, ...]:
    if isinstance(value, bool):
        return value
    words = tuple(_read_version(each) for each in listed(value))
    if not words:
        raise Mistake("an empty list is not enough", "write true, false, or a version, as in TLSv1.2")
    return words


def _read_version(value: object) -> Word:
    if isinstance(value, Word):
        return value
    text = as_text(value)
    if found := _VERSION.fullmatch(text):
        return Word(f"TLSv{found['number'].removesuffix('.0')}")  # as OpenSSL names them
    if set(text) & set("*?/"):
        return Word(text)
    raise Mistake(f"{text!r} is not a version of TLS", "write true, false, or a version, as in TLSv1.2")


def _read_code(value: object) -> str:
    text = as_text(value)
    if not _CODE.fullmatch(text):
        raise Mistake(f"{text!r} is not a code", "write a code (451) or a class of codes (4xx, 45x)")
    return text


def code_matches(wanted: str, code: int) -> bool:
    """Say whether a code is the one meant, or one of those; an `x` stands for any digit."""
    return all(one in {digit, "x"} for one, digit in zip(wanted, f"{code:03d}", strict=False))


_TEXT = {"type": ["string", "number", "boolean"]}


def _one_or_several(described: str) -> WithJsonSchema:
    several = {"type": "array", "items": _TEXT, "minItems": 1}
    return WithJsonSchema({"anyOf": [_TEXT, several], "description": f"{described}, or a list, any of which."})


_written = PlainSerializer(lambda pattern: pattern.text)
_SEVERAL = (Field(min_length=1), OneOrMore())

Addresses = Annotated[
    tuple[Annotated[Pattern, PlainValidator(_read_pattern("address")), _written], ...],
    *_SEVERAL,
    _one_or_several("The whole address, or with wildcards (*@example.com), or /regex/"),
]
Texts = Annotated[
    tuple[Annotated[Pattern, PlainValidator(_read_pattern("text")), _written], ...],
    *_SEVERAL,
    _one_or_several("A part of the text in any case, or the whole with wildcards (*), or /regex/"),
]
Words = Annotated[
    tuple[Annotated[Word, PlainValidator(_read_word), _written], ...],
    *_SEVERAL,
    _one_or_several("The word in any case, or with wildcards (*), or /regex/"),
]
Networks = Annotated[
    tuple[Annotated[Network, PlainValidator(read_network), PlainSerializer(str)], ...],
    *_SEVERAL,
    _one_or_several("An address or a network (10.0.0.0/8)"),
]
_TLS_SCHEMA = {
    "anyOf": [{"type": "boolean"}, _TEXT, {"type": "array", "items": _TEXT, "minItems": 1}],
    "description": "true or false, or a version as in TLSv1.2, or a list of versions.",
}
TlsVersions = Annotated[
    bool | tuple[Word, ...],
    PlainValidator(_read_tls),
    PlainSerializer(lambda wanted: wanted if isinstance(wanted, bool) else [word.text for word in wanted]),
    WithJsonSchema(_TLS_SCHEMA),
]
"""Whether there is TLS, or of which version."""

Codes = Annotated[
    tuple[
        Annotated[
            str,
            PlainValidator(_read_code),
            WithJsonSchema(
                {
                    "anyOf": [
                        {"type": "integer", "minimum": 200, "maximum": 599},
                        {"type": "string", "pattern": rf"^({_CODE.pattern})$"},
                    ]
                }
            ),
        ],
        ...,
    ],
    *_SEVERAL,
]
"""Codes or classes of codes (`4xx`), any of which."""
