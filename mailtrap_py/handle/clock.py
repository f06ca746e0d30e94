"""The scenario's clock, as a test moves it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailtrap_py.errors import ScenarioError
from mailtrap_py.handle.playing import change
from mailtrap_py.handle.waiting import Seconds, seconds

if TYPE_CHECKING:
    from mailtrap_py.handle.home import Home
    from mailtrap_py.handle.rules import RuleBook


class HandleClock:
    """All waits of a scenario run on it: its delays, its greylist, its rates."""

    def __init__(self, home: Home, rules: RuleBook) -> None:
        """Read the clock of a home."""
        self._home = home
        self._rules = rules

    def now(self) -> float:
        """Tell the time in seconds since 1970."""
        return self._home.now()

    def manual(self) -> None:
        """Let it stand still from now on, until it is advanced. The scenario and its rules begin again."""
        scenario, seed = self._home.playing
        change(self._home, self._rules, scenario, seed=seed, clock="manual")

    def advance(self, by: Seconds, *, sleepers: int = 0, timeout: Seconds = 5.0) -> None:
        """Move a manual clock on: `"5m"`, or a number of seconds; and wake whoever waited for a time that has come.

        With `sleepers`, first wait until so many clients are in a wait of the scenario: else a client that is still on
        its way to it comes too late. Raises `ScenarioError` for another clock, `TimeoutError` if they do not come.
        """
        if sleepers:
            self.wait_for_sleepers(sleepers, timeout=timeout)
        distance = seconds(by)
        if distance < 0:
            raise ScenarioError("a clock cannot be moved back", cure="write a duration, as in '5m'")
        self._home.advance(distance)

    def wait_for_sleepers(self, number: int = 1, *, timeout: Seconds = 5.0) -> None:
        """Wait until so many clients are in a wait of the scenario. Raises `TimeoutError`."""
        limit = seconds(timeout)
        there = self._home.sleepers(at_least=number, timeout=limit)
        if there < number:
            message = f"{there or 'nobody'} waits on the scenario's clock after {limit:g} s, not {number}"
            raise TimeoutError(message)
