"""The record as one mailbox, as other tools see it: all inboxes together, newest first, read from a start on."""

from __future__ import annotations

import itertools
import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from mailtrap_py.store import Query
from mailtrap_py.web.compat.mailpit_search import Condition, matches
from mailtrap_py.web.compat.mailpit_shapes import Digest, digest_of, plus_tags, tags_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from mailtrap_py.store import MessageSummary, Store
    from mailtrap_py.web.compat.marks import Marks

T = TypeVar("T")

_PAGE = 500
_REMEMBERED = 10_000
_LOOKED_AT = 1000


@dataclass(slots=True)
class Mailbox:
    """All messages, with their marks. Its methods block, for they read the record; any thread may call them."""

    store: Store
    marks: Marks
    _digests: OrderedDict[str, Digest] = field(default_factory=OrderedDict)
    _tags: OrderedDict[str, tuple[str, ...]] = field(default_factory=OrderedDict)  # apart, for they are had for less
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def digest(self, message: MessageSummary) -> Digest:
        """Read what lists show of a message, or remember it."""
        return self._remembered(self._digests, digest_of, message)

    def _remembered(
        self, known: OrderedDict[str, T], make: Callable[[MessageSummary, bytes], T], message: MessageSummary
    ) -> T:
        with self._lock:
            if message.id in known:
                known.move_to_end(message.id)
                return known[message.id]
        made = make(message, self.store.raw(message.id) or b"")
        with self._lock:
            known[message.id] = made
            while len(known) > _REMEMBERED:
                known.popitem(last=False)
        return made

    def having(self, text: str) -> frozenset[str]:
        """Give the ids of the messages in which a text stands; the record has an index for that."""
        found: set[str] = set()
        before = None
        while True:
            page = self.store.messages(Query(text=text), limit=_PAGE, before=before)
            found.update(each.id for each in page.items)
            if page.next is None:
                return frozenset(found)
            before = page.next

    def tags(self, message: MessageSummary) -> list[str]:
        """Give the tags of a message."""
        return self.marks.tags(message.id, self._remembered(self._tags, tags_of, message))

    def is_read(self, message: MessageSummary) -> bool:
        """Say whether it was read."""
        return self.marks.is_read(message.id)

    def total(self) -> int:
        """Count all messages."""
        return self.store.messages(limit=0).total

    def unread(self) -> int:
        """Count the messages that were not read."""
        if self.marks.doubtful:
            self.marks.keep(each for each in self.marks.read() if self.store.message(each) is not None)
        return max(0, self.total() - len(self.marks.read()))

    def all(self) -> Iterator[MessageSummary]:
        """Give every message, newest first."""
        before = None
        while True:
            page = self.store.messages(limit=_PAGE, before=before)
            yield from page.items
            if page.next is None:
                return
            before = page.next

    def search(self, conditions: Iterable[Condition]) -> Iterator[MessageSummary]:
        """Give the messages that fit, newest first."""
        listed = list(conditions)
        words = {each.word: self.having(each.word) for each in listed if each.word}
        return (each for each in self.all() if matches(listed, each, self, words))

    def page(self, start: int, limit: int | None, *, before: float | None = None) -> list[MessageSummary]:
        """Give so many messages from a place of the list on; None for all of them."""
        found = (each for each in self.all() if before is None or each.at < before)
        return list(itertools.islice(found, start, None if limit is None else start + limit))

    def all_tags(self, *, read: bool = True) -> dict[str, int]:
        """Count the messages of each tag, by name: those of the newest thousand messages.

        Without `read` the tags that stand in a message are known only if somebody asked for it before: for lists, which
        must be quick.
        """
        found: dict[str, int] = {}
        for message in self.store.messages(limit=_LOOKED_AT).items:
            own = self._tags.get(message.id) or plus_tags(message)
            for tag in self.tags(message) if read else self.marks.tags(message.id, own):
                found[tag] = found.get(tag, 0) + 1
        return dict(sorted(found.items(), key=lambda item: item[0].lower()))
