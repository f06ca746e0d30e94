"""Params."""

from __future__ import annotations

from typing import Any

import pytest

from mailtrap_py.scenario.mistakes import Mistake
from mailtrap_py.scenario.params import DEEPEST, MOST_VALUES, like, resolve


def put(value: object, params: dict[str, Any], **given: object) -> object:
    resolved, mistakes = resolve({"params": params, "value": value}, given)
    assert not mistakes
    return resolved["value"]


@pytest.mark.parametrize(
    ("value", "result"),
    [
        ("${n}", 5),
        ("${wait}", "2s"),
        ("${yes}", True),
        ("${ratio}", 0.5),
        ("n is ${n}, wait is ${wait}, ${yes}, ${ratio}", "n is 5, wait is 2s, true, 0.5"),
        ("${n}0s", "50s"),
        ({"a": ["${n}", {"b": "${wait}"}]}, {"a": [5, {"b": "2s"}]}),
        (("${n}",), [5]),
        ("<${to}> ${from} ${n}", "<${to}> ${from} 5"),
        ("$n $ {n} ${} ${1} $", "$n $ {n} ${} ${1} $"),
        (None, None),
        (7, 7),
    ],
)
def test_what_is_put_in_place(value: object, result: object) -> None:
    assert put(value, {"n": 5, "wait": "2s", "yes": True, "ratio": 0.5}) == result


def test_what_is_given_goes_before_what_is_declared() -> None:
    resolved, mistakes = resolve({"params": {"wait": "5m", "n": 1}, "value": "${wait} ${n}"}, {"wait": "1s"})

    assert not mistakes
    assert resolved == {"params": {"wait": "1s", "n": 1}, "value": "1s 1"}


@pytest.mark.parametrize(
    ("default", "value", "result"),
    [
        ("5m", "1s", "1s"),
        ("1MB", "10KB", "10KB"),
        ("1MB", 500, "500"),
        ("text", "other", "other"),
        ("text", 5, "5"),
        ("500", "other", "other"),
        (5, 7, 7),
        (5, "7", 7),
        (5, "-7", -7),
        (0.5, 1, 1),
        (0.5, "1", 1),
        (0.5, "0.25", 0.25),
        (True, False, False),
        (True, "false", False),
        (False, "true", True),
    ],
)
def test_values_of_the_default_s_kind(default: object, value: object, result: object) -> None:
    read = like(default, value)

    assert (read, type(read)) == (result, type(result))


@pytest.mark.parametrize(
    ("default", "value", "problem"),
    [
        ("5m", 1, "1 has no unit"),
        ("5m", "soon", "'soon' is not a duration"),
        ("1MB", "much", "'much' is not a size"),
        ("text", None, "nothing is not a text"),
        (5, "five", "'five' is not a whole number"),
        (5, 0.5, "0.5 is not a whole number"),
        (5, True, "True is not a whole number"),
        (5, None, "None is not a whole number"),
        (0.5, "", "'' is not a number"),
        (0.5, "half", "'half' is not a number"),
        (True, "yes", "'yes' is not a yes or no"),
        (True, 1, "1 is not a yes or no"),
        (True, [], "[] is not a yes or no"),
    ],
)
def test_values_of_another_kind(default: object, value: object, problem: str) -> None:
    with pytest.raises(Mistake) as caught:
        like(default, value)

    assert caught.value.problem == problem


@pytest.mark.parametrize(
    ("data", "given", "problem", "cure", "path"),
    [
        ({"a": "${wiat}", "params": {"wait": 1}}, {}, "there is no param 'wiat'", "did you mean 'wait'?", ("a",)),
        ({"value": "${tp}"}, {}, "there is no param 'tp'", "did you mean 'to'?", ("value",)),
        ({"a": [{"b": "x ${zzz}"}]}, {}, "there is no param 'zzz'", "declare it: 'params: {zzz: ...}'", ("a", 0, "b")),
        ({"params": {"wait": "5m"}, "value": "${wait}"}, {"wiat": "1s"}, "the scenario has no param 'wiat'",
         "did you mean 'wait'?", ("params",)),
        ({"params": {"wait": "5m"}, "value": "${wait}"}, {"zzz": "1s"}, "the scenario has no param 'zzz'",
         "its params are: wait", ("params",)),
        ({}, {"wait": "1s"}, "the scenario has no param 'wait'", "it has none", ("params",)),
        ({"params": {"wait": "5m"}, "value": "${wait}"}, {"wait": "soon"}, "the param 'wait': 'soon' is not a duration",
         "write a number and a unit, as in '500ms', '2s', '5m', '1h', '2d'", ("params", "wait")),
        ({"params": {"wait": "5m"}}, {"wait": "1s"}, "nothing in the scenario uses its param 'wait'",
         "write ${wait} where it belongs", ("params", "wait")),
        ({"params": {"to": "x"}}, {}, "${to} is filled in when a rule fires", "give the param another name",
         ("params", "to")),
        ({"params": {"2nd": "x"}}, {}, "'2nd' cannot be the name of a param", "use letters, digits, '_' and '-'",
         ("params", "2nd")),
        ({"params": {"a": [1]}, "value": "${a}"}, {}, "the param 'a' has no value of its own",
         "write a text or a number", ("params", "a")),
        ({"value": {5: "x"}}, {}, "5 is not a key", "write a word", ("value",)),
        ({"value": "half: \ud83d"}, {}, "this has half a character in it", "write the whole character", ("value",)),
    ],
)  # fmt: skip
def test_mistakes(data: dict[str, Any], given: dict[str, Any], problem: str, cure: str, path: tuple[object]) -> None:
    _, [mistake] = resolve(data, given)

    assert (mistake.problem, mistake.cure, mistake.path) == (problem, cure, path)


def test_params_that_are_none_are_left_to_the_model() -> None:
    assert resolve({"params": "x"}, {}) == ({"params": "x"}, [])


def nested(depth: int) -> object:
    value: object = "x"
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize("value", [nested(DEEPEST + 1), ["x"] * (MOST_VALUES + 1)])
def test_there_is_a_limit(value: object) -> None:
    with pytest.raises(Mistake, match="too large for a scenario"):
        resolve({"value": value}, {})


def test_a_list_that_holds_itself_is_too_deep() -> None:
    endless: list[object] = []
    endless.append(endless)

    with pytest.raises(Mistake, match="too large for a scenario"):
        resolve({"value": endless}, {})


def test_what_is_large_and_within_the_limit() -> None:
    assert put(nested(DEEPEST - 1), {}) == nested(DEEPEST - 1)
