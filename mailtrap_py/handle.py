"""The handle: a trap on a thread of its own, for code that is not asynchronous. What the pytest fixture gives.

    with Mailtrap() as mailtrap:
        send_welcome_mail(mailtrap.host, mailtrap.port)
        message = mailtrap.wait_for(to="bob@example.com")

Every method may be called from any thread. Nothing polls: waits end when the record announces what they wait for.
"""

from __future__ import annotations

import asyncio
import queue
import ssl
import threading
import time
from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from mailtrap_py.captured import Message, Session, Transactions
from mailtrap_py.clock import Clock
from mailtrap_py.errors import ScenarioError
from mailtrap_py.events import Outcome, Transaction
from mailtrap_py.inbox import DEFAULT, Inbox
from mailtrap_py.scenario import Count, RuleState, Scenario
from mailtrap_py.settings import Settings
from mailtrap_py.store import Announcement, MessageSummary, Page, Query, Store
from mailtrap_py.trap import Trap

T = TypeVar("T")

PRIVATE = Settings(host=("127.0.0.1",), smtp_port=0, smtps_port=0, http_port=None, store="sqlite://")
"""What a trap inside a test wants: free ports on a literal address, and a record in memory."""

_MISSES_SHOWN = 5
_PAGE = 1000
_COUNT_KEYS = frozenset(field.alias or name for name, field in Count.model_fields.items())


class NotReceivedError(AssertionError):
    """No such message came in time. The text lists what did come, and why it was not meant."""


class Mailtrap:
    """A trap that runs in the background. Use it as a context manager, or call `start` and `close`."""

    def __init__(self, settings: Settings | None = None, *, store: Store | None = None) -> None:
        """Take the settings, by default free ports of 127.0.0.1; a `store` is yours to close, else it is in memory."""
        self.trap = Trap(settings or PRIVATE, store=store)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    # -- its life

    def start(self) -> Self:
        """Open the ports; harmless when they are open already. Raises `SettingError` or `ScenarioError`."""
        if self._loop is not None:
            return self
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=_run_to_its_end, args=(self._loop,), name="mailtrap", daemon=True)
        self._thread.start()
        try:
            self._run(self.trap.start())
        except BaseException:
            self._end_loop()
            raise
        return self

    def close(self) -> None:
        """Close everything; harmless when it is closed already."""
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

    def __enter__(self) -> Self:
        """Start."""
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""
        self.close()

    def reset(self) -> None:
        """Make it as new: open sessions are ended, the record is empty, there is no scenario. The ports stay."""
        for inbox in self.trap.inboxes:
            inbox.clear()
        self._run(self.trap.end_sessions())
        self.trap.store.clear()

    # -- where it is

    @property
    def host(self) -> str:
        """The address to connect to."""
        return self.trap.host

    @property
    def port(self) -> int:
        """The SMTP port; STARTTLS is on offer."""
        return self.trap.smtp_port

    @property
    def smtps_port(self) -> int | None:
        """The port for SMTP inside TLS; None when it is off."""
        return self.trap.smtps_port

    @property
    def url(self) -> str:
        """The page and the API; the HTTP server starts when this is first asked for."""
        if self.trap.http_port is None:
            self._run(self.trap.start_http())
        return self.trap.http_url

    @property
    def authority_pem(self) -> bytes:
        """The certificate of the trap's own authority, in PEM."""
        return self.trap.authority_pem()

    def ssl_context(self) -> ssl.SSLContext:
        """Make a client's TLS context that trusts this trap, and checks its name."""
        return ssl.create_default_context(cadata=self.authority_pem.decode("ascii"))

    # -- what came

    @property
    def messages(self) -> list[Message]:
        """Everything captured, oldest first."""
        return self.find()

    def find(self, *, to: str | None = None, from_: str | None = None, subject: str | None = None) -> list[Message]:
        """Give what was captured and fits, oldest first. The patterns are those of `mailtrap_py.pattern`."""
        return [self._message(one) for one in self._stored(_query(to, from_, subject, None))]

    def wait_for(
        self,
        *,
        to: str | None = None,
        from_: str | None = None,
        subject: str | None = None,
        after: Message | None = None,
        timeout: float = 5.0,
    ) -> Message:
        """Give the oldest message that fits, waiting up to `timeout` seconds for it.

        With `after`, only messages that were stored later than that one. Raises `NotReceivedError`, an
        `AssertionError` that says what came instead.
        """
        query = _query(to, from_, subject, after)
        arrived: queue.SimpleQueue[MessageSummary] = queue.SimpleQueue()

        def listen(news: Announcement) -> None:
            if news.message is not None and query.matches(news.message):
                arrived.put(news.message)

        deadline = time.monotonic() + timeout
        unsubscribe = self.trap.store.subscribe(listen)
        try:
            for one in self._stored(query):
                return self._message(one)
            return self._message(arrived.get(timeout=max(0.0, deadline - time.monotonic())))
        except queue.Empty:
            raise NotReceivedError(self._explain(query, timeout)) from None
        finally:
            unsubscribe()

    def _message(self, summary: MessageSummary) -> Message:
        return Message(summary, self.trap.store)

    def _stored(self, query: Query) -> list[MessageSummary]:
        store = self.trap.store
        return _oldest_first(lambda before: store.messages(query, limit=_PAGE, before=before))

    def _explain(self, query: Query, timeout: float) -> str:
        page = self.trap.store.messages(limit=_MISSES_SHOWN)
        wanted = ", ".join(
            f"{name} {value!r}"
            for name, value in (("to", query.to), ("from", query.from_), ("subject", query.subject))
            if value is not None
        )
        lines = [f"no message{f' with {wanted}' if wanted else ''} came within {timeout:g} s"]
        lines.append(
            f"{page.total} came that {'was' if page.total == 1 else 'were'} not meant:"
            if page.total
            else "none came at all"
        )
        lines += [f"  {self._message(one)!r}: {query.misses(one)}" for one in page.items]
        refused = [one for one in self.transactions() if one.outcome is not Outcome.ACCEPTED]
        lines += [f"  {_tell(one)}" for one in refused[-_MISSES_SHOWN:]]
        return "\n".join(lines)

    @property
    def sessions(self) -> list[Session]:
        """Every session, oldest first."""
        store = self.trap.store
        found = _oldest_first(lambda before: store.sessions(limit=_PAGE, before=before))
        return [Session(one, store) for one in found]

    def transactions(self, *, to: str | None = None, from_: str | None = None) -> Transactions:
        """Give the transactions that named such a recipient and sender, also those that were refused; oldest first."""
        return Transactions(self.trap.store.transactions(Query(to=to, from_=from_)))

    # -- what goes wrong

    @property
    def inbox(self) -> Inbox:
        """The default inbox: its scenario, clock and counters."""
        return self.trap.inboxes.get(DEFAULT)

    @property
    def clock(self) -> Clock:
        """The clock of the scenario; a manual one has `advance`."""
        return self.inbox.clock

    def scenario(self, source: str | Path | Mapping[str, object] | Scenario, **params: object) -> Playing:
        """Let this go wrong from now on: the name of a library scenario, a YAML file, a mapping, or a `Scenario`.

        `params` are the scenario's parameters. As a context manager it ends with the block. Raises `ScenarioError`.
        """
        from mailtrap_py.scenario.load import from_data, load  # noqa: PLC0415 - yaml is for who has a scenario

        if isinstance(source, Scenario):
            if params:
                raise ScenarioError(
                    f"the scenario {source.name!r} has its parameters", cure="give them to what loads it"
                )
            scenario = source
        elif isinstance(source, Mapping):
            scenario = from_data(source, params=params)
        else:
            scenario = load(source, params=params)
        self.inbox.use(scenario)
        return Playing(self.inbox)

    def fail(self, at: str, *do: str | Mapping[str, object], **limits: object) -> Fault:
        """Add one rule: at this point, do this, as often as `limits` say.

        `do` is a reply such as `"550 5.1.1 No such user"`, or actions as in YAML: `{"delay": "2s"}`, `"accept"`,
        `{"close": "reset"}`. `limits` are matchers and counts as in YAML, with `from_` and `for_` for the words that
        Python keeps: `to="bob@*"`, `times=1`. Raises `ScenarioError`.
        """
        from mailtrap_py.scenario.load import make_rule  # noqa: PLC0415 - as above

        named = {name.removesuffix("_"): value for name, value in limits.items()}
        data: dict[str, object] = {"at": at, "do": [_action(one) for one in do]}
        if when := {name: value for name, value in named.items() if name not in _COUNT_KEYS}:
            data["when"] = when
        if count := {name: value for name, value in named.items() if name in _COUNT_KEYS}:
            data["count"] = count
        return Fault(self.inbox, self.inbox.director.add(make_rule(data)))


class Playing:
    """A scenario that is active; leaving the block goes back to none."""

    def __init__(self, inbox: Inbox) -> None:
        """Remember where it plays."""
        self._inbox = inbox

    @property
    def seed(self) -> int:
        """The seed of its dice: with it the same faults come again."""
        return self._inbox.seed

    @property
    def rules(self) -> tuple[RuleState, ...]:
        """Its rules, and what became of them so far."""
        return self._inbox.director.rules()

    def __enter__(self) -> Self:
        """Change nothing: it plays already."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End it."""
        self._inbox.clear()


class Fault:
    """A rule that a test added: it tells how often it acted, and can be taken away."""

    def __init__(self, inbox: Inbox, state: RuleState) -> None:
        """Watch over a rule."""
        self._inbox = inbox
        self._state = state

    @property
    def id(self) -> str:
        """The name of the rule in the record."""
        return self._state.rule.id

    @property
    def fired(self) -> int:
        """How often it acted."""
        return self._state.fired

    def remove(self) -> None:
        """Let it act no more; harmless when it is gone, as after a reset, even if another has its name by now."""
        director = self._inbox.director
        if self._state in director.rules():
            director.remove(self.id)

    def __enter__(self) -> Self:
        """Change nothing: it acts already."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Take it away."""
        self.remove()


def _run_to_its_end(loop: asyncio.AbstractEventLoop) -> None:
    """Run a loop until it is stopped, and close it, all on the same thread: the caller's may have a loop that runs."""
    try:
        loop.run_forever()
    finally:
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()


def _oldest_first(read: Callable[[int | None], Page[T]]) -> list[T]:
    """Read a list of the record to its end; `read` takes the cursor of a page."""
    page = read(None)
    found = [*page.items]
    while page.next is not None:
        page = read(page.next)
        found += page.items
    return found[::-1]


def _query(to: str | None, from_: str | None, subject: str | None, after: Message | None) -> Query:
    return Query(to=to, from_=from_, subject=subject, after=after.summary.position if after is not None else None)


def _tell(one: Transaction) -> str:
    recipients = ", ".join(recipient.address for recipient in one.recipients) or "nobody yet"
    return f"{one.outcome} transaction from {one.reverse_path!r} to {recipients}: {one.reply or one.reason}"


def _action(one: str | Mapping[str, object]) -> object:
    return {"reply": one} if isinstance(one, str) and one[:1].isdigit() else one
