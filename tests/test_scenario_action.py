"""What every action is."""

from __future__ import annotations

import random

from mailtrap_py.events import Point
from mailtrap_py.scenario import Action
from mailtrap_py.scenario.action import ANSWERED


class _Whistle(Action):
    key = "whistle"


def test_an_action_that_says_no_more_of_itself() -> None:
    action = _Whistle()

    assert action.describe() == "whistle"
    assert action.ready({}, random.Random(1)) is action
    assert (action.ends, action.texts(), action.bare) == (False, (), None)
    assert action.only_at == frozenset(Point)


def test_inside_a_handshake_nothing_can_be_said() -> None:
    assert frozenset(Point) - ANSWERED == {Point.TLS}
