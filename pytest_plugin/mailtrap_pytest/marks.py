"""What the markers of a test say: its scenario, its inbox, and what it is held to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import pytest

from mailtrap_py.handle import select
from mailtrap_pytest.options import LEVELS

if TYPE_CHECKING:
    from mailtrap_py import Mailtrap
    from mailtrap_pytest.options import Options

_EXAMPLE = "write @pytest.mark.mailtrap('greylisting', wait='1s')"
_OWN = frozenset({"scenario", "inbox", "strict", "expect", "findings", "seed", "clock", "params"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """All markers of a test together: what is nearer to it is said again, and the rest stays.

    `strict`: rules that never fired fail the test, with True also those of the scenario, with False none; None is the
    usual: those of the test, and those of a scenario that says so itself. `expect`: so do expectations of the scenario
    that do not hold. `findings`: so does what is found in the client, from this level on.
    """

    scenario: object = None
    params: Mapping[str, object] = field(default_factory=dict)
    inbox: str = ""
    strict: bool | None = None
    expect: bool = False
    findings: str = "off"
    seed: int | None = None
    clock: Any = None

    @classmethod
    def of(cls, node: pytest.Item, options: Options, scenario: object) -> Self:
        """Read the markers of a test that runs under this scenario, if it runs under several."""
        said = _said(node)
        if scenario is not None:
            said["scenario"] = scenario
        level = str(said.get("findings", options.findings))
        if level not in LEVELS:
            pytest.fail(f"the marker's findings is {level!r}, not one of {', '.join(LEVELS)}", pytrace=False)
        if said.get("scenario") is None and said.get("params"):
            names = ", ".join(sorted(said["params"]))
            pytest.fail(f"the marker names no scenario that could take {names}: {_EXAMPLE}", pytrace=False)
        said.setdefault("strict", None if options.strict else False)
        return cls(**{**said, "findings": level})

    def apply(self, server: Mailtrap, folder: Path) -> None:
        """Let the server be as the markers say. Raises `ScenarioError`."""
        server.enter(self.inbox)
        if self.scenario is not None:
            server.scenario(_found(self.scenario, folder), seed=self.seed, clock=self.clock, **self.params)
        elif self.clock is not None:
            server.scenario({"name": "none"}, seed=self.seed, clock=self.clock)


def _said(node: pytest.Item) -> dict[str, Any]:
    """Put together what all markers say, from the widest to the nearest."""
    said: dict[str, Any] = {}
    marks = [*node.iter_markers("mailtrap_gauntlet"), *node.iter_markers("mailtrap")]
    for mark in reversed(marks):
        given = dict(mark.kwargs)
        if mark.name == "mailtrap" and mark.args:
            if len(mark.args) > 1 or "scenario" in given:
                pytest.fail(f"the marker names several scenarios: {_EXAMPLE}, or a list of names", pytrace=False)
            given["scenario"] = mark.args[0]
        params = {**given.pop("params", {}), **{name: given.pop(name) for name in [*given] if name not in _OWN}}
        before = {} if "scenario" in given else said.get("params", {})
        said.update(given)
        said["params"] = {**before, **params}
    return said


def scenarios(node: pytest.Item) -> list[tuple[str, object]]:
    """Give the scenarios to run a test under, each with its name, if the markers name several."""
    found = _said(node).get("scenario")
    return [(_name(each), each) for each in found] if isinstance(found, list | tuple) else []


def gauntlet(node: pytest.Item) -> list[str]:
    """Give the names of the scenarios that the nearest gauntlet means. Raises `UsageError`."""
    mark = node.get_closest_marker("mailtrap_gauntlet")
    assert mark is not None  # noqa: S101 - who asks has seen it
    try:
        return [*select(mark.args)]
    except ValueError as wrong:
        raise pytest.UsageError(f"{node.nodeid}: {wrong}") from None


def _name(scenario: object) -> str:
    if isinstance(scenario, Mapping):
        return str(scenario.get("name", "scenario"))
    return Path(scenario).stem if isinstance(scenario, str | Path) else str(getattr(scenario, "name", "scenario"))


def _found(scenario: Any, folder: Path) -> Any:  # noqa: ANN401 - whatever the handle takes
    """Find a file beside the test, with or without its ending; else it is what it is."""
    if isinstance(scenario, str):
        for name in (scenario, f"{scenario}.yaml"):
            if (beside := folder / name).is_file():
                return beside
    return scenario
