"""A scenario that a test plays."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from mailtrap_py.errors import ScenarioError
from mailtrap_py.scenario import Scenario
from mailtrap_py.scenario.load import from_data, load

if TYPE_CHECKING:
    from mailtrap_py.handle.home import Home, RuleView
    from mailtrap_py.handle.rules import RuleBook
    from mailtrap_py.scenario.model import ClockSpec

Source = str | Path | Mapping[str, object] | Scenario
"""The name of a library scenario, a YAML file, a mapping as in such a file, or a scenario."""

NONE = Scenario(name="none")


def read(source: Source, params: Mapping[str, object]) -> Scenario:
    """Make a scenario of whatever says it. Raises `ScenarioError`."""
    if isinstance(source, Scenario):
        if params:
            raise ScenarioError(f"the scenario {source.name!r} has its parameters", cure="give them to what loads it")
        return source
    return from_data(source, params=params) if isinstance(source, Mapping) else load(source, params=params)


class Playing:
    """A scenario that is active; leaving the block goes back to none. The rules of the test go on."""

    def __init__(self, home: Home, book: RuleBook, scenario: Scenario) -> None:
        """Remember where it plays."""
        self._home = home
        self._book = book
        self.scenario = scenario
        """The scenario itself, its parameters filled in."""
        self.seed = home.playing[1]
        """The seed of its dice: with it the same faults come again."""
        self._in_the_end: tuple[RuleView, ...] | None = None

    @property
    def rules(self) -> tuple[RuleView, ...]:
        """Its rules, and what became of them so far; in the end, by then."""
        if self._in_the_end is not None:
            return self._in_the_end
        own = {rule.id for rule in self.scenario.rules}
        return tuple(view for view in self._home.rules() if view.id in own)

    def give_way(self) -> None:
        """Note what its rules did: another scenario comes in its place."""
        self._in_the_end = self.rules

    def end(self) -> None:
        """Go back to no scenario; harmless when it does not play any more."""
        if self._in_the_end is None:
            self.give_way()
            change(self._home, self._book, NONE)

    def __enter__(self) -> Self:
        """Change nothing: it plays already."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End it."""
        self.end()


def change(
    home: Home, book: RuleBook, scenario: Scenario, *, seed: int | None = None, clock: ClockSpec | None = None
) -> None:
    """Play another scenario under the rules of the test."""
    book.put_away()
    home.play(scenario, seed=seed, clock=clock)
    book.put_back()
