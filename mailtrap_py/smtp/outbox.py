"""Replies leave together, when all that came in one turn of the event loop has been heard.

Each reply that is sent wakes a client that sleeps, which costs the machine more than the sending; and a client that was
woken sends its next command and sleeps again. Sent one after the other the replies find their clients awake.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class Outbox:
    """The replies of the sessions of one event loop."""

    def __init__(self) -> None:
        """Begin with none."""
        self._due: list[Callable[[], None]] = []

    def send_soon(self, send: Callable[[], None]) -> None:
        """Have it called at the end of this turn of the running loop."""
        if not self._due:
            asyncio.get_running_loop().call_soon(self._send_all)
        self._due.append(send)

    def _send_all(self) -> None:
        due, self._due = self._due, []
        for number, send in enumerate(due):
            try:
                send()
            except BaseException:  # the event loop's to report; the others are sent in a turn of their own
                for other in due[number + 1 :]:
                    self.send_soon(other)
                raise
