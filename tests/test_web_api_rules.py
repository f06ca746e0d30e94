"""Rules over HTTP, one by one, and the receipts of those that acted."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from mailtrap_py.events import Event, Point
from tests.recorded import Recording, deliver
from tests.served import Served

BUSY = {"at": "rcpt", "do": {"reply": "450 4.2.1 Busy"}}


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


def test_rules_tell_what_became_of_them(served: Served) -> None:
    rules = [BUSY | {"when": {"to": "eve@*"}}, BUSY | {"id": "second", "count": {"times": 1}}]
    served.ask("PUT", "/api/scenario", json={"scenario": {"rules": rules}})
    director = served.context.inboxes.get().director
    director.decide(recipient())
    director.decide(recipient())

    listed = served.ask("GET", "/api/rules").json()

    assert listed["total"] == 2
    first, second = listed["items"]
    assert (first["id"], first["asked"], first["matched"], first["fired"]) == ("rule-1", 2, 0, 0)
    assert "bob@example.com" in first["nearest_miss"]
    assert (second["id"], second["asked"], second["matched"], second["fired"]) == ("second", 2, 2, 1)
    assert second["rule"]["count"] == {"times": 1}


def test_a_rule_is_added_before_the_others_and_removed(served: Served, prefix: str) -> None:
    served.ask("PUT", f"{prefix}/scenario", json={"scenario": {"rules": [BUSY]}})

    answer = served.ask("POST", f"{prefix}/rules", json={"id": "mine", "at": "rcpt", "do": {"reply": "550 No"}})

    assert (answer.status_code, answer.json()["id"]) == (201, "mine")
    assert [rule["id"] for rule in served.ask("GET", f"{prefix}/rules").json()["items"]] == ["mine", "rule-1"]
    served.context.inboxes.get().director.decide(recipient())
    removed = served.ask("DELETE", f"{prefix}/rules/mine").json()
    assert (removed["id"], removed["fired"]) == ("mine", 1)
    assert [rule["id"] for rule in served.ask("GET", f"{prefix}/rules").json()["items"]] == ["rule-1"]


def test_a_rule_that_is_not_there_is_named(served: Served) -> None:
    served.ask("POST", "/api/rules", json=BUSY | {"id": "greylist"})

    answer = served.ask("DELETE", "/api/rules/graylist")

    assert (answer.status_code, answer.json()["cure"]) == (404, "did you mean 'greylist'?")


@pytest.mark.parametrize("rule", [{}, {"at": "rcp", "do": {"reply": "450 No"}}, BUSY | {"id": "taken"}])
def test_a_rule_that_cannot_be_used_is_refused(served: Served, rule: dict[str, object]) -> None:
    served.ask("POST", "/api/rules", json=BUSY | {"id": "taken"})

    answer = served.ask("POST", "/api/rules", json=rule)

    assert (answer.status_code, answer.json()["type"]) == (422, "urn:mailtrap-py:invalid-scenario")
    assert served.ask("GET", "/api/rules").json()["total"] == 1


def test_a_rule_is_armed_for_the_next_so_many(served: Served, prefix: str) -> None:
    served.ask("POST", f"{prefix}/rules", json=BUSY | {"id": "next", "count": {"times": 2}})
    director = served.context.inboxes.get().director

    acted = [director.decide(recipient()) is not None for _ in range(3)]

    assert acted == [True, True, False]
    assert served.ask("GET", f"{prefix}/rules/next").json()["fired"] == 2


def test_receipts_are_listed_part_by_part(served: Served) -> None:
    for event in Recording().session(deliver()).fired("busy", 3).fired("slow").events:
        served.store.add(event)

    listed = served.ask("GET", "/api/firings?rule=busy&limit=2").json()
    rest = served.ask("GET", f"/api/firings?rule=busy&cursor={listed['next_cursor']}").json()

    assert [each["number"] for each in [*listed["items"], *rest["items"]]] == [1, 2, 3]
    assert (listed["total"], rest["next_cursor"]) == (3, None)
    assert listed["items"][0]["actions"] == ["reply: 450"]
    assert served.ask("GET", "/api/firings?session=session-1").json()["total"] == 4
    assert served.ask("GET", "/api/firings?inbox=other").json()["total"] == 0
