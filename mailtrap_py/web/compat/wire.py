"""What the compatible APIs have in common on the wire: JSON as Go writes it, bare errors, keys in any case."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool
from starlette.responses import PlainTextResponse, Response

from mailtrap_py.web.bodies import writable
from mailtrap_py.web.parameters import LARGEST_BODY

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from starlette.requests import Request

_MOST = LARGEST_BODY * 4  # attachments of Mailpit's /send are base64 inside JSON
_HTML = str.maketrans({"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"})


def go_json(value: object) -> bytes:
    """Write JSON as Go's encoder does: no blanks, HTML escaped, a line feed at the end."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return f"{writable(text).translate(_HTML)}\n".encode()


def answer(value: object, status: int = 200, media_type: str = "application/json") -> Response:
    """Give a value as JSON."""
    return Response(go_json(value), status, {"Cache-Control": "no-store"}, media_type)


def ok() -> Response:
    """Say that it is done, as Mailpit does."""
    return PlainTextResponse("ok")


class BareError(Exception):
    """An error as these tools answer it: a status, and a text without any envelope."""

    def __init__(self, text: str, status: int = 400) -> None:
        """Say what is wrong."""
        super().__init__(text)
        self.text, self.status = text, status


def not_found() -> BareError:
    """Say what Go's own file server says."""
    return BareError("404 page not found", 404)


def served(work: Callable[[Request], Response]) -> Callable[[Request], Coroutine[Any, Any, Response]]:
    """Make an endpoint of what reads a request and blocks; its bare errors are answered."""

    async def endpoint(request: Request) -> Response:
        body = bytearray()
        async for chunk in request.stream():
            body += chunk
            if len(body) > _MOST:
                return PlainTextResponse("http: request body too large", 413)
        request.state.body = bytes(body)
        try:
            return await run_in_threadpool(work, request)
        except BareError as error:
            return PlainTextResponse(error.text, error.status)

    return endpoint


def json_body(request: Request) -> dict[str, Any]:
    """Read the body as an object, keys in lower case, as Go's decoder finds them. Raises `BareError`."""
    try:
        data = json.loads(request.state.body)
        json.dumps(data, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise BareError(str(error)) from None
    if not isinstance(data, dict):
        raise BareError(f"json: cannot unmarshal {type(data).__name__} into Go value")
    lowered = lower(data)
    assert isinstance(lowered, dict)  # noqa: S101 - what `lower` makes of an object
    return lowered


def lower(value: object) -> object:
    """Put the keys of objects into lower case, all the way down."""
    if isinstance(value, dict):
        return {str(key).lower(): lower(each) for key, each in value.items()}
    return [lower(each) for each in value] if isinstance(value, list) else value


def strings(body: dict[str, Any], key: str) -> list[str]:
    """Read a list of strings; one that is not there is empty. Raises `BareError`."""
    value = body.get(key)
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise BareError(f"json: cannot unmarshal {key} into Go value of type []string")
    return value


def string(body: dict[str, Any], key: str) -> str:
    """Read a string; one that is not there is empty. Raises `BareError`."""
    value = body.get(key)
    if not isinstance(value, str | None):
        raise BareError(f"json: cannot unmarshal {key} into Go value of type string")
    return value or ""


def number(request: Request, name: str, default: int) -> int:
    """Read a number of the query as they do: what is none is the default."""
    text = request.query_params.get(name, "")
    return min(int(text), 2**31) if text.isascii() and text.isdecimal() else default
