"""The scenario's clock: every wait and every time-out of a scenario runs on one of these.

`RealClock` is the machine's; `ScaledClock` runs so many times faster; `ManualClock` stands still until it is advanced.
All give seconds since 1970, so that a greylist that asks for five minutes reads the same on each. Times are never
negative, and a clock never runs backwards: the machine's wall clock is read once, at the start, and from there on the
monotonic one.
"""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import itertools
import threading
import time
from abc import ABC, abstractmethod


class Clock(ABC):
    """What a scenario needs of time."""

    @abstractmethod
    def now(self) -> float:
        """Give the seconds since 1970 on this clock."""

    @abstractmethod
    async def sleep(self, seconds: float) -> None:
        """Return when so many seconds have passed on this clock."""


class ScaledClock(Clock):
    """A clock that runs `speed` times as fast as the machine's."""

    def __init__(self, speed: float) -> None:
        """Start at the present. Raises `ValueError` for a speed that is not above zero."""
        if not speed > 0:
            raise ValueError(f"the speed of a clock is a number above 0, not {speed}")
        self.speed = speed
        self._epoch = time.time()
        self._start = time.monotonic()

    def now(self) -> float:
        """Give the present, as this clock sees it."""
        return self._epoch + (time.monotonic() - self._start) * self.speed

    async def sleep(self, seconds: float) -> None:
        """Wait a shorter time than asked for, by the speed."""
        await asyncio.sleep(seconds / self.speed)


class RealClock(ScaledClock):
    """The machine's clock."""

    def __init__(self) -> None:
        """Start at the present."""
        super().__init__(1.0)
        self._ahead = self._epoch - self._start

    def now(self) -> float:
        """Give the present: what is asked most often, so it is as short as it can be."""
        return self._ahead + time.monotonic()


_Sleeper = tuple[float, int, asyncio.AbstractEventLoop, asyncio.Future[None]]


class ManualClock(Clock):
    """A clock that stands still until `advance` is called, from any thread."""

    def __init__(self) -> None:
        """Start at the present, and stay there."""
        self._now = time.time()
        self._sleepers: list[_Sleeper] = []
        self._order = itertools.count()
        self._lock = threading.Condition()  # told of everybody who lies down

    def now(self) -> float:
        """Give the time that the clock was moved to."""
        return self._now

    def advance(self, seconds: float) -> None:
        """Move on, and wake whoever waited for a time that has come, in the order of those times."""
        if seconds < 0:
            raise ValueError("a clock cannot be moved back")
        with self._lock:
            self._now += seconds
            due = []
            while self._sleepers and self._sleepers[0][0] <= self._now:
                due.append(heapq.heappop(self._sleepers))
        _wake_all(due)

    def release(self) -> None:
        """Wake everybody without moving on: whoever puts this clock away will not move it any more."""
        with self._lock:
            due, self._sleepers = sorted(self._sleepers), []
        _wake_all(due)

    async def sleep(self, seconds: float) -> None:
        """Wait until the clock was moved so far."""
        if seconds <= 0:
            return
        loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()
        with self._lock:
            heapq.heappush(self._sleepers, (self._now + seconds, next(self._order), loop, future))
            self._lock.notify_all()
        await future

    @property
    def sleepers(self) -> int:
        """How many wait now: what a test looks at before it moves the clock."""
        with self._lock:
            return self._count()

    def wait_for_sleepers(self, at_least: int, timeout: float) -> int:
        """Count who waits now, waiting up to `timeout` seconds of the machine's clock until there are so many."""
        with self._lock:
            self._lock.wait_for(lambda: self._count() >= at_least, timeout)
            return self._count()

    def _count(self) -> int:
        return sum(not future.done() for *_, future in self._sleepers)


def _wake_all(sleepers: list[_Sleeper]) -> None:
    for _, _, loop, future in sleepers:
        with contextlib.suppress(RuntimeError):  # the loop was closed under its sleepers
            loop.call_soon_threadsafe(_wake, future)


def _wake(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
