"""The content of a message: while it comes, and when it is there, as it was sent and as it is meant.

What is over a threshold goes to disk while it comes, so that many slow clients with large messages cost no memory.
"""

from __future__ import annotations

import re
import tempfile
from dataclasses import dataclass, field
from typing import Final

END_OF_DATA: Final = b"\r\n.\r\n"
"""RFC 5321, section 4.1.1.4: 'the character sequence "<CRLF>.<CRLF>"', and nothing else, ends the data."""

DOT: Final = b"\r\n."
"""What begins a line with a dot: of the end of data, or of a line that begins with one (section 4.5.2)."""

LENIENT_END: Final = re.compile(rb"(?:\n|\A)\.\r?\n")
_LENIENT_DOT: Final = re.compile(rb"(?:(?<=\n)|\A)\.")


class Spool:
    """Octets on disk, in a file without a name: it is gone when it is closed, or when the program ends."""

    def __init__(self) -> None:
        """Open a file where the system keeps temporary ones. Raises `OSError`."""
        self._file = tempfile.TemporaryFile(prefix="mailtrap-")  # noqa: SIM115 - closed when the content is read
        self.size = 0

    def write(self, octets: bytes | bytearray | memoryview) -> None:
        """Add to it. Raises `OSError` when there is no room."""
        self._file.write(octets)
        self.size += len(octets)

    def read(self, count: int = -1) -> bytes:
        """Give so many octets from the beginning, or all."""
        self._file.seek(0)
        return self._file.read(count)

    def close(self) -> None:
        """Throw it away."""
        self._file.close()

    def __del__(self) -> None:
        """Throw it away when a session ended in the middle and nobody has read it."""
        if hasattr(self, "_file"):
            self._file.close()


@dataclass(frozen=True, slots=True)
class Content:
    """The content of a message as it came: `wire` with dots stuffed and the final dot; `octets` counts it all.

    `complete` is false if the client left or fell silent before the end; `wire` is empty if it was over the limit, and
    if it is in `spool`, which `raw` reads and closes. `failure` says why it could not be kept. `stuffed` is false where
    no line but the first and the last begins with a dot.
    """

    wire: bytes | bytearray
    octets: int
    complete: bool
    too_big: bool
    lenient: bool = False
    spool: Spool | None = None
    failure: str = ""
    stuffed: bool = field(default=True, compare=False)

    @property
    def raw(self) -> bytes:
        """The message itself: the dot removed that a line begins with (RFC 5321, section 4.5.2)."""
        if self.lenient:
            wire = self.wire if self.spool is None else self._spooled(0)
            return _LENIENT_DOT.sub(b"", wire[: wire.rindex(b".")] if self.complete and wire else wire)
        if self.spool is None:
            wire = self.wire
            if self.complete and wire == END_OF_DATA[2:]:
                return b""
            less = len(END_OF_DATA) - 2 if self.complete and len(wire) >= len(END_OF_DATA) else 0
            content = bytes(memoryview(wire)[: len(wire) - less])
        else:
            content = self._spooled(len(END_OF_DATA) - 2 if self.complete else 0)
        if self.stuffed:
            content = content.replace(DOT, DOT[:-1])
        return content[1:] if content[:1] == b"." else content

    def _spooled(self, less: int) -> bytes:
        assert self.spool is not None  # noqa: S101 - the caller looked
        try:
            return self.spool.read(self.spool.size - less)
        finally:
            self.spool.close()


class Arriving:
    """A content while it comes: counted, and kept in the reader's buffer, on disk, or not at all."""

    def __init__(self, limit: int, *, spool_over: int, lenient: bool) -> None:
        """Begin. Over `spool_over` octets it goes to disk, never if that is 0; far over `limit` it is not kept."""
        self.octets = 0
        self.too_big = False
        self._limit = limit
        self._spool_over = spool_over
        self._lenient = lenient
        self._spool: Spool | None = None
        self._failure = ""

    def shed(self, buffer: bytearray) -> None:
        """Take out of the buffer what need not stay there: all but what may be the beginning of the end."""
        if self.octets + len(buffer) > 2 * self._limit:  # stuffing may double a content of dots
            self.too_big = True
            self._drop_spool()
        to_disk = self._spool is not None or 0 < self._spool_over < len(buffer)
        if not (self.too_big or self._failure or to_disk):
            return
        count = max(0, len(buffer) - len(END_OF_DATA) + 1)
        if to_disk and not (self.too_big or self._failure):
            self._write(buffer[:count])
        del buffer[:count]
        self.octets += count

    def end(self, octets: bytes | bytearray, *, complete: bool, stuffed: bool = True) -> Content:
        """Make the content of all that came; these octets are the last of it. `stuffed` as in the content."""
        self.octets += len(octets)
        if self._spool is not None:
            self._write(octets)
        kept = b"" if self.too_big or self._failure or self._spool is not None else octets
        return Content(
            kept,
            self.octets,
            complete=complete,
            too_big=self.too_big,
            lenient=self._lenient,
            spool=self._spool,
            failure=self._failure,
            stuffed=stuffed,
        )

    def _write(self, octets: bytes | bytearray) -> None:
        try:
            if self._spool is None:
                self._spool = Spool()
            self._spool.write(octets)
        except OSError as error:  # the client is told when it has sent all: a full disk must not end the session
            self._failure = f"the content could not be kept on disk: {error.strerror or error}"
            self._drop_spool()

    def _drop_spool(self) -> None:
        if self._spool is not None:
            self._spool.close()
            self._spool = None
