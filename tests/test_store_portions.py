"""What was promised is read back from its page: all of it, in its order, once, and some megabytes at a time."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import closing
from itertools import chain
from pathlib import Path

import pytest
from msgspec.structs import replace

from mailtrap_py.events import Line, Recorded
from mailtrap_py.store.journal import FileJournal, Journal, MemoryJournal, left_beside
from tests.stored import LINE

LARGEST = 2**20  # octets of a block
PORTION = 2 * LARGEST


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "mail.db"


@pytest.fixture
def journal(database: Path) -> Iterator[FileJournal]:
    with closing(FileJournal(database)) as journal:
        yield journal


@pytest.fixture(params=["memory", "file"])
def any_journal(request: pytest.FixtureRequest, database: Path) -> Iterator[Journal]:
    with closing(MemoryJournal() if request.param == "memory" else FileJournal(database)) as journal:
        yield journal


def numbered(first: int, count: int, octets: int = 0) -> list[Recorded]:
    return [replace(LINE, number=number, data=bytes(octets)) for number in range(first, first + count)]


def append(journal: Journal, events: Sequence[Recorded]) -> None:
    """Append blocks of two events."""
    for first in range(0, len(events), 2):
        journal.append(events[first : first + 2])


def read(journal: Journal) -> list[Recorded]:
    return [*chain.from_iterable(journal.portions())]


def left(database: Path) -> list[Recorded]:
    """Give what is on the pages that nobody has, oldest first."""
    with left_beside(database) as leftovers:
        return [event for leftover in leftovers for block in leftover.blocks for event in block]


def pages(database: Path) -> list[Path]:
    return sorted(database.parent.glob("mail.db-promised-*"))


def no_room(*_: object) -> int:
    raise OSError(28, "No space left on device")


def test_before_the_first_promise_there_is_nothing(any_journal: Journal) -> None:
    assert read(any_journal) == []
    any_journal.turn()
    assert read(any_journal) == []


def test_both_pages_are_read_in_turns_in_their_order(any_journal: Journal) -> None:
    one, two, three = numbered(0, 2000, 4000), numbered(2000, 600, 8000), numbered(2600, 3)
    append(any_journal, one)
    assert read(any_journal) == []  # that page was not turned to
    any_journal.turn()
    append(any_journal, two[:300])
    portions = []
    for events in any_journal.portions():  # while more comes in
        portions.append(events)
        append(any_journal, two[300 + 2 * len(portions) - 2 :][:2])
    assert len(portions) > 3
    assert [*chain.from_iterable(portions)] == one
    append(any_journal, two[300 + 2 * len(portions) :])
    any_journal.settle()
    any_journal.turn()
    append(any_journal, three)
    assert read(any_journal) == two
    any_journal.settle()
    assert read(any_journal) == []
    any_journal.turn()
    assert read(any_journal) == three
    any_journal.settle()
    any_journal.turn()
    assert read(any_journal) == []


def test_a_portion_is_not_more_than_some_megabytes(journal: FileJournal) -> None:
    append(journal, numbered(0, 2000, 4000))
    journal.turn()
    sizes = [sum(len(event.data) for event in events if isinstance(event, Line)) for events in journal.portions()]
    assert sum(sizes) == 2000 * 4000
    assert all(PORTION // 2 < size <= PORTION for size in sizes[:-1])


def test_what_is_appended_late_is_not_read_but_left(any_journal: Journal, database: Path) -> None:
    one, two, three, late = numbered(0, 4), numbered(4, 2), numbered(6, 2), numbered(8, 4)
    append(any_journal, one)
    any_journal.turn()
    any_journal.append(late[:2], late=True)
    append(any_journal, two)
    reading = any_journal.portions()
    found = next(reading)
    any_journal.append(late[2:], late=True)  # while the page is read
    assert [*found, *chain.from_iterable(reading)] == one
    any_journal.turn()
    assert read(any_journal) == two
    append(any_journal, three)
    any_journal.close()
    if isinstance(any_journal, FileJournal):
        assert left(database) == [*one, *late, *three, *two]


def test_what_is_appended_late_to_an_empty_page_is_left_too(journal: FileJournal, database: Path) -> None:
    one, late = numbered(0, 2), numbered(2, 2)
    journal.turn()
    journal.append(late, late=True)
    journal.append(one)
    assert read(journal) == []
    journal.close()
    assert left(database) == [*late, *one]


def test_a_block_may_be_as_large_as_half_a_portion(journal: FileJournal, database: Path) -> None:
    (line,) = numbered(0, 1, LARGEST)
    with pytest.raises(ValueError, match=r"a block of 1048[67][0-9]+ octets") as caught:
        journal.append([line])
    assert pages(database) == []
    besides = int(str(caught.value).split()[3]) - LARGEST
    largest = numbered(0, 3, LARGEST - besides)
    for one in largest:
        journal.append([one])
        with pytest.raises(ValueError, match=f"a block of {LARGEST + 1} octets"):
            journal.append(numbered(9, 1, LARGEST - besides + 1))
    journal.turn()
    assert list(journal.portions()) == [[one] for one in largest]
    journal.close()
    assert left(database) == largest


def test_where_a_page_is_wrong_it_ends_with_an_error(journal: FileJournal, database: Path) -> None:
    events = numbered(0, 2000, 4000)
    append(journal, events)
    journal.turn()
    (page,) = (page for page in pages(database) if page.stat().st_size)
    with page.open("r+b") as file:
        file.seek(5_000_000)
        file.write(b"?")
    found: list[Recorded] = []
    with pytest.raises(OSError, match="Input/output error") as caught:
        found.extend(chain.from_iterable(journal.portions()))
    assert caught.value.filename == str(page)
    assert 5_000_000 // 8200 * 2 - 10 < len(found) < 5_000_000 // 4000
    assert found == events[: len(found)]
    journal.close()
    assert left(database) == found


@pytest.mark.parametrize("octets", [b"", b"mtj1", b"\x00" * 100])
def test_a_page_that_gives_less_than_was_written_ends_with_an_error(
    journal: FileJournal, monkeypatch: pytest.MonkeyPatch, octets: bytes
) -> None:
    append(journal, numbered(0, 4))
    journal.turn()
    with monkeypatch.context() as patch:
        patch.setattr(os, "pread", lambda *_: octets)
        with pytest.raises(OSError, match="Input/output error"):
            read(journal)
    assert read(journal) == numbered(0, 4)


def test_a_page_that_gives_less_at_a_time_is_read_to_its_end(
    journal: FileJournal, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.pread
    append(journal, numbered(0, 100, 100))
    journal.turn()
    monkeypatch.setattr(os, "pread", lambda descriptor, count, where: real(descriptor, min(count, 1000), where))
    assert len(list(journal.portions())) > 10
    assert read(journal) == numbered(0, 100, 100)


@pytest.mark.parametrize("all_of_it", [True, False])
def test_what_is_settled_is_not_read_again_even_if_its_page_cannot_be_emptied(
    journal: FileJournal, database: Path, monkeypatch: pytest.MonkeyPatch, *, all_of_it: bool
) -> None:
    one, two, three, four = numbered(0, 2), numbered(2, 2), numbered(4, 2), numbered(6, 2)
    append(journal, one)
    journal.turn()
    append(journal, two)
    with monkeypatch.context() as patch:
        patch.setattr(os, "ftruncate", no_room)
        with pytest.raises(OSError, match="No space left on device"):
            journal.settle(all_of_it=all_of_it)
    append(journal, three)
    journal.turn()
    append(journal, four)
    assert read(journal) == (three if all_of_it else two + three)
    journal.settle()
    journal.turn()
    assert read(journal) == four
    journal.close()
    assert left(database) == [*one, *four]  # who takes that in finds the first in the database


def test_a_page_that_could_not_be_emptied_goes_when_all_on_it_is_settled(
    journal: FileJournal, database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    append(journal, numbered(0, 2))
    journal.turn()
    monkeypatch.setattr(os, "ftruncate", no_room)
    with pytest.raises(OSError, match="No space left on device"):
        journal.settle()
    assert read(journal) == []
    journal.close()
    assert pages(database) == []
