"""Notices that a client leaves while nothing is read from it.

Who reads is told by the end of the file. Who does not read has other signs, all of them Linux's: a half that was shut
down (EPOLLRDHUP), and, as long as the client has sent more than the two kernels take, nothing at all on the wire, for
its FIN stands in line behind those octets. But where both ends are on one machine the kernel's table of sockets shows
that the client's own end is closed.
"""

from __future__ import annotations

import asyncio
import select
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

INTERVAL: Final = 0.25
"""Seconds between two looks at the table."""

_TABLES: Final = {socket.AF_INET: Path("/proc/net/tcp"), socket.AF_INET6: Path("/proc/net/tcp6")}
_ESTABLISHED: Final = "01"  # the kernel's net/tcp_states.h, in hexadecimal


class Departure:
    """Calls `left` once, when the client has left; `stop` ends the watch. On other systems it never calls."""

    def __init__(self, connection: socket.socket, left: Callable[[], None]) -> None:
        """Begin to watch a connection, under any TLS."""
        self._left = left
        self._loop = asyncio.get_running_loop()
        self._poll: select.epoll | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._entry = ""
        self._table = _TABLES.get(connection.family)
        if sys.platform != "linux" or connection.fileno() < 0:
            return
        # An epoll can be waited for like a file, and it tells of what the event loop's own does not ask for.
        self._poll = select.epoll()
        self._poll.register(connection.fileno(), select.EPOLLRDHUP)
        self._loop.add_reader(self._poll.fileno(), self._tell)
        if self._table is not None:
            self._entry = _entry_of(connection)
        if self._closed_by_its_owner() is False:
            self._look_again()

    def stop(self) -> None:
        """Watch no longer."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._poll is not None:
            self._loop.remove_reader(self._poll.fileno())
            self._poll.close()
            self._poll = None

    def _tell(self) -> None:
        self.stop()
        self._left()

    def _look_again(self) -> None:
        if self._closed_by_its_owner() is False:
            self._timer = self._loop.call_later(INTERVAL, self._look_again)
        else:
            self._tell()

    def _closed_by_its_owner(self) -> bool | None:
        """Tell whether the client's own end is closed; `None` when there is none to be seen."""
        if not self._entry or self._table is None:
            return None
        with suppress(OSError):
            for line in self._table.read_text("ascii").splitlines():
                if self._entry in line:
                    return line.split(self._entry, 1)[1].split()[0] != _ESTABLISHED
        return None


def _entry_of(connection: socket.socket) -> str:
    """Write the client's end as the kernel's table has it: its address, then ours."""
    try:
        theirs, ours = connection.getpeername()[:2], connection.getsockname()[:2]
    except OSError:  # it has just been lost
        return ""
    return f" {_in_table(connection.family, *theirs)} {_in_table(connection.family, *ours)} "


def _in_table(family: int, address: str, port: int) -> str:
    """Write an address as the table does: words of four octets as numbers of this machine."""
    octets = socket.inet_pton(family, address)
    words = [int.from_bytes(octets[at : at + 4], sys.byteorder) for at in range(0, len(octets), 4)]
    return f"{''.join(f'{word:08X}' for word in words)}:{port:04X}"
