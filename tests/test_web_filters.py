from __future__ import annotations

import pytest

from mailtrap_py.web.filters import Destroy, Search
from mailtrap_py.web.problems import ProblemError


@pytest.mark.parametrize(
    ("given", "chosen"),
    [
        ({}, False),
        ({"inbox": "a"}, False),
        ({"from": ""}, True),
        ({"to": "a"}, True),
        ({"session": "s"}, True),
        ({"search": "a"}, True),
    ],
)
def test_a_filter_leaves_something_out_or_not(given: dict[str, str], chosen: bool) -> None:  # noqa: FBT001 - expected
    assert Search.model_validate(given).chosen is chosen


@pytest.mark.parametrize("given", [{}, {"all": True, "to": "a@example.com"}])
def test_what_is_not_said_clearly_is_not_destroyed(given: dict[str, object]) -> None:
    with pytest.raises(ProblemError):
        Destroy.model_validate(given).confirmed()
