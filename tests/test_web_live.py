"""The bus, with a store that is a list of callbacks: what it does with threads and loops is all here."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

import pytest

from mailtrap_py.store import Announcement
from mailtrap_py.web.live import Bus, BusClosedError


class Announcer:
    """What the bus needs of a store."""

    def __init__(self) -> None:
        self.callbacks: list[Callable[[Announcement], None]] = []

    def subscribe(self, callback: Callable[[Announcement], None]) -> Callable[[], None]:
        self.callbacks.append(callback)
        return lambda: self.callbacks.remove(callback) if callback in self.callbacks else None

    def announce(self, *ids: str) -> None:
        for each in ids:
            for callback in self.callbacks:
                callback(Announcement("session", "default", each))


@pytest.fixture
def announcer() -> Announcer:
    return Announcer()


def ids(announcements: tuple[Announcement, ...]) -> list[str]:
    return [each.id for each in announcements]


def test_reader_gets_what_was_announced_after_it_began(announcer: Announcer) -> None:
    async def main() -> None:
        bus = Bus(announcer.subscribe)
        announcer.announce("before")
        reader = bus.reader()
        announcer.announce("one", "two")

        news = await reader.read()

        assert (ids(news.announcements), news.missed) == (["one", "two"], False)
        assert reader.number == news.number == 3

    asyncio.run(main())


def test_reader_that_waits_is_woken_from_another_thread(announcer: Announcer) -> None:
    async def main() -> None:
        reader = Bus(announcer.subscribe).reader()
        reading = asyncio.create_task(reader.read())
        await asyncio.sleep(0)  # so that it waits

        thread = threading.Thread(target=announcer.announce, args=("one",))
        thread.start()
        news = await asyncio.wait_for(reading, 30)
        thread.join()

        assert ids(news.announcements) == ["one"]

    asyncio.run(main())


def test_every_reader_gets_everything_at_its_own_pace(announcer: Announcer) -> None:
    async def main() -> None:
        bus = Bus(announcer.subscribe)
        slow, quick = bus.reader(), bus.reader()
        announcer.announce("one")
        assert ids((await quick.read()).announcements) == ["one"]
        announcer.announce("two")

        assert ids((await quick.read()).announcements) == ["two"]
        assert ids((await slow.read()).announcements) == ["one", "two"]

    asyncio.run(main())


def test_reader_too_far_behind_is_told_so(announcer: Announcer) -> None:
    async def main() -> None:
        reader = Bus(announcer.subscribe, keep=2).reader()
        announcer.announce("one", "two", "three")

        news = await reader.read()

        assert (ids(news.announcements), news.missed) == (["two", "three"], True)

    asyncio.run(main())


def test_reader_goes_on_after_a_place(announcer: Announcer) -> None:
    async def main() -> None:
        bus = Bus(announcer.subscribe)
        announcer.announce("one", "two", "three")

        news = await bus.reader(bus.place(1)).read()

        assert (ids(news.announcements), news.missed) == (["two", "three"], False)

    asyncio.run(main())


@pytest.mark.parametrize("place", ["nonsense", "00000000-1", "-", "{run}-9", "{run}-x", "{run}--1"])
def test_place_of_another_run_counts_as_missed(announcer: Announcer, place: str) -> None:
    async def main() -> None:
        bus = Bus(announcer.subscribe)
        announcer.announce("one")
        run = bus.place(0).partition("-")[0]

        news = await bus.reader(place.format(run=run)).read()

        assert (ids(news.announcements), news.missed) == (["one"], True)

    asyncio.run(main())


def test_closing_ends_every_wait_at_once(announcer: Announcer) -> None:
    async def main() -> None:
        bus = Bus(announcer.subscribe)
        readings = [asyncio.create_task(bus.reader().read()) for _ in range(3)]
        await asyncio.sleep(0)

        bus.close()
        bus.close()

        ended = await asyncio.gather(*readings, return_exceptions=True)
        assert [type(each) for each in ended] == [BusClosedError] * 3
        assert announcer.callbacks == []
        assert bus.closed

    asyncio.run(main())


def test_what_was_announced_before_closing_is_still_read(announcer: Announcer) -> None:
    async def main() -> None:
        bus = Bus(announcer.subscribe)
        reader = bus.reader()
        announcer.announce("one")
        bus.close()

        assert ids((await reader.read()).announcements) == ["one"]
        with pytest.raises(BusClosedError):
            await reader.read()

    asyncio.run(main())


def test_reader_that_gives_up_leaves_nothing_behind(announcer: Announcer) -> None:
    async def main() -> None:
        reader = Bus(announcer.subscribe).reader()
        reading = asyncio.create_task(reader.read())
        await asyncio.sleep(0)
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)

        announcer.announce("one")

        assert ids((await reader.read()).announcements) == ["one"]

    asyncio.run(main())


def test_reader_that_gives_up_while_it_is_woken_loses_nothing(announcer: Announcer) -> None:
    async def main() -> None:
        reader = Bus(announcer.subscribe).reader()
        reading = asyncio.create_task(reader.read())
        await asyncio.sleep(0)
        announcer.announce("one")
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)

        assert ids((await reader.read()).announcements) == ["one"]

    asyncio.run(main())


def test_loop_that_is_gone_does_not_disturb_who_announces(announcer: Announcer) -> None:
    reading = Bus(announcer.subscribe).reader().read()

    async def begin_to_wait() -> None:
        reading.send(None)  # asks for the running loop

    asyncio.run(begin_to_wait())  # which closes the loop

    announcer.announce("one")  # would raise "Event loop is closed"
    reading.close()
