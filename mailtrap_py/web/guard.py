"""The guard at the door: lets in only who means this server, and who may.

A browser lets any page on the web send requests to this machine. It may not read the answers, unless its own name
suddenly resolves to this machine (DNS rebinding): so the name that was asked for must be one of ours. And what changes
something must not come from another site's page, which the browser says in `Sec-Fetch-Site` and `Origin`; only the
sites that the settings list may, and they may read, too (CORS).
"""

from __future__ import annotations

import base64
import binascii
import hmac
import ipaddress
import re
from typing import TYPE_CHECKING

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response

from mailtrap_py.web.problems import CROSS_SITE, UNAUTHORIZED, WRONG_HOST, ProblemError

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from mailtrap_py.settings import Settings

_SAFE = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})  # RFC 9110, section 9.2.1
_FOR_ANYBODY = frozenset({"/livez", "/readyz"})

# Names that the public DNS never answers: so no page from outside can have been loaded from one of them. Containers and
# services are called so (`mailtrap`, `mailtrap.default.svc.cluster.local`). RFC 6761, RFC 6762, and ICANN's `internal`.
_PRIVATE = frozenset({"local", "internal", "localhost", "test"})

_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[^\s:/?#@\[\]]+)(?::[0-9]*)?\Z")  # RFC 9110, section 7.2

_MAY = {
    "Access-Control-Allow-Methods": "GET, HEAD, POST, PUT, DELETE",
    "Access-Control-Allow-Headers": "Authorization, Content-Type, If-None-Match, Last-Event-ID",
    "Access-Control-Max-Age": "600",
}


class Guard:
    """The middleware before all routes."""

    def __init__(self, app: ASGIApp, *, settings: Settings) -> None:
        """Take the addresses that the server listens on, its names, and who may use it."""
        self._app = app
        self._addresses = {ipaddress.ip_address(address) for address in settings.host}
        self._everywhere = any(address.is_unspecified for address in self._addresses)
        self._names = {"localhost", settings.hostname.lower(), *settings.http_names}
        self._origins = frozenset(settings.http_origins)
        self._passwords = {name.encode(): password.encode() for name, password in settings.http_users.items()}
        self._token = settings.http_token.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand the request on, or answer it with a problem."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        origin = headers.get("origin", "").lower()
        if origin not in self._origins:
            origin = ""
        send = _marked(send, origin)
        problem = self._wrong_host(headers)
        # Fetch standard, section 3.3.2: a preflight asks whether it may ask.
        preflight = scope.get("method") == "OPTIONS" and "access-control-request-method" in headers
        if problem is None and origin and preflight:
            await Response(status_code=204, headers=_MAY)(scope, receive, send)
            return
        problem = problem or self._unknown(scope, headers) or self._foreign(scope, headers, origin)
        await (problem.response() if problem else self._app)(scope, receive, send)

    def _wrong_host(self, headers: Headers) -> ProblemError | None:
        host = headers.get("host", "")
        # Every browser sends a Host; what does not is an old health check.
        if "host" not in headers or self.knows(host):
            return None
        cure = "use an IP address or localhost; or start the server with --http-name and that name"
        return ProblemError(WRONG_HOST, f"this server is not called {host!r}", cure=cure)

    def _unknown(self, scope: Scope, headers: Headers) -> ProblemError | None:
        if not (self._passwords or self._token) or scope["path"] in _FOR_ANYBODY:
            return None
        said = headers.get("authorization", "")
        if self._admits(said):
            return None
        challenge = 'Basic realm="mailtrap_py", charset="UTF-8"'
        return ProblemError(
            UNAUTHORIZED,
            "the name, the password or the token is not right" if said else "this server wants to know who asks",
            cure="send what --http-user or --http-token says, as in curl -u NAME:PASSWORD",
            headers={"WWW-Authenticate": f"{challenge}, Bearer" if self._token else challenge},
        )

    def _admits(self, said: str) -> bool:
        scheme, _, credentials = said.partition(" ")
        match scheme.lower():
            case "bearer":
                return bool(self._token) and hmac.compare_digest(credentials.strip().encode(), self._token)
            case "basic":
                try:
                    name, _, password = base64.b64decode(credentials).partition(b":")
                except (binascii.Error, ValueError):
                    return False
                known = [secret for secret in (self._passwords.get(name, b""), self._token) if secret]
                return any(hmac.compare_digest(password, secret) for secret in known)
            case _:
                return False

    def _foreign(self, scope: Scope, headers: Headers, listed: str) -> ProblemError | None:
        if listed or (scope["type"] == "http" and scope["method"] in _SAFE):
            return None
        site, origin = headers.get("sec-fetch-site", ""), headers.get("origin", "")
        ours = (
            site in {"same-origin", "none"} if site else not origin or origin.partition("://")[2] == headers.get("host")
        )
        if ours:
            return None
        cure = "send it from a page of this server, or start the server with --http-origin and that site"
        return ProblemError(CROSS_SITE, f"a page of {origin or 'another site'} asked for this", cure=cure)

    def knows(self, host: str) -> bool:
        """Say whether a `Host` (name or address, port or none) means this server."""
        found = _HOST.match(host.lower())
        if found is None:
            return False
        name = found[1].strip("[]").removesuffix(".")
        try:
            address = ipaddress.ip_address(name)
        except ValueError:
            last = name.rpartition(".")[2]
            known = name in self._names or name.endswith(".localhost")
            return known or (self._everywhere and (last == name or last in _PRIVATE))
        return address.is_loopback or self._everywhere or address in self._addresses


def _marked(send: Send, origin: str) -> Send:
    """Add to every answer that nothing is to be guessed of it, and which other site may read it."""

    async def sends(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers.setdefault("X-Content-Type-Options", "nosniff")
            if origin:
                headers["Access-Control-Allow-Origin"] = origin
                headers["Access-Control-Allow-Credentials"] = "true"
                headers["Access-Control-Expose-Headers"] = "ETag, WWW-Authenticate"
                headers.add_vary_header("Origin")
        await send(message)

    return sends
