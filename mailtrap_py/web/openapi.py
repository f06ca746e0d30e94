"""The OpenAPI 3.1 document of the API, made of the table that also serves it: so the two cannot disagree."""

from __future__ import annotations

import inspect
import re
from typing import TYPE_CHECKING, Any

from pydantic.json_schema import models_json_schema

from mailtrap_py.web.parameters import Body, places
from mailtrap_py.web.problems import (
    BAD_BODY,
    BAD_PARAMETER,
    CROSS_SITE,
    INTERNAL,
    INVALID_BODY,
    MEDIA_TYPE,
    NOT_FOUND,
    NOT_JSON,
    TOO_LARGE,
    UNAUTHORIZED,
    WRONG_HOST,
    Problem,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydantic import BaseModel
    from pydantic.json_schema import JsonSchemaMode

    from mailtrap_py.web.api import Operation
    from mailtrap_py.web.problems import Kind

    Schema = dict[str, Any]

_PREFIX = "#/components/schemas/"
_NAMED = re.compile(r"\{(\w+)\}")


def document(operations: Sequence[Operation], version: str) -> Schema:
    """Describe the operations, as plain data."""
    said: list[type[BaseModel]] = [each.answer for each in operations if isinstance(each.answer, type)]
    asked: list[type[BaseModel]] = [each.body for each in operations if each.body not in {None, Body}]
    asked += [each.parameters for each in operations]
    modes: dict[type[BaseModel], JsonSchemaMode] = dict.fromkeys([Problem, *said], "serialization")
    modes.update(dict.fromkeys(asked, "validation"))
    _, definitions = models_json_schema(list(modes.items()), ref_template=f"{_PREFIX}{{model}}")
    schemas = definitions["$defs"]
    paths: dict[str, Schema] = {}
    for each in operations:
        paths.setdefault(each.path, {})[each.method.lower()] = _describe(each, schemas)
    for model in {each.parameters for each in operations}:
        schemas.pop(model.__name__, None)  # they stand with the operations, one by one
    return {
        "openapi": "3.1.0",
        "info": {"title": "mailtrap_py", "version": version, "description": _ABOUT},
        "security": [{}, {"basic": []}, {"bearer": []}],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "basic": {"type": "http", "scheme": "basic", "description": "With --http-user."},
                "bearer": {"type": "http", "scheme": "bearer", "description": "With --http-token."},
            },
        },
    }


_ABOUT = (
    "A mail trap for tests. Lists are newest first unless they say otherwise; every error is a Problem (RFC 9457); "
    "every GET can be asked as HEAD; every time is in UTC."
)


def _describe(operation: Operation, schemas: Schema) -> Schema:
    text = inspect.getdoc(operation.endpoint) or ""
    described: Schema = {
        "operationId": _identify(operation),
        "summary": text.partition("\n")[0],
        "tags": [_tag(operation.path)],
    }
    parameters = _parameters(operation, schemas[operation.parameters.__name__])
    if parameters:
        described["parameters"] = parameters
    if operation.body not in {None, Body}:
        schema = {"$ref": f"{_PREFIX}{operation.body.__name__}"}
        needed = bool(schemas[operation.body.__name__].get("required"))
        described["requestBody"] = {"required": needed, "content": {"application/json": {"schema": schema}}}
    described["responses"] = _responses(operation)
    return described


def _tag(path: str) -> str:
    """Group it by the first word of its path; what is of the server itself is one group."""
    words = path.removeprefix("/api/inboxes/{inbox}").removeprefix("/api").split("/")
    word = words[1] if len(words) > 1 else "inboxes"
    return word if path.startswith("/api/") and word not in {"status", "tls", "reset", "openapi.json"} else "server"


def _identify(operation: Operation) -> str:
    """Name it by its function; what stands twice is told apart by where it stands."""
    name = operation.endpoint.__name__
    return f"{name}_of_inbox" if operation.path.startswith("/api/inboxes/{inbox}/") else name


def _parameters(operation: Operation, schema: Schema) -> list[Schema]:
    found = []
    for name, place in places(operation.parameters, _NAMED.findall(operation.path)).items():
        about = dict(schema["properties"][name])
        about.pop("title", None)
        about.pop("in", None)
        described = {"name": name, "in": place, "required": place == "path"}
        if text := about.pop("description", ""):
            described["description"] = text
        found.append({**described, "schema": _without_null(about)})
    return found


def _without_null(schema: Schema) -> Schema:
    """Leave out that what is not given is None here: nobody can write null in a URL."""
    kinds = [kind for kind in schema.get("anyOf", ()) if kind != {"type": "null"}]
    if len(kinds) != 1:
        return schema
    rest = {key: value for key, value in schema.items() if key != "anyOf" and (key, value) != ("default", None)}
    return {**kinds[0], **rest}


def _responses(operation: Operation) -> Schema:
    answer = operation.answer
    content = (
        {answer: {}}
        if isinstance(answer, str)
        else {"application/json": {"schema": {"$ref": _PREFIX + answer.__name__}}}
    )
    good = {"description": "As asked.", "content": content}
    by_status: dict[int, list[str]] = {}
    for kind in sorted(_problems(operation), key=lambda kind: kind.status):
        by_status.setdefault(kind.status, []).append(kind.title)
    problem = {MEDIA_TYPE: {"schema": {"$ref": f"{_PREFIX}Problem"}}}
    bad = {
        str(status): {"description": ". ".join(titles) + ".", "content": problem}
        for status, titles in by_status.items()
    }
    return {str(operation.status): good, **bad}


def _problems(operation: Operation) -> set[Kind]:
    """Give all that an operation may be answered with, those included that need not be said of each."""
    found = {BAD_PARAMETER, WRONG_HOST, INTERNAL, *operation.problems}
    if operation.path not in {"/livez", "/readyz"}:
        found.add(UNAUTHORIZED)
    if _NAMED.search(operation.path) or operation.parameters.name_something:
        found.add(NOT_FOUND)
    if operation.method != "GET":
        found.add(CROSS_SITE)
    if operation.body is not None:
        found |= {BAD_BODY, INVALID_BODY, NOT_JSON, TOO_LARGE}
    return found
