"""News as it happens: one bus in the process, read by long polls and by event streams.

The store announces on its own thread, readers wait on their event loops; the bus stands between. It remembers the last
announcements, each with a number, and a reader is no more than the number it has read up to. So a slow reader costs
nothing, one that comes back goes on where it was, and one that is too far behind is told so.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import threading
import uuid
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from mailtrap_py.store import Announcement

    Subscribe = Callable[[Callable[[Announcement], None]], Callable[[], None]]


class BusClosedError(Exception):
    """Nothing more will come: the server is shutting down."""


@dataclass(frozen=True, slots=True)
class News:
    """What a reader is told at once, oldest first. `missed` says that older ones were forgotten before it came."""

    announcements: tuple[Announcement, ...]
    missed: bool
    number: int


class Bus:
    """Everything the store announces, passed on to the readers of this process. Safe to use from any thread."""

    def __init__(
        self,
        subscribe: Subscribe,
        *,
        hurrying: Callable[[], AbstractContextManager[None]] = contextlib.nullcontext,
        keep: int = 1000,
    ) -> None:
        """Start to listen, by the store's `subscribe`, and remember the last `keep` announcements.

        Who waits does so within the store's `hurrying`.
        """
        self._run = uuid.uuid4().hex[:8]
        self._hurrying = hurrying
        self._kept: deque[Announcement] = deque(maxlen=keep)
        self._last = 0
        self._lock = threading.Lock()
        self._sleepers: list[tuple[asyncio.AbstractEventLoop, asyncio.Future[None]]] = []
        self.closed = False
        self._unsubscribe = subscribe(self.publish)

    def publish(self, announcement: Announcement) -> None:
        """Pass it on. Called by the store, on its writer thread."""
        with self._lock:
            self._kept.append(announcement)
            self._last += 1
            sleepers, self._sleepers = self._sleepers, []
        _wake(sleepers)

    def close(self) -> None:
        """End every wait and every stream at once: what a server does first when it shuts down. Idempotent."""
        self._unsubscribe()
        with self._lock:
            self.closed = True
            sleepers, self._sleepers = self._sleepers, []
        _wake(sleepers)

    def reader(self, after: str = "") -> Reader:
        """Read from now on, or from after a place that `place` gave. A place of an earlier run counts as missed."""
        run, _, number = after.partition("-")
        if not after:
            return Reader(self, self._last)
        known = run == self._run and number.isdecimal() and int(number) <= self._last
        return Reader(self, int(number) if known else -1)

    @property
    def sleepers(self) -> int:
        """How many wait for news now: what a test looks at before it makes some."""
        with self._lock:
            return len(self._sleepers)

    def place(self, number: int) -> str:
        """Name a number across runs, as the id of an event."""
        return f"{self._run}-{number}"

    def _since(self, number: int) -> News | None:
        count = self._last - number
        if count <= 0:
            return None
        missed = count > len(self._kept)
        start = 0 if missed else len(self._kept) - count
        return News(tuple(itertools.islice(self._kept, start, None)), missed, self._last)

    async def wait(self, number: int) -> News:
        """Give what came after a number, as soon as there is any. Raises `BusClosedError` when nothing can come."""
        loop = asyncio.get_running_loop()
        while True:
            with self._lock:
                news = self._since(number)
                if news is not None:
                    return news
                if self.closed:
                    raise BusClosedError
                sleeper = (loop, loop.create_future())
                self._sleepers.append(sleeper)
            try:
                with self._hurrying():
                    await sleeper[1]
            finally:
                with self._lock, contextlib.suppress(ValueError):
                    self._sleepers.remove(sleeper)


class Reader:
    """One who reads the bus: the number it has read up to."""

    def __init__(self, bus: Bus, number: int) -> None:
        """Start after that number."""
        self._bus = bus
        self.number = number

    async def read(self) -> News:
        """Wait for what is new, and go on from there. Raises `BusClosedError` at shutdown."""
        news = await self._bus.wait(self.number)
        self.number = news.number
        return news


def _wake(sleepers: list[tuple[asyncio.AbstractEventLoop, asyncio.Future[None]]]) -> None:
    for loop, future in sleepers:
        # A loop that was closed under its sleepers must not break the writer thread of the store.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(_finish, future)


def _finish(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
