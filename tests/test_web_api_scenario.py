"""Scenarios over HTTP: choosing one, its rules, its clock, and the library."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from mailtrap_py.clock import ManualClock
from mailtrap_py.events import Event, Point
from mailtrap_py.scenario import library
from tests.served import Served

BUSY = {"at": "rcpt", "do": {"reply": "450 4.2.1 Busy"}}
PARAMETERS = {"params": {"wait": "5m"}, "rules": [{"at": "mail", "do": [{"delay": "${wait}"}]}]}


@pytest.fixture
def served() -> Iterator[Served]:
    with Served.open() as served:
        yield served


@pytest.fixture(params=["/api", "/api/inboxes/default"])
def prefix(request: pytest.FixtureRequest) -> str:
    where: str = request.param
    return where


def recipient(address: str = "bob@example.com") -> Event:
    return Event(point=Point.RCPT, recipient=address)


def test_an_inbox_begins_without_a_scenario(served: Served, prefix: str) -> None:
    state = served.ask("GET", f"{prefix}/scenario").json()

    assert (state["inbox"], state["name"], state["rules"]) == ("default", "none", [])
    assert state["clock"]["clock"] == "real"
    assert state["seed"] == served.context.inboxes.get().seed


def test_a_scenario_of_the_library_is_used_by_its_name(served: Served, prefix: str) -> None:
    name = library.names()[0]

    state = served.ask("PUT", f"{prefix}/scenario", json={"name": name, "seed": 7, "clock": "manual"}).json()

    assert (state["name"], state["seed"], state["clock"]["clock"]) == (name, 7, "manual")
    assert served.context.inboxes.get().director.scenario.name == name
    assert served.ask("GET", f"{prefix}/scenario").json() == state


def test_a_scenario_is_given_whole_as_json(served: Served) -> None:
    state = served.ask(
        "PUT", "/api/scenario", json={"scenario": PARAMETERS, "params": {"wait": "2s"}, "clock": {"speed": 60}}
    ).json()

    assert [rule["rule"]["do"] for rule in state["rules"]] == [[{"delay": "2s"}]]
    assert state["clock"]["clock"] == {"speed": 60}
    assert state["scenario"]["rules"] == [rule["rule"] for rule in state["rules"]]


def test_a_scenario_is_given_whole_as_yaml(served: Served) -> None:
    text = "name: mine\nrules:\n  - id: busy\n    at: rcpt\n    do: [{reply: 450 4.2.1 Busy}]\n"

    state = served.ask("PUT", "/api/scenario", json={"yaml": text}).json()

    assert (state["name"], [rule["id"] for rule in state["rules"]]) == ("mine", ["busy"])


def test_a_scenario_replaces_everything_of_the_one_before(served: Served) -> None:
    served.ask("PUT", "/api/scenario", json={"scenario": {"rules": [BUSY]}, "clock": "manual", "seed": 1})

    state = served.ask("PUT", "/api/scenario", json={"scenario": {"name": "other"}}).json()

    assert (state["name"], state["clock"]["clock"], state["rules"]) == ("other", "real", [])


@pytest.mark.parametrize(
    ("said", "kind", "detail", "cure", "where"),
    [
        ({}, "invalid-body", "the scenario is said by nothing", None, None),
        ({"name": "a", "yaml": "b"}, "invalid-body", "the scenario is said by name and yaml", None, None),
        ({"name": "nothing-like-it"}, "invalid-scenario", "there is no scenario 'nothing-like-it'", None, None),
        ({"name": "../scenarios/greylisting"}, "invalid-scenario", None, None, None),
        (
            {"scenario": {"rules": [{"at": "rcpt", "do": [{"reply": "4500"}]}]}},
            "invalid-scenario",
            None,
            None,
            "rules[0].do[0].reply",
        ),
        ({"yaml": "rules:\n  - ta: rcpt\n"}, "invalid-scenario", None, None, "yaml:2:5"),
        ({"scenario": {}, "clock": "fast"}, "invalid-body", "clock: 'fast' is not a clock", None, None),
        (
            {"scenario": {}, "seed": "1"},
            "invalid-body",
            "seed is '1', which is no whole number",
            "write it as in 1",
            None,
        ),
        ({"scenario": PARAMETERS, "params": {"wiat": "1s"}}, "invalid-scenario", None, None, None),
        ({"nmae": "a"}, "invalid-body", "there is no key 'nmae' here", "did you mean 'name'?", None),
    ],
)
def test_a_scenario_that_cannot_be_used_changes_nothing(  # noqa: PLR0913, PLR0917 - the columns of a table
    served: Served, said: object, kind: str, detail: str | None, cure: str | None, where: str | None
) -> None:
    served.ask("PUT", "/api/scenario", json={"scenario": {"name": "before"}})

    answer = served.ask("PUT", "/api/scenario", json=said)

    problem = answer.json()
    assert (answer.status_code, problem["type"]) == (422, f"urn:mailtrap-py:{kind}")
    assert detail in {None, problem["detail"]}
    assert cure in {None, problem.get("cure")}
    assert where in {None, problem.get("where")}
    assert served.ask("GET", "/api/scenario").json()["name"] == "before"


def test_a_scenario_is_removed(served: Served, prefix: str) -> None:
    served.ask("PUT", f"{prefix}/scenario", json={"scenario": {"rules": [BUSY]}, "clock": "manual"})

    state = served.ask("DELETE", f"{prefix}/scenario").json()

    assert (state["name"], state["rules"], state["clock"]["clock"]) == ("none", [], "real")


def test_a_reset_sets_the_counters_to_zero(served: Served, prefix: str) -> None:
    served.ask("PUT", f"{prefix}/scenario", json={"scenario": {"rules": [BUSY]}})
    served.context.inboxes.get().director.decide(recipient())
    assert served.ask("GET", f"{prefix}/rules").json()["items"][0]["fired"] == 1

    state = served.ask("POST", f"{prefix}/scenario/reset").json()

    assert [rule["fired"] for rule in state["rules"]] == [0]


def test_a_manual_clock_is_moved(served: Served, prefix: str) -> None:
    before = served.ask("PUT", f"{prefix}/scenario", json={"scenario": {}, "clock": "manual"}).json()["clock"]["now"]
    clock = served.context.inboxes.get().clock
    assert isinstance(clock, ManualClock)
    began = clock.now()

    moved = served.ask("POST", f"{prefix}/clock/advance", json={"by": "5m"}).json()

    assert moved["clock"] == "manual"
    assert moved["now"] > before
    assert clock.now() == began + 300


def test_a_clock_that_runs_by_itself_is_not_moved(served: Served) -> None:
    answer = served.ask("POST", "/api/clock/advance", json={"by": "5m"})

    assert (answer.status_code, answer.json()["type"]) == (409, "urn:mailtrap-py:conflict")


@pytest.mark.parametrize("by", [5, "5", "-5m", None])
def test_a_clock_is_moved_by_a_duration(served: Served, by: object) -> None:
    assert served.ask("POST", "/api/clock/advance", json={"by": by}).status_code == 422


@pytest.mark.parametrize(("said", "released"), [({"name": "gate"}, 1), ({}, 2), ({"name": "other"}, 0)])
def test_stalled_sessions_are_let_go(served: Served, said: object, released: int) -> None:
    async def main() -> None:
        inbox = served.context.inboxes.get()
        stalls = [asyncio.create_task(inbox.stall("gate")), asyncio.create_task(inbox.stall("greeting"))]
        await asyncio.sleep(0)  # so that they stall

        answer = await served.ask_async("POST", "/api/scenario/release", json=said)

        assert answer.json() == {"released": released}
        inbox.release()
        assert await asyncio.gather(*stalls) == [True, True]

    asyncio.run(main())


@pytest.mark.parametrize("rest", ["scenario", "rules"])
def test_an_inbox_that_is_not_there_is_named(served: Served, rest: str) -> None:
    answer = served.ask("GET", f"/api/inboxes/defualt/{rest}")

    assert (answer.status_code, answer.json()["cure"]) == (404, "did you mean 'default'?")
    assert served.ask("GET", f"/api/{rest}?inbox=zzz").json()["cure"] == "POST /api/inboxes makes one"


def test_each_inbox_has_a_scenario_of_its_own(served: Served) -> None:
    served.ask("POST", "/api/inboxes", json={"name": "worker@1"})

    served.ask("PUT", "/api/inboxes/worker%401/scenario", json={"scenario": {"name": "mine"}})

    assert served.ask("GET", "/api/scenario").json()["name"] == "none"
    assert served.ask("GET", "/api/scenario?inbox=worker@1").json()["name"] == "mine"


def test_the_library_is_listed(served: Served) -> None:
    listed = served.ask("GET", "/api/scenarios").json()

    assert [item["name"] for item in listed["items"]] == list(library.names())
    assert all(item["summary"] and item["class"] in {"legal", "seen", "hostile"} for item in listed["items"])


def test_a_scenario_of_the_library_is_shown(served: Served) -> None:
    name = library.names()[0]

    shown = served.ask("GET", f"/api/scenarios/{name}").json()

    assert shown["name"] == shown["scenario"]["name"] == name
    assert shown["yaml"] == library.path_of(name).read_text("utf-8")
    assert isinstance(shown["params"], dict)


@pytest.mark.parametrize("name", ["greylistin", "..%2F..%2Fetc%2Fpasswd", "x"])
def test_a_scenario_that_is_not_there_is_named(served: Served, name: str) -> None:
    assert served.ask("GET", f"/api/scenarios/{name}").status_code == 404


@pytest.mark.parametrize(
    "said",
    [{"name": "greylisting", "params": {"wait": "2s"}}, {"yaml": "rules:\n  - {at: rcpt, do: {reply: 450 No}}\n"}],
)
def test_a_scenario_is_checked_and_nothing_changes(served: Served, said: dict[str, object]) -> None:
    answer = served.ask("POST", "/api/scenarios/check", json=said)

    checked = answer.json()
    assert (answer.status_code, len(checked["scenario"]["rules"])) == (200, 1)
    assert checked["params"] == said.get("params", {}) | checked["params"]
    assert served.context.inboxes.get().director.scenario.name == "none"


def test_a_scenario_that_cannot_be_used_is_explained(served: Served) -> None:
    answer = served.ask("POST", "/api/scenarios/check", json={"yaml": "rules:\n  - ta: rcpt\n"})

    assert (answer.status_code, answer.json()["where"]) == (422, "yaml:2:5")
