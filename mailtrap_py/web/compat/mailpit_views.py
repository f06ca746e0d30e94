"""What Mailpit has beside /api/v1: /view/... for tests that look at a message in a browser, and its websocket."""

from __future__ import annotations

import asyncio
import contextlib
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.websockets import WebSocketDisconnect

from mailtrap_py.message import view
from mailtrap_py.web.compat.mailpit import VERSION
from mailtrap_py.web.compat.wire import BareError, go_json, served
from mailtrap_py.web.files import HTML_SANDBOX, SANDBOX, shown
from mailtrap_py.web.live import BusClosedError

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.websockets import WebSocket

    from mailtrap_py.store import Announcement
    from mailtrap_py.web.compat.mailbox import Mailbox
    from mailtrap_py.web.compat.mailpit import Mailpit
    from mailtrap_py.web.context import Context
    from mailtrap_py.web.live import Reader

_CID = re.compile(r"cid:([^\"'\s)>]+)", re.IGNORECASE)


class Views:
    """The routes of Mailpit's views and of its events."""

    def __init__(self, context: Context, mailbox: Mailbox, mailpit: Mailpit) -> None:
        """Show this mailbox."""
        self._context, self._box, self._mailpit = context, mailbox, mailpit

    def routes(self) -> list[BaseRoute]:
        """Make the routes."""
        return [
            Route("/view/{id}.html", served(self.html)),
            Route("/view/{id}.txt", served(self.text)),
            Route("/view/{id}", served(self.page)),
            Route("/search", self.found),
            WebSocketRoute("/api/events", self.events),
        ]

    def html(self, request: Request) -> Response:
        """Give the HTML alone, its own images in place, and mark the message as read."""
        message, raw = self._mailpit.one(request)
        mail = view(raw)
        if not mail.html:
            raise BareError("This message does not contain a HTML part", 404)
        self._box.marks.set_read([message.id], read=True)
        parts = {part.content_id: part.index for part in mail.parts if part.content_id}

        def placed(found: re.Match[str]) -> str:
            index = parts.get(found[1])
            return found[0] if index is None else f"/api/v1/message/{message.id}/part/{index}"

        policy = HTML_SANDBOX.replace("img-src data:", "img-src 'self' data:")
        return shown(message.id, _CID.sub(placed, mail.html), "text/html", policy)

    def text(self, request: Request) -> Response:
        """Give the text alone, and mark the message as read."""
        message, raw = self._mailpit.one(request)
        self._box.marks.set_read([message.id], read=True)
        return shown(message.id, view(raw).text.replace("\n", "\r\n"), "text/plain", SANDBOX)

    def page(self, request: Request) -> Response:
        """Lead to the page of a message; `latest` first to its own address, as Mailpit does."""
        try:
            message, _ = self._mailpit.one(request)
        except BareError:
            return RedirectResponse("/", 302)
        latest = request.path_params["id"] == "latest"
        return RedirectResponse(f"/view/{message.id}" if latest else f"/messages/{message.id}", 302)

    async def found(self, request: Request) -> Response:
        """Lead to the list that a search finds."""
        return RedirectResponse(f"/?search={quote(request.query_params.get('q', ''))}", 302)

    async def events(self, socket: WebSocket) -> None:
        """Send what happens, until one of both leaves."""
        reader = self._context.bus.reader()  # before the client knows that it is listened to
        with self._box.marks.listening() as changes:
            await socket.accept()
            work = [self._send_news(socket, reader), self._send_changes(socket, changes), _hear(socket)]
            tasks = [asyncio.ensure_future(each) for each in work]
            try:
                await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
        with contextlib.suppress(RuntimeError, WebSocketDisconnect):  # it left first
            await socket.close()

    async def _send_news(self, socket: WebSocket, reader: Reader) -> None:
        while True:
            try:
                news = await reader.read()
            except BusClosedError:
                return
            events = [event for each in news.announcements if (event := await self._event(each)) is not None]
            if news.missed:
                events.insert(0, {"Type": "prune", "Data": None})
            for event in events:
                await _send(socket, event)
            if events:
                await _send(socket, {"Type": "stats", "Data": await run_in_threadpool(self._stats)})

    async def _event(self, announcement: Announcement) -> dict[str, Any] | None:
        if announcement.message is not None:
            summary = await run_in_threadpool(self._mailpit.summary, announcement.message)
            return {"Type": "new", "Data": summary}
        if announcement.kind != "deleted":
            return None
        if announcement.id:
            return {"Type": "delete", "Data": {"ID": announcement.id}}
        return {"Type": "prune" if announcement.inbox else "truncate", "Data": None}

    async def _send_changes(self, socket: WebSocket, changes: asyncio.Queue[dict[str, Any]]) -> None:
        while True:
            await _send(socket, {"Type": "update", "Data": await changes.get()})

    def _stats(self) -> dict[str, Any]:
        return {"Total": self._box.total(), "Unread": self._box.unread(), "Version": VERSION}


async def _send(socket: WebSocket, event: dict[str, Any]) -> None:
    await socket.send_text(go_json(event).decode())


async def _hear(socket: WebSocket) -> None:
    """Return when the client leaves; what it says means nothing."""
    with contextlib.suppress(WebSocketDisconnect):
        while True:
            await socket.receive_text()
