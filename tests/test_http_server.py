from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
import time
from collections.abc import AsyncIterator

import httpx
import pytest
from starlette.applications import Starlette

from mailtrap_py import ports
from mailtrap_py.http_server import HttpServer
from tests.connected import looped
from tests.served import Served

SOON = 20
"""Seconds that an end may take where a machine is busy: far fewer than those who are cut off would have stayed."""


def listeners() -> list[socket.socket]:
    return ports.bind(["127.0.0.1"], 0, purpose="http-port")


@contextlib.asynccontextmanager
async def serving(app: Starlette) -> AsyncIterator[tuple[HttpServer, httpx.AsyncClient, list[socket.socket]]]:
    """Serve on a free port, with a client that knows where."""
    sockets = listeners()
    server = HttpServer(app, sockets)
    await server.start()
    try:
        url = f"http://127.0.0.1:{sockets[0].getsockname()[1]}"
        async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=30) as client:
            yield server, client, sockets
    finally:
        await server.stop()


@looped
async def test_requests_are_answered_once_it_has_started() -> None:
    with Served.open() as served:
        async with serving(served.app) as (_, client, _):
            answer = await client.get("/livez")

    assert answer.status_code == 200
    assert "server" not in answer.headers


@looped
async def test_the_sockets_are_closed_at_the_end() -> None:
    with Served.open() as served:
        async with serving(served.app) as (_, _, sockets):
            where = sockets[0].getsockname()

    assert [one.fileno() for one in sockets] == [-1]
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection(*where)


@looped
async def test_an_event_stream_ends_with_the_server() -> None:
    with Served.open() as served:
        async with serving(served.app) as (server, client, _), client.stream("GET", "/api/events") as stream:
            lines = stream.aiter_lines()
            assert (await anext(lines)).startswith("retry:")

            began = time.monotonic()
            await server.stop()
            rest = [line async for line in lines]

            assert time.monotonic() - began < SOON
            assert [line for line in rest if line.startswith("event:")] == []


@looped
async def test_a_long_poll_is_answered_when_the_server_ends() -> None:
    with Served.open() as served:
        async with serving(served.app) as (server, client, _):
            asked = asyncio.create_task(client.get("/api/messages/wait", params={"timeout": "1m"}))
            await served.somebody_waits()

            began = time.monotonic()
            await server.stop()
            answer = await asked

            assert time.monotonic() - began < SOON
            assert answer.status_code == 503


@looped
async def test_who_never_sends_a_whole_request_does_not_hold_it_up() -> None:
    with Served.open() as served:
        async with serving(served.app) as (server, client, sockets):
            _, writer = await asyncio.open_connection(*sockets[0].getsockname())
            writer.write(b"GET /livez HTTP/1.1\r\nHost: a\r\n")
            await writer.drain()
            await client.get("/livez")

            began = time.monotonic()
            await server.stop()

            assert time.monotonic() - began < SOON
            writer.close()


@looped
async def test_it_leaves_the_signals_to_the_program() -> None:
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    with Served.open() as served:
        async with serving(served.app):
            assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


@looped
async def test_what_keeps_it_from_starting_is_raised_once() -> None:
    """A closed socket stands for all that the operating system can object to."""
    sockets = listeners()
    sockets[0].close()
    with Served.open() as served:
        server = HttpServer(served.app, sockets)
        with pytest.raises(OSError, match="Bad file descriptor"):
            await server.start()

        await server.stop()


@looped
async def test_one_that_was_not_started_can_be_stopped() -> None:
    sockets = listeners()
    with Served.open() as served:
        await HttpServer(served.app, sockets).stop()

    for one in sockets:
        one.close()
