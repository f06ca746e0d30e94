"""Promises that the database does not hold yet, in a file beside it: a 250 waits for one `write`, not for a commit.

A message touches a dozen trees of the database, and a commit for one message is a dozen pages written. Appended to a
journal it is one call into the kernel, as safe from the death of the process as the commit would be; the database is
written a little later, for many messages at once. A journal has two pages, used in turns: while the messages on one are
written to the database, the other one takes what comes, and a page whose messages are all there is emptied.

Who opens the database takes in what a process that was killed has left on its pages. Those of a process that lives are
locked.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import struct
import sys
import time
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Final, Protocol
from zlib import crc32

import msgspec

from mailtrap_py.events import Recorded
from mailtrap_py.ids import new_id

if sys.platform != "win32":
    import fcntl

MARK: Final = b"mtj1"
"""Begins every block, and is changed with what can be in one: another version's is not taken for something else."""

_LOG = logging.getLogger("mailtrap_py.store")
_LOCKS: Final = sys.platform != "win32"
_HEAD: Final = struct.Struct("<4sIQI")  # what begins a block: a mark, the checksum of what follows it, number, length
_REST: Final = struct.Struct("<QI")  # of the head, after the checksum
_CHECKED: Final = _HEAD.size - _REST.size  # where that begins
_LARGEST_BLOCK: Final = 2**20
_PORTION: Final = 2 * _LARGEST_BLOCK  # of a page; as much is written to the database at once
_PORTION_BLOCKS: Final = 256
_DECODE: Final = msgspec.msgpack.Decoder(list[Recorded]).decode
_ENCODE: Final = msgspec.msgpack.Encoder(enc_hook=dict).encode  # what it does not know is some kind of mapping


class Journal(Protocol):
    """Where promises are kept until they are in the database. The caller sees to it that one at a time is in here."""

    largest: int
    """Octets of the largest message that is worth a promise: beyond that a commit costs less than to write it twice."""
    most: int
    """Octets of promised messages that may wait for the database: what is more waits for its commit."""

    def append(self, events: Sequence[Recorded], *, late: bool = False) -> None:
        """Write them down: they outlive the process. Raises what is in the way, and nothing is written.

        With `late` they go to the page before the last `turn`: they are about to be written to the database already.
        """

    def turn(self) -> None:
        """Begin another page: all that was appended before is about to be written to the database."""

    def portions(self) -> Iterator[list[Recorded]]:
        """Give back what was on the page at the last `turn`, in its order, some megabytes at a time."""

    def settle(self, *, all_of_it: bool = False) -> None:
        """Empty the page before the last `turn`, or both: the database has what was on it."""

    def close(self) -> None:
        """Let go. Pages that are not settled stay for who opens the database next. Idempotent."""


class MemoryJournal:
    """The journal of a database in memory: neither outlives the process."""

    largest = 2**25
    most = 2**26

    def __init__(self) -> None:
        """Begin with two empty pages."""
        self._pages: tuple[list[Sequence[Recorded]], list[Sequence[Recorded]]] = ([], [])
        self._current = 0

    def append(self, events: Sequence[Recorded], *, late: bool = False) -> None:
        """Keep them. What is about to be written need not be kept."""
        if not late:
            self._pages[self._current].append(events)

    def turn(self) -> None:
        """Change pages."""
        self._current = 1 - self._current

    def portions(self) -> Iterator[list[Recorded]]:
        """Give back the other page."""
        blocks = self._pages[1 - self._current]
        for first in range(0, len(blocks), _PORTION_BLOCKS):
            yield list(chain.from_iterable(blocks[first : first + _PORTION_BLOCKS]))

    def settle(self, *, all_of_it: bool = False) -> None:
        """Empty the other page, or both."""
        for number, page in enumerate(self._pages):
            if all_of_it or number != self._current:
                page.clear()

    def close(self) -> None:
        """There is nothing to let go of."""


class FileJournal:
    """A journal beside a SQLite file. Its pages are there from the first promise on, until it is closed."""

    largest = 2**18
    most = 2**26

    def __init__(self, database: Path) -> None:
        """Take the path of the database."""
        self._database = database.resolve()
        self._pages: list[_Page] = []
        self._current = 0
        self._written = 0  # octets of the other page, at the turn
        self._number = time.time_ns()  # of the last block: later processes go on with higher ones

    def append(self, events: Sequence[Recorded], *, late: bool = False) -> None:
        """Write them down as one block."""
        block = _ENCODE(events)
        if len(block) > _LARGEST_BLOCK:
            raise ValueError(f"a block of {len(block)} octets")
        while len(self._pages) < 2:  # noqa: PLR2004 - a journal has two; the second one may fail, and is made later
            self._pages.append(_Page.create(self._database))
        checksum = crc32(block, crc32(_REST.pack(self._number + 1, len(block))))
        head = _HEAD.pack(MARK, checksum, self._number + 1, len(block))
        self._pages[1 - self._current if late else self._current].append(head + block)
        self._number += 1

    def turn(self) -> None:
        """Change pages."""
        self._current = 1 - self._current
        other = 1 - self._current
        self._written = self._pages[other].size if other < len(self._pages) else 0

    def portions(self) -> Iterator[list[Recorded]]:
        """Read the other page, up to where it was written at the turn."""
        if not self._written:
            return
        page = self._pages[1 - self._current]
        position = page.settled
        while position < self._written:
            octets = page.read(position, min(_PORTION, self._written - position))
            blocks, whole = _whole_blocks(octets)
            if not blocks:
                raise OSError(errno.EIO, os.strerror(errno.EIO), str(page.path))
            yield list(chain.from_iterable(_DECODE(block) for _, block in blocks))
            position += whole

    def settle(self, *, all_of_it: bool = False) -> None:
        """Empty the other page, or both."""
        self._written = 0
        pages = [page for number, page in enumerate(self._pages) if all_of_it or number != self._current]
        for page in pages:
            page.settled = page.size  # of all, before one of them cannot be emptied: nothing is given back again
        for page in pages:
            page.clear()

    def close(self) -> None:
        """Remove the pages with nothing on them but what is settled."""
        pages, self._pages = self._pages, []
        for page in pages:
            page.close()


class _Page:
    """A file of a journal, locked as long as it is open."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self.size = 0
        self.settled = 0  # octets at its beginning, on a page that could not be emptied
        self._descriptor = descriptor

    @classmethod
    def create(cls, database: Path) -> _Page:
        while True:
            path = database.with_name(f"{database.name}-promised-{new_id()}")
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            with contextlib.ExitStack() as undo:
                undo.callback(os.close, descriptor)
                undo.callback(path.unlink, missing_ok=True)
                # Another program may take it for a leftover before it is locked, and remove it.
                if _lock(descriptor):
                    undo.pop_all()
                    return cls(path, descriptor)

    def append(self, block: bytes) -> None:
        written = os.pwrite(self._descriptor, block, self.size)
        if written < len(block):
            os.ftruncate(self._descriptor, self.size)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self.path))
        self.size += written

    def read(self, position: int, count: int) -> bytes:
        return os.pread(self._descriptor, count, position)

    def clear(self) -> None:
        if self.size:
            os.ftruncate(self._descriptor, 0)
            self.size = self.settled = 0

    def close(self) -> None:
        if self.settled == self.size:
            with contextlib.suppress(OSError):
                self.path.unlink()
        os.close(self._descriptor)


def _lock(descriptor: int) -> bool:
    """Make a page this process's; tell whether it was nobody's, and is there still.

    Raises `OSError` where files cannot be locked: on some file systems.
    """
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return os.fstat(descriptor).st_nlink > 0


def journal_beside(database: Path) -> FileJournal | None:
    """Give a journal for a database; None where files cannot be locked, and every message waits for its commit."""
    return FileJournal(database) if _LOCKS else None


class Leftover:
    """A page that a process that was killed has left: the blocks on it, each with the events that it promised."""

    def __init__(self, path: Path, descriptor: int) -> None:
        """Read a page that is open, and locked. What is torn at its end was never promised."""
        self.path = path
        with open(descriptor, "rb", closefd=False) as file:
            blocks = list(_blocks(file.read(), path))
        self.number = blocks[0][0] if blocks else 0
        self.blocks = [events for _, events in blocks]

    def remove(self) -> None:
        """Remove it: the database has what was on it."""
        self.path.unlink(missing_ok=True)  # who made it may have failed to lock it, and have removed it


@contextlib.contextmanager
def left_beside(database: Path) -> Iterator[list[Leftover]]:
    """Give what killed processes have left beside a database, oldest first, while nobody else can take it."""
    database = database.resolve()
    found: list[Leftover] = []
    with contextlib.ExitStack() as opened:
        for path in sorted(database.parent.glob(f"{_escaped(database.name)}-promised-*")) if _LOCKS else ():
            try:
                descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
                opened.callback(os.close, descriptor)
                if _lock(descriptor):
                    found.append(Leftover(path, descriptor))
            except FileNotFoundError:  # its process has just ended
                continue
            except OSError as error:
                _LOG.warning("what a killed process left cannot be read: %s", error)
        # The names are those of processes: of the two pages of one, either may be the older.
        yield sorted(found, key=lambda leftover: leftover.number)


def _escaped(name: str) -> str:
    """Write a name so that a pattern of file names means that name."""
    return "".join(f"[{letter}]" if letter in "*?[" else letter for letter in name)


def _whole_blocks(octets: bytes) -> tuple[list[tuple[int, bytes]], int]:
    """Give the blocks at the beginning that are whole, each with its number, and how many octets they are."""
    blocks: list[tuple[int, bytes]] = []
    position = 0
    while len(octets) - position >= _HEAD.size:
        begin = position + _HEAD.size
        mark, checksum, number, length = _HEAD.unpack_from(octets, position)
        end = begin + length
        if mark != MARK or end > len(octets) or crc32(octets[position + _CHECKED : end]) != checksum:
            break
        blocks.append((number, octets[begin:end]))
        position = end
    return blocks, position


def _blocks(octets: bytes, path: Path) -> Iterator[tuple[int, list[Recorded]]]:
    """Give what was promised on a page, each block with its number."""
    blocks, whole = _whole_blocks(octets)
    for number, block in blocks:
        try:
            yield number, _DECODE(block)
        except ValueError as error:
            _LOG.error("%s: %d octets were written by another mailtrap_py: %s", path, len(block), error)
    if whole < len(octets):
        _LOG.warning("%s: %d octets at its end are of no use", path, len(octets) - whole)
