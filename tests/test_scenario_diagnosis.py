"""What pydantic found, in the words of the scenario."""

from __future__ import annotations

from typing import Any

import pytest

from mailtrap_py.errors import ScenarioError
from mailtrap_py.events import Point
from mailtrap_py.scenario import from_data
from tests.scenario_data import REFUSE

RULE: dict[str, Any] = {"at": "rcpt", "do": {"reply": REFUSE}}
RULE_HAS = "A rule has: id, at, when, count, do, optional"


def mistakes(**scenario: object) -> list[str]:
    with pytest.raises(ScenarioError) as caught:
        from_data(scenario)
    if caught.value.cure:
        return [f"{caught.value.problem}; {caught.value.cure}"]
    return caught.value.problem.splitlines()


def in_rule(**changes: object) -> list[str]:
    return mistakes(rules=[RULE | changes])


@pytest.mark.parametrize(
    ("changes", "where", "problem", "cure"),
    [
        ({"wehn": {}}, "rules[0].wehn", "unknown key 'wehn' in a rule", "did you mean 'when'?"),
        ({"to": "x"}, "rules[0].to", "unknown key 'to' in a rule", "'to' stands under 'when'."),
        ({"times": 1}, "rules[0].times", "unknown key 'times' in a rule", "'times' stands under 'count'."),
        ({"reply": "450"}, "rules[0].reply", "unknown key 'reply' in a rule", "'reply' stands under 'do'."),
        ({"zzz": 1}, "rules[0].zzz", "unknown key 'zzz' in a rule", ""),
        (
            {"at": "rctp"},
            "rules[0].at",
            "'rctp' is none of the values of 'at'",
            "did you mean 'rcpt'? write one of " + ", ".join(Point),
        ),
        (
            {"at": ["rcpt", 5]},
            "rules[0].at[1]",
            "5 is none of the values of 'at'",
            "write one of " + ", ".join(Point),
        ),
        ({"at": []}, "rules[0].at", "an empty list is not enough", "write at least one"),
        ({"do": []}, "rules[0].do", "an empty list is not enough", "write at least one"),
        (
            {"id": "a b"},
            "rules[0].id",
            "'a b' is not a name",
            "use letters, digits, '_', '-' and '.', a letter or digit first",
        ),
        ({"id": None}, "rules[0].id", "nothing is not a text", "write a text, in quotes if it has ': ' or ' #' in it"),
        ({"optional": "yes"}, "rules[0].optional", "'yes' is not true or false", "write true or false, without quotes"),
        ({"when": "x"}, "rules[0].when", "'x' is not a mapping", "write 'key: value' in it"),
        ({"when": {"tp": "x"}}, "rules[0].when.tp", "unknown key 'tp' in 'when'", "did you mean 'to'? 'when' has:"),
        ({"when": {"not": {"tp": "x"}}}, "rules[0].when.not.tp", "unknown key 'tp' in 'not'", "did you mean 'to'?"),
        ({"when": {"to": "/(/"}}, "rules[0].when.to", "/(/ is not a regular expression: ", ""),
        ({"when": {"to": ["x", "/(/"]}}, "rules[0].when.to[1]", "/(/ is not a regular expression: ", ""),
        ({"when": {"index": "many"}}, "rules[0].when.index", "'many' is not a comparison", ""),
        ({"when": {"header": "x"}}, "rules[0].when.header", "'x' is not a mapping", "write 'key: value' in it"),
        ({"when": {"any": {"to": "x"}}}, "rules[0].when.any", "a mapping is not a list", "begin each item with '- '"),
        ({"when": {"all": []}}, "rules[0].when.all", "an empty list is not enough", "write at least one"),
        (
            {"count": {"optional": True}},
            "rules[0].count.optional",
            "unknown key 'optional' in 'count'",
            "'optional' stands in the rule itself. 'count' has: times, skip, every, nth, for, after, chance, limit, ",
        ),
        ({"count": {"for_": "5s"}}, "rules[0].count.for_", "unknown key 'for_' in 'count'", "did you mean 'for'?"),
        ({"count": {"skip": -1}}, "rules[0].count.skip", "-1 is out of range", "write at least 0"),
        ({"do": {"delay": {"uniform": ["1s"]}}}, "rules[0].do.delay.uniform", "", ""),
        ({"do": {"delay": {"uniform": ["1s", 5]}}}, "rules[0].do.delay.uniform[1]", "5 has no unit", ""),
        (
            {"do": {"delay": {"uniform": ["1s", "2s"], "x": 1}}},
            "rules[0].do.delay.x",
            "unknown key 'x' in 'uniform'",
            "'uniform' has: uniform",
        ),
        (
            {"do": {"delay": {"lognormal": {"median": "1s"}}}},
            "rules[0].do.delay.lognormal",
            "'lognormal' has no 'sigma'",
            "write 'sigma: ...'",
        ),
        ({"do": ["450 4.2.0 Busy"]}, "rules[0].do[0]", "there is no action '450 4.2.0 Busy'", "The actions are:"),
        (
            {"do": ["pass", {"reply": "450", "stya": True}]},
            "rules[0].do[1].stya",
            "unknown key 'stya' in 'reply'",
            "did you mean 'stay'? 'reply' has: reply, stay",
        ),
        (
            {"do": {"stall": {"mx": "1s"}}},
            "rules[0].do.stall.mx",
            "unknown key 'mx' in 'stall'",
            "did you mean 'max'? 'stall' has: max, name",
        ),
        ({"do": {"reply": {"code": 450, "text": "x"}}}, "rules[0].do.reply.text", "unknown key 'text' in a reply", ""),
    ],
)
def test_what_is_wrong_in_a_rule(changes: dict[str, Any], where: str, problem: str, cure: str) -> None:
    [found] = in_rule(**changes)

    assert found.startswith(f"{where}: {problem}")
    assert cure in found


@pytest.mark.parametrize(
    ("scenario", "where", "problem", "cure"),
    [
        (
            {"rule": []},
            "rule",
            "unknown key 'rule' in a scenario",
            "did you mean 'rules'? A scenario has: name, summary, imitates, class, params, seed, clock, ",
        ),
        ({"class_": "seen"}, "class_", "unknown key 'class_' in a scenario", "did you mean 'class'?"),
        (
            {"rules": {"at": "rcpt", "do": {"reply": "450 4.2.0 Busy"}}},
            "rules",
            "a mapping is not a list",
            "begin each item with '- '",
        ),
        ({"rules": [5]}, "rules[0]", "5 is not a mapping", "write 'key: value' in it"),
        ({"class": "evil"}, "class", "'evil' is none of the values of 'class'", "write one of legal, seen, hostile"),
        ({"seed": "x"}, "seed", "'x' is not a whole number", "write one, without quotes"),
        ({"seed": 1.5}, "seed", "1.5 is not a whole number", ""),
        ({"strict": 1}, "strict", "1 is not true or false", ""),
        ({"name": ""}, "name", "'' is not a text", "write something"),
        ({"params": [1]}, "params", "a list is not a mapping", "write 'key: value' in it"),
        ({"clock": {"speed": 0}}, "clock.speed", "0 is not a speed", "write a number above 0"),
        (
            {"expect": [{"retried": {"afer": "4xx"}}]},
            "expect[0].retried.afer",
            "unknown key 'afer' in 'retried'",
            "did you mean 'after'? 'retried' has: after, not_before, within, at_most",
        ),
    ],
)
def test_what_is_wrong_in_a_scenario(scenario: dict[str, Any], where: str, problem: str, cure: str) -> None:
    [found] = mistakes(**scenario)

    assert found.startswith(f"{where}: {problem}")
    assert cure in found


def test_every_mistake_is_told() -> None:
    found = mistakes(rules=[{"at": "rctp", "do": "stal"}, {"id": 5}], seed="x")

    assert [line.split(": ")[0] for line in found] == ["seed", "rules[0].at", "rules[0].do", "rules[1]", "rules[1]"]
    assert found[-2:] == [
        "rules[1]: a rule has no 'at'; write 'at: ...'",
        "rules[1]: a rule has no 'do'; write 'do: ...'",
    ]


@pytest.mark.parametrize("written", ["on", "att"])
def test_a_misspelt_key_is_not_missing_as_well(written: str) -> None:
    [found] = mistakes(rules=[{written: "rcpt", "do": "close"}])

    assert f"unknown key '{written}' in a rule" in found


def test_on_is_explained() -> None:
    [found] = mistakes(rules=[{"on": "rcpt", "do": "close"}])

    assert "write 'at:'; YAML takes a bare 'on' for true." in found


def test_a_list_with_a_wrong_item_is_not_too_short_as_well() -> None:
    [found] = in_rule(do=["stal"])

    assert "there is no action 'stal'" in found
