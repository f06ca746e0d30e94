"""What clients of other tools keep with messages and the record does not know: whether they were read, and tags.

It is kept in memory, and goes with the server. Reading over the native API marks nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from mailtrap_py.store import Announcement
    from mailtrap_py.web.live import Subscribe

_NOT_IN_TAGS = re.compile(r"[^a-zA-Z0-9\-_.@ ]+")
_LONGEST = 100

Change = dict[str, Any]


def tag_of(text: str) -> str:
    """Make a tag of a text, as Mailpit does: letters, digits, blanks and `-_.@`, up to 100 characters; else blanks."""
    return " ".join(_NOT_IN_TAGS.sub(" ", text).split())[:_LONGEST].strip()


class Marks:
    """Marks of messages by id. Safe to use from any thread."""

    def __init__(self, subscribe: Subscribe) -> None:
        """Begin without any, and hear of what is deleted until `close`."""
        self._lock = threading.Lock()
        self._read: set[str] = set()
        self._tags: dict[str, tuple[str, ...]] = {}
        self._renamed: dict[str, str] = {}
        self._listeners: list[tuple[asyncio.AbstractEventLoop, asyncio.Queue[Change]]] = []
        self.deleted = 0
        self.close = subscribe(self.forget)
        self.doubtful = False
        """Whether some that were read may be gone: an inbox was emptied."""

    def is_read(self, message_id: str) -> bool:
        """Say whether it was read."""
        return message_id in self._read

    def read(self) -> list[str]:
        """Give the ids of those that were read."""
        with self._lock:
            return list(self._read)

    def set_read(self, ids: Iterable[str], *, read: bool) -> None:
        """Mark messages as read, or as not."""
        with self._lock:
            changed = [each for each in ids if (each in self._read) != read]
            (self._read.update if read else self._read.difference_update)(changed)
        for each in changed:
            self._tell({"ID": each, "Read": read})

    def tags(self, message_id: str, own: tuple[str, ...]) -> list[str]:
        """Give the tags of a message: those that were set, else its `own`, as they are called by now; sorted."""
        with self._lock:
            found = self._tags.get(message_id, own)
            named = {self._renamed.get(tag, tag) for tag in found} if self._renamed else set(found)
        return sorted(named - {""}, key=str.lower)

    def set_tags(self, message_id: str, tags: Iterable[str]) -> None:
        """Give a message these tags instead of those it had."""
        made = tuple(dict.fromkeys(filter(None, map(tag_of, tags))))
        with self._lock:
            self._tags[message_id] = made
            for tag in made:
                self._renamed.pop(tag, None)
        self._tell({"ID": message_id, "Tags": sorted(made, key=str.lower)})

    def rename_tag(self, old: str, new: str) -> None:
        """Call a tag otherwise on every message, those of their own too; "" takes it away."""
        with self._lock:
            self._renamed = {each: new if name == old else name for each, name in self._renamed.items()}
            self._tags = {
                each: tuple(dict.fromkeys(new if tag == old else tag for tag in tags if tag != old or new))
                for each, tags in self._tags.items()
            }
            self._renamed[old] = new

    def forget(self, announcement: Announcement) -> None:
        """Forget what is deleted. Called by the store, on its own thread."""
        if announcement.kind != "deleted":
            return
        with self._lock:
            self.deleted += 1
            if announcement.id:
                self._read.discard(announcement.id)
                self._tags.pop(announcement.id, None)
            elif announcement.inbox:
                self.doubtful = True
            else:
                self._read.clear()
                self._tags.clear()

    def keep(self, ids: Iterable[str]) -> None:
        """Forget that others than these were read: they are gone."""
        kept = set(ids)
        with self._lock:
            self._read &= kept
            self.doubtful = False

    @contextlib.contextmanager
    def listening(self) -> Iterator[asyncio.Queue[Change]]:
        """Hear of every change of a mark, on a queue of the loop that runs."""
        listener = (asyncio.get_running_loop(), asyncio.Queue[Change]())
        with self._lock:
            self._listeners.append(listener)
        try:
            yield listener[1]
        finally:
            with self._lock:
                self._listeners.remove(listener)

    def _tell(self, change: Change) -> None:
        with self._lock:
            listeners = list(self._listeners)
        for loop, queue in listeners:
            with contextlib.suppress(RuntimeError):  # the loop was closed under its listener
                put: Callable[[Change], None] = queue.put_nowait
                loop.call_soon_threadsafe(put, change)
