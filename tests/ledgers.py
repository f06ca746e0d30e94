"""A ledger in memory, for tests of what is shared: it takes turns, keeps only JSON, and can be out of reach."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


class Page:
    """What is remembered, in one turn."""

    def __init__(self, book: Book) -> None:
        """Read it."""
        self._book = book
        self.data: dict[str, Any] = json.loads(book.kept)
        self.changed = False

    def recall(self, key: str) -> Any | None:  # noqa: ANN401 - whatever JSON can hold
        return json.loads(self._book.notes.get(key, "null"))

    def note(self, key: str, data: object) -> None:
        self._book.notes[key] = json.dumps(data)

    def forget(self) -> None:
        self._book.notes.clear()


class Book:
    """What several programs remember of one inbox."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.kept = "{}"
        self.notes: dict[str, str] = {}
        self.lost = False
        self.changes = 0
        self._turn = threading.Lock()

    @contextmanager
    def turn(self) -> Iterator[Page]:
        if self.lost:
            raise ConnectionError
        with self._turn:
            page = Page(self)
            yield page
            self.kept = json.dumps(page.data)
            self.changes += page.changed


class Shelf:
    """The books of all inboxes, as one of several programs sees them."""

    def __init__(self, books: dict[str, Book]) -> None:
        """Share these."""
        self._books = books
        self.watchers: list[Callable[[str], None]] = []

    def ledger(self, inbox: str) -> Book:
        return self._books.setdefault(inbox, Book())

    def inboxes(self) -> list[str]:
        return [name for name, book in self._books.items() if book.kept != "{}"]

    def watch(self, watcher: Callable[[str], None]) -> None:
        self.watchers.append(watcher)
