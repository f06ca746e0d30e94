"""The gauntlet for programs: JUnit XML, which every continuous integration can show, and JSON, which has all."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from mailtrap_py.cli.gauntlet.run import NOT_MET
from mailtrap_py.cli.gauntlet.table import conclusion, count
from mailtrap_py.cli.junit import clean

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mailtrap_py.cli.gauntlet.run import Require, Run


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """A gauntlet as far as it went: `missing` scenarios were not run, because somebody interrupted it."""

    command: tuple[str, ...]
    require: Require
    runs: tuple[Run, ...]
    missing: int = 0

    @property
    def passed(self) -> bool:
        """Whether everything was run, and all of it is what is required."""
        return not self.missing and not any(run.falls_short(self.require) for run in self.runs)

    @property
    def conclusion(self) -> str:
        """How it went, in one line."""
        return conclusion(self.runs, self.require, missing=self.missing)


def as_json(outcome: Outcome) -> bytes:
    """Write everything as JSON."""
    data = {
        "command": outcome.command,
        "require": outcome.require,
        "passed": outcome.passed,
        "conclusion": outcome.conclusion,
        "not_run": outcome.missing,
        "totals": {class_: dict(counts) for class_, counts in count(outcome.runs).items()},
        "scenarios": [_plain(run, outcome.require) for run in outcome.runs],
    }
    return f"{json.dumps(data, indent=2)}\n".encode()


def _plain(run: Run, require: Require) -> dict[str, object]:
    data = dataclasses.asdict(run)
    return {
        "scenario": data.pop("scenario"),
        "class": data.pop("class_"),
        "grade": data.pop("grade"),
        "meaning": run.grade.meaning,
        "bad": run.bad,
        "falls_short": run.falls_short(require),
        "why": run.why,
        **data,
        "findings": [{"level": level, "kind": kind, "text": text} for level, kind, text in run.findings],
    }


def as_junit(outcome: Outcome) -> bytes:
    """Write a test suite for each class and a test case for each scenario; one that was not met is skipped."""
    root = ET.Element("testsuites", name="mailtrap-py gauntlet")
    for class_ in count(outcome.runs):
        _suite(root, class_, [run for run in outcome.runs if run.class_ == class_], outcome.require)
    written: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return written


def _suite(root: ET.Element, name: str, runs: Sequence[Run], require: Require) -> None:
    suite = ET.SubElement(
        root,
        "testsuite",
        name=f"mailtrap-py gauntlet, class {name}",
        tests=str(len(runs)),
        failures=str(sum(run.falls_short(require) for run in runs)),
        errors="0",
        skipped=str(sum(run.word == NOT_MET for run in runs)),
        time=f"{sum(run.seconds for run in runs):.3f}",
    )
    for run in runs:
        case = ET.SubElement(
            suite, "testcase", classname=f"mailtrap_py.{name}", name=clean(run.scenario), time=f"{run.seconds:.3f}"
        )
        if run.falls_short(require):
            results = "\n".join(str(result) for result in run.expectations if not result.passed)
            failure = ET.SubElement(case, "failure", type=run.word, message=clean(f"{run.word}: {run.why}"))
            failure.text = clean(f"{run.did}\n{results}")
        elif run.word == NOT_MET:
            ET.SubElement(case, "skipped", message=clean(run.why))
        ET.SubElement(case, "system-out").text = clean(transcript(run))
        ET.SubElement(case, "system-err").text = clean(run.output)


def transcript(run: Run) -> str:
    """Give all conversations of a run as text."""
    return "\n".join(
        f"session {heard.number}, {heard.ending}\n" + "\n".join(f"  {line.text}" for line in heard.lines)
        for heard in run.sessions
    )
