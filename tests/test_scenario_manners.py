"""Actions that shape how the next reply travels."""

from __future__ import annotations

import random

import pytest

from mailtrap_py.errors import ScenarioError
from mailtrap_py.events import Point
from mailtrap_py.scenario import Before, make_rule
from mailtrap_py.scenario.actions import ACTIONS
from mailtrap_py.scenario.manners import Manner

DICE = random.Random(1)


def read(action: object) -> Manner:
    made = make_rule({"at": "rcpt", "do": action}).do[0]
    assert isinstance(made, Manner)
    return made


@pytest.mark.parametrize(
    ("written", "described"),
    [
        ({"drip": {"bytes": 2, "every": "500ms"}}, "drip: {bytes: 2, every: 500ms}"),
        ({"drip": {"every": "1s"}}, "drip: {bytes: 1, every: 1s}"),
        ({"split": {"at": 3}}, "split: {at: [3]}"),
        ({"split": {"at": [3, 9]}}, "split: {at: [3, 9]}"),
        ({"line_end": "none"}, "line_end: none"),
        ({"truncate": {"at": 5}}, "truncate: {at: 5}"),
        ("duplicate", "duplicate"),
        ({"hold": True}, "hold"),
        ({"before": "250 unasked"}, "before: '250 unasked'"),
    ],
)
def test_words(written: object, described: str) -> None:
    action = read(written)

    assert action.describe() == described
    assert action.ready({"to": "x"}, DICE) is action
    again = {"at": "rcpt", "do": action.model_dump(mode="json", by_alias=True)}
    assert make_rule(again).do == (action,)


def test_all_of_them_belong_where_something_is_said() -> None:
    manners = [action for action in ACTIONS.values() if issubclass(action, Manner)]

    assert len(manners) == 7
    assert all(Point.TLS not in manner.only_at for manner in manners)


@pytest.mark.parametrize(
    ("text", "data"),
    [
        ("250 unasked", b"250 unasked\r\n"),
        ("250-first\n250 last", b"250-first\r\n250 last\r\n"),
        ("25", b"25"),
        ("250 ok\r\n354 go", b"250 ok\r\n354 go"),
        ("\xff\x00", b"\xff\x00"),
    ],
)
def test_what_is_said_before_a_reply(text: str, data: bytes) -> None:
    action = read({"before": text})

    assert isinstance(action, Before)
    assert action.data == data


def test_it_is_filled_in() -> None:
    ready = read({"before": "250 <${to}>"}).ready({"to": "zo\u20ac@x"}, DICE)

    assert isinstance(ready, Before)
    assert ready.data == "250 <zo\u20ac@x>\r\n".encode()


@pytest.mark.parametrize(
    ("written", "problem"),
    [
        ({"drip": "500ms"}, "'500ms' is not a mapping"),
        ({"drip": {"bytes": 1}}, "'drip' has no 'every'"),
        ({"drip": {"octets": 1, "every": "1s"}}, "unknown key 'octets' in 'drip'"),
        ({"drip": {"bytes": 0, "every": "1s"}}, "0 is out of range"),
        ({"drip": {"every": "0s"}}, "'0s' is out of range"),
        ({"drip": {"every": 1}}, "1 has no unit"),
        ({"split": {"at": 0}}, "0 is out of range"),
        ({"split": {"at": []}}, "an empty list is not enough"),
        ({"split": 3}, "3 is not a mapping"),
        ({"line_end": "nl"}, "'nl' is none of the values of 'line_end'"),
        ({"truncate": {"at": -1}}, "-1 is out of range"),
        ({"duplicate": False}, "false is none of the values of 'duplicate'"),
        ("before", "'before' cannot stand alone"),
        ({"before": ""}, "'' is not a text"),
        ({"before": "\u20ac"}, "raw is octets"),
    ],
)
def test_mistakes(written: object, problem: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        read(written)

    assert problem in str(caught.value)
