"""How people write durations and sizes, everywhere: `500ms`, `10KB`. What is wrong with a text, its reader says.

==========  ===========================================  ===============================
a duration  ``500ms`` ``2s`` ``5m`` ``1h`` ``2d``         seconds, a float
a size      ``500`` ``500B`` ``10KB`` ``1MB`` ``2GB``     octets, an int, in any case
==========  ===========================================  ===============================

A kilobyte has 1024 octets here because the limits of mail servers are written so.
"""

from __future__ import annotations

import re
from typing import Final

NUMBER: Final = r"[0-9]{1,15}(?:\.[0-9]{1,9})?"
"""The pattern of a number: as long as a float is exact."""

_SECONDS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_OCTETS: Final = {"": 1, "B": 1, "KB": 1024, "MB": 1024**2, "GB": 1024**3}
_DURATION = re.compile(rf"\s*(?P<number>{NUMBER})\s*(?P<unit>ms|s|m|h|d)\s*")
_SIZE = re.compile(rf"\s*(?P<number>{NUMBER})\s*(?P<unit>|B|KB|MB|GB)\s*", re.IGNORECASE)


def seconds(text: str) -> float | None:
    """Read a duration; `None` for what is none."""
    found = _DURATION.fullmatch(text)
    return None if found is None else float(found["number"]) * _SECONDS[found["unit"]]


def octets(text: str) -> int | None:
    """Read a size; `None` for what is none."""
    found = _SIZE.fullmatch(text)
    return None if found is None else int(float(found["number"]) * _OCTETS[found["unit"].upper()])


def format_duration(seconds: float) -> str:
    """Write seconds as they are read, in the largest unit that gives a whole number."""
    for unit in ("d", "h", "m", "s"):
        if seconds and seconds % _SECONDS[unit] == 0:
            return f"{seconds / _SECONDS[unit]:.0f}{unit}"
    if not seconds or seconds > 1:
        return f"{seconds:.6f}".rstrip("0").rstrip(".") + "s"
    return f"{seconds * 1000:.6f}".rstrip("0").rstrip(".") + "ms"


def format_size(octets: int) -> str:
    """Write octets as they are read, in the largest unit that gives a whole number."""
    unit = next((unit for unit in ("GB", "MB", "KB") if octets and octets % _OCTETS[unit] == 0), "")
    return f"{octets // _OCTETS[unit]}{unit}"
