"""What a test expects of its client: noted when it is said, judged at the end of the test, or at once by `check`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Literal

from mailtrap_py.scenario.load import from_data
from mailtrap_py.scenario.model import Scenario

if TYPE_CHECKING:
    from mailtrap_py.scenario.evidence import Evidence
    from mailtrap_py.scenario.expectation import Expectation
    from mailtrap_py.scenario.findings import Finding
    from mailtrap_py.scenario.verdict import Result

LevelName = Literal["info", "warning", "error"]
_LEVELS = ("info", "warning", "error")


class ExpectationError(AssertionError):
    """The client did something else. The text has every expectation that does not hold, with the lines that show it."""


class Expect:
    """Expectations: each method adds one. What they mean to the second is in docs/scenarios.md, under `expect`."""

    def __init__(self, evidence: Callable[[], Evidence]) -> None:
        """Judge what there is to see when it is time to."""
        self._evidence = evidence
        self._all: list[Expectation] = []
        self._findings: tuple[str, frozenset[str]] | None = None

    # -- mail

    def delivered_once(self, **match: str) -> None:
        """Expect every message once for each of its recipients; with `to`, `from_`, `subject`, those that fit."""
        self.delivered(1, **match)

    def delivered(self, copies: int | str = "> 0", **match: str) -> None:
        """Expect every message so many times for each of its recipients: a number, or a comparison such as `">= 1"`."""
        named = {name.removesuffix("_"): pattern for name, pattern in match.items()}
        self.that("delivered", {"copies": copies, **({"match": named} if named else {})})

    def never_delivered(self, **match: str) -> None:
        """Expect no message."""
        self.delivered(0, **match)

    def retried(
        self,
        after: str = "4xx",
        *,
        not_before: str | None = None,
        within: str | None = None,
        at_most: int | None = None,
    ) -> None:
        """Expect that what failed so came again; no sooner, later or more often than this."""
        self.that("retried", {"after": after, "not_before": not_before, "within": within, "at_most": at_most})

    def not_retried(self, after: str = "5xx", *, within: str | None = None) -> None:
        """Expect that what was refused for good did not come again."""
        self.that("not_retried", {"after": after, "within": within})

    def only_retried_refused(self) -> None:
        """Expect that only recipients that were not accepted were sent to again."""
        self.that("only_retried", "refused")

    # -- connections

    def reconnected(self, after: str = "421", *, within: str | None = None) -> None:
        """Expect a new connection after such a failure."""
        self.that("reconnected", {"after": after, "within": within})

    def not_reused(self, after: str = "error") -> None:
        """Expect nothing but QUIT on the connection after such a failure."""
        self.that("not_reused", {"after": after})

    def gave_up(self, within: str) -> None:
        """Expect that a silent server was left, no later than this."""
        self.that("gave_up", {"within": within})

    def waited(self, at_least: str) -> None:
        """Expect that a slow server was not left sooner than this."""
        self.that("waited", {"at_least": at_least})

    def ends_with_quit(self) -> None:
        """Expect QUIT at the end of every connection that was the client's to end."""
        self.that("ends_with", "quit")

    def not_early(self, *points: Literal["greeting", "ehlo", "starttls", "auth", "data", "message"]) -> None:
        """Expect that nothing is said before the whole reply to these is there."""
        self.that("not_early", [*points])

    def no_plaintext(self, *what: Literal["auth", "mail"]) -> None:
        """Expect TLS before credentials and mail, or one of them."""
        self.that("no_plaintext", [*(what or ("auth", "mail"))])

    def fired(self, rules: Mapping[str, int | str]) -> None:
        """Expect rules, by their names, to have fired so often."""
        self.that("fired", {**rules})

    def no_findings(self, level: LevelName | str = "warning", *, but: tuple[str, ...] = ()) -> None:
        """Expect that nothing of this level or above is found about the client, other than these kinds.

        Raises `ValueError` for a level that is none.
        """
        if level not in _LEVELS:
            message = f"{level!r} is not one of {', '.join(_LEVELS)}"
            raise ValueError(message)
        self._findings = (str(level), frozenset(but))

    def that(self, key: str, value: object) -> None:
        """Add an expectation as YAML says it. Raises `ScenarioError` for one that makes no sense."""
        said: Any = value
        if isinstance(value, Mapping):
            said = {name: each for name, each in value.items() if each is not None}
        named = said if key == "fired" and isinstance(said, Mapping) else {}
        rules = [{"id": rule, "at": "quit", "do": ["pass"]} for rule in named]  # so that their names are known
        self._all += from_data({"name": "expected", "rules": rules, "expect": [{key: said}]}).expect

    def all_of(self, scenario: Scenario) -> None:
        """Add everything that a scenario expects of a correct client."""
        self._all += scenario.expect

    # -- the verdict

    @property
    def nothing(self) -> bool:
        """Whether nothing is expected."""
        return not self._all and self._findings is None

    @property
    def words(self) -> list[str]:
        """What is expected, in the words of the scenario."""
        return [each.describe() for each in self._all]

    def clear(self) -> None:
        """Expect nothing any more."""
        self._all.clear()
        self._findings = None

    def failures(self) -> list[str]:
        """Say what does not hold now, each as a paragraph."""
        if self.nothing:
            return []
        from mailtrap_py.scenario.findings import findings  # noqa: PLC0415 - for who has expectations
        from mailtrap_py.scenario.verdict import judge  # noqa: PLC0415 - the same

        evidence = self._evidence()
        failed: list[Result | str] = [*judge(Scenario(expect=tuple(self._all)), evidence).failures]
        if self._findings is not None:
            level, but = self._findings
            failed += [show(each) for each in worse(findings(evidence), level) if each.kind not in but]
        return [str(each) for each in failed]

    def check(self) -> None:
        """Judge now. Raises `ExpectationError`; what was judged is not judged again at the end of the test."""
        __tracebackhide__ = True
        failed = self.failures()
        self.clear()
        if failed:
            raise ExpectationError("\n".join(failed))


def worse(found: tuple[Finding, ...], level: str) -> list[Finding]:
    """Leave the findings of a level or above."""
    return [each for each in found if _LEVELS.index(each.level) >= _LEVELS.index(level)]


def show(finding: Finding) -> str:
    """Write a finding for people."""
    return f"{finding.level} {finding.kind}: {finding.text}\n  {finding.why}\n  {finding.rfc}"
