"""The server itself over HTTP: health, inboxes, certificate, and a clean slate."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from mailtrap_py.scenario.load import make_rule
from mailtrap_py.web.app import close
from tests.served import AUTHORITY, Served, mail, started


@pytest.fixture
def served() -> Iterator[Served]:
    with Served.open() as served:
        yield served


@pytest.mark.parametrize("path", ["/livez", "/readyz"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_server_that_runs_is_healthy(served: Served, path: str, method: str) -> None:
    assert served.ask(method, path).status_code == 200


def test_a_server_that_is_not_open_yet_lives_but_is_not_ready(served: Served) -> None:
    served.status["ready"] = False

    assert served.ask("GET", "/livez").json() == {"status": "ok"}
    answer = served.ask("GET", "/readyz")
    assert (answer.status_code, answer.json()["type"]) == (503, "urn:mailtrap-py:not-ready")


def test_a_server_that_shuts_down_is_not_ready(served: Served) -> None:
    close(served.app)

    assert served.ask("GET", "/readyz").status_code == 503


def test_the_status_is_what_the_trap_says(served: Served) -> None:
    served.status["smtp_port"] = 1025

    assert served.ask("GET", "/api/status").json() == {"version": "1", "ready": True, "smtp_port": 1025}


def test_the_certificate_of_the_authority_can_be_fetched(served: Served) -> None:
    answer = served.ask("GET", "/api/tls/authority.pem")

    assert (answer.content, answer.headers["content-type"]) == (AUTHORITY, "application/x-pem-file")


def test_inboxes_are_made_and_listed(served: Served) -> None:
    served.keep(mail(inbox="worker-1"))
    served.store.add(started(inbox="worker-1"))

    made = served.ask("POST", "/api/inboxes", json={"name": "worker-1"}).json()

    assert (made["name"], made["scenario"], made["messages"], made["sessions"]) == ("worker-1", "none", 1, 1)
    assert served.ask("POST", "/api/inboxes", json={"name": "worker-1"}).json() == made
    assert [each["name"] for each in served.ask("GET", "/api/inboxes").json()["items"]] == ["default", "worker-1"]


@pytest.mark.parametrize("name", ["", "a/b"])
def test_an_inbox_has_a_name_that_can_stand_in_a_url(served: Served, name: str) -> None:
    assert served.ask("POST", "/api/inboxes", json={"name": name}).status_code == 422


@pytest.mark.parametrize(
    ("query", "cleared"),
    [("", ["default"]), ("?inbox=other", ["other"]), ("?all=true", ["default", "other"])],
)
def test_a_reset_begins_again(served: Served, query: str, cleared: list[str]) -> None:
    served.context.inboxes.create("other")
    served.keep(mail(), mail(inbox="other"))
    for inbox in served.context.inboxes:
        inbox.director.add(make_rule({"at": "rcpt", "do": {"reply": "450 4.2.1 Busy"}}))

    answer = served.ask("POST", f"/api/reset{query}").json()

    assert [(each["name"], each["messages"]) for each in answer["items"]] == [(name, 0) for name in cleared]
    left = {inbox.name for inbox in served.context.inboxes if inbox.director.rules()}
    assert left == {message.inbox for message in served.store.messages().items} == {"default", "other"} - {*cleared}


@pytest.mark.parametrize(("query", "status"), [("inbox=nothing", 404), ("inbox=default&all=true", 400)])
def test_a_reset_that_is_not_clear_does_nothing(served: Served, query: str, status: int) -> None:
    served.keep(mail())

    assert served.ask("POST", f"/api/reset?{query}").status_code == status
    assert served.store.messages().total == 1


def test_an_inbox_has_users_and_a_real_server(served: Served) -> None:
    body = {"name": "shop", "users": {"bob": "x", "ann": "secret"}, "upstream": "smtp.example:587"}
    made = served.ask("POST", "/api/inboxes", json=body).json()

    inbox = served.context.inboxes.get("shop")
    assert (made["users"], made["upstream"]) == (["ann", "bob"], "smtp.example:587")
    assert (inbox.users["ann"], inbox.upstream) == ("secret", "smtp.example:587")
    assert served.ask("GET", "/api/inboxes/shop").json() == made

    changed = served.ask("PUT", "/api/inboxes/shop", json={"upstream": ""}).json()
    assert (changed["users"], changed["upstream"]) == (["ann", "bob"], "")
    assert served.ask("POST", "/api/inboxes", json={"name": "shop"}).json() == changed
    assert served.ask("PUT", "/api/inboxes/shop", json={"users": {}}).json()["users"] == []


@pytest.mark.parametrize("upstream", ["smtp.example", "smtp.example:0", "::1:25"])
def test_a_real_server_is_a_host_and_a_port(served: Served, upstream: str) -> None:
    answer = served.ask("PUT", "/api/inboxes/default", json={"upstream": upstream})

    assert answer.status_code == 422
    assert answer.json()["detail"] == f"upstream: {upstream!r} is not a host and a port"


def test_an_inbox_that_is_not_there_is_not_changed(served: Served) -> None:
    assert served.ask("GET", "/api/inboxes/nothing").status_code == 404
    assert served.ask("PUT", "/api/inboxes/nothing", json={}).status_code == 404
