"""The API's messages: list, read, delete, drain. Reading never changes anything; nothing is deleted by accident."""

from __future__ import annotations

import base64
from collections import deque
from typing import TYPE_CHECKING

from pydantic import Field

from mailtrap_py.message import view
from mailtrap_py.web.api import change, operation
from mailtrap_py.web.bodies import (
    CodeItem,
    CodeList,
    Deleted,
    DrainedMessage,
    DrainedMessages,
    HeaderItem,
    HeaderList,
    LinkItem,
    LinkList,
    MessageDetail,
    MessageItem,
    MessageList,
    PartItem,
    PartList,
    TransactionItem,
)
from mailtrap_py.web.files import HTML_SANDBOX, SANDBOX, file, media_type, shown
from mailtrap_py.web.filters import LAST_POSITION, MOST_AT_ONCE, Destroy, Search
from mailtrap_py.web.parameters import Body, Parameters
from mailtrap_py.web.problems import NOT_FOUND, ProblemError

if TYPE_CHECKING:
    from starlette.responses import Response

    from mailtrap_py.message import View
    from mailtrap_py.store import MessageSummary
    from mailtrap_py.web.context import Context


class ListMessages(Search):
    """A filter, and which part of the list is wanted."""

    limit: int = Field(50, ge=1, le=MOST_AT_ONCE, examples=[50], description="How many at most.")
    cursor: int | None = Field(None, ge=0, le=LAST_POSITION, description="The `next_cursor` of the part before.")


class DrainMessages(Destroy):
    """Which messages to take out, and how many at most."""

    limit: int = Field(100, ge=1, le=MOST_AT_ONCE, examples=[100], description="How many at most.")


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
    return _detail(context, _summary(context, parameters.id), _view(context, parameters.id))


def _detail(context: Context, summary: MessageSummary, mail: View) -> MessageDetail:
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
    return shown(parameters.id, _view(context, parameters.id).text, "text/plain", SANDBOX)


def read_html(context: Context, parameters: OneMessage) -> Response:
    """Give the HTML as it was sent, in a sandbox in which nothing runs and nothing is fetched."""
    html = _view(context, parameters.id).html
    if not html:
        cure = f"GET /api/messages/{parameters.id}/text has what it says"
        raise ProblemError(NOT_FOUND, f"message {parameters.id!r} has no HTML", cure=cure)
    return shown(parameters.id, html, "text/html", HTML_SANDBOX)


def read_headers(context: Context, parameters: OneMessage) -> HeaderList:
    """List every field of the header, in order."""
    return HeaderList.whole(_headers(_view(context, parameters.id)))


def read_links(context: Context, parameters: OneMessage) -> LinkList:
    """List where the message leads: the links of its HTML, then those of its text, each once."""
    return LinkList.whole([LinkItem(url=link) for link in _view(context, parameters.id).links])


def read_codes(context: Context, parameters: OneMessage) -> CodeList:
    """List the one-time codes in the text, as they are written there."""
    return CodeList.whole([CodeItem(code=code) for code in _view(context, parameters.id).codes])


def list_parts(context: Context, parameters: OneMessage) -> PartList:
    """List the parts, depth first, multiparts too; the first is the message itself."""
    return PartList.whole([PartItem.model_validate(part) for part in _view(context, parameters.id).parts])


def read_part(context: Context, parameters: OnePart) -> Response:
    """Give the decoded content of a part, to be saved and not shown."""
    parts = _view(context, parameters.id).parts
    if not 0 <= parameters.index < len(parts):
        there = "0 only" if len(parts) == 1 else f"0 to {len(parts) - 1}"
        raise ProblemError(
            NOT_FOUND, f"message {parameters.id!r} has no part {parameters.index}", cure=f"it has {there}"
        )
    part = parts[parameters.index]
    return file(f"{parameters.id}-{part.index}", part.data, media_type(part), part.filename or f"part-{part.index}")


def delete_message(context: Context, parameters: OneMessage) -> Deleted:
    """Delete one message; its session and its transaction stay in the record."""
    if not context.store.delete_message(parameters.id):
        raise _no_message(parameters.id)
    return Deleted(deleted=1)


def delete_messages(context: Context, parameters: Destroy) -> Deleted:
    """Delete the messages that fit the filter; everything only with `all=true`."""
    return Deleted(deleted=context.store.delete_messages(parameters.confirmed()))


def drain_messages(context: Context, parameters: DrainMessages, _: Body) -> DrainedMessages:
    """Take messages out: delete the oldest that fit the filter, and give all that was in them.

    Whoever else drains at the same time gets others: each message is given to one.
    """
    store, query = context.store, parameters.confirmed()
    oldest: deque[str] = deque(maxlen=parameters.limit)
    before, total = None, 0
    while True:
        page = store.messages(query, limit=MOST_AT_ONCE, before=before)
        oldest.extend(message.id for message in page.items)
        before, total = page.next, page.total
        if before is None:
            break
    drained = []
    for message_id in reversed(oldest):
        taken = _drained(context, message_id)
        if taken is not None and store.delete_message(message_id):
            drained.append(taken)
    return DrainedMessages(items=drained, total=total)


def _drained(context: Context, message_id: str) -> DrainedMessage | None:
    summary, raw = context.store.message(message_id), context.store.raw(message_id)
    if summary is None or raw is None:
        return None
    return DrainedMessage(**dict(_detail(context, summary, view(raw))), raw=base64.b64encode(raw).decode("ascii"))


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


OPERATIONS = (
    operation("GET", "/api/messages", list_messages, ListMessages, MessageList),
    operation("DELETE", "/api/messages", delete_messages, Destroy, Deleted),
    change("POST", "/api/messages/drain", drain_messages, DrainMessages, Body, DrainedMessages),
)

OF_ONE = (
    operation("GET", "/api/messages/{id}", read_message, OneMessage, MessageDetail),
    operation("DELETE", "/api/messages/{id}", delete_message, OneMessage, Deleted),
    operation("GET", "/api/messages/{id}/raw", read_raw, OneMessage, "message/rfc822"),
    operation("GET", "/api/messages/{id}/text", read_text, OneMessage, "text/plain"),
    operation("GET", "/api/messages/{id}/html", read_html, OneMessage, "text/html"),
    operation("GET", "/api/messages/{id}/headers", read_headers, OneMessage, HeaderList),
    operation("GET", "/api/messages/{id}/links", read_links, OneMessage, LinkList),
    operation("GET", "/api/messages/{id}/codes", read_codes, OneMessage, CodeList),
    operation("GET", "/api/messages/{id}/parts", list_parts, OneMessage, PartList),
    operation("GET", "/api/messages/{id}/parts/{index}", read_part, OnePart, "*/*"),
)
"""They come after all that has a name in place of the id."""
