"""The manners of everything that a scenario consists of, and its smallest values."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, GetCoreSchemaHandler, WithJsonSchema
from pydantic_core import CoreSchema, core_schema

from mailtrap_py.scenario.mistakes import Mistake

if TYPE_CHECKING:
    from pydantic import GetJsonSchemaHandler

_NUMBER = re.compile(r"[0-9]{0,15}\.?[0-9]{1,20}")


class Value(BaseModel):
    """Frozen, and a key that is not known is an error. `from_` is written `from`, because Python keeps that word."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        populate_by_name=True,
        alias_generator=lambda name: name.removesuffix("_"),
        defer_build=True,  # built when one is used: who plays no scenario starts a fifth of a second sooner
    )


def is_scalar(value: object) -> bool:
    """Tell whether it is a text, a number or a boolean."""
    return isinstance(value, str | int | float)


def as_text(value: object) -> str:
    """Read a text; a number or a boolean stands for itself as typed (the loader keeps apart what would not)."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if is_scalar(value):
        return str(value)
    raise Mistake(f"{_kind(value)} is not a text", "write a text, in quotes if it has ': ' or ' #' in it")


def _kind(value: object) -> str:
    return {type(None): "nothing", dict: "a mapping", list: "a list"}.get(type(value), repr(value))


def as_number(value: object) -> object:
    """Read a number that the loader left as it was typed, as in 0.50."""
    return float(value) if isinstance(value, str) and _NUMBER.fullmatch(value) else value


def listed(value: object) -> list[object] | tuple[object, ...]:
    """Make a list of one, so that what may be a list need not be written as one."""
    return value if isinstance(value, list | tuple) else [value]


class OneOrMore:
    """The mark of a tuple that may be written as one value."""

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Make a list of one before it is read."""
        return core_schema.no_info_before_validator_function(listed, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """Describe both spellings."""
        several = handler(schema)
        return {"anyOf": [several["items"], several]}


Text = Annotated[str, BeforeValidator(as_text), WithJsonSchema({"type": ["string", "number", "boolean"]})]
Whole = Annotated[int, Field(strict=True)]
Number = Annotated[float, Field(strict=True, allow_inf_nan=False), BeforeValidator(as_number)]
