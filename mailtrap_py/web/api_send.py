"""The API's submission of mail over HTTP: made of parts, or given whole."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from mailtrap_py.message import addresses, view
from mailtrap_py.web.api import change
from mailtrap_py.web.api_scenario import InInbox, find_inbox
from mailtrap_py.web.bodies import MessageItem
from mailtrap_py.web.compose import Attached, Draft, compose, mailbox, submit
from mailtrap_py.web.parameters import Body
from mailtrap_py.web.problems import INVALID_BODY, ProblemError

if TYPE_CHECKING:
    from mailtrap_py.web.context import Context


def _mailbox(text: str) -> str:
    mailbox(text)
    return text


def _base64(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        message = f"this is not base64: {error}"
        raise ValueError(message) from None


Mailbox = Annotated[str, AfterValidator(_mailbox)]
Base64 = Annotated[str, AfterValidator(lambda text: _base64(text) and text), Field(examples=["SGVsbG8="])]


class FileToSend(BaseModel):
    """A file to attach; `content` is base64. One with a `content_id` is shown where the HTML says `cid:`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    filename: str = Field(min_length=1, examples=["terms.pdf"])
    content: Base64
    content_type: str = "application/octet-stream"
    content_id: str = ""


class Send(Body):
    """A message to submit: made of `from`, `to`, `subject` and so on; or whole, as base64, in `raw`.

    Without `reverse_path` and `recipients` the envelope is made of the header: From; and To, Cc and `bcc`.
    """

    from_: Mailbox | None = Field(None, alias="from", examples=["Ann <ann@example.com>"], description="The From field.")
    to: list[Mailbox] = Field(default=[], examples=[["bob@example.com"]], description="The To field.")
    cc: list[Mailbox] = Field(default=[], description="The Cc field.")
    bcc: list[Mailbox] = Field(default=[], description="Recipients that no field names.")
    reply_to: list[Mailbox] = Field(default=[], description="The Reply-To field.")
    subject: str = Field("", examples=["Welcome"])
    text: str = Field("", examples=["Hello Bob"])
    html: str = ""
    headers: dict[str, str] = Field(default={}, examples=[{"X-Order": "4711"}], description="More fields.")
    attachments: list[FileToSend] = Field(default=[])
    raw: Base64 | None = Field(None, description="The exact octets of a message, instead of its parts.")
    reverse_path: str | None = Field(None, description="The envelope's sender; empty for the null sender.")
    recipients: list[str] | None = Field(None, min_length=1, description="The envelope's recipients.")


_PARTS = frozenset({"from_", "to", "cc", "reply_to", "subject", "text", "html", "headers", "attachments"})


def send_message(context: Context, parameters: InInbox, body: Send) -> MessageItem:
    """Submit a message over HTTP: it is stored as if it had come over SMTP, and no scenario is asked."""
    inbox = find_inbox(context, parameters.inbox).name
    raw = _raw(context, body)
    mail = view(raw)
    named = [each.address for value in (mail.to, mail.cc, *body.bcc) for each in addresses(value)]
    recipients = list(dict.fromkeys(named)) if body.recipients is None else body.recipients
    if not recipients:
        raise ProblemError(INVALID_BODY, "nobody is to get it", cure='write "to": ["bob@example.com"]')
    senders = [each.address for each in addresses(mail.from_)]
    reverse_path = (senders or [""])[0] if body.reverse_path is None else body.reverse_path
    summary = submit(context.store, raw, reverse_path=reverse_path, recipients=recipients, inbox=inbox)
    return MessageItem.model_validate(summary)


def _raw(context: Context, body: Send) -> bytes:
    if body.raw is not None:
        if parts := sorted(name.rstrip("_") for name in _PARTS & body.model_fields_set):
            cure = "give the message whole in raw, or in its parts"
            raise ProblemError(INVALID_BODY, f"raw and {', '.join(parts)} contradict each other", cure=cure)
        return _base64(body.raw)
    if body.from_ is None:
        raise ProblemError(INVALID_BODY, "from is missing", cure="write it as in Ann <ann@example.com>")
    draft = Draft(
        from_=mailbox(body.from_),
        to=[mailbox(each) for each in body.to],
        cc=[mailbox(each) for each in body.cc],
        reply_to=[mailbox(each) for each in body.reply_to],
        subject=body.subject,
        text=body.text,
        html=body.html,
        headers=body.headers,
        files=[
            Attached(
                filename=each.filename,
                content=_base64(each.content),
                content_type=each.content_type,
                content_id=each.content_id,
            )
            for each in body.attachments
        ],
    )
    try:
        return compose(draft, hostname=context.settings.hostname)
    except ValueError as error:
        raise ProblemError(INVALID_BODY, str(error), cure="write what a mail program would") from None


OPERATIONS = (change("POST", "/api/messages", send_message, InInbox, Send, MessageItem, status=201),)
