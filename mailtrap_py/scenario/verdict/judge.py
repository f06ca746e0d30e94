"""The verdict on a client: what was expected of it, held against the record of what it did.

`judge` gives a result for each expectation, with the lines of the transcript that show it, and a grade for a command:
what it said at its end, compared with what became of its mail.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from mailtrap_py.scenario.evidence import CommandResult, Evidence
from mailtrap_py.scenario.expectation import Expectation
from mailtrap_py.scenario.needs import Needs
from mailtrap_py.scenario.verdict.case import TOLERANCE, Case
from mailtrap_py.scenario.verdict.grade import Grade, grade_of_word
from mailtrap_py.scenario.verdict.judges import JUDGES

MOST_EVIDENCE = 20
"""So many lines a result shows; the rest is counted."""

_SHELL_SIGNALS = range(129, 160)  # a shell's exit code for a command that a signal ended: 128 and the signal's number


@dataclass(frozen=True, slots=True)
class Result:
    """One expectation in its own words, whether it holds, the lines that show it; if not, the rule and a hint."""

    expectation: str
    passed: bool
    evidence: tuple[str, ...]
    rfc: str
    hint: str

    def __str__(self) -> str:
        """Read as a paragraph."""
        lines = [f"{'pass' if self.passed else 'FAIL'} {self.expectation}", *(f"  {line}" for line in self.evidence)]
        if not self.passed:
            lines += [f"  {line}" for line in (self.rfc, self.hint) if line]
        return "\n".join(lines)


@dataclass(frozen=True, slots=True)
class Verdict:
    """All results in the order of the expectations; `passed` when every one holds. Only a command has a grade."""

    passed: bool
    results: tuple[Result, ...]
    grade: Grade | None = None

    @property
    def failures(self) -> tuple[Result, ...]:
        """The results that did not pass."""
        return tuple(result for result in self.results if not result.passed)


class Expecting(Protocol):
    """What is judged by: a scenario."""

    @property
    def needs(self) -> Needs:
        """What it takes to meet it."""

    @property
    def expect(self) -> tuple[Expectation, ...]:
        """What a correct client does about it."""


def judge(scenario: Expecting, evidence: Evidence) -> Verdict:
    """Hold a scenario's expectations against what happened. Never raises, whatever the evidence is."""
    case = Case(evidence, scenario.needs)
    results = tuple(_result(expectation, case) for expectation in scenario.expect)
    return Verdict(
        passed=all(result.passed for result in results),
        results=results,
        grade=_grade(scenario.expect, results, case, evidence.command) if evidence.command else None,
    )


def _result(expectation: Expectation, case: Case) -> Result:
    key = expectation.key
    who = JUDGES[key]
    ruling = who.rule(getattr(expectation, key), case)
    shown = ruling.evidence
    if len(shown) > MOST_EVIDENCE:
        shown = (*shown[:MOST_EVIDENCE], f"… and {len(shown) - MOST_EVIDENCE} lines more")
    return Result(expectation.describe(), ruling.passed, shown, who.rfc, who.hint)


def _grade(expect: tuple[Expectation, ...], results: tuple[Result, ...], case: Case, command: CommandResult) -> Grade:
    deadlines = [each.gave_up.within for each in expect if each.gave_up is not None]
    if command.timed_out or any(wait.seconds > within + TOLERANCE for within in deadlines for _, wait in case.waits()):
        return Grade.HUNG
    if command.signal or command.unhandled or command.exit_code in _SHELL_SIGNALS:
        return Grade.CRASHED
    if any(each.no_plaintext and not result.passed for each, result in zip(expect, results, strict=True)):
        return Grade.INSECURE
    if _duplicated(expect, case):
        return Grade.DUPLICATED
    return grade_of_word(command.said, case)


def _duplicated(expect: tuple[Expectation, ...], case: Case) -> bool:
    wanted = [each.delivered for each in expect if each.delivered is not None]
    return any(
        len(fate.copies) > 1
        and not any(fate.matches(each.match) and each.copies.matches(len(fate.copies)) for each in wanted)
        for fate in case.fates
    )
