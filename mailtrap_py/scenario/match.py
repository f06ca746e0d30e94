"""Which events a rule is about. Matching and explaining are one function: an event matches when nothing differs.

`When` is what is written; `compile_when` makes of it the conditions that must hold, the cheap ones first, so that a
message is only read when everything else about it fits.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Self

from pydantic import Field, model_validator

from mailtrap_py.quantities import format_duration
from mailtrap_py.scenario.facts import Facts
from mailtrap_py.scenario.mistakes import Mistake, Path
from mailtrap_py.scenario.patterns import Addresses, Codes, Networks, Texts, TlsVersions, Words, code_matches
from mailtrap_py.scenario.points import declared_size
from mailtrap_py.scenario.quantities import Comparison, Duration
from mailtrap_py.scenario.values import OneOrMore, Text, Value

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from mailtrap_py.events import Event
    from mailtrap_py.pattern import Pattern
    from mailtrap_py.scenario.patterns import Word


_Names = Annotated[tuple[Text, ...], Field(min_length=1), OneOrMore()]


class UpstreamWhen(Value):
    """What the real server has said."""

    code: Codes = Field(description="A code (451) or a class of codes (4xx), or a list, any of which.")


class When(Value):
    """What must be true of an event. Several keys in one are joined by *and*; a list after one key means any of it."""

    from_: Addresses | None = Field(default=None, description="The reverse-path; '' is the null sender.")
    to: Addresses | None = Field(default=None, description="The recipient; from `data` on, any of them.")
    helo: Texts | None = Field(default=None, description="The name given with EHLO or HELO.")
    user: Addresses | None = Field(default=None, description="The AUTH user name.")
    mechanism: Words | None = Field(default=None, description="The AUTH mechanism, as in PLAIN.")
    client: Networks | None = Field(default=None, description="The client's address, or a network it is in.")
    port: Comparison | None = Field(default=None, description="The port that the client came to.")
    tls: TlsVersions | None = Field(default=None, description="Whether there is TLS, or which version, as in TLSv1.2.")
    sni: Texts | None = Field(default=None, description="The host name that the client asks a certificate for.")
    inbox: Addresses | None = Field(default=None, description="The name of the inbox.")
    verb: Words | None = Field(default=None, description="The command, as in RSET.")
    index: Comparison | None = Field(default=None, description="Which RCPT of its transaction it is, from 1.")
    recipients: Comparison | None = Field(default=None, description="How many recipients were accepted so far.")
    message_number: Comparison | None = Field(default=None, description="Which message of its session, from 1.")
    session_number: Comparison | None = Field(default=None, description="Which session of its inbox, from 1.")
    size: Comparison | None = Field(default=None, description="Octets; before the message came, those declared.")
    line: Comparison | None = Field(default=None, description="How many lines of the content have come.")
    idle: Duration | None = Field(default=None, gt=0, description="So long there was no command.")
    state: _Names | None = Field(default=None, description="The state of the scenario, as `set` left it.")
    upstream: UpstreamWhen | None = Field(default=None, description="What the real server has said: {code: 4xx}.")
    header: Annotated[dict[str, Texts], Field(min_length=1)] | None = Field(
        default=None, description="Header fields by name, decoded; if there are several, any of them."
    )
    subject: Texts | None = Field(default=None, description="The decoded Subject.")
    body: Texts | None = Field(default=None, description="The decoded text of the message, plain or HTML.")
    all_: Annotated[tuple[When, ...], Field(min_length=1)] | None = Field(
        default=None, description="Every one of these."
    )
    any_: Annotated[tuple[When, ...], Field(min_length=1)] | None = Field(
        default=None, description="At least one of these."
    )
    not_: When | None = Field(default=None, description="Not this.")

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if all(getattr(self, name) is None for name in type(self).model_fields):
            raise Mistake("nothing is asked for, so it always matches", "leave 'when' out, or write a matcher")
        return self

    def __str__(self) -> str:
        """Read as it is written, on one line."""
        return _flow(self.model_dump(mode="json", by_alias=True, exclude_none=True))


def _flow(value: object) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_flow(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list):
        return _flow(value[0]) if len(value) == 1 else "[" + ", ".join(map(_flow, value)) + "]"
    return str(value) or "''"


def parts_with_paths(when: When | None, path: Path = ()) -> Iterator[tuple[Path, When]]:
    """Go through a `when` and everything inside it, each with where it stands."""
    if when is None:
        return
    yield path, when
    for key, parts in (("all", when.all_), ("any", when.any_)):
        for number, part in enumerate(parts or ()):
            yield from parts_with_paths(part, (*path, key, number))
    yield from parts_with_paths(when.not_, (*path, "not"))


def all_parts(when: When | None) -> Iterator[When]:
    """Go through a `when` and everything inside it."""
    return (part for _, part in parts_with_paths(when))


@dataclass(frozen=True, slots=True)
class Condition:
    """One thing that must hold, and the words for it when it does not."""

    holds: Callable[[Facts], bool]
    differs: Callable[[Facts], str]


def compile_when(when: When | None) -> tuple[Condition, ...]:
    """Prepare the conditions that must all hold; none at all, if there is no `when`."""
    return () if when is None else tuple(_conditions(when))


def group_names(when: When | None) -> frozenset[str]:
    """Collect the names of what the regular expressions of a `when` pick out."""
    return frozenset(name for _, pattern in compile_groups(when) for name in pattern.group_names)


Group = tuple["Callable[[Facts], tuple[str, ...]]", "Pattern"]


def compile_groups(when: When | None) -> tuple[Group, ...]:
    """Prepare what the named groups of a `when` are picked out of."""
    return tuple(
        (read, pattern)
        for part in all_parts(when)
        for matcher, read in _PICKED.items()
        for pattern in getattr(part, matcher) or ()
        if pattern.group_names
    )


def picked_out(groups: tuple[Group, ...], facts: Facts) -> dict[str, str]:
    """Give what the named groups pick out of an event; a group that picks nothing gives an empty text."""
    found = {name: "" for _, pattern in groups for name in pattern.group_names}
    for read, pattern in groups:
        for value in read(facts):
            found |= {name: text for name, text in pattern.groups(value).items() if not found[name]}
    return found


_PICKED: Mapping[str, Callable[[Facts], tuple[str, ...]]] = {
    "from_": lambda facts: (facts.event.reverse_path or "",),
    "to": lambda facts: facts.to,
    "helo": lambda facts: (facts.event.helo,),
    "user": lambda facts: (facts.event.user,),
    "inbox": lambda facts: (facts.event.inbox,),
    "sni": lambda facts: (facts.event.sni,),
    "subject": lambda facts: (facts.view.subject,),
}
"""The matchers whose named groups can be filled in."""


def first_difference(conditions: tuple[Condition, ...], facts: Facts) -> int:
    """Count the conditions that hold before the first that does not; -1 when all hold."""
    for number, condition in enumerate(conditions):
        if not condition.holds(facts):
            return number
    return -1


def difference(when: When | None, event: Event) -> str:
    """Say in what the event is not one of those meant; empty when it is."""
    conditions = compile_when(when)
    facts = Facts(event)
    number = first_difference(conditions, facts)
    return "" if number < 0 else conditions[number].differs(facts)


def _conditions(when: When) -> Iterator[Condition]:
    for name, make in _MAKERS.items():
        if (wanted := getattr(when, name)) is not None:
            yield from make(name.rstrip("_"), wanted)


def _text(read: Callable[[Facts], str | None]) -> Callable[[str, tuple[Pattern | Word, ...]], Iterator[Condition]]:
    """Match one text, `None` when it is not known."""

    def make(label: str, patterns: tuple[Pattern | Word, ...]) -> Iterator[Condition]:
        matches = _any_of(patterns)

        def holds(facts: Facts) -> bool:
            value = read(facts)
            return value is not None and matches(value)

        def differs(facts: Facts) -> str:
            value = read(facts)
            return f"{label} is not known" if value is None else f"{label} is {value!r}, not {_words(patterns)}"

        yield Condition(holds, differs)

    return make


def _any_of(patterns: tuple[Pattern | Word, ...]) -> Callable[[str], bool]:
    if len(patterns) == 1:
        return patterns[0].matches
    return lambda value: any(pattern.matches(value) for pattern in patterns)


def _words(patterns: Iterable[Pattern | Word]) -> str:
    return " or ".join(repr(pattern.text) for pattern in patterns)


def _to(_: str, patterns: tuple[Pattern, ...]) -> Iterator[Condition]:
    matches = _any_of(patterns)

    def holds(facts: Facts) -> bool:
        recipient = facts.event.recipient
        if recipient is not None:
            return matches(recipient)
        return any(map(matches, facts.event.recipients))

    def differs(facts: Facts) -> str:
        there = ", ".join(map(repr, facts.to))
        return f"to is {there}, not {_words(patterns)}" if there else "to is not known"

    yield Condition(holds, differs)


def _number(read: Callable[[Facts], int | None]) -> Callable[[str, Comparison], Iterator[Condition]]:
    """Compare one number, `None` when it is not known."""

    def make(label: str, wanted: Comparison) -> Iterator[Condition]:
        def holds(facts: Facts) -> bool:
            value = read(facts)
            return value is not None and wanted.matches(value)

        def differs(facts: Facts) -> str:
            value = read(facts)
            return f"{label} is not known" if value is None else f"{label} is {value}, not {wanted}"

        yield Condition(holds, differs)

    return make


def _tls(_: str, wanted: bool | tuple[Word, ...]) -> Iterator[Condition]:  # noqa: FBT001 - as it is written
    def differs(facts: Facts) -> str:
        there = facts.event.tls or "not there"
        return f"tls is {there}" if isinstance(wanted, bool) else f"tls is {there}, not {_words(wanted)}"

    if isinstance(wanted, bool):
        yield Condition(lambda facts: bool(facts.event.tls) is wanted, differs)
    else:
        matches = _any_of(wanted)
        yield Condition(lambda facts: matches(facts.event.tls), differs)


def _idle(_: str, wanted: float) -> Iterator[Condition]:
    yield Condition(
        lambda facts: facts.event.silent >= wanted,
        lambda facts: f"it was silent for {format_duration(facts.event.silent)}, not for {format_duration(wanted)}",
    )


def _state(_: str, states: tuple[str, ...]) -> Iterator[Condition]:
    among = frozenset(states)
    yield Condition(
        lambda facts: facts.state in among,
        lambda facts: f"state is {facts.state!r}, not {' or '.join(map(repr, states))}",
    )


def _upstream(_: str, wanted: UpstreamWhen) -> Iterator[Condition]:
    def holds(facts: Facts) -> bool:
        reply = facts.event.upstream_reply
        return reply is not None and any(code_matches(code, reply.code) for code in wanted.code)

    def differs(facts: Facts) -> str:
        reply = facts.event.upstream_reply
        return f"upstream said {reply.code}, not {' or '.join(wanted.code)}" if reply else "upstream has said nothing"

    yield Condition(holds, differs)


def _client(_: str, networks: Networks) -> Iterator[Condition]:
    def holds(facts: Facts) -> bool:
        address = facts.client
        return address is not None and any(address in network for network in networks)

    yield Condition(holds, lambda facts: f"client is {facts.event.client!r}, not {' or '.join(map(str, networks))}")


def _header(_: str, wanted: Mapping[str, tuple[Pattern, ...]]) -> Iterator[Condition]:
    for name, patterns in wanted.items():
        yield _field(name, patterns)


def _field(name: str, patterns: tuple[Pattern, ...]) -> Condition:
    matches = _any_of(patterns)
    folded = name.casefold()

    def values(facts: Facts) -> list[str]:
        return [value for there, value in facts.view.headers if there.casefold() == folded]

    def differs(facts: Facts) -> str:
        there = ", ".join(map(repr, values(facts)))
        return f"header {name} is {there}, not {_words(patterns)}" if there else f"there is no header {name}"

    return Condition(lambda facts: any(map(matches, values(facts))), differs)


def _body(_: str, patterns: tuple[Pattern, ...]) -> Iterator[Condition]:
    matches = _any_of(patterns)
    yield Condition(
        lambda facts: matches(facts.view.text) or matches(facts.view.html),
        lambda _: f"the body has no {_words(patterns)}",
    )


def _all(_: str, parts: tuple[When, ...]) -> Iterator[Condition]:
    for part in parts:
        yield from _conditions(part)


def _any(_: str, parts: tuple[When, ...]) -> Iterator[Condition]:
    compiled = tuple(map(compile_when, parts))

    def differs(facts: Facts) -> str:
        said = (conditions[first_difference(conditions, facts)].differs(facts) for conditions in compiled)
        return f"not any of them: {'; '.join(said)}"

    yield Condition(lambda facts: any(first_difference(each, facts) < 0 for each in compiled), differs)


def _not(_: str, part: When) -> Iterator[Condition]:
    conditions = compile_when(part)
    yield Condition(
        lambda facts: first_difference(conditions, facts) >= 0, lambda _: f"it is what 'not' leaves out: {part}"
    )


_MAKERS: Mapping[str, Callable[[str, Any], Iterator[Condition]]] = {
    "state": _state,
    "tls": _tls,
    "idle": _idle,
    "upstream": _upstream,
    "port": _number(lambda facts: facts.event.port),
    "line": _number(lambda facts: facts.event.lines),
    "message_number": _number(lambda facts: facts.event.message_number),
    "session_number": _number(lambda facts: facts.event.session_number),
    "index": _number(lambda facts: facts.event.index or None),
    "recipients": _number(lambda facts: len(facts.event.recipients)),
    "size": _number(lambda facts: declared_size(facts.event)),
    "sni": _text(lambda facts: facts.event.sni),
    "verb": _text(lambda facts: facts.event.verb),
    "mechanism": _text(lambda facts: facts.event.mechanism),
    "inbox": _text(lambda facts: facts.event.inbox),
    "helo": _text(lambda facts: facts.event.helo),
    "user": _text(lambda facts: facts.event.user),
    "from_": _text(lambda facts: facts.event.reverse_path),
    "to": _to,
    "client": _client,
    "all_": _all,
    "not_": _not,
    "any_": _any,
    "subject": _text(lambda facts: facts.view.subject),
    "header": _header,
    "body": _body,
}
"""Every matcher, the cheap ones first."""
