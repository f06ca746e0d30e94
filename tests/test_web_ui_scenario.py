from __future__ import annotations

import pytest

from mailtrap_py.clock import Clock, ManualClock, RealClock, ScaledClock
from mailtrap_py.scenario.load import loads, make_rule
from mailtrap_py.web.ui_scenario import clock_words, words, written
from tests.served import Served, mail

SCENARIO = """
name: moody
summary: It refuses nobody@ and is slow.
imitates: a <server> in a bad mood
class: seen
params: {wait: 5s}
seed: 42
clock: {speed: 60}
rules:
  - id: refuse
    at: rcpt
    when: {to: "nobody@*"}
    count: {times: 2, per: [client]}
    do: [{delay: "${wait}"}, {reply: 550 5.1.1 <b>No</b>}]
expect:
  - delivered: exactly-once
"""


@pytest.mark.parametrize(
    ("value", "line"),
    [
        ("a", "a"),
        (True, "true"),
        (1.5, "1.5"),
        ({"to": ["bob@*"], "not": {"helo": "x"}}, "to: bob@*, not: {helo: x}"),
        ({"nth": [2, 5], "optional": False}, "nth: [2, 5], optional: false"),
        (["a", ["b", "c"]], "a, [b, c]"),
    ],
)
def test_data_on_one_line(value: object, line: str) -> None:
    assert words(value) == line


def test_a_rule_as_it_is_written() -> None:
    rule = make_rule({"at": "rcpt", "when": {"to": "bob@*"}, "do": {"reply": "450 No"}})
    assert written(rule) == {"when": "to: bob@*", "count": ""}


@pytest.mark.parametrize(
    ("clock", "said"),
    [(RealClock(), "real"), (ScaledClock(60), "60 times as fast as real"), (ManualClock(), "moved by hand")],
)
def test_how_the_clock_runs(clock: Clock, said: str) -> None:
    assert clock_words(clock) == said


def test_without_a_scenario_there_is_nothing_to_turn_off() -> None:
    with Served.open() as served:
        page = served.ask("GET", "/scenario").text
        assert "No scenario" in page
        assert "Turn it off" not in page
        assert "greylisting" in page
        assert 'data-scenario="greylisting"' in page


def test_a_scenario_is_shown_with_what_became_of_its_rules() -> None:
    with Served.open() as served:
        served.context.inboxes.get().use(loads(SCENARIO))
        page = served.ask("GET", "/scenario").text
        for shown in (
            "moody",
            "It refuses nobody@ and is slow.",
            "a &lt;server&gt; in a bad mood",
            "wait=5s",
            "42",
            "60 times as fast as real",
            "to: nobody@*",
            "count: times: 2, per: client",
            "delay: 5s",
            "reply: 550 5.1.1 &lt;b&gt;No&lt;/b&gt;",
            "<strong>0</strong>",
            "no session came to rcpt",
            "delivered: exactly-once",
        ):
            assert shown in page


def test_every_page_says_that_a_scenario_is_on() -> None:
    with Served.open() as served:
        assert "mail may be refused" not in served.ask("GET", "/").text
        served.context.inboxes.get().use(loads(SCENARIO))
        assert "Scenario <strong>moody</strong> is on" in served.ask("GET", "/").text
        served.context.inboxes.get().clear()
        served.context.inboxes.get().director.add(make_rule({"at": "rcpt", "do": {"reply": "450 No"}}))
        assert "Rules were added" in served.ask("GET", "/sessions").text
        assert "Rules that were added" in served.ask("GET", "/scenario").text


def test_each_inbox_has_its_own() -> None:
    with Served.open() as served:
        served.context.inboxes.create("worker-1").use(loads(SCENARIO))
        assert "No scenario" in served.ask("GET", "/scenario").text
        assert "moody" in served.ask("GET", "/scenario?inbox=worker-1").text
        assert served.ask("GET", "/scenario?inbox=nobody").status_code == 404
        assert "in inbox <strong>worker-1</strong>" in served.ask("GET", "/").text
        assert "in inbox" not in served.ask("GET", "/?inbox=default").text


def test_looking_changes_nothing() -> None:
    with Served.open() as served:
        served.keep(mail())
        served.context.inboxes.get().use(loads(SCENARIO))
        before = served.ask("GET", "/api/scenario").json()["rules"], served.ask("GET", "/api/messages").json()
        for path in ("/", "/scenario", "/sessions", "/?subject=x"):
            served.ask("GET", path)
        assert before == (served.ask("GET", "/api/scenario").json()["rules"], served.ask("GET", "/api/messages").json())
        for path in ("/", "/scenario", "/sessions", "/messages/x"):
            assert served.ask("POST", path).status_code == 405
