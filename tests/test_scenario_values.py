"""The smallest values of a scenario."""

from __future__ import annotations

from typing import Annotated

import pytest
from pydantic import Field, TypeAdapter, ValidationError

from mailtrap_py.scenario.mistakes import Mistake
from mailtrap_py.scenario.values import Number, OneOrMore, Value, Whole, as_text, listed


@pytest.mark.parametrize(
    ("value", "text"), [("a", "a"), ("", ""), (5, "5"), (4.1, "4.1"), (True, "true"), (False, "false")]
)
def test_what_can_be_a_text(value: object, text: str) -> None:
    assert as_text(value) == text


@pytest.mark.parametrize(
    ("value", "problem"),
    [(None, "nothing is not a text"), ([], "a list is not a text"), ({}, "a mapping is not a text"),
     (b"x", "b'x' is not a text")],
)  # fmt: skip
def test_what_cannot_be_a_text(value: object, problem: str) -> None:
    with pytest.raises(Mistake) as caught:
        as_text(value)

    assert caught.value.problem == problem


@pytest.mark.parametrize(("value", "items"), [(1, [1]), ([1, 2], [1, 2]), ((), ()), (None, [None]), ("ab", ["ab"])])
def test_one_is_a_list_of_one(value: object, items: object) -> None:
    assert listed(value) == items


def test_one_or_more_is_described_as_both() -> None:
    numbers = TypeAdapter(Annotated[tuple[int, ...], Field(min_length=1), OneOrMore()])

    assert numbers.validate_python(1) == numbers.validate_python([1]) == (1,)
    assert numbers.json_schema() == {
        "anyOf": [{"type": "integer"}, {"type": "array", "items": {"type": "integer"}, "minItems": 1}]
    }


@pytest.mark.parametrize(("value", "number"), [(1, 1.0), (0.5, 0.5), ("0.50", 0.5), (".5", 0.5), ("5", 5.0)])
def test_numbers_as_typed(value: object, number: float) -> None:
    assert TypeAdapter(Number).validate_python(value) == number


@pytest.mark.parametrize("value", [True, "", ".", "1e3", "-1", "nan", float("inf"), float("nan"), None])
def test_what_is_not_a_number(value: object) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Number).validate_python(value)


@pytest.mark.parametrize("value", [True, "1", 1.0, None])
def test_what_is_not_a_whole_number(value: object) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Whole).validate_python(value)


def test_values_are_frozen_and_know_their_keys() -> None:
    class Point(Value):
        x: int

    point = Point(x=1)

    with pytest.raises(ValidationError, match="frozen"):
        point.x = 2
    with pytest.raises(ValidationError, match="Extra inputs"):
        Point.model_validate({"x": 1, "y": 2})
