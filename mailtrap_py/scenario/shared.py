"""A director that shares with others, in other programs, what it counts: "fail the first two" means two in all.

Whatever it decides it decides in its turn: the state of the story and the counters are read first and written down
after, and nobody else decides meanwhile. It costs two questions to a database for each event that a rule could act on;
an inbox that shares nothing has an ordinary director, and pays nothing.
"""

from __future__ import annotations

import json
import logging
from collections import OrderedDict, deque
from typing import TYPE_CHECKING, Any, Protocol

from mailtrap_py.scenario.counting import Tally
from mailtrap_py.scenario.director import Decision, Director, RuleState

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from mailtrap_py.events import Event
    from mailtrap_py.scenario.model import Rule, Scenario
    from mailtrap_py.scenario.waits import Dice

_LOG = logging.getLogger("mailtrap_py.scenario")


class Turn(Protocol):
    """What is remembered together, for as long as nobody else can change it. `data` is kept as it is at the end."""

    data: dict[str, Any]
    changed: bool

    def recall(self, key: str) -> Any | None:  # noqa: ANN401 - whatever JSON can hold
        """Give what was noted under a key."""

    def note(self, key: str, data: object) -> None:
        """Note something under a key."""

    def forget(self) -> None:
        """Forget all notes."""


class Ledger(Protocol):
    """Where it is remembered."""

    def turn(self) -> AbstractContextManager[Turn]:
        """Wait for this one's turn. Raises `ConnectionError` when nothing can be remembered now."""


class SharedDirector(Director):
    """A director whose counters, state and added rules others have, too."""

    generation = 0
    """Which edition of the ledger's scenario and rules this one has."""

    def __init__(
        self,
        scenario: Scenario,
        *,
        now: Callable[[], float],
        dice: Dice,
        ledger: Ledger,
        newest: Callable[[Turn], SharedDirector],
    ) -> None:
        """Begin with what the ledger says. `newest` gives the director that is on, should another have put one on."""
        super().__init__(scenario, now=now, dice=dice)
        self._ledger = ledger
        self._newest = newest

    def decide(self, event: Event) -> Decision | None:
        """Ask the rules, with what everybody has counted. When that is out of reach, with what was counted here."""
        if not self.listens(event.point):
            return None
        try:
            with self._ledger.turn() as turn:
                return self._newest(turn).decide_in(turn, event)
        except ConnectionError:
            _LOG.exception("the counters that are shared cannot be reached; those of this program count")
            return super().decide(event)

    def decide_in(self, turn: Turn, event: Event) -> Decision | None:
        """Ask the rules in a turn of this one's."""
        self._read(turn)
        counting = [state for state in self._by_point.get(event.point, ()) if state.rule.count is not None]
        memories = [Memories(turn, state) for state in counting]
        decision = super().decide(event)
        for state, memory in zip(counting, memories, strict=True):
            memory.write()
            state.remember_in(OrderedDict(memory))  # in case that the next decision has to be made alone
        self._write(turn)
        return decision

    def rules(self) -> tuple[RuleState, ...]:
        """Give every rule with what became of it everywhere."""
        try:
            with self._ledger.turn() as turn:
                return self._newest(turn).rules_in(turn)
        except ConnectionError:
            return super().rules()

    def rules_in(self, turn: Turn) -> tuple[RuleState, ...]:
        """Give every rule in a turn of this one's."""
        self._read(turn)
        return super().rules()

    def add(self, rule: Rule, *, first: bool = True) -> RuleState:
        """Add a rule, everywhere; one that comes last is for this program alone, and others have their own."""
        if not first:
            return super().add(rule, first=False)
        with self._ledger.turn() as turn:
            newest = self._newest(turn)
            state = Director.add(newest, rule)
            turn.data["added"].append(state.rule.model_dump(mode="json", by_alias=True, exclude_defaults=True))
            _tell(newest, turn)
        return state

    def remove(self, rule_id: str) -> None:
        """Take a rule out, everywhere."""
        with self._ledger.turn() as turn:
            newest = self._newest(turn)
            Director.remove(newest, rule_id)
            turn.data["added"] = [rule for rule in turn.data["added"] if rule["id"] != rule_id]
            turn.data["removed"].append(rule_id)
            _tell(newest, turn)

    def reset(self) -> None:
        """Set every counter to zero, everywhere."""
        super().reset()
        with self._ledger.turn() as turn:
            turn.forget()
            turn.data["rules"] = {}
            self._write(turn)

    def _read(self, turn: Turn) -> None:
        self.state = turn.data["state"]
        rules = turn.data["rules"]
        for state in self._states:
            state.take(rules.get(state.rule.id))

    def _write(self, turn: Turn) -> None:
        turn.data["state"] = self.state
        turn.data["rules"].update({state.rule.id: state.as_data() for state in self._states})


def _tell(director: SharedDirector, turn: Turn) -> None:
    """Let the others know that the rules are not what they were."""
    turn.data["generation"] += 1
    director.generation = turn.data["generation"]
    turn.changed = True


class Memories(OrderedDict[object, Tally]):
    """The tallies of one rule in a turn: read when they are asked for, and written down at the end."""

    def __init__(self, turn: Turn, state: RuleState) -> None:
        """Stand in for what the rule's counter remembers."""
        super().__init__()
        self._turn = turn
        self._rule = state.rule.id
        state.remember_in(self)

    def get(self, key: object, default: Any = None) -> Any:  # noqa: ANN401 - a mapping's signature
        """Recall the tally of a scope."""
        data = self._turn.recall(self._key(key))
        if data is None:
            return default
        first, matched, fired, cards, hits, passed = data
        tally = self[key] = Tally(first, matched, fired, cards, hits, deque(passed))
        return tally

    def write(self) -> None:
        """Note what has become of the tallies."""
        for key, tally in self.items():
            data = [tally.first, tally.matched, tally.fired, tally.cards, tally.hits, list(tally.passed)]
            self._turn.note(self._key(key), data)

    def _key(self, scope: object) -> str:
        return json.dumps([self._rule, scope])
