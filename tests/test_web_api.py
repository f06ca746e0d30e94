"""How an operation is served: plain functions in threads, coroutines while their client is there."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator

import pytest
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.types import Message

from mailtrap_py.web.api import change, operation, routes
from mailtrap_py.web.bodies import Answer
from mailtrap_py.web.context import Context
from mailtrap_py.web.parameters import Body, Parameters
from tests.served import Served


class Said(Answer):
    text: str


class Say(Body):
    text: str


class Where(Parameters):
    id: str


def in_thread(_: Context, __: Parameters) -> Said:
    return Said(text=threading.current_thread().name)


async def on_loop(_: Context, __: Parameters) -> Said:
    return Said(text=threading.current_thread().name)


def tagged(_: Context, parameters: Where) -> Response:
    return Response(b"content", headers={"ETag": f'"{parameters.id}"'}, media_type="text/plain")


def make(context: Context, parameters: Where, body: Say) -> Said:
    return Said(text=f"{context.settings.hostname} {parameters.id} {body.text}")


class Door:
    """A coroutine that waits for ever, and knows how it ended."""

    def __init__(self) -> None:
        self.entered = asyncio.Event()
        self.cancelled = False

    async def wait(self, _: Context, __: Parameters) -> Said:
        self.entered.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.cancelled = True
            raise
        raise AssertionError


@pytest.fixture
def context() -> Iterator[Context]:
    with Served.open() as served:
        yield served.context


@pytest.fixture
def served(context: Context) -> Served:
    table = [
        operation("GET", "/thread", in_thread, Parameters, Said),
        operation("GET", "/loop", on_loop, Parameters, Said),
        operation("GET", "/tagged/{id}", tagged, Where, "text/plain"),
        change("PUT", "/tagged/{id}", make, Where, Say, Said, status=201),
    ]
    return Served(Starlette(routes=routes(context, table)), {})


def test_a_function_runs_in_a_thread_and_a_coroutine_on_the_loop(served: Served) -> None:
    assert served.ask("GET", "/loop").json() == {"text": threading.current_thread().name}
    assert served.ask("GET", "/thread").json() != {"text": threading.current_thread().name}


def test_an_answer_is_json_that_nobody_keeps(served: Served) -> None:
    answer = served.ask("GET", "/loop")

    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"


def test_a_change_gets_context_parameters_and_body(served: Served) -> None:
    answer = served.ask("PUT", "/tagged/7", json={"text": "hello"})

    assert (answer.status_code, answer.json()) == (201, {"text": "mailtrap.localhost 7 hello"})


def test_a_path_knows_all_its_methods(served: Served) -> None:
    answer = served.ask("DELETE", "/tagged/7")

    assert {each.strip() for each in answer.headers["allow"].split(",")} == {"GET", "HEAD", "PUT"}


def test_content_that_the_client_has_is_not_sent_again(served: Served) -> None:
    assert served.ask("GET", "/tagged/7").content == b"content"

    again = served.ask("GET", "/tagged/7", headers={"If-None-Match": '"6", W/"7"'})

    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", '"7"')


def test_work_ends_when_its_client_goes_away(context: Context) -> None:
    async def main() -> None:
        door = Door()
        [route] = routes(context, [operation("GET", "/wait", door.wait, Parameters, Said)])
        messages: asyncio.Queue[Message] = asyncio.Queue()
        sent: list[Message] = []

        async def send(message: Message) -> None:
            sent.append(message)

        scope = {"type": "http", "method": "GET", "path": "/wait", "query_string": b"", "headers": []}
        running = asyncio.create_task(route(scope, messages.get, send))
        await messages.put({"type": "http.request", "body": b"", "more_body": False})
        await asyncio.wait_for(door.entered.wait(), 10)

        await messages.put({"type": "http.disconnect"})
        await asyncio.wait_for(running, 10)

        assert door.cancelled
        assert sent[0]["status"] == 204

    asyncio.run(main())


def test_a_change_that_breaks_off_does_nothing(context: Context) -> None:
    async def main() -> None:
        made: list[Say] = []

        def remember(_: Context, __: Parameters, body: Say) -> Said:
            made.append(body)
            return Said(text="")

        [route] = routes(context, [change("POST", "/say", remember, Parameters, Say, Said)])
        messages: list[Message] = [
            {"type": "http.request", "body": b'{"text": "a"}', "more_body": True},
            {"type": "http.disconnect"},
        ]
        sent: list[Message] = []

        async def receive() -> Message:
            return messages.pop(0)

        async def send(message: Message) -> None:
            sent.append(message)

        headers = [(b"content-type", b"application/json")]
        scope = {"type": "http", "method": "POST", "path": "/say", "query_string": b"", "headers": headers}
        await route(scope, receive, send)

        assert (made, sent[0]["status"]) == ([], 204)

    asyncio.run(main())
