"""A scenario as a fixed conversation: what the server says, what the client must say, byte by byte.

`Step` is what is written; `ScriptPlayer` goes through the steps. It has no connection and no clock: it says what comes
next, and is told what the client said.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Self

from pydantic import ConfigDict, Field, PlainSerializer, PlainValidator, WithJsonSchema, model_validator

from mailtrap_py.pattern import Pattern
from mailtrap_py.scenario.actions import CloseHow
from mailtrap_py.scenario.mistakes import Mistake
from mailtrap_py.scenario.octets import check_octets, to_bytes
from mailtrap_py.scenario.points import PLACEHOLDER
from mailtrap_py.scenario.quantities import Duration
from mailtrap_py.scenario.values import Value, as_text, listed

_TEXT = {"type": ["string", "number", "boolean"]}


def _only(value: object, key: str) -> bool:
    return isinstance(value, Mapping) and list(value) == [key]


def _read_said(value: object) -> bytes:
    """Read lines, which get their CRLF, or `{raw: ...}`, which gets nothing."""
    if isinstance(value, bytes):
        return value
    if isinstance(value, Mapping):
        if not _only(value, "raw"):
            raise Mistake("S is a line, a list of lines, or {raw: ...}", "write as in 'S: {raw: \"250 Ok\\n\"}'")
        return to_bytes(check_octets(as_text(value["raw"])))
    lines = [line for each in listed(value) for line in as_text(each).removesuffix("\n").split("\n")]
    if not lines:
        raise Mistake("an empty list is not enough", "write at least one")
    for line in lines:
        if found := PLACEHOLDER.search(line):
            raise Mistake(f"nothing is filled in for {found[0]} in a script", "write what is to be sent")
    return b"".join(line.removesuffix("\r").encode("utf-8", "surrogateescape") + b"\r\n" for line in lines)


Said = Annotated[
    bytes,
    PlainValidator(_read_said),
    PlainSerializer(lambda data: {"raw": data.decode("latin-1")}),
    WithJsonSchema({
        "anyOf": [
            _TEXT,
            {"type": "array", "items": _TEXT, "minItems": 1},
            {"type": "object", "properties": {"raw": _TEXT}, "required": ["raw"], "additionalProperties": False},
        ]
    }),
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Expected:
    """A line that the client must send: the whole of it in any case, wildcards, or /regex/; or all until that line."""

    text: str
    until: bool = False
    _pattern: Pattern | None = field(init=False, repr=False, compare=False, default=None)

    def __post_init__(self) -> None:
        """Compile what is more than a line."""
        if re.fullmatch(r"/.+/", self.text) or set(self.text) & set("*?"):
            object.__setattr__(self, "_pattern", Pattern(self.text))

    def matches(self, line: str) -> bool:
        """Say whether a line, without its line end, is the one meant."""
        if self._pattern is None:
            return line.casefold() == self.text.casefold()
        return self._pattern.matches(line)

    def __str__(self) -> str:
        """Say what is expected."""
        return f"anything until {self.text!r}" if self.until else repr(self.text)


def _read_expected(value: object) -> Expected:
    if isinstance(value, Expected):
        return value
    until = _only(value, "until")
    if isinstance(value, Mapping):
        if not until:
            raise Mistake("C is a line or {until: ...}", "write as in 'C: {until: .}'")
        value = value["until"]
    return Expected(as_text(value), until)


ExpectedLine = Annotated[
    Expected,
    PlainValidator(_read_expected),
    PlainSerializer(lambda line: {"until": line.text} if line.until else line.text),
    WithJsonSchema({
        "anyOf": [
            _TEXT,
            {"type": "object", "properties": {"until": _TEXT}, "required": ["until"], "additionalProperties": False},
        ]
    }),
]  # fmt: skip


class Step(Value):
    """One thing that happens: the server says something, the client must, time passes, or the connection ends."""

    model_config = ConfigDict(title="Step")

    says: Said | None = Field(
        default=None, alias="S", description="What the server sends: a line, a list of lines, or {raw: ...}."
    )
    expects: ExpectedLine | None = Field(
        default=None, alias="C", description="The line that the client must send, or {until: .}: all up to that line."
    )
    sleep: Duration | None = Field(default=None, description="So long nothing happens.")
    close: CloseHow | None = Field(default=None, description="The connection ends: fin, half, abort or reset.")

    @model_validator(mode="after")
    def _is_one_thing(self) -> Self:
        said = [each.alias or name for name, each in type(self).model_fields.items() if getattr(self, name) is not None]
        if len(said) != 1:
            keys = " and ".join(said)
            raise Mistake(f"a step is one thing, and this is {keys or 'none'}", "write one of S, C, sleep, close")
        return self


def check_script(script: tuple[Step, ...]) -> list[Mistake]:
    """Find steps that can never be reached."""
    ends = next((number for number, step in enumerate(script) if step.close is not None), len(script))
    return [
        Mistake("the connection is over by then", "put it before 'close'", ("script", number))
        for number in range(ends + 1, len(script))
    ]


@dataclass(frozen=True, slots=True)
class Send:
    """Send these octets."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Sleep:
    """Wait for so many seconds of the scenario's clock."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Listen:
    """Read a line of the client, and tell the player."""

    expected: Expected


@dataclass(frozen=True, slots=True)
class End:
    """End the connection."""

    how: CloseHow


Turn = Send | Sleep | Listen | End


class ScriptPlayer:
    """One connection's way through a script."""

    def __init__(self, script: tuple[Step, ...]) -> None:
        """Begin with the first step."""
        self._script = script
        self._at = 0

    def turn(self) -> Turn:
        """Say what comes next, and go on; a `Listen` comes again until `hear` was told the line that it is about.

        Behind the last step the connection ends with a `fin`.
        """
        if self._at == len(self._script):
            return End(CloseHow.FIN)
        step = self._script[self._at]
        if step.expects is not None:
            return Listen(step.expects)
        self._at += step.close is None
        if step.says is not None:
            return Send(step.says)
        return Sleep(step.sleep) if step.sleep is not None else End(step.close or CloseHow.FIN)

    def hear(self, line: bytes) -> str:
        """Take a line of the client, with its line end; say in what it is not the one expected, empty when it is.

        Raises `ValueError` when the script does not listen.
        """
        turn = self.turn()
        if not isinstance(turn, Listen):
            message = f"step {self._at} of the script does not listen"
            raise ValueError(message)  # noqa: TRY004 - what is wrong is the moment, not a type
        text = line.removesuffix(b"\n").removesuffix(b"\r").decode("utf-8", "surrogateescape")
        if turn.expected.matches(text):
            self._at += 1
        elif not turn.expected.until:
            return f"step {self._at + 1} of the script expects {turn.expected}, and the client said {text!r}"
        return ""
