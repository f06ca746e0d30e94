from __future__ import annotations

from typing import get_args

from mailtrap_py.events import Point
from mailtrap_py.handle.limits import Limits, Matchers, PointName, as_data
from mailtrap_py.scenario import Count, When
from tests.homes import BOB, BUSY


def test_every_matcher_and_every_count_is_typed() -> None:
    def named(names: object) -> set[str]:
        return {str(name).removesuffix("_") for name in names}  # type: ignore[attr-defined]  # a set of names

    assert named(Matchers.__annotations__) == named(When.model_fields)
    assert named(Limits.__annotations__) - named(Matchers.__annotations__) == named(Count.model_fields) | {
        "optional",
        "id",
    }


def test_every_point_is_typed() -> None:
    assert set(get_args(get_args(PointName)[1])) == set(Point)


def test_limits_are_written_as_yaml_has_them() -> None:
    data = as_data(
        ("mail", Point.RCPT),
        [BUSY],
        {"from_": "a@*", "not_": {"to": BOB}, "for_": "1s", "per": ("from", "to"), "nth": [1, 2], "optional": True},
    )

    assert data == {
        "at": ["mail", "rcpt"],
        "do": [{"reply": BUSY}],
        "when": {"from": "a@*", "not": {"to": BOB}},
        "count": {"for": "1s", "per": ["from", "to"], "nth": [1, 2]},
        "optional": True,
    }
