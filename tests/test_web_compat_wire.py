from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from mailtrap_py.web.compat import wire
from mailtrap_py.web.compat.wire import (
    BareError,
    answer,
    go_json,
    json_body,
    not_found,
    number,
    served,
    string,
    strings,
)
from tests.served import Served


def asked(body: bytes = b"", query: str = "") -> Request:
    request = Request({"type": "http", "method": "GET", "path": "/", "query_string": query.encode(), "headers": []})
    request.state.body = body
    return request


def test_json_is_written_as_go_does() -> None:
    assert go_json({"a": "<b>&ü\u2028\ud800", "n": None, "l": []}) == (
        '{"a":"\\u003cb\\u003e\\u0026ü\\u2028\ufffd","n":null,"l":[]}\n'.encode()
    )
    assert json.loads(go_json("<&>")) == "<&>"


@pytest.mark.parametrize(
    ("body", "read"),
    [(b'{"IDs": ["A"], "In": [{"Name": "B"}]}', {"ids": ["A"], "in": [{"name": "B"}]}), (b" {} ", {})],
)
def test_keys_are_read_in_any_case(body: bytes, read: dict[str, Any]) -> None:
    assert json_body(asked(body)) == read


@pytest.mark.parametrize("body", [b"", b"[]", b"1", b"{", b'{"a": "\\ud800"}', b"\xff", b"[" * 100_000])
def test_what_is_no_object_is_refused(body: bytes) -> None:
    with pytest.raises(BareError):
        json_body(asked(body))


def test_lists_and_strings_are_read_strictly_and_may_be_missing() -> None:
    body = {"a": ["x"], "b": "y", "c": None}

    assert (strings(body, "a"), strings(body, "c"), strings(body, "d")) == (["x"], [], [])
    assert (string(body, "b"), string(body, "c"), string(body, "d")) == ("y", "", "")
    for read, name in ((strings, "b"), (string, "a")):
        with pytest.raises(BareError, match="json: cannot unmarshal"):
            read(body, name)


@pytest.mark.parametrize(
    ("query", "read"), [("", 7), ("n=3", 3), ("n=-3", 7), ("n=x", 7), ("n=²", 7), ("n=9999999999", 2**31)]
)
def test_numbers_that_are_none_are_the_default(query: str, read: int) -> None:
    assert number(asked(query=query), "n", 7) == read


def test_bare_errors_are_answered_as_plain_text() -> None:
    def work(_: Request) -> Response:
        raise not_found()

    app = Starlette(routes=[Route("/", served(work))])
    reply = Served(app, {}).ask("GET", "/")

    assert (reply.status_code, reply.text, reply.headers["content-type"]) == (
        404,
        "404 page not found",
        "text/plain; charset=utf-8",
    )


def test_a_body_without_end_is_not_read_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "_MOST", 10)
    app = Starlette(routes=[Route("/", served(lambda request: answer(len(request.state.body))), methods=["POST"])])

    async def main() -> list[int]:
        return [(await Served(app, {}).ask_async("POST", "/", content=b"x" * size)).status_code for size in (10, 11)]

    assert asyncio.run(main()) == [200, 413]
