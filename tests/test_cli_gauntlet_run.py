"""The words for a run: grade, deed, reason, and whether it is enough."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mailtrap_py.cli.gauntlet.run import Require, Run
from mailtrap_py.scenario import ScenarioClass
from mailtrap_py.scenario.verdict import Grade, Result

RUN = Run(
    scenario="greylisting",
    class_=ScenarioClass.LEGAL,
    summary="",
    imitates="",
    seed=1,
    grade=Grade.HONEST,
    met=True,
    needs="",
    passed=True,
    said="failure (1)",
    exit_code=1,
    timed_out=False,
    seconds=0.1,
    copies=0,
    reached=(),
    expectations=(Result("ends_with: quit", passed=True, evidence=("1 session",), rfc="", hint=""),),
    unfired=(),
    findings=(),
    sessions=(),
    output="",
)
FAILED = Result("retried: {after: 4xx}", passed=False, evidence=("nobody came", "never"), rfc="", hint="")


@pytest.mark.parametrize(("copies", "did"), [(0, "no copies"), (1, "1 copy"), (2, "2 copies")])
def test_what_it_did(copies: int, did: str) -> None:
    assert replace(RUN, copies=copies).did == f"failure (1), {did}"


def test_the_reason_is_the_meaning_of_the_grade_and_what_failed_first() -> None:
    assert RUN.why == Grade.HONEST.meaning
    failed = replace(RUN, passed=False, expectations=(*RUN.expectations, FAILED, FAILED))
    assert failed.why == "expected retried: {after: 4xx}: nobody came"
    lost = replace(failed, grade=Grade.LOST)
    assert lost.why == f"{Grade.LOST.meaning}; expected retried: {{after: 4xx}}: nobody came"
    silent = replace(failed, expectations=(replace(FAILED, evidence=()),), unfired=("rule-1 never fired: why",))
    assert silent.why == "expected retried: {after: 4xx}; rule-1 never fired: why"


@pytest.mark.parametrize(
    ("grade", "word"),
    [(Grade.DELIVERED, "not met"), (Grade.INSECURE, "not met"), (Grade.LOST, "lost"), (Grade.HUNG, "hung")],
)
def test_where_the_fault_was_not_met_only_a_bad_grade_counts(grade: Grade, word: str) -> None:
    run = replace(RUN, met=False, grade=grade)
    assert run.word == word
    assert run.falls_short(Require.HONEST) == (word != "not met")
    assert (run.why == "the client never came to where the server fails") == (word == "not met")
    assert replace(run, needs="2 messages").why.endswith(": it takes 2 messages") == (word == "not met")


def test_in_a_strict_scenario_a_rule_that_never_fired_falls_short() -> None:
    run = replace(RUN, met=False, passed=False, unfired=("bob never fired: to is 'ann', not 'bob'",))
    assert run.falls_short(Require.HONEST)
    assert run.word == "not met"
    assert run.why.endswith("the server fails; bob never fired: to is 'ann', not 'bob'")


@pytest.mark.parametrize("grade", Grade)
def test_honest_asks_for_no_bad_grade(grade: Grade) -> None:
    assert replace(RUN, passed=False, grade=grade).falls_short(Require.HONEST) == grade.bad


@pytest.mark.parametrize(
    ("class_", "met", "passed", "short"),
    [
        (ScenarioClass.LEGAL, True, False, True),
        (ScenarioClass.LEGAL, True, True, False),
        (ScenarioClass.LEGAL, False, False, False),
        (ScenarioClass.SEEN, True, False, False),
        (ScenarioClass.HOSTILE, True, False, False),
    ],
)
def test_robust_asks_for_the_expectations_too_where_a_server_may_do_this(
    class_: ScenarioClass, *, met: bool, passed: bool, short: bool
) -> None:
    assert replace(RUN, class_=class_, met=met, passed=passed).falls_short(Require.ROBUST) is short


@pytest.mark.parametrize("grade", Grade)
def test_every_grade_has_a_meaning(grade: Grade) -> None:
    assert grade.meaning
