"""A server at home: a trap on a thread of this process, with an event loop of its own."""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
import time
from collections.abc import Coroutine
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

from mailtrap_py.clock import Clock, ManualClock
from mailtrap_py.errors import ScenarioError
from mailtrap_py.handle.home import Home, Login, RuleView, Watch
from mailtrap_py.inbox import DEFAULT, Inbox, make_clock
from mailtrap_py.scenario import ListenerHow
from mailtrap_py.store import Query
from mailtrap_py.trap import Trap

if TYPE_CHECKING:
    from mailtrap_py.captured import Reader
    from mailtrap_py.scenario import Rule, Scenario
    from mailtrap_py.scenario.model import ClockSpec
    from mailtrap_py.settings import Settings
    from mailtrap_py.store import Announcement, MessageSummary, Store

T = TypeVar("T")

NOT_MANUAL = "the clock of this scenario is not moved by hand"
MAKE_IT_MANUAL = "call clock.manual() first, or say 'clock: manual' in the scenario or clock='manual' in the marker"

_BACKLOG = 1000


class LocalHome(Home):
    """A trap, its loop and its thread."""

    inbox = None

    def __init__(self, settings: Settings, store: Store | None) -> None:
        """Start nothing yet; a `store` is its owner's to close."""
        self.trap = Trap(settings, store=store)
        self._inbox = DEFAULT
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    # -- its life

    def start(self) -> None:
        """Open the ports. Raises `SettingError` or `ScenarioError`."""
        if self._loop is not None:
            return
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=_run_to_its_end, args=(self._loop,), name="mailtrap", daemon=True)
        self._thread.start()
        try:
            self._run(self.trap.start())
        except BaseException:
            self._end_loop()
            raise

    def close(self) -> None:
        """Close everything."""
        if self._loop is not None:
            self._run(self.trap.stop())
            self._end_loop()

    def _end_loop(self) -> None:
        if self._loop is not None and self._thread is not None:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
        self._loop = self._thread = None

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        if self._loop is None:
            work.close()
            raise RuntimeError("the trap is not running")
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def reset(self) -> None:
        """End open sessions, and empty every inbox and the record."""
        self.enter(DEFAULT)
        for inbox in self.trap.inboxes:
            inbox.clear()
        self._run(self.trap.end_sessions())
        self.trap.store.clear()

    def enter(self, inbox: str) -> None:
        """Let the ports lead to it."""
        inbox = inbox or DEFAULT
        if inbox != self._inbox:
            self.trap.inboxes.create(inbox)
            for port in (self.port, self.smtps_port):
                if port is not None:
                    self.trap.inboxes.lead(port, inbox)
            self._inbox = inbox

    def settle(self, timeout: float) -> bool:
        """Wait on the server's loop."""
        return self._loop is None or self._run(self.trap.settle(timeout))

    # -- where it is

    @property
    def host(self) -> str:
        """The first address it listens on."""
        return self.trap.host

    @property
    def port(self) -> int:
        """The SMTP port; STARTTLS is on offer."""
        return self.trap.smtp_port

    @property
    def smtps_port(self) -> int | None:
        """The port for SMTP inside TLS."""
        return self.trap.smtps_port

    @property
    def url(self) -> str:
        """The page; the HTTP server starts when this is first asked for."""
        if self.trap.http_port is None:
            self._run(self.trap.start_http())
        return self.trap.http_url

    @property
    def login(self) -> Login:
        """One of the users, if the settings name some."""
        users = self.trap.settings.users
        user = next(iter(users), self._inbox)
        return Login(user, users.get(user, "secret"))

    @property
    def authority_pem(self) -> bytes:
        """The certificate, in PEM."""
        return self.trap.authority_pem()

    # -- what came

    @property
    def record(self) -> Reader:
        """The store."""
        return self.trap.store

    def watch(self, query: Query) -> Watch:
        """Subscribe to the store."""
        return _LocalWatch(self.trap.store, query)

    # -- what goes wrong

    @property
    def looked_after(self) -> Inbox:
        """The inbox that the ports lead to."""
        return self.trap.inboxes.get(self._inbox)

    @property
    def playing(self) -> tuple[Scenario, int]:
        """The inbox's scenario and seed."""
        return self.looked_after.director.scenario, self.looked_after.seed

    def play(self, scenario: Scenario, *, seed: int | None = None, clock: ClockSpec | None = None) -> None:
        """Give it to the inbox."""
        self.looked_after.use(scenario, seed=seed, clock=None if clock is None else make_clock(clock))

    def add_rule(self, rule: Rule) -> None:
        """Give it to the director."""
        self.looked_after.director.add(rule)

    def remove_rule(self, rule_id: str) -> None:
        """Take it from the director."""
        director = self.looked_after.director
        if any(state.rule.id == rule_id for state in director.rules()):
            director.remove(rule_id)

    def rules(self) -> tuple[RuleView, ...]:
        """Read the director's rules."""
        return tuple(RuleView.of(state) for state in self.looked_after.director.rules())

    def shut(self, how: str) -> None:
        """Close the ports or open them, and return when that is done."""
        self._run(self.trap.shut(ListenerHow(how), self.looked_after))

    def stalled(self, name: str, *, at_least: int = 0, timeout: float = 0.0) -> int:
        """Ask the inbox."""
        return self.looked_after.wait_for_stalls(name, at_least, timeout)

    def release(self, name: str, *, for_good: bool) -> int:
        """Tell the inbox."""
        return self.looked_after.release(name, for_good=for_good)

    # -- time

    @property
    def clock(self) -> Clock:
        """The inbox's clock."""
        return self.looked_after.clock

    def now(self) -> float:
        """Read the inbox's clock."""
        return self.clock.now()

    def advance(self, seconds: float) -> None:
        """Move the inbox's clock."""
        self._manual().advance(seconds)

    def sleepers(self, *, at_least: int = 0, timeout: float = 0.0) -> int:
        """Ask the inbox's clock."""
        return self._manual().wait_for_sleepers(at_least, timeout)

    def _manual(self) -> ManualClock:
        clock = self.clock
        if not isinstance(clock, ManualClock):
            raise ScenarioError(NOT_MANUAL, cure=MAKE_IT_MANUAL)
        return clock


class _LocalWatch:
    """What the record has, then what it announces."""

    def __init__(self, store: Store, query: Query) -> None:
        self._store = store
        self._query = query
        self._news: queue.SimpleQueue[MessageSummary | None] = queue.SimpleQueue()
        self._seen = -1
        self._backlog: list[MessageSummary] = []
        self._cancelled = False
        self._listening = contextlib.ExitStack()

    def __enter__(self) -> Self:
        # First listen, then look: nothing falls between. What is both announced and found is given once.
        self._listening.enter_context(self._store.listening(self._listen))
        before = None
        while True:
            page = self._store.messages(self._query, limit=_BACKLOG, before=before)
            self._backlog += page.items
            if (before := page.next) is None:
                return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listening.close()

    def _listen(self, news: Announcement) -> None:
        if news.message is not None and self._query.matches(news.message):
            self._news.put(news.message)

    def next(self, timeout: float) -> MessageSummary | None:
        if self._cancelled:
            return None
        if self._backlog:
            return self._given(self._backlog.pop())
        deadline = time.monotonic() + timeout
        while True:
            try:
                found = self._news.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                return None
            if found is None or found.position > self._seen:
                return found and self._given(found)

    def _given(self, found: MessageSummary) -> MessageSummary:
        self._seen = found.position
        return found

    def cancel(self) -> None:
        self._cancelled = True
        self._news.put(None)


def _run_to_its_end(loop: asyncio.AbstractEventLoop) -> None:
    """Run a loop until it is stopped, and close it, all on the same thread: the caller's may have a loop that runs."""
    try:
        loop.run_forever()
    finally:
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()
