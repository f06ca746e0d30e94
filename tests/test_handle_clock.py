"""The clock of the scenario, in both homes."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from mailtrap_py import Mailtrap
from mailtrap_py.errors import ScenarioError
from tests.homes import BOB, elsewhere, fates, in_background, send, trap

__all__ = ["elsewhere", "trap"]  # fixtures


def test_greylisting_without_a_wait(trap: Mailtrap) -> None:
    trap.scenario("greylisting", wait="5m", clock="manual")
    assert fates(trap, 2) == [450, 450]

    trap.clock.advance("5m")

    assert fates(trap, 1) == [250]


def test_time_goes_by_hand(trap: Mailtrap) -> None:
    trap.clock.manual()
    begin = trap.clock.now()

    trap.clock.advance("90s")
    trap.clock.advance(0.5)

    assert trap.clock.now() - begin == pytest.approx(90.5, abs=0.001)


def test_rules_stay_when_the_clock_is_stopped(trap: Mailtrap) -> None:
    trap.fail("rcpt", "450 4.2.0 Busy", for_="10s")
    trap.clock.manual()
    assert fates(trap, 1) == [450]

    trap.clock.advance("10s")

    assert fates(trap, 1) == [250]


def test_a_clock_that_is_not_moved_by_hand_says_so(trap: Mailtrap) -> None:
    wrongs: list[Callable[[], object]] = [
        lambda: trap.clock.advance("1s"),
        lambda: trap.clock.wait_for_sleepers(timeout=0),
    ]
    for wrong in wrongs:
        with pytest.raises(ScenarioError, match=r"not moved by hand\n.*clock\.manual\(\)"):
            wrong()
    trap.clock.manual()
    with pytest.raises(ScenarioError, match="cannot be moved back"):
        trap.clock.advance(-1)


def test_sleepers_can_be_waited_for(trap: Mailtrap) -> None:
    trap.scenario({"name": "slow", "clock": "manual", "rules": [{"at": "data", "do": [{"delay": "1h"}]}]})
    with in_background(lambda: send(trap, BOB)):
        trap.clock.wait_for_sleepers()
        trap.clock.advance("1h")

    with pytest.raises(TimeoutError, match=r"nobody waits on the scenario's clock after 0\.01 s, not 2"):
        trap.clock.wait_for_sleepers(2, timeout="10ms")
