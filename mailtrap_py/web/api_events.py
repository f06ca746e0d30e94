"""The API's stream of events: what happens, as it happens, as server-sent events (HTML standard, section 9.2).

    message   a message was stored; its data is the message as lists show it
    session   a session began, told more of itself, or ended
    transaction   a mail transaction ended
    deleted   a message was deleted; everything in that inbox if `id` is empty, everything at all if `inbox` is, too
    missed    some events were forgotten before they could be sent: read the lists again

Every event has an id. A client that comes back and says it in `Last-Event-ID`, as browsers do, goes on from there.
"""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

from pydantic import Field
from starlette.responses import StreamingResponse

from mailtrap_py.web.api import operation
from mailtrap_py.web.bodies import MessageItem
from mailtrap_py.web.live import BusClosedError
from mailtrap_py.web.parameters import IN_HEADER, Parameters

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from mailtrap_py.store import Announcement
    from mailtrap_py.web.context import Context
    from mailtrap_py.web.live import Bus, Reader

HEARTBEAT = 15.0
"""Seconds after which something is sent though nothing happened, so that nobody between takes the stream for dead."""

_RETRY = 1000  # milliseconds after which a browser that lost the stream comes back


class Listen(Parameters):
    """Which events."""

    inbox: str | None = Field(None, min_length=1, examples=["default"], description="Only events of this inbox.")
    last_event_id: str = Field(
        "", alias="Last-Event-ID", json_schema_extra={**IN_HEADER}, description="Go on after this event."
    )


async def listen(context: Context, parameters: Listen) -> StreamingResponse:
    """Send what happens as server-sent events: `message`, `session`, `transaction`, `deleted`, and `missed`."""
    reader = context.bus.reader(parameters.last_event_id)
    return StreamingResponse(
        stream(context.bus, reader, parameters.inbox),
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
        media_type="text/event-stream",
    )


async def stream(
    bus: Bus, reader: Reader, inbox: str | None, *, heartbeat: float = HEARTBEAT
) -> AsyncGenerator[str, None]:
    """Write what the reader reads, until the bus is closed."""
    yield f"retry: {_RETRY}\n: listening\n\n"
    while True:
        try:
            async with asyncio.timeout(heartbeat):
                news = await reader.read()
        except TimeoutError:
            yield ": nothing new\n\n"
            continue
        except BusClosedError:
            return
        if news.missed:
            yield "event: missed\ndata: {}\n\n"
        first = news.number - len(news.announcements) + 1
        for number, each in enumerate(news.announcements, first):
            if inbox in {None, each.inbox} or not each.inbox:
                yield f"event: {each.kind}\nid: {bus.place(number)}\ndata: {_data(each)}\n\n"


def _data(announcement: Announcement) -> str:
    if announcement.message is not None:
        return MessageItem.model_validate(announcement.message).model_dump_json(by_alias=True)
    return json.dumps({"inbox": announcement.inbox, "id": announcement.id})


OPERATIONS = (operation("GET", "/api/events", listen, Listen, "text/event-stream"),)
