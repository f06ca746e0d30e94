"""The API's waits: a long poll that ends when the mail is there, or that says what came in its place."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Annotated

from pydantic import AfterValidator, Field
from starlette.concurrency import run_in_threadpool

from mailtrap_py.message import view
from mailtrap_py.pattern import Pattern
from mailtrap_py.quantities import format_duration
from mailtrap_py.scenario.quantities import Duration
from mailtrap_py.store import Query
from mailtrap_py.web.api import operation
from mailtrap_py.web.bodies import MessageItem, NewMessages
from mailtrap_py.web.filters import LAST_POSITION, MOST_AT_ONCE, Search
from mailtrap_py.web.live import BusClosedError
from mailtrap_py.web.problems import BAD_PARAMETER, NOT_READY, NOTHING_CAME, TOO_MANY, Miss, ProblemError

if TYPE_CHECKING:
    from mailtrap_py.store import MessageSummary
    from mailtrap_py.web.context import Context
    from mailtrap_py.web.live import Reader

LONGEST_WAIT = 600.0
"""Seconds that one request may wait: long enough for a slow test, short enough not to outlive a run."""

_LOOKED_AT = 200
_NEAREST = 5
_FIELD = re.compile(r"([!-9;-~]+)\s*(?::\s*(.*))?\Z", re.DOTALL)  # RFC 5322, section 2.2: a name is printable ASCII


def _not_too_long(seconds: float) -> float:
    if seconds > LONGEST_WAIT:
        message = f"{format_duration(seconds)} is too long: write {format_duration(LONGEST_WAIT)} at most"
        raise ValueError(message)
    return seconds


def _header(text: str) -> str:
    found = _FIELD.match(text)
    if found is None:
        message = f"{text!r} names no field: write 'X-Order' or 'X-Order: 4711'"
        raise ValueError(message)
    Pattern(found[2] or "")  # raises ValueError, in words, for what is no regular expression
    return text


class WaitForMessages(Search):
    """A filter, how many messages are to fit it, and how long they may take."""

    header: list[Annotated[str, AfterValidator(_header)]] = Field(
        default=[], examples=[["X-Order: 4711"]], description="A field that it has, and what that contains; several."
    )
    timeout: Annotated[Duration, AfterValidator(_not_too_long)] = Field(
        "10s", validate_default=True, examples=["10s"], description="How long to wait; 0s looks once."
    )
    count: int = Field(1, ge=1, le=MOST_AT_ONCE, examples=[1], description="How many messages to wait for.")
    exactly: int | None = Field(
        None, ge=0, le=MOST_AT_ONCE, examples=[1], description="So many and no more; 0: none within the timeout."
    )
    settle: Annotated[Duration, AfterValidator(_not_too_long)] = Field(
        "500ms", validate_default=True, description="How long `exactly` looks on for more, when so many are there."
    )
    after: int | None = Field(None, ge=0, le=LAST_POSITION, description="Only messages later than this `cursor`.")

    def wanted(self) -> str:
        """Say what is waited for, for people."""
        names = ("inbox", "to", "from_", "subject", "session", "search")
        asked = [(name.rstrip("_"), value) for name in names if (value := getattr(self, name)) is not None]
        asked += [("header", each) for each in self.header]
        return ", ".join(f"{name} {value!r}" for name, value in asked)


class Watch:
    """Those who fit: found in the record, and in the news. Its methods block, for they read the record."""

    def __init__(self, context: Context, parameters: WaitForMessages) -> None:
        """Look for nothing yet."""
        self._store = context.store
        self.query = parameters.query(parameters.after)
        self._fields = [(found[1], found[2] or "") for each in parameters.header if (found := _FIELD.match(each))]
        self.found: dict[str, MessageSummary] = {}

    @property
    def reads_content(self) -> bool:
        """Whether the octets of a message are needed to say whether it fits."""
        return bool(self._fields)

    def look(self) -> None:
        """Find those that are in the record."""
        page = self._store.messages(self.query, limit=MOST_AT_ONCE)
        self.found = {message.id: message for message in reversed(page.items) if not any(self._lacks(message))}

    def take(self, message: MessageSummary) -> None:
        """Take a new message, if it fits."""
        if not any(self._lacks(message)):
            self.found[message.id] = message

    def misses(self, message: MessageSummary) -> str:
        """Say why a message does not fit; empty if it does."""
        found = list(filter(None, [self.query.misses(message), *self._lacks(message)]))
        if not found and message.id not in self.found:  # only the record can say who has a text
            found.append(f"{self.query.text!r} is nowhere in it")
        return "; ".join(found)

    def _lacks(self, message: MessageSummary) -> list[str]:
        if not self._fields:
            return []
        headers = view(self._store.raw(message.id) or b"").headers
        found = []
        for name, text in self._fields:
            values = [value for other, value in headers if other.lower() == name.lower()]
            if not values:
                found.append(f"it has no {name}")
            elif text and not any(map(Pattern(text).matches, values)):
                found.append(f"{name} is {' or '.join(map(repr, values))}, not {text!r}")
        return found


async def wait_for_messages(context: Context, parameters: WaitForMessages) -> NewMessages:
    """Wait until so many messages fit the filter, those that are there included, and give all that do."""
    if parameters.exactly is not None and "count" in parameters.model_fields_set:
        cure = "count waits for so many or more, exactly for so many and no more"
        raise ProblemError(BAD_PARAMETER, "count and exactly contradict each other", cure=cure)
    deadline = asyncio.get_running_loop().time() + parameters.timeout
    reader = context.bus.reader()  # before the record is read, so that nothing falls between
    watch = Watch(context, parameters)
    await run_in_threadpool(watch.look)
    try:
        await (_so_many if parameters.exactly is None else _exactly)(watch, reader, parameters, deadline)
    except TimeoutError:
        if len(watch.found) != parameters.exactly:
            raise await run_in_threadpool(_nothing_came, context, parameters, watch) from None
    except BusClosedError:
        raise ProblemError(NOT_READY, "the server is shutting down", cure="start it again") from None
    items = [MessageItem.model_validate(message) for message in watch.found.values()]
    after = None if parameters.after is None else str(parameters.after)
    return NewMessages(items=items, next_cursor=items[-1].cursor if items else after, total=len(items))


async def _so_many(watch: Watch, reader: Reader, parameters: WaitForMessages, deadline: float) -> None:
    async with asyncio.timeout_at(deadline):
        while len(watch.found) < parameters.count:
            await _read(watch, reader)


async def _exactly(watch: Watch, reader: Reader, parameters: WaitForMessages, deadline: float) -> None:
    """Look on until the time is over: a while after the last one came, or the whole of it where none is to come."""
    wanted, settled = parameters.exactly or 0, 0.0
    async with asyncio.timeout_at(deadline) as limit:
        while len(watch.found) <= wanted:
            if len(watch.found) == wanted > 0:
                settled = settled or asyncio.get_running_loop().time() + parameters.settle
                limit.reschedule(min(settled, deadline))
            else:
                settled = 0.0
                limit.reschedule(deadline)
            await _read(watch, reader)
    late = list(watch.found.values())[wanted:]
    misses = [Miss(id=each.id, why=f"{each.subject!r} to {', '.join(each.recipients)} came, too") for each in late]
    words = parameters.wanted()
    raise ProblemError(
        TOO_MANY,
        f"{_counted(len(watch.found), 'message')} {f'with {words} ' if words else ''}came, not {wanted or 'none'}",
        cure=misses[0].why,
        misses=misses,
    )


async def _read(watch: Watch, reader: Reader) -> None:
    news = await reader.read()
    fresh = [each.message for each in news.announcements if each.message and watch.query.matches(each.message)]
    gone = news.missed or any(each.kind == "deleted" for each in news.announcements)
    if gone or (fresh and watch.query.text is not None):
        await run_in_threadpool(watch.look)
        return
    for message in fresh:
        if watch.reads_content:
            await run_in_threadpool(watch.take, message)
        else:
            watch.take(message)


def _nothing_came(context: Context, parameters: WaitForMessages, watch: Watch) -> ProblemError:
    """Say what was waited for, and which mail came instead, the most similar first."""
    came, wanted, words = len(watch.found), parameters.exactly or parameters.count, parameters.wanted()
    seen = context.store.messages(Query(inbox=parameters.inbox), limit=_LOOKED_AT)
    misses = [Miss(id=message.id, why=why) for message in seen.items if (why := watch.misses(message))]
    misses = sorted(misses, key=lambda miss: miss.why.count("; "))[:_NEAREST]
    detail = (
        f"{_counted(came, 'message')} {f'with {words} ' if words else ''}"
        f"came within {format_duration(parameters.timeout)}"
        f"{f', not {wanted}' if wanted > 1 else ''}"
    )
    if misses:
        cure = f"the nearest of {seen.total}: {misses[0].why}"
    elif came:
        cure = "all that came is in GET /api/messages"
    elif sessions := context.store.sessions(inbox=parameters.inbox, limit=1).total:
        cure = f"{_counted(sessions, 'session')} brought no message: GET /api/sessions says why"
    else:
        cure = "no client has connected: is this the server that the application sends to?"
    return ProblemError(NOTHING_CAME, detail, cure=cure, misses=misses)


def _counted(number: int, what: str) -> str:
    return f"{number or 'no'} {what}{'' if number == 1 else 's'}"


OPERATIONS = (
    operation(
        "GET",
        "/api/messages/wait",
        wait_for_messages,
        WaitForMessages,
        NewMessages,
        problems=(NOTHING_CAME, NOT_READY, TOO_MANY),
    ),
)
