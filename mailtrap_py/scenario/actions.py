"""What a rule can do, one class an action. `mailtrap_py.scenario.model` says how to add one.

In YAML an action is a mapping of one key, its siblings being that action's own options, or a bare word where the word
says it all: `do: [accept, close: reset]`.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import ConfigDict, Discriminator, Field, GetCoreSchemaHandler, GetJsonSchemaHandler, Tag, model_validator
from pydantic_core import CoreSchema, core_schema

from mailtrap_py.events import Point
from mailtrap_py.quantities import format_duration
from mailtrap_py.scenario.action import ANSWERED, Action
from mailtrap_py.scenario.blanks import Blank
from mailtrap_py.scenario.faults import Ehlo, Listener, Read, Tls
from mailtrap_py.scenario.manners import Before, Drip, Duplicate, Hold, LineEnd, Split, Truncate
from mailtrap_py.scenario.mistakes import Mistake, nearest
from mailtrap_py.scenario.octets import Octets, to_bytes
from mailtrap_py.scenario.points import PLACEHOLDER, fill
from mailtrap_py.scenario.quantities import Duration
from mailtrap_py.scenario.replies import BLANK_CODE, ReplyText, filled
from mailtrap_py.scenario.values import Text, Value
from mailtrap_py.scenario.waits import Dice, Lognormal, Uniform, Wait

_CLOSING = 421  # RFC 5321, section 3.8: the server says it before it shuts the transmission channel down


class SendReply(Action):
    """Answer with this instead of the normal reply. A 4xx or 5xx refuses: the command never happens.

    A 421 also ends the connection (RFC 5321, section 3.8), unless it is told to `stay`.
    """

    key: ClassVar[str] = "reply"
    only_at: ClassVar[frozenset[Point]] = ANSWERED
    model_config = ConfigDict(title="reply")

    reply: ReplyText = Field(description="'450 4.2.1 Mailbox busy', a list of such lines, its parts, or an id.")
    stay: bool = Field(default=False, strict=True, description="After a 421: leave the connection open.")

    @model_validator(mode="after")
    def _only_421_leaves(self) -> Self:
        if self.stay and self.reply.code not in {_CLOSING, BLANK_CODE}:
            raise Mistake("only after a 421 the connection closes by itself", "leave 'stay' out", ("stay",))
        return self

    @property
    def ends(self) -> bool:
        """Whether it is a 421 that closes."""
        return self.reply.code == _CLOSING and not self.stay

    def texts(self) -> tuple[str, ...]:
        """Give its lines."""
        return self.reply.lines

    def describe(self) -> str:
        """Say the reply, several lines with a slash between."""
        said = " / ".join(str(self.reply).split("\r\n"))
        return f"reply: {said}{' (stay)' if self.stay else ''}"

    def ready(self, names: Mapping[str, str], dice: Dice) -> Action:  # noqa: ARG002 - nothing is drawn
        """Fill in the lines. What a client sent cannot end a line of the reply."""
        reply = filled(self.reply, names)
        return self if reply is self.reply else self.model_copy(update={"reply": reply})


class Delay(Action):
    """Wait first; whatever comes next in `do`, or the normal reply, comes after it."""

    key: ClassVar[str] = "delay"
    model_config = ConfigDict(title="delay")

    delay: Wait = Field(description="How long: 2s, {uniform: [1s, 5s]} or {lognormal: {median: 1s, sigma: 0.5}}.")

    def describe(self) -> str:
        """Say how long."""
        wait = self.delay
        if isinstance(wait, Blank):
            return f"delay: {wait.text}"
        return f"delay: {wait if isinstance(wait, Uniform | Lognormal) else format_duration(wait)}"

    def ready(self, names: Mapping[str, str], dice: Dice) -> Action:
        """Draw the wait, in seconds."""
        if isinstance(self.delay, Blank):
            return self.model_copy(update={"delay": self.delay.duration(names)})
        if isinstance(self.delay, Uniform | Lognormal):
            return self.model_copy(update={"delay": self.delay.draw(dice)})
        return self


class StallSpec(Value):
    """How a silence ends: at its limit, or earlier when it is released by name."""

    max: Duration = Field(default=600.0, gt=0, description="At the latest then the connection is closed.")
    name: Text = Field(default="", description="The name that a test releases it by.")


class Stall(Action):
    """Say nothing more, until the client leaves, the limit is reached, or the test lets it go on."""

    key: ClassVar[str] = "stall"
    bare: ClassVar[object] = {}
    model_config = ConfigDict(title="stall")

    stall: StallSpec = Field(description="{max: 30s, name: gate}; ten minutes, if nothing is said.")

    @property
    def ends(self) -> bool:
        """It does."""
        return True

    def describe(self) -> str:
        """Say the limit, and the name when there is one."""
        name = f", name: {self.stall.name}" if self.stall.name else ""
        return f"stall: {{max: {format_duration(self.stall.max)}{name}}}"


class CloseHow(StrEnum):
    """The ways to end a connection."""

    FIN = "fin"
    HALF = "half"
    ABORT = "abort"
    RESET = "reset"


class Close(Action):
    """End the connection.

    `fin` lingers, so that the last reply is read; `half` ends only what the server says, and goes on reading; `abort`
    closes at once, whatever was unread; `reset` sends RST.
    """

    key: ClassVar[str] = "close"
    bare: ClassVar[object] = CloseHow.FIN
    model_config = ConfigDict(title="close")

    close: CloseHow = Field(description="fin (lingering), half (half close), abort (at once) or reset (RST).")

    @property
    def ends(self) -> bool:
        """It does."""
        return True

    def describe(self) -> str:
        """Say how."""
        return f"close: {self.close}"


class Raw(Action):
    """Send these bytes exactly, instead of the normal reply; no line end is added.

    A character up to U+00FF is the octet of that number, so that every octet can be written as an escape.
    """

    key: ClassVar[str] = "raw"
    only_at: ClassVar[frozenset[Point]] = ANSWERED
    model_config = ConfigDict(title="raw")

    raw: Octets = Field(description=r'The bytes, as in "250 2.0." or "\x16\x03\x01"; no line end is added.')

    @property
    def data(self) -> bytes:
        """The bytes to send."""
        return to_bytes(self.raw)

    def texts(self) -> tuple[str, ...]:
        """Give the bytes as text."""
        return (self.raw,)

    def describe(self) -> str:
        """Say the bytes, with escapes."""
        return f"raw: {self.raw!r}"

    def ready(self, names: Mapping[str, str], dice: Dice) -> Action:  # noqa: ARG002 - nothing is drawn
        """Fill in the text."""
        return self.model_copy(update={"raw": fill(self.raw, names)}) if "${" in self.raw else self


class Accept(Action):
    """Store the message, whatever the client is told."""

    key: ClassVar[str] = "accept"
    bare: ClassVar[object] = True
    only_at: ClassVar[frozenset[Point]] = frozenset({Point.MESSAGE})
    model_config = ConfigDict(title="accept")

    accept: Literal[True] = Field(description="Store the message.")


class Discard(Action):
    """Do not store the message, whatever the client is told."""

    key: ClassVar[str] = "discard"
    bare: ClassVar[object] = True
    only_at: ClassVar[frozenset[Point]] = frozenset({Point.MESSAGE})
    model_config = ConfigDict(title="discard")

    discard: Literal[True] = Field(description="Say 250, and do not store the message.")


class Note(Action):
    """Write this into the transcript."""

    key: ClassVar[str] = "note"
    model_config = ConfigDict(title="note")

    note: Text = Field(min_length=1, description="Words for whoever reads the transcript.")

    def texts(self) -> tuple[str, ...]:
        """Give the words."""
        return (self.note,)

    def describe(self) -> str:
        """Say the words."""
        return f"note: {self.note}"

    def ready(self, names: Mapping[str, str], dice: Dice) -> Action:  # noqa: ARG002 - nothing is drawn
        """Fill in the words."""
        return self.model_copy(update={"note": fill(self.note, names)}) if "${" in self.note else self


class StateSpec(Value):
    """What changes."""

    state: Text = Field(min_length=1, description="The new state of the scenario, a word of your own.")


class SetState(Action):
    """Change the state that `when: {state: ...}` asks about."""

    key: ClassVar[str] = "set"
    model_config = ConfigDict(title="set")

    set: StateSpec = Field(description="{state: down}: from now on the scenario is in this state.")

    def describe(self) -> str:
        """Say the new state."""
        return f"set: {{state: {self.set.state}}}"


class Pass(Action):
    """Do nothing, and ask no later rule: an exemption."""

    key: ClassVar[str] = "pass"
    bare: ClassVar[object] = True
    model_config = ConfigDict(title="pass")

    pass_: Literal[True] = Field(description="An exemption: later rules are not asked.")


ACTIONS: Mapping[str, type[Action]] = {
    action.key: action
    for action in (
        *(SendReply, Delay, Stall, Close, Raw),
        *(Drip, Split, LineEnd, Truncate, Duplicate, Hold, Before),
        *(Accept, Discard, Read, Tls, Ehlo, Listener),
        *(SetState, Note, Pass),
    )
}
"""Every action by its key."""


def _spell_out(value: object) -> object:
    """Make a mapping of a bare word, and see to it that a mapping names one action."""
    if isinstance(value, str):
        if value not in ACTIONS:
            raise Mistake(f"there is no action {value!r}", _which_action(value))
        if (bare := ACTIONS[value].bare) is None:
            raise Mistake(f"{value!r} cannot stand alone", f"write what, as in '{value}: ...'")
        return {value: bare}
    if isinstance(value, Mapping):
        named = [key for key in value if key in ACTIONS]
        if not named:
            raise Mistake("no action is named here", _which_action(str(next(iter(value), ""))))
        if len(named) > 1:
            items = " and ".join(f"'- {key}: ...'" for key in named)
            raise Mistake(f"{len(named)} actions in one item", f"make them items of their own: {items}")
        return value
    if not isinstance(value, Action):
        raise Mistake(f"{value!r} is not an action", _which_action(""))
    return value


def _which_action(word: str) -> str:
    return f"{nearest(word, ACTIONS)} The actions are: {', '.join(ACTIONS)}".lstrip()


def _key_of(value: Any) -> str:  # noqa: ANN401 - pydantic hands over whatever was written
    return value.key if isinstance(value, Action) else next(key for key in value if key in ACTIONS)


class _BareWords:
    """The mark of an action that may be written as a word."""

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Spell it out before it is read."""
        return core_schema.no_info_before_validator_function(_spell_out, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """Describe both spellings."""
        words = [key for key, action in ACTIONS.items() if action.bare is not None]
        return {"anyOf": [{"enum": words}, *handler(schema)["oneOf"]]}


AnyAction = Annotated[
    Annotated[SendReply, Tag("reply")]
    | Annotated[Delay, Tag("delay")]
    | Annotated[Stall, Tag("stall")]
    | Annotated[Close, Tag("close")]
    | Annotated[Raw, Tag("raw")]
    | Annotated[Drip, Tag("drip")]
    | Annotated[Split, Tag("split")]
    | Annotated[LineEnd, Tag("line_end")]
    | Annotated[Truncate, Tag("truncate")]
    | Annotated[Duplicate, Tag("duplicate")]
    | Annotated[Hold, Tag("hold")]
    | Annotated[Before, Tag("before")]
    | Annotated[Accept, Tag("accept")]
    | Annotated[Discard, Tag("discard")]
    | Annotated[Read, Tag("read")]
    | Annotated[Tls, Tag("tls")]
    | Annotated[Ehlo, Tag("ehlo")]
    | Annotated[Listener, Tag("listener")]
    | Annotated[SetState, Tag("set")]
    | Annotated[Note, Tag("note")]
    | Annotated[Pass, Tag("pass")],
    Discriminator(_key_of),
    _BareWords(),
]
"""An action as it stands in `do`."""


def names_in(action: Action) -> frozenset[str]:
    """Collect the names that are to be filled in when it fires."""
    return frozenset(found["name"] for text in action.texts() for found in PLACEHOLDER.finditer(text))
