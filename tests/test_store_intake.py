"""What came, in the order in which it came, and what of it could be promised."""

from __future__ import annotations

import asyncio
import os
import threading
import tracemalloc
from collections import UserDict
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import cast

import pytest
from msgspec.structs import replace

from mailtrap_py.events import Line, Message, Outcome, Recipient, Recorded, Reply, Transaction
from mailtrap_py.store import Store
from mailtrap_py.store.intake import Entry, Intake, event_of
from mailtrap_py.store.journal import FileJournal, MemoryJournal, left_beside
from tests.stored import LINE, MESSAGE

REFUSED = Transaction(
    id="t",
    session_id="s",
    inbox="default",
    number=1,
    started_at=1.0,
    started_clock=1.0,
    ended_at=2.0,
    ended_clock=2.0,
    reverse_path="",
    parameters={},
    recipients=(),
    outcome=Outcome.REJECTED,
    acknowledged=False,
    reply=Reply(554),
)
BAD = replace(MESSAGE, id="bad", reverse_path="\udce9@example.com")  # a journal cannot write that


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "mail.db"


@pytest.fixture
def intake(database: Path) -> Iterator[Intake]:
    with closing(FileJournal(database)) as journal:
        yield Intake(journal)


def named(name: str) -> Message:
    return replace(MESSAGE, id=name)


def kept(database: Path) -> list[list[Recorded]]:
    """Give what is on the pages of a journal that lives, oldest first, as if its process were killed now."""
    copies = [page.with_name(f"copy of {page.name}") for page in database.parent.glob("mail.db-promised-*")]
    for copy in copies:
        copy.write_bytes(copy.with_name(copy.name.removeprefix("copy of ")).read_bytes())
    with left_beside(database.with_name(f"copy of {database.name}")) as leftovers:
        return [block for leftover in leftovers for block in leftover.blocks]


def names(events: list[Recorded]) -> list[str]:
    return [f"line {event.number}" if isinstance(event, Line) else cast("Message", event).id for event in events]


def take(intake: Intake) -> tuple[list[str], list[str]]:
    """Take what there is: what was promised, and what was not."""
    items, _ = intake.take()
    promised = [event for events in intake.promised() for event in events]
    return names(promised), names([event_of(item) for item in items])


def no_room(*_: object) -> int:
    raise OSError(28, "No space left on device")


def test_a_promise_brings_what_came_before_it(database: Path, intake: Intake) -> None:
    intake.put(LINE)
    assert intake.promise(named("1"))
    assert intake.promise(named("2"))
    intake.put(LINE)
    assert [names(block) for block in kept(database)] == [["line 1", "1"], ["2"]]
    assert intake.promises == 2
    assert intake.octets >= 2 * len(MESSAGE.raw)


def test_it_also_brings_what_is_only_on_its_way_to_the_database(database: Path, intake: Intake) -> None:
    assert intake.promise(named("1"))
    intake.put(LINE)
    items, _ = intake.take()
    assert items == [LINE]
    assert [names(block) for block in kept(database)] == [["1"]]
    for name in ("2", "3"):
        assert intake.promise(named(name))
    assert [names(block) for block in kept(database)] == [["1"], ["line 1"], ["2"], ["3"]]
    # But it is not given again: who took it is about to write it.
    assert list(intake.promised()) == [[named("1")]]
    intake.written(owing=False)  # the line with the first one
    assert [names(block) for block in kept(database)] == [["2"], ["3"]]
    assert take(intake) == (["2", "3"], [])


def test_what_has_come_to_the_database_is_not_brought(database: Path, intake: Intake) -> None:
    intake.put(LINE)
    intake.take()
    intake.written(owing=False)
    assert intake.promise(MESSAGE)
    assert kept(database) == [[MESSAGE]]


def test_it_is_taken_in_its_order_and_work_after_it(intake: Intake) -> None:
    async def main() -> None:
        done: list[str] = []
        waiting = Entry(named("waiting"), asyncio.get_running_loop().create_future())
        intake.put(LINE)
        intake.put(lambda: done.append("first"))
        assert intake.promise(named("promised"))
        intake.put(waiting)
        assert intake.promise(named("after it"))
        intake.put(lambda: done.append("second"))
        intake.put(replace(LINE, number=2))
        items, jobs = intake.take()
        assert items == [waiting, replace(LINE, number=2)]
        unread = intake.unread
        (promised,) = intake.promised()
        assert names(promised) == ["line 1", "promised", "after it"]
        for job in jobs:
            job()
        assert done == ["first", "second"]
        assert (unread, intake.unread) == (True, False)
        assert list(intake.promised()) == []
        assert intake.take() == ([], [])

    asyncio.run(main())


def test_what_is_waited_for_is_not_promised_as_well(database: Path, intake: Intake) -> None:
    async def main() -> None:
        intake.put(Entry(named("waiting"), asyncio.get_running_loop().create_future()))
        intake.put(lambda: None)
        assert intake.promise(named("promised"))

    asyncio.run(main())
    assert [names(block) for block in kept(database)] == [["promised"]]


def test_there_is_something_until_it_is_taken(intake: Intake) -> None:
    assert not intake
    assert intake.settled()
    intake.put(LINE)
    assert intake
    assert intake.promise(MESSAGE)
    assert intake
    assert not intake.settled()
    intake.take()
    assert not intake
    assert intake.settled()
    assert intake.octets == 0


def test_a_promise_is_forgotten_when_it_is_written(database: Path, intake: Intake) -> None:
    assert intake.promise(named("1"))
    intake.take()
    assert intake.promise(named("2"))
    assert [names(block) for block in kept(database)] == [["1"], ["2"]]
    intake.written(owing=False)
    assert [names(block) for block in kept(database)] == [["2"]]
    intake.take()
    intake.written(owing=False)
    assert kept(database) == []


def test_while_something_is_owed_nothing_is_promised_and_nothing_forgotten(database: Path, intake: Intake) -> None:
    assert intake.promise(named("1"))
    assert take(intake) == (["1"], [])
    assert intake.promise(named("2"))  # while the first one is being written
    intake.written(owing=True)
    # What is owed is not given again; what has been promised meanwhile is, once.
    for promised in (["2"], [], []):
        assert not intake.promise(named("3"))
        intake.put(LINE)
        assert take(intake) == (promised, ["line 1"])
        intake.written(owing=True)
    assert [names(block) for block in kept(database)] == [["1"], ["2"]]
    assert take(intake) == ([], [])
    intake.written(owing=False)
    assert kept(database) == []
    assert intake.promise(named("4"))
    assert [names(block) for block in kept(database)] == [["4"]]
    assert take(intake) == (["4"], [])


def test_what_is_no_message_is_not_promised(intake: Intake) -> None:
    assert not intake.promise(LINE)
    assert not intake


def test_without_a_journal_nothing_is() -> None:
    intake = Intake(None)
    assert not intake.promise(MESSAGE)
    intake.put(MESSAGE)
    assert not intake.much
    assert intake.take() == ([MESSAGE], [])
    assert list(intake.promised()) == []
    intake.written(owing=False)


def test_a_message_that_is_too_large_for_a_journal_is_not(intake: Intake) -> None:
    assert intake.promise(replace(MESSAGE, raw=bytes(FileJournal.largest // 2)))
    assert not intake.promise(replace(MESSAGE, raw=bytes(FileJournal.largest)))
    assert Intake(MemoryJournal()).promise(replace(MESSAGE, raw=bytes(FileJournal.largest)))


def test_no_more_is_promised_than_may_wait(intake: Intake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FileJournal, "most", 10_500)
    large = replace(MESSAGE, raw=bytes(4000))
    much = []
    for message in (MESSAGE, large):
        assert intake.promise(message)
        much.append(intake.much)
    assert not intake.promise(large)
    assert not intake.promise(replace(MESSAGE, raw=bytes(1000)))
    assert intake.promise(MESSAGE)  # a small one may go before it
    intake.take()
    assert [*much, intake.much] == [False, True, False]
    assert intake.promise(large)


def test_what_is_promised_with_a_message_counts_too(intake: Intake, monkeypatch: pytest.MonkeyPatch) -> None:
    # A client whose mail is refused brings as much to the journal as one whose mail is not.
    monkeypatch.setattr(FileJournal, "most", 100_000)
    intake.put(replace(REFUSED, content=bytes(95_000)))
    assert intake.promise(MESSAGE)
    assert intake.much
    assert not intake.promise(replace(MESSAGE, raw=bytes(2000)))
    intake.take()
    assert intake.promise(replace(MESSAGE, raw=bytes(2000)))


def test_what_is_promised_is_not_kept_in_memory(intake: Intake) -> None:
    raw = bytes(8000)
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        for number in range(500):
            intake.put(replace(LINE, data=bytes(8000), number=number))
            assert intake.promise(replace(MESSAGE, id=str(number), raw=bytes(raw)))
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert after - before < 100_000  # and not four millions
    promised, others = take(intake)
    assert len(promised) == 1000
    assert others == []


def test_much_content_that_is_not_stored_goes_with_the_message_after_it(database: Path, intake: Intake) -> None:
    refused = replace(REFUSED, content=bytes(2**20 - 10_000))
    intake.put(refused)
    assert intake.promise(MESSAGE)
    assert kept(database) == [[refused, MESSAGE]]
    assert intake.take() == ([], [])
    assert list(intake.promised()) == [[refused, MESSAGE]]


def test_too_much_of_it_is_in_the_way_of_promises_until_it_is_written(
    database: Path, intake: Intake, caplog: pytest.LogCaptureFixture
) -> None:
    refused = replace(REFUSED, content=bytes(2**20))
    intake.put(refused)
    for _ in range(2):
        assert not intake.promise(MESSAGE)
    assert intake.octets == intake.promises == 0
    assert intake.take() == ([refused], [])
    assert not intake.promise(MESSAGE)
    assert kept(database) == []
    intake.written(owing=False)
    assert intake.promise(MESSAGE)
    assert kept(database) == [[MESSAGE]]
    assert caplog.text == ""


@pytest.mark.parametrize("bad", [BAD, replace(MESSAGE, client=cast("str", object()))])
def test_what_the_journal_cannot_write_is_not_promised(database: Path, intake: Intake, bad: Message) -> None:
    intake.put(LINE)
    assert not intake.promise(bad)
    # And what came before it is with the next one that is.
    assert intake.promise(MESSAGE)
    assert [names(block) for block in kept(database)] == [["line 1", "m"]]
    assert take(intake) == (["line 1", "m"], [])


def test_behind_what_it_cannot_write_nothing_is_promised(database: Path, intake: Intake) -> None:
    # Or somebody would be told that all is safe that came before.
    intake.put(BAD)
    assert not intake.promise(named("1"))
    assert not intake.promise(named("2"))
    items, _ = intake.take()
    assert items == [BAD]
    assert not intake.promise(named("2"))
    intake.written(owing=False)
    assert intake.promise(named("3"))
    assert [names(block) for block in kept(database)] == [["3"]]


def test_a_full_disk_is_logged_and_passes(
    database: Path, intake: Intake, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(2):
        caplog.clear()
        with monkeypatch.context() as patch:
            patch.setattr(os, "pwrite", no_room)
            for _ in range(3):
                assert not intake.promise(MESSAGE)
            assert not intake
        (record,) = caplog.records  # once, and again when it had taken something meanwhile
        said = "takes nothing; messages wait for their commits: [Errno 28] No space left on device"
        assert said in record.getMessage()
        assert intake.promise(MESSAGE)
        assert kept(database) == [[MESSAGE]]
        intake.take()
        intake.written(owing=False)


def test_a_page_that_cannot_be_emptied_is_emptied_later(
    database: Path, intake: Intake, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    assert intake.promise(named("1"))
    intake.take()
    with monkeypatch.context() as patch:
        patch.setattr(os, "ftruncate", no_room)
        intake.written(owing=False)
    assert "the journal of the store cannot be emptied: [Errno 28]" in caplog.text
    assert intake.promise(named("2"))
    assert take(intake) == (["2"], [])
    intake.written(owing=False)
    assert intake.promise(named("3"))
    assert [names(block) for block in kept(database)] == [["1"], ["3"]]
    assert take(intake) == (["3"], [])  # the first one is in the database
    intake.written(owing=False)
    assert kept(database) == []


def test_after_closing_nothing_is_taken_in_but_what_is_there_can_be_taken_out(intake: Intake) -> None:
    assert intake.promise(MESSAGE)
    intake.put(LINE)
    intake.close()
    with pytest.raises(RuntimeError, match="the store is closed"):
        intake.promise(named("late"))
    with pytest.raises(RuntimeError, match="the store is closed"):
        intake.put(replace(LINE, number=2))
    promised, others = take(intake)
    assert promised == ["m"]
    assert others[0] == "line 1"


@pytest.mark.parametrize("kind", ["memory", "file"])
def test_many_threads_promise_and_one_takes(database: Path, intake: Intake, kind: str) -> None:
    if kind == "memory":
        intake = Intake(MemoryJournal())
    taken: list[Recorded] = []

    def promise(name: str) -> None:
        for number in range(100):
            intake.put(replace(LINE, session_id=name, number=number))
            assert intake.promise(named(f"{name}{number}"))

    threads = [threading.Thread(target=promise, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads) or not intake.settled():
        items, _ = intake.take()
        for events in intake.promised():
            taken += events
        taken += [event_of(item) for item in items]
        intake.written(owing=False)
    for thread in threads:
        thread.join()
    promised = [event.id for event in taken if isinstance(event, Message)]
    lines = [f"{event.session_id}{event.number}" for event in taken if isinstance(event, Line)]
    for found in (promised, lines):
        assert len(found) == 400
        for name in "abcd":
            assert [one for one in found if one.startswith(name)] == [f"{name}{number}" for number in range(100)]
    assert kept(database) == []


class TestStored:
    """The same by the whole store: what cannot be promised waits for its commit, and nothing is lost."""

    @pytest.mark.parametrize(
        "odd",
        [
            replace(MESSAGE, reverse_path="caf\udce9@example.com"),
            replace(MESSAGE, helo="\udcff", user="\x00", client="\x1a0000"),
            replace(MESSAGE, recipients=(Recipient(address="\udce9", reply=Reply(250, "", ("\udce9",))),)),
        ],
    )
    def test_octets_that_are_no_utf_8_are_stored_exactly(self, database: Path, odd: Message) -> None:
        async def main() -> None:
            await store.commit(odd)
            await store.commit(named("next"))

        with closing(Store(f"sqlite:///{database}")) as store:
            asyncio.run(main())
            message = store.message("m")
            assert message is not None
            assert (message.reverse_path, message.helo, message.user, message.client) == (
                *(odd.reverse_path, odd.helo, odd.user, odd.client),
            )
            assert message.recipients == tuple(recipient.address for recipient in odd.recipients)
            assert [one.id for one in store.messages().items] == ["next", "m"]

    def test_parameters_may_be_any_mapping(self, database: Path) -> None:
        async def main() -> None:
            await store.commit(replace(MESSAGE, parameters=UserDict({"SIZE": "9"})))

        with closing(Store(f"sqlite:///{database}")) as store:
            asyncio.run(main())
            assert store.raw("m") == MESSAGE.raw

    def test_on_a_disk_without_room_for_a_journal_it_is_committed(
        self, database: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def main() -> None:
            await store.commit(MESSAGE)

        monkeypatch.setattr(os, "pwrite", no_room)
        with closing(Store(f"sqlite:///{database}")) as store:
            asyncio.run(main())
            assert store.raw("m") == MESSAGE.raw
