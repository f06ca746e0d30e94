from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import cast

import pytest

from mailtrap_py import Mailtrap
from mailtrap_py.smtp.throttle import Throttle


class Tap:
    """A transport that only knows whether it reads."""

    def __init__(self) -> None:
        self.reading = True
        self.pair = socket.socketpair()

    def get_extra_info(self, _: str) -> socket.socket:
        return self.pair[0]

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True


class Sleeper:
    """A clock's sleep that lasts until it is told to end."""

    def __init__(self) -> None:
        self.asked: list[float] = []
        self.over = asyncio.Event()
        self.time = 1000.0

    def now(self) -> float:
        return self.time

    async def sleep(self, seconds: float) -> None:
        self.asked.append(seconds)
        await self.over.wait()
        self.time += seconds


def throttled(work: Callable[[Throttle, Tap, Sleeper], object]) -> None:
    async def run() -> None:
        tap, sleeper = Tap(), Sleeper()
        transport = cast("asyncio.Transport", tap)
        throttle = Throttle(transport, now=sleeper.now, sleep=sleeper.sleep, left=lambda: None)
        done = work(throttle, tap, sleeper)
        if asyncio.iscoroutine(done):
            await done
        throttle.end()
        for end in tap.pair:
            end.close()

    asyncio.run(run())


def test_it_reads_as_fast_as_it_can_until_told_otherwise() -> None:
    def work(throttle: Throttle, tap: Tap, sleeper: Sleeper) -> None:
        throttle.took(1000)
        assert tap.reading
        assert sleeper.asked == []
        assert not throttle.stopped

    throttled(work)


def test_it_takes_a_breath_after_what_it_took() -> None:
    async def work(throttle: Throttle, tap: Tap, sleeper: Sleeper) -> None:
        throttle.read_at(100.0)
        throttle.took(50)
        throttle.took(50)  # came with the first; one breath is taken for both
        await asyncio.sleep(0)
        assert (tap.reading, sleeper.asked) == (False, [1.0])
        sleeper.over.set()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert tap.reading

    throttled(work)


def test_stopped_means_not_one_octet_more() -> None:
    async def work(throttle: Throttle, tap: Tap, sleeper: Sleeper) -> None:
        throttle.read_at(100.0)
        throttle.took(50)
        await asyncio.sleep(0)
        throttle.read_at(0)
        sleeper.over.set()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert throttle.stopped
        assert not tap.reading

    throttled(work)


def test_it_takes_a_quarter_of_a_second_at_once() -> None:
    def work(throttle: Throttle, _: Tap, __: Sleeper) -> None:
        assert throttle.portion == 0
        throttle.read_at(1000.0)
        assert throttle.portion == 250
        throttle.read_at(1.0)
        assert throttle.portion == 1
        throttle.read_at(0)
        assert throttle.portion == 0

    throttled(work)


def test_the_pace_is_kept_whatever_the_clock_does() -> None:
    async def work(throttle: Throttle, tap: Tap, sleeper: Sleeper) -> None:
        sleeper.over.set()
        throttle.read_at(100.0)
        throttle.took(50)
        sleeper.time += 10  # it was late to wake
        for _ in range(4):
            await asyncio.sleep(0)
        throttle.took(50)
        assert tap.reading  # what was missed is made up for
        assert sleeper.asked == []

    throttled(work)


def test_the_receive_buffer_is_small_then() -> None:
    def work(throttle: Throttle, tap: Tap, _: Sleeper) -> None:
        before = tap.pair[0].getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)
        throttle.read_at(0)
        assert tap.pair[0].getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) < before

    throttled(work)


def test_the_end_lets_go() -> None:
    async def work(throttle: Throttle, tap: Tap, sleeper: Sleeper) -> None:
        throttle.read_at(100.0)
        throttle.took(50)
        await asyncio.sleep(0)
        throttle.end()
        throttle.end()
        assert tap.reading
        throttle.took(50)
        assert tap.reading
        assert sleeper.asked == [0.5]

    throttled(work)


@pytest.mark.parametrize("pieces", [[b"x" * 10_000] * 10, [b"x" * 250_000]], ids=["100 kB in pieces", "250 kB at once"])
def test_a_client_with_an_ordinary_mail_blocks(pieces: list[bytes]) -> None:
    # Without the small segments and the small buffer megabytes would vanish in the kernel. The client's own kernel
    # takes what it is given at once, up to its send buffer; that is not the server's to make smaller.
    with Mailtrap() as trap:
        trap.fail("content", {"read": "stop"}, {"stall": {"max": "30s"}})
        with socket.create_connection((trap.host, trap.port), timeout=30) as client, client.makefile("rb") as replies:
            for command in (b"", b"HELO c\r\n", b"MAIL FROM:<a@b>\r\n", b"RCPT TO:<c@d>\r\n", b"DATA\r\n"):
                client.sendall(command)
                assert replies.readline()[:1] in b"23"
            client.settimeout(0.2)
            with pytest.raises(TimeoutError):
                send_all(client, pieces)


def send_all(client: socket.socket, pieces: list[bytes]) -> None:
    for piece in pieces:
        client.sendall(piece)
