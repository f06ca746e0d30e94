"""Requests read strictly, over a route that gives back what it read."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest
from pydantic import Field
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from mailtrap_py.scenario.quantities import Duration
from mailtrap_py.web.parameters import (
    IN_HEADER,
    LARGEST_BODY,
    Body,
    Parameters,
    places,
    read_body,
    read_parameters,
)
from mailtrap_py.web.problems import handlers


class Find(Parameters):
    id: str
    from_: str | None = Field(None, alias="from", min_length=1)
    limit: int = Field(50, ge=1, le=100, examples=[50])
    all: bool = False
    timeout: Duration = 10.0
    token: str = Field("", alias="X-Token", json_schema_extra={**IN_HEADER})


class Say(Body):
    name: str = Field(examples=["ann"])
    times: int = 1


async def echo(request: Request) -> JSONResponse:
    found = read_parameters(Find, request)
    return JSONResponse(found.model_dump(mode="json"))


async def say(request: Request) -> JSONResponse:
    return JSONResponse((await read_body(Say, request)).model_dump())


async def nothing_to_say(request: Request) -> JSONResponse:
    return JSONResponse((await read_body(Body, request)).model_dump())


Ask = Callable[..., httpx.Response]


@pytest.fixture
def ask() -> Ask:
    routes = [
        Route("/find/{id}", echo),
        Route("/say", say, methods=["POST"]),
        Route("/nothing", nothing_to_say, methods=["POST"]),
    ]
    transport = httpx.ASGITransport(Starlette(routes=routes, exception_handlers=handlers()))

    def ask(method: str, path: str, **options: Any) -> httpx.Response:  # noqa: ANN401 - whatever httpx takes
        async def go() -> httpx.Response:
            async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
                return await client.request(method, path, **options)

        return asyncio.run(go())

    return ask


def test_a_parameter_stands_where_its_model_and_the_path_say() -> None:
    assert places(Find, ["id"]) == {
        "id": "path",
        "from": "query",
        "limit": "query",
        "all": "query",
        "timeout": "query",
        "X-Token": "header",
    }


def test_parameters_are_read_from_path_query_and_header(ask: Ask) -> None:
    answer = ask("GET", "/find/7?from=ann&limit=3&all=true&timeout=1500ms", headers={"x-token": "t"})

    assert answer.json() == {
        "id": "7",
        "from_": "ann",
        "limit": 3,
        "all": True,
        "timeout": "1.5s",
        "token": "t",
    }


def test_what_is_not_given_has_its_default(ask: Ask) -> None:
    assert ask("GET", "/find/7").json() == {
        "id": "7",
        "from_": None,
        "limit": 50,
        "all": False,
        "timeout": "10s",
        "token": "",
    }


@pytest.mark.parametrize(
    ("query", "where", "detail", "cure"),
    [
        ("limti=3", "limti", "there is no parameter 'limti' here", "did you mean 'limit'?"),
        ("zzz=3", "zzz", "there is no parameter 'zzz' here", "there are from, limit, all, timeout"),
        ("id=8", "id", "there is no parameter 'id' here", None),
        ("X-Token=8", "X-Token", "there is no parameter 'X-Token' here", None),
        ("limit=1&limit=2", "limit", "limit is given 2 times", "give it once"),
        ("limit=many", "limit", "limit is 'many', which is no whole number", "write it as in 50"),
        ("limit=", "limit", "limit is '', which is no whole number", "write it as in 50"),
        ("limit=0", "limit", "limit is 0; the least is 1", "write it as in 50"),
        ("limit=101", "limit", "limit is 101; the most is 100", "write it as in 50"),
        ("all=perhaps", "all", "all is 'perhaps', which is neither true nor false", ""),
        ("from=", "from", "from is empty", ""),
        ("timeout=10", "timeout", "timeout: '10' is not a duration", None),
    ],
)
def test_wrong_parameters_are_named(ask: Ask, query: str, where: str, detail: str, cure: str | None) -> None:
    answer = ask("GET", f"/find/7?{query}")

    problem = answer.json()
    assert answer.status_code == 400
    assert problem["type"] == "urn:mailtrap-py:bad-parameter"
    assert problem["detail"] == detail
    assert [fault["where"] for fault in problem["errors"]] == [where]
    if cure is not None:
        assert problem["errors"][0]["cure"] == cure
        assert problem.get("cure", "") == cure


def test_all_that_is_wrong_is_said_at_once(ask: Ask) -> None:
    problem = ask("GET", "/find/7?limit=0&all=perhaps").json()

    assert problem["detail"] == "limit is 0; the least is 1 (and 1 more)"
    assert [fault["where"] for fault in problem["errors"]] == ["limit", "all"]


def test_a_body_is_read(ask: Ask) -> None:
    assert ask("POST", "/say", json={"name": "ann"}).json() == {"name": "ann", "times": 1}


@pytest.mark.parametrize("content", [b"", b"  \n", b"{}"])
def test_a_body_that_has_nothing_to_say_may_be_absent(ask: Ask, content: bytes) -> None:
    answer = ask("POST", "/nothing", content=content, headers={"Content-Type": "application/json"})

    assert answer.json() == {}


@pytest.mark.parametrize(
    ("content", "detail", "cure"),
    [
        ("{", "the body is not JSON: ", "send one JSON object in UTF-8"),
        ('{"name": "\\ud800"}', "the body is not JSON: ", "send one JSON object in UTF-8"),
        ('{"name": NaN}', "the body is not JSON: NaN is no number of JSON", "send one JSON object in UTF-8"),
        ('{"name": "a", "name": "b"}', "the body is not JSON: the key 'name' is there twice", None),
        ("[" * 100_000, "the body is not JSON: ", None),
        ('{"times": ' + "1" * 5000 + "}", "the body is not JSON: ", None),
        (b'{"name": "\xff"}', "the body is not JSON: ", None),
        ("[1]", "the body is JSON, but not an object", 'write {"name": value}'),
    ],
)
def test_what_is_not_a_json_object_is_refused(ask: Ask, content: str | bytes, detail: str, cure: str | None) -> None:
    answer = ask("POST", "/say", content=content, headers={"Content-Type": "application/json; charset=utf-8"})

    problem = answer.json()
    assert (answer.status_code, problem["type"]) == (400, "urn:mailtrap-py:bad-body")
    assert problem["detail"].startswith(detail)
    if cure is not None:
        assert problem["cure"] == cure


@pytest.mark.parametrize(
    ("said", "detail", "cure"),
    [
        ({}, "name is missing", "write it as in ann"),
        ({"name": "ann", "tmies": 2}, "there is no key 'tmies' here", "did you mean 'times'?"),
        ({"name": ["ann"]}, "name: Input should be a valid string", "write it as in ann"),
        ({"name": "ann", "times": "x"}, "times is 'x', which is no whole number", ""),
        ({"name": "ann", "times": None}, "times is None, which is no whole number", ""),
    ],
)
def test_what_a_body_cannot_say_is_named(ask: Ask, said: object, detail: str, cure: str) -> None:
    answer = ask("POST", "/say", json=said)

    problem = answer.json()
    assert (answer.status_code, problem["type"]) == (422, "urn:mailtrap-py:invalid-body")
    assert (problem["detail"], problem["errors"][0]["cure"]) == (detail, cure)


@pytest.mark.parametrize("content_type", ["", "text/plain", "application/x-www-form-urlencoded"])
def test_only_json_is_a_body(ask: Ask, content_type: str) -> None:
    answer = ask("POST", "/say", content=b'{"name": "ann"}', headers={"Content-Type": content_type})

    assert answer.status_code == 415
    assert answer.json()["cure"] == "send JSON, and the header Content-Type: application/json"


class Flood:
    """A body without an end, and how much of it was taken."""

    def __init__(self, chunks: int) -> None:
        self.taken = 0
        self._chunks = chunks

    async def __aiter__(self) -> AsyncIterator[bytes]:
        chunk = b" " * 1024 * 1024
        for _ in range(self._chunks):
            self.taken += 1
            yield chunk


@pytest.mark.parametrize(
    ("chunks", "headers", "taken"),
    [
        (11, {}, 11),  # heard out
        (11, {"Content-Length": str(11 * 1024 * 1024)}, 11),
        (1000, {}, 101),  # broken off
        (11, {"Content-Length": str(11 * 1024 * 1024), "Expect": "100-continue"}, 0),  # refused before it is sent
    ],
)
def test_a_body_that_is_too_large_is_not_taken(ask: Ask, chunks: int, headers: dict[str, str], taken: int) -> None:
    flood = Flood(chunks)

    answer = ask("POST", "/say", content=flood, headers={"Content-Type": "application/json", **headers})

    assert (answer.status_code, answer.json()["type"]) == (413, "urn:mailtrap-py:too-large")
    assert answer.headers["connection"] == "close"
    assert flood.taken == taken


def test_a_body_of_just_that_size_is_read(ask: Ask) -> None:
    said = json.dumps({"name": "ann"}).encode()

    answer = ask("POST", "/say", content=said.rjust(LARGEST_BODY), headers={"Content-Type": "application/json"})

    assert answer.json() == {"name": "ann", "times": 1}
