"""Actions beyond replies: how mail is taken in, TLS, what EHLO offers, and the port itself."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, ClassVar, Literal, Self

from pydantic import ConfigDict, Field, PlainSerializer, PlainValidator, WithJsonSchema, model_validator

from mailtrap_py.events import Point
from mailtrap_py.quantities import format_duration
from mailtrap_py.scenario.action import Action
from mailtrap_py.scenario.mistakes import Mistake
from mailtrap_py.scenario.quantities import RATE_PATTERN, Duration, format_rate, parse_rate
from mailtrap_py.scenario.values import OneOrMore, Text, Value


class ReadRate(Value):
    """How many octets a second are read."""

    rate: float

    def __str__(self) -> str:
        """Read as in the scenario."""
        return f"{{rate: {format_rate(self.rate)}}}"


def _read_reading(value: object) -> object:
    if value == "stop" or isinstance(value, ReadRate):
        return value
    if isinstance(value, Mapping) and list(value) == ["rate"]:
        try:
            return ReadRate(rate=parse_rate(value["rate"]))
        except Mistake as mistake:
            raise mistake.below(("rate",)) from None
    raise Mistake(f"{value!r} is not a way to read", "write stop, or {rate: 1KB/s}")


_READING_SCHEMA = {
    "anyOf": [
        {"const": "stop"},
        {
            "type": "object",
            "properties": {
                "rate": {"type": "string", "pattern": RATE_PATTERN, "description": "Octets a second, as in 1KB/s."}
            },
            "required": ["rate"],
            "additionalProperties": False,
        },
    ]
}
Reading = Annotated[
    Literal["stop"] | ReadRate,
    PlainValidator(_read_reading),
    PlainSerializer(lambda reading: reading if reading == "stop" else {"rate": format_rate(reading.rate)}),
    WithJsonSchema(_READING_SCHEMA),
]


class Read(Action):
    """Take the message in slowly, or not at all."""

    key: ClassVar[str] = "read"
    only_at: ClassVar[frozenset[Point]] = frozenset({Point.DATA, Point.CONTENT})
    model_config = ConfigDict(title="read")

    read: Reading = Field(description="stop: no further octet is read. {rate: 1KB/s}: so many in a second.")

    def describe(self) -> str:
        """Say how."""
        return f"read: {self.read}"


class TlsFault(StrEnum):
    """The ways in which a handshake goes wrong."""

    EXPIRED = "expired"
    NOT_YET_VALID = "not-yet-valid"
    WRONG_HOST = "wrong-host"
    SELF_SIGNED = "self-signed"
    UNTRUSTED = "untrusted"
    OLD_VERSION = "old-version"
    GARBAGE = "garbage"
    DROP = "drop"
    STALL = "stall"
    INJECT = "inject"


class Tls(Action):
    """Let the TLS handshake go wrong, be it implicit TLS or after STARTTLS."""

    key: ClassVar[str] = "tls"
    only_at: ClassVar[frozenset[Point]] = frozenset({Point.TLS, Point.STARTTLS})
    model_config = ConfigDict(title="tls")

    tls: TlsFault = Field(description="What goes wrong with the handshake; inject is plaintext behind STARTTLS's 220.")

    def describe(self) -> str:
        """Say what goes wrong."""
        return f"tls: {self.tls}"


_Keyword = Annotated[Text, Field(pattern=r"^\S+$", json_schema_extra={"pattern": r"^\S+$"})]
_Line = Annotated[Text, Field(pattern=r"^[^\r\n]+$", json_schema_extra={"pattern": r"^[^\r\n]+$"})]


class EhloSpec(Value):
    """What changes in the list of extensions."""

    add: Annotated[tuple[_Line, ...], OneOrMore()] = Field(
        default=(), description="Lines to add, as in 'SIZE 1000'; one of the same keyword is replaced."
    )
    remove: Annotated[tuple[_Keyword, ...], OneOrMore()] = Field(default=(), description="Keywords, as in STARTTLS.")
    set: Annotated[tuple[_Line, ...], OneOrMore()] | None = Field(
        default=None, description="The whole list; [] for no extension at all."
    )

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.set is not None and (self.add or self.remove):
            raise Mistake("'set' is the whole list, so there is nothing to add or remove", "leave the others out")
        if self.set is None and not self.add and not self.remove:
            raise Mistake("nothing changes", "write add, remove or set")
        return self


class Ehlo(Action):
    """Offer other extensions from now on. What is no longer offered is refused when used, unless it is a `lie`."""

    key: ClassVar[str] = "ehlo"
    model_config = ConfigDict(title="ehlo")

    ehlo: EhloSpec = Field(description="{add: [...], remove: [...]}, or {set: [...]}: extensions from now on.")
    lie: bool = Field(default=False, strict=True, description="What is not offered works all the same, and vice versa.")

    def describe(self) -> str:
        """Say what changes."""
        said = self.ehlo.model_dump(exclude_defaults=True)
        changes = ", ".join(f"{key}: [{', '.join(lines)}]" for key, lines in said.items())
        return f"ehlo: {{{changes}}}{' (lie)' if self.lie else ''}"


class ListenerHow(StrEnum):
    """What becomes of the port; open sessions go on."""

    REFUSE = "refuse"
    PAUSE = "pause"
    BLACKHOLE = "blackhole"
    RESUME = "resume"


class Listener(Action):
    """Refuse new connections, let them hang, leave them without any answer, or take them again."""

    key: ClassVar[str] = "listener"
    model_config = ConfigDict(title="listener")

    listener: ListenerHow = Field(
        description="refuse (connection refused), pause (nobody accepts), blackhole (no answer at all) or resume."
    )
    for_: Duration | None = Field(default=None, gt=0, description="So long; then it is as before.")

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if self.for_ is not None and self.listener is ListenerHow.RESUME:
            raise Mistake("'resume' is for good", "leave 'for' out, or write refuse, pause or blackhole", ("for",))
        return self

    def describe(self) -> str:
        """Say what, and for how long."""
        return f"listener: {self.listener}{'' if self.for_ is None else f' (for {format_duration(self.for_)})'}"
