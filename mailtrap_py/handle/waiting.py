"""Waiting for mail: which message is meant, and the words for a wait in vain."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypedDict

from mailtrap_py.captured import Message, Session
from mailtrap_py.events import Outcome
from mailtrap_py.pattern import Pattern
from mailtrap_py.scenario.quantities import parse_duration
from mailtrap_py.store import Query

if TYPE_CHECKING:
    from mailtrap_py.events import Transaction
    from mailtrap_py.handle.home import Home, Watch

Seconds = float | str
"""A number of seconds, or a duration as scenarios write it: `500ms`, `2s`, `5m`."""

_LOOKED_AT = 200
_MISSES_SHOWN = 5
_LINES_SHOWN = 20
_BELOW = " " * 12  # how a transcript begins the further lines of a reply


class Wanted(TypedDict, total=False):
    """Which messages are meant: those that fit everything that is given.

    `to` (any recipient of the envelope), `from_` (the envelope's sender, or the From field) are addresses; `subject`,
    `body` (the text or the HTML) and the values of `header` are texts; all in the pattern language of
    `mailtrap_py.pattern`. `match` is asked last: it says so, or asserts. `after`: only what was stored later than that.
    """

    to: str
    from_: str
    subject: str
    header: Mapping[str, str]
    body: str
    match: Callable[[Message], object]
    after: Message


class NotReceivedError(AssertionError):
    """No such message came in time. The text lists what did come, and why it was not meant."""


class UnexpectedMessageError(AssertionError):
    """A message came that was not to come, or one too many."""


def seconds(value: Seconds) -> float:
    """Read a length of time. Raises `ValueError`."""
    return parse_duration(value) if isinstance(value, str) else float(value)


@dataclass(frozen=True)
class Criteria:
    """Which messages are meant: what the record can be asked for, and what has to be looked for in each of them."""

    query: Query = field(default_factory=Query)
    header: Mapping[str, Pattern] = field(default_factory=dict)
    body: Pattern | None = None
    match: Callable[[Message], object] | None = None

    @classmethod
    def of(cls, inbox: str | None, wanted: Wanted) -> Criteria:
        """Read what was asked for. Raises `ValueError` for a bad pattern, `TypeError` for what cannot be asked."""
        if unknown := wanted.keys() - Wanted.__annotations__.keys():
            message = f"{', '.join(sorted(unknown))} cannot be asked for; there is {', '.join(Wanted.__annotations__)}"
            raise TypeError(message)
        body = wanted.get("body")
        return cls(
            Query(
                inbox=inbox,
                to=wanted.get("to"),
                from_=wanted.get("from_"),
                subject=wanted.get("subject"),
                after=wanted["after"].summary.position if "after" in wanted else None,
            ),
            {name: Pattern(value) for name, value in wanted.get("header", {}).items()},
            None if body is None else Pattern(body),
            wanted.get("match"),
        )

    def misses(self, message: Message) -> list[str]:
        """Say why the message is not meant, every difference; nothing if it is. `match` is asked if all else fits."""
        found = [each for each in self.query.misses(message.summary).split("; ") if each]
        for name, pattern in self.header.items():
            values = [value for other, value in message.headers if other.lower() == name.lower()]
            if not any(map(pattern.matches, values)):
                there = " or ".join(map(repr, values)) or "not there"
                found.append(f"header {name} is {there}, not {pattern.text!r}")
        if self.body is not None and not (self.body.matches(message.text) or self.body.matches(message.html)):
            found.append(f"the body has no {self.body.text!r}")
        if self.match is not None and not found:
            try:
                fits = self.match(message)
            except AssertionError as objection:
                found.append(f"match: {str(objection).partition(chr(10))[0] or 'an assertion failed'}")
            else:
                if fits is not None and not fits:
                    found.append("match says no")
        return found

    def __str__(self) -> str:
        """Read as in `to 'bob@example.com', subject 'Welcome'`; empty for any message."""
        query = self.query
        named: list[tuple[str, object]] = [("to", query.to), ("from", query.from_), ("subject", query.subject)]
        named += [(f"header {name}", pattern.text) for name, pattern in self.header.items()]
        named += [("body", self.body.text if self.body else None)]
        words = [f"{name} {value!r}" for name, value in named if value is not None]
        words += [f"match {getattr(self.match, '__name__', self.match)}"] if self.match else []
        return ", ".join(words)


def gather(home: Home, watch: Watch, criteria: Criteria, number: int, deadline: float) -> list[Message]:
    """Give the first so many messages that fit, or as many as came until the deadline (of the monotonic clock)."""
    found: list[Message] = []
    while len(found) < number:
        summary = watch.next(max(0.0, deadline - time.monotonic()))
        if summary is None:
            break
        message = Message(summary, home.record)
        if not criteria.misses(message):
            found.append(message)
    return found


def wait_for(home: Home, watch: Watch, criteria: Criteria, number: int, timeout: Seconds) -> list[Message]:
    """Give so many messages, and say what is wrong when they do not come."""
    __tracebackhide__ = True  # of pytest: the line of the test is what is of interest
    limit = seconds(timeout)
    with watch:
        found = gather(home, watch, criteria, number, time.monotonic() + limit)
    if len(found) < number:
        raise NotReceivedError("\n".join(_explain(home, criteria, limit, number, len(found))))
    return found


def exactly(home: Home, watch: Watch, criteria: Criteria, number: int, timeout: Seconds) -> list[Message]:
    """Give so many messages, and refuse one more that is there already."""
    __tracebackhide__ = True  # of pytest: the line of the test is what is of interest
    limit = seconds(timeout)
    deadline = time.monotonic() + limit
    with watch:
        found = gather(home, watch, criteria, number, deadline)
        more = gather(home, watch, criteria, 1, 0.0) if len(found) == number else []
    if len(found) < number:
        raise NotReceivedError("\n".join(_explain(home, criteria, limit, number, len(found))))
    if more:
        lines = [f"more than {_many(number, 'message')}{_with(criteria)} came:", *(f"  {each!r}" for each in found)]
        raise UnexpectedMessageError("\n".join([*lines, *(f"  {each!r}" for each in more)]))
    return found


def none(home: Home, watch: Watch, criteria: Criteria, within: Seconds) -> None:
    """Refuse any such message that is there, or that comes in time."""
    __tracebackhide__ = True  # of pytest: the line of the test is what is of interest
    limit = seconds(within)
    with watch:
        found = gather(home, watch, criteria, 1, time.monotonic() + limit)
    if found:
        message = found[0]
        lines = [f"a message{_with(criteria)} came:", f"  {message!r}", *_conversation(message.session)]
        raise UnexpectedMessageError("\n".join(lines))


def _explain(home: Home, criteria: Criteria, timeout: float, number: int, came: int) -> Iterator[str]:
    """Say what was wanted, what came instead, the nearest first, and what was said."""
    inbox = home.inbox
    wanted = _many(number, "message") if number > 1 else "no message"
    only = f", only {came}" if came else ""
    did = "did not come" if number > 1 else "came"
    yield f"{wanted}{_with(criteria)} {did} within {timeout:g} s{only}"
    page = home.record.messages(Query(inbox=inbox), limit=_LOOKED_AT)
    misses = [(message, why) for one in page.items if (why := criteria.misses(message := Message(one, home.record)))]
    misses.sort(key=lambda miss: len(miss[1]))
    if misses:
        others = len(misses)
        nearest = f", the nearest {_MISSES_SHOWN} of them" if others > _MISSES_SHOWN else ""
        yield f"{others} came that {'was' if others == 1 else 'were'} not meant{nearest}:"
        yield from (f"  {message!r}: {'; '.join(why)}" for message, why in misses[:_MISSES_SHOWN])
    elif not came:
        yield "none came at all"
    transactions = home.record.transactions(Query(inbox=inbox))
    refused = [one for one in transactions if one.outcome is not Outcome.ACCEPTED]
    yield from (f"  {_tell(one)}" for one in refused[-_MISSES_SHOWN:])
    sessions = home.record.sessions(inbox=inbox, limit=1)
    if sessions.items:
        others = sessions.total - 1
        yield f"the last of {_many(sessions.total, 'session')}:" if others else "the only session:"
        yield from _conversation(Session(sessions.items[0], home.record))
    else:
        yield f"no client has connected to {home.host}:{home.port}: is this where the application sends its mail?"
    if _in_a_loop():
        yield "an event loop runs on this thread and stood still meanwhile: write 'await mailtrap.async_.wait_for(...)'"


def _conversation(session: Session) -> Iterator[str]:
    # Of a reply of several lines the first will do: an EHLO's would push aside what is of interest.
    lines = [line for line in session.transcript.splitlines() if not line.startswith(_BELOW)]
    if len(lines) > _LINES_SHOWN:
        yield f"... {len(lines) - _LINES_SHOWN} lines before"
    yield from lines[-_LINES_SHOWN:]


def _in_a_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def _with(criteria: Criteria) -> str:
    return f" with {criteria}" if str(criteria) else ""


def _many(number: int, thing: str) -> str:
    return f"{number} {thing}{'' if number == 1 else 's'}"


def _tell(one: Transaction) -> str:
    recipients = ", ".join(recipient.address for recipient in one.recipients) or "nobody yet"
    rule = one.rule or next((recipient.rule for recipient in one.recipients if recipient.rule), "")
    said = f"{one.reply or one.reason or 'no reply'}{f' [{rule}]' if rule else ''}"
    return f"{one.outcome} transaction from {one.reverse_path!r} to {recipients}: {said}"
