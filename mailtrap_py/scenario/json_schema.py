"""A scenario file as JSON Schema 2020-12, from the models themselves.

What pydantic cannot know is added: every value may be written as `${param}`, and no value may be null.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mailtrap_py.scenario.points import PLACEHOLDER

if TYPE_CHECKING:
    from pydantic import BaseModel

_PARAM = {"$ref": "#/$defs/Param"}
_NAMED = ("properties", "$defs")
_LISTED = ("anyOf", "oneOf", "allOf", "prefixItems")
_SINGLE = ("items", "additionalProperties")


def of(model: type[BaseModel]) -> dict[str, Any]:
    """Describe the model."""
    described = _adapt(model.model_json_schema(mode="validation", by_alias=True))
    definition = {
        "type": "string",
        "pattern": PLACEHOLDER.pattern.replace("(?P<name>", "("),
        "title": "Param",
        "description": "The value of a param, or a text with params in it.",
    }
    described["$defs"]["Param"] = definition
    return {"$schema": "https://json-schema.org/draft/2020-12/schema"} | described


def _adapt(schema: dict[str, Any]) -> dict[str, Any]:
    adapted = {key: value for key, value in schema.items() if not (key == "default" and value is None)}
    for key in _NAMED:
        if key in adapted:
            adapted[key] = {name: _adapt(part) for name, part in adapted[key].items()}
    for key in _LISTED:
        if key in adapted:
            adapted[key] = [_adapt(part) for part in adapted[key] if part != {"type": "null"}]
    for key in _SINGLE:
        if isinstance(adapted.get(key), dict):
            adapted[key] = _adapt(adapted[key])
    if len(adapted.get("anyOf", ())) == 1:
        adapted |= {key: value for key, value in adapted.pop("anyOf")[0].items() if key not in adapted}
    return _or_param(adapted) if _is_narrow(adapted) else adapted


def _is_narrow(schema: dict[str, Any]) -> bool:
    """Tell whether it is a value that not every text could be."""
    if "const" in schema or "enum" in schema:
        return True
    return "pattern" in schema or schema.get("type") in ("integer", "number", "boolean")


def _or_param(schema: dict[str, Any]) -> dict[str, Any]:
    said = {key: schema.pop(key) for key in ("title", "description", "default", "examples") if key in schema}
    return said | {"anyOf": [schema, _PARAM]}
