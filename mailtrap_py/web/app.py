"""The web application: the API, the pages, and the guard at the door. Nothing here listens; a server runs it.

Whoever stops that server calls `close` first. Else the server waits for clients that wait for it: in a long poll, or in
an event stream, which has no end of its own.
"""

from __future__ import annotations

import ipaddress
import re
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware import Middleware
from starlette.responses import JSONResponse, Response

from mailtrap_py import __version__
from mailtrap_py.web import (
    api,
    api_events,
    api_messages,
    api_rules,
    api_scenario,
    api_send,
    api_server,
    api_sessions,
    api_verdict,
    api_wait,
    ui,
)
from mailtrap_py.web.context import Context
from mailtrap_py.web.live import Bus
from mailtrap_py.web.openapi import document
from mailtrap_py.web.parameters import Parameters
from mailtrap_py.web.problems import CROSS_SITE, WRONG_HOST, ProblemError, handlers

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from mailtrap_py.inbox import Inboxes
    from mailtrap_py.settings import Settings
    from mailtrap_py.store import Store


def read_openapi(_: Context, __: Parameters) -> Response:
    """Give this description."""
    return JSONResponse(document(OPERATIONS, __version__))


OPERATIONS = (
    *api_messages.OPERATIONS,
    *api_send.OPERATIONS,
    *api_wait.OPERATIONS,
    *api_messages.OF_ONE,
    *api_sessions.OPERATIONS,
    *api_scenario.OPERATIONS,
    *api_rules.OPERATIONS,
    *api_verdict.OPERATIONS,
    *api_events.OPERATIONS,
    *api_server.OPERATIONS,
    api.operation("GET", "/api/openapi.json", read_openapi, Parameters, "application/json"),
)
"""The whole API, in the order in which it is documented."""

_SAFE = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})  # RFC 9110, section 9.2.1

# Names that the public DNS never answers: so no page from outside can have been loaded from one of them. Containers and
# services are called so (`mailtrap`, `mailtrap.default.svc.cluster.local`). RFC 6761, RFC 6762, and ICANN's `internal`.
_PRIVATE = frozenset({"local", "internal", "localhost", "test"})

_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[^\s:/?#@\[\]]+)(?::[0-9]*)?\Z")  # RFC 9110, section 7.2


def create_app(
    *,
    store: Store,
    inboxes: Inboxes,
    settings: Settings,
    authority_pem: Callable[[], bytes],
    status: Callable[[], dict[str, object]],
) -> Starlette:
    """Build the application over a record and the inboxes; what it is given stays the caller's to close."""
    context = Context(
        store=store,
        inboxes=inboxes,
        settings=settings,
        authority_pem=authority_pem,
        status=status,
        bus=Bus(store.subscribe),
    )
    app = Starlette(
        routes=[*api.routes(context, OPERATIONS), *ui.routes(context)],
        middleware=[Middleware(Guard, listens_on=settings.host, hostname=settings.hostname)],
        exception_handlers=handlers(),
        lifespan=_lifespan,
    )
    # A redirect would let a client turn the method of what it was told to do into another one.
    app.router.redirect_slashes = False
    app.state.context = context
    return app


def close(app: Starlette) -> None:
    """End every wait and every event stream, now; what is asked later is still answered. From any thread."""
    app.state.context.bus.close()


@asynccontextmanager
async def _lifespan(app: Starlette) -> AsyncIterator[None]:
    try:
        yield
    finally:
        close(app)


class Guard:
    """Lets in only who means this server: pages of other sites may neither read it by a name of theirs nor change it.

    A browser lets any page on the web send requests to this machine. It may not read the answers, unless its own name
    suddenly resolves to this machine (DNS rebinding): so the name that was asked for must be one of ours. And what
    changes something must not come from another site's page, which the browser says in `Sec-Fetch-Site` and `Origin`.
    """

    def __init__(self, app: ASGIApp, *, listens_on: Iterable[str], hostname: str) -> None:
        """Take the addresses that the server listens on, and its name."""
        self._app = app
        self._addresses = {ipaddress.ip_address(address) for address in listens_on}
        self._everywhere = any(address.is_unspecified for address in self._addresses)
        self._hostname = hostname.lower()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand the request on, or answer it with a problem."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        problem = self._objection(scope)
        if problem is not None:
            await problem.response()(scope, receive, _without_sniffing(send))
            return
        await self._app(scope, receive, _without_sniffing(send))

    def _objection(self, scope: Scope) -> ProblemError | None:
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        # Every browser sends a Host; what does not is an old health check.
        if "host" in headers and not self.knows(host):
            cure = "use an IP address or localhost; or start the server with --hostname and that name"
            return ProblemError(WRONG_HOST, f"this server is not called {host!r}", cure=cure)
        if scope["type"] == "http" and scope["method"] in _SAFE:
            return None
        site, origin = headers.get("sec-fetch-site", ""), headers.get("origin", "")
        foreign = site not in {"same-origin", "none"} if site else origin and origin.partition("://")[2] != host
        if foreign:
            cure = "send it from a page of this server, or from a program instead of a browser"
            return ProblemError(CROSS_SITE, f"a page of {origin or 'another site'} asked for this", cure=cure)
        return None

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
            known = name in {"localhost", self._hostname} or name.endswith(".localhost")
            return known or (self._everywhere and (last == name or last in _PRIVATE))
        return address.is_loopback or self._everywhere or address in self._addresses


def _without_sniffing(send: Send) -> Send:
    async def sends(message: Message) -> None:
        if message["type"] == "http.response.start":
            MutableHeaders(scope=message).setdefault("X-Content-Type-Options", "nosniff")
        await send(message)

    return sends
