"""A client that leaves while nobody reads: noticed at once, in each of the ways in which clients leave."""

from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mailtrap_py.smtp import departure
from mailtrap_py.smtp.departure import Departure

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the signs are Linux's")


@pytest.fixture(params=["127.0.0.1", "::1"])
def ends(request: pytest.FixtureRequest) -> Iterator[tuple[socket.socket, socket.socket]]:
    family = socket.AF_INET6 if ":" in request.param else socket.AF_INET
    with socket.create_server((request.param, 0), family=family) as listener:
        client = socket.create_connection(listener.getsockname()[:2])
        server, _ = listener.accept()
    with client, server:
        yield client, server


def full(client: socket.socket, server: socket.socket) -> None:
    """Send until nothing more goes: what the client's FIN would have to wait for."""
    server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.settimeout(0)
    try:
        while True:
            client.send(b"x" * 65536)
    except BlockingIOError:
        pass


def closed(client: socket.socket) -> None:
    client.close()


def shut(client: socket.socket) -> None:
    client.shutdown(socket.SHUT_WR)


def broken(client: socket.socket) -> None:
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    client.close()


@pytest.mark.parametrize("sent", [False, True], ids=["nothing sent", "all buffers full"])
@pytest.mark.parametrize("leave", [closed, shut, broken])
def test_it_is_noticed(
    ends: tuple[socket.socket, socket.socket], leave: Callable[[socket.socket], None], *, sent: bool
) -> None:
    client, server = ends

    async def run() -> None:
        left = asyncio.Event()
        watch = Departure(server, left.set)
        await asyncio.sleep(0)
        assert not left.is_set()
        if sent:
            full(client, server)
        leave(client)
        async with asyncio.timeout(10):
            await left.wait()
        watch.stop()  # twice is once

    asyncio.run(run())


def test_one_that_stays_is_left_alone(
    ends: tuple[socket.socket, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    client, server = ends
    monkeypatch.setattr(departure, "INTERVAL", 0.001)

    async def run() -> None:
        watch = Departure(server, lambda: pytest.fail("it did not leave"))
        full(client, server)
        await asyncio.sleep(0.02)
        watch.stop()
        client.close()
        await asyncio.sleep(0.02)

    asyncio.run(run())


def test_where_the_kernel_has_no_table(
    ends: tuple[socket.socket, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    client, server = ends
    monkeypatch.setattr(departure, "_TABLES", {server.family: Path("/no/such/table")})

    async def run() -> None:
        left = asyncio.Event()
        Departure(server, left.set)
        client.close()
        async with asyncio.timeout(10):
            await left.wait()  # by its FIN

    asyncio.run(run())


def test_a_connection_that_is_gone_already(ends: tuple[socket.socket, socket.socket]) -> None:
    _, server = ends
    server.close()

    async def run() -> None:
        Departure(server, lambda: pytest.fail("there was nobody")).stop()

    asyncio.run(run())


def test_a_pair_without_addresses() -> None:
    here, there = socket.socketpair()
    with here, there:

        async def run() -> None:
            left = asyncio.Event()
            Departure(here, left.set)
            there.close()
            async with asyncio.timeout(10):
                await left.wait()

        asyncio.run(run())
