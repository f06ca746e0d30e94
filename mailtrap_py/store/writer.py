"""The one thread that writes. It takes all that is queued, writes it in one transaction, and tells everybody concerned.

Grouping is what makes a commit for every message affordable: while one transaction is written, the next one gathers,
so a busy trap commits seldom and a quiet one at once.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections import defaultdict, deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from sqlalchemy.exc import DBAPIError

from mailtrap_py.store.database import BusyError
from mailtrap_py.store.rows import Batch, reserve
from mailtrap_py.store.upkeep import Keep, Upkeep

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from mailtrap_py.events import Recorded
    from mailtrap_py.store.database import Database
    from mailtrap_py.store.query import Announcement

T = TypeVar("T")
Subscriber = Callable[["Announcement"], None]
Waiter = asyncio.Future[None]

_LOG = logging.getLogger("mailtrap_py.store")
_ALL = Keep()
_TURNS = 16  # of an event loop, at most, in which a commit waits for more
_FLUSH_SECONDS = 0.05  # how long an event that nobody waits for may lie in the queue


class _Entry(NamedTuple):
    event: Recorded
    waiter: Waiter | None


class Writer:
    """A queue and its thread. Everything may be called from any thread."""

    def __init__(self, database: Database, keep: Keep = _ALL) -> None:
        """Start the thread, which sees to the upkeep when there is nothing to write."""
        self._database = database
        with database.reading() as connection:
            self._upkeep = Upkeep(database.texts, keep, behind=database.texts.behind(connection))
        self._subscribers: tuple[Subscriber, ...] = ()
        self._queue: deque[_Entry | Callable[[], None]] = deque()
        self._commits = 0
        self._gathering = False
        self._wakeup = threading.Condition()  # guards all that follows
        self._asleep = False
        self._urgent = False
        self._busy = False
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="mailtrap_py-store", daemon=True)
        self._thread.start()

    def add(self, event: Recorded) -> None:
        """Queue an event; it is written within 50 ms. Raises `RuntimeError` after `close`."""
        self._put(_Entry(event, None))

    def commit(self, event: Recorded) -> Waiter:
        """Queue an event, and give a future of the running loop that is done when it is written, or has the error."""
        loop = asyncio.get_running_loop()
        waiter: Waiter = loop.create_future()
        self._put(_Entry(event, waiter))
        self._commits += 1
        if not self._gathering:
            self._gathering = True
            loop.call_soon(self._gather, loop, self._commits, _TURNS)
        return waiter

    def _gather(self, loop: asyncio.AbstractEventLoop, seen: int, turns: int) -> None:
        """Wake the thread when a turn of the loop brought no more commits.

        Then the loop has nothing to do but to wait for them, and the two do not fight for the interpreter.
        """
        if self._commits != seen and turns:
            loop.call_soon(self._gather, loop, self._commits, turns - 1)
            return
        self._gathering = False
        with self._wakeup:
            self._wake()

    def perform(self, work: Callable[[Connection], tuple[T, Sequence[Announcement]]]) -> T:
        """Let the thread do other work in a transaction: it sees all that was queued before, and is then announced."""
        done: Future[T] = Future()

        def job() -> None:
            try:
                with self._database.writing() as connection:
                    result, announcements = work(connection)
                    self._database.tell(connection, announcements)
            except Exception as error:  # noqa: BLE001 - whatever it is, it belongs to the one who asked
                done.set_exception(_cause(error))
            else:
                self._announce(announcements)
                done.set_result(result)

        if threading.current_thread() is self._thread:  # a subscriber that deletes what it was told of
            job()
        else:
            self._put(job)
            with self._wakeup:
                self._wake()
        return done.result()

    def perform_in_steps(self, step: Callable[[Connection], tuple[bool, Sequence[Announcement]]]) -> None:
        """Let the thread do work in many transactions, until a step says that it was the last.

        What comes in meanwhile is written between two steps.
        """
        while self.perform(step):
            pass

    def announce(self, announcements: Sequence[Announcement]) -> None:
        """Tell the subscribers, on this thread and soon, what another program wrote."""
        with contextlib.suppress(RuntimeError):  # at the end there is nobody to tell
            self._put(lambda: self._announce(announcements))
            with self._wakeup:
                self._wake()

    def flush(self) -> None:
        """Wait until all is written that was queued before. For a subscriber it is: it is told afterwards."""
        if threading.current_thread() is self._thread:
            return
        with self._wakeup:
            if not self._queue and not self._busy:
                return
            written = None if self._closing else threading.Event()
            if written is not None:
                self._queue.append(written.set)
                self._wake()
        if written is None:
            self._thread.join()
        else:
            written.wait()

    def subscribe(self, subscriber: Subscriber) -> Callable[[], None]:
        """Call it, on this thread, for all that is written from now on; the function returned ends that."""
        with self._wakeup:
            self._subscribers = (*self._subscribers, subscriber)

        def unsubscribe() -> None:
            with self._wakeup:
                self._subscribers = tuple(other for other in self._subscribers if other is not subscriber)

        return unsubscribe

    def close(self) -> None:
        """Write what is queued, then end the thread. Idempotent."""
        with self._wakeup:
            self._closing = True
            self._wake()
        self._thread.join()

    def _put(self, item: _Entry | Callable[[], None]) -> None:
        # No lock: events are queued a dozen times for every message. What is read after the appending can be trusted,
        # because the thread looks at the queue after it has said that it sleeps, and after it was told to close.
        self._queue.append(item)
        if self._closing:
            raise RuntimeError("the store is closed")
        if self._asleep:
            with self._wakeup:
                self._wakeup.notify()

    def _wake(self) -> None:
        if not self._urgent:
            self._urgent = True
            self._wakeup.notify()

    def _run(self) -> None:
        while True:
            with self._wakeup:
                self._busy = False
                self._wait()
                self._urgent = False
                items = [self._queue.popleft() for _ in range(len(self._queue))]
                self._busy = bool(items)
                last = self._closing
            entries: list[_Entry] = []
            for item in items:
                if isinstance(item, _Entry):
                    entries.append(item)
                else:
                    self._write(entries)
                    entries = []
                    item()
            self._write(entries)
            if last:
                return
            if not items or self._upkeep.pressing():
                self._keep_up()

    def _wait(self) -> None:
        # Who is in the middle of something comes back within this time, and need not wake anybody.
        self._wakeup.wait_for(lambda: self._urgent or self._closing, _FLUSH_SECONDS)
        if not self._queue and not self._closing:
            self._asleep = True
            self._wakeup.wait_for(lambda: self._queue or self._closing, self._upkeep.pause())
            self._asleep = False
            if self._queue:
                self._wakeup.wait_for(lambda: self._urgent or self._closing, _FLUSH_SECONDS)

    def _keep_up(self) -> None:
        """Do the upkeep until something comes in, or until it is done; a step at least."""
        while True:
            try:
                with self._database.writing() as connection:
                    announcements = self._upkeep.step(connection)
                    self._database.tell(connection, announcements)
            except Exception:  # noqa: BLE001 - a full disk, or a database that is gone: what is written matters more
                self._upkeep.give_up()
                _LOG.exception("the upkeep of the store stopped, until the next message")
                return
            self._announce(announcements)
            if self._queue or self._closing or not self._upkeep.unfinished():
                return

    def _write(self, entries: list[_Entry]) -> None:
        failures = self._try_to_write(entries) if entries else []
        unnoticed = [(entry, error) for entry, error in failures if entry.waiter is None]
        if unnoticed:
            entry, error = unnoticed[0]
            _LOG.error("%d events were not recorded, first a %s: %s", len(unnoticed), type(entry.event).__name__, error)

    def _try_to_write(self, entries: list[_Entry]) -> list[tuple[_Entry, Exception]]:
        """Write the events, tell everybody, and give those that could not be written."""
        try:
            with self._database.writing() as connection:
                batch = Batch([entry.event for entry in entries], first=reserve(connection, len(entries)))
                batch.write(connection)
                self._database.tell(connection, batch.announcements)
        except Exception as error:  # noqa: BLE001 - a full disk or a value no column takes: nothing may end this thread
            if len(entries) > 1 and not isinstance(error, BusyError):
                # One at a time, so that none is lost for another's sake.
                return [failure for entry in entries for failure in self._try_to_write([entry])]
            reason = _cause(error)
            _settle_all(entries, reason)
            return [(entry, reason) for entry in entries]
        self._announce(batch.announcements)
        _settle_all(entries, None)
        return []

    def _announce(self, announcements: Sequence[Announcement]) -> None:
        self._upkeep.notice(announcements)
        for subscriber in self._subscribers:
            for announcement in announcements:
                try:
                    subscriber(announcement)
                except Exception:  # noqa: BLE001 - theirs to mend; it is logged, and the next one is told
                    _LOG.exception("a subscriber could not take an announcement (%s)", announcement.kind)


def _cause(error: Exception) -> Exception:
    """Take off what SQLAlchemy says around an error: the driver's own is the one that people understand."""
    return error.orig if isinstance(error, DBAPIError) and isinstance(error.orig, Exception) else error


def _settle_all(entries: list[_Entry], error: Exception | None) -> None:
    """Finish the futures of each event loop by one call into it."""
    waiters: dict[asyncio.AbstractEventLoop, list[Waiter]] = defaultdict(list)
    for entry in entries:
        if entry.waiter is not None:
            waiters[entry.waiter.get_loop()].append(entry.waiter)
    for loop, group in waiters.items():
        with contextlib.suppress(RuntimeError):  # the loop was closed under its sessions; the mail is written
            loop.call_soon_threadsafe(_settle, group, error)


def _settle(waiters: list[Waiter], error: Exception | None) -> None:
    for waiter in waiters:
        if waiter.done():  # the session was cancelled meanwhile
            continue
        if error is None:
            waiter.set_result(None)
        else:
            waiter.set_exception(error)
