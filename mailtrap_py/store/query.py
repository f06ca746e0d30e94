"""What readers ask the record, and what it answers: frozen values, no database.

Positions order everything that was ever recorded, in all tables alike: a later event has a higher one, and none is used
twice. So a position is a cursor that stays right whatever is deleted or comes in.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Generic, Literal, TypeVar

from mailtrap_py.events import Value
from mailtrap_py.message import addresses
from mailtrap_py.message.words import fold
from mailtrap_py.pattern import Pattern

T = TypeVar("T")

_SHORTEST = 3  # characters that an index can find

MOST_COUNTED = 1000
"""So many of what a search by text finds are counted: to count them all would take longer than to find them."""


class MessageSummary(Value, frozen=True, gc=False, kw_only=True):
    """A message as a list shows it. `size` is in octets, `at` in seconds since 1970.

    `reverse_path` and `recipients` are the envelope's, exactly as given; `from_`, `to`, `cc`, `subject`, `date` and
    `message_id` are what the header says, decoded, and empty where it says nothing or cannot be read.
    """

    position: int
    id: str
    inbox: str
    session_id: str
    transaction_id: str
    at: float
    reverse_path: str
    recipients: tuple[str, ...]
    subject: str
    from_: str
    to: str
    cc: str
    date: str
    message_id: str
    size: int
    attachments: int
    tls_version: str
    user: str
    client: str
    helo: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionView:
    """A session as far as it has come: `ended_at` is None while it is open, `ending` is then empty.

    `messages` and `transactions` count what is in the record now; times are in seconds since 1970.
    """

    position: int
    id: str
    inbox: str
    number: int
    at: float
    client: str
    client_port: int
    port: int
    protocol: str
    upstream: str
    helo: str
    esmtp: bool
    tls_version: str
    tls_cipher: str
    user: str
    mechanism: str
    ended_at: float | None
    ending: str
    reason: str
    messages: int
    transactions: int


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """A part of a list, newest first. `next` is the cursor (`before`) of the part that follows, None at the end.

    `total` counts the whole list, not only what follows. Of a search by text no more than `MOST_COUNTED` are counted;
    `uncounted` says that there are more.
    """

    items: tuple[T, ...]
    next: int | None
    total: int
    uncounted: bool = False


class Announcement(Value, frozen=True, gc=False):
    """Something new in the record. `id` names the message, session or transaction, and `message` is what was stored.

    A session is announced when it starts, when more of it is known, and when it ends. `deleted` with an id is one
    message; with an empty id it is everything in that inbox, or everything at all where `inbox` is empty too.
    """

    kind: Literal["message", "session", "transaction", "deleted"]
    inbox: str
    id: str
    message: MessageSummary | None = None


@dataclass(frozen=True, slots=True)
class Query:
    """Which messages are meant: all that fit every field that is not None. Raises `ValueError` for a bad pattern.

    `to` is an address pattern for any envelope recipient, `from_` one for the reverse-path or an address of the From
    header, `subject` a text pattern (the language is in `mailtrap_py.pattern`). `after` is a position: only later ones.

    `text` is anything that stands in the message (see `mailtrap_py.message.words`), as one piece; letters in any case,
    any white space for a blank; nothing in it is special. Only the store can say who has it: `matches` does not ask.
    """

    inbox: str | None = None
    to: str | None = None
    from_: str | None = None
    subject: str | None = None
    session_id: str | None = None
    after: int | None = None
    text: str | None = None
    _to: Pattern | None = field(init=False, repr=False, compare=False, default=None)
    _from: Pattern | None = field(init=False, repr=False, compare=False, default=None)
    _subject: Pattern | None = field(init=False, repr=False, compare=False, default=None)

    def __post_init__(self) -> None:
        """Compile the patterns, so that a query that exists can be asked."""
        if self.to is not None:
            object.__setattr__(self, "_to", Pattern(self.to, "address"))
        if self.from_ is not None:
            object.__setattr__(self, "_from", Pattern(self.from_, "address"))
        if self.subject is not None:
            object.__setattr__(self, "_subject", Pattern(self.subject))

    @property
    def exact_to(self) -> str | None:
        """The one recipient meant, domain in lower case; None when any or a pattern is."""
        return self._to.exact if self._to is not None else None

    @property
    def exact_from(self) -> str | None:
        """The one sender meant, domain in lower case; None when any or a pattern is."""
        return self._from.exact if self._from is not None else None

    @property
    def exact(self) -> bool:
        """Whether no pattern is left that must be compared with each message."""
        return self.subject is None and all(
            pattern is None or pattern.exact is not None for pattern in (self._to, self._from)
        )

    @property
    def needles(self) -> tuple[str, ...]:
        """What must stand in the words of every message that is meant, folded; the text that is asked for comes first.

        A plain subject stands there too, so that the index finds it, and `matches` need not be asked of all messages.
        """
        plain = fold((self._subject and self._subject.exact) or "")
        return tuple(filter(None, (fold(self.text or ""), plain if len(plain) >= _SHORTEST else "")))

    def matches(self, message: MessageSummary) -> bool:
        """Say whether the message is meant, as far as a summary shows it: all but `text`."""
        return next(self._differences(message), None) is None

    def misses(self, message: MessageSummary) -> str:
        """Say why the message is not meant, for people: every difference, joined by semicolons; empty if it is."""
        return "; ".join(self._differences(message))

    def _differences(self, message: MessageSummary) -> Iterator[str]:
        if self.inbox is not None and message.inbox != self.inbox:
            yield f"inbox is {message.inbox!r}, not {self.inbox!r}"
        if self._to is not None and not any(map(self._to.matches, message.recipients)):
            yield f"recipient is {_either(message.recipients)}, not {self.to!r}"
        if self._from is not None:
            named = senders(message.reverse_path, message.from_)
            if not any(map(self._from.matches, named)):
                yield f"sender is {_either(named)}, not {self.from_!r}"
        if self._subject is not None and not self._subject.matches(message.subject):
            yield f"subject is {message.subject!r}, not {self.subject!r}"
        if self.session_id is not None and message.session_id != self.session_id:
            yield f"session is {message.session_id!r}, not {self.session_id!r}"
        if self.after is not None and message.position <= self.after:
            yield f"position is {message.position}, not after {self.after}"


def senders(reverse_path: str, from_: str) -> tuple[str, ...]:
    """Give every address that a message names as its sender: the reverse-path, and those in its From header."""
    return (reverse_path, *(mailbox.address for mailbox in addresses(from_)))


def _either(values: tuple[str, ...]) -> str:
    return " or ".join(dict.fromkeys(map(repr, values))) or "nobody"
