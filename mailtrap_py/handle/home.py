"""Where a server is: what a handle asks of it, be it on a thread of this process or behind an address.

`LocalHome` and `RemoteHome` have all of it; everything else of a handle is written once, over this.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self

from mailtrap_py.captured import Reader

if TYPE_CHECKING:
    from mailtrap_py.scenario import Rule, RuleState, Scenario
    from mailtrap_py.scenario.model import ClockSpec
    from mailtrap_py.store import MessageSummary, Query


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleView:
    """A rule and what became of it by now: how often it was asked, matched, fired; and if it never did, why."""

    id: str
    asked: int = 0
    matched: int = 0
    fired: int = 0
    nearest_miss: str = ""
    optional: bool = False

    @classmethod
    def of(cls, state: RuleState) -> Self:
        """Read it off a rule at work."""
        return cls(
            id=state.rule.id,
            asked=state.asked,
            matched=state.matched,
            fired=state.fired,
            nearest_miss=state.nearest_miss,
            optional=state.rule.optional,
        )


@dataclass(frozen=True, slots=True)
class Login:
    """The credentials that lead to an inbox, where a port does not."""

    user: str
    password: str


class Watch(Protocol):
    """The messages that fit a query, one after the other: those that are there, then those that come."""

    def next(self, timeout: float) -> MessageSummary | None:
        """Give the next one, oldest first; None when none came within so many seconds, or when it was cancelled."""

    def cancel(self) -> None:
        """Let `next` give up, now and ever after; from any thread."""

    def __enter__(self) -> Self:
        """Begin to watch."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        """Watch no more."""


class Home(ABC):
    """A server, and the inbox of it that a handle looks after. Every method may be called from any thread."""

    inbox: str | None
    """The inbox whose mail is meant; None for all of them."""

    # -- its life

    @abstractmethod
    def start(self) -> None:
        """Open it; harmless when it is open."""

    @abstractmethod
    def close(self) -> None:
        """Let it go; harmless when it is not open."""

    @abstractmethod
    def reset(self) -> None:
        """Make it as new: no open session, no record, no scenario, in the usual inbox; the ports stay."""

    @abstractmethod
    def enter(self, inbox: str) -> None:
        """Look after this inbox from now on, "" for the usual one; it is made if it is not there, and emptied."""

    @abstractmethod
    def settle(self, timeout: float) -> bool:
        """Wait until no session is open, up to so many seconds; tell whether that is so."""

    # -- where it is

    @property
    @abstractmethod
    def host(self) -> str:
        """The address to connect to."""

    @property
    @abstractmethod
    def port(self) -> int:
        """The SMTP port."""

    @property
    @abstractmethod
    def smtps_port(self) -> int | None:
        """The port for SMTP inside TLS; None when there is none."""

    @property
    @abstractmethod
    def url(self) -> str:
        """The page and the API."""

    @property
    @abstractmethod
    def login(self) -> Login:
        """Credentials that do no harm anywhere, and that are needed where the port does not say the inbox."""

    @property
    @abstractmethod
    def authority_pem(self) -> bytes:
        """The certificate of the server's own authority."""

    # -- what came

    @property
    @abstractmethod
    def record(self) -> Reader:
        """The record, to read."""

    @abstractmethod
    def watch(self, query: Query) -> Watch:
        """Watch for messages."""

    # -- what goes wrong

    @property
    @abstractmethod
    def playing(self) -> tuple[Scenario, int]:
        """The scenario that is on, and the seed of its dice."""

    @abstractmethod
    def play(self, scenario: Scenario, *, seed: int | None = None, clock: ClockSpec | None = None) -> None:
        """Make this the scenario, with fresh counters and no other rules."""

    @abstractmethod
    def add_rule(self, rule: Rule) -> None:
        """Add a rule before the others; it has an id. Raises `ScenarioError` when that is taken."""

    @abstractmethod
    def remove_rule(self, rule_id: str) -> None:
        """Take a rule out; harmless when there is none of that id."""

    @abstractmethod
    def rules(self) -> tuple[RuleView, ...]:
        """Give all rules in the order in which they are asked, with what became of them."""

    @abstractmethod
    def shut(self, how: str) -> None:
        """`refuse` new connections on the inbox's ports, `pause` them (nobody answers), or `resume`."""

    @abstractmethod
    def stalled(self, name: str, *, at_least: int = 0, timeout: float = 0.0) -> int:
        """Count the sessions that stall under a name, waiting until there are so many, or the time is over."""

    @abstractmethod
    def release(self, name: str, *, for_good: bool) -> int:
        """Let stalled sessions of that name go on, those that come later too if it is `for_good`; count them."""

    # -- time

    @abstractmethod
    def now(self) -> float:
        """Tell the time on the scenario's clock, in seconds since 1970."""

    @abstractmethod
    def advance(self, seconds: float) -> None:
        """Move a manual clock on. Raises `ScenarioError` when it is not one."""

    @abstractmethod
    def sleepers(self, *, at_least: int = 0, timeout: float = 0.0) -> int:
        """Count who waits for a manual clock, waiting until there are so many, or the time is over."""
