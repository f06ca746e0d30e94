"""Several programs on one PostgreSQL: what one writes the others tell, too, and what a scenario counts is shared.

News goes by NOTIFY, in the transaction that it is about, so that it arrives when that is committed, and never without.
It names what was written; who hears of it reads it. A `Turn` holds the data of one inbox: while one program has it, the
others wait for theirs.

Every program holds a lock for as long as it lives; PostgreSQL lets go of it even when the program is killed. Whoever
comes when nobody else is there begins anew: the counters of yesterday's run are not those of today's.
"""

from __future__ import annotations

import contextlib
import json
import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from sqlalchemy import Connection, Engine, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import DBAPIError, ResourceClosedError

from mailtrap_py.ids import new_id
from mailtrap_py.store.query import Announcement
from mailtrap_py.store.schema import ledgers, notes

_LOG = logging.getLogger("mailtrap_py.store")
_CHANNEL = "mailtrap_py"
_ALIVE = 0x6D61696C7265706C  # "mailrepl"
_LONGEST = 7000  # octets of a notification; PostgreSQL takes 8000
_SECONDS_BETWEEN_TRIES = 1.0
_SECONDS_BETWEEN_LOOKS = 5.0

Hear = Callable[[Sequence[Announcement]], None]


class Turn:
    """The data of one inbox, for as long as nobody else has it. What `data` is at the end is kept."""

    def __init__(self, connection: Connection, inbox: str, data: dict[str, Any]) -> None:
        """Hand out what was kept."""
        self._connection = connection
        self._inbox = inbox
        self.data = data
        self.changed = False
        """Whether the other programs are to look at it at once."""

    def recall(self, key: str) -> Any | None:  # noqa: ANN401 - whatever JSON can hold
        """Give what was noted under a key."""
        noted = select(notes.c.data).where(notes.c.inbox == self._inbox, notes.c.key == key)
        return self._connection.execute(noted).scalar()

    def note(self, key: str, data: object) -> None:
        """Note something under a key."""
        new = insert(notes).values(inbox=self._inbox, key=key, data=data)
        self._connection.execute(new.on_conflict_do_update(index_elements=["inbox", "key"], set_={"data": data}))

    def forget(self) -> None:
        """Forget all notes."""
        self._connection.execute(delete(notes).where(notes.c.inbox == self._inbox))


class Ledger:
    """What the programs remember together of one inbox."""

    def __init__(self, replicas: Replicas, inbox: str) -> None:
        """Belong to this inbox."""
        self._replicas = replicas
        self._inbox = inbox

    def turn(self) -> contextlib.AbstractContextManager[Turn]:
        """Wait until it is this program's turn. Raises `ConnectionError` when the database cannot be reached."""
        return self._replicas.turn(self._inbox)


class Replicas:
    """The programs that share this database, this one among them."""

    def __init__(self, engine: Engine, hear: Hear) -> None:
        """Join them. `hear` is told what the others write."""
        self._name = new_id()
        self._engine = engine
        self._hear = hear
        self._watchers: tuple[Callable[[str], None], ...] = ()
        self._mine = threading.RLock()  # one thread of this program at a time
        self._closing = False
        self._driver = self._listen(first=True)
        self._turns = engine.connect()
        self._thread = threading.Thread(target=self._run, name="mailtrap_py-replicas", daemon=True)
        self._thread.start()

    def ledger(self, inbox: str) -> Ledger:
        """Give what is remembered together of an inbox."""
        return Ledger(self, inbox)

    def inboxes(self) -> list[str]:
        """Name the inboxes of which anything is remembered."""
        with self._engine.connect() as connection:
            return list(connection.execute(select(ledgers.c.inbox).order_by(ledgers.c.inbox)).scalars())

    def watch(self, watcher: Callable[[str], None]) -> None:
        """Have it called, on a thread of its own, with the name of an inbox that another program changed."""
        self._watchers = (*self._watchers, watcher)

    @contextlib.contextmanager
    def turn(self, inbox: str) -> Iterator[Turn]:
        """Hold the data of an inbox. Raises `ConnectionError` when the database cannot be reached."""
        try:
            with self._mine, self._turns.begin():
                held = select(ledgers.c.data).where(ledgers.c.inbox == inbox).with_for_update()
                data = self._turns.execute(held).scalar()
                if data is None:
                    self._turns.execute(insert(ledgers).values(inbox=inbox, data={}).on_conflict_do_nothing())
                    data = self._turns.execute(held).scalar_one()
                turn = Turn(self._turns, inbox, data)
                yield turn
                self._turns.execute(update(ledgers).where(ledgers.c.inbox == inbox).values(data=turn.data))
                if turn.changed:
                    self._notify(self._turns, {"inbox": inbox})
        except (DBAPIError, ResourceClosedError) as error:
            raise ConnectionError(str(error)) from error

    def tell(self, connection: Connection, announcements: Sequence[Announcement]) -> None:
        """Tell the others, when the transaction is committed, what was written in it."""
        group: list[list[str]] = []
        length = 0
        for announcement in announcements:
            one = [announcement.kind, announcement.inbox, announcement.id]
            octets = len(json.dumps(one))
            if octets > _LONGEST:
                continue  # an inbox whose name is longer than anything that can be told
            if group and length + octets > _LONGEST:
                self._notify(connection, {"news": group})
                group, length = [], 0
            group.append(one)
            length += octets
        if group:
            self._notify(connection, {"news": group})

    def close(self) -> None:
        """Leave the others."""
        self._closing = True
        with contextlib.suppress(DBAPIError), self._engine.begin() as connection:
            self._notify(connection, {"bye": True})  # wakes the thread that listens
        self._thread.join()
        with self._mine:
            self._turns.close()

    def _notify(self, connection: Connection, what: dict[str, Any]) -> None:
        connection.execute(select(func.pg_notify(_CHANNEL, json.dumps({"by": self._name, **what}))))

    def _listen(self, *, first: bool) -> Any:  # noqa: ANN401 - psycopg's connection, which only who has it can name
        """Make a connection that hears the others, and is the sign that this program lives."""
        raw = self._engine.raw_connection()
        driver: Any = raw.driver_connection
        raw.detach()
        try:
            self._register(driver, first=first)
        except BaseException:
            driver.close()
            raise
        return driver

    def _register(self, driver: Any, *, first: bool) -> None:  # noqa: ANN401 - the same
        driver.autocommit = True
        driver.execute(f"LISTEN {_CHANNEL}")
        if first:
            row = driver.execute(f"SELECT pg_try_advisory_lock({_ALIVE})").fetchone()
            alone = row is not None and row[0]
            if alone:
                for table in (ledgers, notes):
                    driver.execute(f"DELETE FROM {table.name}")  # noqa: S608 - a table of ours
        driver.execute(f"SELECT pg_advisory_lock_shared({_ALIVE})")
        if first and alone:
            driver.execute(f"SELECT pg_advisory_unlock({_ALIVE})")

    def _run(self) -> None:
        pause = threading.Event()
        while not self._closing:
            try:
                for notification in self._driver.notifies(timeout=_SECONDS_BETWEEN_LOOKS):
                    if self._take(json.loads(notification.payload)):
                        break
            except Exception:  # noqa: BLE001 - the server was restarted, or somebody's reader is broken: go on listening
                _LOG.exception("what other programs write is not heard for a while")
                pause.wait(_SECONDS_BETWEEN_TRIES)
                with contextlib.suppress(Exception):
                    self._driver.close()
                    self._driver = self._listen(first=False)
        self._driver.close()

    def _take(self, said: dict[str, Any]) -> bool:
        """Pass on what another program said; say whether this one is to stop listening."""
        if said["by"] == self._name:
            return "bye" in said
        if "inbox" in said:
            for watcher in self._watchers:
                watcher(said["inbox"])
        if "news" in said:
            self._hear([Announcement(kind, inbox, id_) for kind, inbox, id_ in said["news"]])
        return False
