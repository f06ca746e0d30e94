"""The scenario at work."""

from __future__ import annotations

import random
import threading
import timeit
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailtrap_py.errors import ScenarioError
from mailtrap_py.events import Event, Point
from mailtrap_py.scenario import Delay, Director, Scenario, SendReply, from_data, make_rule
from tests.scenario_data import EVENTS, REFUSE, SCENARIOS, Stage, message, rcpt

CLOSE = {"close": "fin"}


def reply(text: str) -> dict[str, str]:
    return {"reply": text}


def test_without_rules_nothing_is_decided() -> None:
    director = Stage().director

    assert not any(director.listens(point) for point in Point)
    assert director.decide(rcpt()) is None


def test_a_decision() -> None:
    director = Stage({"id": "busy", "at": "rcpt", "do": [{"delay": "2s"}, reply("450 <${to}> is busy")]}).director

    for number in (1, 2):
        decision = director.decide(rcpt())
        assert decision is not None
        assert (decision.rule, decision.number) == ("busy", number)
        described = [action.describe() for action in decision.actions]
        assert described == ["delay: 2s", "reply: 450 <bob@example.com> is busy"]


def test_what_is_left_to_chance_is_drawn() -> None:
    director = Stage({"at": "rcpt", "do": {"delay": {"uniform": ["1s", "3s"]}}}).director

    decision = director.decide(rcpt())

    assert decision is not None
    [delay] = decision.actions
    assert isinstance(delay, Delay)
    assert isinstance(delay.delay, float)
    assert 1 <= delay.delay <= 3


def test_the_same_seed_deals_the_same_faults() -> None:
    def play(seed: int) -> list[str]:
        stage = Stage({"at": "rcpt", "count": {"chance": 0.5}, "do": reply(REFUSE)}, seed=seed)
        return [stage.fires(rcpt()) for _ in range(50)]

    assert play(1) == play(1) != play(2)


def test_a_rule_listens_at_its_points_only() -> None:
    director = Stage({"at": ["mail", "quit"], "do": CLOSE}).director

    assert [point.value for point in Point if director.listens(point)] == ["mail", "quit"]


def test_any_is_every_command_but_no_command_is_the_connection_or_the_message() -> None:
    director = Stage({"at": "any", "do": CLOSE}).director

    assert {point for point in Point if not director.listens(point)} == {
        *(Point.CONNECT, Point.TLS, Point.CONTENT, Point.MESSAGE, Point.IDLE, Point.UPSTREAM),
    }


def test_the_first_that_matches_and_is_due_fires() -> None:
    stage = Stage(
        {"id": "exempt", "at": "rcpt", "when": {"to": "postmaster@*"}, "do": "pass"},
        {"id": "once", "at": ["mail", "rcpt"], "count": {"times": 1}, "do": reply(REFUSE)},
        {"id": "every-command", "at": "any", "do": "stall"},
    )

    fired = [stage.fires(event) for event in (rcpt("postmaster@x"), rcpt(), rcpt(), Event(point=Point.QUIT))]

    assert fired == ["exempt", "once", "every-command", "every-command"]


def test_what_became_of_the_rules() -> None:
    stage = Stage(
        {"id": "a", "at": "rcpt", "when": {"to": "zoe@*"}, "do": CLOSE},
        {"id": "b", "at": "rcpt", "count": {"skip": 1}, "do": CLOSE},
        {"id": "c", "at": "rcpt", "do": CLOSE},
    )
    stage.fires(rcpt())
    stage.fires(rcpt())

    states = stage.director.rules()

    assert [(state.rule.id, state.asked, state.matched, state.fired) for state in states] == [
        ("a", 2, 0, 0),
        ("b", 2, 2, 1),
        ("c", 1, 1, 1),
    ]


def test_a_state_is_live() -> None:
    stage = Stage({"at": "rcpt", "do": CLOSE})
    [state] = stage.director.rules()

    stage.fires(rcpt())

    assert state.fired == 1


def nearest_miss(*events: Event, rule: Mapping[str, object], before: tuple[Mapping[str, object], ...] = ()) -> str:
    stage = Stage(*before, rule)
    for event in events:
        stage.fires(event)
    return stage.director.rules()[-1].nearest_miss


TO_BOB = {"from": "ann@*", "to": "bob@*"}


def test_the_nearest_miss_is_the_closest_and_not_the_last() -> None:
    events = (rcpt(reverse_path="eve@x"), rcpt("zoe@example.com"), rcpt(reverse_path="joe@x"))

    assert nearest_miss(*events, rule={"at": "rcpt", "when": TO_BOB, "do": CLOSE}) == (
        "to is 'zoe@example.com', not 'bob@*'"
    )


def test_closer_than_any_other_miss_is_a_match_that_was_not_due() -> None:
    rule = {"at": "rcpt", "when": TO_BOB, "count": {"skip": 2}, "do": CLOSE}

    assert nearest_miss(rcpt(), rcpt("zoe@example.com"), rule=rule) == "count: the first 2 are skipped"


def test_a_rule_that_fired_has_no_nearest_miss() -> None:
    rule = {"at": "rcpt", "when": TO_BOB, "do": CLOSE}

    assert nearest_miss(rcpt("zoe@example.com"), rcpt(), rcpt("zoe@example.com"), rule=rule) == ""


def test_the_nearest_miss_where_nobody_came() -> None:
    assert nearest_miss(rcpt(), rule={"at": ["data", "message"], "do": CLOSE}) == "no session came to data or message"


def test_the_nearest_miss_behind_a_rule_that_fires() -> None:
    before = ({"at": "rcpt", "count": {"times": 9}, "do": CLOSE},)

    assert nearest_miss(rcpt(), rule={"at": "rcpt", "do": CLOSE}, before=before) == (
        "an earlier rule fired every time a session came to rcpt"
    )


def test_reset_begins_again_for_added_rules_too() -> None:
    stage = Stage({"at": "rcpt", "count": {"times": 1}, "do": CLOSE})
    stage.director.add(make_rule({"id": "mine", "at": "rcpt", "count": {"times": 1}, "do": CLOSE}))
    assert [stage.fires(rcpt()) for _ in range(3)] == ["mine", "rule-1", ""]

    stage.director.reset()

    assert [(state.asked, state.matched, state.fired) for state in stage.director.rules()] == [(0, 0, 0)] * 2
    assert [stage.fires(rcpt()) for _ in range(3)] == ["mine", "rule-1", ""]


def test_added_rules_come_first_or_last() -> None:
    director = Stage({"at": "rcpt", "do": CLOSE}).director

    director.add(make_rule({"id": "last", "at": "rcpt", "do": CLOSE}), first=False)
    director.add(make_rule({"id": "first", "at": "mail", "do": CLOSE}))

    assert [state.rule.id for state in director.rules()] == ["first", "rule-1", "last"]
    assert director.listens(Point.MAIL)


def test_an_added_rule_without_an_id_gets_one_that_is_free() -> None:
    director = Stage({"id": "added-1", "at": "rcpt", "do": CLOSE}).director

    states = [director.add(make_rule({"at": "rcpt", "do": CLOSE})) for _ in range(2)]

    assert [state.rule.id for state in states] == ["added-2", "added-3"]


def test_an_id_is_given_once() -> None:
    director = Stage({"id": "busy", "at": "rcpt", "do": CLOSE}).director

    with pytest.raises(ScenarioError, match="there is a rule 'busy' already"):
        director.add(make_rule({"id": "busy", "at": "rcpt", "do": CLOSE}))


def test_a_rule_that_is_removed_acts_no_more() -> None:
    stage = Stage({"id": "busy", "at": "rcpt", "do": CLOSE})

    stage.director.remove("busy")

    assert not stage.director.listens(Point.RCPT)
    assert stage.fires(rcpt()) == ""


@pytest.mark.parametrize(
    ("rules", "cure"),
    [
        (({"id": "busy", "at": "rcpt", "do": CLOSE},), "did you mean 'busy'?"),
        (({"id": "full", "at": "rcpt", "do": CLOSE},), "the rules are full"),
        ((), "there are no rules"),
    ],
)
def test_removing_what_is_not_there(rules: tuple[dict[str, object], ...], cure: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        Stage(*rules).director.remove("bussy")

    assert caught.value.cure == cure


def test_rules_can_be_added_while_others_are_asked() -> None:
    stage = Stage({"id": "last", "at": "rcpt", "do": CLOSE})
    director = stage.director

    def add_and_remove() -> None:
        for _ in range(200):
            state = director.add(make_rule({"at": "rcpt", "count": {"times": 1}, "do": CLOSE}))
            director.rules()
            director.reset()
            director.remove(state.rule.id)

    threads = [threading.Thread(target=add_and_remove) for _ in range(2)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        assert director.decide(rcpt()) is not None
    for thread in threads:
        thread.join()

    assert [state.rule.id for state in director.rules()] == ["last"]


def test_the_state_changes_as_soon_as_a_rule_sets_it() -> None:
    director = Director(
        from_data({
            "state": "up",
            "rules": [
                {"id": "goes", "at": "message", "when": {"state": "up"}, "do": [{"set": {"state": "down"}}, "close"]},
                {"id": "gone", "at": "rcpt", "when": {"state": ["down"]}, "do": CLOSE},
            ],
        }),
        now=lambda: 0.0,
        dice=random.Random(1),
    )  # fmt: skip
    assert (director.state, director.decide(rcpt())) == ("up", None)

    decision = director.decide(message())

    assert decision is not None
    assert [action.describe() for action in decision.actions] == ["set: {state: down}", "close: fin"]
    assert (director.state, director.decide(message())) == ("down", None)
    assert director.decide(rcpt()) is not None
    director.reset()
    assert director.state == "up"


def test_where_a_rule_at_idle_could_fire() -> None:
    rules = [
        {"at": "idle", "when": {"idle": "30s"}, "do": CLOSE},
        {"at": "idle", "when": {"any": [{"idle": "500ms"}, {"idle": "30s", "helo": "x"}]}, "do": CLOSE},
    ]

    assert Stage(*rules).director.idle_limits() == (0.5, 30.0)
    assert Stage().director.idle_limits() == ()


@pytest.mark.parametrize(
    ("when", "marks"),
    [
        ({"size": "> 100"}, ((101,), ())),
        ({"size": ">= 1KB", "line": 3}, ((1024,), (3,))),
        ({"line": [2, 5]}, ((), (2, 5))),
        ({"size": "< 100"}, ((0,), ())),
        ({"size": "!= 7"}, ((0, 8), ())),
        ({"not": {"size": "<= 9"}}, ((0,), ())),
        ({"to": "x"}, ((0,), ())),
        (None, ((0,), ())),
    ],
)
def test_where_a_rule_at_content_could_begin_to_match(when: object, marks: object) -> None:
    director = Stage({"at": "content", "do": CLOSE} | ({} if when is None else {"when": when})).director

    assert director.content_marks() == marks
    assert Stage({"at": "message", "do": CLOSE}).director.content_marks() == ((), ())


@given(data=SCENARIOS, events=st.lists(EVENTS, max_size=20))
def test_a_scenario_that_loads_never_raises(data: dict[str, object], events: list[Event]) -> None:
    seconds = iter(range(1000, 10_000, 7))
    director = Director(from_data(data), now=lambda: float(next(seconds)), dice=random.Random(1))

    for event in events:
        decision = director.decide(event)
        if decision is not None:
            assert director.listens(event.point)
            assert decision.actions
            for action in decision.actions:
                action.describe()
                if isinstance(action, SendReply):
                    assert action.reply.wire().count(b"\r\n") == len(action.reply.lines)
    for state in director.rules():
        assert bool(state.nearest_miss) == (state.fired == 0)


@pytest.mark.slow
def test_fifty_rules_are_asked_in_microseconds() -> None:
    matchers = ({"to": "bob{}@*", "from": "ann@*"}, {"to": "bob{}@x", "client": "127.0.0.0/8"}, {"index": "9{}"})
    whens = [{key: value.format(number) for key, value in matchers[number % 3].items()} for number in range(50)]
    rules = [{"at": "rcpt", "when": when, "do": CLOSE} for when in whens]
    director = Stage(*rules).director
    event = rcpt()
    assert director.decide(event) is None

    def one_call_each() -> None:
        for number in range(50):
            str(number)

    # Where this was written: 17 us for the fifty rules, and 3.4 for as many calls that do next to nothing.
    asked, nothing = (
        min(timeit.repeat(what, number=100, repeat=50)) for what in (lambda: director.decide(event), one_call_each)
    )
    assert asked < 16 * nothing


def test_the_scenario_stays_at_hand() -> None:
    scenario = Scenario(name="none")

    assert Director(scenario, now=lambda: 0.0, dice=random.Random(1)).scenario is scenario


def test_a_message_is_asked_about_as_a_whole() -> None:
    stage = Stage({"at": "message", "when": {"subject": "invoice"}, "do": ["accept", {"close": "reset"}]})

    assert stage.fires(message()) == "rule-1"
