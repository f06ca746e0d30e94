"""MailHog's API, as it really answers: /api/v2 always, /api/v1 as far as it is not Mailpit's, or all of it."""

from __future__ import annotations

import asyncio
import base64
import binascii
import contextlib
import itertools
import json
from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response, StreamingResponse
from starlette.routing import BaseRoute, Route, WebSocketRoute

from mailtrap_py.store import Query
from mailtrap_py.web.api_events import HEARTBEAT
from mailtrap_py.web.compat.mailhog_jim import Jim
from mailtrap_py.web.compat.mailhog_shapes import id_of, message_json
from mailtrap_py.web.compat.mailpit import by_method
from mailtrap_py.web.compat.wire import BareError, answer, go_json, json_body, not_found, number
from mailtrap_py.web.files import SANDBOX, file
from mailtrap_py.web.live import BusClosedError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterable

    from starlette.requests import Request
    from starlette.websockets import WebSocket

    from mailtrap_py.store import MessageSummary
    from mailtrap_py.web.compat.mailbox import Mailbox
    from mailtrap_py.web.context import Context
    from mailtrap_py.web.live import Reader

_TEXT_JSON = "text/json"
_USUAL, _MOST, _ALL = 50, 250, 1000
_KINDS = ("from", "to", "containing")


class MailHog:
    """The routes of MailHog's API."""

    def __init__(self, context: Context, mailbox: Mailbox) -> None:
        """Serve this mailbox."""
        self._context, self._box = context, mailbox
        self._jim = Jim(context.inboxes)

    def routes(self, *, lists: bool) -> list[BaseRoute]:
        """Make the routes; `lists` is on when /api/v1/messages is MailHog's."""
        one = "/api/v1/messages/{id}"
        table: list[tuple[str, dict[str, Any]]] = [
            ("/api/v2/messages", {"GET": self.messages}),
            ("/api/v2/search", {"GET": self.search}),
            (
                "/api/v2/jim",
                {"GET": self.jim, "POST": self.invite_jim, "PUT": self.change_jim, "DELETE": self.dismiss_jim},
            ),
            ("/api/v2/outgoing-smtp", {"GET": self.outgoing}),
            (one, {"GET": self.message, "DELETE": self.delete}),
            (f"{one}/download", {"GET": self.download}),
            (f"{one}/mime/part/{{number:int}}/download", {"GET": self.part}),
            (f"{one}/release", {"POST": self.release}),
        ]
        if lists:
            table.append(("/api/v1/messages", {"GET": self.every, "DELETE": self.delete_all}))
        return [
            *(Route(path, by_method(methods), methods=list(methods)) for path, methods in table),
            Route("/api/v1/events", self.events),
            WebSocketRoute("/api/v2/websocket", self.socket),
        ]

    def _shape(self, message: MessageSummary) -> dict[str, Any]:
        raw = self._context.store.raw(message.id) or b""
        return message_json(message, raw, hostname=self._context.settings.hostname)

    # Version 2

    def messages(self, request: Request) -> Response:
        """List messages, newest first."""
        return self._listed(request, self._box.all(), self._box.total())

    def search(self, request: Request) -> Response:
        """List the messages in which something stands: in a sender, in a recipient, or anywhere."""
        kind, query = (request.query_params.get(name, "") for name in ("kind", "query"))
        if kind not in _KINDS or not query:
            raise BareError("")
        found = [each for each in self._box.all() if self._has(each, kind, query.lower())]
        return self._listed(request, found, len(found), media_type="application/json")

    def _has(self, message: MessageSummary, kind: str, wanted: str) -> bool:
        if kind == "containing":  # as it was sent: what is encoded is not found
            return wanted in (self._context.store.raw(message.id) or b"").decode("utf-8", "replace").lower()
        envelope = message.recipients if kind == "to" else (message.reverse_path,)
        header = message.to if kind == "to" else message.from_
        return any(wanted in each.lower() for each in (*envelope, header))

    def _listed(
        self, request: Request, found: Iterable[MessageSummary], total: int, *, media_type: str = _TEXT_JSON
    ) -> Response:
        start, limit = number(request, "start", 0), number(request, "limit", _USUAL) or _USUAL
        items = [self._shape(each) for each in itertools.islice(found, start, start + min(limit, _MOST))]
        value = {"total": total, "count": len(items), "start": start, "items": items}
        return answer(value, media_type=media_type)

    def jim(self, _: Request) -> Response:
        """Say what Jim does, if he is there."""
        return answer(self._jim.there())

    def invite_jim(self, request: Request) -> Response:
        """Let Jim come."""
        self._jim.invite(json_body(request) if request.state.body.strip() else {})
        return Response(status_code=201)

    def change_jim(self, request: Request) -> Response:
        """Tell Jim otherwise."""
        self._jim.there()
        self._jim.change(json_body(request))
        return Response()

    def dismiss_jim(self, _: Request) -> Response:
        """Send Jim away."""
        self._jim.leave()
        return Response()

    def outgoing(self, _: Request) -> Response:
        """List the servers to release mail to: there are none."""
        return answer({})

    # Version 1

    def every(self, _: Request) -> Response:
        """Give the newest thousand messages, as a bare list."""
        return answer([self._shape(each) for each in self._box.page(0, _ALL)], media_type=_TEXT_JSON)

    def delete_all(self, _: Request) -> Response:
        """Delete everything."""
        self._context.store.delete_messages(Query())
        return Response(media_type=_TEXT_JSON)

    def message(self, request: Request) -> Response:
        """Give a message; null when there is none."""
        message = self._context.store.message(id_of(request.path_params["id"]))
        return answer(None if message is None else self._shape(message), media_type=_TEXT_JSON)

    def delete(self, request: Request) -> Response:
        """Delete a message; 500 when there is none."""
        deleted = self._context.store.delete_message(id_of(request.path_params["id"]))
        return Response(status_code=200 if deleted else 500, media_type=_TEXT_JSON)

    def download(self, request: Request) -> Response:
        """Give the octets of a message, as they came."""
        name = id_of(request.path_params["id"])
        raw = self._context.store.raw(name)
        if raw is None:
            raise not_found()
        return file(name, raw, "message/rfc822", f"{name}.eml")

    def part(self, request: Request) -> Response:
        """Give a part as it was sent, base64 undone, under the fields that it came with."""
        message = self._context.store.message(id_of(request.path_params["id"]))
        shape = None if message is None else self._shape(message)
        parts = ((shape or {}).get("MIME") or {}).get("Parts", [])
        wanted = request.path_params["number"]
        if wanted >= len(parts):
            raise not_found()
        return _part(parts[wanted])

    def release(self, _: Request) -> Response:
        """Refuse: what is caught here goes nowhere."""
        raise BareError("mail that was caught here is not released")

    # Both

    async def events(self, _: Request) -> Response:
        """Send every message that comes, as server-sent events."""
        return StreamingResponse(self._stream(), media_type="text/event-stream", headers={"Cache-Control": "no-store"})

    async def _stream(self) -> AsyncGenerator[str, None]:
        reader = self._context.bus.reader()
        yield ": listening\n\n"
        while True:
            try:
                async with asyncio.timeout(HEARTBEAT):
                    news = await reader.read()
            except TimeoutError:
                yield "keepalive: \n\n"
                continue
            except BusClosedError:
                return
            for each in news.announcements:
                if each.message is not None:
                    text = json.dumps(await run_in_threadpool(self._shape, each.message), indent=2)
                    yield "".join(f"data: {line}\n" for line in text.splitlines()) + "\n"

    async def socket(self, socket: WebSocket) -> None:
        """Send every message that comes over a websocket."""
        reader = self._context.bus.reader()  # before the client knows that it is listened to
        await socket.accept()
        tasks = [asyncio.ensure_future(self._send(socket, reader)), asyncio.ensure_future(_leave(socket))]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        with contextlib.suppress(RuntimeError):  # the client left first
            await socket.close()

    async def _send(self, socket: WebSocket, reader: Reader) -> None:
        with contextlib.suppress(BusClosedError):
            while True:
                for each in (await reader.read()).announcements:
                    if each.message is not None:
                        shape = await run_in_threadpool(self._shape, each.message)
                        await socket.send_text(go_json(shape).decode())


async def _leave(socket: WebSocket) -> None:
    while (await socket.receive())["type"] != "websocket.disconnect":
        pass


def _part(part: dict[str, Any]) -> Response:
    headers = {name.lower(): values[0] for name, values in part["Headers"].items()}
    body = part["Body"].encode()
    if headers.get("content-transfer-encoding", "").strip().lower() == "base64":
        with contextlib.suppress(binascii.Error, ValueError):
            body = base64.b64decode(body)
    return Response(body, headers={"Content-Type": "application/octet-stream", "Content-Security-Policy": SANDBOX})
