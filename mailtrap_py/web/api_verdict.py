"""The API's verdict: what the scenario of an inbox expects of a client, held against what the clients did."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from pydantic import Field

from mailtrap_py.scenario.evidence import CommandResult
from mailtrap_py.scenario.findings import findings
from mailtrap_py.scenario.verdict import Grade, judge
from mailtrap_py.web.api import operation
from mailtrap_py.web.api_scenario import InInbox, find_inbox
from mailtrap_py.web.bodies import Answer, FindingItem, moment
from mailtrap_py.web.evidence import evidence_of_inbox

if TYPE_CHECKING:
    from mailtrap_py.web.context import Context


class AskVerdict(InInbox):
    """Which inbox, and what the program said that was tried."""

    exit_code: int | None = Field(
        None, ge=0, le=255, examples=[0], description="Its exit code, for a grade: 0 says success, all else failure."
    )


class ResultItem(Answer):
    """An expectation in its own words, whether it holds, the lines that show it; if not, the RFC and a hint."""

    expectation: str
    passed: bool
    evidence: list[str]
    rfc: str
    hint: str


class VerdictItem(Answer):
    """The verdict on all that happened in an inbox since its scenario was put on or reset (`began_at`).

    `passed` when every expectation holds and, of a strict scenario, no rule is `unfired`. `grade` compares what the
    program said with what became of its mail; null without its exit code.
    """

    inbox: str
    scenario: str
    seed: int
    began_at: datetime
    sessions: int
    passed: bool
    results: list[ResultItem]
    unfired: list[str]
    grade: Grade | None
    meaning: str
    findings: list[FindingItem]


def read_verdict(context: Context, parameters: AskVerdict) -> VerdictItem:
    """Hold the expectations of a scenario against what happened in its inbox since it was put on, or reset."""
    inbox = find_inbox(context, parameters.inbox)
    director = inbox.director
    command = None if parameters.exit_code is None else CommandResult(exit_code=parameters.exit_code)
    evidence = evidence_of_inbox(
        context.store, inbox.name, since=inbox.began_at, until=inbox.clock.now(), command=command
    )
    verdict = judge(director.scenario, evidence)
    unfired = [
        state.rule.id
        for state in director.rules()
        if director.scenario.strict and not state.fired and not state.rule.optional
    ]
    return VerdictItem(
        inbox=inbox.name,
        scenario=director.scenario.name,
        seed=inbox.seed,
        began_at=moment(inbox.began_at),
        sessions=len(evidence.sessions),
        passed=verdict.passed and not unfired,
        results=[ResultItem.model_validate(each) for each in verdict.results],
        unfired=unfired,
        grade=verdict.grade,
        meaning=verdict.grade.meaning if verdict.grade else "",
        findings=[FindingItem.model_validate(each) for each in findings(evidence)],
    )


OPERATIONS = (
    operation("GET", "/api/verdict", read_verdict, AskVerdict, VerdictItem),
    operation("GET", "/api/inboxes/{inbox}/verdict", read_verdict, AskVerdict, VerdictItem),
)
