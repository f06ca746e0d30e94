"""The reference of the API as a page, made of the document that programs read; it needs nothing from elsewhere."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from mailtrap_py.web.bodies import writable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from starlette.requests import Request
    from starlette.responses import Response

    from mailtrap_py.web.ui_render import Pages

    Schema = dict[str, Any]

_PREFIX = "#/components/schemas/"


class ReferencePages:
    """The page of the API."""

    def __init__(self, pages: Pages, describe: Callable[[], Schema]) -> None:
        """Show it on these pages, when it is first asked for."""
        self._pages = pages
        self._describe = describe

    def show(self, request: Request) -> Response:
        """Show every operation, with what it asks and answers."""
        document = self._describe()
        return self._pages.page(
            request,
            "reference.html",
            about=document["info"]["description"],
            sections=sections(document),
            models=models(document),
        )


def sections(document: Schema) -> list[tuple[str, list[Schema]]]:
    """Give the operations by their tag, in the order of the document, each as a template wants it."""
    found: dict[str, list[Schema]] = {}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            found.setdefault(operation["tags"][0], []).append(_described(document, method.upper(), path, operation))
    return list(found.items())


def models(document: Schema) -> list[Schema]:
    """Give the schemas, by name, with their fields."""
    return [
        {"name": name, "about": schema.get("description", ""), "fields": list(_fields(schema))}
        for name, schema in sorted(document["components"]["schemas"].items())
    ]


def _described(document: Schema, method: str, path: str, operation: Schema) -> Schema:
    body = _body(document, operation)
    return {
        "method": method,
        "path": path,
        "id": operation["operationId"],
        "summary": operation["summary"],
        "parameters": [
            {**each, "kind": kind(each["schema"]), "default": _default(each["schema"])}
            for each in operation.get("parameters", ())
        ],
        "body": None if body is None else {"name": body[0], "fields": list(_fields(body[1]))},
        "answers": [(status, said["description"], _answer(said)) for status, said in operation["responses"].items()],
        "curl": _curl(method, path, None if body is None else example(body[1])),
    }


def _body(document: Schema, operation: Schema) -> tuple[str, Schema] | None:
    if "requestBody" not in operation:
        return None
    name = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"].removeprefix(_PREFIX)
    return name, document["components"]["schemas"][name]


def _fields(schema: Schema) -> Iterator[Schema]:
    required = schema.get("required", ())
    for name, each in schema.get("properties", {}).items():
        yield {
            "name": name,
            "kind": kind(each),
            "required": name in required,
            "description": each.get("description", ""),
            "default": _default(each),
        }


def _default(schema: Schema) -> str:
    default = schema.get("default")
    return "" if default in (None, "", [], {}) else json.dumps(default) if default is not False else ""


def kind(schema: Schema) -> list[tuple[str, str]]:
    """Say what a value is, in pieces: words, and the name of the schema that they lead to, if they do."""
    if "$ref" in schema:
        name = schema["$ref"].removeprefix(_PREFIX)
        return [(name, name)]
    for joined in ("anyOf", "oneOf", "allOf"):
        if joined in schema:
            pieces: list[tuple[str, str]] = []
            for each in schema[joined]:
                pieces += [*([(" or ", "")] if pieces else []), *kind(each)]
            return pieces
    if "enum" in schema or "const" in schema:
        return [(" | ".join(json.dumps(each) for each in schema.get("enum", [schema.get("const")])), "")]
    if schema.get("type") == "array":
        return [("list of ", ""), *kind(schema.get("items", {}))]
    if schema.get("type") == "object" and isinstance(values := schema.get("additionalProperties"), dict):
        return [("map to ", ""), *kind(values)]
    return [(schema.get("format") or schema.get("type", "any value"), "")]


def example(schema: Schema) -> Schema:
    """Give a body to begin with: the schema's own, else the examples of its fields."""
    if "example" in schema:
        whole: Schema = schema["example"]
        return whole
    fields = schema.get("properties", {})
    return {name: each["examples"][0] for name, each in fields.items() if each.get("examples")}


def _answer(said: Schema) -> list[tuple[str, list[tuple[str, str]]]]:
    return [
        (media_type, kind(content["schema"]) if "schema" in content else [])
        for media_type, content in said.get("content", {}).items()
    ]


def _curl(method: str, path: str, body: Schema | None) -> str:
    words = ["curl"]
    if method != "GET" and not (method == "POST" and body is not None):
        words.append(f"-X {method}")
    words.append(f'"$MAILTRAP_URL{path}"')
    if body is not None:
        written = json.dumps(body).replace("'", "'\\''")
        words.append(f"-H 'Content-Type: application/json' \\\n  -d '{written}'")
    return writable(" ".join(words))
