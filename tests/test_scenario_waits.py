"""How long a delay is."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from mailtrap_py.scenario import Lognormal, Uniform

DICE = random.Random(1)


def test_a_uniform_wait_lies_between_the_two() -> None:
    wait = Uniform.model_validate({"uniform": ["1s", "2s"]})
    drawn = [wait.draw(DICE) for _ in range(200)]

    assert min(drawn) >= 1
    assert max(drawn) <= 2
    assert max(drawn) - min(drawn) > 0.5


def test_half_of_the_lognormal_waits_are_below_the_median() -> None:
    wait = Lognormal.model_validate({"lognormal": {"median": "200ms", "sigma": 0.5}})
    drawn = [wait.draw(DICE) for _ in range(1000)]

    assert 430 < sum(each < 0.2 for each in drawn) < 570


@given(sigma=st.floats(0.01, 5), seed=st.integers(0, 1000))
def test_every_wait_ends(sigma: float, seed: int) -> None:
    wait = Lognormal.model_validate({"lognormal": {"median": "1s", "sigma": sigma}})

    assert 0 < wait.draw(random.Random(seed)) <= 100


def test_they_read_as_in_the_scenario() -> None:
    assert str(Uniform.model_validate({"uniform": ["500ms", "1m"]})) == "{uniform: [500ms, 1m]}"
    lognormal = Lognormal.model_validate({"lognormal": {"median": "1s", "sigma": "0.50"}})
    assert str(lognormal) == "{lognormal: {median: 1s, sigma: 0.5}}"
