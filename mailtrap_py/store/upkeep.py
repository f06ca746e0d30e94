"""What the writing thread does when it has time: index the words of the messages, and remove what is beyond the limits.

Nothing here is done for a message before its 250. The index waits until it has been quiet for a moment; limits that are
exceeded wait for that, too, but not for longer than a second.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import Connection, exists, func, select

from mailtrap_py.store.query import Announcement
from mailtrap_py.store.removal import SLICE, remove_messages, remove_sessions
from mailtrap_py.store.schema import messages, sessions
from mailtrap_py.store.texts import BEHIND

if TYPE_CHECKING:
    from mailtrap_py.store.texts import Texts

_QUIET_SECONDS = 0.1
_PRESSING_SECONDS = 1.0
_MOST_REMOVED = 20_000  # messages whose octets may lie about; then they are cleared away even among other work
_LOOK_AGAIN_SECONDS = 60.0  # at the ages, when nothing else happens


@dataclass(frozen=True, slots=True)
class Keep:
    """How much of an inbox is kept: so many messages, so many octets of them, and those younger than so many seconds.

    None is no limit. The oldest go first, with sessions that have ended before and brought nothing that is still there;
    `messages` limits the number of sessions, too.
    """

    messages: int | None = None
    octets: int | None = None
    age: float | None = None

    def __bool__(self) -> bool:
        """Whether there is any limit."""
        return (self.messages, self.octets, self.age) != (None, None, None)


class Upkeep:
    """What there is to do. Belongs to the writing thread."""

    def __init__(self, texts: Texts, keep: Keep, *, behind: int) -> None:
        """Begin with so many messages that are not in the index."""
        self._texts = texts
        self._limits = Limits(keep)
        self._behind = behind
        self._indexing = behind >= BEHIND
        self._removed = 0
        self._clearing = True  # a program before may have left something

    def notice(self, announcements: Sequence[Announcement]) -> None:
        """Take note of what was just written."""
        for announcement in announcements:
            if announcement.kind == "message":
                self._behind += 1
            elif announcement.kind == "deleted":
                self._removed += 1
                self._clearing = True
        self._indexing = self._indexing or self._behind >= BEHIND
        self._limits.notice(announcements)

    def pause(self) -> float | None:
        """Say how long it has to be quiet before the next step; None is until something is written."""
        return _QUIET_SECONDS if self.unfinished() else self._limits.pause()

    def unfinished(self) -> bool:
        """Whether there is something to do at once, if there is time."""
        return self._indexing or self._clearing or self._limits.exceeded

    def pressing(self) -> bool:
        """Whether a step is due even though there is other work."""
        return self._limits.pressing() or self._removed >= _MOST_REMOVED

    def step(self, connection: Connection) -> list[Announcement]:
        """Do a little, in a transaction; give what to announce."""
        if self._limits.due():
            return self._limits.step(connection)
        if self._indexing and self._removed < _MOST_REMOVED:
            self._indexing = self._texts.step(connection)
            self._behind = self._behind if self._indexing else 0
        elif self._clearing:
            gone = self._texts.take_out(connection)
            self._clearing = bool(gone)
            self._removed = max(0, self._removed - gone) if gone else 0
        return []

    def give_up(self) -> None:
        """Do nothing more until something is written."""
        self._indexing = self._clearing = False
        self._behind = self._removed = 0
        self._limits.give_up()


class Limits:
    """Keeps the inboxes within their limits."""

    def __init__(self, keep: Keep) -> None:
        """Begin with a look at what there is."""
        self._keep = keep
        self._held: dict[str, tuple[int, int]] = {}
        self._sessions = 0
        self._looked_at = 0.0
        self.exceeded = bool(keep)
        """Whether an inbox holds too much, as far as is known."""

    def notice(self, announcements: Sequence[Announcement]) -> None:
        """Count what was written. What was deleted is not taken off: the next look does that."""
        keep = self._keep
        if not keep or self.exceeded:
            return
        for announcement in announcements:
            if announcement.message is not None:
                count, octets = self._held.get(announcement.inbox, (0, 0))
                held = self._held[announcement.inbox] = (count + 1, octets + announcement.message.size)
                self.exceeded = self.exceeded or self._too_much(*held)
            elif announcement.kind == "session":
                self._sessions += 1
        if keep.messages is not None and self._sessions > max(SLICE, keep.messages):
            self.exceeded = True

    def _too_much(self, count: int, octets: int) -> bool:
        keep = self._keep
        return (keep.messages is not None and count > keep.messages) or (
            keep.octets is not None and octets > keep.octets
        )

    def pause(self) -> float | None:
        """Say in how many seconds ages are looked at."""
        age = self._keep.age
        return None if age is None else min(age / 2, _LOOK_AGAIN_SECONDS)

    def pressing(self) -> bool:
        """Whether too much has been there for too long."""
        return self.exceeded and time.monotonic() - self._looked_at > _PRESSING_SECONDS

    def due(self) -> bool:
        """Whether there may be something to remove."""
        pause = self.pause()
        return self.exceeded or (pause is not None and time.monotonic() - self._looked_at >= pause)

    def give_up(self) -> None:
        """Look again only when more has come."""
        self.exceeded = False

    def step(self, connection: Connection) -> list[Announcement]:
        """Remove a slice of what is too much, in one inbox; the next step goes on."""
        self._looked_at = time.monotonic()
        self._sessions = 0
        oldest = None if self._keep.age is None else time.time() - self._keep.age
        self._held = _held(connection)
        for inbox, (count, octets) in self._held.items():
            if found := self._surplus(connection, inbox, count, octets, oldest):
                _remove(connection, inbox, [position for position, _ in found])
                return [Announcement("deleted", inbox, id_) for _, id_ in found]
        for inbox, number in _sessions(connection).items():
            if self._remove_sessions(connection, inbox, number, oldest):
                return []
        self.exceeded = False
        return []

    def _surplus(
        self, connection: Connection, inbox: str, count: int, octets: int, oldest: float | None
    ) -> list[tuple[int, str]]:
        """Give position and id of what has to go."""
        if oldest is None and not self._too_much(count, octets):
            return []
        first = (
            select(messages.c.position, messages.c.id, messages.c.size, messages.c.at)
            .where(messages.c.inbox == inbox)
            .order_by(messages.c.position)
            .limit(SLICE)
        )
        found = []
        for position, id_, size, at in connection.execute(first):
            if not self._too_much(count, octets) and (oldest is None or at > oldest):
                break
            found.append((position, id_))
            count -= 1
            octets -= size
        return found

    def _remove_sessions(self, connection: Connection, inbox: str, number: int, oldest: float | None) -> int:
        """Remove sessions that are too many or too old, have ended, and have no messages; give how many."""
        surplus = 0 if self._keep.messages is None else max(0, number - self._keep.messages)
        if not surplus and oldest is None:
            return 0
        over = _OVER.where(sessions.c.inbox == inbox).order_by(sessions.c.position).limit(SLICE)
        found = [
            row.position
            for row in connection.execute(over)
            if (oldest is not None and row.ended_at <= oldest) or (surplus := surplus - 1) >= 0
        ]
        remove_sessions(connection, found)
        return len(found)


_OVER = select(sessions.c.position, sessions.c.ended_at).where(
    sessions.c.ended_at.is_not(None), ~exists().where(messages.c.session_id == sessions.c.id)
)


def _held(connection: Connection) -> dict[str, tuple[int, int]]:
    grouped = select(messages.c.inbox, func.count(), func.sum(messages.c.size)).group_by(messages.c.inbox)
    return {inbox: (int(count), int(octets)) for inbox, count, octets in connection.execute(grouped)}


def _sessions(connection: Connection) -> dict[str, int]:
    grouped = select(sessions.c.inbox, func.count()).group_by(sessions.c.inbox)
    return {inbox: int(count) for inbox, count in connection.execute(grouped)}


def _remove(connection: Connection, inbox: str, positions: list[int]) -> None:
    """Remove messages, and the sessions before them that have none left."""
    remove_messages(connection, positions)
    before = _OVER.where(sessions.c.inbox == inbox, sessions.c.position < positions[-1])
    remove_sessions(connection, list(connection.execute(before.limit(SLICE)).scalars()))
