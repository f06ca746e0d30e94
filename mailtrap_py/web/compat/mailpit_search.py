"""Mailpit's search language: words and filters, parted by blanks outside of quotes, `-` or `!` before what must not be.

A word is found anywhere in a message, in its header fields, too, in any case: the record has an index for that. The
filters: `from: to: cc: bcc: reply-to: addressed: subject: message-id: tag: is: has: before: after: larger: smaller:`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import TYPE_CHECKING, Any, Protocol
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from mailtrap_py.web.compat.mailpit_shapes import people

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mailtrap_py.store import MessageSummary
    from mailtrap_py.web.compat.mailpit_shapes import Digest

_TERM = re.compile(r'(?:[^\s"]|"[^"]*"?)+')
_SIZE = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*([kmg]?)b?\Z")
_POWERS = {"": 0, "k": 1, "m": 2, "g": 3}
_DATES = ("%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%d", "%Y/%m/%d", "%d/%m/%Y")


class Library(Protocol):
    """What a search asks of the mailbox about a message; each answer may take a while."""

    def digest(self, message: MessageSummary) -> Digest:
        """Read what lists show."""

    def tags(self, message: MessageSummary) -> list[str]:
        """Give its tags."""

    def is_read(self, message: MessageSummary) -> bool:
        """Say whether it was read."""


Holds = Callable[["MessageSummary", Library], bool]


@dataclass(frozen=True, slots=True)
class Condition:
    """One term: a `word`, or whether it holds; whether it has to or must not; whether messages must be read for it."""

    holds: Holds | None
    negated: bool
    slow: bool
    word: str = ""


def parse(query: str, zone: str = "") -> list[Condition]:
    """Read a query; the quick conditions come first. A filter that nobody knows is a word."""
    zone_info = _zone(zone)
    found = [_condition(term, zone_info) for term in _TERM.findall(query)]
    return sorted((each for each in found if each is not None), key=lambda each: each.slow)


def matches(
    conditions: Iterable[Condition],
    message: MessageSummary,
    library: Library,
    words: Mapping[str, frozenset[str]],
) -> bool:
    """Say whether a message fits; `words` gives, for each word that is asked for, the ids of those that have it."""

    def holds(condition: Condition) -> bool:
        if condition.holds is None:
            return message.id in words[condition.word]
        return condition.holds(message, library)

    return all(holds(each) != each.negated for each in conditions)


def _zone(name: str) -> tzinfo:
    try:
        return ZoneInfo(name) if name else UTC
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return UTC


def _condition(term: str, zone: tzinfo) -> Condition | None:
    bare = term.replace('"', "")
    negated = bare[:1] in {"-", "!"} and len(bare) > 1
    bare = bare[1:] if negated else bare
    key, colon, value = bare.partition(":")
    key, value = key.lower(), value.strip().lower()
    if colon and value and key in _FILTERS:
        made = _FILTERS[key](value, zone)
        return None if made is None else Condition(made, negated, key in _SLOW)
    word = bare.strip()
    return Condition(None, negated, slow=False, word=word) if word else None


def _named(*fields: str) -> Callable[[str, tzinfo], Holds]:
    def make(value: str, _: tzinfo) -> Holds:
        return lambda message, library: any(
            value in f"{each['Name']} {each['Address']}".lower() for each in _mailboxes(fields, message, library)
        )

    return make


def _mailboxes(fields: tuple[str, ...], message: MessageSummary, library: Library) -> Iterable[dict[str, Any]]:
    for field in fields:
        if field in {"bcc", "reply_to"}:
            yield from getattr(library.digest(message), field)
        else:
            yield from people(getattr(message, field))


def _contains(field: str) -> Callable[[str, tzinfo], Holds]:
    def make(value: str, _: tzinfo) -> Holds:
        return lambda message, _: value in getattr(message, field).lower()

    return make


def _tagged(value: str, _: tzinfo) -> Holds:
    return lambda message, library: any(value in tag.lower() for tag in library.tags(message))


def _is(value: str, _: tzinfo) -> Holds | None:
    match value:
        case "read":
            return lambda message, library: library.is_read(message)
        case "unread":
            return lambda message, library: not library.is_read(message)
        case "tagged":
            return lambda message, library: bool(library.tags(message))
        case _:
            return None


def _has(value: str, _: tzinfo) -> Holds | None:
    if value.startswith("attachment"):
        return lambda message, _: message.attachments > 0
    if value.startswith("inline"):
        return lambda message, library: library.digest(message).inline > 0
    return None


def _when(*, later: bool) -> Callable[[str, tzinfo], Holds | None]:
    def make(value: str, zone: tzinfo) -> Holds | None:
        moment = read_date(value, zone)
        if moment is None:
            return None
        return lambda message, _: (message.at > moment) is later

    return make


def read_date(text: str, zone: tzinfo = UTC) -> float | None:
    """Read a date in seconds since 1970, in a zone if it has none of its own; None for what is no date."""
    for form in _DATES:
        try:
            return datetime.strptime(text.upper(), form).replace(tzinfo=zone).timestamp()
        except ValueError:
            continue
    try:
        date = datetime.fromisoformat(text.upper())
    except ValueError:
        return None
    return date.replace(tzinfo=date.tzinfo or zone).timestamp()


def _size(*, larger: bool) -> Callable[[str, tzinfo], Holds | None]:
    def make(value: str, _: tzinfo) -> Holds | None:
        found = _SIZE.match(value)
        if found is None:
            return None
        octets = float(found[1]) * 1024 ** _POWERS[found[2]]
        return lambda message, _: message.size > octets if larger else message.size < octets

    return make


_FILTERS: dict[str, Callable[[str, tzinfo], Holds | None]] = {
    "from": _named("from_"),
    "to": _named("to"),
    "cc": _named("cc"),
    "bcc": _named("bcc"),
    "reply-to": _named("reply_to"),
    "addressed": _named("from_", "to", "cc", "bcc", "reply_to"),
    "subject": _contains("subject"),
    "message-id": _contains("message_id"),
    "tag": _tagged,
    "is": _is,
    "has": _has,
    "before": _when(later=False),
    "after": _when(later=True),
    "larger": _size(larger=True),
    "smaller": _size(larger=False),
}
_SLOW = frozenset({"bcc", "reply-to", "addressed", "tag", "has"})
