"""What a rule in Python can say of when and how often it acts: everything that YAML can, typed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypedDict

from mailtrap_py.events import Point
from mailtrap_py.scenario import Count

PointName = (
    Point
    | Literal[
        "connect",
        "tls",
        "ehlo",
        "starttls",
        "auth",
        "mail",
        "rcpt",
        "data",
        "content",
        "message",
        "rset",
        "noop",
        "vrfy",
        "quit",
        "unknown",
        "idle",
        "any",
        "upstream",
    ]
)
At = PointName | Sequence[PointName]
Pattern = str | Sequence[str]
Number = int | str | Sequence[int]
"""A number, a comparison as in `"> 1MB"`, or several numbers, any of which."""
Duration = str
"""A number and a unit: `500ms`, `2s`, `5m`, `1h`, `2d`."""
Wait = str | Mapping[str, object]
"""A duration, or `{"uniform": ["1s", "5s"]}`, or `{"lognormal": {"median": "1s", "sigma": 0.5}}`."""
Per = Literal["scenario", "session", "client", "from", "to", "user", "message_id"]
Condition = Mapping[str, object]
"""Matchers as in YAML: `{"to": "*@example.com"}`."""


class Matchers(TypedDict, total=False):
    """What must be true for a rule to match; everything that is given. What each means is in docs/scenarios.md."""

    from_: Pattern
    to: Pattern
    helo: Pattern
    user: Pattern
    mechanism: Pattern
    client: Pattern
    port: Number
    tls: bool | str | Sequence[str]
    sni: Pattern
    inbox: Pattern
    verb: Pattern
    index: Number
    recipients: Number
    message_number: Number
    session_number: Number
    size: Number
    line: Number
    idle: Duration
    state: Pattern
    upstream: Condition
    header: Mapping[str, Pattern]
    subject: Pattern
    body: Pattern
    all_: Sequence[Condition]
    any_: Sequence[Condition]
    not_: Condition


class Limits(Matchers, total=False):
    """Matchers, and how often a rule fires of the times it matches; `optional`: a test may end without its firing."""

    times: int
    skip: int
    every: int
    nth: int | Sequence[int]
    for_: Duration
    after: Duration
    chance: float | str
    limit: Mapping[str, object]
    concurrent: int
    per: Per | Sequence[Per]
    optional: bool
    id: str


_COUNTS = frozenset(field.alias or name for name, field in Count.model_fields.items())
_RULE = frozenset({"optional", "id"})

Action = str | Mapping[str, object]
"""A reply (`"450 4.2.0 Busy"`), a bare word (`"accept"`), or an action as in YAML (`{"close": "reset"}`)."""


def as_data(at: At, actions: Sequence[Action], limits: Mapping[str, Any]) -> dict[str, Any]:
    """Write a rule as YAML would; words that Python keeps have an underscore here."""
    named = {name.removesuffix("_"): value for name, value in limits.items()}
    data: dict[str, Any] = {name: named.pop(name) for name in _RULE & named.keys()}
    data["at"] = str(at) if isinstance(at, str) else [str(point) for point in at]
    data["do"] = [_action(one) for one in actions]
    if when := {name: _plain(value) for name, value in named.items() if name not in _COUNTS}:
        data["when"] = when
    if count := {name: _plain(value) for name, value in named.items() if name in _COUNTS}:
        data["count"] = count
    return data


def _action(one: Action) -> object:
    return {"reply": one} if isinstance(one, str) and one[:1].isdigit() else one


def _plain(value: object) -> object:
    return list(value) if isinstance(value, tuple) else value
