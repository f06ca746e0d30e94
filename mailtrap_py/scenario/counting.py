"""How often a rule fires: what is written (`Count`), and what is remembered while it runs (`Counter`).

Matches are counted apart for each scope. A match is due when everything that is said holds: it is beyond `skip`, it is
the right one of `every` or `nth`, the time since the scope's first match lies within `after` and `for`, fewer than
`times` have fired, it exceeds `limit` and `concurrent`, and, drawn last, chance has it.
"""

from __future__ import annotations

import re
from collections import OrderedDict, deque
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Self

from pydantic import Field, PlainSerializer, PlainValidator, WithJsonSchema, model_validator

from mailtrap_py.quantities import format_duration
from mailtrap_py.scenario.blanks import Blank, OrBlank
from mailtrap_py.scenario.mistakes import Mistake, Mistakes
from mailtrap_py.scenario.quantities import Duration
from mailtrap_py.scenario.values import OneOrMore, Value, Whole, as_number

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mailtrap_py.scenario.facts import Facts
    from mailtrap_py.scenario.waits import Dice

SCOPES_REMEMBERED = 10_000
"""So many scopes (clients, recipients, …) a rule remembers; of more, the one unseen for longest is forgotten."""

_DEALT = re.compile(r"\s*(?P<hits>[0-9]{1,9})\s+of\s+(?P<of>[0-9]{1,9})\s*")


class Scope(StrEnum):
    """What has a counter of its own."""

    SCENARIO = "scenario"
    SESSION = "session"
    CLIENT = "client"
    FROM = "from"
    TO = "to"
    USER = "user"
    MESSAGE_ID = "message_id"


@dataclass(frozen=True, slots=True)
class Chance:
    """A probability (`of` is 0), or exactly `hits` out of every `of` matches, in an order that chance decides."""

    hits: float
    of: int = 0

    @classmethod
    def parse(cls, value: object) -> Self:
        """Read `0.2` or `5 of 100`. Raises `Mistake`."""
        if isinstance(value, cls):
            return value
        if isinstance(value, str) and (found := _DEALT.fullmatch(value)):
            hits, of = int(found["hits"]), int(found["of"])
            if 0 < of >= hits:
                return cls(hits, of)
        number = as_number(value)
        if isinstance(number, int | float) and not isinstance(number, bool) and 0 <= number <= 1:
            return cls(float(number))
        raise Mistake(f"{value!r} is not a chance", "write 0.2, from 0 to 1, or '5 of 100', which is dealt exactly")

    def written(self) -> str | float:
        """Write it as `parse` reads it."""
        return f"{self.hits:.0f} of {self.of}" if self.of else self.hits


_CHANCE_SCHEMA = {
    "anyOf": [
        {"type": "number", "minimum": 0, "maximum": 1},
        {"type": "string", "pattern": r"^\s*[0-9]{1,9}\s+of\s+[0-9]{1,9}\s*$"},
        {"type": "string", "pattern": r"^[0-9]{0,15}\.?[0-9]{1,20}$"},
    ],
    "examples": [0.2, "5 of 100"],
}


class LimitSpec(Value):
    """So many in so long are let through."""

    n: Whole = Field(ge=1, le=10_000, description="So many matches do not fire.")
    window: Duration = Field(gt=0, description="In any stretch of so long.")


class Count(Value):
    """Which of the matches fire. What is said is joined by *and*."""

    times: Annotated[int | Blank, OrBlank(Annotated[Whole, Field(ge=1)])] | None = Field(
        default=None, description="The first so many."
    )
    skip: Whole | None = Field(default=None, ge=0, description="Not the first so many.")
    every: Whole | None = Field(default=None, ge=1, description="Each so-manieth: 4 is the 4th, the 8th, …")
    nth: Annotated[tuple[Annotated[Whole, Field(ge=1)], ...], Field(min_length=1), OneOrMore()] | None = Field(
        default=None, description="Just these: [2, 5]."
    )
    for_: Duration | None = Field(default=None, gt=0, description="For so long from the first match on.")
    after: Duration | None = Field(default=None, description="Not until so long after the first match.")
    chance: (
        Annotated[Chance, PlainValidator(Chance.parse), PlainSerializer(Chance.written), WithJsonSchema(_CHANCE_SCHEMA)]
        | None
    ) = Field(default=None, description="0.2, drawn each time; or '5 of 100', dealt exactly.")
    limit: LimitSpec | None = Field(
        default=None,
        description="{n: 10, window: 60s}: what exceeds ten in any minute; the ten do not fire.",
    )
    concurrent: Whole | None = Field(default=None, ge=0, description="While more sessions than so many are open.")
    per: Annotated[tuple[Scope, ...], Field(min_length=1), OneOrMore()] = Field(
        default=(Scope.SCENARIO,), description="What has a counter of its own; several together, if it is a list."
    )

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if found := list(self._contradictions()):
            raise Mistakes(found)
        return self

    def _contradictions(self) -> Iterator[Mistake]:
        said = [name for name, field in type(self).model_fields.items() if getattr(self, name) != field.default]
        if said in ([], ["per"]):
            ways = ", ".join(name.removesuffix("_") for name in type(self).model_fields if name != "per")
            yield Mistake("a count says how often", f"write one of {ways}", ("per",))
        if others := [name for name in ("times", "skip", "every") if self.nth and name in said]:
            cure = f"leave '{others[0]}' out"
            yield Mistake(f"'nth' says which matches fire, and '{others[0]}' says it again", cure, (others[0],))
        if self.for_ is not None and self.after is not None and self.for_ <= self.after:
            longer = format_duration(self.after)
            yield Mistake("it is over before it begins", f"both run from the first match: more than {longer}", ("for",))
        if len(set(self.per)) < len(self.per) or (Scope.SCENARIO in self.per and len(self.per) > 1):
            yield Mistake("a scope is said twice", "write each once, and 'scenario' only alone", ("per",))


@dataclass(slots=True)
class Tally:
    """What is remembered of one scope."""

    first: float
    matched: int = 0
    fired: int = 0
    cards: int = 0
    hits: int = 0
    passed: deque[float] = field(default_factory=deque)


Tallies = OrderedDict[object, Tally]


class Counter:
    """The matches of one rule, in each of its scopes."""

    def __init__(self, count: Count, dice: Dice) -> None:
        """Begin with nothing counted."""
        self._count = count
        self._dice = dice
        self.tallies: Tallies = OrderedDict()
        """What is remembered of each scope. Whoever keeps it elsewhere puts something of their own here."""
        per = tuple(scope for scope in count.per if scope is not Scope.SCENARIO)
        self._key: Callable[[Facts], object] = (lambda facts: tuple(map(facts.scope, per))) if per else (lambda _: ())

    def holds_back(self, facts: Facts, now: float) -> str:
        """Count a match, and say why it is not due: empty when it is, and then it has fired."""
        tallies = self.tallies
        key = self._key(facts)
        tally = tallies.get(key)
        if tally is None:
            tally = tallies[key] = Tally(now)
            if len(tallies) > SCOPES_REMEMBERED:
                tallies.popitem(last=False)
        else:
            tallies.move_to_end(key)
        tally.matched += 1
        why = (
            self._within_the_limit(tally, now)
            or self._not_too_many(facts)
            or self._not_its_turn(tally, facts)
            or self._not_its_time(now - tally.first)
            or self._not_its_luck(tally)
        )
        tally.fired += not why
        return why

    def _within_the_limit(self, tally: Tally, now: float) -> str:
        limit = self._count.limit
        if limit is None:
            return ""
        passed = tally.passed
        while passed and now - passed[0] >= limit.window:
            passed.popleft()
        if len(passed) >= limit.n:
            return ""
        passed.append(now)
        return f"count: this was number {len(passed)} in {format_duration(limit.window)}, and {limit.n} are let through"

    def _not_too_many(self, facts: Facts) -> str:
        limit = self._count.concurrent
        there = facts.event.open_sessions
        if limit is None or there > limit:
            return ""
        return f"count: {there} sessions are open, and not more than {limit}"

    def _not_its_turn(self, tally: Tally, facts: Facts) -> str:
        count = self._count
        number = tally.matched - (count.skip or 0)
        if number <= 0:
            return f"count: the first {count.skip} are skipped"
        if count.every is not None and number % count.every:
            return f"count: only every {count.every}th match fires, and this was match {tally.matched}"
        if count.nth is not None and number not in count.nth:
            return f"count: match {tally.matched} is not one of nth: {list(count.nth)}"
        times = count.times.whole(facts.groups) if isinstance(count.times, Blank) else count.times
        if times is not None and tally.fired >= times:
            return f"count: it has fired {tally.fired} times"
        return ""

    def _not_its_time(self, passed: float) -> str:
        count = self._count
        if count.after is not None and passed < count.after:
            return f"count: {format_duration(count.after)} after the first match have not passed"
        if count.for_ is not None and passed >= count.for_:
            return f"count: {format_duration(count.for_)} from the first match are over"
        return ""

    def _not_its_luck(self, tally: Tally) -> str:
        chance = self._count.chance
        if chance is None:
            return ""
        if not chance.of:
            return "" if self._dice.random() < chance.hits else "count: chance decided against it"
        if not tally.cards:
            tally.cards, tally.hits = chance.of, int(chance.hits)
        # A shuffled deck, dealt from the top: the next card is a hit as likely as hits are among the cards left.
        hit = self._dice.random() * tally.cards < tally.hits
        tally.cards -= 1
        tally.hits -= hit
        return "" if hit else "count: chance dealt it to another match"
