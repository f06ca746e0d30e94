"""The file beside the database: what was appended comes back, whatever happened to the end of it, and nothing twice."""

from __future__ import annotations

import enum
import errno
import fcntl
import hashlib
import logging
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType
from typing import Any, get_args, get_type_hints

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from mailtrap_py.events import Recipient, Recorded, Reply
from mailtrap_py.store import journal as journal_module
from mailtrap_py.store.journal import MARK, FileJournal, journal_beside, left_beside
from tests import stored
from tests.stored import LINE

MESSAGE = replace(stored.MESSAGE, parameters={"SIZE": "9"})
TEXTS = st.text(max_size=8)
MAPPINGS = st.dictionaries(TEXTS, TEXTS, max_size=2)
REPLIES = st.builds(
    Reply, st.integers(200, 599), TEXTS, st.lists(TEXTS, max_size=2).map(tuple), raw=st.binary(max_size=8)
)
VALUES: dict[Any, st.SearchStrategy[Any]] = {
    str: TEXTS,
    bytes: st.binary(max_size=8),
    int: st.integers(0, 2**63),
    float: st.floats(allow_nan=False),
    bool: st.booleans(),
    Mapping[str, str]: MAPPINGS,
    tuple[str, ...]: st.lists(TEXTS, max_size=2).map(tuple),
    tuple[Recipient, ...]: st.lists(
        st.builds(Recipient, address=TEXTS, parameters=MAPPINGS, reply=REPLIES, rule=TEXTS), max_size=2
    ).map(tuple),
    Reply | None: st.none() | REPLIES,
}


def any_event(kind: Any) -> st.SearchStrategy[Recorded]:  # noqa: ANN401 - a class of events
    fields = {
        name: st.sampled_from(list(hint)) if isinstance(hint, enum.EnumMeta) else VALUES[hint]
        for name, hint in get_type_hints(kind).items()
    }
    return st.builds(kind, **fields)


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "mail.db"


@pytest.fixture
def journal(database: Path) -> Iterator[FileJournal]:
    with closing(FileJournal(database)) as journal:
        yield journal


def pages(database: Path) -> list[Path]:
    return sorted(database.parent.glob("*-promised-*"))


def left(database: Path) -> list[list[list[Recorded]]]:
    """Give the blocks of every page that is taken, and leave them where they are."""
    with left_beside(database) as leftovers:
        return [leftover.blocks for leftover in leftovers]


def as_if_killed(database: Path, folder: Path) -> Path:
    """Copy the pages of a journal that lives, which nobody has locked then, beside a database elsewhere."""
    folder.mkdir()
    for page in pages(database):
        (folder / page.name).write_bytes(page.read_bytes())
    return folder / database.name


@given(st.lists(st.lists(st.one_of(*(any_event(kind) for kind in get_args(Recorded))), max_size=4), max_size=4))
def test_whatever_was_appended_is_left_in_its_order(blocks: list[list[Recorded]]) -> None:
    with TemporaryDirectory() as folder:
        database = Path(folder) / "mail.db"
        with closing(FileJournal(database)) as journal:
            for block in blocks:
                journal.append(block)
            journal.turn()
            assert [event for events in journal.portions() for event in events] == [*chain.from_iterable(blocks)]
        found = [block for page in left(database) for block in page]
        assert found == blocks


def test_whoever_changes_the_events_changes_the_mark() -> None:
    # What a killed process of the version before has left is then of no use, and is not taken for something else.
    known = [(kind, get_type_hints(kind)) for kind in (*get_args(Recorded), Recipient, Reply)]
    fields = "\n".join(f"{kind.__name__} {name} {hint}" for kind, hints in known for name, hint in hints.items())
    assert (MARK, hashlib.sha256(fields.encode()).hexdigest()[:16]) == (b"mtj1", "d6222ecaa5bcd37b")


def test_a_mapping_of_any_kind_comes_back_as_a_dict(database: Path, journal: FileJournal) -> None:
    journal.append([replace(MESSAGE, parameters=MappingProxyType({"SIZE": "9"}))])
    journal.close()
    assert left(database) == [[[MESSAGE]]]


@pytest.mark.parametrize(
    "bad",
    [
        replace(MESSAGE, reverse_path="\udce9@example.com"),
        replace(MESSAGE, parameters={"X": "\udce9"}),
        replace(LINE, number=2**64),
        replace(MESSAGE, parameters=object()),
    ],
)
def test_what_cannot_be_written_is_refused_whole(database: Path, journal: FileJournal, bad: Recorded) -> None:
    journal.append([LINE, MESSAGE])
    with pytest.raises((ValueError, TypeError, OverflowError, KeyError)):
        journal.append([LINE, bad])
    journal.append([MESSAGE])
    journal.close()
    assert left(database) == [[[LINE, MESSAGE], [MESSAGE]]]


class TestTheEnd:
    """Of a page whose process was killed, or whose disk went wrong: what is whole before it counts."""

    @pytest.fixture
    def page(self, database: Path, journal: FileJournal) -> Path:
        for number in range(2):
            journal.append([LINE, replace(MESSAGE, id=str(number))])
        self.whole = max(path.stat().st_size for path in pages(database))
        journal.append([replace(MESSAGE, id="last")])
        journal.close()
        (page,) = pages(database)
        return page

    def assert_last_is_of_no_use(self, database: Path, octets: int, caplog: pytest.LogCaptureFixture) -> None:
        caplog.clear()
        (blocks,) = left(database)
        assert [block[-1] for block in blocks] == [replace(MESSAGE, id=name) for name in ("0", "1")]
        (record,) = caplog.records
        assert record.levelno == logging.WARNING
        assert record.getMessage().endswith(f": {octets} octets at its end are of no use")

    def test_it_may_be_torn_anywhere(self, database: Path, page: Path, caplog: pytest.LogCaptureFixture) -> None:
        octets = page.read_bytes()
        for size in range(self.whole + 1, len(octets)):
            page.write_bytes(octets[:size])
            self.assert_last_is_of_no_use(database, size - self.whole, caplog)
        page.write_bytes(octets[: self.whole])
        caplog.clear()
        assert [len(blocks) for blocks in left(database)] == [2]
        assert caplog.text == ""

    def test_any_octet_of_it_may_be_wrong(self, database: Path, page: Path, caplog: pytest.LogCaptureFixture) -> None:
        octets = page.read_bytes()
        for position in range(self.whole, len(octets)):
            page.write_bytes(octets[:position] + bytes([octets[position] ^ 0x10]) + octets[position + 1 :])
            self.assert_last_is_of_no_use(database, len(octets) - self.whole, caplog)

    @pytest.mark.parametrize("written", [[{"type": "Later"}], [{"type": "Line", "number": 1}], ["no event"], 7])
    def test_what_another_version_has_written_does_not_keep_the_rest(
        self, database: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, written: object
    ) -> None:
        with closing(FileJournal(database)) as journal:
            journal.append([MESSAGE])
            with monkeypatch.context() as patch:
                patch.setattr(journal_module, "_ENCODE", lambda _: msgspec.msgpack.encode(written))
                journal.append([LINE])
            journal.append([LINE])
        assert left(database) == [[[MESSAGE], [LINE]]]
        assert "octets were written by another mailtrap_py: " in caplog.text


class TestPages:
    """Two of them, used in turns."""

    def test_there_are_none_before_the_first_promise(self, database: Path, journal: FileJournal) -> None:
        journal.turn()
        journal.settle(all_of_it=True)
        assert pages(database) == []

    def test_after_a_turn_the_other_one_is_settled(self, database: Path, journal: FileJournal, tmp_path: Path) -> None:
        one, two, three = (replace(MESSAGE, id=name) for name in ("1", "2", "3"))
        journal.append([one])
        journal.settle()
        assert left(as_if_killed(database, tmp_path / "a")) == [[], [[one]]]
        journal.turn()
        journal.append([two])
        assert left(as_if_killed(database, tmp_path / "b")) == [[[one]], [[two]]]
        journal.settle()
        assert left(as_if_killed(database, tmp_path / "c")) == [[], [[two]]]
        journal.turn()
        journal.append([three])
        # Now the page that was made first has what came last.
        assert left(as_if_killed(database, tmp_path / "d")) == [[[two]], [[three]]]
        journal.settle(all_of_it=True)
        assert left(as_if_killed(database, tmp_path / "e")) == [[], []]

    def test_what_a_later_process_left_comes_later(self, database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        names = iter("dcba")  # not the names decide
        monkeypatch.setattr(journal_module, "new_id", lambda: next(names))
        for number in range(2):
            with closing(FileJournal(database)) as journal:
                journal.append([replace(MESSAGE, id=str(number))])
        assert left(database) == [[[replace(MESSAGE, id=name)]] for name in ("0", "1")]

    def test_closing_removes_those_that_are_empty(self, database: Path, journal: FileJournal) -> None:
        journal.append([MESSAGE])
        assert len(pages(database)) == 2
        journal.close()
        assert len(pages(database)) == 1
        journal.close()
        assert left(database) == [[[MESSAGE]]]

    def test_closing_leaves_nothing_when_all_is_settled(self, database: Path, journal: FileJournal) -> None:
        journal.append([MESSAGE])
        journal.turn()
        journal.settle()
        journal.close()
        assert pages(database) == []

    def test_those_of_a_process_that_lives_are_its_own(self, database: Path, journal: FileJournal) -> None:
        journal.append([MESSAGE])
        assert left(database) == []
        assert len(pages(database)) == 2
        journal.close()
        assert left(database) == [[[MESSAGE]]]

    def test_who_takes_them_keeps_others_from_it_and_removes_them(self, database: Path, journal: FileJournal) -> None:
        journal.append([MESSAGE])
        journal.close()
        with left_beside(database) as leftovers:
            assert left(database) == []
            for leftover in leftovers:
                leftover.remove()
                leftover.remove()
        assert pages(database) == []

    def test_only_their_owner_can_read_them(self, database: Path, journal: FileJournal) -> None:
        journal.append([MESSAGE])
        assert {page.stat().st_mode & 0o777 for page in pages(database)} == {0o600}

    @pytest.mark.parametrize("name", ["m*il.db", "m?il.db", "[m]ail.db", "m]ail.db", "ma il.db"])
    def test_the_name_of_a_database_is_no_pattern(self, tmp_path: Path, name: str) -> None:
        for other in ("mail.db", name):
            with closing(FileJournal(tmp_path / other)) as journal:
                journal.append([replace(MESSAGE, id=other)])
        assert left(tmp_path / name) == [[[replace(MESSAGE, id=name)]]]

    def test_a_database_has_them_whatever_it_is_called(
        self, database: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        database.touch()
        (tmp_path / "elsewhere").mkdir()
        link = tmp_path / "elsewhere" / "link.db"
        link.symlink_to(database)
        with closing(FileJournal(link)) as journal:
            journal.append([MESSAGE])
        monkeypatch.chdir(tmp_path)
        assert left(Path("mail.db")) == left(link) == [[[MESSAGE]]]


class TestFailing:
    """Nothing is written then, and nothing is left behind."""

    def test_a_write_that_comes_to_an_end_too_soon_is_undone(self, tmp_path: Path) -> None:
        # A process of its own: this one's capture of output would meet the limit too.
        program = f"""if True:
            import resource, sys
            from msgspec.structs import replace
            from pathlib import Path
            sys.path.insert(0, {str(Path(__file__).parent)!r})
            from test_store_journal import MESSAGE, FileJournal, pages
            database = Path({str(tmp_path / "mail.db")!r})
            journal = FileJournal(database)
            journal.append([MESSAGE])
            before = [page.read_bytes() for page in pages(database)]
            resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
            for _ in range(2):  # a part of it can be written; at the end of the page nothing can
                try:
                    journal.append([replace(MESSAGE, raw=bytes(8000))])
                except OSError:
                    pass
                else:
                    sys.exit("there was room")
                if [page.read_bytes() for page in pages(database)] != before:
                    sys.exit("something was written")
            journal.append([replace(MESSAGE, id="small")])
            journal.close()
        """
        subprocess.run([sys.executable, "-c", program], check=True, cwd=Path(__file__).parent.parent, timeout=60)
        assert left(tmp_path / "mail.db") == [[[MESSAGE], [replace(MESSAGE, id="small")]]]

    def test_a_write_of_a_part_is_none(
        self, database: Path, journal: FileJournal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        real = os.pwrite
        journal.append([MESSAGE])
        whole = max(page.stat().st_size for page in pages(database))
        with monkeypatch.context() as patch:
            patch.setattr(os, "pwrite", lambda descriptor, octets, where: real(descriptor, octets[:-1], where))
            with pytest.raises(OSError, match="No space left on device"):
                journal.append([LINE])
        assert max(page.stat().st_size for page in pages(database)) == whole
        assert left(as_if_killed(database, tmp_path / "a")) == [[], [[MESSAGE]]]

    def test_a_folder_that_is_gone_is_told(self, tmp_path: Path) -> None:
        with closing(FileJournal(tmp_path / "gone" / "mail.db")) as journal, pytest.raises(FileNotFoundError):
            journal.append([MESSAGE])

    def test_a_page_that_cannot_be_made_is_made_later(
        self, database: Path, journal: FileJournal, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        first = iter([True])
        real = os.open

        def open_one(*arguments: Any) -> int:  # noqa: ANN401 - whatever `os.open` takes
            if next(first, False):
                return real(*arguments)
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

        with monkeypatch.context() as patch:
            patch.setattr(os, "open", open_one)
            for _ in range(3):
                with pytest.raises(OSError, match="Too many open files"):
                    journal.append([MESSAGE])
        assert len(pages(database)) == 1
        journal.append([MESSAGE])
        assert len(pages(database)) == 2

    def test_where_files_cannot_be_locked_there_are_no_pages(
        self, database: Path, journal: FileJournal, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        (database.parent / "mail.db-promised-x").write_bytes(b"")

        def lock(*_: object) -> None:
            raise OSError(errno.ENOLCK, "No locks available")

        monkeypatch.setattr(fcntl, "flock", lock)
        with pytest.raises(OSError, match="No locks available"):
            journal.append([MESSAGE])
        assert left(database) == []
        assert "what a killed process left cannot be read: [Errno 37] No locks available" in caplog.text
        assert [page.name for page in pages(database)] == ["mail.db-promised-x"]

    def test_what_is_no_file_harms_nobody(self, database: Path, caplog: pytest.LogCaptureFixture) -> None:
        (database.parent / "mail.db-promised-folder").mkdir()
        assert left(database) == []
        assert "Is a directory" in caplog.text

    def test_a_page_that_another_program_locks_first_is_not_used(
        self, database: Path, journal: FileJournal, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with ExitStack() as others:
            real, losses = fcntl.flock, iter([True])

            def lock(descriptor: int, how: int) -> None:
                if next(losses, False):
                    other = others.enter_context(pages(database)[0].open("rb"))
                    real(other, how)
                real(descriptor, how)

            monkeypatch.setattr(fcntl, "flock", lock)
            journal.append([MESSAGE])
            journal.close()
        assert left(database) == [[[MESSAGE]]]

    @pytest.mark.parametrize("call", ["open", "flock"])
    def test_a_page_whose_process_ends_just_now_is_none(
        self, database: Path, journal: FileJournal, monkeypatch: pytest.MonkeyPatch, call: str
    ) -> None:
        journal.append([MESSAGE])
        journal.close()
        owner: Any = os if call == "open" else fcntl
        real = getattr(owner, call)

        def too_late(*arguments: Any) -> Any:  # noqa: ANN401 - what it takes, and what it gives
            for page in pages(database):
                page.unlink()
            return real(*arguments)

        monkeypatch.setattr(owner, call, too_late)
        assert left(database) == []

    def test_a_folder_that_nobody_may_change_keeps_its_pages(
        self, database: Path, journal: FileJournal, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(*_: object) -> None:
            raise PermissionError

        journal.append([MESSAGE])
        monkeypatch.setattr(Path, "unlink", refuse)
        journal.close()
        assert len(pages(database)) == 2


def test_where_no_file_can_be_locked_there_is_no_journal(database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(journal_beside(database), FileJournal)
    (database.parent / "mail.db-promised-x").write_bytes(b"")
    assert left(database) == [[]]
    monkeypatch.setattr(journal_module, "_LOCKS", False)
    assert journal_beside(database) is None
    assert left(database) == []
