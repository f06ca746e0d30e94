"""What is well formed and makes no sense: the surprises that a rule could spring while it runs, found beforehand.

Each check yields `Mistake`s with the path below the rule or the scenario it was given.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailtrap_py.events import Point
from mailtrap_py.scenario.action import Action
from mailtrap_py.scenario.actions import Accept, Discard, Note, Pass, Raw, SendReply, SetState, names_in
from mailtrap_py.scenario.counting import Count, Scope
from mailtrap_py.scenario.faults import Tls, TlsFault
from mailtrap_py.scenario.manners import Manner
from mailtrap_py.scenario.match import When, all_parts, group_names, parts_with_paths
from mailtrap_py.scenario.mistakes import Mistake, Path, nearest
from mailtrap_py.scenario.points import COMMANDS, KNOWN, NAMES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mailtrap_py.scenario.expectation import Expectation
    from mailtrap_py.scenario.model import Rule

_ANY_OF = frozenset({"state", "from_", "to", "helo", "user", "mechanism", "inbox", "verb", "subject", "body"})
_SILENT = frozenset({Point.CONTENT, Point.IDLE})  # where nothing is said by itself
_ALWAYS_KNOWN = {Scope.SCENARIO: frozenset(Point), Scope.SESSION: frozenset(Point)}


def check_rule(rule: Rule) -> Iterator[Mistake]:
    """Find what makes no sense in one rule."""
    if len(set(rule.at)) < len(rule.at):
        yield Mistake("a point is named twice", "write each once", ("at",))
    if Point.IDLE in rule.at and not any(when.idle is not None for when in all_parts(rule.when)):
        yield Mistake("nothing says how long the silence has lasted", "write as in 'when: {idle: 10s}'", ("at",))
    if rule.when is not None:
        yield from _check_matchers(rule.at, rule.when)
    for name in sorted(group_names(rule.when) & set(NAMES)):
        yield Mistake(f"${{{name}}} stands for something else already", "give the group another name", ("when",))
    if rule.count is not None:
        yield from _check_scopes(rule.at, rule.count)
    yield from _check_actions(rule.at, rule.do)


def _points_that_know(fact: str) -> str:
    return ", ".join(point for point in Point if fact in KNOWN[point])


def _unknown_at(at: tuple[Point, ...], fact: str) -> Point | None:
    return next((point for point in at if fact not in KNOWN[point]), None)


def _check_matchers(at: tuple[Point, ...], when: When) -> Iterator[Mistake]:
    for path, part in parts_with_paths(when, ("when",)):
        for name, field in When.model_fields.items():
            key = field.alias or name
            known = key in {"all", "any", "not"} or getattr(part, name) is None
            if not known and (point := _unknown_at(at, key)):
                problem = f"'{key}' is not known at {point}"
                yield Mistake(problem, f"it is known at {_points_that_know(key)}", (*path, key), about_key=True)


def _check_scopes(at: tuple[Point, ...], count: Count) -> Iterator[Mistake]:
    for scope in count.per:
        if scope not in _ALWAYS_KNOWN and (point := _unknown_at(at, scope)):
            problem = f"'{scope}' is not known at {point}, so nothing can be counted by it"
            yield Mistake(problem, f"it is known at {_points_that_know(scope)}", ("count", "per"))


def _check_actions(at: tuple[Point, ...], do: tuple[Action, ...]) -> Iterator[Mistake]:
    ended: Action | None = None
    for number, action in enumerate(do):
        path: Path = ("do", number)
        if ended is not None:
            cure = "write 'stay: true' beside the 421" if isinstance(ended, SendReply) else "put it before"
            yield Mistake(f"nothing can come after '{ended.key}'", cure, path)
        if action.ends:
            ended = action
        if any(type(action) is type(earlier) for earlier in do[:number]) and isinstance(action, SendReply):
            yield Mistake("a command has one reply", "write several lines in one reply, or send more with 'raw'", path)
        if point := next((point for point in at if point not in action.only_at), None):
            yield Mistake(f"'{action.key}' makes no sense at {point}", _where(action.only_at), path)
        if isinstance(action, Manner):
            yield from _check_manner(at, action, do[:number], do[number + 1 :], path)
        if isinstance(action, Tls) and action.tls is TlsFault.INJECT and Point.TLS in at:
            yield Mistake("the 220 is on its way already", "write 'at: starttls'", (*path, action.key))
        yield from _check_names(at, action, (*path, action.key))
    kinds: set[type[Action]] = {type(action) for action in do}
    if Accept in kinds and Discard in kinds:
        yield Mistake("a message is stored or it is not", "write 'accept' or 'discard'", ("do",))
    if Pass in kinds and kinds - {Pass, Note}:
        yield Mistake("'pass' does nothing, so nothing else can be done", "leave 'pass' out, or the others", ("do",))


def _where(points: frozenset[Point]) -> str:
    others = [point for point in Point if point not in points]
    if len(others) < len(points):
        return f"it can stand anywhere but at {' or '.join(others)}"
    return f"it belongs to {' or '.join(point for point in Point if point in points)}"


def _check_manner(
    at: tuple[Point, ...], action: Action, before: tuple[Action, ...], after: tuple[Action, ...], path: Path
) -> Iterator[Mistake]:
    """See to it that there is a reply whose manner it could be."""
    if any(isinstance(other, SendReply | Raw) for other in after):
        return
    if any(isinstance(other, SendReply | Raw) for other in before):
        yield Mistake(f"'{action.key}' shapes the reply that comes after it", "put it before the reply", path)
    elif point := next((point for point in at if point in _SILENT), None):
        yield Mistake(f"there is no reply at {point} that '{action.key}' could shape", "write one after it", path)


def _check_names(at: tuple[Point, ...], action: Action, path: Path) -> Iterator[Mistake]:
    for name in sorted(names_in(action) & set(NAMES)):
        if point := _unknown_at(at, name):
            yield Mistake(f"${{{name}}} is not known at {point}", f"it is known at {_points_that_know(name)}", path)


def check_rules(rules: tuple[Rule, ...]) -> Iterator[Mistake]:
    """Find rules that share a name, and rules that can never be reached."""
    seen: dict[str, int] = {}
    for number, rule in enumerate(rules):
        if rule.id in seen:
            cure = f"it is also that of the rule at position {seen[rule.id] + 1}; every firing is recorded by it"
            yield Mistake(f"the id {rule.id!r} is taken", cure, ("rules", number, "id"))
        seen.setdefault(rule.id, number)
        shadows = {point: _shadow(rules[:number], rule, point) for point in rule.at}
        if None not in shadows.values():
            first = next(iter(shadows.values()))
            problem = f"rule {rule.id!r} can never be reached: rule {first!r} always fires before it"
            yield Mistake(problem, "put it first, or give the other a 'when' or a 'count'", ("rules", number))


def check_states(first: str, rules: tuple[Rule, ...]) -> Iterator[Mistake]:
    """Find questions for a state that the scenario is never in."""
    states = [first, *(action.set.state for rule in rules for action in rule.do if isinstance(action, SetState))]
    named = ", ".join(repr(state) for state in dict.fromkeys(states))
    for number, rule in enumerate(rules):
        for path, when in parts_with_paths(rule.when, ("rules", number, "when")):
            for state in when.state or ():
                if state not in states:
                    cure = f"{nearest(state, states)} Its states are: {named}".lstrip()
                    yield Mistake(f"the scenario is never in the state {state!r}", cure, (*path, "state"))


def check_expectations(rules: tuple[Rule, ...], expect: tuple[Expectation, ...]) -> Iterator[Mistake]:
    """Find expectations of rules that are not there."""
    ids = [rule.id for rule in rules]
    for number, expectation in enumerate(expect):
        for name in expectation.fired or ():
            if name not in ids:
                cure = nearest(name, ids) or (f"the rules are: {', '.join(ids)}" if ids else "there are no rules")
                yield Mistake(f"there is no rule {name!r}", cure, ("expect", number, "fired", name), about_key=True)


def _shadow(earlier: tuple[Rule, ...], rule: Rule, point: Point) -> str | None:
    for other in earlier:
        covers = point in other.at or (Point.ANY in other.at and point in COMMANDS)
        if covers and other.count is None and _includes(other.when, rule.when):
            return other.id
    return None


def _includes(wide: When | None, narrow: When | None) -> bool:
    """Tell whether whatever matches the narrow one matches the wide one; not always found out, never wrong."""
    if wide is None or narrow is None:
        return wide is None
    for name in When.model_fields:
        asked, there = getattr(wide, name), getattr(narrow, name)
        if asked is None or asked == there:
            continue
        if there is None:
            return False
        if (name == "idle" and asked <= there) or (name in _ANY_OF and set(there) <= set(asked)):
            continue
        return False
    return True
