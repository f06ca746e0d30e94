"""The verdict as JUnit XML, which every continuous integration can show."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from mailtrap_py.errors import SettingError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mailtrap_py.cli.trial import Trial

# What XML 1.0 (section 2.2) does not allow, not even escaped: a transcript may contain it.
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def write(trial: Trial, path: Path) -> None:
    """Write the verdict: a test case for the end of the command, each expectation and each rule that had to fire.

    Raises `SettingError` when the file cannot be written.
    """
    cases = list(_cases(trial))
    failures = sum(failure is not None for _, failure in cases)
    suite = ET.Element(
        "testsuite",
        name=f"mailtrap-py run {trial.scenario.name}",
        tests=str(len(cases)),
        failures=str(failures),
        errors="0",
        skipped="0",
        time=f"{trial.finished.seconds:.3f}",
    )
    properties = ET.SubElement(suite, "properties")
    for name, value in (("seed", trial.seed), ("grade", trial.verdict.grade), ("exit_code", trial.finished.exit_code)):
        ET.SubElement(properties, "property", name=name, value=str(value))
    for name, failure in cases:
        case = ET.SubElement(suite, "testcase", classname=f"mailtrap_py.{trial.scenario.name}", name=clean(name))
        if failure is not None:
            ET.SubElement(case, "failure", message=clean(failure.partition("\n")[0])).text = clean(failure)
    save(ET.tostring(suite, encoding="utf-8", xml_declaration=True), path, "--junit")


def _cases(trial: Trial) -> Iterator[tuple[str, str | None]]:
    """Give the name of each test case, and the text of its failure."""
    yield "the command comes to its end", str(trial.finished) if trial.finished.timed_out else None
    for result in trial.verdict.results:
        yield result.expectation, None if result.passed else str(result)
    if trial.scenario.strict:
        for state in trial.rules:
            yield f"rule {state.rule.id} fires", state.nearest_miss or None if state in trial.unfired else None


def clean(text: str) -> str:
    """Replace what XML cannot hold."""
    return _FORBIDDEN.sub("\ufffd", text)


def save(report: bytes, path: Path, flag: str) -> None:
    """Write a report. Raises `SettingError`, naming the flag that named the file, when that cannot be done."""
    try:
        path.write_bytes(report)
    except OSError as error:
        raise SettingError(f"{flag}: {path} cannot be written: {error.strerror}", cure="name another file") from None
