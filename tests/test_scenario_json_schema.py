"""A scenario file as JSON Schema, held against an independent validator."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]  # it ships no types

from mailtrap_py.errors import ScenarioError
from mailtrap_py.scenario import from_data, schema
from mailtrap_py.scenario.actions import ACTIONS
from tests.scenario_data import REFUSE, SCENARIOS

SCHEMA = schema()
VALIDATOR = Draft202012Validator(SCHEMA)


def accepts(data: object) -> bool:
    return bool(VALIDATOR.is_valid(data))


def rule(**changes: object) -> dict[str, Any]:
    return {"rules": [{"at": "rcpt", "do": {"reply": REFUSE}} | changes]}


def test_it_is_a_schema() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    assert not accepts([])
    assert SCHEMA["$schema"] == "https://json-schema.org/draft/2020-12/schema"


@given(SCENARIOS)
def test_what_loads_is_accepted(data: dict[str, object]) -> None:
    assert accepts(data)
    assert accepts(from_data(data).as_data())


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"name": 5, "summary": True},
        {"params": {"a": "1s", "b": 5, "c": 0.5, "d": True}},
        rule(at=["mail", "rcpt"]),
        rule(at="${point}", id="${id}", optional="${optional}"),
        rule(do="close"),
        rule(do=["pass"]),
        rule(do={"close": "half"}),
        rule(do={"close": "${how}"}),
        rule(do={"stall": {"max": "${wait}"}}),
        rule(do={"delay": "${n}s"}),
        rule(do={"delay": {"uniform": ["1s", "${high}"]}}),
        rule(do={"delay": {"lognormal": {"median": "1s", "sigma": "${sigma}"}}}),
        rule(do={"reply": "${code} no"}),
        rule(do={"reply": 450}),
        rule(do={"reply": {"code": "${code}", "enhanced": "4.2.1", "lines": ["a", "b"]}}),
        rule(count={"times": "${n}", "chance": "${p}", "per": "session"}),
        rule(count={"nth": ["${n}", 2], "per": ["client", "${who}"]}),
        rule(when={"index": ["${n}", 2], "size": "> ${limit}", "to": ["a", 5]}),
        rule(when={"any": [{"not": {"all": [{"to": "x"}]}}]}),
        {"seed": "${seed}", "strict": "${strict}", "class": "${class}", "clock": {"speed": "${speed}"}},
        {"clock": "${clock}"},
        {"expect": [{"delivered": "exactly-once"}, {"retried": {"after": "4xx", "not_before": "${wait}"}}]},
    ],
)
def test_what_it_accepts(data: object) -> None:
    assert accepts(data)


@pytest.mark.parametrize(
    "data",
    [
        {"rule": []},
        {"rules": {}},
        {"class": "evil"},
        {"clock": 60},
        {"clock": {"speed": 0}},
        {"seed": 1.5},
        {"strict": "yes"},
        {"rules": [{"at": "rcpt"}]},
        {"rules": [{"do": "close"}]},
        rule(on="rcpt"),
        rule(at="rctp"),
        rule(at=[]),
        rule(do=[]),
        rule(do="reply"),
        rule(do="stal"),
        rule(do={}),
        rule(do={"reply": "Busy"}),
        rule(do={"reply": "999 No"}),
        rule(do={"reply": 600}),
        rule(do={"reply": {"lines": "no code"}}),
        rule(do={"reply": REFUSE, "delay": "2s"}),
        rule(do={"reply": REFUSE, "stya": True}),
        rule(do={"delay": 2}),
        rule(do={"delay": "2 seconds"}),
        rule(do={"delay": {"uniform": ["1s"]}}),
        rule(do={"close": "rst"}),
        rule(do={"accept": False}),
        rule(do={"stall": "30s"}),
        rule(when={"sbject": "x"}),
        rule(when={"index": "many"}),
        rule(when={"header": {}}),
        rule(count={"times": "2"}),
        rule(count={"times": 0}),
        rule(count={"chance": 2}),
        rule(count={"chance": "often"}),
        rule(count={"for": 5}),
        rule(count={"times": 1, "per": "recipient"}),
        rule(id="a b"),
        rule(optional="yes"),
    ],
)
def test_what_it_refuses_does_not_load(data: dict[str, object]) -> None:
    assert not accepts(data)
    with pytest.raises(ScenarioError):
        from_data(data)


@pytest.mark.parametrize("data", [{"seed": None}, rule(when=None), rule(when={"to": None}), rule(count={"per": None})])
def test_a_key_has_a_value(data: object) -> None:
    assert not accepts(data)


def test_every_action_is_offered_by_its_key() -> None:
    titles = {definition["title"] for definition in SCHEMA["$defs"].values()}  # type: ignore[attr-defined]

    assert set(ACTIONS) <= titles


def described(part: dict[str, Any]) -> bool:
    return "description" in part and ("title" in part or "$ref" in part)


def test_everything_has_a_title_and_a_description() -> None:
    definitions: dict[str, Any] = {"Scenario": SCHEMA, **SCHEMA["$defs"]}  # type: ignore[dict-item]
    bare = [
        f"{name}.{key}"
        for name, definition in definitions.items()
        for key, part in {"": definition, **definition.get("properties", {})}.items()
        if not described(part)
    ]

    assert bare == []
