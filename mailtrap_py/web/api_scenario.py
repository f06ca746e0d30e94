"""The API's scenarios: what goes wrong in an inbox, its clock, and the library to choose from.

Each route stands twice: under `/api` for the default inbox (or the one named by `inbox=`), and under
`/api/inboxes/{inbox}`. A scenario is named, or given whole; never as a path, because a file of this machine is not for
whoever reaches this port to read.
"""

from __future__ import annotations

from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from mailtrap_py.clock import ManualClock, RealClock, ScaledClock
from mailtrap_py.inbox import DEFAULT, make_clock
from mailtrap_py.scenario import library
from mailtrap_py.scenario.load import from_data, load, loads
from mailtrap_py.scenario.mistakes import nearest
from mailtrap_py.scenario.model import ClockSpec
from mailtrap_py.scenario.quantities import Duration
from mailtrap_py.web.api import change, operation
from mailtrap_py.web.bodies import Answer, Listing, RuleItem, moment
from mailtrap_py.web.parameters import Body, Parameters
from mailtrap_py.web.problems import CONFLICT, INVALID_BODY, INVALID_SCENARIO, NOT_FOUND, ProblemError

if TYPE_CHECKING:
    from pathlib import Path

    from mailtrap_py.clock import Clock
    from mailtrap_py.inbox import Inbox
    from mailtrap_py.scenario import Scenario
    from mailtrap_py.web.api import Operation
    from mailtrap_py.web.context import Context
    from mailtrap_py.web.problems import Kind


# What is asked


class InInbox(Parameters):
    """Which inbox."""

    name_something: ClassVar[bool] = True
    inbox: str = Field(DEFAULT, min_length=1, examples=[DEFAULT], description="The inbox.")


class OneScenario(Parameters):
    """Which scenario of the library."""

    name: str


class GivenScenario(Body):
    """A scenario: `name` of one in the library, or one given whole as `scenario` or as `yaml`."""

    name: str | None = Field(None, examples=["greylisting"], description="A scenario of the library.")
    scenario: dict[str, Any] | None = Field(None, description="A scenario as JSON, as a file would say it.")
    yaml: str | None = Field(None, description="A scenario as the text of a file.")
    params: dict[str, Any] | None = Field(None, examples=[{"wait": "1s"}], description="Values for its parameters.")


class UseScenario(GivenScenario):
    """The scenario to use, and the dice and the clock that it is to have."""

    seed: int | None = Field(
        None, strict=True, examples=[1], description="Seed of its dice; drawn if neither says one."
    )
    clock: ClockSpec | None = Field(None, examples=["manual"], description="Its clock, instead of its own.")


class Advance(Body):
    """How far to move the clock."""

    by: Duration = Field(examples=["5m"], description="A duration.")


class Release(Body):
    """Which stalled sessions go on; all of them if no name is given."""

    name: str = Field("", examples=["before-greeting"], description="The name of the stall.")
    for_good: bool = Field(default=False, strict=True, description="Those that come later do not stall either.")


# What is answered


class ScenarioItem(Answer):
    """A scenario of the library. `class` is `legal`, `seen` or `hostile`."""

    name: str
    summary: str
    imitates: str
    class_: str = Field(serialization_alias="class")


class CheckedScenario(ScenarioItem):
    """A scenario that can be used: its parameters, and itself as JSON, the parameters filled in."""

    params: dict[str, bool | int | float | str]
    scenario: dict[str, Any]


class ScenarioDetail(CheckedScenario):
    """A scenario of the library: its parameters and what they are without your saying, as JSON and as its file."""

    yaml: str


class ScenarioList(Listing[ScenarioItem]):
    """The scenarios of the library, by name."""


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
    return Released(released=find_inbox(context, parameters.inbox).release(body.name, for_good=body.for_good))


def advance_clock(context: Context, parameters: InInbox, body: Advance) -> ClockState:
    """Move a manual clock on, and wake who waited for it."""
    clock = find_inbox(context, parameters.inbox).clock
    if not isinstance(clock, ManualClock):
        cure = 'PUT /api/scenario with "clock": "manual"'
        raise ProblemError(CONFLICT, "the clock of this inbox is not moved by hand", cure=cure)
    clock.advance(body.by)
    return _clock(clock)


def list_scenarios(_: Context, __: Parameters) -> ScenarioList:
    """List the scenarios of the library."""
    return ScenarioList.whole([ScenarioItem.model_validate(each) for each in shipped()])


@cache
def shipped() -> tuple[Scenario, ...]:
    """Give the scenarios of the library; they are read once, for they are part of the program."""
    return tuple(load(library.path_of(name)) for name in library.names())


def check_scenario(_: Context, __: Parameters, body: GivenScenario) -> CheckedScenario:
    """Say whether a scenario can be used, and how it is understood; nothing changes."""
    return CheckedScenario(**_told(_scenario(body)))


def show_scenario(_: Context, parameters: OneScenario) -> ScenarioDetail:
    """Show a scenario of the library, as JSON and as its file."""
    path = _path(parameters.name, NOT_FOUND)
    scenario = load(path)
    return ScenarioDetail(**_told(scenario), yaml=path.read_text(encoding="utf-8"))


def _told(scenario: Scenario) -> dict[str, Any]:
    return {
        **dict(ScenarioItem.model_validate(scenario)),
        "params": scenario.params,
        "scenario": scenario.as_data(),
    }


def _scenario(body: GivenScenario) -> Scenario:
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
        rules=[RuleItem.of(state) for state in director.rules()],
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
        change("POST", f"{prefix}/clock/advance", advance_clock, InInbox, Advance, ClockState, problems=(CONFLICT,)),
    )


OPERATIONS = (
    *_of_inbox("/api"),
    operation("GET", "/api/scenarios", list_scenarios, Parameters, ScenarioList),
    change(
        "POST",
        "/api/scenarios/check",
        check_scenario,
        Parameters,
        GivenScenario,
        CheckedScenario,
        problems=(INVALID_SCENARIO,),
    ),
    operation("GET", "/api/scenarios/{name}", show_scenario, OneScenario, ScenarioDetail),
    *_of_inbox("/api/inboxes/{inbox}"),
)
