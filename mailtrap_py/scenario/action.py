"""What every action is: one thing that a rule does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from mailtrap_py.events import Point
from mailtrap_py.scenario.values import Value
from mailtrap_py.scenario.waits import Dice

ANSWERED = frozenset(Point) - {Point.TLS}
"""Where something can be said: not inside a handshake."""


class Action(Value):
    """One thing to do: what the checks of a scenario ask of it, and what whoever carries it out does."""

    key: ClassVar[str]
    """What it is called in YAML; the field of that name holds what was said."""
    bare: ClassVar[object] = None
    """What the word alone stands for; `None` when it cannot stand alone."""
    only_at: ClassVar[frozenset[Point]] = frozenset(Point)
    """Where it makes sense."""

    @property
    def ends(self) -> bool:
        """Whether nothing can come after it."""
        return False

    def texts(self) -> tuple[str, ...]:
        """Give the texts in which `${to}` and its like are filled in."""
        return ()

    def describe(self) -> str:
        """Say it in the words of the scenario, as in `reply: 450 4.2.0 Busy`."""
        return self.key

    def ready(self, names: Mapping[str, str], dice: Dice) -> Action:  # noqa: ARG002 - most have nothing to fill or draw
        """Fill in `${to}` and its like, and draw what is left to chance: an action that can be carried out."""
        return self
