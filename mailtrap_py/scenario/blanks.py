"""Values that are only known when a rule fires: `${code}`, what a named group of a matcher's `/regex/` picked out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler, PlainSerializer, PlainValidator, WithJsonSchema
from pydantic_core import CoreSchema, core_schema

from mailtrap_py.scenario.mistakes import Mistake
from mailtrap_py.scenario.points import PLACEHOLDER, fill
from mailtrap_py.scenario.quantities import parse_duration

if TYPE_CHECKING:
    from collections.abc import Mapping

_MOST_DIGITS = 9


@dataclass(frozen=True, slots=True)
class Blank:
    """A text with `${name}` in it that stands for a number or a duration."""

    text: str

    def whole(self, names: Mapping[str, str]) -> int | None:
        """Fill it in as a whole number; `None` when it is none."""
        filled = fill(self.text, names)
        return int(filled) if filled.isdecimal() and len(filled) <= _MOST_DIGITS else None

    def duration(self, names: Mapping[str, str]) -> float:
        """Fill it in as a duration, in seconds; no time at all when it is none."""
        try:
            return parse_duration(fill(self.text, names))
        except Mistake:
            return 0.0


def is_blank(value: object) -> bool:
    """Tell whether it is a text that something is to be filled into, or one that was read as such."""
    return isinstance(value, Blank) or (isinstance(value, str) and PLACEHOLDER.search(value) is not None)


def _read(value: object) -> Blank:
    return value if isinstance(value, Blank) else Blank(str(value))


BlankText = Annotated[
    Blank,
    PlainValidator(_read),
    PlainSerializer(lambda blank: blank.text),
    WithJsonSchema({"not": {}}),  # in a JSON Schema any value may be such a text, so it is no alternative of its own
]
"""A blank on its own."""


class OrBlank:
    """The mark of a value that may be left blank: what it is otherwise is said by the type it is given."""

    def __init__(self, kind: object) -> None:
        """Keep the type."""
        self._kind = kind

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Read a blank as one, and anything else as the type."""
        return core_schema.no_info_wrap_validator_function(
            lambda value, read: _read(value) if is_blank(value) else read(value),
            handler.generate_schema(self._kind),
            serialization=core_schema.plain_serializer_function_ser_schema(
                lambda value: value.text if isinstance(value, Blank) else value
            ),
        )

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, object]:
        """Describe the type; that a text with `${` will do is said of every value."""
        return handler(schema)
