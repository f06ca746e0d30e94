"""The store as the other rooms know it: events in, views out, announcements to whoever subscribes."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from mailtrap_py.errors import SettingError
from mailtrap_py.events import replace
from mailtrap_py.store import reads, removal
from mailtrap_py.store.database import Database
from mailtrap_py.store.query import Announcement, MessageSummary, Page, Query, SessionView
from mailtrap_py.store.upkeep import Keep
from mailtrap_py.store.writer import Writer

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from mailtrap_py.events import Firing, Line, Outcome, Recorded, Transaction

_EVERYTHING = Query()
_ALL = Keep()


class Store:
    """The record of a trap. Implements `events.Record`; every method may be called from any thread.

    Reads block, and see all that was added before the call. After `close` every method raises `RuntimeError`.
    """

    def __init__(self, url: str = "sqlite://", *, keep: Keep = _ALL) -> None:
        """Open a record: `sqlite://` in memory, `sqlite:///path` in a file that outlives a killed process.

        An older record is brought up to date. Of every inbox no more is kept than `keep` says; what is beyond it goes
        within a second or so, and is announced as deleted. Raises `SettingError` when it cannot be opened, or is not a
        record that this program can read; it is then left as it was.
        """
        self._database = Database(url)
        self._texts = self._database.texts
        self._writer = Writer(self._database, keep)
        try:
            self.replicas = self._database.join(self._hear)
            """The other programs that share this record; None for one that is not PostgreSQL's."""
        except SettingError:
            self.close()
            raise

    def add(self, event: Recorded) -> None:
        """Write it down soon, within two seconds or before the next read. Never blocks."""
        self._writer.add(event)

    def commit(self, event: Recorded) -> Awaitable[None]:
        """Write it down with all that was added before; on an event loop. Done when it is safe, or raises why not.

        A message is safe in the database, or in a journal beside it: reads see both.
        """
        return self._writer.commit(event)

    def messages(
        self, query: Query = _EVERYTHING, *, limit: int = 50, before: int | None = None
    ) -> Page[MessageSummary]:
        """Give the messages that are meant, newest first; `before` is the cursor, `limit` 0 only counts."""
        if query.needles:
            self._catch_up()
        with self._reading() as connection:
            return reads.find_messages(connection, self._texts, query, limit, before)

    def message(self, id: str) -> MessageSummary | None:  # noqa: A002 - the word is the field's
        """Give the message of that id, None when there is none."""
        with self._reading() as connection:
            return reads.find_message(connection, id)

    def raw(self, id: str) -> bytes | None:  # noqa: A002 - the word is the field's
        """Give the exact octets of the message of that id, None when there is none."""
        with self._reading() as connection:
            return reads.find_raw(connection, id)

    def sessions(self, *, inbox: str | None = None, limit: int = 50, before: int | None = None) -> Page[SessionView]:
        """Give the sessions of an inbox or of all, newest first; `before` is the cursor."""
        with self._reading() as connection:
            return reads.find_sessions(connection, inbox, limit, before)

    def session(self, id: str) -> SessionView | None:  # noqa: A002 - the word is the field's
        """Give the session of that id, None when there is none."""
        with self._reading() as connection:
            return reads.find_session(connection, id)

    def transcript(self, session_id: str) -> list[Line]:
        """Give all that was said in a session, in order."""
        with self._reading() as connection:
            return reads.find_lines(connection, session_id)

    def firings(self, *, session_id: str | None = None, inbox: str | None = None) -> list[Firing]:
        """Give the firings of rules, in a session, in an inbox, or all; oldest first."""
        with self._reading() as connection:
            return reads.find_firings(connection, session_id, inbox)

    def transactions(self, query: Query = _EVERYTHING, *, session_id: str | None = None) -> list[Transaction]:
        """Give the transactions that are meant, oldest first; `Query.to` is any recipient named, also a refused one."""
        with self._reading() as connection:
            return reads.find_transactions(connection, query, session_id)

    def transaction_page(
        self,
        query: Query = _EVERYTHING,
        *,
        outcome: Outcome | None = None,
        limit: int = 50,
        after: int = 0,
    ) -> Page[Transaction]:
        """Give a part of the same, oldest first, at least one; `after` is the cursor, `next` that of what follows."""
        with self._reading() as connection:
            return reads.find_transaction_page(connection, query, outcome, limit, after)

    def delete_messages(self, query: Query) -> int:
        """Remove the messages that are meant, with their octets, and tell how many there were."""
        if query.needles:
            self._catch_up()
        messages = removal.MessageRemoval(self._texts, query)
        self._writer.perform_in_steps(messages.step)
        return messages.removed

    def delete_message(self, id: str) -> bool:  # noqa: A002 - the word is the field's
        """Remove a message; tell whether there was one of that id."""
        return self._writer.perform(lambda connection: removal.remove_message(connection, id))

    def clear(self, inbox: str | None = None) -> None:
        """Remove everything recorded of an inbox, or everything."""
        if inbox is None:
            self._writer.perform(lambda connection: removal.remove_everything(connection, self._texts))
        else:
            self._writer.perform_in_steps(removal.InboxRemoval(inbox).step)

    def subscribe(self, callback: Callable[[Announcement], None]) -> Callable[[], None]:
        """Have it called for everything written from now on, until the function returned is called.

        It is called on the store's own thread, when the database has it. It should be quick; it may read the store.
        What it raises is logged. Who waits for it uses `listening`.
        """
        return self._writer.subscribe(callback)

    @contextlib.contextmanager
    def listening(self, callback: Callable[[Announcement], None]) -> Iterator[None]:
        """Subscribe for as long as it takes, `hurrying`: for who waits for what is announced."""
        unsubscribe = self.subscribe(callback)
        try:
            with self.hurrying():
                yield
        finally:
            unsubscribe()

    def hurrying(self) -> AbstractContextManager[None]:
        """Announce what comes before its commit is done, as long as somebody waits for it: else it may take 2 s."""
        return self._writer.hurrying()

    def flush(self) -> None:
        """Wait until all that was added before is written."""
        self._writer.flush()

    def close(self) -> None:
        """Write what is queued and let go of the database. Idempotent."""
        self._writer.close()
        self._database.close()

    def _hear(self, announcements: Sequence[Announcement]) -> None:
        """Announce what another program wrote."""
        ids = [announcement.id for announcement in announcements if announcement.kind == "message"]
        with self._database.reading() as connection:
            found = reads.find_these(connection, ids)
        told = [
            replace(announcement, message=found.get(announcement.id))
            if announcement.kind == "message"
            else announcement
            for announcement in announcements
        ]
        self._writer.announce([each for each in told if each.kind != "message" or each.message is not None])

    def _catch_up(self) -> None:
        """Let the index come near to what is there now: what it does not have is looked through, and that takes time.

        Mail that comes in meanwhile is written between two steps, and is not waited for.
        """
        with self._reading() as connection:
            target = self._texts.target(connection)
        while target is not None and self._writer.perform(lambda connection: (self._texts.step(connection), ())):
            with self._database.reading() as connection:
                if self._texts.edge(connection) >= target:
                    return

    @contextlib.contextmanager
    def _reading(self) -> Iterator[Connection]:
        self._writer.flush()
        with self._database.reading() as connection:
            yield connection
