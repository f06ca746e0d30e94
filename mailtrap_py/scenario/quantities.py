"""The durations, sizes and comparisons of scenarios and bodies: `5s`, `10KB`, `> 1MB`, as types of their models.

==========  ===============================================================  ========================================
type        written                                                          read as
==========  ===============================================================  ========================================
Duration    ``500ms`` ``2s`` ``5m`` ``1h`` ``2d``; never a bare number        seconds, a float
Size        ``500`` (octets) ``10KB`` ``1MB`` ``2GB``, in any case            octets, an int; 1 KB is 1024 octets
Rate        ``1KB/s`` ``500B/s``                                              octets a second, a float
Comparison  ``3`` ``"> 1MB"`` ``"<= 3"`` ``"!= 0"`` or a list, any of which   a predicate on whole numbers
==========  ===============================================================  ========================================

Each type is written out again as it is written in, so that a scenario survives the journey through JSON.
"""

from __future__ import annotations

import operator
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Self

from pydantic import BeforeValidator, GetCoreSchemaHandler, GetJsonSchemaHandler, PlainSerializer, WithJsonSchema
from pydantic_core import CoreSchema, core_schema

from mailtrap_py import quantities
from mailtrap_py.quantities import NUMBER, format_duration
from mailtrap_py.scenario.mistakes import Mistake

if TYPE_CHECKING:
    from collections.abc import Callable

_RATE = re.compile(rf"\s*(?P<size>{NUMBER}\s*(?:B|KB|MB|GB)?)\s*/\s*s\s*", re.IGNORECASE)
RATE_PATTERN = rf"^\s*{NUMBER}\s*([KMGkmg]?[Bb])?\s*/\s*[Ss]\s*$"
_COMPARISON = re.compile(r"\s*(?P<operator>>=|<=|!=|==|>|<|=)?(?P<size>.*)", re.DOTALL)
_OPERATORS: dict[str, Callable[[int, int], bool]] = {
    "!=": operator.ne,
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}


def parse_duration(value: object) -> float:
    """Read a duration and give seconds. Raises `Mistake`."""
    if isinstance(value, str) and (seconds := quantities.seconds(value)) is not None:
        return seconds
    if isinstance(value, int | float) and not isinstance(value, bool):
        raise Mistake(f"{value} has no unit", f"write '{value}s' for seconds, or one of ms, s, m, h, d")
    raise Mistake(f"{value!r} is not a duration", "write a number and a unit, as in '500ms', '2s', '5m', '1h', '2d'")


def parse_size(value: object) -> int:
    """Read a size and give octets. Raises `Mistake`."""
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    if isinstance(value, str) and (octets := quantities.octets(value)) is not None:
        return octets
    raise Mistake(f"{value!r} is not a size", "write octets, as in 500, or a number and a unit, as in '10KB', '1MB'")


def parse_rate(value: object) -> float:
    """Read octets a second, as in `1KB/s`. Raises `Mistake`."""
    if isinstance(value, str) and (found := _RATE.fullmatch(value)) and (octets := parse_size(found["size"])):
        return float(octets)
    raise Mistake(f"{value!r} is not a rate", "write a size above 0 and '/s', as in '1KB/s'")


def format_rate(octets: float) -> str:
    """Write a rate as `parse_rate` reads it."""
    return f"{octets:.0f}B/s"


Duration = Annotated[
    float,
    BeforeValidator(parse_duration),
    PlainSerializer(format_duration, return_type=str),
    WithJsonSchema(
        {
            "type": "string",
            "pattern": rf"^\s*{NUMBER}\s*(ms|s|m|h|d)\s*$",
            "description": "A duration: a number and one of the units ms, s, m, h, d.",
            "examples": ["500ms", "2s", "5m", "1h", "2d"],
        }
    ),
]

_SIZE_JSON_SCHEMA = {
    "anyOf": [
        {"type": "integer", "minimum": 0},
        {"type": "string", "pattern": rf"^\s*{NUMBER}\s*([KMGkmg]?[Bb])?\s*$"},
    ],
    "description": "A size: octets, or a number and one of the units KB, MB, GB; 1 KB is 1024 octets.",
    "examples": [500, "10KB", "1MB"],
}
Size = Annotated[int, BeforeValidator(parse_size), WithJsonSchema(_SIZE_JSON_SCHEMA)]


@dataclass(frozen=True, slots=True)
class Comparison:
    """A test of a whole number: an operator and one number, or `=` and several, any of which will do."""

    operator: str
    numbers: tuple[int, ...]

    @classmethod
    def parse(cls, value: object) -> Self:
        """Read `3`, `"> 1MB"` or a list of numbers. Raises `Mistake`."""
        if isinstance(value, cls):
            return value
        if isinstance(value, list | tuple) and value:
            return cls("=", tuple(parse_size(each) for each in value))
        if isinstance(value, str) and (found := _COMPARISON.fullmatch(value)):
            sign = (found["operator"] or "=").replace("==", "=")
            if quantities.octets(found["size"]) is not None:
                return cls(sign, (parse_size(found["size"]),))
        elif isinstance(value, int) and not isinstance(value, bool) and value >= 0:
            return cls("=", (value,))
        cure = "write a number, a list of numbers, or as in '> 1MB', '<= 3', '!= 0'"
        raise Mistake(f"{value!r} is not a comparison", cure)

    def matches(self, number: int) -> bool:
        """Say whether the number passes the test."""
        if self.operator == "=":
            return number in self.numbers
        return _OPERATORS[self.operator](number, self.numbers[0])

    @property
    def beginnings(self) -> tuple[int, ...]:
        """Where a number that grows from zero could begin to pass the test."""
        number = self.numbers[0]
        match self.operator:
            case "=":
                return self.numbers
            case ">":
                return (number + 1,)
            case ">=":
                return (number,)
            case "!=":
                return (0, number + 1)
            case _:
                return (0,)

    @property
    def written(self) -> int | str | list[int]:
        """The comparison as `parse` reads it."""
        if self.operator != "=":
            return f"{self.operator} {self.numbers[0]}"
        return self.numbers[0] if len(self.numbers) == 1 else list(self.numbers)

    def __str__(self) -> str:
        """Read as words in a sentence: `3`, `> 1048576`, `1, 2 or 5`."""
        if self.operator != "=":
            return f"{self.operator} {self.numbers[0]}"
        *others, last = (str(number) for number in self.numbers)
        return f"{', '.join(others)} or {last}" if others else last

    @classmethod
    def __get_pydantic_core_schema__(cls, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Let pydantic read it with `parse` and write it as `written`."""
        return core_schema.no_info_plain_validator_function(
            cls.parse, serialization=core_schema.plain_serializer_function_ser_schema(lambda value: value.written)
        )

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, object]:
        """Describe the three spellings."""
        whole = {"type": "integer", "minimum": 0}
        return {
            "anyOf": [
                whole,
                {"type": "string", "pattern": rf"^\s*(>=|<=|!=|==|>|<|=)?\s*{NUMBER}\s*([KMGkmg]?[Bb])?\s*$"},
                {"type": "array", "items": _SIZE_JSON_SCHEMA, "minItems": 1},
            ],
            "description": "A number it must equal, a comparison such as '> 1MB' or '<= 3', or a list, any of which.",
            "examples": [3, "> 1MB", "<= 3", [1, 2]],
        }
