"""The API's messages: list, read, wait, delete. Reading never changes anything; nothing is deleted by accident."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Annotated
from urllib.parse import quote

from pydantic import AfterValidator, Field
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from mailtrap_py.message import view
from mailtrap_py.pattern import Kind, Pattern
from mailtrap_py.scenario.quantities import Duration, format_duration
from mailtrap_py.store import Query
from mailtrap_py.web.api import operation
from mailtrap_py.web.bodies import (
    Deleted,
    HeaderItem,
    HeaderList,
    MessageDetail,
    MessageItem,
    MessageList,
    NewMessages,
    PartItem,
    TransactionItem,
    writable,
)
from mailtrap_py.web.live import BusClosedError
from mailtrap_py.web.parameters import Parameters
from mailtrap_py.web.problems import BAD_PARAMETER, NOT_FOUND, NOT_READY, NOTHING_CAME, Miss, ProblemError

if TYPE_CHECKING:
    from mailtrap_py.message import Part, View
    from mailtrap_py.store import MessageSummary
    from mailtrap_py.web.context import Context

LONGEST_WAIT = 600.0
"""Seconds that one request may wait: long enough for a slow test, short enough not to outlive a run."""

MOST_AT_ONCE = 1000
"""Messages that one answer holds at most."""

# Captured mail is hostile: what shows it may run nothing, load nothing and be nobody (CSP, section 6.3, `sandbox`).
_SANDBOX = "sandbox; default-src 'none'; frame-ancestors 'self'"
_HTML_SANDBOX = f"{_SANDBOX}; img-src data:; style-src 'unsafe-inline'; font-src data:; media-src data:"

_LOOKED_AT = 200
_NEAREST = 5
_TOKEN = r"[A-Za-z0-9!#$&^_.+-]+"  # noqa: S105 - a token of RFC 9110, section 5.6.2
_MEDIA_TYPE = re.compile(rf"{_TOKEN}/{_TOKEN}")
_CHARSET = re.compile(_TOKEN)
_UNSAFE_IN_NAMES = re.compile(r"[^A-Za-z0-9._ -]")


def _pattern(kind: Kind) -> AfterValidator:
    def check(text: str) -> str:
        Pattern(text, kind)  # raises ValueError, in words, for what is no regular expression
        return text

    return AfterValidator(check)


AddressPattern = Annotated[str, _pattern("address")]
TextPattern = Annotated[str, _pattern("text")]


class Filter(Parameters):
    """Which messages are meant: those that fit all that is given."""

    inbox: str | None = Field(None, min_length=1, examples=["default"], description="The inbox that holds it.")
    to: Annotated[AddressPattern, Field(min_length=1)] | None = Field(
        None, examples=["bob@example.com"], description="Any envelope recipient: an address, `*@example.com`, `/re/`."
    )
    from_: AddressPattern | None = Field(
        None,
        alias="from",
        examples=["*@example.com"],
        description="The reverse-path, or an address of the From field; empty for the null sender.",
    )
    subject: Annotated[TextPattern, Field(min_length=1)] | None = Field(
        None, examples=["Welcome"], description="What the decoded subject contains; or with `*` and `?`; or `/re/`."
    )
    session: str | None = Field(None, min_length=1, description="The id of the session that brought it.")

    def query(self, after: int | None = None) -> Query:
        """Ask the store for it."""
        return Query(self.inbox, self.to, self.from_, self.subject, self.session, after)


class ListMessages(Filter):
    """A filter, and which part of the list is wanted."""

    limit: int = Field(50, ge=1, le=MOST_AT_ONCE, examples=[50], description="How many at most.")
    cursor: int | None = Field(None, ge=0, description="The `next_cursor` of the part before.")


def _not_too_long(seconds: float) -> float:
    if seconds > LONGEST_WAIT:
        message = f"{format_duration(seconds)} is too long: write {format_duration(LONGEST_WAIT)} at most"
        raise ValueError(message)
    return seconds


class WaitForMessages(Filter):
    """A filter, how many messages are to fit it, and how long they may take."""

    timeout: Annotated[Duration, AfterValidator(_not_too_long)] = Field(
        "10s", validate_default=True, examples=["10s"], description="How long to wait; 0s looks once."
    )
    count: int = Field(1, ge=1, le=MOST_AT_ONCE, examples=[1], description="How many messages to wait for.")
    after: int | None = Field(None, ge=0, description="Only messages later than this `cursor`.")


class DeleteMessages(Filter):
    """A filter; or, in so many words, everything."""

    all: bool = Field(default=False, examples=[True], description="Delete everything (in that inbox).")


class OneMessage(Parameters):
    """Which message."""

    id: str


class OnePart(OneMessage):
    """Which part of which message."""

    index: int = Field(examples=[1], description="The `index` of the part.")


def list_messages(context: Context, parameters: ListMessages) -> MessageList:
    """List messages, newest first; bodies are not in it."""
    return MessageList.part(
        context.store.messages(parameters.query(), limit=parameters.limit, before=parameters.cursor)
    )


def read_message(context: Context, parameters: OneMessage) -> MessageDetail:
    """Show a message with all that can be read in it."""
    summary, mail = _summary(context, parameters.id), _view(context, parameters.id)
    transactions = context.store.transactions(session_id=summary.session_id)
    transaction = next((each for each in transactions if each.message_id == summary.id), None)
    return MessageDetail(
        **dict(MessageItem.model_validate(summary)),
        headers=_headers(mail),
        text=mail.text,
        html=mail.html,
        links=list(mail.links),
        codes=list(mail.codes),
        parts=[PartItem.model_validate(part) for part in mail.parts],
        defects=list(mail.defects),
        transaction=None if transaction is None else TransactionItem.model_validate(transaction),
    )


def read_raw(context: Context, parameters: OneMessage) -> Response:
    """Give the exact octets that were captured, un-dotted."""
    return file(parameters.id, _raw(context, parameters.id), "message/rfc822", f"{parameters.id}.eml")


def read_text(context: Context, parameters: OneMessage) -> Response:
    """Give what the message says as plain text."""
    return _shown(parameters.id, _view(context, parameters.id).text, "text/plain", _SANDBOX)


def read_html(context: Context, parameters: OneMessage) -> Response:
    """Give the HTML as it was sent, in a sandbox in which nothing runs and nothing is fetched."""
    html = _view(context, parameters.id).html
    if not html:
        cure = f"GET /api/messages/{parameters.id}/text has what it says"
        raise ProblemError(NOT_FOUND, f"message {parameters.id!r} has no HTML", cure=cure)
    return _shown(parameters.id, html, "text/html", _HTML_SANDBOX)


def read_headers(context: Context, parameters: OneMessage) -> HeaderList:
    """List every field of the header, in order."""
    return HeaderList.whole(_headers(_view(context, parameters.id)))


def read_part(context: Context, parameters: OnePart) -> Response:
    """Give the decoded content of a part, to be saved and not shown."""
    parts = _view(context, parameters.id).parts
    if not 0 <= parameters.index < len(parts):
        there = "0 only" if len(parts) == 1 else f"0 to {len(parts) - 1}"
        raise ProblemError(
            NOT_FOUND, f"message {parameters.id!r} has no part {parameters.index}", cure=f"it has {there}"
        )
    part = parts[parameters.index]
    return file(f"{parameters.id}-{part.index}", part.data, _media_type(part), part.filename or f"part-{part.index}")


def delete_message(context: Context, parameters: OneMessage) -> Deleted:
    """Delete one message; its session and its transaction stay in the record."""
    if not context.store.delete_message(parameters.id):
        raise _no_message(parameters.id)
    return Deleted(deleted=1)


def delete_messages(context: Context, parameters: DeleteMessages) -> Deleted:
    """Delete the messages that fit the filter; everything only with `all=true`."""
    chosen = {"to", "from_", "subject", "session"} & parameters.model_fields_set
    if parameters.all and chosen:
        cure = "leave out all=true to delete what fits the filter, or the filter to delete everything"
        raise ProblemError(BAD_PARAMETER, "all=true and a filter contradict each other", cure=cure)
    if not parameters.all and not chosen:
        cure = "give to, from, subject or session; or all=true to delete everything"
        raise ProblemError(BAD_PARAMETER, "this would delete everything", cure=cure)
    return Deleted(deleted=context.store.delete_messages(parameters.query()))


async def wait_for_messages(context: Context, parameters: WaitForMessages) -> NewMessages:
    """Wait until so many messages fit the filter, those that are there included, and give all that do."""
    deadline = asyncio.get_running_loop().time() + parameters.timeout
    query = parameters.query(parameters.after)
    reader = context.bus.reader()  # before the store is asked, so that nothing falls between
    found = await run_in_threadpool(_found, context, query)
    try:
        async with asyncio.timeout_at(deadline):
            while len(found) < parameters.count:
                news = await reader.read()
                if news.missed:
                    found = await run_in_threadpool(_found, context, query)
                for each in news.announcements:
                    if each.kind == "deleted":
                        found = await run_in_threadpool(_found, context, query)
                    elif each.message is not None and query.matches(each.message):
                        found[each.id] = each.message
    except TimeoutError:
        raise await run_in_threadpool(_nothing_came, context, parameters, len(found)) from None
    except BusClosedError:
        raise ProblemError(NOT_READY, "the server is shutting down", cure="start it again") from None
    items = [MessageItem.model_validate(message) for message in found.values()]
    return NewMessages(items=items, next_cursor=items[-1].cursor, total=len(items))


def _found(context: Context, query: Query) -> dict[str, MessageSummary]:
    page = context.store.messages(query, limit=MOST_AT_ONCE)
    return {message.id: message for message in reversed(page.items)}


def _nothing_came(context: Context, parameters: WaitForMessages, came: int) -> ProblemError:
    """Say what was waited for, and which mail came instead, the most similar first."""
    query = parameters.query(parameters.after)
    seen = context.store.messages(Query(inbox=parameters.inbox), limit=_LOOKED_AT)
    misses = [Miss(id=message.id, why=why) for message in seen.items if (why := query.misses(message))]
    misses = sorted(misses, key=lambda miss: miss.why.count("; "))[:_NEAREST]
    wanted = ", ".join(f"{name} {value!r}" for name, value in _asked(parameters))
    detail = (
        f"{_counted(came, 'message')} {f'with {wanted} ' if wanted else ''}"
        f"came within {format_duration(parameters.timeout)}"
        f"{f', not {parameters.count}' if parameters.count > 1 else ''}"
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


def _asked(parameters: Filter) -> list[tuple[str, str]]:
    names = ("inbox", "to", "from_", "subject", "session")
    return [(name.rstrip("_"), value) for name in names if (value := getattr(parameters, name)) is not None]


def _no_message(message_id: str) -> ProblemError:
    return ProblemError(NOT_FOUND, f"there is no message {message_id!r}", cure="GET /api/messages lists what there is")


def _summary(context: Context, message_id: str) -> MessageSummary:
    summary = context.store.message(message_id)
    if summary is None:
        raise _no_message(message_id)
    return summary


def _raw(context: Context, message_id: str) -> bytes:
    raw = context.store.raw(message_id)
    if raw is None:
        raise _no_message(message_id)
    return raw


def _view(context: Context, message_id: str) -> View:
    return view(_raw(context, message_id))


def _headers(mail: View) -> list[HeaderItem]:
    return [HeaderItem(name=name, value=value) for name, value in mail.headers]


def _shown(message_id: str, text: str, media_type: str, policy: str) -> Response:
    headers = {"ETag": f'"{message_id}"', "Content-Security-Policy": policy, "Referrer-Policy": "no-referrer"}
    return Response(writable(text).encode(), headers=headers, media_type=media_type)


def file(tag: str, content: bytes, content_type: str, name: str) -> Response:
    """Give a file to save; the name is said twice: once for everybody, once exactly (RFC 6266, section 4.3)."""
    plain, exact = _UNSAFE_IN_NAMES.sub("_", name), quote(writable(name), safe="")
    return Response(
        content,
        headers={
            "ETag": f'"{tag}"',
            "Content-Type": content_type,
            "Content-Disposition": f"attachment; filename=\"{plain}\"; filename*=UTF-8''{exact}",
            "Content-Security-Policy": _SANDBOX,
        },
    )


def _media_type(part: Part) -> str:
    """Give the type that the sender gave, as far as it may stand in a header of HTTP."""
    if not _MEDIA_TYPE.fullmatch(part.content_type):
        return "application/octet-stream"
    charset = part.parameters.get("charset", "")
    return f"{part.content_type}; charset={charset}" if _CHARSET.fullmatch(charset) else part.content_type


OPERATIONS = (
    operation("GET", "/api/messages", list_messages, ListMessages, MessageList),
    operation("DELETE", "/api/messages", delete_messages, DeleteMessages, Deleted),
    operation(
        "GET",
        "/api/messages/wait",
        wait_for_messages,
        WaitForMessages,
        NewMessages,
        problems=(NOTHING_CAME, NOT_READY),
    ),
    operation("GET", "/api/messages/{id}", read_message, OneMessage, MessageDetail),
    operation("DELETE", "/api/messages/{id}", delete_message, OneMessage, Deleted),
    operation("GET", "/api/messages/{id}/raw", read_raw, OneMessage, "message/rfc822"),
    operation("GET", "/api/messages/{id}/text", read_text, OneMessage, "text/plain"),
    operation("GET", "/api/messages/{id}/html", read_html, OneMessage, "text/html"),
    operation("GET", "/api/messages/{id}/headers", read_headers, OneMessage, HeaderList),
    operation("GET", "/api/messages/{id}/parts/{index}", read_part, OnePart, "*/*"),
)
