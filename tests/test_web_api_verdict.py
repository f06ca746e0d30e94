"""The verdict over HTTP, on runs that are written down as the server would."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.recorded import Recording, deliver
from tests.served import Served

EXPECTS = {"name": "mine", "expect": [{"delivered": "exactly-once"}, {"ends_with": "quit"}]}


@pytest.fixture
def served() -> Iterator[Served]:
    with Served.open() as served:
        yield served


def play(served: Served, run: Recording, scenario: dict[str, object] | None = None) -> None:
    served.ask("PUT", "/api/scenario", json={"scenario": scenario or EXPECTS, "seed": 7})
    served.context.inboxes.get().began_at = 0.0  # recordings begin at 1000 seconds
    for event in run.events:
        served.store.add(event)


@pytest.mark.parametrize("path", ["/api/verdict", "/api/inboxes/default/verdict"])
def test_a_client_that_did_all_that_was_expected_passes(served: Served, path: str) -> None:
    play(served, Recording().session(deliver()))

    verdict = served.ask("GET", path).json()

    assert (verdict["passed"], verdict["scenario"], verdict["seed"], verdict["sessions"]) == (True, "mine", 7, 1)
    assert [result["expectation"] for result in verdict["results"]] == ["delivered: exactly-once", "ends_with: quit"]
    assert (verdict["grade"], verdict["meaning"], verdict["unfired"]) == (None, "", [])


def test_a_client_that_did_not_is_told_why(served: Served) -> None:
    play(served, Recording().session(deliver(quit_=False), "client-closed"))

    verdict = served.ask("GET", "/api/verdict").json()

    failed = [result for result in verdict["results"] if not result["passed"]]
    assert (verdict["passed"], len(failed)) == (False, 1)
    assert failed[0]["evidence"]
    assert failed[0]["rfc"].startswith("RFC 5321")
    assert "no-quit" in {finding["kind"] for finding in verdict["findings"]}


@pytest.mark.parametrize(("exit_code", "grade"), [(0, "delivered"), (1, "mistaken")])
def test_a_program_is_graded_by_its_exit_code(served: Served, exit_code: int, grade: str) -> None:
    play(served, Recording().session(deliver()))

    verdict = served.ask("GET", f"/api/verdict?exit_code={exit_code}").json()

    assert verdict["grade"] == grade
    assert verdict["meaning"].startswith("it said ")


def test_what_came_before_the_scenario_is_not_judged(served: Served) -> None:
    play(served, Recording().session(deliver()))
    served.ask("POST", "/api/scenario/reset")

    verdict = served.ask("GET", "/api/verdict").json()

    assert (verdict["sessions"], verdict["began_at"] > "2026") == (0, True)


def test_a_strict_scenario_wants_every_rule_to_fire(served: Served) -> None:
    rules = [
        {"id": "busy", "at": "rcpt", "do": {"reply": "450 No"}},
        {"at": "mail", "do": {"note": "x"}, "optional": True},
    ]
    play(served, Recording().session(deliver()), {"strict": True, "rules": rules})

    verdict = served.ask("GET", "/api/verdict").json()

    assert (verdict["passed"], verdict["unfired"]) == (False, ["busy"])


def test_an_inbox_that_is_not_there_has_no_verdict(served: Served) -> None:
    assert served.ask("GET", "/api/inboxes/nothing/verdict").status_code == 404
