"""The one thread that writes. It takes all that is queued, writes it in one transaction, and tells everybody concerned.

Grouping is what makes a commit for every message affordable: while one transaction is written, the next one gathers,
so a busy trap commits seldom and a quiet one at once. What was promised is not waited for: it is written when the
clients are quiet for a moment, when much has come together, or before somebody reads.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Generator, Iterator, Sequence
from concurrent.futures import Future
from typing import TYPE_CHECKING, TypeVar

from mailtrap_py.events import Message
from mailtrap_py.store.database import BusyError, cause, may_pass
from mailtrap_py.store.intake import Entry, Intake, event_of
from mailtrap_py.store.leftovers import take_in
from mailtrap_py.store.rows import Batch, reserve
from mailtrap_py.store.upkeep import Keep, Upkeep

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from mailtrap_py.events import Recorded
    from mailtrap_py.store.database import Database
    from mailtrap_py.store.intake import Item, Job, Waiter
    from mailtrap_py.store.query import Announcement

T = TypeVar("T")
Subscriber = Callable[["Announcement"], None]

_LOG = logging.getLogger("mailtrap_py.store")
_ALL = Keep()
_TURNS = 16  # of an event loop, at most, in which a commit waits for more
_QUIET_SECONDS = 0.05  # so long clients are quiet before what they were promised is written
_LATEST_SECONDS = 2.0  # but it is written after so long
_AGAIN = 1.0  # seconds until what could not be written is tried again


class _Kept:
    """What is awaited of a promise: it is kept already."""

    def __await__(self) -> Generator[None, None, None]:
        yield from ()


_KEPT = _Kept()


class Writer:
    """A queue and its thread. Everything may be called from any thread."""

    def __init__(self, database: Database, keep: Keep = _ALL) -> None:
        """Take in what killed programs left, and start the thread, which sees to the upkeep when there is time."""
        self._database = database
        take_in(database)
        with database.reading() as connection:
            self._upkeep = Upkeep(database.texts, keep, behind=database.texts.behind(connection))
        self._subscribers: tuple[Subscriber, ...] = ()
        self._intake = Intake(database.journal)
        self._owed: list[list[Recorded]] = []  # in portions, as it was read
        self._obstacle: Exception | None = None  # why that is
        self._unreadable = False
        self._commits = 0
        self._gathering = False
        self._wakeup = threading.Condition()  # guards all that follows
        self._hurries = 0
        self._asleep = False
        self._urgent = False
        self._busy = False
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="mailtrap_py-store", daemon=True)
        self._thread.start()

    def add(self, event: Recorded) -> None:
        """Queue an event; it is written soon. Raises `RuntimeError` after `close`."""
        self._intake.put(event)
        if self._asleep:
            self._notify()

    def commit(self, event: Recorded) -> Awaitable[None]:
        """Queue an event, and give what is done when it is safe, or has the error; for the running loop."""
        kept: Awaitable[None] = _KEPT
        urgent = True
        if not self._hurries and self._intake.promise(event):
            urgent = self._intake.much
        else:
            kept = waiter = asyncio.get_running_loop().create_future()
            self._intake.put(Entry(event, waiter))
        if self._asleep:  # else another loop, which was to gather, but was closed, would leave it asleep
            self._notify()
        if urgent:
            self._gather_soon(asyncio.get_running_loop())
        return kept

    def _gather_soon(self, loop: asyncio.AbstractEventLoop) -> None:
        self._commits += 1
        if not self._gathering:
            self._gathering = True
            loop.call_soon(self._gather, loop, self._commits, _TURNS)

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

    @contextlib.contextmanager
    def hurrying(self) -> Iterator[None]:
        """Write what comes as it comes, before its commit is done: somebody waits for what is announced then."""
        with self._wakeup:
            self._hurries += 1
            self._wake()  # for what has been promised
        try:
            yield
        finally:
            with self._wakeup:
                self._hurries -= 1

    def perform(self, work: Callable[[Connection], tuple[T, Sequence[Announcement]]]) -> T:
        """Let the thread do other work in a transaction: it sees all that was queued before, and is then announced."""
        done: Future[T] = Future()

        def job() -> None:
            try:
                with self._database.writing() as connection:
                    result, announcements = work(connection)
                    self._database.tell(connection, announcements)
            except Exception as error:  # noqa: BLE001 - whatever it is, it belongs to the one who asked
                done.set_exception(cause(error))
            else:
                self._announce(announcements)
                done.set_result(result)

        if threading.current_thread() is self._thread:  # a subscriber that deletes what it was told of
            job()
        else:
            self._do(job)
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
            self._do(lambda: self._announce(announcements))

    def flush(self) -> None:
        """Wait until all is written that was queued before. For a subscriber it is: it is told afterwards."""
        if threading.current_thread() is self._thread:
            return
        with self._wakeup:
            if self._intake.settled() and not self._busy:
                return
            written = None if self._closing else threading.Event()
            if written is not None:
                self._intake.put(written.set)
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
            self._intake.close()
            self._closing = True
            self._wake()
        self._thread.join()
        if self._database.journal is not None:
            with self._wakeup:  # two that close at once would close the files of others
                self._database.journal.close()

    def _do(self, job: Job) -> None:
        self._intake.put(job)
        with self._wakeup:
            self._wake()

    def _notify(self) -> None:
        with self._wakeup:
            self._wakeup.notify()

    def _wake(self) -> None:
        if self._asleep or not self._urgent:
            self._urgent = True
            self._wakeup.notify()

    def _run(self) -> None:
        while True:
            with self._wakeup:
                self._busy = False
                self._wait()
                self._urgent = False
                items, jobs = self._intake.take()
                self._busy = bool(items or jobs or self._intake.unread)
                last = self._closing
            items = self._write_promised(items)
            if items:
                self._write(items)
            self._intake.written(owing=self._unreadable or bool(self._owed))
            for job in jobs:
                job()
            if last:
                return
            if not self._busy or self._upkeep.pressing():
                self._keep_up()

    def _wait(self) -> None:
        # Who is in the middle of something comes back within this time, and need not wake anybody.
        latest = time.monotonic() + _LATEST_SECONDS
        promises = self._intake.promises
        self._wakeup.wait_for(self._awaited, _QUIET_SECONDS)
        if not self._intake and not self._closing:
            self._asleep = True
            self._wakeup.wait_for(lambda: self._intake or self._closing, _AGAIN if self._owed else self._upkeep.pause())
            self._asleep = False
            latest = time.monotonic() + _LATEST_SECONDS
            promises = -1
        # What is promised can wait until the clients are quiet, or until it has become much.
        while self._intake and not self._awaited() and self._intake.promises != promises and time.monotonic() < latest:
            promises = self._intake.promises
            self._wakeup.wait_for(self._awaited, _QUIET_SECONDS)

    def _awaited(self) -> bool:
        """Whether somebody waits."""
        return self._urgent or self._closing

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
            if self._intake or self._closing or not self._upkeep.unfinished():
                return

    def _write_promised(self, items: list[Item]) -> list[Item]:
        """Write what has been promised, after what is owed: what cannot be written now, but may yet be.

        Of what came with it and was not promised, give what is not owed either.
        """
        promised = self._intake.unread
        owed, self._owed = self._owed, []
        for events in owed:
            self._write_or_owe(events)
        try:
            for events in self._intake.promised():
                self._write_or_owe(events)
        except Exception:  # noqa: BLE001 - a disk that is broken: nothing may end this thread
            self._unreadable = True
            _LOG.exception("the journal of the store cannot be read; who opens the store next will try again")
        if promised and self._owed:  # the ends of what is owed; not what comes later, which might become endless
            self._owed.append([item for item in items if not isinstance(item, Entry)])
            items = [item for item in items if isinstance(item, Entry)]
        count = sum(map(len, self._owed))
        if count > sum(map(len, owed)):
            _LOG.error("%d events are kept in the journal until they can be recorded: %s", count, self._obstacle)
        return items

    def _write_or_owe(self, events: list[Recorded]) -> None:
        """Write them, unless something is owed already: they are written in their order, or not at all."""
        left = events if self._owed else self._as_far_as_possible(events)
        if left:
            self._owed.append(left)

    def _as_far_as_possible(self, events: list[Recorded]) -> list[Recorded]:
        """Write events in their order, as far as that is possible now; give the others."""
        error = self._write_at_once(events) if events else None
        if error is None:
            return []
        # What was promised together is not parted, if that may help: who finds the message finds it all.
        ends = [number for number, event in enumerate(events[:-1], 1) if type(event) is Message]
        if may_pass(error) and (isinstance(error, BusyError) or not ends):
            self._obstacle = error
            return events
        if len(events) == 1:
            _LOG.error("an event was not recorded, a %s: %s", type(events[0]).__name__, error)
            return []
        # By halves: on a disk that stays full the first that does not fit is found soon, and the others are not tried.
        half = min(ends or [len(events) // 2], key=lambda end: abs(end - len(events) // 2))
        left = self._as_far_as_possible(events[:half])
        return left + events[half:] if left else self._as_far_as_possible(events[half:])

    def _write(self, items: list[Item]) -> None:
        """Write what was not promised. What cannot be written is lost; who waits for it is told."""
        failures = self._try_to_write(items)
        untold = [(item, error) for item, error in failures if not isinstance(item, Entry)]
        if untold:
            item, error = untold[0]
            _LOG.error("%d events were not recorded, first a %s: %s", len(untold), type(item).__name__, error)

    def _try_to_write(self, items: Sequence[Item]) -> list[tuple[Item, Exception]]:
        """Write the events, tell everybody, and give those that could not be written."""
        error = self._write_at_once(items)
        if error is None:
            return []
        if len(items) > 1 and not isinstance(error, BusyError):
            # One at a time, so that none is lost for another's sake.
            return [failure for item in items for failure in self._try_to_write([item])]
        _settle_all(items, error)
        return [(item, error) for item in items]

    def _write_at_once(self, items: Sequence[Item]) -> Exception | None:
        """Write the events in one transaction, and tell everybody; or give what is in the way."""
        try:
            with self._database.writing() as connection:
                batch = Batch([event_of(item) for item in items], first=reserve(connection, len(items)))
                batch.write(connection)
                self._database.tell(connection, batch.announcements)
        except Exception as error:  # noqa: BLE001 - a full disk or a value no column takes: nothing may end this thread
            return cause(error)
        self._announce(batch.announcements)
        _settle_all(items, None)
        return None

    def _announce(self, announcements: Sequence[Announcement]) -> None:
        self._upkeep.notice(announcements)
        for subscriber in self._subscribers:
            for announcement in announcements:
                try:
                    subscriber(announcement)
                except Exception:  # noqa: BLE001 - theirs to mend; it is logged, and the next one is told
                    _LOG.exception("a subscriber could not take an announcement (%s)", announcement.kind)


def _settle_all(items: Sequence[Item], error: Exception | None) -> None:
    """Finish the futures of each event loop by one call into it."""
    waiters: dict[asyncio.AbstractEventLoop, list[Waiter]] = defaultdict(list)
    for item in items:
        if isinstance(item, Entry):
            waiters[item.waiter.get_loop()].append(item.waiter)
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
