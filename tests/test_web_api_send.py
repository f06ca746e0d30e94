"""Submitting mail over HTTP."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

import pytest

from mailtrap_py.scenario.load import make_rule
from tests.served import Served

WHOLE = b"From: ann@example.com\r\nTo: bob@example.com\r\nCc: eve@example.com\r\n\r\n\xff.\r\n"
PARTS: dict[str, Any] = {"from": "Ann <ann@example.com>", "to": ["bob@example.com"], "text": "Hello"}


@pytest.fixture
def served() -> Iterator[Served]:
    with Served.open() as served:
        yield served


def test_a_message_is_made_of_its_parts(served: Served) -> None:
    files = [{"filename": "a.txt", "content": "aGk=", "content_type": "text/plain"}]
    body = {**PARTS, "cc": ["Cy <cy@example.com>"], "bcc": ["eve@example.com"], "html": "<b>Hi</b>"}

    answer = served.ask("POST", "/api/messages", json={**body, "subject": "Welcome", "attachments": files})

    sent = answer.json()
    assert (answer.status_code, sent["subject"], sent["attachments"]) == (201, "Welcome", 1)
    assert sent["recipients"] == ["bob@example.com", "cy@example.com", "eve@example.com"]
    assert (sent["reverse_path"], sent["session_id"]) == ("ann@example.com", "")
    shown = served.ask("GET", f"/api/messages/{sent['id']}").json()
    assert (shown["text"].strip(), shown["html"].strip(), shown["transaction"]) == ("Hello", "<b>Hi</b>", None)
    assert not [each for each in shown["headers"] if each["name"].lower() == "bcc"]


def test_a_message_is_given_whole(served: Served) -> None:
    sent = served.ask("POST", "/api/messages", json={"raw": base64.b64encode(WHOLE).decode()}).json()

    assert served.ask("GET", f"/api/messages/{sent['id']}/raw").content == WHOLE
    assert sent["recipients"] == ["bob@example.com", "eve@example.com"]


def test_the_envelope_may_be_another_than_the_header(served: Served) -> None:
    body = {**PARTS, "reverse_path": "", "recipients": ["list@example.com"]}

    sent = served.ask("POST", "/api/messages", json=body).json()

    assert (sent["reverse_path"], sent["recipients"], sent["to"]) == ("", ["list@example.com"], "bob@example.com")


def test_no_scenario_is_asked_and_the_inbox_is_the_one_named(served: Served) -> None:
    inbox = served.context.inboxes.create("w")
    rule = inbox.director.add(make_rule({"at": "any", "do": {"reply": "550 No"}}))

    sent = served.ask("POST", "/api/messages?inbox=w", json=PARTS).json()

    assert (sent["inbox"], rule.asked) == ("w", 0)
    assert served.ask("POST", "/api/messages?inbox=x", json=PARTS).status_code == 404


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        ({"to": ["bob@example.com"]}, "from is missing"),
        ({"from": "ann@example.com"}, "nobody is to get it"),
        ({"from": "Ann", "to": []}, "from: 'Ann' is not a mailbox"),
        ({**PARTS, "subject": "a\nb"}, "no message can be made of this"),
        ({"raw": "!"}, "raw: this is not base64"),
        ({"raw": "aGk=", "text": "x", "from": "a@example.com"}, "raw and from, text contradict each other"),
        ({**PARTS, "attachments": [{"filename": "a", "content": "?"}]}, "attachments.0.content: this is not base64"),
        ({**PARTS, "attachments": [{"filename": "a", "zzz": "?"}]}, "attachments.0.content is missing"),
    ],
)
def test_what_cannot_be_sent_is_named(served: Served, body: dict[str, Any], detail: str) -> None:
    answer = served.ask("POST", "/api/messages", json=body)

    assert (answer.status_code, served.store.messages().total) == (422, 0)
    assert answer.json()["detail"].startswith(detail)
