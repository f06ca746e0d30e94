"""The reference of the API as a page: complete, and in need of nothing from elsewhere."""

from __future__ import annotations

import re
from typing import Any

import pytest

from mailtrap_py.web.app import describe
from mailtrap_py.web.ui_reference import example, kind, models, sections
from tests.served import Served


def page() -> str:
    with Served.open() as served:
        answer = served.ask("GET", "/api/docs")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    return answer.text


def test_every_operation_is_on_the_page_with_a_command() -> None:
    text = page()

    for path, methods in describe()["paths"].items():
        for operation in methods.values():
            assert f'id="{operation["operationId"]}"' in text
        assert f"$MAILTRAP_URL{path}&#34;" in text


def test_every_link_leads_somewhere_and_none_out_of_the_house() -> None:
    text = page()
    links, ids = set(re.findall(r'href="#([^"]+)"', text)), set(re.findall(r'id="([^"]+)"', text))

    assert links <= ids
    assert not re.findall(r'(?:src|href)="(?!/|#)', text)


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"type": "string"}, "string"),
        ({"type": "string", "format": "date-time"}, "date-time"),
        ({"anyOf": [{"$ref": "#/components/schemas/ReplyItem"}, {"type": "null"}]}, "ReplyItem or null"),
        ({"type": "array", "items": {"type": "integer"}}, "list of integer"),
        ({"type": "object", "additionalProperties": {"type": "string"}}, "map to string"),
        ({"type": "object", "additionalProperties": True}, "object"),
        ({"enum": ["a", "b"]}, '"a" | "b"'),
        ({"const": "a"}, '"a"'),
        ({"type": "array"}, "list of any value"),
    ],
)
def test_what_a_value_is_is_said_in_words(schema: dict[str, Any], words: str) -> None:
    assert "".join(piece for piece, _ in kind(schema)) == words


def test_a_body_has_an_example_to_begin_with() -> None:
    schemas = describe()["components"]["schemas"]

    assert example(schemas["AddRule"]) == {"at": "rcpt", "do": {"reply": "450 4.2.1 Busy"}}
    assert example(schemas["Send"])["to"] == ["bob@example.com"]


def test_operations_stand_in_groups_and_schemas_by_name() -> None:
    document = describe()

    assert [tag for tag, _ in sections(document)][:2] == ["messages", "sessions"]
    assert [each["name"] for each in models(document)] == sorted(document["components"]["schemas"])
