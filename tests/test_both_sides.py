"""Any scenario and any client: nothing crashes, nothing is left behind, and the next client is served.

Hypothesis drives both sides. The durations of a scenario run on a clock that makes a year of three seconds, so that
every wait is one, and is over.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mailtrap_py.clock import ScaledClock
from mailtrap_py.events import Message, SessionEnded, SessionStarted
from mailtrap_py.scenario import Scenario, from_data, library, load
from mailtrap_py.scenario.persona import names as personas
from mailtrap_py.smtp.tls import Authority
from mailtrap_py.smtp.upstream import Upstream
from tests.connected import CONTENT, Client, House, house, until
from tests.scenario_data import SCENARIOS

pytestmark = pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="what is left open is counted there")

SPEED = 1e7
SOON = 0.05
"""Seconds that a client waits for what may never come."""

ENVELOPE = b"EHLO c\r\nMAIL FROM:<ann@example.com>\r\nRCPT TO:<bob@example.com>\r\nDATA\r\n"
AUTHORITY = Authority(("mailtrap.localhost",))

LINES = st.sampled_from([
    *("EHLO client.example", "HELO c", "EHLO", "MAIL FROM:<ann@example.com>", "MAIL FROM:<> SIZE=100 BODY=8BITMIME"),
    *("MAIL FROM:<ann@example.com> SIZE=99999999999 FOO", "MAIL FROM:ann", "RCPT TO:<bob@example.com>", "RCPT TO:<x>"),
    *("RCPT TO:<450x2@fail.test>", "RCPT TO:<lost250@fail.test>", "DATA", "DATA now", "RSET", "NOOP", "VRFY bob"),
    *("EXPN all", "HELP", "STARTTLS", "STARTTLS now", "AUTH PLAIN AGFubgBzZWNyZXQ=", "AUTH LOGIN", "*", "YW5u"),
    *("AUTH", "AUTH FOO x", "QUIT", "QUIT now", "BDAT 5", "BDAT 5 LAST", "BDAT x", "", ".", "FOO", "X" * 600),
])  # fmt: skip
CHUNKS = st.one_of(
    st.lists(LINES, min_size=1, max_size=4).map(lambda lines: "".join(f"{line}\r\n" for line in lines).encode()),
    st.just(ENVELOPE),
    st.just(ENVELOPE + CONTENT + b".\r\n"),
    st.just(CONTENT + b".\r\n"),
    st.just(b"x" * 40_000 + b"\r\n"),
    st.binary(max_size=30),
)
STEPS = st.one_of(
    CHUNKS,
    CHUNKS,
    CHUNKS,
    st.sampled_from(["hear", "hear", "tls", "half-close", "leave", "reset"]),
)
CLIENTS = st.lists(st.lists(STEPS, max_size=6), min_size=1, max_size=2)
SCRIPTS = st.builds(
    lambda steps, last: {"script": [*steps, *last]},
    st.lists(
        st.sampled_from([
            {"S": "220 mx.example ready"}, {"S": ["250-mx.example", "250 SIZE 1000"]}, {"S": {"raw": "25"}},
            {"C": "/^EHLO /"}, {"C": "MAIL FROM:<*>*"}, {"C": "*"}, {"sleep": "2s"},
        ]),
        min_size=1,
        max_size=4,
    ),
    st.lists(st.sampled_from([{"close": "reset"}, {"close": "fin"}, {"close": "half"}]), max_size=1),
)  # fmt: skip
ANY = st.one_of(
    SCENARIOS,
    SCENARIOS,
    SCENARIOS,
    SCRIPTS,
    st.builds(
        lambda scenario, name, lie: {**scenario, "persona": {"name": name, "lie": lie}},
        SCENARIOS,
        st.sampled_from(personas()),
        st.booleans(),
    ),
)


@dataclass(frozen=True)
class Place:
    """What the clients come to."""

    implicit_tls: bool = False
    proxied: bool = False


PLACES = st.sampled_from([Place(), Place(), Place(implicit_tls=True), Place(proxied=True)])


class Complaints(logging.Handler):
    """What the server logs as broken, and what asyncio complains of."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.found: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if "the port cannot be opened again" not in record.getMessage():  # another program may take it
            self.found.append(self.format(record))


def files_open() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@contextmanager
def nothing_left() -> Iterator[None]:
    """See to it that no file, socket or thread is left, and that nothing was complained of."""
    complaints = Complaints()
    logging.getLogger().addHandler(complaints)
    files, threads = files_open(), threading.active_count()
    try:
        yield
    finally:
        gc.collect()  # a task whose error nobody asked for says so when it goes
        logging.getLogger().removeHandler(complaints)
    assert complaints.found == []
    assert files_open() == files
    assert threading.active_count() == threads


async def drive(home: House, steps: list[Any]) -> None:
    """Be a client that does this, whatever it is told."""
    with suppress(OSError, EOFError, TimeoutError, ValueError, RuntimeError):
        async with asyncio.timeout(SOON):
            client = await home.connect()
        for step in steps:
            await take(client, step)


async def take(client: Client, step: bytes | str) -> None:
    writer = client.writer
    match step:
        case "hear":
            with suppress(TimeoutError):
                async with asyncio.timeout(SOON / 10):
                    await client.reader.read(65536)
        case "tls" if writer.transport.is_closing() or client.shut or writer.get_extra_info("ssl_object"):
            pass  # asyncio's own client cannot do that
        case "tls":
            context = ssl.create_default_context(cadata=AUTHORITY.pem.decode())
            async with asyncio.timeout(SOON):
                await writer.start_tls(context, server_hostname="mailtrap.localhost")
        case "half-close":
            client.half_close()
        case "leave":
            client.leave()
        case "reset":
            client.reset()
        case bytes():
            writer.write(step)
            await asyncio.sleep(0)


async def meet(scenario: Scenario, clients: list[list[Any]], place: Place) -> None:
    """Let the clients come to the scenario; then see that all is well."""
    complaints: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
    async with asyncio.timeout(20), house() as behind:
        upstream = Upstream.parse(f"127.0.0.1:{behind.port}", timeout=30) if place.proxied else None
        async with house(implicit_tls=place.implicit_tls, tls=AUTHORITY.context, upstream=upstream) as home:
            home.inbox.use(scenario, seed=1, clock=ScaledClock(SPEED))
            await asyncio.gather(*(drive(home, steps) for steps in clients))
            for client in home.clients:
                client.writer.transport.abort()
            await until(lambda: not home.server.sessions)
            assert home.inbox.open_sessions == 0
            assert len(home.book.of(SessionStarted)) == len(home.book.of(SessionEnded))
            assert [ended.reason for ended in home.book.of(SessionEnded) if "internal error" in ended.reason] == []

            home.inbox.clear()
            await home.server.open_again()
            await next_client(home, place)
    left = asyncio.all_tasks() - {asyncio.current_task()}
    assert not left, f"tasks are left: {left}"
    assert not complaints, f"the loop complained: {complaints}"


async def next_client(home: House, place: Place) -> None:
    """Be a client that does nothing unusual, and is served."""
    stored = len(home.book.of(Message))
    client = await home.connect()
    if place.implicit_tls:
        context = ssl.create_default_context(cadata=AUTHORITY.pem.decode())
        await client.writer.start_tls(context, server_hostname="mailtrap.localhost")
    assert (await client.hear()).startswith("220 ")
    assert (await client.mail()).startswith("250 ")
    assert (await client.ask("QUIT")).startswith("221 ")
    client.leave()
    await until(lambda: not home.server.sessions)
    assert len(home.book.of(Message)) == stored + 1


def both_sides(scenario: Scenario, clients: list[list[Any]], place: Place) -> None:
    with nothing_left():
        asyncio.run(meet(scenario, clients, place))


@pytest.fixture(scope="module", autouse=True)
def warm() -> None:
    """Make what is made once, and leave it out of the looks for what is left."""
    AUTHORITY.context()
    both_sides(from_data({}), [[ENVELOPE]], Place())
    gc.collect()
    gc.freeze()


profile = settings(
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)


@settings(profile, max_examples=40)
@given(ANY, CLIENTS, PLACES)
def test_whatever_meets(data: dict[str, Any], clients: list[list[Any]], place: Place) -> None:
    both_sides(from_data(data), clients, place)


@pytest.mark.slow
@pytest.mark.timeout(600)
@settings(profile, max_examples=400)
@given(ANY, CLIENTS, PLACES)
def test_whatever_meets_at_length(data: dict[str, Any], clients: list[list[Any]], place: Place) -> None:
    both_sides(from_data(data), clients, place)


@pytest.mark.slow
@pytest.mark.parametrize("name", library.names())
@settings(profile, max_examples=5)
@given(clients=CLIENTS, place=PLACES)
def test_every_scenario_of_the_library(name: str, clients: list[list[Any]], place: Place) -> None:
    both_sides(load(name), clients, place)
