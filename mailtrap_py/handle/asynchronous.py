"""The same waits for code that is asynchronous, whatever runs its loop: asyncio or trio.

A wait is on a thread of its own meanwhile, and ends when it is cancelled.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar, Unpack

from mailtrap_py.handle import waiting

if TYPE_CHECKING:
    from mailtrap_py.captured import Message
    from mailtrap_py.handle.home import Home, Watch
    from mailtrap_py.handle.waiting import Seconds, Wanted

T = TypeVar("T")


class AsyncWaits:
    """What waits, to be awaited. Everything else of a handle answers at once, and needs no `await`."""

    def __init__(self, home: Home, timeout: Callable[[], Seconds]) -> None:
        """Wait for the mail of a home."""
        self._home = home
        self._timeout = timeout

    async def wait_for(self, *, timeout: Seconds | None = None, **wanted: Unpack[Wanted]) -> Message:  # noqa: ASYNC109 - as without await
        """Give the oldest message that fits, waiting for it. Raises `NotReceivedError`."""
        limit = self._timeout() if timeout is None else timeout
        return (await self._wait(wanted, lambda watch, which: waiting.wait_for(self._home, watch, which, 1, limit)))[0]

    async def wait_for_all(
        self,
        number: int,
        *,
        timeout: Seconds | None = None,  # noqa: ASYNC109 - as without await
        **wanted: Unpack[Wanted],
    ) -> list[Message]:
        """Give all messages that fit, once there are so many. Raises `NotReceivedError`, `UnexpectedMessageError`."""
        limit = self._timeout() if timeout is None else timeout
        return await self._wait(wanted, lambda watch, which: waiting.exactly(self._home, watch, which, number, limit))

    async def assert_none(self, *, within: Seconds = 0.0, **wanted: Unpack[Wanted]) -> None:
        """Be sure that no such message is there, and that none comes in time. Raises `UnexpectedMessageError`."""
        await self._wait(wanted, lambda watch, which: waiting.none(self._home, watch, which, within))

    async def _wait(self, wanted: Wanted, work: Callable[[Watch, waiting.Criteria], T]) -> T:
        criteria = waiting.Criteria.of(self._home.inbox, wanted)
        watch = self._home.watch(criteria.query)
        return await _on_a_thread(lambda: work(watch, criteria), watch.cancel)


async def _on_a_thread(work: Callable[[], T], cancel: Callable[[], None]) -> T:
    """Do it on a thread; if the caller is cancelled meanwhile, tell the work so."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        trio = sys.modules["trio"]  # who awaits without asyncio's loop has imported it
    else:
        try:
            return await asyncio.to_thread(work)
        finally:
            cancel()
    try:
        result: T = await trio.to_thread.run_sync(work, abandon_on_cancel=True)
        return result
    finally:
        cancel()
