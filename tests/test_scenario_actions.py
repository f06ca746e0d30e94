"""What a rule can do."""

from __future__ import annotations

import random

import pytest

from mailtrap_py.errors import ScenarioError
from mailtrap_py.events import Point, Reply
from mailtrap_py.scenario import Action, Note, Raw, Rule, SendReply, actions, make_rule
from mailtrap_py.scenario.actions import ACTIONS

DICE = random.Random(1)
NAMES = {"to": "bob@example.com", "helo": "a\r\n250 forged"}


def read(action: object) -> Action:
    return make_rule({"at": "message", "do": action}).do[0]


DESCRIBED: list[tuple[object, str]] = [
    ({"reply": "450 4.2.0 Busy"}, "reply: 450 4.2.0 Busy"),
    ({"reply": ["550-5.1.1 No", "550 5.1.1 such user"]}, "reply: 550-5.1.1 No / 550 5.1.1 such user"),
    ({"reply": "421 Bye", "stay": True}, "reply: 421 Bye (stay)"),
    ({"delay": "1500ms"}, "delay: 1.5s"),
    ({"delay": {"uniform": ["1s", "5s"]}}, "delay: {uniform: [1s, 5s]}"),
    ({"delay": {"lognormal": {"median": "1s", "sigma": 1}}}, "delay: {lognormal: {median: 1s, sigma: 1}}"),
    ("stall", "stall: {max: 10m}"),
    ({"stall": {"max": "30s", "name": "gate"}}, "stall: {max: 30s, name: gate}"),
    ("close", "close: fin"),
    ({"close": "reset"}, "close: reset"),
    ({"raw": "25\xff\r\n"}, "raw: '25ÿ\\r\\n'"),
    ("accept", "accept"),
    ({"discard": True}, "discard"),
    ({"note": "here"}, "note: here"),
    ({"set": {"state": "down"}}, "set: {state: down}"),
    ("pass", "pass"),
]


@pytest.mark.parametrize(("written", "described"), DESCRIBED)
def test_words(written: object, described: str) -> None:
    assert read(written).describe() == described


@pytest.mark.parametrize(("written", "described"), DESCRIBED)
def test_what_needs_nothing_is_ready_as_it_is(written: object, described: str) -> None:
    action = read(written)
    drawn = "uniform" in described or "lognormal" in described

    assert (action.ready(NAMES, DICE) is action) is not drawn


def test_every_action_of_the_file_is_described() -> None:
    here = {key for key, action in ACTIONS.items() if action.__module__ == actions.__name__}

    assert {read(written).key for written, _ in DESCRIBED} == here


@pytest.mark.parametrize("key", ACTIONS)
def test_an_action_knows_its_key(key: str) -> None:
    fields = {field.alias or name for name, field in ACTIONS[key].model_fields.items()}

    assert key in fields


def test_a_reply_is_filled_in_and_stays_one_reply() -> None:
    action = SendReply(reply=Reply(550, "", ("<${to}> is not", "known to ${helo} ${other}")))

    ready = action.ready(NAMES, DICE)

    assert ready.describe() == "reply: 550-<bob@example.com> is not / 550 known to a  250 forged ${other}"


def test_notes_and_bytes_are_filled_in() -> None:
    assert Note(note="for ${to}").ready(NAMES, DICE) == Note(note="for bob@example.com")
    assert Raw(raw="250 ${to}\r\n").ready(NAMES, DICE) == Raw(raw="250 bob@example.com\r\n")


@pytest.mark.parametrize(
    ("text", "data"),
    [
        ("25", b"25"),
        ("\x16\x03\x01", b"\x16\x03\x01"),
        ("\xff\x00", b"\xff\x00"),
    ],
)
def test_raw_is_octets(text: str, data: bytes) -> None:
    action = read({"raw": text})

    assert isinstance(action, Raw)
    assert action.data == data


def test_what_is_filled_into_raw_is_sent_as_the_client_sent_it() -> None:
    ready = Raw(raw="${to}").ready({"to": "zo\u20ac\udcff@x"}, DICE)

    assert isinstance(ready, Raw)
    assert ready.data == b"zo\xe2\x82\xac\xff@x"


def test_raw_cannot_hold_more_than_octets() -> None:
    with pytest.raises(ScenarioError) as caught:
        read({"raw": "250 €"})

    assert caught.value.cure == r'write "\xe2\x82\xac"'


@pytest.mark.parametrize("written", ["stall", "close", {"reply": "421 Bye"}])
def test_nothing_comes_after_what_ends(written: object) -> None:
    assert read(written).ends


@pytest.mark.parametrize("written", [{"reply": "421 Bye", "stay": True}, {"reply": "450 Busy"}, "accept"])
def test_what_does_not_end(written: object) -> None:
    assert not read(written).ends


@pytest.mark.parametrize(
    ("written", "problem", "cure"),
    [
        ("stal", "there is no action 'stal'", "did you mean 'stall'? The actions are: "),
        ("reply", "'reply' cannot stand alone", "write what, as in 'reply: ...'"),
        ({}, "no action is named here", "The actions are: "),
        ({"dealy": "2s"}, "no action is named here", "did you mean 'delay'? The actions are: "),
        (7, "7 is not an action", "The actions are: "),
        ({"delay": "2s", "close": "fin"}, "2 actions in one item",
         "make them items of their own: '- delay: ...' and '- close: ...'"),
        ({"reply": "450 No", "stay": True}, "only after a 421 the connection closes by itself", "leave 'stay' out"),
        ({"reply": "421 No", "stay": "yes"}, "'yes' is not true or false", "write true or false, without quotes"),
        ({"delay": 2}, "2 has no unit", "write '2s' for seconds"),
        ({"delay": {"uniform": ["2s", "1s"]}}, "the shortest wait comes first", "write [1s, 5s]"),
        ({"delay": {"normal": "1s"}}, "a delay is a duration, or one of", ""),
        ({"delay": {"lognormal": {"median": "0s", "sigma": 1}}}, "'0s' is out of range", "write more than 0"),
        ({"delay": {"lognormal": {"median": "1s", "sigma": 9}}}, "9 is out of range", "write at most 5"),
        ({"stall": "30s"}, "'30s' is not a mapping", ""),
        ({"close": "rst"}, "'rst' is none of the values of 'close'", "did you mean 'reset'? write one of fin, half"),
        ({"accept": False}, "false is none of the values of 'accept'", "write true"),
        ({"note": ""}, "'' is not a text", "write something"),
    ],
)  # fmt: skip
def test_mistakes(written: object, problem: str, cure: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        read(written)

    assert problem in str(caught.value)
    assert cure in caught.value.cure


def test_actions_can_be_made_in_python() -> None:
    rule = Rule(at=(Point.RCPT,), do=(SendReply(reply=Reply(450, "4.2.0", ("Busy",))),))

    assert rule.do[0].describe() == "reply: 450 4.2.0 Busy"
