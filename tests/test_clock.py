from __future__ import annotations

import asyncio
import threading
import time

import pytest

from mailtrap_py.clock import ManualClock, RealClock, ScaledClock
from tests.connected import PATIENCE, looped, until


def test_the_real_clock_gives_the_present() -> None:
    before = time.time()
    clock = RealClock()

    assert before - 1 < clock.now() < time.time() + 1
    assert clock.speed == 1.0


@looped
async def test_a_scaled_clock_waits_as_much_shorter_as_it_runs_faster() -> None:
    clock = ScaledClock(1_000_000)
    scaled, real = clock.now(), time.monotonic()

    await clock.sleep(1000)

    assert clock.now() - scaled >= 1000
    assert time.monotonic() - real < 500


@pytest.mark.parametrize("speed", [0, -1, float("nan")])
def test_a_clock_has_a_speed_above_zero(speed: float) -> None:
    with pytest.raises(ValueError, match="the speed of a clock is a number above 0, not"):
        ScaledClock(speed)


def test_a_manual_clock_stands_still_until_it_is_moved() -> None:
    before = time.time()
    clock = ManualClock()
    start = clock.now()
    assert before - 1 < start < time.time() + 1

    clock.advance(300)

    assert clock.now() == start + 300


def test_a_manual_clock_cannot_be_moved_back() -> None:
    clock = ManualClock()
    with pytest.raises(ValueError, match="a clock cannot be moved back"):
        clock.advance(-0.1)


@looped
async def test_sleepers_wake_in_the_order_of_their_times_and_not_before() -> None:
    clock = ManualClock()
    awake: list[int] = []

    async def sleep(seconds: int) -> None:
        await clock.sleep(seconds)
        awake.append(seconds)

    sleeping = [asyncio.create_task(sleep(seconds)) for seconds in (30, 10, 20)]
    await until(lambda: clock.sleepers == 3)

    clock.advance(9.9)
    assert clock.sleepers == 3
    clock.advance(10.2)
    await until(lambda: len(awake) == 2)
    assert (awake, clock.sleepers) == ([10, 20], 1)
    clock.advance(30)
    await asyncio.gather(*sleeping)
    assert awake == [10, 20, 30]


@pytest.mark.parametrize("seconds", [0, -5])
@looped
async def test_no_time_is_over_at_once(seconds: float) -> None:
    clock = ManualClock()

    await clock.sleep(seconds)

    assert clock.sleepers == 0


@looped
async def test_a_manual_clock_is_moved_from_another_thread() -> None:
    clock = ManualClock()
    sleeping = asyncio.create_task(clock.sleep(60))
    await until(lambda: clock.sleepers)

    mover = threading.Thread(target=clock.advance, args=(60,))
    mover.start()
    await sleeping
    mover.join()


@looped
async def test_who_gave_up_sleeping_is_not_counted_and_not_woken() -> None:
    clock = ManualClock()
    sleeping = asyncio.create_task(clock.sleep(60))
    await until(lambda: clock.sleepers)
    sleeping.cancel()
    await asyncio.wait([sleeping])
    assert clock.sleepers == 0

    clock.advance(60)

    assert sleeping.cancelled()


@looped
async def test_who_is_cancelled_between_the_move_and_the_waking_stays_cancelled() -> None:
    clock = ManualClock()
    sleeping = asyncio.create_task(clock.sleep(60))
    await until(lambda: clock.sleepers)

    clock.advance(60)
    sleeping.cancel()
    await asyncio.wait([sleeping])

    assert sleeping.cancelled()


def test_a_clock_outlives_the_loops_of_its_sleepers() -> None:
    clock = ManualClock()

    async def leave_asleep() -> None:
        for seconds in (1, 2):
            asyncio.get_running_loop().create_task(clock.sleep(seconds))
        await until(lambda: clock.sleepers == 2)

    loop = asyncio.new_event_loop()
    loop.run_until_complete(leave_asleep())
    tasks = asyncio.all_tasks(loop)
    loop.close()  # while they sleep

    clock.advance(5)

    assert clock.sleepers == 0
    for task in tasks:
        task.get_coro().close()
        task._log_destroy_pending = False  # type: ignore[attr-defined]  # noqa: SLF001 - it is left on purpose


@looped
async def test_a_clock_that_is_put_away_lets_its_sleepers_go_on() -> None:
    clock = ManualClock()
    awake: list[int] = []

    async def sleep(seconds: int) -> None:
        await clock.sleep(seconds)
        awake.append(seconds)

    sleeping = [asyncio.create_task(sleep(seconds)) for seconds in (60, 30, 90)]
    await until(lambda: clock.sleepers == 3)
    start = clock.now()

    clock.release()
    await asyncio.gather(*sleeping)

    assert (awake, clock.now(), clock.sleepers) == ([30, 60, 90], start, 0)


@looped
async def test_sleepers_can_be_waited_for() -> None:
    clock = ManualClock()
    waiting = asyncio.ensure_future(asyncio.to_thread(clock.wait_for_sleepers, 1, PATIENCE))
    sleeping = asyncio.ensure_future(clock.sleep(10))

    assert await waiting == 1
    assert clock.wait_for_sleepers(2, 0.0) == 1

    clock.advance(10)
    await sleeping
