"""The case before the judges: the evidence, and what several of them want of it, worked out once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from mailtrap_py.scenario.attempts import Attempt, Failure, Setback, attempts_of, came_again
from mailtrap_py.scenario.evidence import Evidence, Session, Wait
from mailtrap_py.scenario.needs import NOTHING, Needs
from mailtrap_py.scenario.verdict.tally import Fate, fates_of

TOLERANCE = 0.001
"""Seconds by which two readings of a clock for one moment may differ."""


def count(number: int, noun: str) -> str:
    """Write a number of things: `1 session`, `2 sessions`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


@dataclass(frozen=True, slots=True)
class Ruling:
    """Whether it holds, and the lines that show it."""

    passed: bool
    evidence: tuple[str, ...]


@dataclass(frozen=True)
class Case:
    """The evidence, and what several judges want of it, worked out once."""

    evidence: Evidence
    needs: Needs = NOTHING

    @cached_property
    def absent(self) -> str:
        """Say which messages never came though the command was asked for them; nothing if it was not, or all did."""
        wanted = self.needs.messages * self.needs.connections
        came = len({attempt.key or index for index, attempt in enumerate(self.attempts) if attempt.transaction})
        if self.evidence.command is None or came >= wanted:
            return ""
        return f"{came} of the {wanted} messages came that were asked for: {self.needs.describe()}"

    @cached_property
    def attempts(self) -> tuple[Attempt, ...]:
        """What the client tried, in order."""
        return attempts_of(self.evidence)

    @cached_property
    def fates(self) -> tuple[Fate, ...]:
        """What became of each message for each recipient."""
        return fates_of(self.evidence, self.attempts)

    def waits(self) -> Iterator[tuple[Session, Wait]]:
        """Every wait for a reply, with its session."""
        for session in self.evidence.sessions:
            for wait in session.waits(self.evidence.until):
                yield session, wait

    def setbacks(self, after: str) -> list[tuple[Attempt, Setback, tuple[Attempt, ...]]]:
        """List what failed so, with the attempts that brought it again; these do not begin a row of their own."""
        rows = []
        seen: set[int] = set()
        for attempt in self.attempts:
            setback = attempt.setback(after)
            if setback is None or id(attempt) in seen:
                continue
            again = came_again(attempt, setback, self.attempts)
            seen.update(map(id, again))
            rows.append((attempt, setback, again))
        return rows

    def show_failure(self, attempt: Attempt, failure: Failure) -> str:
        """Write down a failure: its line, or that the connection was lost."""
        if failure.line is not None:
            return self.evidence.show(failure.line)
        words = "the connection was lost before the reply" if failure.lost else f"failed with {failure.code}"
        return self.evidence.tell(attempt.session, failure.clock, words)

    def show_start(self, attempt: Attempt) -> str:
        """Write down how an attempt began: its MAIL command, or the connection."""
        if attempt.first is not None:
            return self.evidence.show(attempt.first)
        return self.evidence.tell(attempt.session, attempt.began, "began")

    def show_wait(self, session: Session, wait: Wait, words: str) -> str:
        """Write down a wait: what was waited for, how long, and its end."""
        start = wait.exchange.request
        asked = self.evidence.show(start) if start else self.evidence.tell(session, session.started.clock, "connected")
        return f"{asked} [waited {wait.seconds:.3f}s, {words}]"
