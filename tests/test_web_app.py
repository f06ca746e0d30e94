"""The application as a whole: one envelope for every error of every route."""

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
@settings(deadline=None, max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
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
