"""MailHog's JSON, made of what is in the record, with the oddities that its clients are used to.

A field of the header that comes twice is there once, the last one; what is encoded stays encoded; the parts of a
multipart are what stands between its boundaries, down to the two hyphens of the last.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mailtrap_py.store import MessageSummary

    Json = dict[str, Any]

_BOUNDARY = re.compile(r'boundary="?([^";]+)"?', re.IGNORECASE)
_MOST_NESTED = 20


def message_json(message: MessageSummary, raw: bytes, *, hostname: str) -> Json:
    """Make a Message. `From` and `To` are those of the envelope, so that a Bcc shows."""
    source = raw.decode("utf-8", "replace")
    content = parse(source)
    mime = {"Parts": _parts(content, 0)} if _is_mime(content) else None
    _inject(content["Headers"], message, hostname)
    return {
        "ID": f"{message.id}@{hostname}",
        "From": _path(message.reverse_path),
        "To": [_path(each) for each in message.recipients],
        "Content": content,
        "Created": datetime.fromtimestamp(message.at, UTC).isoformat().replace("+00:00", "Z"),
        "MIME": mime,
        "Raw": {
            "From": message.reverse_path,
            "To": list(message.recipients),
            "Data": source.removesuffix("\r\n"),
            "Helo": message.helo,
        },
    }


def id_of(name: str) -> str:
    """Give the id in the record of a message that goes by such a name here."""
    return name.partition("@")[0]


def _path(address: str) -> Json:
    local, _, domain = address.rpartition("@")
    return {"Relays": None, "Mailbox": local, "Domain": domain, "Params": ""}


def _inject(headers: dict[str, list[str]], message: MessageSummary, hostname: str) -> None:
    """Add the fields that MailHog adds to a message."""
    at = format_datetime(datetime.fromtimestamp(message.at, UTC))
    if not any(name.lower() == "message-id" for name in headers):
        headers["Message-ID"] = [f"{message.id}@{hostname}"]
    received = f"from {message.helo} by {hostname} (mailtrap_py)\r\n          id {message.id}@{hostname}; {at}"
    headers.setdefault("Received", []).append(received)
    headers.setdefault("Return-Path", []).append(f"<{message.reverse_path}>")


def parse(source: str) -> Json:
    """Read a Content: its fields, and its body as it was sent."""
    head, parted, body = source.partition("\r\n\r\n")
    headers: dict[str, list[str]] = {}
    if parted:
        last = ""
        for line in head.split("\r\n"):
            if last and line[:1] in {" ", "\t"}:
                headers[last][-1] += line
                continue
            name, colon, value = line.partition(":")
            if colon:
                last = name
                headers[name] = [value.removeprefix(" ")]
    return {"Headers": headers, "Body": body if parted else head, "Size": len(source.encode()), "MIME": None}


def _type(content: Json) -> str:
    found = (values[0] for name, values in content["Headers"].items() if name.lower() == "content-type")
    return str(next(found, ""))


def _is_mime(content: Json) -> bool:
    return _type(content).lower().startswith("multipart/")


def _parts(content: Json, depth: int) -> list[Json]:
    boundary = _BOUNDARY.search(_type(content))
    if boundary is None or depth >= _MOST_NESTED:
        return []
    found = []
    for piece in content["Body"].split(f"--{boundary[1]}"):
        if piece.strip("\r\n"):
            part = parse(piece.strip("\r\n"))
            if _is_mime(part):
                part["MIME"] = {"Parts": _parts(part, depth + 1)}
            found.append(part)
    return found
