"""Mailpit's JSON, made of what is in the record: names, types and order of the keys are those of Mailpit 1.30."""

from __future__ import annotations

import contextlib
import hashlib
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from mailtrap_py.message import Part, View, addresses, view
from mailtrap_py.pattern import fold_domain
from mailtrap_py.web.compat.marks import tag_of

if TYPE_CHECKING:
    from mailtrap_py.store import MessageSummary

    Json = dict[str, Any]

_SNIPPET = 250
_UNSUBSCRIBE = re.compile(r"<([^<>]*)>")


@dataclass(frozen=True, slots=True)
class Digest:
    """What a list of Mailpit shows of a message beyond its summary: little, and always the same."""

    reply_to: tuple[Json, ...]
    bcc: tuple[Json, ...]
    snippet: str
    inline: int
    message_id: str


def digest_of(summary: MessageSummary, raw: bytes) -> Digest:
    """Read a message for lists."""
    mail = view(raw)
    return Digest(
        reply_to=tuple(people(mail.header("reply-to"))),
        bcc=tuple(_blind(summary, mail)),
        snippet=" ".join(mail.text.split())[:_SNIPPET],
        inline=sum(part.is_inline for part in mail.parts),
        message_id=summary.message_id,
    )


def tags_of(summary: MessageSummary, raw: bytes) -> tuple[str, ...]:
    """Give the tags that a message brings: of its X-Tags field, and those of its addresses."""
    written = filter(None, map(tag_of, view(raw).header("x-tags").split(",")))
    return tuple(dict.fromkeys([*written, *plus_tags(summary)]))


def plus_tags(summary: MessageSummary) -> tuple[str, ...]:
    """Give the tags in the addresses of a message: what stands behind a plus."""
    named = [each["Address"] for each in people(summary.from_, summary.to, summary.cc)]
    locals_ = (address.rpartition("@")[0] for address in [*named, *summary.recipients])
    return tuple(dict.fromkeys(filter(None, (tag_of(local.partition("+")[2]) for local in locals_))))


def _blind(summary: MessageSummary, mail: View) -> list[Json]:
    """Give the Bcc: that of the header, and the recipients of the envelope whom no field names."""
    written = people(mail.header("bcc"))
    named = {fold_domain(each["Address"]).lower() for each in [*people(summary.to, summary.cc), *written]}
    unnamed = [each for each in dict.fromkeys(summary.recipients) if fold_domain(each).lower() not in named]
    return [*written, *({"Name": "", "Address": each} for each in unnamed)]


def people(*fields: str) -> list[Json]:
    """Give the mailboxes of address fields."""
    return [{"Name": each.name, "Address": each.address} for field in fields for each in addresses(field)]


def summary_json(summary: MessageSummary, digest: Digest, *, read: bool, tags: list[str]) -> Json:
    """Make a MessageSummary."""
    return {
        "ID": summary.id,
        "MessageID": summary.message_id,
        "Read": read,
        "From": (people(summary.from_) or [{"Name": "", "Address": ""}])[0],
        "To": people(summary.to),
        "Cc": people(summary.cc),
        "Bcc": list(digest.bcc),
        "ReplyTo": list(digest.reply_to),
        "Subject": summary.subject,
        "Created": created(summary.at),
        "Username": summary.user,
        "Tags": tags,
        "Size": summary.size,
        "Attachments": summary.attachments,
        "Snippet": digest.snippet,
    }


def message_json(summary: MessageSummary, raw: bytes, *, tags: list[str]) -> Json:
    """Make a Message."""
    mail = view(raw)
    return {
        "ID": summary.id,
        "MessageID": summary.message_id,
        "From": next(iter(people(mail.from_)), None),
        "To": people(mail.to),
        "Cc": people(mail.cc),
        "Bcc": _blind(summary, mail),
        "ReplyTo": people(mail.header("reply-to")),
        "ReturnPath": summary.reverse_path,
        "Subject": summary.subject,
        "ListUnsubscribe": _unsubscribe(mail),
        "Date": _date(mail.date, summary.at),
        "Tags": tags,
        "Username": summary.user,
        "Text": mail.text.replace("\n", "\r\n"),
        "HTML": mail.html.replace("\n", "\r\n"),
        "Size": summary.size,
        "Inline": [_attachment(part) for part in mail.parts if part.is_inline],
        "Attachments": [_attachment(part) for part in mail.attachments],
    }


def _attachment(part: Part) -> Json:
    data = part.data
    return {
        "PartID": str(part.index),
        "FileName": part.filename,
        "ContentType": part.content_type,
        "ContentID": part.content_id,
        "Size": len(data),
        "Checksums": {
            "MD5": hashlib.md5(data, usedforsecurity=False).hexdigest(),
            "SHA1": hashlib.sha1(data, usedforsecurity=False).hexdigest(),
            "SHA256": hashlib.sha256(data).hexdigest(),
        },
    }


def _unsubscribe(mail: View) -> Json:
    """Read List-Unsubscribe (RFC 2369): one link for a browser and one for mail, at most."""
    header = mail.header("list-unsubscribe")
    links = [link.strip() for link in _UNSUBSCRIBE.findall(header)]
    web = [link for link in links if link.lower().startswith(("http://", "https://"))]
    post = [link for link in links if link.lower().startswith("mailto:")]
    errors = []
    if header and not links:
        errors.append("no links in angle brackets")
    elif len(web) + len(post) < len(links):
        errors.append("only http, https and mailto links may be used")
    if len(web) > 1 or len(post) > 1:
        errors.append("more than one link of a kind")
    return {
        "Header": header,
        "Links": [*web[:1], *post[:1]],
        "Errors": "; ".join(errors),
        "HeaderPost": mail.header("list-unsubscribe-post"),
    }


def headers_json(raw: bytes) -> dict[str, list[str]]:
    """Give every field as it was sent, unfolded, under its name as Go writes it, in the order of the names."""
    found: dict[str, list[str]] = {}
    for name, value in view(raw).parts[0].fields:
        key = "-".join(word.capitalize() for word in name.decode("latin-1").split("-"))
        unfolded = b" ".join(line.strip() for line in value.splitlines()).strip()
        found.setdefault(key, []).append(unfolded.decode("utf-8", "replace"))
    return dict(sorted(found.items()))


def created(seconds: float) -> str:
    """Write a time as RFC 3339 with milliseconds."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _date(field: str, received: float) -> str:
    """Write the Date field with the offset that it has; when it came, if there is none that can be read."""
    with contextlib.suppress(ValueError, TypeError, OverflowError):
        date = parsedate_to_datetime(field)
        text = date.replace(tzinfo=date.tzinfo or UTC).isoformat()
        return text.replace("+00:00", "Z")
    return created(received)
