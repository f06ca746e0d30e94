"""Clients that nobody wants, under every shipped scenario: what is expected of a correct one must catch them.

They send what the scenario needs, look at no reply, try nothing again, and say success. Whoever has a bad grade must
not pass; `run` has no other judge.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import ssl
from collections.abc import Awaitable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeVar

import pytest

from mailtrap_py.clock import ManualClock
from mailtrap_py.events import Point
from mailtrap_py.scenario import Scenario, library, load
from mailtrap_py.scenario.evidence import CommandResult, Evidence
from mailtrap_py.scenario.verdict import Grade, judge
from mailtrap_py.smtp.tls import Authority
from tests.connected import Client, House, house

SAID_SUCCESS = CommandResult(exit_code=0)
OF_THE_MAIL = {"client_said", "delivered", "retried", "only_retried", "reconnected"}
"""What can see that mail is missing; the others are about manners."""

GONE = (OSError, EOFError)  # asyncio.IncompleteReadError is an EOFError, TimeoutError and ssl.SSLError are OSErrors
TURNS, LONGEST = 40, 400
"""Turns of the loop after which nothing happens by itself, and after which nothing will."""
STEP = 0.25
"""Seconds by which the scenario's clock moves on then."""

T = TypeVar("T")


@dataclass(frozen=True)
class Careless:
    """A client that takes no reply for an answer."""

    home: House
    scenario: Scenario
    secure: bool

    async def send(self) -> None:
        """Send what the scenario needs, over so many connections as it needs."""
        clients = [await self._come_in() for _ in range(self.scenario.needs.connections)]
        for number, client in enumerate(clients):
            with contextlib.suppress(*GONE):
                await self._send_over(client, number)

    async def _come_in(self) -> Client | None:
        with contextlib.suppress(*GONE):
            client = await self._wait(self.home.connect())
            await self._hear(client)
            return client
        return None

    async def _send_over(self, client: Client | None, number: int) -> None:
        if client is None:
            return
        if not (await self._ask(client, "EHLO client.example")).startswith(b"2"):
            await self._ask(client, "HELO client.example")
        if self.secure:
            if (await self._ask(client, "STARTTLS")).startswith(b"220"):
                await self._wait(client.writer.start_tls(_trusts_everybody()))
                await self._ask(client, "EHLO client.example")
            await self._ask(client, "AUTH PLAIN AGFubgBzZWNyZXQ=")
        for message in range(self.scenario.needs.messages):
            if message and self.scenario.needs.pause:
                await self._pass(self.scenario.needs.pause)
            await self._ask(client, "MAIL FROM:<ann@example.com>")
            for recipient in self.scenario.needs.recipients:
                await self._ask(client, f"RCPT TO:<{recipient}>")
            if (await self._ask(client, "DATA")).startswith(b"354"):
                await self._ask(client, f"Message-ID: <{number}.{message}@example.com>\r\nSubject: Hi\r\n\r\ntext\r\n.")
        await self._ask(client, "QUIT")

    async def _ask(self, client: Client, line: str) -> bytes:
        await client.send(f"{line}\r\n".encode())
        return await self._hear(client)

    async def _hear(self, client: Client) -> bytes:
        lines = [await self._wait(client.reader.readuntil(b"\n"))]
        while lines[-1][:3].isdigit() and lines[-1][3:4] == b"-":
            lines.append(await self._wait(client.reader.readuntil(b"\n")))
        return lines[0]

    async def _wait(self, work: Awaitable[T]) -> T:
        """Wait for something, and let the scenario's time pass while nothing happens; a silence without end ends it."""
        task = asyncio.ensure_future(work)
        try:
            for turn in range(LONGEST):
                if task.done():
                    break
                await asyncio.sleep(0.001 if turn > TURNS else 0)
                if turn > TURNS and self.home.clock.sleepers:
                    self.home.clock.advance(STEP)
            if not task.done():
                raise TimeoutError
            return task.result()
        finally:
            task.cancel()

    async def _pass(self, seconds: float) -> None:
        for _ in range(int(seconds / STEP)):
            await self._turn()
            self.home.clock.advance(STEP)
        await self._turn()

    async def _turn(self) -> None:
        for _ in range(TURNS):
            await asyncio.sleep(0)


@cache
def authority() -> Authority:
    return Authority(("localhost",))


def _trusts_everybody() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def about_tls(scenario: Scenario) -> bool:
    """Say whether a scenario is about TLS or AUTH; under the others both only take time."""
    points = {point for rule in scenario.rules for point in rule.at}
    return bool(points & {Point.AUTH, Point.STARTTLS, Point.TLS}) or any(each.no_plaintext for each in scenario.expect)


@pytest.fixture(autouse=True, scope="module")
def tidied() -> Iterator[None]:
    """Leave no garbage to whoever parses Python next: CPython 3.11 takes that ill (its issue 106905)."""
    yield
    gc.collect()


def tried(name: str, *, secure: bool = True, times: int = 1) -> tuple[Scenario, Evidence]:
    """Let a careless client send under a scenario, so many times, and say success."""
    scenario = load(name)
    secure = secure and about_tls(scenario)

    async def play() -> Evidence:
        async with house(tls=authority().context) as home:
            # From a thread, so that it has begun when this returns: a scenario may begin with a closed port.
            await asyncio.to_thread(home.inbox.use, scenario, seed=1, clock=ManualClock())
            for _ in range(times):
                await Careless(home, scenario, secure).send()
            for client in home.clients:
                client.leave()
            await home.server.end_sessions()
            return Evidence.gather(home.book.events, until=home.clock.now(), command=SAID_SUCCESS)

    return scenario, asyncio.run(play())


CLIENTS = [
    pytest.param({}, id="careless"),
    pytest.param({"times": 2}, id="repeating", marks=pytest.mark.slow),
    pytest.param({"secure": False}, id="without-tls", marks=pytest.mark.slow),
]


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("name", library.names())
def test_who_has_a_bad_grade_does_not_pass(name: str, client: dict[str, Any]) -> None:
    scenario, evidence = tried(name, **client)

    verdict = judge(scenario, evidence)

    assert verdict.grade is not None
    assert not (verdict.grade.bad and verdict.passed), f"{verdict.grade}: {verdict.grade.meaning}"
    if verdict.grade in {Grade.LOST, Grade.SILENT}:
        failed = {each.expectation.partition(":")[0] for each in verdict.failures}
        assert failed & OF_THE_MAIL, f"{verdict.grade}, and only {failed} failed"


def test_there_is_something_to_catch() -> None:
    assert judge(*tried("no-such-user")).grade is Grade.SILENT
    assert judge(*tried("content-rejected")).grade is Grade.LOST
    assert judge(*tried("starttls-stripped", secure=False)).grade is Grade.INSECURE
    assert judge(*tried("slow-replies", times=2)).grade is Grade.DUPLICATED
