"""A task that can go on at once is in everything else a task."""

from __future__ import annotations

import asyncio

import pytest

from mailtrap_py.smtp.prompt_task import PromptTask

PATIENCE = 30.0


class Waiting:
    """A coroutine that waits for one future after another, and what became of it."""

    def __init__(self) -> None:
        self.log: list[object] = []
        self.next: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def run(self, count: int) -> None:
        for number in range(count):
            self.next = asyncio.get_running_loop().create_future()
            try:
                await self.next
            except asyncio.CancelledError:
                self.log.append("cancelled")
                raise
            self.log.append(number)


async def turn() -> None:
    await asyncio.sleep(0)
    await asyncio.sleep(0)


def called(*work: object) -> None:
    """Do it in a callback of the loop, where no task is current."""
    function, *arguments = work
    assert callable(function)
    asyncio.get_running_loop().call_soon(function, *arguments)


def test_it_goes_on_inside_the_callback() -> None:
    async def main() -> None:
        waiting = Waiting()
        prompt = PromptTask(waiting.run(3))
        await turn()
        seen: list[list[object]] = []

        def bring() -> None:
            for _ in range(2):
                prompt.hurry(waiting.next)
                seen.append(list(waiting.log))

        called(bring)
        await turn()
        assert seen == [[0], [0, 1]]
        called(prompt.hurry, waiting.next)
        await asyncio.wait_for(prompt.home, PATIENCE)
        assert waiting.log == [0, 1, 2]

    asyncio.run(main())


def test_from_another_task_and_for_what_is_not_awaited_it_is_as_always() -> None:
    async def main() -> None:
        waiting = Waiting()
        prompt = PromptTask(waiting.run(2))
        await turn()
        other: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        called(prompt.hurry, other)
        await other
        assert waiting.log == []
        prompt.hurry(waiting.next)
        assert waiting.log == []
        await turn()
        assert waiting.log == [0]
        waiting.next.set_result(None)
        await asyncio.wait_for(prompt.home, PATIENCE)
        assert waiting.log == [0, 1]

    asyncio.run(main())


def test_a_cancelled_home_cancels_what_is_awaited() -> None:
    async def main() -> None:
        waiting = Waiting()
        prompt = PromptTask(waiting.run(1))
        await turn()
        prompt.home.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(prompt.home, PATIENCE)
        assert waiting.next.cancelled()
        assert waiting.log == ["cancelled"]

    asyncio.run(main())


def test_it_may_refuse_to_be_cancelled() -> None:
    async def main() -> None:
        log: list[str] = []

        async def stubborn() -> None:
            for _ in range(3):
                try:
                    await asyncio.sleep(PATIENCE)
                except asyncio.CancelledError:
                    log.append("no")

        prompt = PromptTask(stubborn())
        for _ in range(3):
            await turn()
            prompt.home.cancel()
        await asyncio.wait_for(prompt.home, PATIENCE)
        assert log == ["no"] * 3

    asyncio.run(main())


def test_cancelled_in_the_turn_between() -> None:
    async def main() -> None:
        log: list[str] = []

        async def yielding() -> None:
            try:
                for _ in range(1000):
                    await asyncio.sleep(0)
            except asyncio.CancelledError:
                log.append("cancelled")
            await asyncio.sleep(0.001)
            log.append("done")

        prompt = PromptTask(yielding())
        await turn()
        prompt.home.cancel()
        await asyncio.wait_for(prompt.home, PATIENCE)
        assert log == ["cancelled", "done"]

    asyncio.run(main())


def test_cancelled_in_the_turn_in_which_it_ends() -> None:
    async def main() -> None:
        waiting = Waiting()
        prompt = PromptTask(waiting.run(1))
        await turn()

        def end_and_cancel() -> None:
            prompt.hurry(waiting.next)
            prompt.home.cancel()

        called(end_and_cancel)
        await asyncio.wait_for(prompt.home, PATIENCE)
        assert waiting.log == [0]

    asyncio.run(main())


def test_time_outs_interrupt_it_also_where_it_was_hurried() -> None:
    async def main() -> None:
        begin: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        current: list[asyncio.Task[object] | None] = []
        log: list[str] = []

        async def patient() -> None:
            await begin
            current.append(asyncio.current_task())
            try:
                async with asyncio.timeout(0.001):
                    await asyncio.get_running_loop().create_future()
            except TimeoutError:
                log.append("timed out")
            await asyncio.sleep(0)
            log.append("went on")

        prompt = PromptTask(patient())
        await turn()
        called(prompt.hurry, begin)
        await asyncio.wait_for(prompt.home, PATIENCE)
        assert current == [prompt.home]
        assert log == ["timed out", "went on"]

    asyncio.run(main())


def test_what_it_raises_is_the_tasks() -> None:
    async def main() -> None:
        async def failing() -> None:
            await asyncio.sleep(0)
            raise ValueError("no")

        with pytest.raises(ValueError, match="no"):
            await asyncio.wait_for(PromptTask(failing()).home, PATIENCE)

    asyncio.run(main())


def test_it_may_end_without_having_waited() -> None:
    async def main() -> None:
        async def brief() -> None:
            return

        await asyncio.wait_for(PromptTask(brief()).home, PATIENCE)

    asyncio.run(main())
