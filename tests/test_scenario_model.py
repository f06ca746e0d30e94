"""The scenario as a value."""

from __future__ import annotations

import pytest
from hypothesis import given
from pydantic import ValidationError

from mailtrap_py.errors import ScenarioError
from mailtrap_py.events import Point, Reply
from mailtrap_py.scenario import Close, CloseHow, Rule, Scenario, ScenarioClass, SendReply, from_data
from mailtrap_py.scenario import model as model_module
from tests.scenario_data import REFUSE, SCENARIOS

RULE = {"at": "rcpt", "do": {"reply": REFUSE}}


def test_a_scenario_needs_nothing() -> None:
    scenario = Scenario()

    assert (scenario.name, scenario.class_, scenario.clock, scenario.rules) == (
        "unnamed",
        ScenarioClass.LEGAL,
        "real",
        (),
    )


def test_rules_are_numbered_by_position() -> None:
    first, second = RULE | {"count": {"times": 1}}, RULE | {"id": "mine", "count": {"times": 1}}

    scenario = from_data({"rules": [first, second, RULE]})

    assert [rule.id for rule in scenario.rules] == ["rule-1", "mine", "rule-3"]


@pytest.mark.parametrize(
    ("written", "clock"), [("real", "real"), ("manual", "manual"), ({"speed": 60}, 60.0), ({"speed": 0.5}, 0.5)]
)
def test_clocks(written: object, clock: object) -> None:
    scenario = from_data({"clock": written})

    assert scenario.clock == clock
    assert from_data(scenario.as_data()).clock == clock


@pytest.mark.parametrize(
    "written",
    [60, "fast", {"speed": 0}, {"speed": -1}, {"speed": True}, {"speed": "fast"}, {"speed": float("inf")},
     {"speed": 1, "x": 2}, [], None],
)  # fmt: skip
def test_what_is_not_a_clock(written: object) -> None:
    with pytest.raises(ScenarioError, match=r"is not a (clock|speed)"):
        from_data({"clock": written})


def test_it_can_be_made_in_python() -> None:
    rule = Rule(at=(Point.RCPT,), do=(SendReply(reply=Reply(450, "", ("Busy",))), Close(close=CloseHow.RESET)))

    scenario = Scenario(name="mine", class_=ScenarioClass.SEEN, rules=(rule,))

    assert scenario.as_data() == {
        "name": "mine",
        "class": "seen",
        "rules": [{"id": "rule-1", "at": ["rcpt"], "do": [{"reply": "450 Busy"}, {"close": "reset"}]}],
    }


def test_a_scenario_that_exists_makes_sense() -> None:
    with pytest.raises(ValidationError, match="is taken"):
        Scenario(rules=(Rule.model_validate(RULE | {"id": "a"}), Rule.model_validate(RULE | {"id": "a"})))


def test_a_scenario_is_frozen() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Scenario().name = "another"


@given(SCENARIOS)
def test_a_scenario_survives_the_journey_through_plain_data(data: dict[str, object]) -> None:
    scenario = from_data(data)

    again = from_data(scenario.as_data())

    assert again.model_copy(update={"params": scenario.params}) == scenario


def test_the_public_names_are_there() -> None:
    assert all(hasattr(model_module, name) for name in model_module.__all__)


def test_a_scenario_begins_with_a_port_that_is_not_as_usual() -> None:
    scenario = from_data({"begin": {"listener": "blackhole", "for": "2s"}})
    assert scenario.begin is not None
    assert scenario.begin.describe() == "listener: blackhole (for 2s)"
    assert from_data(scenario.as_data()) == scenario
    with pytest.raises(ScenarioError, match="the port is open as it is"):
        from_data({"begin": {"listener": "resume"}})
