"""How long a delay is: a duration, or one drawn from a distribution."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Protocol, Self

from pydantic import Discriminator, Field, Tag, model_validator

from mailtrap_py.quantities import format_duration
from mailtrap_py.scenario.blanks import BlankText, is_blank
from mailtrap_py.scenario.mistakes import Mistake
from mailtrap_py.scenario.quantities import Duration
from mailtrap_py.scenario.values import Number, Value

_LONGEST_DRAW = 100  # medians: a lognormal wait is cut there, because every wait ends


class Dice(Protocol):
    """Where chance comes from; `random.Random` is one."""

    def random(self) -> float:
        """Draw from 0 up to, but not including, 1."""

    def uniform(self, a: float, b: float) -> float:
        """Draw between the two, all alike."""

    def lognormvariate(self, mu: float, sigma: float) -> float:
        """Draw a number whose logarithm is normal around `mu`."""


class Uniform(Value):
    """A wait anywhere between two."""

    uniform: tuple[Duration, Duration] = Field(description="The shortest and the longest, all between alike.")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.uniform[0] > self.uniform[1]:
            raise Mistake("the shortest wait comes first", "write [1s, 5s]", ("uniform",))
        return self

    def draw(self, dice: Dice) -> float:
        """Draw one, in seconds."""
        return dice.uniform(*self.uniform)

    def __str__(self) -> str:
        """Read as in the scenario."""
        low, high = map(format_duration, self.uniform)
        return f"{{uniform: [{low}, {high}]}}"


class Spread(Value):
    """The two numbers of a lognormal distribution."""

    median: Duration = Field(gt=0, description="Half of the waits are shorter.")
    sigma: Number = Field(gt=0, le=5, description="The spread: 0.5 is lively, 1 has long tails.")


class Lognormal(Value):
    """A wait as networks and loaded servers have them: mostly short, now and then long; at most a hundred medians."""

    lognormal: Spread = Field(description="Mostly near the median, now and then far longer.")

    def draw(self, dice: Dice) -> float:
        """Draw one, in seconds."""
        median = self.lognormal.median
        return min(dice.lognormvariate(math.log(median), self.lognormal.sigma), median * _LONGEST_DRAW)

    def __str__(self) -> str:
        """Read as in the scenario."""
        return f"{{lognormal: {{median: {format_duration(self.lognormal.median)}, sigma: {self.lognormal.sigma:g}}}}}"


WAITS = ("fixed", "blank", "uniform", "lognormal")
"""The kinds of wait; only the last two are written."""


def _kind_of_wait(value: object) -> str | None:
    if isinstance(value, Mapping):
        return next((kind for kind in WAITS[2:] if kind in value), None)
    if is_blank(value):
        return "blank"
    return type(value).__name__.lower() if isinstance(value, Uniform | Lognormal) else "fixed"


Wait = Annotated[
    Annotated[Duration, Tag("fixed")]
    | Annotated[BlankText, Tag("blank")]
    | Annotated[Uniform, Tag("uniform")]
    | Annotated[Lognormal, Tag("lognormal")],
    Discriminator(
        _kind_of_wait,
        custom_error_type="wait",
        custom_error_message="a delay is a duration, or one of {uniform: [1s, 5s]}, {lognormal: {median, sigma}}",
    ),
]
