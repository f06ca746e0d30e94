"""The web application: the API and the pages behind the guard at the door. Nothing here listens; a server runs it.

Whoever stops that server calls `close` first. Else the server waits for clients that wait for it: in a long poll, or in
an event stream, which has no end of its own.
"""

from __future__ import annotations

import hashlib
import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import Response

from mailtrap_py import __version__
from mailtrap_py.web import (
    api,
    api_events,
    api_messages,
    api_ports,
    api_rules,
    api_scenario,
    api_send,
    api_server,
    api_sessions,
    api_verdict,
    api_wait,
    metrics,
    ui,
)
from mailtrap_py.web.compat import routes as compat
from mailtrap_py.web.compat.marks import Marks
from mailtrap_py.web.context import Context
from mailtrap_py.web.guard import Guard
from mailtrap_py.web.live import Bus
from mailtrap_py.web.metrics import Tally
from mailtrap_py.web.openapi import document
from mailtrap_py.web.parameters import Parameters
from mailtrap_py.web.problems import handlers

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from mailtrap_py.inbox import Inboxes
    from mailtrap_py.settings import Settings
    from mailtrap_py.store import Store
    from mailtrap_py.web.context import Ports


def describe() -> dict[str, Any]:
    """Describe the API, as plain data."""
    return document(OPERATIONS, __version__)


def read_openapi(_: Context, __: Parameters) -> Response:
    """Give this description."""
    content = json.dumps(describe(), ensure_ascii=False, separators=(",", ":")).encode()
    tag = hashlib.sha256(content).hexdigest()[:16]
    return Response(content, headers={"ETag": f'"{tag}"'}, media_type="application/json")


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
    *api_ports.OPERATIONS,
    *metrics.OPERATIONS,
    api.operation("GET", "/api/openapi.json", read_openapi, Parameters, "application/json"),
)
"""The whole API, in the order in which it is documented."""


def create_app(  # noqa: PLR0913 - all that its routes are given
    *,
    store: Store,
    inboxes: Inboxes,
    settings: Settings,
    authority_pem: Callable[[], bytes],
    status: Callable[[], dict[str, object]],
    ports: Ports | None = None,
) -> Starlette:
    """Build the application over a record and the inboxes; what it is given stays the caller's to close."""
    context = Context(
        store=store,
        inboxes=inboxes,
        settings=settings,
        authority_pem=authority_pem,
        status=status,
        ports=ports,
        bus=Bus(store.subscribe, hurrying=store.hurrying),
        tally=Tally(store.subscribe),
    )
    marks = Marks(store.subscribe)
    app = Starlette(
        routes=[*api.routes(context, OPERATIONS), *compat.routes(context, marks), *ui.routes(context, describe)],
        middleware=[Middleware(Guard, settings=settings)],
        exception_handlers=handlers(),
        lifespan=_lifespan,
    )
    # A redirect would let a client turn the method of what it was told to do into another one.
    app.router.redirect_slashes = False
    app.state.context = context
    app.state.listeners = (context.bus, context.tally, marks)
    return app


def close(app: Starlette) -> None:
    """End every wait and every event stream, now; what is asked later is still answered. From any thread."""
    for each in app.state.listeners:
        each.close()


@asynccontextmanager
async def _lifespan(app: Starlette) -> AsyncIterator[None]:
    try:
        yield
    finally:
        close(app)
