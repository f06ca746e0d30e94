"""The verdict as JUnit XML."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest

from mailtrap_py.cli.junit import write
from mailtrap_py.cli.process import Finished
from mailtrap_py.errors import SettingError
from tests.trials import held

if TYPE_CHECKING:
    from pathlib import Path

RULES = [
    {"id": "full", "at": "rcpt", "do": [{"reply": "452 4.2.2 Full"}]},
    {"id": "never", "at": "auth", "do": ["close"]},
]
EXPECT = [{"ends_with": "quit"}, {"retried": {"after": "4xx"}}]


def test_each_expectation_is_a_test_case_and_the_end_of_the_command_too(tmp_path: Path) -> None:
    path = tmp_path / "verdict.xml"
    write(held({"rules": RULES, "expect": EXPECT}, seed=7), path)
    suite = ET.parse(path).getroot()
    counts = {name: suite.get(name) for name in ("name", "tests", "failures", "errors")}
    assert counts == {"name": "mailtrap-py run tried", "tests": "3", "failures": "1", "errors": "0"}
    assert float(suite.get("time", "0")) > 0
    assert {each.get("name"): each.get("value") for each in suite.iter("property")} == {
        "seed": "7",
        "grade": "honest",
        "exit_code": "1",
    }
    cases = {case.get("name"): case.find("failure") for case in suite.iter("testcase")}
    assert [(name, failure is None) for name, failure in cases.items()] == [
        ("the command comes to its end", True),
        ("ends_with: quit", True),
        ("retried: {after: 4xx}", False),
    ]
    failure = cases["retried: {after: 4xx}"]
    assert failure is not None
    assert failure.get("message") == "FAIL retried: {after: 4xx}"
    assert "RFC 5321" in (failure.text or "")


def test_what_else_makes_a_run_fail_is_a_failure_too(tmp_path: Path) -> None:
    path = tmp_path / "verdict.xml"
    found = held({"strict": True, "rules": RULES})
    write(replace(found, finished=Finished(-15, 30.0, timed_out=True)), path)
    cases = {case.get("name"): case.find("failure") for case in ET.parse(path).getroot().iter("testcase")}
    told = {name: None if failure is None else failure.text for name, failure in cases.items()}
    assert told == {
        "the command comes to its end": "stopped after 30.0 s, its time-out",
        "rule full fires": None,
        "rule never fires": "no session came to auth",
    }


def test_what_xml_cannot_hold_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "verdict.xml"
    found = held({"rules": RULES, "expect": [{"retried": {"after": "4xx"}}]})
    hostile = replace(found.verdict.results[0], evidence=("a bell \x07, half a character \udc80",))
    write(replace(found, verdict=replace(found.verdict, results=(hostile,))), path)
    assert "  a bell \ufffd, half a character \ufffd\n" in (ET.parse(path).getroot().findtext("testcase/failure") or "")


def test_a_file_that_cannot_be_written_is_the_users_error(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match=r"--junit: .* cannot be written: No such file"):
        write(held({}), tmp_path / "absent" / "verdict.xml")
