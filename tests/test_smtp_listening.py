from __future__ import annotations

import asyncio
import select
import smtplib
import socket
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import cast

import pytest

from mailtrap_py import Mailtrap, ports
from mailtrap_py.clock import ManualClock
from mailtrap_py.errors import SettingError
from mailtrap_py.scenario import ListenerHow
from mailtrap_py.smtp.listening import Listening, turns
from mailtrap_py.smtp.server import Server
from tests.connected import house

Work = Callable[[Listening, int], Awaitable[None]]


class Greeter(asyncio.Protocol):
    """Says one word and closes."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport = cast("asyncio.Transport", transport)  # uvloop's is none
        transport.write(b"hello")
        transport.close()


def listening(work: Work) -> None:
    """Do something with a port that listens."""

    async def run() -> None:
        (listener,) = ports.bind(["127.0.0.1"], 0, purpose="smtp-port")
        number = listener.getsockname()[1]
        port = Listening(listener, Greeter)
        await port.take()
        try:
            await work(port, number)
        finally:
            await port.refuse()

    asyncio.run(run())


async def greeted(number: int) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", number)
    try:
        return await reader.read()
    finally:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


def test_it_takes_connections() -> None:
    async def work(port: Listening, number: int) -> None:
        await port.take()  # twice is once
        assert await greeted(number) == b"hello"

    listening(work)


def test_who_is_interrupted_while_opening_leaves_a_port_that_can_be_closed() -> None:
    async def work(port: Listening, number: int) -> None:
        for _ in range(3):
            await port.refuse()
            opening = asyncio.create_task(port.take())
            await asyncio.sleep(0)
            opening.cancel()
            await asyncio.wait([opening])
        await port.refuse()
        with pytest.raises(ConnectionRefusedError):
            await greeted(number)
        await port.take()
        assert await greeted(number) == b"hello"

    listening(work)


def test_refused_and_taken_again_on_the_same_port() -> None:
    async def work(port: Listening, number: int) -> None:
        await port.refuse()
        with pytest.raises(ConnectionRefusedError):
            await greeted(number)
        await port.refuse()
        await port.take()
        assert await greeted(number) == b"hello"

    listening(work)


def test_paused_connections_wait_and_are_taken_then() -> None:
    async def work(port: Listening, number: int) -> None:
        await port.pause()
        await port.pause()
        waiting = asyncio.create_task(greeted(number))
        with socket.create_connection(("127.0.0.1", number)):  # the kernel accepts it
            await turns()
            assert not waiting.done()
            await port.take()
            assert await waiting == b"hello"
            await turns()

    listening(work)


def test_a_port_that_another_program_took_is_named() -> None:
    async def work(port: Listening, number: int) -> None:
        await port.refuse()
        with socket.create_server(("127.0.0.1", number)), pytest.raises(SettingError, match=str(number)):
            await port.take()

    listening(work)


@pytest.mark.parametrize("how", [ListenerHow.REFUSE, ListenerHow.PAUSE])
def test_a_server_closes_its_ports_for_a_while_and_its_sessions_go_on(how: ListenerHow) -> None:
    async def run() -> None:
        async with house() as built:
            clock = built.inbox.clock = ManualClock()
            client = await built.greeted(hello="HELO c")
            built.server.control(how, 10.0, built.inbox)
            await until(lambda: clock.sleepers)
            assert (await client.ask("NOOP")).startswith("250")
            if how is ListenerHow.REFUSE:
                with pytest.raises(ConnectionRefusedError):
                    await built.connect()
            clock.advance(10.0)
            await until(lambda: taking(built.server))
            await built.greeted(hello="HELO d")

    asyncio.run(run())


def test_a_server_that_refuses_for_good_takes_again_when_told() -> None:
    async def run() -> None:
        async with house() as built:
            built.server.control(ListenerHow.REFUSE, None, built.inbox)
            await until(lambda: not taking(built.server))
            built.server.control(ListenerHow.RESUME, None, built.inbox)
            await until(lambda: taking(built.server))
            await built.greeted(hello="HELO c")

    asyncio.run(run())


def test_a_closed_port_opens_when_the_inbox_is_reset() -> None:
    async def run() -> None:
        async with house() as built:
            built.server.control(ListenerHow.REFUSE, 600.0, built.inbox)
            await until(lambda: not taking(built.server) and built.inbox.stalled())
            built.inbox.reset()
            await until(lambda: taking(built.server))
            await built.greeted(hello="HELO c")

    asyncio.run(run())


def test_a_reset_of_the_handle_opens_the_port_at_once() -> None:
    with Mailtrap() as trap:
        trap.fail("noop", {"listener": "refuse", "for": "10m"})
        with smtplib.SMTP(trap.host, trap.port, timeout=30) as smtp:
            smtp.noop()
            with suppress(ConnectionError):  # refused, or broken by the closing
                while True:  # the port closes within a few turns of its loop
                    socket.create_connection((trap.host, trap.port), timeout=30).close()
        trap.reset()
        with smtplib.SMTP(trap.host, trap.port, timeout=30) as smtp:
            assert smtp.noop()[0] == 250


def taking(server: Server) -> bool:
    return all(port._server is not None for port in server._listeners)  # noqa: SLF001 - the state has no other sign


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110 - it has no event
            await asyncio.sleep(0)


async def unanswered(number: int, host: str = "127.0.0.1") -> None:
    """See that nobody answers: on loopback the kernel answers within the call, or drops what came."""
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await asyncio.open_connection(host, number)


def test_a_connection_that_nobody_answers() -> None:
    async def work(port: Listening, number: int) -> None:
        await port.swallow()
        await unanswered(number)
        await port.swallow()
        await unanswered(number)
        await port.take()
        assert await greeted(number) == b"hello"
        assert not port._stoppers  # noqa: SLF001 - they would keep sockets open

    listening(work)


def test_one_that_went_on_asking_is_answered_in_the_end() -> None:
    async def work(port: Listening, number: int) -> None:
        await port.swallow()
        client = asyncio.create_task(greeted(number))
        await asyncio.sleep(0.01)
        await port.take()
        assert await client == b"hello"  # TCP asks again after a second

    listening(work)


def test_who_is_interrupted_while_falling_silent_leaves_a_port_that_can_be_opened() -> None:
    async def work(port: Listening, number: int) -> None:
        for _ in range(3):
            falling = asyncio.create_task(port.swallow())
            await until(lambda: port._stoppers)  # noqa: SLF001 - it has no event
            falling.cancel()
            await port.take()
            async with asyncio.timeout(30):
                assert await greeted(number) == b"hello"

    listening(work)


@pytest.mark.parametrize("after", ["pause", "refuse"])
def test_silence_ends_in_another_way(after: str) -> None:
    async def work(port: Listening, number: int) -> None:
        await port.swallow()
        await getattr(port, after)()
        if after == "pause":
            waiting = asyncio.create_task(greeted(number))
        else:
            with pytest.raises(ConnectionRefusedError):
                await greeted(number)
            await port.swallow()
            await unanswered(number)
        await port.take()
        assert await (waiting if after == "pause" else greeted(number)) == b"hello"

    listening(work)


def test_connections_that_waited_before_the_silence_are_taken_after_it() -> None:
    async def work(port: Listening, number: int) -> None:
        await port.pause()
        client = asyncio.create_task(greeted(number))
        waiting = port._socket  # noqa: SLF001 - nothing else tells
        await until(lambda: waiting and select.select([waiting], [], [], 0)[0])
        await port.swallow()
        await unanswered(number)
        await port.take()
        assert await client == b"hello"

    listening(work)


def test_on_all_addresses_and_on_ipv6() -> None:
    async def run() -> None:
        for host, client in (("0.0.0.0", "127.0.0.1"), ("::1", "::1")):
            (listener,) = ports.bind([host], 0, purpose="smtp-port")
            number = listener.getsockname()[1]
            port = Listening(listener, Greeter)
            await port.take()
            await port.swallow()
            await unanswered(number, client)
            await port.refuse()

    asyncio.run(run())


def test_a_unix_socket_pauses_and_opens_again(tmp_path: Path) -> None:
    file = tmp_path / "socket"

    async def greeting() -> bytes:
        reader, writer = await asyncio.open_unix_connection(file)
        try:
            return await reader.read()
        finally:
            writer.close()

    async def run() -> None:
        port = Listening(ports.bind_file(str(file), purpose="lmtp-socket"), Greeter)
        await port.take()
        assert (port.number, await greeting()) == (0, b"hello")
        await port.pause()
        waiting = asyncio.ensure_future(greeting())
        await turns()
        await port.take()
        assert await waiting == b"hello"
        await port.refuse()
        assert not file.exists()
        await port.take()
        assert await greeting() == b"hello"
        await port.refuse()

    asyncio.run(run())
