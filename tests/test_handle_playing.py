"""Scenarios that a test plays, in both homes."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailtrap_py import Mailtrap
from mailtrap_py.errors import ScenarioError
from mailtrap_py.scenario import load
from tests.homes import elsewhere, fates, trap

__all__ = ["elsewhere", "trap"]  # fixtures

FULL = {
    "name": "full",
    "strict": True,
    "seed": 7,
    "rules": [{"id": "full", "at": "mail", "do": {"reply": "452 4.3.1 F"}}],
}


def test_a_scenario_of_any_kind(trap: Mailtrap, tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("name: mine\nparams: {code: 450}\nrules: [{at: rcpt, do: [{reply: '${code} 4.2.0 No'}]}]\n")
    for source, params, expected in (
        ("mailbox-busy", {}, 450),
        (file, {"code": 451}, 451),
        (str(file), {}, 450),
        (FULL, {}, 452),
        (load("no-such-user"), {}, 250),
    ):
        trap.scenario(source, **params)
        assert fates(trap, 1) == [expected]


def test_its_rules_are_known_to_its_end_and_after(trap: Mailtrap) -> None:
    with trap.scenario(FULL) as playing:
        fates(trap, 2)
        assert (playing.seed, [view.fired for view in playing.rules]) == (7, [2])

    assert fates(trap, 1) == [250]
    assert [view.fired for view in playing.rules] == [2]
    playing.end()
    assert trap.played == (playing,)


def test_one_gives_way_to_the_next(trap: Mailtrap) -> None:
    first = trap.scenario(FULL)
    fates(trap, 1)
    trap.scenario("mailbox-busy")

    assert [view.fired for view in first.rules] == [1]


def test_seed_and_clock_can_be_said(trap: Mailtrap) -> None:
    playing = trap.scenario(FULL, seed=11, clock="manual")

    assert playing.seed == 11
    trap.clock.advance("1s")
    trap.scenario(FULL, clock=60.0)
    with pytest.raises(ScenarioError):
        trap.clock.advance("1s")


def test_params_of_one_that_is_made_are_refused(trap: Mailtrap) -> None:
    with pytest.raises(ScenarioError, match="has its parameters"):
        trap.scenario(load("greylisting"), wait="1s")


def test_rules_of_a_strict_one_have_to_fire(trap: Mailtrap) -> None:
    with trap.scenario(FULL):
        pass
    trap.scenario({**FULL, "name": "lax", "strict": False})

    assert [name for name, _ in trap.unfired()] == ["full"]
    assert [name for name, _ in trap.unfired(of_scenarios=True)] == ["full", "full"]
    assert [*trap.unfired(of_scenarios=False)] == []
