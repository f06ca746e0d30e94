"""Credentials in a transcript, as everybody is shown them who did not ask to see them."""

from __future__ import annotations

import re

_MASK = "********"
_COMMAND = re.compile(rb"AUTH +[A-Z0-9_-]{1,20} +(?=\S)", re.IGNORECASE)


def masked(data: bytes) -> str:
    """Say what a line with credentials was, without them: `AUTH PLAIN ********`."""
    command = _COMMAND.match(data)
    return f"{command[0].decode('ascii') if command else ''}{_MASK}"
