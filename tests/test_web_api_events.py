"""The stream of events, read as a browser reads it: over ASGI, one piece at a time."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from starlette.types import Message

from mailtrap_py.events import Ending, SessionEnded
from mailtrap_py.web.api_events import stream
from mailtrap_py.web.app import close
from tests.served import Served, accepted, mail, started


@pytest.fixture
def served() -> Iterator[Served]:
    with Served.open() as served:
        yield served


class Browser:
    """One request whose answer has no end."""

    def __init__(self) -> None:
        self.sent: asyncio.Queue[Message] = asyncio.Queue()
        self.gone = asyncio.Event()
        self.asked = False

    async def receive(self) -> Message:
        if not self.asked:
            self.asked = True
            return {"type": "http.request", "body": b"", "more_body": False}
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        await self.sent.put(message)

    async def next(self) -> Message:
        return await asyncio.wait_for(self.sent.get(), 10)

    async def event(self) -> dict[str, str]:
        lines = (await self.next())["body"].decode().splitlines()
        return dict(line.split(": ", 1) for line in lines if line)


@asynccontextmanager
async def listening(served: Served, query: str = "", *, method: str = "GET", last: str = "") -> AsyncIterator[Browser]:
    browser = Browser()
    headers = [(b"host", b"localhost"), *([(b"last-event-id", last.encode())] if last else [])]
    scope: dict[str, Any] = {
        "type": "http",
        "http_version": "1.1",
        "method": method,
        "path": "/api/events",
        "query_string": query.encode(),
        "headers": headers,
        "asgi": {"version": "3.0", "spec_version": "2.3"},
    }
    running = asyncio.create_task(served.app(scope, browser.receive, browser.send))
    try:
        yield browser
    finally:
        browser.gone.set()
        await asyncio.wait_for(running, 10)


async def begin(browser: Browser) -> None:
    head = await browser.next()
    assert (b"content-type", b"text/event-stream; charset=utf-8") in head["headers"]
    assert (await browser.next())["body"] == b"retry: 1000\n: listening\n\n"


def test_what_happens_is_sent_as_it_happens(served: Served) -> None:
    async def main() -> None:
        async with listening(served) as browser:
            await begin(browser)
            message = mail()
            await served.store.commit(message)
            first = await browser.event()
            await served.store.commit(accepted(message))
            second = await browser.event()
            await asyncio.to_thread(served.store.delete_message, message.id)
            third = await browser.event()
            await served.store.commit(started())
            fourth = await browser.event()

        assert first["event"] == "message"
        shown = json.loads(first["data"])
        assert (shown["id"], shown["subject"], shown["from"]) == (message.id, "Hello", "ann@example.com")
        assert (second["event"], json.loads(second["data"])) == (
            "transaction",
            {"inbox": "default", "id": message.transaction_id},
        )
        assert (third["event"], json.loads(third["data"])) == ("deleted", {"inbox": "default", "id": message.id})
        assert (fourth["event"], json.loads(fourth["data"])) == ("session", {"inbox": "default", "id": "s1"})

    asyncio.run(main())


def test_only_events_of_the_inbox_are_sent(served: Served) -> None:
    async def main() -> None:
        async with listening(served, "inbox=other") as browser:
            await begin(browser)
            await served.store.commit(started("s1", "default"))
            await served.store.commit(started("s2", "other"))
            await asyncio.to_thread(served.store.clear)
            events = [await browser.event(), await browser.event()]

        assert [(each["event"], json.loads(each["data"])) for each in events] == [
            ("session", {"inbox": "other", "id": "s2"}),
            ("deleted", {"inbox": "", "id": ""}),
        ]

    asyncio.run(main())


def test_a_stream_goes_on_after_the_last_event_that_came(served: Served) -> None:
    async def main() -> None:
        async with listening(served) as browser:
            await begin(browser)
            await served.store.commit(started("s1"))
            last = (await browser.event())["id"]
        await served.store.commit(started("s2"))

        async with listening(served, last=last) as browser:
            await begin(browser)
            event = await browser.event()

        assert json.loads(event["data"])["id"] == "s2"

    asyncio.run(main())


def test_a_stream_that_missed_something_says_so(served: Served) -> None:
    async def main() -> None:
        await served.store.commit(started("s1"))

        async with listening(served, last="before-the-restart") as browser:
            await begin(browser)
            assert await browser.event() == {"event": "missed", "data": "{}"}
            assert json.loads((await browser.event())["data"])["id"] == "s1"

    asyncio.run(main())


def test_a_stream_ends_with_the_server(served: Served) -> None:
    async def main() -> None:
        async with listening(served) as browser:
            await begin(browser)
            await served.somebody_waits()
            close(served.app)

            assert await browser.next() == {"type": "http.response.body", "body": b"", "more_body": False}

    asyncio.run(main())


def test_a_stream_ends_with_its_client(served: Served) -> None:
    async def main() -> None:
        async with listening(served) as browser:
            await begin(browser)
            await served.somebody_waits()

        assert served.context.bus.sleepers == 0

    asyncio.run(main())


def test_the_head_of_a_stream_has_no_body(served: Served) -> None:
    answer = served.ask("HEAD", "/api/events")

    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"


def test_silence_is_broken_now_and_then(served: Served) -> None:
    async def main() -> None:
        bus = served.context.bus
        pieces = stream(bus, bus.reader(), None, heartbeat=0)
        assert await anext(pieces) == "retry: 1000\n: listening\n\n"
        assert await anext(pieces) == ": nothing new\n\n"
        await served.store.commit(
            SessionEnded(id="s1", inbox="default", at=0.0, clock=0.0, ending=Ending.QUIT, reason="")
        )

        assert (await anext(pieces)).startswith("event: session\n")
        await pieces.aclose()

    asyncio.run(main())
