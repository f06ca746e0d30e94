"""Mail that is submitted over HTTP: a message made of its parts, written down as if it had come over SMTP.

It goes straight into the record. No scenario is asked: nothing came over SMTP that could be refused.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from mailtrap_py.events import Message, Recipient, Reply
from mailtrap_py.ids import new_id
from mailtrap_py.inbox import DEFAULT
from mailtrap_py.message import addresses

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from email.headerregistry import Address
    from email.message import EmailMessage

    from mailtrap_py.store import MessageSummary, Store

_NAME = re.compile(r"[!-9;-~]+")  # RFC 5322, section 2.2: printable ASCII, no colon


@dataclass(frozen=True, slots=True, kw_only=True)
class Attached:
    """A file of a message; one with a `content_id` belongs into the HTML."""

    filename: str
    content: bytes
    content_type: str = "application/octet-stream"
    content_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A message that is to be made. Mailboxes are pairs of a name, perhaps empty, and an address."""

    from_: tuple[str, str]
    to: Sequence[tuple[str, str]] = ()
    cc: Sequence[tuple[str, str]] = ()
    reply_to: Sequence[tuple[str, str]] = ()
    subject: str = ""
    text: str = ""
    html: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    files: Sequence[Attached] = ()


def mailbox(text: str) -> tuple[str, str]:
    """Read one mailbox: `Ann <ann@example.com>`. Raises `ValueError` for anything else."""
    found = addresses(text)
    if len(found) != 1 or not all(part.strip() for part in found[0].address.rpartition("@")):
        message = f"{text!r} is not a mailbox: write ann@example.com, or Ann <ann@example.com>"
        raise ValueError(message)
    return found[0].name, found[0].address


def compose(draft: Draft, *, hostname: str) -> bytes:
    """Make the octets of a message. Raises `ValueError` for what no message can hold."""
    from email.errors import MessageError  # noqa: PLC0415 - slow to import, like all of it; for who sends mail over HTTP

    try:
        return _build(draft, hostname).as_bytes()
    except (ValueError, UnicodeError, IndexError, LookupError, MessageError) as error:
        message = f"no message can be made of this: {error}"
        raise ValueError(message) from error


def _build(draft: Draft, hostname: str) -> EmailMessage:
    from email.message import EmailMessage  # noqa: PLC0415 - as above
    from email.policy import SMTP  # noqa: PLC0415 - as above
    from email.utils import format_datetime, make_msgid  # noqa: PLC0415 - as above

    message = EmailMessage(SMTP)
    message["From"] = _address(draft.from_)
    for name, mailboxes in (("To", draft.to), ("Cc", draft.cc), ("Reply-To", draft.reply_to)):
        if mailboxes:
            message[name] = [_address(each) for each in mailboxes]
    message["Subject"] = draft.subject
    given = {name.lower() for name in draft.headers}
    if "date" not in given:
        message["Date"] = format_datetime(datetime.now(UTC))
    if "message-id" not in given:
        message["Message-ID"] = make_msgid(domain=hostname)
    for name, value in draft.headers.items():
        if not _NAME.fullmatch(name):
            raise ValueError(f"{name!r} is not the name of a field")
        message[name] = value
    _fill(message, draft)
    return message


def _fill(message: EmailMessage, draft: Draft) -> None:
    if draft.text or not draft.html:
        message.set_content(draft.text)
    inline = [each for each in draft.files if each.content_id and draft.html]
    if draft.html:
        (message.add_alternative if draft.text else message.set_content)(draft.html, subtype="html")
        html = message.get_body(("html",))
        for each in inline:
            assert html is not None  # noqa: S101 - it was put there two lines above
            html.add_related(
                each.content, *_type(each), cid=f"<{each.content_id}>", filename=each.filename, disposition="inline"
            )
    for each in draft.files:
        if each not in inline:
            cid = f"<{each.content_id}>" if each.content_id else None
            message.add_attachment(each.content, *_type(each), cid=cid, filename=each.filename)


def _address(mailbox: tuple[str, str]) -> Address:
    from email.headerregistry import Address  # noqa: PLC0415 - as above

    name, address = mailbox
    local, _, domain = address.rpartition("@")
    return Address(name, local, domain)


def _type(file: Attached) -> tuple[str, str]:
    main, _, sub = file.content_type.partition("/")
    if not main or not sub or main == "multipart":
        message = f"{file.content_type!r} is not the type of a file: write image/png"
        raise ValueError(message)
    return main, sub


def submit(
    store: Store, raw: bytes, *, reverse_path: str, recipients: Sequence[str], inbox: str = DEFAULT
) -> MessageSummary:
    """Write a message down, and give it as the record has it. Blocks until it is safe."""
    message = Message(
        id=new_id(),
        inbox=inbox,
        session_id="",
        transaction_id="",
        at=time.time(),
        clock=time.time(),
        reverse_path=reverse_path,
        parameters={},
        recipients=tuple(Recipient(address=each, reply=Reply(250, "2.1.5", ("Ok",))) for each in recipients),
        raw=raw,
        client="",
        helo="",
        tls_version="",
        user="",
    )
    store.add(message)
    summary = store.message(message.id)
    assert summary is not None  # noqa: S101 - a read sees what was added before it
    return summary
