"""Names for sessions, transactions and messages: unique across processes, and in order of birth when sorted."""

from __future__ import annotations

import itertools
import os
import time

_PROCESS = os.urandom(4).hex()
_COUNTER = itertools.count()
_WRAP = 0x10000


def new_id() -> str:
    """Make a name of 24 hexadecimal digits: 12 of milliseconds, 4 of a counter, 8 of this process."""
    return f"{time.time_ns() // 1_000_000:012x}{next(_COUNTER) % _WRAP:04x}{_PROCESS}"
