"""One scenario of the gauntlet: a trial, put into plain values that every report is made of.

Slow to import, for it needs the whole server: only the processes of the crew do so.
"""

from __future__ import annotations

import re
import tempfile
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mailtrap_py.cli.gauntlet.run import Heard, Run, Spoken
from mailtrap_py.cli.trial import Trial, hold
from mailtrap_py.scenario.findings import findings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import IO

    from mailtrap_py.scenario.evidence import Evidence
    from mailtrap_py.settings import Settings

KEPT = 8192
"""So many octets are kept of what a command printed: the last ones, where programs say what went wrong."""

_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")  # ECMA-48, 5.4: colours and cursor movements


@dataclass(frozen=True, slots=True)
class Task:
    """What a process of the crew is asked to do. Only the scenario in the settings differs from task to task."""

    settings: Settings
    command: tuple[str, ...]
    timeout: float


def attempt(task: Task) -> Run:
    """Hold the trial. Only the main thread can. Raises `SettingError` when the command cannot be started."""
    with tempfile.TemporaryFile() as output:
        trial = hold(task.settings, task.command, timeout=task.timeout, output=output)
        return _told(trial, _last(output))


def _told(trial: Trial, output: str) -> Run:
    scenario, evidence, finished, grade = trial.scenario, trial.evidence, trial.finished, trial.verdict.grade
    assert grade is not None  # noqa: S101 - a trial has a command, and a command has a grade
    return Run(
        scenario=scenario.name,
        class_=scenario.class_,
        summary=scenario.summary,
        imitates=scenario.imitates,
        seed=trial.seed,
        grade=grade,
        met=trial.met,
        needs=scenario.needs.describe(),
        passed=trial.passed,
        said=_said(trial),
        exit_code=finished.exit_code,
        timed_out=finished.timed_out,
        seconds=round(finished.seconds, 3),
        copies=len(evidence.messages),
        reached=tuple(dict.fromkeys(address for copy in evidence.messages for address in copy.recipients)),
        expectations=trial.verdict.results,
        unfired=tuple(f"{state.rule.id} never fired: {state.nearest_miss}" for state in trial.unfired),
        findings=tuple(dict.fromkeys((each.level, each.kind, each.text) for each in findings(evidence))),
        sessions=tuple(_sessions(evidence)),
        output=output,
    )


def _said(trial: Trial) -> str:
    finished = trial.finished
    if finished.timed_out:
        return f"stopped at {finished.seconds:.0f} s"
    if finished.exit_code < 0:
        return str(finished)
    return f"failure ({finished.exit_code})" if finished.exit_code else "success (0)"


def _sessions(evidence: Evidence) -> Iterator[Heard]:
    for session in evidence.sessions:
        lines = tuple(Spoken(line.source, evidence.show(line), line.rule) for line in session.lines)
        yield Heard(session.number, session.started.protocol, str(session.ending or "open"), lines)


def _last(output: IO[bytes]) -> str:
    """Read the end of what was printed, without colours; what else cannot be shown is shown as an escape."""
    size = output.seek(0, 2)
    output.seek(max(0, size - KEPT))
    text = _ESCAPES.sub("", output.read().decode("utf-8", "replace")).replace("\r\n", "\n")
    shown = "".join(char if char.isprintable() or char in "\n\t" else repr(char)[1:-1] for char in text).strip("\n")
    return shown if size <= KEPT else f"…{shown}"
