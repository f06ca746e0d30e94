"""The scenario at work: an event comes in, the actions of the first rule that matches and is due come out.

Pure but for what it counts: the time and the dice are handed in. `decide` belongs to the event loop; everything else
may be called from any thread.
"""

from __future__ import annotations

import itertools
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mailtrap_py.errors import ScenarioError
from mailtrap_py.events import Point
from mailtrap_py.scenario.actions import SetState
from mailtrap_py.scenario.counting import Counter
from mailtrap_py.scenario.facts import Facts
from mailtrap_py.scenario.match import all_parts, compile_groups, compile_when, picked_out
from mailtrap_py.scenario.mistakes import nearest
from mailtrap_py.scenario.points import COMMANDS, names_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from mailtrap_py.events import Event
    from mailtrap_py.scenario.action import Action
    from mailtrap_py.scenario.counting import Tallies
    from mailtrap_py.scenario.model import Rule, Scenario
    from mailtrap_py.scenario.waits import Dice


@dataclass(frozen=True, slots=True)
class Decision:
    """A rule fired, for the `number`th time, from 1: do these, in this order.

    They are ready: `${to}` and its like are filled in, and what was left to chance is drawn.
    """

    rule: str
    number: int
    actions: tuple[Action, ...]


class RuleState:
    """A rule and what became of it so far. It is live: read it again, and it says what has happened since."""

    __slots__ = (
        "_closest",
        "_conditions",
        "_counter",
        "_dice",
        "_groups",
        "_miss",
        "_passed_over",
        "asked",
        "fills",
        "fired",
        "matched",
        "rule",
    )

    def __init__(self, rule: Rule, dice: Dice) -> None:
        """Begin with nothing counted."""
        self.rule = rule
        self._dice = dice
        self._conditions = compile_when(rule.when)
        self._groups = compile_groups(rule.when)
        self.fills = any("${" in action.describe() for action in rule.do)
        """Whether its actions have anything to fill in."""
        self.reset()

    def reset(self) -> None:
        """Forget what happened."""
        self.asked = 0
        """How many events it was asked about."""
        self.matched = 0
        """How many of these it matched."""
        self.fired = 0
        """How often it fired: it matched, and was due."""
        self._passed_over = 0
        self._closest = -1
        self._miss = ""
        self._counter = None if self.rule.count is None else Counter(self.rule.count, self._dice)

    def ask(self, facts: Facts, now: Callable[[], float]) -> bool:
        """Say whether it fires, and count it."""
        self.asked += 1
        held = 0
        for condition in self._conditions:
            if not condition.holds(facts):
                if held > self._closest and not self.fired:
                    self._closest = held
                    self._miss = condition.differs(facts)
                return False
            held += 1
        self.matched += 1
        facts.groups = picked_out(self._groups, facts) if self._groups else {}
        if self._counter is not None and (why := self._counter.holds_back(facts, now())):
            self._closest = held
            self._miss = why
            return False
        self.fired += 1
        return True

    def as_data(self) -> list[int | str]:
        """Give what became of it, but for its tallies."""
        return [self.asked, self.matched, self.fired, self._passed_over, self._closest, self._miss]

    def take(self, data: list[Any] | None) -> None:
        """Take what became of it elsewhere; None is nothing so far."""
        self.asked, self.matched, self.fired, self._passed_over, self._closest, self._miss = data or (
            0,
            0,
            0,
            0,
            -1,
            "",
        )

    def remember_in(self, tallies: Tallies) -> None:
        """Keep the tallies of its counter there from now on."""
        if self._counter is not None:
            self._counter.tallies = tallies

    def pass_over(self) -> None:
        """Take note that an earlier rule fired."""
        self._passed_over += 1

    @property
    def nearest_miss(self) -> str:
        """Why it never fired: what came closest to it, and what differed. Empty once it has fired."""
        if self.fired:
            return ""
        if self.asked:
            return self._miss
        where = " or ".join(self.rule.at)
        if self._passed_over:
            return f"an earlier rule fired every time a session came to {where}"
        return f"no session came to {where}"


class Director:
    """The rules of a scenario, with their counters."""

    def __init__(self, scenario: Scenario, *, now: Callable[[], float], dice: Dice) -> None:
        """Begin with every counter at zero. `now` gives seconds on the scenario's clock."""
        self.scenario = scenario
        self.state = scenario.state
        """That of the story: what `when: {state: ...}` asks about, and `set` changes."""
        self.dice = dice
        self._now = now
        self._lock = threading.Lock()
        self._added = itertools.count(1)
        # Replaced, never changed: `decide` reads them while another thread adds a rule.
        self._states: tuple[RuleState, ...] = ()
        self._by_point: Mapping[Point, tuple[RuleState, ...]] = {}
        self._arrange(RuleState(rule, dice) for rule in scenario.rules)

    def _arrange(self, states: Iterable[RuleState]) -> None:
        self._states = tuple(states)
        self._by_point = {
            point: there
            for point in Point
            if (there := tuple(state for state in self._states if _acts_at(state.rule, point)))
        }

    def listens(self, point: Point) -> bool:
        """Tell whether any rule could act there: if none could, there is no need to ask."""
        return point in self._by_point

    def decide(self, event: Event) -> Decision | None:
        """Ask the rules of the event's point in their order; the first that matches and is due fires, and is counted.

        `None`: go on as if there were no scenario.
        """
        states = self._by_point.get(event.point)
        if states is None:
            return None
        facts = Facts(event, self.state)
        for number, state in enumerate(states):
            if state.ask(facts, self._now):
                for later in states[number + 1 :]:
                    later.pass_over()
                names = {**names_of(event), **facts.groups} if state.fills else {}
                actions = tuple(action.ready(names, self.dice) for action in state.rule.do)
                for action in actions:
                    if isinstance(action, SetState):
                        self.state = action.set.state
                return Decision(state.rule.id, state.fired, actions)
        return None

    def idle_limits(self) -> tuple[float, ...]:
        """Give the silences, in seconds, at which a rule at `idle` could fire, the shortest first."""
        states = self._by_point.get(Point.IDLE, ())
        limits = {when.idle for state in states for when in all_parts(state.rule.when)}
        return tuple(sorted(limit for limit in limits if limit is not None))

    def asks_for_sni(self) -> bool:
        """Tell whether a rule at `tls` wants to know which name the client asks a certificate for."""
        states = self._by_point.get(Point.TLS, ())
        return any(when.sni is not None for state in states for when in all_parts(state.rule.when))

    def content_marks(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Give the octets and the lines of content at which a rule at `content` could begin to match, in order.

        Zero octets: before anything of the message has come.
        """
        sizes: set[int] = set()
        lines: set[int] = set()
        for state in self._by_point.get(Point.CONTENT, ()):
            whens = tuple(all_parts(state.rule.when))
            there = {mark for when in whens if when.size is not None for mark in when.size.beginnings}
            below = {mark for when in whens if when.line is not None for mark in when.line.beginnings}
            sizes |= there or (set() if below else {0})
            lines |= below
        return tuple(sorted(sizes)), tuple(sorted(lines))

    def rules(self) -> tuple[RuleState, ...]:
        """Give every rule, in the order in which they are asked, with what became of it."""
        return self._states

    def add(self, rule: Rule, *, first: bool = True) -> RuleState:
        """Add a rule before the others, or after them. Raises `ScenarioError` when its id is taken."""
        with self._lock:
            taken = {state.rule.id for state in self._states}
            if not rule.id:
                names = (f"added-{number}" for number in self._added)
                rule = rule.model_copy(update={"id": next(name for name in names if name not in taken)})
            elif rule.id in taken:
                raise ScenarioError(f"there is a rule {rule.id!r} already", cure="give the new one another id, or none")
            state = RuleState(rule, self.dice)
            self._arrange((state, *self._states) if first else (*self._states, state))
        return state

    def remove(self, rule_id: str) -> None:
        """Take a rule out. Raises `ScenarioError` when there is none of that id."""
        with self._lock:
            left = tuple(state for state in self._states if state.rule.id != rule_id)
            if len(left) == len(self._states):
                ids = [state.rule.id for state in self._states]
                cure = nearest(rule_id, ids) or (f"the rules are {', '.join(ids)}" if ids else "there are no rules")
                raise ScenarioError(f"there is no rule {rule_id!r}", cure=cure)
            self._arrange(left)

    def reset(self) -> None:
        """Set every counter to zero, those of rules that were added too, and go back to the first state."""
        with self._lock:
            self.state = self.scenario.state
            for state in self._states:
                state.reset()


def _acts_at(rule: Rule, point: Point) -> bool:
    return point in rule.at or (Point.ANY in rule.at and point in COMMANDS)
