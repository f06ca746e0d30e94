"""What is well formed and makes no sense."""

from __future__ import annotations

from typing import Any

import pytest

from mailtrap_py.errors import ScenarioError
from mailtrap_py.events import Point
from mailtrap_py.scenario import from_data, make_rule
from mailtrap_py.scenario.points import KNOWN
from tests.scenario_data import REFUSE

DO = {"reply": REFUSE}
EXAMPLES: dict[str, Any] = {
    "port": 25, "tls": True, "line": 1, "idle": "1s", "upstream": {"code": "4xx"},
    "client": "127.0.0.1", "header": {"X": "y"}, "index": 1, "recipients": 1, "message_number": 1,
    "session_number": 1, "size": 1,
}  # fmt: skip


def mistake(*rules: dict[str, Any], **scenario: object) -> tuple[str, str, str]:
    with pytest.raises(ScenarioError) as caught:
        from_data({"rules": list(rules)} | scenario)
    problem = caught.value.problem.removeprefix(f"{caught.value.where}: ")
    return caught.value.where, problem, caught.value.cure


@pytest.mark.parametrize("point", Point)
@pytest.mark.parametrize("matcher", sorted(frozenset().union(*KNOWN.values()) - {"message_id"}))
def test_a_matcher_belongs_where_it_is_known(point: Point, matcher: str) -> None:
    always = {"idle": "5s"} if point is Point.IDLE else {}
    rule = {"at": point.value, "when": always | {matcher: EXAMPLES.get(matcher, "x")}, "do": "close"}

    if matcher in KNOWN[point]:
        assert make_rule(rule).at == (point,)
    else:
        where, problem, cure = mistake(rule)
        assert (where, problem) == (f"rules[0].when.{matcher}", f"'{matcher}' is not known at {point}")
        assert cure.startswith("it is known at ")


def test_a_matcher_is_looked_for_in_every_part() -> None:
    when = {"any": [{"to": "x"}, {"not": {"all": [{"subject": "x"}]}}]}

    where, problem, cure = mistake({"at": ["data", "message"], "when": when, "do": DO})

    assert (where, problem) == ("rules[0].when.any[1].not.all[0].subject", "'subject' is not known at data")
    assert cure == "it is known at message"


def test_a_matcher_must_be_known_at_every_point() -> None:
    where, problem, _ = mistake({"at": ["mail", "rcpt"], "when": {"to": "x"}, "do": DO})

    assert (where, problem) == ("rules[0].when.to", "'to' is not known at mail")


def test_a_scope_must_be_known_too() -> None:
    count = {"times": 1, "per": ["session", "message_id"]}

    assert mistake({"at": "rcpt", "count": count, "do": DO}) == (
        "rules[0].count.per",
        "'message_id' is not known at rcpt, so nothing can be counted by it",
        "it is known at message",
    )


def test_a_name_must_be_known_too() -> None:
    where, problem, cure = mistake({"at": "mail", "do": {"reply": "450 <${from}> to <${to}>"}})

    assert (where, problem) == ("rules[0].do[0].reply", "${to} is not known at mail")
    assert cure == "it is known at rcpt, data, content, message, any, upstream"


def test_a_point_is_named_once() -> None:
    assert mistake({"at": ["rcpt", "rcpt"], "do": DO})[:2] == ("rules[0].at", "a point is named twice")


@pytest.mark.parametrize(
    ("do", "where", "problem", "cure"),
    [
        (["close", "accept"], "do[1]", "nothing can come after 'close'", "put it before"),
        ([{"stall": {}}, {"note": "x"}], "do[1]", "nothing can come after 'stall'", "put it before"),
        ([{"reply": "421 Bye"}, {"close": "reset"}], "do[1]", "nothing can come after 'reply'",
         "write 'stay: true' beside the 421"),
        ([DO, DO], "do[1]", "a command has one reply", "write several lines in one reply, or send more with 'raw'"),
        (["accept", "discard"], "do", "a message is stored or it is not", "write 'accept' or 'discard'"),
        (["pass", "accept"], "do", "'pass' does nothing, so nothing else can be done",
         "leave 'pass' out, or the others"),
    ],
)  # fmt: skip
def test_actions_that_make_no_sense_together(do: list[object], where: str, problem: str, cure: str) -> None:
    assert mistake({"at": "message", "do": do}) == (f"rules[0].{where}", problem, cure)


@pytest.mark.parametrize(
    "do",
    [
        ["accept", {"close": "reset"}],
        [{"note": "x"}, "pass"],
        [{"delay": "1s"}, DO, {"raw": "250 unasked\r\n"}, "close"],
        [{"reply": "421 Bye", "stay": True}, {"close": "reset"}],
        ["accept", "stall"],
        [{"delay": "1s"}, {"delay": "2s"}],
    ],
)
def test_actions_that_go_together(do: list[object]) -> None:
    assert len(make_rule({"at": "message", "do": do}).do) == len(do)


MANNERS = [
    {"drip": {"every": "1s"}}, {"split": {"at": 3}}, {"line_end": "lf"}, {"truncate": {"at": 5}},
    "duplicate", "hold", {"before": "250 unasked"},
]  # fmt: skip


@pytest.mark.parametrize("manner", MANNERS)
def test_a_manner_shapes_the_reply_after_it(manner: object) -> None:
    key = manner if isinstance(manner, str) else next(iter(manner))  # type: ignore[call-overload]

    assert mistake({"at": "rcpt", "do": [DO, manner]}) == (
        "rules[0].do[1]", f"'{key}' shapes the reply that comes after it", "put it before the reply",
    )  # fmt: skip
    assert mistake({"at": "content", "do": [manner, "close"]}) == (
        "rules[0].do[0]", f"there is no reply at content that '{key}' could shape", "write one after it",
    )  # fmt: skip
    assert mistake({"at": "tls", "do": manner}) == (
        "rules[0].do[0]", f"'{key}' makes no sense at tls", "it can stand anywhere but at tls",
    )  # fmt: skip
    for at, do in (("rcpt", [manner]), ("content", [manner, DO]), ("quit", [manner, {"raw": "2"}])):
        assert make_rule({"at": at, "do": do}).do


def test_a_rule_at_idle_says_how_long() -> None:
    assert mistake({"at": ["idle", "quit"], "do": "close"}) == (
        "rules[0].at", "nothing says how long the silence has lasted", "write as in 'when: {idle: 10s}'",
    )  # fmt: skip
    assert make_rule({"at": "idle", "when": {"any": [{"idle": "1s"}]}, "do": "close"}).at == (Point.IDLE,)


@pytest.mark.parametrize(
    ("at", "do", "problem", "cure"),
    [
        ("rcpt", {"tls": "expired"}, "'tls' makes no sense at rcpt", "it belongs to tls or starttls"),
        ("tls", {"tls": "inject"}, "the 220 is on its way already", "write 'at: starttls'"),
        ("tls", DO, "'reply' makes no sense at tls", "it can stand anywhere but at tls"),
        ("tls", {"raw": "x"}, "'raw' makes no sense at tls", "it can stand anywhere but at tls"),
        ("message", {"read": "stop"}, "'read' makes no sense at message", "it belongs to data or content"),
    ],
)
def test_an_action_belongs_where_it_can_act(at: str, do: object, problem: str, cure: str) -> None:
    assert mistake({"at": at, "do": do})[1:] == (problem, cure)


@pytest.mark.parametrize("action", ["accept", "discard"])
@pytest.mark.parametrize("at", ["data", "any", ["message", "quit"]])
def test_what_becomes_of_a_message_is_for_the_message(action: str, at: object) -> None:
    where, problem, cure = mistake({"at": at, "do": action})

    assert where == "rules[0].do[0]"
    assert problem.startswith(f"'{action}' makes no sense at ")
    assert cure == "it belongs to message"


def test_an_id_is_given_once() -> None:
    where, problem, _ = mistake(
        {"id": "a", "at": "rcpt", "do": DO}, {"at": "mail", "do": DO}, {"id": "a", "at": "quit", "do": DO}
    )

    assert (where, problem) == ("rules[2].id", "the id 'a' is taken")


def test_an_id_may_not_be_that_of_a_rule_without_one() -> None:
    assert mistake({"id": "rule-2", "at": "rcpt", "do": DO}, {"at": "mail", "do": DO})[1] == "the id 'rule-2' is taken"


TO_BOB = {"to": "bob@*"}


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        ({"at": "rcpt"}, {"at": "rcpt"}),
        ({"at": "rcpt"}, {"at": "rcpt", "when": TO_BOB, "count": {"times": 1}}),
        ({"at": ["mail", "rcpt"]}, {"at": "mail"}),
        ({"at": "any"}, {"at": ["ehlo", "quit", "any"]}),
        ({"at": "rcpt", "when": TO_BOB}, {"at": "rcpt", "when": TO_BOB}),
        ({"at": "rcpt", "when": TO_BOB}, {"at": "rcpt", "when": TO_BOB | {"from": "ann@*"}, "count": {"times": 1}}),
        ({"at": "rcpt", "when": {"to": ["bob@*", "ann@*"]}}, {"at": "rcpt", "when": {"to": "ann@*"}}),
        ({"at": "idle", "when": {"idle": "5s"}}, {"at": "idle", "when": {"idle": "10s"}}),
        ({"at": "any", "when": {"state": ["", "x"]}}, {"at": "mail", "when": {"state": ""}}),
    ],
)
def test_a_rule_that_can_never_be_reached(earlier: dict[str, Any], later: dict[str, Any]) -> None:
    sets = {"at": "connect", "do": {"set": {"state": "x"}}}

    assert mistake({"id": "first", "do": DO} | earlier, {"id": "second", "do": "close"} | later, sets) == (
        "rules[1]",
        "rule 'second' can never be reached: rule 'first' always fires before it",
        "put it first, or give the other a 'when' or a 'count'",
    )


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        ({"at": "rcpt", "when": TO_BOB}, {"at": "rcpt"}),
        ({"at": "rcpt", "count": {"times": 1}}, {"at": "rcpt"}),
        ({"at": "rcpt"}, {"at": ["rcpt", "mail"]}),
        ({"at": "rcpt"}, {"at": "any"}),
        ({"at": "any"}, {"at": "message"}),
        ({"at": "any"}, {"at": "connect"}),
        ({"at": "rcpt", "when": TO_BOB | {"from": "ann@*"}}, {"at": "rcpt", "when": TO_BOB}),
        ({"at": "rcpt", "when": {"index": 1}}, {"at": "rcpt", "when": {"index": 2}}),
        ({"at": "rcpt", "when": {"to": "ann@*"}}, {"at": "rcpt", "when": {"to": ["bob@*", "ann@*"]}}),
        ({"at": "idle", "when": {"idle": "10s"}}, {"at": "idle", "when": {"idle": "5s"}}),
    ],
)
def test_a_rule_that_can_be_reached(earlier: dict[str, Any], later: dict[str, Any]) -> None:
    assert len(from_data({"rules": [{"do": DO} | earlier, {"do": DO} | later]}).rules) == 2


def test_a_state_that_the_scenario_is_never_in() -> None:
    goes = {"at": "message", "do": [{"set": {"state": "down"}}, "close"]}
    asks = {"at": "rcpt", "when": {"any": [{"not": {"state": "donw"}}, {"state": ["up", "down"]}]}, "do": DO}

    assert mistake(goes, asks, state="up") == (
        "rules[1].when.any[0].not.state", "the scenario is never in the state 'donw'",
        "did you mean 'down'? Its states are: 'up', 'down'",
    )  # fmt: skip
    assert mistake({"at": "rcpt", "when": {"state": "x"}, "do": DO})[2] == "Its states are: ''"


def test_an_expectation_of_a_rule_that_is_there() -> None:
    data = {"rules": [{"id": "busy", "at": "rcpt", "do": DO}], "expect": [{"fired": {"busy": 1}}]}

    assert from_data(data).as_data()["expect"] == [{"fired": {"busy": 1}}]


@pytest.mark.parametrize(
    ("rules", "cure"),
    [
        ([{"id": "busy", "at": "rcpt", "do": DO}], "did you mean 'busy'?"),
        ([{"id": "x", "at": "rcpt", "do": DO}], "the rules are: x"),
        ([], "there are no rules"),
    ],
)
def test_an_expectation_of_a_rule_that_is_not_there(rules: list[dict[str, Any]], cure: str) -> None:
    assert mistake(*rules, expect=[{"delivered": "never"}, {"fired": {"bussy": 1}}]) == (
        "expect[1].fired.bussy", "there is no rule 'bussy'", cure,
    )  # fmt: skip
