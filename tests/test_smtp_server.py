from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from mailtrap_py import ports
from mailtrap_py.events import Ending, Message, SessionEnded, SessionStarted, Source
from mailtrap_py.inbox import Inbox, Inboxes
from mailtrap_py.scenario import ListenerHow, Scenario, from_data
from mailtrap_py.smtp.listening import turns
from mailtrap_py.smtp.server import Server
from mailtrap_py.smtp.service import Port, Service
from mailtrap_py.smtp.tls import Authority
from tests.connected import Book, Client, House, house, looped, until


@looped
async def test_many_sessions_at_once() -> None:
    async with house() as built:
        clients = await asyncio.gather(*[built.greeted() for _ in range(50)])
        assert built.server.sessions == 50

        said = await asyncio.gather(*[client.mail(f"{number}\r\n".encode()) for number, client in enumerate(clients)])

        assert all(reply.startswith("250") for reply in said)
        raws = {message.raw for message in built.book.of(Message)}
        assert raws == {f"{number}\r\n".encode() for number in range(50)}


@looped
async def test_one_port_number_on_several_sockets() -> None:
    book = Book()
    server = Server(Service(record=book, inboxes=Inboxes()))
    try:
        listeners = ports.bind(["127.0.0.1", "::1"], 0, purpose="smtp-port")
    except OSError as error:  # pragma: no cover - a machine without IPv6
        pytest.skip(str(error))
    port = await server.listen(listeners)
    for listener in listeners:
        client = Client(*await asyncio.open_connection(*listener.getsockname()[:2]))
        assert (await client.hear()).startswith("220 ")
        client.leave()

    assert port == Port(int(listeners[0].getsockname()[1]))
    assert [started.client for started in book.of(SessionStarted)] == [
        listener.getsockname()[0] for listener in listeners
    ]
    await server.close()
    assert [listener.fileno() for listener in listeners] == [-1] * len(listeners)


@looped
async def test_a_server_that_is_closed_takes_nobody() -> None:
    async with house() as built:
        await built.server.close()

        with pytest.raises(ConnectionRefusedError):
            await built.connect()
        await built.server.close()  # again, and nothing happens


@looped
async def test_sessions_can_be_ended_and_the_port_stays() -> None:
    async with house() as built:
        before = await built.greeted()

        await built.server.end_sessions()

        assert (await before.rest()).startswith(b"421 4.3.2 ")
        after = await built.greeted()
        assert (await after.mail()).startswith("250")


@pytest.mark.parametrize("later", range(8))
@looped
async def test_a_connection_that_comes_while_the_server_closes_leaves_nothing(later: int) -> None:
    # However far it has come: taken by the kernel only, taken by the loop, begun, greeted.
    async with house() as built:
        with socket.create_connection(("127.0.0.1", built.port), timeout=30) as client:
            for _ in range(later):
                await asyncio.sleep(0)
            await built.server.close()

            # Where the loop has not taken it the kernel breaks it; else it is told why.
            assert said(client) in {b"", b"421 4.3.2 mailtrap.localhost Service shutting down\r\n"}
        assert built.server.sessions == 0
        assert len(built.book.of(SessionEnded)) == len(built.book.of(SessionStarted))


def said(client: socket.socket) -> bytes:
    """Read to the end, all but the greeting."""
    heard = b""
    try:
        while data := client.recv(65536):
            heard += data
    except ConnectionResetError:
        return b""
    return heard.rpartition(b"220 mailtrap.localhost ESMTP mailtrap_py\r\n")[2]


async def refusing(built: House) -> Client:
    """Let a rule close the port for good; give the client that brought it about."""
    built.play({"at": "noop", "do": [{"listener": "refuse"}]})
    client = await built.greeted()
    assert (await client.ask("NOOP")).startswith("250")
    await until(lambda: not taken(built))
    return client


def taken(built: House) -> bool:
    """Say whether the kernel takes a connection on the port."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", built.port)) == 0


@pytest.mark.parametrize("end", [Inbox.reset, Inbox.clear, lambda inbox: inbox.use(Scenario(name="next"))])
@looped
async def test_a_port_that_a_rule_closed_is_open_again_after_the_scenario(end: Callable[[Inbox], None]) -> None:
    async with house() as built:
        client = await refusing(built)

        end(built.inbox)
        await until(lambda: taken(built))

        assert (await client.ask("RSET")).startswith("250")
        await built.greeted()


@looped
async def test_a_port_that_a_rule_closed_may_be_opened_by_hand() -> None:
    async with house() as built:
        await refusing(built)

        await built.server.open_again()
        await built.server.open_again()

        assert taken(built)


@looped
async def test_a_scenario_that_ends_after_its_server_opens_nothing() -> None:
    async with house() as built:
        await refusing(built)
        await built.server.close()

        built.inbox.clear()
        for _ in range(5):
            await asyncio.sleep(0)
        assert not taken(built)


def test_a_scenario_may_outlive_the_loop_of_its_server() -> None:
    inboxes = Inboxes()

    @looped
    async def close_the_port() -> None:
        async with house(inboxes=inboxes) as built:
            await refusing(built)

    close_the_port()
    inboxes.get().clear()


@looped
async def test_a_port_that_another_program_took_meanwhile_is_told(caplog: pytest.LogCaptureFixture) -> None:
    async with house() as built:
        await refusing(built)
        with socket.create_server(("127.0.0.1", built.port)):
            built.inbox.clear()
            await until(lambda: caplog.records)

        assert f"the port cannot be opened again: port {built.port} on 127.0.0.1 is taken" in caplog.text


@looped
async def test_a_session_that_does_not_end_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mailtrap_py.smtp.server.PATIENCE", 0.01)
    async with house() as built:
        client = await built.greeted()
        stop = asyncio.Event()

        async def deaf(_: object) -> None:
            while not stop.is_set():
                with contextlib.suppress(asyncio.CancelledError):
                    await stop.wait()

        (session,) = built.server._sessions  # noqa: SLF001 - it is made deaf, as a bug would make it
        session.smtp_NOOP = deaf  # type: ignore[attr-defined]
        await client.send(b"NOOP\r\n")
        await until(lambda: b"NOOP\r\n" in built.book.said(Source.CLIENT))
        try:
            await built.server.close()

            assert await client.rest() == b""
            assert built.server.sessions == 1
        finally:
            stop.set()
        assert (await built.over()).ending is Ending.CLIENT_CLOSED


def on_uvloop(work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Do it where transports are no subclasses of asyncio's, and connections are taken in another way."""
    uvloop = pytest.importorskip("uvloop")
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(work())


def test_sessions_on_uvloop() -> None:
    async def talk() -> None:
        async with house() as built:
            client = await built.greeted()
            assert (await client.mail()).startswith("250")
            await built.server.close()
            assert (await client.rest()).startswith(b"421 4.3.2 ")
            assert built.book.ended.ending is Ending.SHUTDOWN

    on_uvloop(talk)


@pytest.mark.parametrize("starttls", [False, True])
def test_sessions_under_tls_on_uvloop(*, starttls: bool) -> None:
    authority = Authority(("localhost", "127.0.0.1"))
    context = ssl.create_default_context(cadata=authority.pem.decode())

    async def talk() -> None:
        async with house(tls=authority.context, implicit_tls=not starttls) as built, asyncio.timeout(30):
            if starttls:
                client = await built.greeted()
                await client.ask("STARTTLS")
                await client.writer.start_tls(context, server_hostname="localhost")
            else:
                client = Client(*await asyncio.open_connection("127.0.0.1", built.port, ssl=context))
                built.clients.append(client)
                assert (await client.hear()).startswith("220 ")
            assert (await client.mail()).startswith("250")

    on_uvloop(talk)


@looped
async def test_only_the_ports_that_lead_to_an_inbox_are_closed_for_it() -> None:
    inboxes = Inboxes()
    server = Server(Service(record=Book(), inboxes=inboxes))
    numbers = [(await server.listen(ports.bind(["127.0.0.1"], 0, purpose="smtp-port"))).number for _ in range(2)]
    inboxes.lead(numbers[0], inboxes.create("other").name)

    await server.shut(ListenerHow.REFUSE, inboxes.get("other"))

    with pytest.raises(OSError, match=r"refused|Connect call failed"):
        await asyncio.open_connection("127.0.0.1", numbers[0])
    client = Client(*await asyncio.open_connection("127.0.0.1", numbers[1]))
    assert (await client.hear()).startswith("220 ")
    client.leave()

    await server.shut(ListenerHow.RESUME, inboxes.get("other"))
    client = Client(*await asyncio.open_connection("127.0.0.1", numbers[0]))
    assert (await client.hear()).startswith("220 ")
    client.leave()
    await server.close()


@looped
async def test_a_session_begins_in_the_inbox_that_its_port_leads_to() -> None:
    book, inboxes = Book(), Inboxes()
    server = Server(Service(record=book, inboxes=inboxes))
    number = (await server.listen(ports.bind(["127.0.0.1"], 0, purpose="smtp-port"))).number
    for name in ("one", "two"):
        inboxes.lead(number, inboxes.create(name).name)
        client = Client(*await asyncio.open_connection("127.0.0.1", number))
        await client.hear()
        client.leave()

    await server.close()
    assert [started.inbox for started in book.of(SessionStarted)] == ["one", "two"]


# What a scenario begins with


async def refused(home: House) -> bool:
    try:
        await home.connect()
    except ConnectionRefusedError:
        return True
    return False


CLOSED = from_data({"clock": "manual", "begin": {"listener": "refuse", "for": "10s"}})


@looped
async def test_a_scenario_may_begin_with_a_closed_port() -> None:
    inboxes = Inboxes()
    inboxes.get().use(CLOSED)
    async with house(inboxes=inboxes) as home:
        assert await refused(home)
        await until(lambda: home.clock.sleepers)
        home.clock.advance(10)
        await home.server._closing["default"]  # noqa: SLF001 - it has no event
        assert not await refused(home)


@looped
async def test_who_uses_it_from_elsewhere_waits_until_the_port_is_closed() -> None:
    async with house() as home:
        assert not await refused(home)
        await asyncio.to_thread(home.inbox.use, CLOSED)
        assert await refused(home)
        await asyncio.to_thread(home.inbox.reset)  # begins again
        assert await refused(home)
        await asyncio.to_thread(home.inbox.clear)
        await home.server._closing["default"]  # noqa: SLF001 - it has no event
        assert not await refused(home)


@looped
async def test_who_uses_it_on_the_loop_does_not_wait() -> None:
    async with house() as home:
        home.inbox.use(CLOSED)
        await until(lambda: "default" in home.server._closing)  # noqa: SLF001 - it has no event
        assert await refused(home)


@looped
async def test_a_port_whose_closing_is_under_way_opens_again_and_closes() -> None:
    async with house() as home:
        home.inbox.use(from_data({"begin": {"listener": "blackhole"}}))
        await turns()
        home.inbox.clear()
        await home.server.open_again()
        assert not await refused(home)
        home.inbox.use(from_data({"begin": {"listener": "blackhole"}}))
        await turns()
    assert asyncio.all_tasks() == {asyncio.current_task()}


def test_a_server_that_is_gone_is_not_waited_for() -> None:
    inboxes = Inboxes()

    @looped
    async def live() -> None:
        async with house(inboxes=inboxes):
            pass

    live()
    inboxes.get().use(CLOSED)


@looped
async def test_one_session_too_many_is_turned_away_politely() -> None:
    async with house(max_sessions=2) as built:
        first, _ = await built.greeted(), await built.greeted()
        refused = await built.connect()

        assert await refused.rest() == b"421 4.7.0 mailtrap.localhost Error: too many connections\r\n"
        refused.leave()
        ended = await built.one_over()
        assert (ended.ending, ended.reason) == (Ending.SERVER_CLOSED, "there were too many sessions")
        await first.ask("QUIT")
        first.leave()
        await until(lambda: built.server.sessions == 1)
        await built.greeted()


@looped
async def test_one_client_may_have_so_many_sessions() -> None:
    async with house(max_sessions_per_client=1) as built:
        await built.greeted()
        refused = await built.connect()

        assert (await refused.rest()).startswith(b"421 4.7.0 mailtrap.localhost Error: too many connections from 127.")
        refused.leave()
        await built.one_over()
