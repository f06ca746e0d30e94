"""The application as a whole: the guard at its door, and one envelope for every error of every route."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import jsonschema  # type: ignore[import-untyped]  # it brings no types
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mailtrap_py.web.app import OPERATIONS, close
from mailtrap_py.web.problems import KINDS, MEDIA_TYPE, Problem
from tests.served import Served, mail

ENVELOPE = Problem.model_json_schema(mode="serialization")


@pytest.fixture
def served() -> Iterator[Served]:
    with Served.open() as served:
        yield served


# The guard


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "localhost:8025",
        "LOCALHOST",
        "localhost.",
        "a.localhost",
        "127.0.0.1:8025",
        "127.8.9.1",
        "[::1]:80",
        "mail.example.com",
        "Mail.Example.com:8025",
    ],
)
def test_a_server_on_loopback_knows_its_names(host: str) -> None:
    with Served.open(hostname="mail.example.com") as served:
        assert served.ask("GET", "/livez", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.test",
        "notlocalhost",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "evil.example@localhost",
        "localhost/evil.example",
        "mailtrap",
        "192.0.2.1",
        "[2001:db8::1]",
        "[::1",
        "::1",
        "",
    ],
)
def test_a_server_on_loopback_does_not_answer_to_other_names(served: Served, host: str) -> None:
    answer = served.ask("GET", "/livez", headers={"Host": host})

    assert (answer.status_code, answer.json()["type"]) == (421, "urn:mailtrap-py:wrong-host")


@pytest.mark.parametrize(
    "host", ["192.0.2.1:8025", "[2001:db8::1]", "mailtrap:8025", "mailtrap.default.svc.cluster.local", "mail.test"]
)
@pytest.mark.parametrize("listens_on", ["0.0.0.0", "::"])
def test_a_server_for_others_answers_to_names_that_no_web_page_can_have(host: str, listens_on: str) -> None:
    with Served.open(host=listens_on) as served:
        assert served.ask("GET", "/livez", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "mailtrap.evil.example"])
def test_a_server_for_others_does_not_answer_to_names_of_the_web(host: str) -> None:
    with Served.open(host="0.0.0.0") as served:
        assert served.ask("GET", "/livez", headers={"Host": host}).status_code == 421


@pytest.mark.parametrize(("host", "status"), [("192.0.2.1", 200), ("192.0.2.2", 421), ("localhost", 200)])
def test_a_server_on_one_address_answers_to_that(host: str, status: int) -> None:
    with Served.open(host="192.0.2.1") as served:
        assert served.ask("GET", "/livez", headers={"Host": host}).status_code == status


def test_the_guard_stands_before_the_pages_too(served: Served) -> None:
    assert served.ask("GET", "/", headers={"Host": "evil.example"}).status_code == 421


FROM_BROWSERS = [
    ({"Sec-Fetch-Site": "same-origin", "Origin": "http://localhost"}, True),
    ({"Sec-Fetch-Site": "none"}, True),
    ({"Origin": "http://localhost"}, True),
    ({"Sec-Fetch-Site": "cross-site"}, False),
    ({"Sec-Fetch-Site": "same-site"}, False),
    ({"Sec-Fetch-Site": "cross-site", "Origin": "http://localhost"}, False),
    ({"Origin": "http://localhost:3000"}, False),
    ({"Origin": "https://evil.example"}, False),
    ({"Origin": "null"}, False),
    ({"Origin": "http://["}, False),
]


@pytest.mark.parametrize(("headers", "allowed"), FROM_BROWSERS)
@pytest.mark.parametrize(
    ("method", "path"), [("DELETE", "/api/messages?all=true"), ("POST", "/api/reset"), ("PUT", "/api/scenario")]
)
def test_only_pages_of_this_server_may_change_anything(
    served: Served,
    headers: dict[str, str],
    allowed: bool,  # noqa: FBT001 - what is expected
    method: str,
    path: str,
) -> None:
    served.keep(mail())
    body: dict[str, Any] = {"json": {"scenario": {}}} if method == "PUT" else {}

    answer = served.ask(method, path, headers=headers, **body)

    assert (answer.status_code == 200) == allowed
    if not allowed:
        assert answer.json()["type"] == "urn:mailtrap-py:cross-site"
        assert served.store.messages().total == 1


def test_pages_of_others_may_ask_but_are_not_given_leave_to_read(served: Served) -> None:
    answer = served.ask("GET", "/livez", headers={"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"})

    assert answer.status_code == 200
    assert not [name for name in answer.headers if name.startswith("access-control-")]


def test_a_websocket_of_another_site_is_not_let_in(served: Served) -> None:
    async def main() -> list[Any]:
        sent: list[Any] = []

        async def receive() -> dict[str, object]:
            return {"type": "websocket.connect"}

        async def send(message: Any) -> None:  # noqa: ANN401 - of ASGI
            sent.append(message)

        headers = [(b"host", b"localhost"), (b"origin", b"https://evil.example")]
        scope = {"type": "websocket", "path": "/api/events", "query_string": b"", "headers": headers}
        await served.app(scope, receive, send)
        return sent

    assert asyncio.run(main())[0]["status"] == 403


def test_a_client_without_a_host_is_served(served: Served) -> None:
    async def main() -> int:
        statuses = []

        async def receive() -> dict[str, object]:
            return {"type": "http.request"}

        async def send(message: Any) -> None:  # noqa: ANN401 - of ASGI
            statuses.append(message.get("status"))

        scope = {"type": "http", "method": "GET", "path": "/livez", "query_string": b"", "headers": []}
        await served.app(scope, receive, send)
        return int(statuses[0])

    assert asyncio.run(main()) == 200


def test_nothing_is_sniffed(served: Served) -> None:
    for path in ("/", "/livez", "/nothing"):
        assert served.ask("GET", path).headers["x-content-type-options"] == "nosniff"
    assert served.ask("GET", "/", headers={"Host": "evil.example"}).headers["x-content-type-options"] == "nosniff"


def test_no_path_is_turned_into_another(served: Served) -> None:
    answer = served.ask("DELETE", "/api/messages/?all=true")

    assert (answer.status_code, answer.json()["cure"]) == (404, "leave out the last slash: /api/messages")


def test_the_bus_ends_with_the_lifespan(served: Served) -> None:
    async def main() -> list[str]:
        said = iter(["lifespan.startup", "lifespan.shutdown"])
        closed: list[str] = []

        async def receive() -> dict[str, object]:
            return {"type": next(said)}

        async def send(message: Any) -> None:  # noqa: ANN401 - of ASGI
            closed.append(f"{message['type']} {served.context.bus.closed}")

        await served.app({"type": "lifespan"}, receive, send)
        return closed

    assert asyncio.run(main()) == ["lifespan.startup.complete False", "lifespan.shutdown.complete True"]


# One envelope


def check_envelope(answer: Any) -> None:  # noqa: ANN401 - of httpx
    assert answer.headers["content-type"] == MEDIA_TYPE
    problem = answer.json()
    jsonschema.validate(problem, ENVELOPE)
    assert None not in problem.values()
    assert problem["status"] == answer.status_code
    kind = KINDS[problem["type"].removeprefix("urn:mailtrap-py:")]
    assert (kind.status, kind.title) == (answer.status_code, problem["title"])
    assert problem["detail"]


NAMES = ["to", "from", "subject", "inbox", "session", "limit", "cursor", "all", "timeout", "count", "after", "zzz"]
VALUES = st.one_of(
    st.sampled_from(["", "0", "1", "-1", "true", "default", "10s", "1s", "bob@example.com", "/[/", "9" * 20, "\x00"]),
    st.text(max_size=5),
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
    max_leaves=4,
)
BODIES = st.one_of(
    st.just({}),
    st.fixed_dictionaries({"content": st.binary(max_size=9), "headers": st.just({"Content-Type": "application/json"})}),
    st.fixed_dictionaries({"content": st.binary(min_size=1, max_size=9)}),
    st.fixed_dictionaries({"json": JSON}),
    st.fixed_dictionaries(
        {
            "json": st.dictionaries(
                st.sampled_from(["name", "scenario", "yaml", "params", "seed", "clock", "by", "at", "do", "id"]),
                st.sampled_from(["greylisting", "5m", "rcpt", {"reply": "450 No"}, [{}], 1, "manual"]) | JSON,
                max_size=3,
            )
        }
    ),
)


@given(
    operation=st.sampled_from(OPERATIONS),
    method=st.sampled_from(["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"]) | st.none(),
    names=st.lists(st.sampled_from(["m1", "default", "0", "nothing", "greylisting", "ü", "..", "%2F"]), min_size=2),
    query=st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=3),
    body=BODIES,
)
@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_is_asked_every_error_is_the_one_envelope(  # noqa: PLR0913, PLR0917 - all of a request
    operation: Any,  # noqa: ANN401
    method: str | None,
    names: list[str],
    query: dict[str, str],
    body: dict[str, Any],
    served: Served,
) -> None:
    close(served.app)  # so that no wait waits and no stream streams
    served.keep(mail(name="m1")) if served.store.message("m1") is None else None
    path = operation.path.replace("{id}", names[0]).replace("{name}", names[0]).replace("{inbox}", names[1])

    answer = served.ask(method or operation.method, path.replace("{index}", names[1]), params=query, **body)

    assert answer.status_code < 500 or answer.status_code == 503
    if answer.status_code >= 400 and method != "HEAD":
        check_envelope(answer)


def test_what_was_not_foreseen_is_the_envelope_too(served: Served, caplog: pytest.LogCaptureFixture) -> None:
    served.store.close()

    answer = served.ask("GET", "/api/messages")

    check_envelope(answer)
    assert answer.json()["detail"] == "GET /api/messages failed: RuntimeError"
    assert "the store is closed" in caplog.text


@pytest.mark.parametrize(("method", "path"), [("GET", "/nothing"), ("PATCH", "/api/messages"), ("GET", "/api/rules/x")])
def test_what_is_not_there_is_the_envelope_too(served: Served, method: str, path: str) -> None:
    check_envelope(served.ask(method, path))


# Heads


READS = [each for each in OPERATIONS if each.method == "GET" and "{" not in each.path and each.path != "/api/events"]


@pytest.mark.parametrize("operation", READS, ids=lambda operation: operation.path)
def test_every_get_can_be_asked_as_head(served: Served, operation: Any) -> None:  # noqa: ANN401
    served.keep(mail())

    got, head = served.ask("GET", operation.path), served.ask("HEAD", operation.path)

    assert got.status_code == head.status_code == 200
    assert got.headers["content-type"] == head.headers["content-type"]


@pytest.mark.parametrize("operation", READS, ids=lambda operation: operation.path)
def test_reading_changes_nothing(served: Served, operation: Any) -> None:  # noqa: ANN401
    served.keep(mail())
    before = served.store.messages(), served.store.sessions(), served.context.inboxes.get().director

    served.ask("GET", operation.path)

    assert (served.store.messages(), served.store.sessions(), served.context.inboxes.get().director) == before
