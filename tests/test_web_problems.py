"""The envelope, and which exception becomes which problem."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from starlette.exceptions import HTTPException
from starlette.requests import Request

from mailtrap_py.errors import MailtrapError, ScenarioError, SettingError, UpstreamError
from mailtrap_py.web.problems import KINDS, NOT_FOUND, NOTHING_CAME, Fault, Miss, ProblemError, handlers


def handle(error: Exception, path: str = "/api/x", method: str = "GET") -> Any:  # noqa: ANN401 - of starlette
    handler: Callable[[Request, Exception], Any] = next(  # type: ignore[assignment]  # none of them is a coroutine
        handler for kind, handler in handlers().items() if isinstance(error, kind)
    )
    scope = {"type": "http", "method": method, "path": path, "headers": [(b"host", b"localhost")], "query_string": b""}
    return handler(Request(scope), error)


def problem(error: Exception, path: str = "/api/x") -> dict[str, object]:
    answer = handle(error, path)
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["cache-control"] == "no-store"
    said: dict[str, object] = json.loads(answer.body)
    assert said["status"] == answer.status_code
    return said


def test_the_envelope_leaves_out_what_is_not_known() -> None:
    assert problem(ProblemError(NOT_FOUND, "no such thing")) == {
        "type": "urn:mailtrap-py:not-found",
        "title": "There is no such thing",
        "status": 404,
        "detail": "no such thing",
    }


def test_the_envelope_says_all_that_is_known() -> None:
    fault = Fault(where="to", detail="wrong", cure="write it right")
    error = ProblemError(
        NOTHING_CAME, "no", cure="send it", where="a:1:2", errors=[fault], misses=[Miss(id="m", why="w")]
    )

    assert problem(error) == {
        "type": "urn:mailtrap-py:nothing-came",
        "title": "It did not come in time",
        "status": 504,
        "detail": "no",
        "cure": "send it",
        "where": "a:1:2",
        "errors": [{"where": "to", "detail": "wrong", "cure": "write it right"}],
        "misses": [{"id": "m", "why": "w"}],
    }


def test_the_envelope_can_always_be_written() -> None:
    assert problem(ProblemError(NOT_FOUND, "no \udcff"))["detail"] == "no \ufffd"


def test_kinds_have_names_of_their_own() -> None:
    assert len({kind.type for kind in KINDS.values()}) == len(KINDS)
    assert all(400 <= kind.status <= 599 and kind.title and name == kind.name for name, kind in KINDS.items())


@pytest.mark.parametrize(
    ("error", "name", "said"),
    [
        (
            ScenarioError("bad", where="f:1:2", cure="good"),
            "invalid-scenario",
            {"detail": "f:1:2: bad", "where": "f:1:2", "cure": "good"},
        ),
        (SettingError("bad", cure="good"), "invalid-body", {"detail": "bad", "cure": "good"}),
        (UpstreamError("bad"), "upstream", {"detail": "bad"}),
        (RuntimeError("secret"), "internal", {"detail": "GET /api/x failed: RuntimeError"}),
        (HTTPException(404), "not-found", {"detail": "nothing is at /api/x"}),
        (HTTPException(405, headers={"Allow": "PUT"}), "wrong-method", {"cure": "use PUT"}),
        (HTTPException(418, "teapot"), "http", {"title": "teapot", "detail": "teapot", "status": 418}),
        (HTTPException(499, "gone"), "http", {"status": 499}),
    ],
)
def test_errors_become_problems(
    error: Exception, name: str, said: dict[str, object], caplog: pytest.LogCaptureFixture
) -> None:
    found = problem(error)

    assert found["type"] == f"urn:mailtrap-py:{name}"
    assert {key: found[key] for key in said} == said
    assert ("secret" in caplog.text) == (name == "internal")
    assert "secret" not in json.dumps(found)


@pytest.mark.parametrize(
    ("path", "cure"),
    [
        ("/api/x", "/api/openapi.json lists what there is"),
        ("/api/x/", "leave out the last slash: /api/x"),
        ("/", "/api/openapi.json lists what there is"),
    ],
)
def test_a_path_that_is_not_there_has_a_cure(path: str, cure: str) -> None:
    assert problem(HTTPException(404), path)["cure"] == cure


@pytest.mark.parametrize("kind", [ProblemError, HTTPException, MailtrapError])
def test_a_handler_takes_only_its_own(kind: type[Exception]) -> None:
    handler: Any = handlers()[kind]

    with pytest.raises(ZeroDivisionError):
        handler(None, ZeroDivisionError())
