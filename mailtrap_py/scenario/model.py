"""The scenario as values: what a mail server does wrong, when, how often, and what a correct client does about it.

Everything here is frozen and, once it exists, valid; `load` makes it from YAML or JSON and turns what is wrong into
`ScenarioError`. `When` is at home in `match`, `Count` in `counting`, the actions in `actions`; `director` runs it all.

To add an action: one class in `actions.py`, `manners.py` (how a reply travels) or `faults.py` with its `key`, and its
line in `ACTIONS` and `AnyAction` of `actions.py`; one branch in `smtp/perform.py`; one scenario file; one dialog; a row
in `docs/scenarios.md`. The loader, the error messages and the JSON Schema follow from the class. To add a matcher: a
field of `When`, its line in `_MAKERS`, and its name in `points.KNOWN` where it is known. To add a count: a field of
`Count` and its line in `Counter`. To add a point: a member of `events.Point` and its line in `points.KNOWN`.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any, Literal, Self

from pydantic import Field, PlainSerializer, PlainValidator, WithJsonSchema, model_validator

from mailtrap_py.events import Point
from mailtrap_py.scenario.action import Action
from mailtrap_py.scenario.actions import (
    ACTIONS,
    Accept,
    AnyAction,
    Close,
    CloseHow,
    Delay,
    Discard,
    Note,
    Pass,
    Raw,
    SendReply,
    SetState,
    Stall,
    StallSpec,
    StateSpec,
)
from mailtrap_py.scenario.checks import check_expectations, check_rule, check_rules, check_states
from mailtrap_py.scenario.counting import Chance, Count, LimitSpec, Scope
from mailtrap_py.scenario.expectation import Expectation
from mailtrap_py.scenario.faults import Ehlo, EhloSpec, Listener, ListenerHow, Read, ReadRate, Tls, TlsFault
from mailtrap_py.scenario.manners import (
    Before,
    Drip,
    DripSpec,
    Duplicate,
    Hold,
    LineEnd,
    Split,
    SplitSpec,
    Truncate,
    TruncateSpec,
)
from mailtrap_py.scenario.match import When
from mailtrap_py.scenario.mistakes import Mistake, Mistakes
from mailtrap_py.scenario.needs import NOTHING, Needs
from mailtrap_py.scenario.persona import PersonaName
from mailtrap_py.scenario.script import Step, check_script
from mailtrap_py.scenario.values import OneOrMore, Text, Value, Whole
from mailtrap_py.scenario.waits import Dice, Lognormal, Uniform

__all__ = [
    "ACTIONS",
    "Accept",
    "Action",
    "Before",
    "Chance",
    "ClockSpec",
    "Close",
    "CloseHow",
    "Count",
    "Delay",
    "Dice",
    "Discard",
    "Drip",
    "DripSpec",
    "Duplicate",
    "Ehlo",
    "EhloSpec",
    "Hold",
    "LimitSpec",
    "LineEnd",
    "Listener",
    "ListenerHow",
    "Lognormal",
    "Needs",
    "Note",
    "ParamValue",
    "Pass",
    "Raw",
    "Read",
    "ReadRate",
    "Rule",
    "Scenario",
    "ScenarioClass",
    "Scope",
    "SendReply",
    "SetState",
    "Split",
    "SplitSpec",
    "Stall",
    "StallSpec",
    "StateSpec",
    "Tls",
    "TlsFault",
    "Truncate",
    "TruncateSpec",
    "Uniform",
    "When",
]

_ID = r"^([A-Za-z0-9][A-Za-z0-9_.-]{0,99})?$"

ParamValue = bool | int | float | str
"""What `${name}` stands for; what overrides it must be of the same kind."""


class ScenarioClass(StrEnum):
    """Whether a server may do this: allowed by RFC 5321, seen although it is not allowed, or an attack."""

    LEGAL = "legal"
    SEEN = "seen"
    HOSTILE = "hostile"


def _read_clock(value: object) -> object:
    if value in ("real", "manual"):
        return value
    if isinstance(value, Mapping) and list(value) == ["speed"]:
        speed = value["speed"]
        if isinstance(speed, int | float) and not isinstance(speed, bool) and 0 < speed < float("inf"):
            return float(speed)
        raise Mistake(f"{speed!r} is not a speed", "write a number above 0: 60 makes a minute a second", ("speed",))
    raise Mistake(f"{value!r} is not a clock", "write real, manual, or {speed: 60}")


_CLOCK_SCHEMA = {
    "anyOf": [
        {"enum": ["real", "manual"]},
        {
            "type": "object",
            "properties": {"speed": {"type": "number", "exclusiveMinimum": 0, "description": "60: a minute a second."}},
            "required": ["speed"],
            "additionalProperties": False,
        },
    ]
}
ClockSpec = Annotated[
    Literal["real", "manual"] | float,
    PlainValidator(_read_clock),
    PlainSerializer(lambda clock: clock if isinstance(clock, str) else {"speed": clock}),
    WithJsonSchema(_CLOCK_SCHEMA),
]
"""`real`, `manual`, or how many times faster than real, as a float."""


class Rule(Value):
    """At a point, when it matches, as often as its count allows: do these."""

    id: Text = Field(
        default="",
        pattern=_ID,
        json_schema_extra={"pattern": _ID},
        description="Its name in the record; 'rule-1' and so on, by position, if it has none.",
    )
    at: Annotated[tuple[Point, ...], Field(min_length=1), OneOrMore()] = Field(
        description="The point of a session, or a list of points."
    )
    when: When | None = Field(default=None, description="What must be true; always, if it is left out.")
    count: Count | None = Field(default=None, description="Which matches fire; all, if it is left out.")
    do: Annotated[tuple[AnyAction, ...], Field(min_length=1), OneOrMore()] = Field(
        description="What to do, one after the other."
    )
    optional: bool = Field(default=False, strict=True, description="In strict mode it may go without firing.")

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if found := list(check_rule(self)):
            raise Mistakes(found)
        return self


def _number_rules(rules: tuple[Rule, ...]) -> tuple[Rule, ...]:
    return tuple(
        rule if rule.id else rule.model_copy(update={"id": f"rule-{number}"}) for number, rule in enumerate(rules, 1)
    )


class Scenario(Value):
    """What a mail server does wrong, and what a correct client does about it."""

    name: Text = Field(default="unnamed", min_length=1, description="As in the file's name.")
    summary: Text = Field(default="", description="What the client meets, in a sentence.")
    imitates: Text = Field(default="", description="The real system that does this.")
    class_: ScenarioClass = Field(
        default=ScenarioClass.LEGAL,
        description="legal (RFC 5321 allows it), seen (done although not allowed) or hostile (an attack).",
    )
    params: dict[str, ParamValue] = Field(
        default_factory=dict, description="Values that stand for ${name} elsewhere, and that can be set from outside."
    )
    seed: Whole | None = Field(default=None, description="What chance begins with; drawn and shown, if there is none.")
    clock: ClockSpec = Field(default="real", description="real, manual (moved by the test) or {speed: 60}.")
    persona: PersonaName | None = Field(default=None, description="The real server to talk like, as in gmail.")
    state: Text = Field(default="", description="The first state of a story that has several; `set` changes it.")
    strict: bool = Field(default=False, strict=True, description="A rule that never fired fails the run.")
    begin: Listener | None = Field(
        default=None, description="What becomes of the port as soon as the scenario begins, before anybody connects."
    )
    rules: tuple[Rule, ...] = Field(default=(), description="The first that matches and is due fires.")
    script: Annotated[tuple[Step, ...], Field(min_length=1)] | None = Field(
        default=None, description="A fixed conversation, in place of rules."
    )
    needs: Needs = Field(
        default=NOTHING, description="What a client has to do to meet it: send to several, several messages, and so on."
    )
    expect: tuple[Expectation, ...] = Field(default=(), description="What a correct client does.")

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        object.__setattr__(self, "rules", _number_rules(self.rules))
        found = [
            *check_rules(self.rules),
            *check_states(self.state, self.rules),
            *check_expectations(self.rules, self.expect),
            *check_script(self.script or ()),
        ]
        if self.begin is not None and self.begin.listener is ListenerHow.RESUME:
            found.append(
                Mistake("the port is open as it is", "write refuse, pause or blackhole", ("begin", "listener"))
            )
        if self.script is not None and self.rules:
            found.append(Mistake("a scenario has rules or a script", "make two scenarios of it", ("script",)))
        if found:
            raise Mistakes(found)
        return self

    def as_data(self) -> dict[str, Any]:
        """Give plain data that can be written as JSON and loaded again; params are in place already."""
        return self.model_dump(mode="json", by_alias=True, exclude_defaults=True, exclude={"params"})
