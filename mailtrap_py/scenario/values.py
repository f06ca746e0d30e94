"""The manners of everything that a scenario consists of, and its smallest values."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from mailtrap_py.scenario.mistakes import Mistake


class Value(BaseModel):
    """Frozen, and a key that is not known is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


def as_text(value: object) -> str:
    """Read a text; a number or a boolean stands for itself as typed (the loader keeps apart what would not)."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return str(value)
    raise Mistake(f"{_kind(value)} is not a text", "write a text, in quotes if it has ': ' or '#' in it")


def _kind(value: object) -> str:
    return {type(None): "nothing", dict: "a mapping", list: "a list"}.get(type(value), repr(value))


def listed(value: object) -> object:
    """Make a list of one, so that what may be a list need not be written as one."""
    return value if isinstance(value, list | tuple) else (value,)


Text = Annotated[str, BeforeValidator(as_text), WithJsonSchema({"type": ["string", "number", "boolean"]})]
Whole = Annotated[int, Field(strict=True)]
