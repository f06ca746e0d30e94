"""The same waits for code with an event loop, in both homes; on asyncio, and on trio where it is installed."""

from __future__ import annotations

import asyncio
import contextlib
import threading

import pytest

from mailtrap_py import Mailtrap
from mailtrap_py.handle import NotReceivedError, UnexpectedMessageError
from tests.connected import PATIENCE, looped, until
from tests.homes import BOB, EVE, elsewhere, in_background, send, trap

__all__ = ["elsewhere", "trap"]  # fixtures


@looped
async def test_the_loop_goes_on_meanwhile(trap: Mailtrap) -> None:
    waiting = asyncio.ensure_future(trap.async_.wait_for(to=BOB, timeout=PATIENCE))
    await asyncio.to_thread(send, trap, BOB)

    assert (await waiting).subject == "Hello"


@looped
async def test_all_and_none_can_be_awaited_too(trap: Mailtrap) -> None:
    await trap.async_.assert_none(within="10ms")
    await asyncio.to_thread(send, trap, BOB)

    assert len(await trap.async_.wait_for_all(1, to=BOB)) == 1
    with pytest.raises(UnexpectedMessageError):
        await trap.async_.assert_none(to=BOB)
    with pytest.raises(NotReceivedError, match="within 0 s"):
        await trap.async_.wait_for(to=EVE, timeout=0)


@looped
async def test_a_wait_that_is_cancelled_leaves_nothing_behind(trap: Mailtrap) -> None:
    before = set(threading.enumerate())
    waiting = asyncio.ensure_future(trap.async_.wait_for(to=BOB, timeout=600))
    await until(lambda: set(threading.enumerate()) - before)

    waiting.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await waiting

    async with asyncio.timeout(PATIENCE):
        await asyncio.get_running_loop().shutdown_default_executor()


def test_patience_is_the_handles(trap: Mailtrap) -> None:
    trap.patience = "10ms"

    async def wait() -> None:
        with pytest.raises(NotReceivedError, match=r"within 0\.01 s"):
            await trap.async_.wait_for()
        with pytest.raises(NotReceivedError, match=r"within 0\.01 s"):
            await trap.async_.wait_for_all(2)

    asyncio.run(wait())


def test_trio_may_wait(trap: Mailtrap) -> None:
    trio = pytest.importorskip("trio")

    async def wait() -> str:
        with trio.fail_after(PATIENCE):
            return (await trap.async_.wait_for(to=BOB, timeout=600)).subject

    with in_background(lambda: send(trap)):
        assert trio.run(wait) == "Hello"
