"""Jim over HTTP, and the rules that he is here."""

from __future__ import annotations

import smtplib
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from mailtrap_py import Mailtrap
from mailtrap_py.settings import Settings
from mailtrap_py.web.compat.mailhog_jim import USUAL
from tests.served import Served

QUIET = {**dict.fromkeys(USUAL, 0), "AcceptChance": 1}


@pytest.fixture
def served() -> Iterator[Served]:
    with Served.open() as served:
        yield served


def rules(served: Served) -> dict[str, Any]:
    states = served.context.inboxes.get().director.rules()
    return {state.rule.id: state.rule.model_dump(mode="json", by_alias=True, exclude_defaults=True) for state in states}


def test_he_is_not_there_until_he_is_invited(served: Served) -> None:
    for method in ("GET", "PUT", "DELETE"):
        assert served.ask(method, "/api/v2/jim", content=b"{}").status_code == 404

    assert served.ask("POST", "/api/v2/jim").status_code == 201
    assert served.ask("POST", "/api/v2/jim").status_code == 400
    assert served.ask("GET", "/api/v2/jim").json() == USUAL
    assert sorted(rules(served)) == [
        f"jim-{each}" for each in ("accept", "auth", "disconnect", "recipient", "sender", "speed")
    ]

    assert served.ask("DELETE", "/api/v2/jim").status_code == 200
    assert (rules(served), served.ask("GET", "/api/v2/jim").status_code) == ({}, 404)


def test_he_is_told_otherwise_and_keeps_what_is_left_out(served: Served) -> None:
    served.ask("POST", "/api/v2/jim", json={"RejectSenderChance": 0, "LinkSpeedMin": 500, "LinkSpeedMax": 1500})

    assert served.ask("PUT", "/api/v2/jim", json={"rejectrecipientchance": 1}).status_code == 200

    assert served.ask("GET", "/api/v2/jim").json() == {
        **USUAL,
        "RejectSenderChance": 0,
        "LinkSpeedMin": 500,
        "LinkSpeedMax": 1500,
        "RejectRecipientChance": 1,
    }
    made = rules(served)
    assert "jim-sender" not in made
    assert "count" not in made["jim-recipient"]
    assert made["jim-accept"]["count"] == {"chance": 0.01}
    assert made["jim-speed"]["do"] == [{"read": {"rate": "1000B/s"}}]


@pytest.mark.parametrize(
    "body", [b"{", b"[]", b'{"AcceptChance": 2}', b'{"AcceptChance": "1"}', b'{"LinkSpeedMin": -1}']
)
def test_what_he_cannot_be_told_is_refused(served: Served, body: bytes) -> None:
    served.ask("POST", "/api/v2/jim", json=QUIET)

    assert served.ask("PUT", "/api/v2/jim", content=body).status_code == 400
    assert served.ask("GET", "/api/v2/jim").json() == QUIET
    assert rules(served) == {}


@pytest.mark.parametrize(
    ("chance", "said"),
    [
        ("RejectSenderChance", (550, b"Invalid sender a@example.com")),
        ("RejectRecipientChance", (550, b"Invalid recipient b@example.com")),
    ],
)
def test_he_speaks_as_mailhog_does(chance: str, said: tuple[int, bytes]) -> None:
    private = Settings(host=("127.0.0.1",), smtp_port=0, smtps_port=None, http_port=0, store="sqlite://")
    with Mailtrap(private) as server, httpx.Client(base_url=server.url, trust_env=False) as http:
        http.post("/api/v2/jim", json={**QUIET, chance: 1}).raise_for_status()
        with smtplib.SMTP(server.host, server.port, timeout=30) as client:
            client.ehlo()
            replies = [client.docmd("MAIL FROM:<a@example.com>"), client.docmd("RCPT TO:<b@example.com>")]

    assert said in replies


@pytest.mark.parametrize("change", [{"AcceptChance": 0}, {"DisconnectChance": 1}])
def test_he_leaves_without_a_word(change: dict[str, float]) -> None:
    private = Settings(host=("127.0.0.1",), smtp_port=0, smtps_port=None, http_port=0, store="sqlite://")
    with Mailtrap(private) as server, httpx.Client(base_url=server.url, trust_env=False) as http:
        http.post("/api/v2/jim", json={**QUIET, **change}).raise_for_status()
        with pytest.raises((smtplib.SMTPServerDisconnected, ConnectionError)):
            smtplib.SMTP(server.host, server.port, timeout=30).ehlo()
