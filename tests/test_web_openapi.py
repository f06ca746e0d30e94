"""The description of the API: it says what is there, and what is there answers as it says. The docs do, too."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import jsonschema  # type: ignore[import-untyped]  # it brings no types
import pytest
from starlette.routing import Match, Route

from mailtrap_py.web.app import OPERATIONS
from mailtrap_py.web.openapi import document
from mailtrap_py.web.problems import KINDS
from tests.served import Served, accepted, mail, started

DOCS = (Path(__file__).parent.parent / "docs" / "api.md").read_text("utf-8")
DESCRIPTION = document(OPERATIONS, "1.2.3")
WELCOME = (
    b"From: app@example.com\r\nTo: bob@example.com\r\nSubject: Welcome\r\nMIME-Version: 1.0\r\n"
    b"Content-Type: multipart/mixed; boundary=x\r\n\r\n"
    b"--x\r\nContent-Type: text/plain\r\n\r\nHello\r\n"
    b"--x\r\nContent-Type: text/html\r\n\r\n<p>Hello</p>\r\n"
    b"--x\r\nContent-Type: image/png; name=a.png\r\nContent-Disposition: attachment\r\n\r\nx\r\n--x--\r\n"
)


@pytest.fixture
def served() -> Iterator[Served]:
    with Served.open() as served:
        message = mail(WELCOME, name="m1")
        served.store.add(started())
        served.keep(message)
        served.store.add(accepted(message))
        yield served


def described() -> set[tuple[str, str]]:
    return {(method.upper(), path) for path, methods in DESCRIPTION["paths"].items() for method in methods}


def test_every_route_is_described_and_nothing_else(served: Served) -> None:
    others = ("/api/v1/", "/api/v2/", "/api/docs")  # of other tools, and a page
    routes = [route for route in served.app.routes if isinstance(route, Route) and not route.path.startswith(others)]
    there = {
        (method, route.path)
        for route in routes
        if route.path.startswith(("/api/", "/livez", "/readyz", "/metrics"))
        for method in (route.methods or set()) - {"HEAD"}
    }

    assert described() == there


def test_the_description_can_be_fetched(served: Served) -> None:
    fetched = served.ask("GET", "/api/openapi.json").json()

    assert (fetched["openapi"], fetched["paths"]) == ("3.1.0", json.loads(json.dumps(DESCRIPTION["paths"])))


def test_the_description_is_not_sent_to_who_has_it(served: Served) -> None:
    tag = served.ask("GET", "/api/openapi.json").headers["etag"]

    again = served.ask("GET", "/api/openapi.json", headers={"If-None-Match": tag})

    assert (again.status_code, again.content) == (304, b"")


def references(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(reference := value.get("$ref"), str):
            yield reference
        for each in value.values():
            yield from references(each)
    elif isinstance(value, list):
        for each in value:
            yield from references(each)


def test_every_reference_leads_somewhere_and_nothing_lies_about() -> None:
    schemas = DESCRIPTION["components"]["schemas"]

    assert {reference.removeprefix("#/components/schemas/") for reference in references(DESCRIPTION)} == schemas.keys()


@pytest.mark.parametrize("name", DESCRIPTION["components"]["schemas"])
def test_every_schema_is_one(name: str) -> None:
    jsonschema.Draft202012Validator.check_schema(DESCRIPTION["components"]["schemas"][name])


def test_every_operation_has_a_name_of_its_own_and_says_what_it_does() -> None:
    operations = [each for methods in DESCRIPTION["paths"].values() for each in methods.values()]

    assert len({each["operationId"] for each in operations}) == len(operations)
    assert all(each["summary"].endswith(".") for each in operations)


def test_parameters_stand_where_they_are_read() -> None:
    wait = DESCRIPTION["paths"]["/api/messages/wait"]["get"]["parameters"]
    part = DESCRIPTION["paths"]["/api/messages/{id}/parts/{index}"]["get"]["parameters"]
    listen = DESCRIPTION["paths"]["/api/events"]["get"]["parameters"]

    assert [each["name"] for each in wait] == [
        *("inbox", "to", "from", "subject", "session", "search"),
        *("header", "timeout", "count", "exactly", "settle", "after"),
    ]
    assert all(each["in"] == "query" and not each["required"] and each["description"] for each in wait)
    assert {each["name"]: each["schema"].get("default") for each in wait}["timeout"] == "10s"
    assert [(each["name"], each["in"], each["required"]) for each in part] == [
        ("id", "path", True),
        ("index", "path", True),
    ]
    assert [(each["name"], each["in"]) for each in listen] == [("inbox", "query"), ("Last-Event-ID", "header")]


def test_nobody_is_asked_to_write_null_into_a_url() -> None:
    for methods in DESCRIPTION["paths"].values():
        for operation in methods.values():
            for parameter in operation.get("parameters", []):
                assert "null" not in json.dumps(parameter["schema"])


# The docs


def commands() -> list[list[str]]:
    """Give the curl commands of the docs, in order, as words."""
    blocks = re.findall(r"```sh\n(.*?)```", DOCS, re.DOTALL)
    lines = "\n".join(blocks).replace("\\\n", " ").splitlines()
    return [shlex.split(line.removesuffix(" || true")) for line in lines if line.startswith("curl ")]


def read_command(words: list[str]) -> tuple[str, str, dict[str, Any]]:
    """Read a curl command as a request."""
    method, body, headers, rest = "GET", None, {}, iter(words[1:])
    url = ""
    for word in rest:
        match word:
            case "-X":
                method = next(rest)
            case "-d":
                method, body = ("POST" if method == "GET" else method), next(rest)
            case "-H":
                name, _, value = next(rest).partition(": ")
                headers[name] = value
            case "-o" | "--max-time":
                next(rest)
            case "-s" | "-sN" | "-O" | "-J":
                pass
            case _:
                url = word
    assert url.startswith("$MAILTRAP_URL/")
    path = url.removeprefix("$MAILTRAP_URL").replace("$MESSAGE", "m1").replace("$SESSION", "s1")
    return method, path, {"headers": headers, **({"content": body} if body else {})}


def operation_of(served: Served, method: str, path: str) -> dict[str, Any]:
    for route in served.app.routes:
        if isinstance(route, Route):
            scope = {"type": "http", "method": method, "path": urlsplit(path).path}
            if route.matches(scope)[0] is Match.FULL:
                found: dict[str, Any] = DESCRIPTION["paths"][route.path][method.lower()]
                return found
    raise AssertionError(path)


def check_answer(operation: dict[str, Any], answer: httpx.Response) -> None:
    """Hold an answer against what is said of it."""
    said = operation["responses"][str(answer.status_code)]["content"]
    content_type = answer.headers["content-type"].partition(";")[0]
    assert content_type in said or "*/*" in said
    if "schema" in said.get(content_type, {}):
        schema = {**said[content_type]["schema"], "components": DESCRIPTION["components"]}
        jsonschema.validate(answer.json(), schema)


def test_every_command_of_the_docs_is_answered_as_described(served: Served) -> None:
    done = set()
    for words in commands():
        method, path, options = read_command(words)
        operation = operation_of(served, method, path)
        done.add(operation["operationId"])

        answer = served.ask("HEAD" if "/api/events" in path else method, path, **options)

        assert answer.status_code < 300, (words, answer.text)
        check_answer(operation, answer)

    assert done == {each["operationId"] for methods in DESCRIPTION["paths"].values() for each in methods.values()}


def test_every_operation_is_named_in_the_docs() -> None:
    assert {(method, path) for method, path in re.findall(r"`(GET|PUT|POST|DELETE) (/[^`?]+)`", DOCS)} == described()


def test_every_kind_of_problem_is_in_the_docs() -> None:
    rows = re.findall(r"^\| ([0-9]{3}) \| `([a-z-]+)` \|", DOCS, re.MULTILINE)

    assert [(int(status), name) for status, name in rows] == [(kind.status, kind.name) for kind in KINDS.values()]


@pytest.mark.parametrize(
    ("method", "path", "options", "status"),
    [
        ("GET", "/api/messages/wait?to=nobody@example.com&timeout=0s", {}, 504),
        ("GET", "/api/messages?zzz=1", {}, 400),
        ("GET", "/api/messages/nothing", {}, 404),
        ("DELETE", "/api/messages", {}, 400),
        ("DELETE", "/api/messages/m1", {"headers": {"Sec-Fetch-Site": "cross-site"}}, 403),
        ("PUT", "/api/scenario", {"content": "{}"}, 415),
        ("PUT", "/api/scenario", {"json": {"zzz": 1}}, 422),
        ("PUT", "/api/scenario", {"json": {"scenario": {"rules": [{}]}}}, 422),
        ("PUT", "/api/scenario", {"json": []}, 400),
        ("POST", "/api/clock/advance", {"json": {"by": "1s"}}, 409),
        ("GET", "/livez", {"headers": {"Host": "evil.example"}}, 421),
    ],
)
def test_errors_are_answered_as_described(
    served: Served, method: str, path: str, options: dict[str, Any], status: int
) -> None:
    answer = served.ask(method, path, **options)

    assert answer.status_code == status
    check_answer(operation_of(served, method, path), answer)
