"""Actions that shape how the next reply travels: the rule's own, if one comes after them, else the normal one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import ConfigDict, Field

from mailtrap_py.events import Point, Reply
from mailtrap_py.quantities import format_duration
from mailtrap_py.scenario.action import ANSWERED, Action
from mailtrap_py.scenario.octets import Octets, to_bytes
from mailtrap_py.scenario.points import fill
from mailtrap_py.scenario.quantities import Duration
from mailtrap_py.scenario.values import OneOrMore, Value, Whole
from mailtrap_py.scenario.waits import Dice


class Manner(Action):
    """How the next reply travels."""

    only_at: ClassVar[frozenset[Point]] = ANSWERED


class DripSpec(Value):
    """How slowly."""

    octets: Whole = Field(default=1, ge=1, alias="bytes", description="So many octets at a time.")
    every: Duration = Field(gt=0, description="The pause between them.")


class Drip(Manner):
    """Send the reply a few octets at a time."""

    key: ClassVar[str] = "drip"
    model_config = ConfigDict(title="drip")

    drip: DripSpec = Field(description="{bytes: 1, every: 500ms}: so slowly.")

    def describe(self) -> str:
        """Say the pace."""
        return f"drip: {{bytes: {self.drip.octets}, every: {format_duration(self.drip.every)}}}"


class SplitSpec(Value):
    """Where it is cut."""

    at: Annotated[tuple[Annotated[Whole, Field(ge=1)], ...], Field(min_length=1), OneOrMore()] = Field(
        description="After so many octets; a list, for several cuts."
    )


class Split(Manner):
    """Send the reply in several TCP segments."""

    key: ClassVar[str] = "split"
    model_config = ConfigDict(title="split")

    split: SplitSpec = Field(description="{at: [3]}: a segment of its own for the code.")

    def describe(self) -> str:
        """Say where."""
        return f"split: {{at: {list(self.split.at)}}}"


class LineEnd(Manner):
    """End the lines of the reply otherwise than with CRLF."""

    key: ClassVar[str] = "line_end"
    model_config = ConfigDict(title="line_end")

    line_end: Literal["lf", "cr", "crcrlf", "none"] = Field(description="lf, cr, crcrlf, or none at all.")

    def describe(self) -> str:
        """Say which."""
        return f"line_end: {self.line_end}"


class TruncateSpec(Value):
    """What is left of it."""

    at: Whole = Field(ge=0, description="So many octets are sent, and no more.")


class Truncate(Manner):
    """Send only the beginning of the reply."""

    key: ClassVar[str] = "truncate"
    model_config = ConfigDict(title="truncate")

    truncate: TruncateSpec = Field(description="{at: 5}: the first five octets.")

    def describe(self) -> str:
        """Say how many octets."""
        return f"truncate: {{at: {self.truncate.at}}}"


class Duplicate(Manner):
    """Send the reply twice."""

    key: ClassVar[str] = "duplicate"
    bare: ClassVar[object] = True
    model_config = ConfigDict(title="duplicate")

    duplicate: Literal[True] = Field(description="Send the reply twice.")


class Hold(Manner):
    """Keep the reply back, and send it with the next one."""

    key: ClassVar[str] = "hold"
    bare: ClassVar[object] = True
    model_config = ConfigDict(title="hold")

    hold: Literal[True] = Field(description="Send the reply together with the next one.")


class Before(Manner):
    """Say something that nobody asked for, and then the reply."""

    key: ClassVar[str] = "before"
    model_config = ConfigDict(title="before")

    before: Octets = Field(description="'250 unsolicited', which gets its line end; or any octets, which get none.")

    @property
    def data(self) -> bytes:
        """The bytes to send: a reply with its line ends, anything else as it is."""
        try:
            return Reply.parse(self.before).wire()
        except ValueError:
            return to_bytes(self.before)

    def texts(self) -> tuple[str, ...]:
        """Give what is said."""
        return (self.before,)

    def describe(self) -> str:
        """Say it, with escapes."""
        return f"before: {self.before!r}"

    def ready(self, names: Mapping[str, str], dice: Dice) -> Action:  # noqa: ARG002 - nothing is drawn
        """Fill in the text."""
        return self.model_copy(update={"before": fill(self.before, names)}) if "${" in self.before else self
