"""What processes that were killed have promised comes into the database, when the next one opens it."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from mailtrap_py.store.database import cause, may_pass
from mailtrap_py.store.rows import Batch, has_last, reserve

if TYPE_CHECKING:
    from pathlib import Path

    from mailtrap_py.events import Recorded
    from mailtrap_py.store.database import Database

_LOG = logging.getLogger("mailtrap_py.store")


def take_in(database: Database) -> None:
    """Write what killed programs have promised, unless it is there. What cannot be written now stays."""
    with database.leftovers() as leftovers:
        for leftover in leftovers:
            try:
                recorded = _record(database, leftover.blocks, leftover.path)
                leftover.remove()
            except Exception as error:  # noqa: BLE001 - a disk that is full: with the store open room can be made
                _LOG.error("%s: what a killed process left stays there: %s", leftover.path, cause(error))
                return  # in their order, or not at all
            if recorded:
                _LOG.warning("%s: %d events that a killed process left are recorded now", leftover.path, recorded)


def _record(database: Database, blocks: list[list[Recorded]], path: Path) -> int:
    """Write the blocks whose last messages are not there, and give how many events that were. Raises what may pass."""
    try:
        with database.writing() as connection:
            events: list[Recorded] = []
            there: bool | None = False
            for block in blocks:
                found = has_last(connection, block)
                there = there if found is None else found  # what has no message was written with what is before it
                if not there:
                    events += block
            if events:
                Batch(events, first=reserve(connection, len(events))).write(connection)
    except Exception as error:
        if may_pass(cause(error)):
            raise
        parts = [[block] for block in blocks] if len(blocks) > 1 else [[[event]] for block in blocks for event in block]
        if len(parts) > 1:  # one at a time, so that none is lost for another's sake
            return sum(_record(database, part, path) for part in parts)
        _LOG.error("%s: an event was not recorded, a %s: %s", path, type(blocks[0][0]).__name__, cause(error))
        return 0
    return len(events)
