"""The handle itself: one face for a server in this process and for one that runs elsewhere."""

from __future__ import annotations

import ssl
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Literal, Self, Unpack

from mailtrap_py.captured import Message, Session, Transactions
from mailtrap_py.errors import ScenarioError
from mailtrap_py.handle import waiting
from mailtrap_py.handle.asynchronous import AsyncWaits
from mailtrap_py.handle.clock import HandleClock
from mailtrap_py.handle.expecting import Expect
from mailtrap_py.handle.faults import Barrier, Outage, Turns
from mailtrap_py.handle.limits import Action, At, Duration, Limits
from mailtrap_py.handle.local import LocalHome
from mailtrap_py.handle.pages import all_sessions, oldest_first
from mailtrap_py.handle.playing import Playing, Source, change, read
from mailtrap_py.handle.rules import Rule, RuleBook
from mailtrap_py.handle.waiting import Criteria, Seconds, Wanted
from mailtrap_py.settings import Settings
from mailtrap_py.store import Query

if TYPE_CHECKING:
    from mailtrap_py.handle.home import Home, RuleView
    from mailtrap_py.inbox import Inbox
    from mailtrap_py.scenario.evidence import Evidence
    from mailtrap_py.scenario.findings import Finding
    from mailtrap_py.scenario.model import ClockSpec
    from mailtrap_py.store import Store
    from mailtrap_py.trap import Trap

PRIVATE = Settings(host=("127.0.0.1",), smtp_port=0, smtps_port=0, http_port=None, store="sqlite://")
"""What a trap inside a test wants: free ports on a literal address, and a record in memory."""

PATIENCE = 5.0
"""Seconds that a wait takes at most when nobody says otherwise."""

_PAGE = 1000
_GOODBYE = 0.5  # seconds that clients get to hang up before they are judged


class Mailtrap:
    """A mail trap for a test. In this process: a context manager, or `start` and `close`. Elsewhere: `Mailtrap.at`."""

    def __init__(self, settings: Settings | None = None, *, store: Store | None = None) -> None:
        """Take the settings, by default free ports of 127.0.0.1; a `store` is yours to close, else it is in memory."""
        self._live_in(LocalHome(settings or PRIVATE, store))

    @classmethod
    def at(cls, url: str, *, smtp: str = "", worker: str = "") -> Self:
        """Make a handle for the server that runs there, as in `http://localhost:8025`, with an inbox of its own.

        `smtp` is HOST:PORT where mail goes, if the server cannot know it; `worker` names one of several that share it.
        """
        from mailtrap_py.handle.remote import RemoteHome  # noqa: PLC0415 - for who has a server elsewhere

        return cls.of(RemoteHome(url, smtp=smtp, worker=worker))

    @classmethod
    def of(cls, home: Home) -> Self:
        """Make a handle for any home."""
        handle = cls.__new__(cls)
        cls._live_in(handle, home)
        return handle

    def _live_in(self, home: Home) -> None:
        self.home = home
        self.patience: Seconds = PATIENCE
        self._rules = RuleBook(home)
        self._played: list[Playing] = []
        self.clock = HandleClock(home, self._rules)
        """The clock of the scenario: `now`, `manual`, `advance("5m")`."""
        self.expect = Expect(self._evidence)
        """What is expected of the client at the end of the test."""
        self.async_ = AsyncWaits(home, lambda: self.patience)
        """The waits, to be awaited."""

    # -- its life

    def start(self) -> Self:
        """Open the ports; harmless when they are open already. Raises `SettingError` or `ScenarioError`."""
        self.home.start()
        return self

    def close(self) -> None:
        """Close everything; harmless when it is closed already."""
        self.home.close()

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
        self._rules.begin_again()
        self._played.clear()
        self.expect.clear()
        self.home.reset()

    def enter(self, inbox: str) -> None:
        """Look after this inbox from now on, where the ports lead to; "" is the usual one."""
        self.home.enter(inbox)

    # -- where it is

    @property
    def host(self) -> str:
        """The address to connect to."""
        return self.home.host

    @property
    def port(self) -> int:
        """The SMTP port; STARTTLS is on offer."""
        return self.home.port

    @property
    def smtps_port(self) -> int | None:
        """The port for SMTP inside TLS; None when it is off."""
        return self.home.smtps_port

    @property
    def url(self) -> str:
        """The page and the API; the HTTP server starts when this is first asked for."""
        return self.home.url

    @property
    def user(self) -> str:
        """A user name that may log in; it leads to this inbox, also where the port does not."""
        return self.home.login.user

    @property
    def password(self) -> str:
        """The password of `user`."""
        return self.home.login.password

    @property
    def authority_pem(self) -> bytes:
        """The certificate of the trap's own authority, in PEM."""
        return self.home.authority_pem

    def ssl_context(self) -> ssl.SSLContext:
        """Make a client's TLS context that trusts this trap, and checks its name."""
        return ssl.create_default_context(cadata=self.authority_pem.decode("ascii"))

    # -- what came

    @property
    def messages(self) -> list[Message]:
        """Everything captured, oldest first."""
        return self.find()

    def find(self, **wanted: Unpack[Wanted]) -> list[Message]:
        """Give what was captured and fits, oldest first. Takes what `wait_for` takes."""
        criteria = self._criteria(wanted)
        record = self.home.record
        found = oldest_first(lambda before: record.messages(criteria.query, limit=_PAGE, before=before))
        return [message for one in found if not criteria.misses(message := Message(one, record))]

    def wait_for(self, *, timeout: Seconds | None = None, **wanted: Unpack[Wanted]) -> Message:
        """Give the oldest message that fits, waiting up to `timeout` seconds for it (or `"2s"`; else `patience`).

        What fits is said by `to`, `from_`, `subject`, `header`, `body`, `match` and `after` (see `Wanted`). Raises
        `NotReceivedError`, an `AssertionError` that says what came instead, and what was said.
        """
        __tracebackhide__ = True
        criteria = self._criteria(wanted)
        return waiting.wait_for(self.home, self.home.watch(criteria.query), criteria, 1, self._patience(timeout))[0]

    def wait_for_all(self, number: int, *, timeout: Seconds | None = None, **wanted: Unpack[Wanted]) -> list[Message]:
        """Give all messages that fit, once there are so many, oldest first.

        Raises `NotReceivedError` when there are fewer in the end, and `UnexpectedMessageError` when there are more.
        """
        __tracebackhide__ = True
        criteria = self._criteria(wanted)
        return waiting.exactly(self.home, self.home.watch(criteria.query), criteria, number, self._patience(timeout))

    def assert_none(self, *, within: Seconds = 0.0, **wanted: Unpack[Wanted]) -> None:
        """Be sure that no such message is there, and that none comes within so long: by default this only looks.

        Raises `UnexpectedMessageError`, an `AssertionError` that shows it.
        """
        __tracebackhide__ = True
        criteria = self._criteria(wanted)
        waiting.none(self.home, self.home.watch(criteria.query), criteria, within)

    def _criteria(self, wanted: Wanted) -> Criteria:
        return Criteria.of(self.home.inbox, wanted)

    def _patience(self, timeout: Seconds | None) -> Seconds:
        return self.patience if timeout is None else timeout

    @property
    def sessions(self) -> list[Session]:
        """Every session, oldest first."""
        record = self.home.record
        return [Session(one, record) for one in all_sessions(record, self.home.inbox)]

    def transactions(self, *, to: str | None = None, from_: str | None = None) -> Transactions:
        """Give the transactions that named such a recipient and sender, also those that were refused; oldest first."""
        return Transactions(self.home.record.transactions(Query(inbox=self.home.inbox, to=to, from_=from_)))

    # -- what goes wrong

    def scenario(
        self, source: Source, /, *, seed: int | None = None, clock: ClockSpec | None = None, **params: object
    ) -> Playing:
        """Let this go wrong from now on: the name of a library scenario, a YAML file, a mapping, or a `Scenario`.

        `seed` and `clock` stand for its own; `params` are its parameters. The rules of the test come before its rules.
        As a context manager it ends with the block. Raises `ScenarioError`.
        """
        scenario = read(source, params)
        if self._played:
            self._played[-1].give_way()
        change(self.home, self._rules, scenario, seed=seed, clock=clock)
        self._played.append(Playing(self.home, self._rules, scenario))
        return self._played[-1]

    @property
    def played(self) -> tuple[Playing, ...]:
        """The scenarios of this test, those that have ended too."""
        return tuple(self._played)

    def rule(self, at: At, **limits: Unpack[Limits]) -> Rule:
        """Begin a rule: at this point, when these matchers fit, as often as these counts say; its methods say what.

        Nothing happens before the first of them. Words that Python keeps have an underscore: `from_`, `for_`, `not_`.
        """
        return Rule(self._rules, at, limits)

    def fail(self, at: At, *do: Action, **limits: Unpack[Limits]) -> Rule:
        """Add a rule in one call. Raises `ScenarioError`.

        `do` is a reply such as `"550 5.1.1 No such user"`, or actions as in YAML: `{"delay": "2s"}`, `"accept"`,
        `{"close": "reset"}`.
        """
        return self.rule(at, **limits).do(*do)

    def sequence(self, actions: Sequence[Action | None], at: At = "rcpt", **limits: Unpack[Limits]) -> Turns:
        """Let one thing after the other happen: `["450", "450", "250"]`, each once, and then all is well.

        A bare code gets its usual words; `"250"` and None are the normal reply.
        """
        if taken := limits.keys() & {"times", "id"}:
            raise ScenarioError(f"a sequence takes no {taken.pop()!r}", cure="each of its turns is a rule for one time")
        return Turns(self._rules, actions, at, limits)

    def hold(self, at: At = "message", *, longest: Duration = "1m", **limits: Unpack[Limits]) -> Barrier:
        """Hold every session that comes to this point, until `release`, or the end of the block."""
        return Barrier(self._rules, at, limits, longest=longest)

    def down(self, how: Literal["refuse", "pause"] = "refuse") -> Outage:
        """Be down: connections are refused, or with `pause` nobody answers, until `end` or the end of the block."""
        return Outage(self._rules, how)

    @property
    def rules(self) -> tuple[RuleView, ...]:
        """All rules in the order in which they are asked, the scenario's too, and what became of each."""
        return self.home.rules()

    # -- what to think of the client

    @property
    def findings(self) -> list[Finding]:
        """What the sessions show of their client, unasked: what it should do better, and by which RFC."""
        from mailtrap_py.scenario.findings import findings  # noqa: PLC0415 - for who asks

        return [*findings(self._evidence())]

    def unfired(self, *, of_scenarios: bool | None = None) -> Iterator[tuple[str, str]]:
        """Give the rules that never fired though they had to, and why: those of the test, and of strict scenarios.

        With `of_scenarios` those of all scenarios, or of none. Optional rules are left out.
        """
        yield from self._rules.unfired()
        for playing in self._played:
            if playing.scenario.strict if of_scenarios is None else of_scenarios:
                yield from ((rule.id, rule.nearest_miss) for rule in playing.rules if not rule.fired + rule.optional)

    def _evidence(self) -> Evidence:
        from mailtrap_py.handle.evidence import evidence_of  # noqa: PLC0415 - for who has expectations

        self.home.settle(_GOODBYE)
        return evidence_of(self.home.record, self.home.inbox, self.home.now())

    # -- in this process only

    @property
    def trap(self) -> Trap:
        """The trap itself. Raises `RuntimeError` when it is in another process."""
        return self._at_home.trap

    @property
    def inbox(self) -> Inbox:
        """The inbox that the ports lead to. Raises `RuntimeError` when it is in another process."""
        return self._at_home.looked_after

    @property
    def _at_home(self) -> LocalHome:
        if not isinstance(self.home, LocalHome):
            raise RuntimeError(f"the server at {self.url} is in another process")  # noqa: TRY004 - no type is wrong
        return self.home

    def __repr__(self) -> str:
        """Show where it is."""
        return f"<Mailtrap at {self.host}:{self.port}>"
