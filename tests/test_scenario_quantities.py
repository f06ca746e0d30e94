"""Durations, sizes and comparisons: how they are written, read, and written again."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]  # it brings no types
from pydantic import BaseModel, ValidationError

from mailtrap_py.quantities import format_duration
from mailtrap_py.scenario.mistakes import Mistake
from mailtrap_py.scenario.quantities import (
    RATE_PATTERN,
    Comparison,
    Duration,
    Size,
    format_rate,
    parse_duration,
    parse_rate,
    parse_size,
)


class Quantities(BaseModel):
    """One of each."""

    duration: Duration | None = None
    size: Size | None = None
    comparison: Comparison | None = None


@pytest.mark.parametrize(
    ("written", "seconds"),
    [("500ms", 0.5), ("2s", 2.0), ("5m", 300.0), ("1h", 3600.0), ("2d", 172800.0), ("1.5s", 1.5), (" 0 s ", 0.0)],
)
def test_durations(written: str, seconds: float) -> None:
    assert parse_duration(written) == pytest.approx(seconds)
    assert parse_duration(format_duration(seconds)) == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("written", "problem", "cure"),
    [
        (5, "5 has no unit", "write '5s' for seconds"),
        (0.5, "0.5 has no unit", "write '0.5s' for seconds"),
        ("5", "'5' is not a duration", "a number and a unit"),
        ("5 minutes", "'5 minutes' is not a duration", "a number and a unit"),
        ("-1s", "'-1s' is not a duration", "a number and a unit"),
        ("5M", "'5M' is not a duration", "a number and a unit"),
        ("9" * 400 + "s", "is not a duration", "a number and a unit"),
        (True, "True is not a duration", "a number and a unit"),
        (None, "None is not a duration", "a number and a unit"),
    ],
)
def test_what_is_no_duration(written: object, problem: str, cure: str) -> None:
    with pytest.raises(Mistake) as error:
        parse_duration(written)
    assert problem in error.value.problem
    assert cure in error.value.cure


@pytest.mark.parametrize(
    ("seconds", "written"),
    [(0.0, "0s"), (0.0015, "1.5ms"), (0.5, "500ms"), (1.0, "1s"), (1.25, "1.25s"), (90.0, "90s"), (7200.0, "2h")],
)
def test_durations_are_written_in_the_largest_whole_unit(seconds: float, written: str) -> None:
    assert format_duration(seconds) == written


@given(st.floats(0, 1e9))
def test_every_duration_survives_being_written(seconds: float) -> None:
    assert parse_duration(format_duration(seconds)) == pytest.approx(seconds, rel=1e-6, abs=1e-9)


@pytest.mark.parametrize(
    ("written", "octets"),
    [
        (500, 500),
        (0, 0),
        ("500", 500),
        ("500B", 500),
        ("10KB", 10240),
        ("1mb", 1048576),
        ("0.5 KB", 512),
        ("2GB", 2**31),
    ],
)
def test_sizes(written: object, octets: int) -> None:
    assert parse_size(written) == octets


@pytest.mark.parametrize("written", [-1, True, 1.5, "10K", "-1KB", "many", None, [1]])
def test_what_is_no_size(written: object) -> None:
    with pytest.raises(Mistake, match="is not a size") as error:
        parse_size(written)
    assert error.value.cure.startswith("write octets")


@pytest.mark.parametrize(
    ("written", "numbers", "words"),
    [
        (3, {3}, "3"),
        ("3", {3}, "3"),
        ("= 3", {3}, "3"),
        ("== 3", {3}, "3"),
        ("!= 3", {0, 1, 2, 4, 5}, "!= 3"),
        ("> 3", {4, 5}, "> 3"),
        (">=3", {3, 4, 5}, ">= 3"),
        ("< 3", {0, 1, 2}, "< 3"),
        ("<= 3", {0, 1, 2, 3}, "<= 3"),
        ([1, "2", 5], {1, 2, 5}, "1, 2 or 5"),
        ((4,), {4}, "4"),
    ],
)
def test_comparisons(written: object, numbers: set[int], words: str) -> None:
    comparison = Comparison.parse(written)

    assert {number for number in range(6) if comparison.matches(number)} == numbers
    assert str(comparison) == words
    assert Comparison.parse(comparison.written) == comparison
    assert Comparison.parse(comparison) is comparison


def test_comparisons_are_of_sizes_too() -> None:
    assert Comparison.parse("> 1MB").matches(1048577)
    assert not Comparison.parse("> 1MB").matches(1048576)


@pytest.mark.parametrize("written", ["", ">", "3 >", "> x", -1, True, 1.5, [], None, {}])
def test_what_is_no_comparison(written: object) -> None:
    with pytest.raises(Mistake, match="is not a comparison") as error:
        Comparison.parse(written)
    assert error.value.cure.startswith("write a number")


def test_they_survive_the_journey_through_json() -> None:
    read = Quantities.model_validate({"duration": "5m", "size": "10KB", "comparison": "> 1MB"})

    assert read == Quantities(duration="5m", size=10240, comparison=Comparison(">", (1048576,)))  # type: ignore[arg-type]  # a duration is written with its unit
    assert read.model_dump(mode="json") == {"duration": "5m", "size": 10240, "comparison": "> 1048576"}
    assert Quantities.model_validate_json(read.model_dump_json()) == read


GOOD = [
    {"duration": "500ms"},
    {"size": 500},
    {"size": "10KB"},
    {"size": "500"},
    {"comparison": 3},
    {"comparison": "> 1MB"},
    {"comparison": [1, "2KB"]},
]
BAD = [
    {"duration": 5},
    {"duration": "5"},
    {"size": -1},
    {"size": "10K"},
    {"comparison": "> x"},
    {"comparison": []},
    {"comparison": -1},
]


@pytest.mark.parametrize("data", GOOD)
def test_the_json_schema_takes_what_the_model_takes(data: dict[str, object]) -> None:
    Draft202012Validator(Quantities.model_json_schema()).validate(data)
    Quantities.model_validate(data)


@pytest.mark.parametrize("data", BAD)
def test_the_json_schema_refuses_what_the_model_refuses(data: dict[str, object]) -> None:
    assert not Draft202012Validator(Quantities.model_json_schema()).is_valid(data)
    with pytest.raises(ValidationError):
        Quantities.model_validate(data)


@pytest.mark.parametrize(
    ("written", "octets"), [("1KB/s", 1024.0), ("500/s", 500.0), (" 1.5 kb / s ", 1536.0), ("10B/S", 10.0)]
)
def test_rates(written: str, octets: float) -> None:
    assert parse_rate(written) == parse_rate(format_rate(octets)) == octets
    assert re.search(RATE_PATTERN, written)


@pytest.mark.parametrize("written", ["1KB", "1KB/m", "0/s", "0.1B/s", "-1B/s", 5, None])
def test_what_is_not_a_rate(written: object) -> None:
    with pytest.raises(Mistake, match="is not a rate; write a size above 0 and '/s'"):
        parse_rate(written)
