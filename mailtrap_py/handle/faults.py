"""What tests want to go wrong most: a sequence of replies, a barrier that opens on command, a server that is gone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Literal, Self, cast

from mailtrap_py.handle.limits import Action, At, Limits
from mailtrap_py.handle.rules import Rule, RuleBook
from mailtrap_py.handle.waiting import Seconds, seconds

if TYPE_CHECKING:
    from mailtrap_py.captured import Session

_WORDS: Mapping[str, str] = {
    "421": "421 4.3.2 Service not available, closing transmission channel",
    "450": "450 4.2.1 Mailbox temporarily unavailable",
    "451": "451 4.3.0 Local error in processing",
    "452": "452 4.3.1 Insufficient system storage",
    "454": "454 4.7.0 Temporary authentication failure",
    "500": "500 5.5.2 Syntax error",
    "501": "501 5.5.4 Syntax error in parameters",
    "503": "503 5.5.1 Bad sequence of commands",
    "530": "530 5.7.0 Authentication required",
    "535": "535 5.7.8 Authentication credentials invalid",
    "550": "550 5.1.1 Mailbox unavailable",
    "551": "551 5.1.6 User not local",
    "552": "552 5.2.2 Mailbox full",
    "553": "553 5.1.3 Mailbox name not allowed",
    "554": "554 5.7.1 Transaction failed",
}
"""What is said with a bare code, after RFC 5321, section 4.2.3."""


def spelt_out(action: Action | None) -> Action:
    """Give a bare code its words; a bare 2yz, or None, is the normal reply."""
    if action is None or (isinstance(action, str) and len(action) == 3 and action.startswith("2")):  # noqa: PLR2004 - digits
        return "pass"
    return _WORDS.get(action, action) if isinstance(action, str) else action


class Turns:
    """A sequence: the first match meets the first action, the second the second, and after the last all is well."""

    def __init__(self, book: RuleBook, actions: Sequence[Action | None], at: At, limits: Limits) -> None:
        """Put every turn in force as a rule of its own, that fires once."""
        name = book.name("sequence")
        self._rules = [
            Rule(book, at, cast("Limits", {**limits, "times": 1, "id": f"{name}.{number}"}))
            for number in range(1, len(actions) + 1)
        ]
        # The rule that is added last is asked first.
        for rule, action in reversed([*zip(self._rules, actions, strict=True)]):
            rule.do(spelt_out(action))

    @property
    def fired(self) -> int:
        """How many turns were taken."""
        return sum(rule.fired for rule in self._rules)

    @property
    def left(self) -> int:
        """How many turns nobody came for yet."""
        return len(self._rules) - sum(rule.fired > 0 for rule in self._rules)

    @property
    def sessions(self) -> list[Session]:
        """The sessions in which turns were taken, each once."""
        found = {session.id: session for rule in self._rules for session in rule.sessions}
        return [*found.values()]

    def remove(self) -> None:
        """End it."""
        for rule in self._rules:
            rule.remove()

    def __enter__(self) -> Self:
        """Change nothing: it acts already."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End it."""
        self.remove()


class Barrier(Rule):
    """A rule that holds every session that comes to a point, until it is released."""

    def __init__(self, book: RuleBook, at: At, limits: Limits, *, longest: str) -> None:
        """Hold from now on."""
        super().__init__(book, at, limits, kind="hold")
        self.stall(max=longest, name=self.id)

    @property
    def held(self) -> int:
        """How many sessions it holds now."""
        return self._book.held(self)

    def wait(self, number: int = 1, *, timeout: Seconds = 5.0) -> None:
        """Wait until it holds so many sessions. Raises `TimeoutError`."""
        limit = seconds(timeout)
        there = self._book.held(self, number, limit)
        if there < number:
            message = f"{there or 'nobody'} came to the barrier {self.id} within {limit:g} s, not {number}"
            raise TimeoutError(f"{message}: {miss}" if (miss := self.nearest_miss) else message)

    def release(self) -> int:
        """Let everybody go on, and hold nobody any more; tell how many were held."""
        released = self._book.release(self)
        self.remove()
        return released

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Release."""
        self.release()


class Outage:
    """The server is down: its ports are closed, until `end`, or to the end of the block."""

    def __init__(self, book: RuleBook, how: Literal["refuse", "pause"]) -> None:
        """Close the ports; when this returns, they are closed."""
        self._book = book
        book.shut(how)

    def end(self) -> None:
        """Open them again."""
        self._book.shut("resume")

    def __enter__(self) -> Self:
        """Change nothing: it is down already."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Open the ports again."""
        self.end()
