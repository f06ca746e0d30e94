from __future__ import annotations

from collections.abc import Iterator

import pytest

from mailtrap_py.clock import ManualClock
from mailtrap_py.web import api_ports
from mailtrap_py.web.app import create_app
from tests.served import AUTHORITY, Harbour, Served, mail


@pytest.fixture
def served() -> Iterator[Served]:
    with Served.open() as served:
        yield served


def harbour(served: Served) -> Harbour:
    assert isinstance(served.context.ports, Harbour)
    return served.context.ports


def test_a_port_is_opened_for_an_inbox(served: Served) -> None:
    answer = served.ask("POST", "/api/ports", json={"inbox": "gw0", "protocol": "smtps"})

    assert (answer.status_code, harbour(served).done) == (201, [("open", "smtps", "gw0")])
    assert "gw0" in served.context.inboxes
    assert answer.json() == {"port": 2600, "protocol": "smtps", "inbox": "default"}  # this harbour leads nowhere


def test_a_port_leads_to_another_inbox(served: Served) -> None:
    served.ask("POST", "/api/ports", json={"inbox": "gw0"})

    answer = served.ask("PUT", "/api/ports/2600", json={"inbox": "gw0-2"})

    assert answer.json() == {"port": 2600, "protocol": "smtp", "inbox": "gw0-2"}
    assert served.ask("GET", "/api/ports").json()["items"] == [answer.json()]
    assert served.context.inboxes.at(2600).name == "gw0-2"


@pytest.mark.parametrize(("method", "body"), [("PUT", {"inbox": "gw0"}), ("DELETE", None)])
def test_a_port_that_was_not_opened_is_left_alone(served: Served, method: str, body: object) -> None:
    answer = served.ask(method, "/api/ports/1025", **({"json": body} if body else {}))

    assert answer.status_code == 404
    assert "no port 1025" in answer.json()["detail"]


def test_a_port_is_closed(served: Served) -> None:
    served.ask("POST", "/api/ports", json={})

    assert served.ask("DELETE", "/api/ports/2600").json()["port"] == 2600
    assert served.ask("GET", "/api/ports").json()["total"] == 0


def test_ports_have_an_end(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api_ports, "MOST_PORTS", 1)
    served.ask("POST", "/api/ports", json={})

    answer = served.ask("POST", "/api/ports", json={})

    assert (answer.status_code, answer.json()["cure"]) == (409, "DELETE /api/ports/{port} closes one")


def test_what_the_machine_refuses_is_said(served: Served) -> None:
    answer = served.ask("POST", "/api/ports", json={"inbox": "full", "protocol": "smtps"})

    assert (answer.status_code, answer.json()["detail"]) == (409, "all ports are taken")


def test_the_ports_of_an_inbox_are_shut(served: Served) -> None:
    for name in ("gw0", "gw1"):
        served.ask("POST", "/api/ports", json={"inbox": name})
    served.context.inboxes.lead(2600, "gw0")

    answer = served.ask("POST", "/api/inboxes/gw0/listener", json={"listener": "pause"})

    assert harbour(served).done[-1] == ("shut", "pause", "gw0")
    assert [item["port"] for item in answer.json()["items"]] == [2600]


def test_an_inbox_is_removed_with_all_that_it_holds(served: Served) -> None:
    served.ask("POST", "/api/inboxes", json={"name": "gw0"})
    served.store.add(mail(inbox="gw0"))
    served.store.add(mail(name="other"))
    served.context.inboxes.lead(2600, "gw0")

    answer = served.ask("DELETE", "/api/inboxes/gw0")

    assert answer.json() == {"inbox": "gw0", "sessions": 0}
    assert harbour(served).done == [("end", "gw0")]
    assert "gw0" not in served.context.inboxes
    assert served.context.inboxes.at(2600).name == "default"
    assert [message.id for message in served.store.messages().items] == ["other"]


def test_the_default_inbox_stays(served: Served) -> None:
    assert served.ask("DELETE", "/api/inboxes/default").status_code == 409
    assert "default" in served.context.inboxes


def test_who_waits_is_counted(served: Served) -> None:
    inbox = served.context.inboxes.get()
    inbox.enter()
    assert served.ask("GET", "/api/inboxes/default/waiting").json() == {
        "open_sessions": 1,
        "stalled": 0,
        "sleepers": 0,
    }

    inbox.clock = ManualClock()
    assert served.ask("GET", "/api/inboxes/default/waiting?name=gate").json()["sleepers"] == 0


def test_a_server_without_ports_says_so(served: Served) -> None:
    context = served.context
    app = create_app(
        store=served.store,
        inboxes=context.inboxes,
        settings=context.settings,
        authority_pem=lambda: AUTHORITY,
        status=dict,
    )

    assert Served(app, {}).ask("GET", "/api/ports").status_code == 409
