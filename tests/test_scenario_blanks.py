"""Values that are only known when a rule fires."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from mailtrap_py.errors import ScenarioError
from mailtrap_py.events import Event, Point
from mailtrap_py.scenario import from_data, make_rule
from mailtrap_py.scenario.blanks import Blank, is_blank
from tests.scenario_data import Stage, message, rcpt

BY_NAME = r"/^(?P<code>[0-9]+)(x(?P<n>[0-9]+))?@/"


def does(rule: Mapping[str, object], *events: Event) -> list[str]:
    director = Stage({"at": events[0].point.value, **rule}).director
    decisions = map(director.decide, events)
    return [" ".join(action.describe() for action in decision.actions) if decision else "" for decision in decisions]


def test_a_blank_is_filled_in() -> None:
    assert Blank("1${n}").whole({"n": "2"}) == 12
    assert Blank("${n}s").duration({"n": "1.5"}) == 1.5


@pytest.mark.parametrize("filled", ["", "x", "-1", "1.5", "9" * 10, "\u00b2"])
def test_what_is_no_number(filled: str) -> None:
    assert Blank("${n}").whole({"n": filled}) is None


@pytest.mark.parametrize("filled", ["", "x", "5", "5 days"])
def test_what_is_no_duration(filled: str) -> None:
    assert Blank("${n}").duration({"n": filled}) == 0.0


def test_what_is_blank() -> None:
    assert is_blank("a ${b}")
    assert is_blank(Blank("${b}"))
    assert not is_blank("$b")
    assert not is_blank(5)


def test_named_groups_choose_the_code_and_the_count() -> None:
    rule: dict[str, Any] = {
        "when": {"to": BY_NAME},
        "count": {"times": "${n}", "per": "to"},
        "do": {"reply": ["${code}-4.2.0 <${to}>", "${code} 4.2.0 Busy"]},
    }
    busy = "reply: {0}-4.2.0 <{0}{1}@x> / {0} 4.2.0 Busy"

    assert does(rule, *[rcpt("450x2@x")] * 3) == [busy.format(450, "x2"), busy.format(450, "x2"), ""]
    assert does(rule, *[rcpt("452@x")] * 3) == [busy.format(452, "")] * 3


def test_a_code_that_is_none_is_451() -> None:
    rule = {"when": {"to": BY_NAME}, "do": {"reply": "${code} Busy"}}

    assert does(rule, rcpt("99@x")) == ["reply: 451 4.3.0 The scenario has a reply whose code is none"]


def test_a_421_that_stays() -> None:
    rule = {"when": {"to": BY_NAME}, "do": {"reply": "${code} Busy", "stay": True}}

    assert does(rule, rcpt("421@x")) == ["reply: 421 Busy (stay)"]


def test_named_groups_choose_the_delay() -> None:
    rule: dict[str, Any] = {"when": {"to": r"/^delay(?P<wait>\d+m?s)@/"}, "do": {"delay": "${wait}"}}

    assert does(rule, rcpt("delay1500ms@x")) == ["delay: 1.5s"]
    assert make_rule({"at": "rcpt"} | rule).do[0].describe() == "delay: ${wait}"


@pytest.mark.parametrize(
    ("matcher", "event"),
    [
        ("from", rcpt(reverse_path="picked@x")),
        ("to", message(recipients=("other@x", "picked@x"))),
        ("helo", rcpt(helo="picked@x")),
        ("user", rcpt(user="picked@x")),
        ("inbox", rcpt(inbox="picked@x")),
        ("sni", Event(point=Point.TLS, sni="picked@x")),
        ("subject", message(b"Subject: picked@x\r\n\r\n")),
    ],
)
def test_where_named_groups_pick(matcher: str, event: Event) -> None:
    when = {"any": [{matcher: ["nobody", r"/^(?P<what>p.*)@(?P<none>y)?/"]}]}

    assert does({"when": when, "do": {"note": "${what}, ${none}."}}, event) == ["note: picked, ."]


def test_a_blank_survives_the_journey_through_plain_data() -> None:
    rule: dict[str, Any] = {
        "at": "rcpt",
        "when": {"to": BY_NAME},
        "count": {"times": "${n}", "per": "to"},
        "do": [{"delay": "${n}s"}, {"reply": "${code} 4.2.0 Busy"}],
    }
    scenario = from_data({"rules": [rule]})

    assert from_data(scenario.as_data()) == scenario
    assert scenario.as_data()["rules"][0]["count"]["times"] == "${n}"


@pytest.mark.parametrize(
    ("rule", "problem"),
    [
        ({"when": {"to": BY_NAME}, "do": {"reply": "450 ${cod}"}}, "there is no param 'cod'"),
        ({"do": {"reply": "${code} Busy"}}, "there is no param 'code'"),
        ({"when": {"to": "/^(?P<from>.*)@/"}, "do": "close"}, "${from} stands for something else already"),
        ({"when": {"to": BY_NAME}, "do": {"stall": {"max": "${n}s"}}}, "'${n}s' is not a duration"),
        ({"when": {"to": BY_NAME}, "count": {"skip": "${n}"}, "do": "close"}, "'${n}' is not a whole number"),
    ],
)
def test_mistakes(rule: dict[str, object], problem: str) -> None:
    for load in (lambda: make_rule({"at": "rcpt"} | rule), lambda: from_data({"rules": [{"at": "rcpt"} | rule]})):
        with pytest.raises(ScenarioError) as caught:
            load()
        assert problem in str(caught.value)


def test_a_group_and_a_param_have_names_of_their_own() -> None:
    rule = {"at": "rcpt", "when": {"to": BY_NAME}, "do": {"reply": "${code} Busy"}}

    with pytest.raises(ScenarioError, match="the param 'code' is also a named group of a rule"):
        from_data({"params": {"code": 450}, "rules": [rule]})
