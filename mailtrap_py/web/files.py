"""Captured octets as answers: always files to save or text in a sandbox, because captured mail is hostile."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import quote

from starlette.responses import Response

from mailtrap_py.web.bodies import writable

if TYPE_CHECKING:
    from mailtrap_py.message import Part

# What shows it may run nothing, load nothing and be nobody (CSP, section 6.3, `sandbox`).
SANDBOX = "sandbox; default-src 'none'; frame-ancestors 'self'"
HTML_SANDBOX = f"{SANDBOX}; img-src data:; style-src 'unsafe-inline'; font-src data:; media-src data:"

_TOKEN = r"[A-Za-z0-9!#$&^_.+-]+"  # noqa: S105 - a token of RFC 9110, section 5.6.2
_MEDIA_TYPE = re.compile(rf"{_TOKEN}/{_TOKEN}")
_CHARSET = re.compile(_TOKEN)
_UNSAFE_IN_NAMES = re.compile(r"[^A-Za-z0-9._ -]")


def file(tag: str, content: bytes, content_type: str, name: str, *, disposition: str = "attachment") -> Response:
    """Give a file to save; the name is said twice: once for everybody, once exactly (RFC 6266, section 4.3)."""
    plain, exact = _UNSAFE_IN_NAMES.sub("_", name), quote(writable(name), safe="")
    return Response(
        content,
        headers={
            "ETag": f'"{tag}"',
            "Content-Type": content_type,
            "Content-Disposition": f"{disposition}; filename=\"{plain}\"; filename*=UTF-8''{exact}",
            "Content-Security-Policy": SANDBOX,
        },
    )


def shown(tag: str, text: str, media_type: str, policy: str) -> Response:
    """Give captured text to look at, under a policy that lets it do nothing."""
    headers = {"ETag": f'"{tag}"', "Content-Security-Policy": policy, "Referrer-Policy": "no-referrer"}
    return Response(writable(text).encode(), headers=headers, media_type=media_type)


def media_type(part: Part) -> str:
    """Give the type that the sender gave, as far as it may stand in a header of HTTP."""
    if not _MEDIA_TYPE.fullmatch(part.content_type):
        return "application/octet-stream"
    charset = part.parameters.get("charset", "")
    return f"{part.content_type}; charset={charset}" if _CHARSET.fullmatch(charset) else part.content_type
