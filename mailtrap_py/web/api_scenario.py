"""The API's scenarios: what goes wrong in an inbox, its rules one by one, its clock, and the library to choose from.

Each route stands twice: under `/api` for the default inbox (or the one named by `inbox=`), and under
`/api/inboxes/{inbox}`. A scenario is named, or given whole; never as a path, because a file of this machine is not for
whoever reaches this port to read.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from pydantic import ConfigDict, Field

from mailtrap_py.clock import ManualClock, RealClock, ScaledClock
from mailtrap_py.inbox import DEFAULT, make_clock
from mailtrap_py.scenario import library
from mailtrap_py.scenario.load import from_data, load, loads, make_rule
from mailtrap_py.scenario.mistakes import nearest
from mailtrap_py.scenario.model import ClockSpec
from mailtrap_py.scenario.quantities import Duration
from mailtrap_py.web.api import change, operation
from mailtrap_py.web.bodies import Answer, Listing, moment
from mailtrap_py.web.parameters import Body, Parameters
from mailtrap_py.web.problems import CONFLICT, INVALID_BODY, INVALID_SCENARIO, NOT_FOUND, ProblemError

if TYPE_CHECKING:
    from pathlib import Path

    from mailtrap_py.clock import Clock
    from mailtrap_py.inbox import Inbox
    from mailtrap_py.scenario import RuleState, Scenario
    from mailtrap_py.web.api import Operation
    from mailtrap_py.web.context import Context
    from mailtrap_py.web.problems import Kind


# What is asked


class InInbox(Parameters):
    """Which inbox."""

    inbox: str = Field(DEFAULT, min_length=1, examples=[DEFAULT], description="The inbox.")


class OneRule(InInbox):
    """Which rule of which inbox."""

    id: str


class OneScenario(Parameters):
    """Which scenario of the library."""

    name: str


class UseScenario(Body):
    """The scenario to use: `name` of one in the library, or one given whole as `scenario` or as `yaml`."""

    name: str | None = Field(None, examples=["greylisting"], description="A scenario of the library.")
    scenario: dict[str, Any] | None = Field(None, description="A scenario as JSON, as a file would say it.")
    yaml: str | None = Field(None, description="A scenario as the text of a file.")
    params: dict[str, Any] | None = Field(None, examples=[{"wait": "1s"}], description="Values for its parameters.")
    seed: int | None = Field(
        None, strict=True, examples=[1], description="Seed of its dice; drawn if neither says one."
    )
    clock: ClockSpec | None = Field(None, examples=["manual"], description="Its clock, instead of its own.")


class AddRule(Body):
    """A rule as a scenario file says it: `at`, `when`, `count`, `do`, and perhaps an `id`."""

    model_config = ConfigDict(
        extra="allow", json_schema_extra={"example": {"at": "rcpt", "do": {"reply": "450 4.2.1 Busy"}}}
    )


class Advance(Body):
    """How far to move the clock."""

    by: Duration = Field(examples=["5m"], description="A duration.")


class Release(Body):
    """Which stalled sessions go on; all of them if no name is given."""

    name: str = Field("", examples=["before-greeting"], description="The name of the stall.")


# What is answered


class ScenarioItem(Answer):
    """A scenario of the library. `class` is `legal`, `seen` or `hostile`."""

    name: str
    summary: str
    imitates: str
    class_: str = Field(serialization_alias="class")


class ScenarioDetail(ScenarioItem):
    """A scenario of the library: its parameters and what they are without your saying, as JSON and as its file."""

    params: dict[str, bool | int | float | str]
    scenario: dict[str, Any]
    yaml: str


class ScenarioList(Listing[ScenarioItem]):
    """The scenarios of the library, by name."""


class RuleItem(Answer):
    """A rule and what became of it: how often it was asked, matched and fired, and how near it came when it did not."""

    id: str
    rule: dict[str, Any]
    asked: int
    matched: int
    fired: int
    nearest_miss: str


class RuleList(Listing[RuleItem]):
    """The rules that are in force, in the order in which they are asked."""


class ClockState(Answer):
    """The scenario's clock: `real`, `manual`, or `{"speed": 60}` times as fast as the real one; and what it shows."""

    clock: str | dict[str, float]
    now: datetime


class ScenarioState(Answer):
    """The scenario of an inbox as it stands; `scenario` is as a file would say it, its parameters filled in."""

    inbox: str
    name: str
    scenario: dict[str, Any]
    seed: int
    clock: ClockState
    rules: list[RuleItem]


class Released(Answer):
    """How many sessions were stalled and now go on."""

    released: int


# What is done


def find_inbox(context: Context, name: str) -> Inbox:
    """Find an inbox. Raises `ProblemError` with the nearest name."""
    try:
        return context.inboxes.get(name)
    except KeyError:
        cure = nearest(name, [inbox.name for inbox in context.inboxes]) or "POST /api/inboxes makes one"
        raise ProblemError(NOT_FOUND, f"there is no inbox {name!r}", cure=cure) from None


def read_scenario(context: Context, parameters: InInbox) -> ScenarioState:
    """Show the scenario of an inbox as it stands: its seed, its clock, and its rules with what became of them."""
    return _state(find_inbox(context, parameters.inbox))


def use_scenario(context: Context, parameters: InInbox, body: UseScenario) -> ScenarioState:
    """Make this the scenario of an inbox, with fresh counters; open sessions follow it from their next command on."""
    inbox = find_inbox(context, parameters.inbox)
    clock = None if body.clock is None else make_clock(body.clock)
    inbox.use(_scenario(body), seed=body.seed, clock=clock)
    return _state(inbox)


def remove_scenario(context: Context, parameters: InInbox) -> ScenarioState:
    """Go back to no scenario: everything is accepted, time is real."""
    inbox = find_inbox(context, parameters.inbox)
    inbox.clear()
    return _state(inbox)


def reset_scenario(context: Context, parameters: InInbox, _: Body) -> ScenarioState:
    """Begin the scenario again: counters at zero, dice at their seed, added rules gone, stalls over."""
    inbox = find_inbox(context, parameters.inbox)
    inbox.reset()
    return _state(inbox)


def release_stalls(context: Context, parameters: InInbox, body: Release) -> Released:
    """Let stalled sessions go on."""
    return Released(released=find_inbox(context, parameters.inbox).release(body.name))


def advance_clock(context: Context, parameters: InInbox, body: Advance) -> ClockState:
    """Move a manual clock on, and wake who waited for it."""
    clock = find_inbox(context, parameters.inbox).clock
    if not isinstance(clock, ManualClock):
        cure = 'PUT /api/scenario with "clock": "manual"'
        raise ProblemError(CONFLICT, "the clock of this inbox is not moved by hand", cure=cure)
    clock.advance(body.by)
    return _clock(clock)


def list_rules(context: Context, parameters: InInbox) -> RuleList:
    """List the rules in force, in the order in which they are asked, with what became of them."""
    return RuleList.whole([_rule(state) for state in find_inbox(context, parameters.inbox).director.rules()])


def add_rule(context: Context, parameters: InInbox, body: AddRule) -> RuleItem:
    """Add a rule before the others; it stays until it is removed, or the scenario is reset or replaced."""
    return _rule(find_inbox(context, parameters.inbox).director.add(make_rule(body.model_extra or {})))


def remove_rule(context: Context, parameters: OneRule) -> RuleItem:
    """Take a rule out, and show what had become of it."""
    director = find_inbox(context, parameters.inbox).director
    states = {state.rule.id: state for state in director.rules()}
    if parameters.id not in states:
        cure = nearest(parameters.id, states) or "GET /api/rules lists what there is"
        raise ProblemError(NOT_FOUND, f"there is no rule {parameters.id!r}", cure=cure)
    director.remove(parameters.id)
    return _rule(states[parameters.id])


def list_scenarios(_: Context, __: Parameters) -> ScenarioList:
    """List the scenarios of the library."""
    return ScenarioList.whole([ScenarioItem.model_validate(load(library.path_of(name))) for name in library.names()])


def show_scenario(_: Context, parameters: OneScenario) -> ScenarioDetail:
    """Show a scenario of the library, as JSON and as its file."""
    path = _path(parameters.name, NOT_FOUND)
    scenario = load(path)
    return ScenarioDetail(
        **dict(ScenarioItem.model_validate(scenario)),
        params=scenario.params,
        scenario=scenario.as_data(),
        yaml=path.read_text(encoding="utf-8"),
    )


def _scenario(body: UseScenario) -> Scenario:
    given = [name for name in ("name", "scenario", "yaml") if getattr(body, name) is not None]
    if len(given) != 1:
        said = " and ".join(given) or "nothing"
        cure = "give one of name, scenario (as JSON) and yaml (as text); DELETE goes back to none"
        raise ProblemError(INVALID_BODY, f"the scenario is said by {said}", cure=cure)
    if body.name is not None:
        return load(_path(body.name, INVALID_SCENARIO), params=body.params)
    if body.yaml is not None:
        return loads(body.yaml, name="yaml", params=body.params)
    return from_data(body.scenario or {}, params=body.params)


def _path(name: str, kind: Kind) -> Path:
    known = library.names()
    if name not in known:
        cure = nearest(name, known) or f"there are {', '.join(known)}"
        raise ProblemError(kind, f"there is no scenario {name!r}", cure=cure)
    return library.path_of(name)


def _state(inbox: Inbox) -> ScenarioState:
    director = inbox.director
    return ScenarioState(
        inbox=inbox.name,
        name=director.scenario.name,
        scenario=director.scenario.as_data(),
        seed=inbox.seed,
        clock=_clock(inbox.clock),
        rules=[_rule(state) for state in director.rules()],
    )


def _rule(state: RuleState) -> RuleItem:
    return RuleItem(
        id=state.rule.id,
        rule=state.rule.model_dump(mode="json", by_alias=True, exclude_defaults=True),
        asked=state.asked,
        matched=state.matched,
        fired=state.fired,
        nearest_miss=state.nearest_miss,
    )


def _clock(clock: Clock) -> ClockState:
    kind: str | dict[str, float] = "manual"
    if isinstance(clock, ScaledClock):
        kind = "real" if isinstance(clock, RealClock) else {"speed": clock.speed}
    return ClockState(clock=kind, now=moment(clock.now()))


def _of_inbox(prefix: str) -> tuple[Operation, ...]:
    unfit = (INVALID_SCENARIO,)
    return (
        operation("GET", f"{prefix}/scenario", read_scenario, InInbox, ScenarioState),
        change("PUT", f"{prefix}/scenario", use_scenario, InInbox, UseScenario, ScenarioState, problems=unfit),
        operation("DELETE", f"{prefix}/scenario", remove_scenario, InInbox, ScenarioState),
        change("POST", f"{prefix}/scenario/reset", reset_scenario, InInbox, Body, ScenarioState),
        change("POST", f"{prefix}/scenario/release", release_stalls, InInbox, Release, Released),
        operation("GET", f"{prefix}/rules", list_rules, InInbox, RuleList),
        change("POST", f"{prefix}/rules", add_rule, InInbox, AddRule, RuleItem, status=201, problems=unfit),
        operation("DELETE", f"{prefix}/rules/{{id}}", remove_rule, OneRule, RuleItem),
        change("POST", f"{prefix}/clock/advance", advance_clock, InInbox, Advance, ClockState, problems=(CONFLICT,)),
    )


OPERATIONS = (
    *_of_inbox("/api"),
    operation("GET", "/api/scenarios", list_scenarios, Parameters, ScenarioList),
    operation("GET", "/api/scenarios/{name}", show_scenario, OneScenario, ScenarioDetail),
    *_of_inbox("/api/inboxes/{inbox}"),
)
