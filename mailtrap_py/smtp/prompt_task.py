"""A task that can go on at once, inside the callback that brought what it waits for.

asyncio wakes a task in the next turn of its loop. For a session that means, at each command, another look at every
socket and a chain of calls that cost more than the command itself. Here the session's coroutine is stepped where its
bytes arrive. For everything else it belongs to a real task of asyncio, its home: that one is cancelled, is found by
`asyncio.current_task`, and is what time-outs interrupt.
"""

from __future__ import annotations

import asyncio
from asyncio import _enter_task, _leave_task  # for who makes tasks: the manual's "Extending asyncio"
from collections.abc import Coroutine
from typing import Any


class PromptTask:
    """Runs a coroutine on the running loop. Its `home` ends as the coroutine ends."""

    def __init__(self, coroutine: Coroutine[asyncio.Future[Any] | None, None, None]) -> None:
        """Take the coroutine; it begins in the next turn of the loop."""
        self._loop = asyncio.get_running_loop()
        self._coroutine = coroutine
        self._awaited: asyncio.Future[Any] | None = None
        self._soon: asyncio.Handle | None = None
        self._running = self._over = False
        self._error: BaseException | None = None
        self._gate: asyncio.Future[None] = self._loop.create_future()
        self.home = self._loop.create_task(self._live())

    def hurry(self, future: asyncio.Future[None]) -> None:
        """Finish the future, and go on here and now if the coroutine waits for it; else, as always, soon."""
        if self._awaited is not future or asyncio.current_task(self._loop) is not None:
            future.set_result(None)
            return
        future.remove_done_callback(self._wake)
        future.set_result(None)
        self._wake()

    async def _live(self) -> None:
        self._step(None)
        while not self._over:
            try:
                await self._gate
            except asyncio.CancelledError as cancelled:
                self._gate = self._loop.create_future()
                self._cancel(cancelled)
        if self._error is not None:
            raise self._error

    def _cancel(self, cancelled: asyncio.CancelledError) -> None:
        """Do as a task does: what is awaited is cancelled, and says so; where there is nothing, it is said here."""
        if self._over:  # in the same turn: there is nothing left to cancel
            return
        if self._awaited is None or not self._awaited.cancel():
            self._step(cancelled)

    def _wake(self, _: asyncio.Future[Any] | None = None) -> None:
        _enter_task(self._loop, self.home)
        try:
            self._step(None)
        finally:
            _leave_task(self._loop, self.home)

    def _step(self, error: BaseException | None) -> None:
        self._stop_waiting()
        try:
            awaited = self._coroutine.send(None) if error is None else self._coroutine.throw(error)
        except StopIteration:
            self._end(None)
        except BaseException as raised:  # noqa: BLE001 - handed on to whoever awaits the task
            self._end(raised)
        else:
            self._wait_for(awaited)

    def _wait_for(self, awaited: asyncio.Future[Any] | None) -> None:
        if awaited is None:  # `asyncio.sleep(0)`: another turn
            self._soon = self._loop.call_soon(self._wake)
            return
        awaited._asyncio_future_blocking = False  # noqa: SLF001 - a task's part of what futures and tasks agreed on
        self._awaited = awaited
        awaited.add_done_callback(self._wake)

    def _stop_waiting(self) -> None:
        if self._awaited is not None:
            self._awaited.remove_done_callback(self._wake)
            self._awaited = None
        if self._soon is not None:
            self._soon.cancel()
            self._soon = None

    def _end(self, error: BaseException | None) -> None:
        self._over, self._error = True, error
        if not self._gate.done():
            self._gate.set_result(None)
