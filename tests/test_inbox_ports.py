from __future__ import annotations

import asyncio
import contextlib
import smtplib
import socket
from collections.abc import AsyncIterator, Sequence

import pytest

from mailtrap_py import Mailtrap
from mailtrap_py.errors import SettingError
from mailtrap_py.events import SessionStarted
from mailtrap_py.inbox import Inboxes
from mailtrap_py.inbox_ports import InboxPorts
from mailtrap_py.scenario import ListenerHow
from mailtrap_py.smtp.server import Server
from mailtrap_py.smtp.service import Service
from tests.connected import Book, Client, looped

HOST = "127.0.0.1"


class House:
    """A server without a port of its own, and its ports for inboxes."""

    def __init__(self, numbers: Sequence[int]) -> None:
        self.book, self.inboxes = Book(), Inboxes()
        self.server = Server(Service(record=self.book, inboxes=self.inboxes))
        self.ports = InboxPorts(self.server, self.inboxes, [HOST], numbers)
        for name in ("one", "two"):
            self.inboxes.create(name)

    async def come(self, number: int) -> Client:
        client = Client(*await asyncio.open_connection(HOST, number))
        await client.hear()
        return client

    @property
    def came_to(self) -> list[str]:
        return [started.inbox for started in self.book.of(SessionStarted)]


@contextlib.asynccontextmanager
async def house(numbers: Sequence[int] = ()) -> AsyncIterator[House]:
    built = House(numbers)
    try:
        yield built
    finally:
        await built.server.close()


@looped
async def test_each_port_leads_to_its_inbox() -> None:
    async with house() as built:
        numbers = [await built.ports.open("smtp", name) for name in ("one", "two")]
        for number in numbers:
            (await built.come(number)).leave()

        assert built.ports.opened == dict.fromkeys(numbers, "smtp")

    assert built.came_to == ["one", "two"]


@looped
async def test_a_port_that_is_closed_takes_nobody() -> None:
    async with house() as built:
        number = await built.ports.open("smtp", "one")
        client = await built.come(number)

        await built.ports.close(number)

        assert built.ports.opened == {}
        assert built.inboxes.at(number).name == "default"
        with pytest.raises(OSError, match=r"refused|Connect call failed"):
            await built.come(number)
        assert (await client.ask("NOOP")).startswith("250")  # its session goes on
        client.leave()


@looped
async def test_what_is_done_to_one_inbox_is_not_done_to_another() -> None:
    async with house() as built:
        one, two = [await built.ports.open("smtp", name) for name in ("one", "two")]
        in_one, in_two = await built.come(one), await built.come(two)

        await built.ports.shut(ListenerHow.REFUSE, built.inboxes.get("one"))
        assert await built.ports.end_sessions(built.inboxes.get("one")) == 1

        with pytest.raises(OSError, match=r"refused|Connect call failed"):
            await built.come(one)
        assert (await in_one.hear()).startswith("421")
        assert (await in_two.ask("NOOP")).startswith("250")
        for client in (in_one, in_two, await built.come(two)):
            client.leave()


@looped
async def test_ports_come_from_the_range_as_long_as_there_are_some() -> None:
    with socket.create_server((HOST, 0)) as taken, socket.create_server((HOST, 0)) as free:
        numbers = [taken.getsockname()[1], free.getsockname()[1]]
        free.close()
        async with house(numbers) as built:
            assert await built.ports.open("smtps", "one") == numbers[1]
            with pytest.raises(SettingError, match="are taken") as caught:
                await built.ports.open("smtp", "one")

    assert "--inbox-ports" in caught.value.cure


@looped
async def test_a_port_that_cannot_be_used_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    async with house() as built:
        seen: list[socket.socket] = []

        async def fail(sockets: list[socket.socket], **_: object) -> None:
            seen.extend(sockets)
            raise RuntimeError("no")

        monkeypatch.setattr(built.server, "listen", fail)
        with pytest.raises(RuntimeError):
            await built.ports.open("smtp", "one")

    assert [one.fileno() for one in seen] == [-1]
    assert built.ports.opened == {}


def test_starttls_does_not_lead_elsewhere() -> None:
    with Mailtrap() as server, Mailtrap.at(server.url) as trap:
        with smtplib.SMTP(trap.host, trap.port) as client:
            client.login("ann", "secret")
            client.starttls(context=trap.ssl_context())
            client.sendmail("ann@example.com", "bob@example.com", "Subject: Hello\n\n")

        assert [message.summary.inbox for message in trap.messages] == [trap.home.inbox]
