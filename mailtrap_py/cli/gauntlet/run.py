"""What came of one scenario of the gauntlet, as plain values that cross from process to process and become reports."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from mailtrap_py.events import Source
from mailtrap_py.scenario import ScenarioClass
from mailtrap_py.scenario.findings import Level
from mailtrap_py.scenario.verdict import Grade, Result

NOT_MET = "not met"


class Require(StrEnum):
    """What a gauntlet asks for: no bad grade; or also, where a server may do this, all that is expected."""

    HONEST = "honest"
    ROBUST = "robust"


@dataclass(frozen=True, slots=True)
class Spoken:
    """A line of a transcript, ready to be shown: when, who and what are in `text`; `rule` made the server say it."""

    source: Source
    text: str
    rule: str


@dataclass(frozen=True, slots=True)
class Heard:
    """A session: its number from 1, `smtp` or `smtps`, how it ended, and all that was said."""

    number: int
    protocol: str
    ending: str
    lines: tuple[Spoken, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A scenario, what the command did under it, and what to think of that.

    `met` says whether the client came to where the server fails, `needs` what that takes; `passed`, whether every
    expectation holds; `said` is the command's own word (`success (0)`). `copies` counts stored messages, `reached` has
    who got any.
    """

    scenario: str
    class_: ScenarioClass
    summary: str
    imitates: str
    seed: int
    grade: Grade
    met: bool
    needs: str
    passed: bool
    said: str
    exit_code: int
    timed_out: bool
    seconds: float
    copies: int
    reached: tuple[str, ...]
    expectations: tuple[Result, ...]
    unfired: tuple[str, ...]
    findings: tuple[tuple[Level, str, str], ...]
    sessions: tuple[Heard, ...]
    output: str

    @property
    def bad(self) -> bool:
        """Whether nobody wants that. Who never came to a fault of TLS was not tempted to go on without it."""
        return self.grade.bad and (self.met or self.grade is not Grade.INSECURE)

    @property
    def word(self) -> str:
        """The grade in the table; a good one is worth nothing where the client never came to the fault."""
        return str(self.grade) if self.met or self.bad else NOT_MET

    @property
    def did(self) -> str:
        """What the client did, in a few words: `success (0), 1 copy`."""
        copies = "1 copy" if self.copies == 1 else f"{self.copies or 'no'} copies"
        return f"{self.said}, {copies}"

    @property
    def why(self) -> str:
        """Why that is its grade: what the grade means, and the first thing that was expected and did not happen."""
        if self.word == NOT_MET:
            never = "the client never came to where the server fails"
            return "; ".join([f"{never}: it takes {self.needs}" if self.needs else never, *self.unfired])
        said_already = "client_said" if self.bad else ()  # the meaning of a bad grade says that too
        failures = [each for each in self.expectations if not each.passed]
        failed = next((each for each in failures if not each.expectation.startswith(said_already)), None)
        reasons = [self.grade.meaning] if self.bad or (failed is None and not self.unfired) else []
        if failed is not None:
            reasons.append(f"expected {failed.expectation}" + (f": {failed.evidence[0]}" if failed.evidence else ""))
        return "; ".join([*reasons, *self.unfired])

    def falls_short(self, require: Require) -> bool:
        """Say whether it is not what is required.

        What was not met can only fall short by a bad grade; but in a strict scenario every rule has to fire.
        """
        if self.bad or self.unfired:
            return True
        return require is Require.ROBUST and self.class_ is ScenarioClass.LEGAL and self.met and not self.passed
