"""Mailpit's submission of mail over HTTP: its request read as it reads it, with its words for what is wrong."""

from __future__ import annotations

import base64
import binascii
import re
from typing import TYPE_CHECKING, Any

from mailtrap_py.web.compat.wire import BareError, string, strings
from mailtrap_py.web.compose import Attached, Draft, compose, mailbox

if TYPE_CHECKING:
    Json = dict[str, Any]

_RESERVED = ("to", "from", "cc", "bcc", "reply-to", "date", "subject", "content-type", "mime-version")
_DATA_URL = re.compile(r"data:[^,]*;base64,", re.IGNORECASE)


def read_draft(body: dict[str, Any], headers: Json, *, hostname: str) -> tuple[bytes, str, list[str]]:
    """Read a request: the octets of the message, its sender, and its recipients. Raises `BareError`."""
    sender = _person(body.get("from"), "From")
    to, cc = (_people(body.get(key), name) for key, name in (("to", "To"), ("cc", "Cc")))
    blind = [_address("", each, "Bcc")[1] for each in strings(body, "bcc")]
    tags = strings(body, "tags")
    draft = Draft(
        from_=sender,
        to=to,
        cc=cc,
        reply_to=_people(body.get("replyto"), "Reply-To"),
        subject=string(body, "subject"),
        text=string(body, "text"),
        html=string(body, "html"),
        headers={**_headers(headers, tags=bool(tags)), **({"X-Tags": ", ".join(tags)} if tags else {})},
        files=[_file(each) for each in body.get("attachments") or ()],
    )
    try:
        raw = compose(draft, hostname=hostname)
    except ValueError as error:
        raise BareError(f"error building message: {error}") from None
    return raw, sender[1], [*(address for _, address in (*to, *cc)), *blind]


def _headers(headers: Json, *, tags: bool) -> dict[str, str]:
    for name, value in headers.items():
        if name.lower() in _RESERVED or (tags and name.lower() == "x-tags"):
            raise BareError(f'cannot overwrite header: "{name}"')
        if not isinstance(value, str):
            raise BareError("json: cannot unmarshal Headers into Go value of type string")
    return headers


def _people(said: object, field: str) -> list[tuple[str, str]]:
    if not isinstance(said, list | None):
        raise BareError(f"json: cannot unmarshal {field} into Go value of type []struct")
    return [_person(each, field) for each in said or ()]


def _person(said: object, field: str) -> tuple[str, str]:
    if not isinstance(said, dict):
        raise BareError(f"invalid {field} address: mail: no address")
    return _address(string(said, "name"), string(said, "email"), field)


def _address(name: str, email: str, field: str) -> tuple[str, str]:
    try:
        return name, mailbox(email)[1]
    except ValueError:
        raise BareError(f"invalid {field} address: mail: {email or 'no address'}") from None


def _file(said: object) -> Attached:
    if not isinstance(said, dict):
        raise BareError("json: cannot unmarshal Attachments into Go value of type struct")
    name, text = string(said, "filename"), _DATA_URL.sub("", string(said, "content"), 1)
    try:
        content = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise BareError(f'error decoding base64 attachment "{name}": {error}') from None
    return Attached(
        filename=name,
        content=content,
        content_type=string(said, "contenttype") or "application/octet-stream",
        content_id=string(said, "contentid"),
    )
