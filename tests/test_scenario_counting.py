"""How often a rule fires."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from mailtrap_py.errors import ScenarioError
from mailtrap_py.scenario import Chance, Count, make_rule
from mailtrap_py.scenario.counting import SCOPES_REMEMBERED, Counter
from mailtrap_py.scenario.facts import Facts
from tests.scenario_data import REFUSE, Stage, message, rcpt


def pattern(count: dict[str, object], matches: int = 12) -> str:
    """Show which of the matches fire, as in `XX..`."""
    stage = Stage({"at": "rcpt", "count": count, "do": {"reply": REFUSE}})
    return "".join("X" if stage.fires(rcpt()) else "." for _ in range(matches))


@pytest.mark.parametrize(
    ("count", "fires"),
    [
        ({"times": 2}, "XX.........."),
        ({"skip": 3}, "...XXXXXXXXX"),
        ({"skip": 0}, "XXXXXXXXXXXX"),
        ({"skip": 3, "times": 2}, "...XX......."),
        ({"every": 4}, "...X...X...X"),
        ({"every": 4, "times": 2}, "...X...X...."),
        ({"every": 2, "skip": 3}, "....X.X.X.X."),
        ({"nth": [2, 5]}, ".X..X......."),
        ({"nth": 3}, "..X........."),
        ({"chance": 0}, "............"),
        ({"chance": 1}, "XXXXXXXXXXXX"),
        ({"chance": "0 of 5"}, "............"),
        ({"chance": "5 of 5"}, "XXXXXXXXXXXX"),
    ],
)
def test_which_matches_fire(count: dict[str, object], fires: str) -> None:
    assert pattern(count) == fires


def test_times_counts_what_fired_and_not_what_chance_left_out() -> None:
    assert pattern({"chance": 0.5, "times": 3}, 100).count("X") == 3


@given(hits=st.integers(0, 20), more=st.integers(0, 80), seed=st.integers(0, 2**32))
def test_a_dealt_chance_is_exact_in_every_deck(hits: int, more: int, seed: int) -> None:
    of = max(hits + more, 1)
    counter = Counter(Count.model_validate({"chance": f"{hits} of {of}"}), random.Random(seed))
    facts = Facts(rcpt())

    for _ in range(2):
        assert sum(not counter.holds_back(facts, 0.0) for _ in range(of)) == hits


def test_a_dealt_chance_is_shuffled() -> None:
    first, second = pattern({"chance": "5 of 100"}, 100), pattern({"chance": "5 of 100"}, 200)[100:]

    assert first.count("X") == second.count("X") == 5
    assert first != second


def test_a_probability_is_about_right() -> None:
    fired = pattern({"chance": 0.2}, 1000).count("X")

    assert 150 < fired < 250


def test_for_runs_from_the_first_match() -> None:
    stage = Stage({"at": "rcpt", "count": {"for": "10s"}, "do": {"reply": REFUSE}})
    stage.now += 500

    assert stage.fires(rcpt())
    stage.now += 9.9
    assert stage.fires(rcpt())
    stage.now += 0.1
    assert not stage.fires(rcpt())
    stage.now += 1000
    assert not stage.fires(rcpt())


def test_after_runs_from_the_first_match() -> None:
    stage = Stage({"at": "rcpt", "count": {"after": "10s", "for": "20s"}, "do": {"reply": REFUSE}})

    assert not stage.fires(rcpt())
    stage.now += 10
    assert stage.fires(rcpt())
    stage.now += 10
    assert not stage.fires(rcpt())


def test_greylisting_is_for_each_client_sender_and_recipient() -> None:
    count = {"for": "5m", "per": ["client", "from", "to"]}
    stage = Stage({"at": "rcpt", "count": count, "do": {"reply": REFUSE}})

    assert stage.fires(rcpt("bob@example.com"))
    stage.now += 300
    assert not stage.fires(rcpt("bob@EXAMPLE.com"))
    assert stage.fires(rcpt("zoe@example.com"))
    assert stage.fires(rcpt("bob@example.com", client="127.0.0.2"))
    assert stage.fires(rcpt("bob@example.com", reverse_path=""))
    assert not stage.fires(rcpt("bob@example.com"))


@pytest.mark.parametrize(
    ("per", "known"),
    [
        ("session", {"session_id": "other"}),
        ("client", {"client": "127.0.0.2"}),
        ("from", {"reverse_path": "other@example.com"}),
        ("to", {"recipient": "other@example.com"}),
        ("user", {"user": "other"}),
    ],
)
def test_each_scope_has_a_counter_of_its_own(per: str, known: dict[str, Any]) -> None:
    stage = Stage({"at": "rcpt", "count": {"times": 1, "per": per}, "do": {"reply": REFUSE}})

    same, other = rcpt(), replace(rcpt(), **known)

    assert [bool(stage.fires(event)) for event in (same, same, other, other)] == [True, False, True, False]


def test_a_limit_lets_so_many_through_in_any_stretch_of_time() -> None:
    count = {"limit": {"n": 2, "window": "60s"}, "per": "client"}
    stage = Stage({"at": "rcpt", "count": count, "do": {"reply": REFUSE}})

    def fires(client: str = "127.0.0.1") -> bool:
        return bool(stage.fires(rcpt(client=client)))

    assert [fires() for _ in range(4)] == [False, False, True, True]
    assert not fires("127.0.0.2")
    stage.now += 59.9
    assert fires()
    stage.now += 0.1
    assert [fires() for _ in range(3)] == [False, False, True], "what was refused is not counted"


def test_concurrent_sessions() -> None:
    stage = Stage({"at": "rcpt", "count": {"concurrent": 3, "times": 2}, "do": {"reply": REFUSE}})

    assert [bool(stage.fires(rcpt(open_sessions=number))) for number in (3, 4, 1, 9, 9)] == [
        *(False, True, False, True, False),
    ]


def test_a_message_that_comes_again_is_the_same() -> None:
    stage = Stage({"at": "message", "count": {"times": 1, "per": "message_id"}, "do": {"reply": REFUSE}})

    assert stage.fires(message())
    assert not stage.fires(message(session_id="another"))
    assert stage.fires(message(b"Message-ID: <2@example.com>\r\n\r\n"))


def test_only_so_many_scopes_are_remembered() -> None:
    counter = Counter(Count.model_validate({"times": 1, "per": "to"}), random.Random(1))
    first, second = Facts(rcpt("first@example.com")), Facts(rcpt("second@example.com"))

    assert not counter.holds_back(first, 0)
    assert not counter.holds_back(second, 0)
    assert counter.holds_back(first, 0), "it is remembered, and now the one seen last"
    for number in range(SCOPES_REMEMBERED - 1):
        counter.holds_back(Facts(rcpt(f"{number}@example.com")), 0)
    assert counter.holds_back(first, 0)
    assert not counter.holds_back(second, 0), "it was unseen for longest, and is forgotten"


@pytest.mark.parametrize(
    ("count", "seconds", "why"),
    [
        ({"skip": 2}, 0.0, "count: the first 2 are skipped"),
        ({"every": 3}, 0.0, "count: only every 3th match fires, and this was match 2"),
        ({"nth": [5, 7]}, 0.0, "count: match 2 is not one of nth: [5, 7]"),
        ({"times": 1}, 0.0, "count: it has fired 1 times"),
        ({"after": "5m"}, 1.0, "count: 5m after the first match have not passed"),
        ({"for": "500ms"}, 1.0, "count: 500ms from the first match are over"),
        ({"limit": {"n": 9, "window": "1m"}}, 1.0, "count: this was number 2 in 1m, and 9 are let through"),
        ({"concurrent": 3}, 0.0, "count: 0 sessions are open, and not more than 3"),
        ({"chance": 0}, 0.0, "count: chance decided against it"),
        ({"chance": "0 of 9"}, 0.0, "count: chance dealt it to another match"),
    ],
)
def test_why_a_match_was_not_due(count: dict[str, object], seconds: float, why: str) -> None:
    counter = Counter(Count.model_validate(count), random.Random(1))
    counter.holds_back(Facts(rcpt()), 0.0)

    assert counter.holds_back(Facts(rcpt()), seconds) == why


@pytest.mark.parametrize("value", [0, 1, 0.25, "0.2", ".5", "1", "5 of 100", " 5  of 100 ", "100 of 100", "1 of 1"])
def test_chances(value: object) -> None:
    chance = Chance.parse(value)

    assert Chance.parse(chance.written()) == Chance.parse(chance) == chance


@pytest.mark.parametrize(
    "value", [-0.1, 1.1, True, None, "", ".", "half", "6 of 5", "0 of 0", "-1 of 5", float("nan"), [], "1.5", "1e-3"]
)
def test_what_is_not_a_chance(value: object) -> None:
    with pytest.raises(ValueError, match="is not a chance; write"):
        Chance.parse(value)


@pytest.mark.parametrize(
    ("count", "problem"),
    [
        ({}, "a count says how often"),
        ({"per": "session"}, "a count says how often"),
        ({"nth": 2, "times": 1}, "'nth' says which matches fire, and 'times' says it again"),
        ({"nth": 2, "skip": 1}, "'nth' says which matches fire, and 'skip' says it again"),
        ({"for": "5s", "after": "5s"}, "it is over before it begins"),
        ({"times": 1, "per": ["to", "to"]}, "a scope is said twice"),
        ({"times": 1, "per": ["scenario", "to"]}, "a scope is said twice"),
        ({"times": 0}, "0 is out of range"),
        ({"limit": {"n": 0, "window": "1s"}}, "0 is out of range"),
        ({"limit": {"n": 1, "window": 1}}, "1 has no unit"),
        ({"limit": {"n": 1}}, "'limit' has no 'window'"),
        ({"limit": 5}, "5 is not a mapping"),
        ({"concurrent": -1}, "-1 is out of range"),
        ({"times": True}, "true is not a whole number"),
        ({"times": 1.5}, "1.5 is not a whole number"),
        ({"every": 0}, "0 is out of range"),
        ({"skip": -1}, "-1 is out of range"),
        ({"nth": []}, "an empty list is not enough"),
        ({"nth": [0]}, "0 is out of range"),
        ({"for": "0s"}, "'0s' is out of range"),
        ({"for": 5}, "5 has no unit"),
        ({"times": 1, "per": "recipient"}, "'recipient' is none of the values of 'per'"),
    ],
)
def test_counts_that_make_no_sense(count: dict[str, object], problem: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        make_rule({"at": "rcpt", "count": count, "do": {"reply": REFUSE}})

    assert caught.value.problem == f"{caught.value.where}: {problem}"
