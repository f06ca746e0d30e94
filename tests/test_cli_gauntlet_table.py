"""The account of a gauntlet on the terminal."""

from __future__ import annotations

import io
from dataclasses import replace

from rich.console import Console

from mailtrap_py.cli.gauntlet.run import Require
from mailtrap_py.cli.gauntlet.table import Progression, conclusion, count, style_of, tell, totals
from mailtrap_py.scenario import ScenarioClass
from mailtrap_py.scenario.verdict import Grade
from tests.test_cli_gauntlet_run import FAILED, RUN

RUNS = (
    RUN,
    replace(RUN, scenario="lost-250", passed=False, expectations=(FAILED,), copies=1),
    replace(RUN, scenario="messages-per-connection-stays-open", met=False, said="success (0)", copies=2),
    replace(RUN, scenario="no-such-user", class_=ScenarioClass.SEEN, grade=Grade.SILENT, passed=False),
)


def printed(width: int, *, terminal: bool = False) -> str:
    file = io.StringIO()
    console = Console(file=file, width=width, highlight=False, markup=False, emoji=False, force_terminal=terminal)
    tell(RUNS, console, Require.HONEST)
    return file.getvalue()


def test_at_80_columns_the_reason_stands_below() -> None:
    lines = printed(80).splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[:4] == [
        "honest      greylisting                         failure (1), no copies",
        "honest      lost-250                            failure (1), 1 copy",
        "            expected retried: {after: 4xx}: nobody came",
        "not met     messages-per-connection-stays-open  success (0), 2 copies",
    ]


def test_for_programs_each_scenario_is_one_line() -> None:
    lines = printed(500).splitlines()
    assert len([line for line in lines if line.startswith(("honest", "not met", "silent"))]) == len(RUNS)
    reasons = [line[48 + 26 + 2 :] for line in lines[:4]]
    assert reasons == [run.why for run in RUNS]


def test_the_totals_are_those_of_each_class() -> None:
    assert list(totals(RUNS)) == ["legal      3: 2 honest, 1 not met", "seen       1: 1 silent"]
    assert count(RUNS)[ScenarioClass.SEEN] == {"silent": 1}
    assert printed(80).endswith("\n".join(["", *totals(RUNS), ""]))


def test_nothing_at_all_is_no_error() -> None:
    file = io.StringIO()
    tell((), Console(file=file, width=80), Require.HONEST)
    assert file.getvalue() == ""


def test_a_bad_grade_is_red_and_a_good_one_is_not() -> None:
    assert [style_of(run, Require.HONEST) for run in RUNS] == ["green", "yellow", "dim", "bold red"]
    assert style_of(RUNS[1], Require.ROBUST) == "bold red"
    assert "\x1b[1;31msilent" in printed(80, terminal=True)


def test_the_conclusion_says_why() -> None:
    assert conclusion(RUNS[:1], Require.HONEST) == "passed (honest): 1 scenario"
    assert conclusion(RUNS[:3], Require.HONEST) == "passed (honest): 3 scenarios"
    assert conclusion(RUNS, Require.HONEST) == "FAILED (honest): 1 bad grade"
    strict = replace(RUN, met=False, unfired=("bob never fired: why",))
    assert conclusion([*RUNS, strict], Require.HONEST) == (
        "FAILED (honest): 1 bad grade; in 1 that is strict a rule never fired"
    )
    assert conclusion(RUNS * 2, Require.ROBUST, missing=3) == (
        "FAILED (robust): interrupted, 3 not run; 2 bad grades; "
        "in 2 of class legal the client did not do all that is expected"
    )


def test_through_a_pipe_there_is_a_line_for_each_that_is_finished() -> None:
    file = io.StringIO()
    with Progression(2, Console(file=file, width=500)) as progression:
        progression.finished(RUNS[0])
        progression.finished(RUNS[3])
    assert file.getvalue() == "[1/2] greylisting: honest\n[2/2] no-such-user: silent\n"


def test_on_a_terminal_there_is_a_bar_that_goes_away() -> None:
    file = io.StringIO()
    with Progression(2, Console(file=file, width=80, force_terminal=True)) as progression:
        progression.finished(RUNS[0])
    shown = file.getvalue()
    assert "greylisting: honest" in shown
    assert "1/2" in shown
    assert "[1/2]" not in shown
    assert shown.rstrip("\r\n").endswith("\x1b[2K")  # the line is erased
