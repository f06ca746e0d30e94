"""What came and is not in the database yet, in the order in which it came; and what of it has been promised.

A promise is what a 250 stands on. A message is promised when the journal has it, with all that came before it; where
there is no journal, where it is too large for one, or when too much waits for the database, it waits for its commit.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections import deque
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final, NamedTuple

from mailtrap_py.events import Message, Transaction

if TYPE_CHECKING:
    from mailtrap_py.events import Recorded
    from mailtrap_py.store.journal import Journal

    Waiter = asyncio.Future[None]
    Job = Callable[[], None]

_BESIDES: Final = 2048  # octets that a message costs besides its own
_LOG = logging.getLogger("mailtrap_py.store")


class Entry(NamedTuple):
    """An event, and who waits until it is in the database."""

    event: Recorded
    waiter: Waiter


if TYPE_CHECKING:
    Item = Recorded | Entry


class Intake:
    """A queue that anybody may put something into, from any thread, and that one thread takes from."""

    def __init__(self, journal: Journal | None) -> None:
        """Begin with nothing. Without a journal nothing is promised."""
        self.octets = 0
        """About how much was promised since the last `take`."""
        self.promises = 0
        """How many promises there have been."""
        self._journal = journal
        self._queue: deque[Item | Job] = deque()
        self._came: list[Item | Job] = []  # out of the queue, and not in the journal
        self.unread = False
        """Whether something had been promised at the last `take` that `promised` has not given."""
        self._unsafe: list[Recorded] = []  # what was taken and is neither in the journal nor in the database
        self._owing = False
        self._refused = False
        self._closed = False
        self._lock = threading.Lock()  # one at a time promises, takes, or looks whether there is anything

    def __bool__(self) -> bool:
        """Whether there is anything to take."""
        return bool(self._queue or self._came or self.octets)

    @property
    def much(self) -> bool:
        """Whether so much was promised that it should be taken soon: before no more can be promised."""
        return self._journal is not None and self.octets > self._journal.most * 3 // 4

    def settled(self) -> bool:
        """Whether nothing is here, not even on its way from one list to the other."""
        with self._lock:
            return not self

    def put(self, item: Item | Job) -> None:
        """Add to the queue. Raises `RuntimeError` after `close`."""
        # No lock: events are queued a dozen times for every message. What is read after the appending can be trusted,
        # because the last `take` comes after it was closed.
        self._queue.append(item)
        if self._closed:
            raise RuntimeError("the store is closed")

    def promise(self, message: Recorded) -> bool:
        """Add a message and promise it: from now on nothing but the death of the machine can lose it.

        Tells whether that could be done; if not, nothing was added. Raises `RuntimeError` after `close`.
        """
        journal = self._journal
        if journal is None or type(message) is not Message:
            return False
        octets = len(message.raw) + _BESIDES
        if octets > journal.largest or self.octets + octets > journal.most:
            return False
        with self._lock:
            if self._closed:
                raise RuntimeError("the store is closed")
            if self._owing:  # what is appended now would be settled with what is owed
                return False
            self._move()
            before, rest = _parted(self._came)
            try:
                if self._unsafe:  # it came before this message, too, and is only on its way
                    journal.append(self._unsafe, late=True)
                    self._unsafe = []
                journal.append([*before, message])
            except Exception as error:  # noqa: BLE001 - a full disk or a value it cannot write: a commit will tell
                if isinstance(error, OSError) and not self._refused:
                    self._refused = True  # said once, until it takes something again
                    _LOG.warning("the journal of the store takes nothing; messages wait for their commits: %s", error)
                return False
            self._refused = False
            self._came = rest
            self.octets += octets + sum(len(event.content) for event in before if type(event) is Transaction)
            self.promises += 1
        return True

    def _move(self) -> None:
        with contextlib.suppress(IndexError):
            while True:
                self._came.append(self._queue.popleft())

    def take(self) -> tuple[list[Item], list[Job]]:
        """Take what was not promised, and the work to be done after all; turn to what was promised before it."""
        with self._lock:
            self._move()
            if self._journal is not None and (self.octets or not self._owing):
                self._journal.turn()
                self.unread = bool(self.octets)
                if not self._owing:
                    self._unsafe, _ = _parted(self._came)
            taken, self._came = self._came, []
            self.octets = 0
        jobs: list[Job] = []
        items: list[Item] = []
        for item in taken:
            if callable(item):
                jobs.append(item)
            else:
                items.append(item)
        return items, jobs

    def promised(self) -> Iterator[list[Recorded]]:
        """Give what had been promised at the last `take`, once, in portions. Raises what the journal raises."""
        if self.unread and self._journal is not None:
            self.unread = False
            yield from self._journal.portions()

    def written(self, *, owing: bool) -> None:
        """Forget the promises that were taken: they are kept. With `owing` some are not, and no others are made."""
        if self._journal is None:
            return
        with self._lock:
            self._unsafe = []
            if not owing:
                try:
                    self._journal.settle(all_of_it=self._owing)
                except OSError as error:  # what stays there is found in the database by who opens it next
                    _LOG.warning("the journal of the store cannot be emptied: %s", error)
            self._owing = owing

    def close(self) -> None:
        """Take nothing more; what is here can still be taken."""
        with self._lock:
            self._closed = True


def event_of(item: Item) -> Recorded:
    """Give what happened, whether or not somebody waits for it."""
    return item.event if isinstance(item, Entry) else item


def _parted(items: list[Item | Job]) -> tuple[list[Recorded], list[Item | Job]]:
    """Part what can be promised from work to be done and what is waited for: that is told when the database has it."""
    events: list[Recorded] = []
    rest: list[Item | Job] = []
    for item in items:
        if isinstance(item, Entry) or callable(item):
            rest.append(item)
        else:
            events.append(item)
    return events, rest
