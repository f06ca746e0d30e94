"""Chaos, which is rules: each trigger does on the wire what Mailpit does, and shows in the record."""

from __future__ import annotations

import smtplib
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from mailtrap_py import Mailtrap
from mailtrap_py.settings import Settings
from tests.served import Served

OFF = {
    "Sender": {"ErrorCode": 451, "Probability": 0},
    "Recipient": {"ErrorCode": 451, "Probability": 0},
    "Authentication": {"ErrorCode": 535, "Probability": 0},
}


@pytest.fixture
def served() -> Iterator[Served]:
    with Served.open() as served:
        yield served


def put(served: Served, body: Any) -> Any:  # noqa: ANN401 - JSON
    answer = served.ask("PUT", "/api/v1/chaos", json=body)
    assert answer.status_code == 200, answer.text
    assert served.ask("GET", "/api/v1/chaos").json() == answer.json()
    return answer.json()


def rules(served: Served, inbox: str = "default") -> dict[str, Any]:
    states = served.context.inboxes.get(inbox).director.rules()
    return {state.rule.id: state.rule.model_dump(mode="json", by_alias=True, exclude_defaults=True) for state in states}


def test_it_begins_switched_off(served: Served) -> None:
    assert served.ask("GET", "/api/v1/chaos").json() == OFF
    assert put(served, {}) == OFF
    assert rules(served) == {}


def test_triggers_are_rules_of_every_inbox(served: Served) -> None:
    served.context.inboxes.create("other")

    state = put(served, {"recipient": {"errorcode": 550, "PROBABILITY": 25}, "Sender": {"Probability": 100}})

    assert state == OFF | {
        "Sender": {"ErrorCode": 451, "Probability": 100},
        "Recipient": {"ErrorCode": 550, "Probability": 25},
    }
    assert rules(served) == rules(served, "other")
    assert sorted(rules(served)) == ["chaos-recipient", "chaos-sender"]
    assert rules(served)["chaos-recipient"]["count"] == {"chance": 0.25}
    assert "count" not in rules(served)["chaos-sender"]


def test_what_is_left_out_is_off_as_with_mailpit(served: Served) -> None:
    put(served, {"Sender": {"ErrorCode": 452, "Probability": 100}})

    state = put(served, {"Recipient": {"Probability": 1}})

    assert state["Sender"] == {"ErrorCode": 451, "Probability": 0}
    assert sorted(rules(served)) == ["chaos-recipient"]


def test_a_reset_of_the_scenario_ends_it(served: Served) -> None:
    put(served, {"Sender": {"Probability": 100}})
    served.ask("POST", "/api/scenario/reset")

    assert served.ask("GET", "/api/v1/chaos").json() == OFF


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"Sender": {"ErrorCode": 399}}, "error code must be between 400 and 599"),
        ({"Sender": {"ErrorCode": 600, "Probability": 1}}, "error code must be between 400 and 599"),
        ({"Recipient": {"Probability": 101}}, "probability must be between 0 and 100"),
        ({"Recipient": {"Probability": -1}}, "probability must be between 0 and 100"),
        ({"Recipient": {"Probability": True}}, "json: cannot unmarshal Recipient into Go value of type int"),
        ({"Authentication": 1}, "json: cannot unmarshal Authentication into Go value of type chaos.Trigger"),
    ],
)
def test_what_cannot_be_is_refused_and_changes_nothing(served: Served, body: Any, words: str) -> None:  # noqa: ANN401
    before = put(served, {"Sender": {"ErrorCode": 455, "Probability": 10}})

    answer = served.ask("PUT", "/api/v1/chaos", json={"Sender": {"Probability": 99}, **body})

    assert (answer.status_code, answer.text) == (400, words)
    assert served.ask("GET", "/api/v1/chaos").json() == before


@pytest.mark.parametrize(
    ("trigger", "code", "replies"),
    [
        ("Sender", 451, [(451, b"Chaos sender error"), (503, None)]),
        ("Sender", 421, [(421, b"Chaos sender error"), (503, None)]),
        ("Recipient", 550, [(250, None), (550, b"Chaos recipient error")]),
    ],
)
def test_errors_are_on_the_wire_and_in_the_record(trigger: str, code: int, replies: list[Any]) -> None:
    private = Settings(host=("127.0.0.1",), smtp_port=0, smtps_port=None, http_port=0, store="sqlite://")
    with Mailtrap(private) as server, httpx.Client(base_url=server.url, trust_env=False) as http:
        http.put("/api/v1/chaos", json={trigger: {"ErrorCode": code, "Probability": 100}}).raise_for_status()
        with smtplib.SMTP(server.host, server.port, timeout=10) as client:
            client.ehlo()
            got = [client.docmd("MAIL FROM:<a@example.com>"), client.docmd("RCPT TO:<b@example.com>"), client.noop()]

        fired = http.get("/api/firings").json()["items"]

    assert [status for status, _ in got[:2]] == [status for status, _ in replies]
    assert [text for (_, text), (_, wanted) in zip(got, replies, strict=False) if wanted] == [
        text for _, text in replies if text
    ]
    assert got[2][0] == 250  # a 421 of Chaos closes nothing
    assert [each["rule"] for each in fired] == [f"chaos-{trigger.lower()}"]
