"""How expectations are written, read, written again and refused."""

from __future__ import annotations

import json

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]  # it brings no types
from pydantic import BaseModel, ValidationError

from mailtrap_py.scenario.expectation import LOST, Delivered, Expectation, Retried, after_matches
from mailtrap_py.scenario.mistakes import Mistake
from mailtrap_py.scenario.quantities import Comparison


class Wanted(BaseModel):
    """What a scenario has of expectations."""

    expect: tuple[Expectation, ...] = ()


# As in SCENARIOS.md, and the words in which each is reported.
GOOD: list[tuple[dict[str, object], str]] = [
    ({"delivered": "exactly-once"}, "delivered: exactly-once"),
    ({"delivered": "at-least-once"}, "delivered: at-least-once"),
    ({"delivered": "never"}, "delivered: never"),
    ({"delivered": {"match": {"to": "*@x"}, "copies": 1}}, 'delivered: {match: {to: "*@x"}, copies: 1}'),
    (
        {"delivered": {"match": {"from": ["a", "b"], "subject": "Hi"}}},
        "delivered: {match: {from: [a, b], subject: Hi}}",
    ),
    ({"delivered": {"copies": ">= 2"}}, 'delivered: {copies: ">= 2"}'),
    (
        {"retried": {"after": "4xx", "not_before": "5s", "within": "60s", "at_most": 5}},
        "retried: {after: 4xx, not_before: 5s, within: 1m, at_most: 5}",
    ),
    ({"retried": {}}, "retried: {}"),
    ({"not_retried": {"after": "5xx", "within": "2s"}}, "not_retried: {after: 5xx, within: 2s}"),
    ({"only_retried": "refused"}, "only_retried: refused"),
    ({"reconnected": {"after": 421, "within": "10s"}}, "reconnected: {after: 421, within: 10s}"),
    ({"not_reused": {"after": "error"}}, "not_reused: {after: error}"),
    ({"gave_up": {"within": "30s"}}, "gave_up: {within: 30s}"),
    ({"waited": {"at_least": "10s"}}, "waited: {at_least: 10s}"),
    ({"ends_with": "quit"}, "ends_with: quit"),
    ({"no_plaintext": ["auth", "mail"]}, "no_plaintext: [auth, mail]"),
    ({"no_plaintext": "auth"}, "no_plaintext: auth"),
    ({"client_said": "failure"}, "client_said: failure"),
    ({"client_said": "success"}, "client_said: success"),
    ({"fired": {"rule-1": 2, "other": "> 3"}}, 'fired: {rule-1: 2, other: "> 3"}'),
]


@pytest.mark.parametrize(("written", "words"), GOOD)
def test_an_expectation_is_a_mapping_of_one_key(written: dict[str, object], words: str) -> None:
    expectation = Expectation.model_validate(written)

    assert [expectation.key] == list(written)
    assert expectation.describe() == words
    assert list(expectation.model_fields_set) == list(written)


@pytest.mark.parametrize(("written", "words"), GOOD)
def test_it_survives_the_journey_through_json(written: dict[str, object], words: str) -> None:
    wanted = Wanted.model_validate({"expect": [written]})

    data = json.loads(wanted.model_dump_json(by_alias=True))

    assert list(data["expect"][0]) == list(written)
    assert Wanted.model_validate(data) == wanted
    assert words.startswith(f"{wanted.expect[0].key}: ")


@pytest.mark.parametrize("written", [written for written, _ in GOOD if written != {"no_plaintext": "auth"}])
def test_the_json_schema_takes_it(written: dict[str, object]) -> None:
    Draft202012Validator(Wanted.model_json_schema()).validate({"expect": [written]})


# What is wrong, where (behind the position in the list), and what to write instead.
BAD: list[tuple[object, tuple[object, ...], str]] = [
    ("delivered", (), "an expectation is a mapping of one key: write each as '- delivered: exactly-once'"),
    ({}, (), "a mapping of one key, and this has 0"),
    ({"delivered": "never", "ends_with": "quit"}, (), "a mapping of one key, and this has 2"),
    ({"retryed": {}}, (), "there is no expectation 'retryed': did you mean 'retried'?"),
    ({"xyz": 1}, (), "there is no expectation 'xyz': write one of delivered, retried,"),
    ({"retried": None}, (), "nothing is expected of 'retried': write what, or 'retried: {}' for its defaults"),
    ({"delivered": "once"}, ("delivered",), "'once' does not say how often: write one of exactly-once"),
    ({"delivered": 3}, ("delivered",), "3 does not say how often"),
    ({"delivered": ["never"]}, ("delivered",), "does not say how often"),
    ({"delivered": {"copies": "x"}}, ("delivered", "copies"), "'x' is not a comparison"),
    ({"delivered": {"match": {"to": "/(/"}}}, ("delivered", "match", "to", 0), "is not a regular expression"),
    ({"retried": {"after": "2xx"}}, ("retried", "after"), "'2xx' is not a failure: write a code (421), a class"),
    ({"retried": {"after": "45"}}, ("retried", "after"), "'45' is not a failure"),
    ({"retried": {"after": True}}, ("retried", "after"), "True is not a failure"),
    ({"retried": {"not_before": 5}}, ("retried", "not_before"), "5 has no unit: write '5s' for seconds"),
    ({"retried": {"at_most": 0}}, ("retried", "at_most"), "greater than or equal to 1"),
    ({"retried": {"befor": "5s"}}, ("retried", "befor"), "not permitted"),
    ({"gave_up": {}}, ("gave_up", "within"), "required"),
    ({"only_retried": "all"}, ("only_retried",), "'refused'"),
    ({"ends_with": "bye"}, ("ends_with",), "'quit'"),
    ({"no_plaintext": []}, ("no_plaintext",), "at least 1"),
    ({"no_plaintext": ["quit"]}, ("no_plaintext", 0), "'auth' or 'mail'"),
    ({"client_said": "nothing"}, ("client_said",), "'failure', 'success' or 'truth'"),
    ({"fired": {}}, ("fired",), "at least 1"),
    ({"fired": {"rule-1": -1}}, ("fired", "rule-1"), "-1 is not a comparison"),
]


@pytest.mark.parametrize(("written", "place", "words"), BAD)
def test_what_is_wrong_is_said_at_its_place(written: object, place: tuple[object, ...], words: str) -> None:
    with pytest.raises(ValidationError) as error:
        Wanted.model_validate({"expect": [written]})

    first = error.value.errors()[0]
    mistake = first.get("ctx", {}).get("error")
    assert first["loc"] == ("expect", 0, *place)
    assert words in (f"{mistake.problem}: {mistake.cure}" if isinstance(mistake, Mistake) else first["msg"])


@pytest.mark.parametrize("written", [written for written, place, _ in BAD if place[-1:] != (0,)])
def test_the_json_schema_refuses_it(written: object) -> None:
    assert not Draft202012Validator(Wanted.model_json_schema()).is_valid({"expect": [written]})


def test_the_json_schema_describes_every_key_and_asks_for_no_null() -> None:
    schema = Wanted.model_json_schema()
    keys = schema["$defs"]["Expectation"]["properties"]

    assert list(keys) == list(Expectation.model_fields)
    assert all(key["description"].endswith(".") for key in keys.values())
    assert "null" not in json.dumps(schema)


def test_it_is_frozen_and_can_be_written_in_python() -> None:
    expectation = Expectation(retried=Retried(after="421", at_most=2))

    assert expectation.describe() == "retried: {after: 421, at_most: 2}"
    with pytest.raises(ValidationError):
        setattr(expectation, "retried", None)  # noqa: B010 - mypy knows that it is frozen; pydantic is asked
    assert Expectation(delivered=Delivered(copies=Comparison(">=", (1,)))).describe() == "delivered: at-least-once"


@pytest.mark.parametrize(
    ("after", "code", "matches"),
    [
        ("4xx", 450, True),
        ("4xx", 550, False),
        ("45x", 459, True),
        ("45x", 421, False),
        ("421", 421, True),
        ("421", 422, False),
        ("error", 550, True),
        ("error", 0, True),
        ("4xx", 4, False),
        ("lost", 451, False),
    ],
)
def test_what_after_means(after: str, code: int, matches: bool) -> None:  # noqa: FBT001 - a table
    assert after_matches(after, code) is matches


@pytest.mark.parametrize("after", ["lost", "451", "45x", "4xx", "error"])
def test_a_lost_connection_is_a_451(after: str) -> None:
    assert after_matches(after, LOST, lost=True)
