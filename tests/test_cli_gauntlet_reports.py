"""The gauntlet as JUnit XML and JSON."""

from __future__ import annotations

import json
from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest

from mailtrap_py.cli.gauntlet.reports import Outcome, as_json, as_junit
from mailtrap_py.cli.gauntlet.run import Require, Run
from tests.gauntlet_runs import ran, spoilt


@pytest.fixture(scope="module")
def runs() -> tuple[Run, ...]:
    return tuple(ran(name) for name in ("greylisting", "no-such-user", "tls-expired"))


def outcome(*runs: Run, require: Require = Require.HONEST, missing: int = 0) -> Outcome:
    return Outcome(command=("./send", "a b"), require=require, runs=runs, missing=missing)


def test_junit_has_a_suite_for_each_class_and_a_case_for_each_scenario(runs: tuple[Run, ...]) -> None:
    root = ET.fromstring(as_junit(outcome(*runs)))
    suites = {suite.get("name"): suite for suite in root.iter("testsuite")}
    assert list(suites) == ["mailtrap-py gauntlet, class legal", "mailtrap-py gauntlet, class seen"]
    counts = [[suite.get(key) for key in ("tests", "failures", "errors", "skipped")] for suite in suites.values()]
    assert counts == [["2", "1", "0", "0"], ["1", "0", "0", "1"]]
    cases = {case.get("name"): case for case in root.iter("testcase")}
    failure = cases["no-such-user"].find("failure")
    assert failure is not None
    assert failure.get("type") == "silent"
    assert failure.get("message") == "silent: it said success, and some recipients have nothing"
    said = (cases["greylisting"].findtext("system-out") or "").lower()  # smtplib's case changed in Python 3.13
    assert "c: rcpt to:<bob@example.com>" in said
    assert "SMTPRecipientsRefused" in (cases["greylisting"].findtext("system-err") or "")
    assert cases["greylisting"].find("failure") is None
    assert cases["tls-expired"].find("skipped") is not None


def test_where_robust_is_asked_for_what_was_expected_is_in_the_failure(runs: tuple[Run, ...]) -> None:
    root = ET.fromstring(as_junit(outcome(*runs, require=Require.ROBUST)))
    failures = {case.get("name"): case.findtext("failure") for case in root.iter("testcase")}
    assert "FAIL retried: {after: 4xx" in (failures["greylisting"] or "")
    assert failures["tls-expired"] is None


def test_json_has_all_that_is_known(runs: tuple[Run, ...]) -> None:
    data = json.loads(as_json(outcome(*runs, missing=2)))
    assert (data["command"], data["require"], data["passed"]) == (["./send", "a b"], "honest", False)
    assert data["not_run"] == 2
    assert data["conclusion"] == "FAILED (honest): interrupted, 2 not run; 1 bad grade"
    assert data["totals"] == {"legal": {"honest": 1, "silent": 1}, "seen": {"not met": 1}}
    refused = data["scenarios"][1]
    facts = ("scenario", "class", "grade", "bad", "falls_short", "met", "said", "exit_code", "copies")
    assert [refused[fact] for fact in facts] == [
        *("no-such-user", "legal", "silent", True, True),
        *(True, "success (0)", 0, 1),
    ]
    assert [each["expectation"] for each in refused["expectations"] if not each["passed"]] == ["client_said: truth"]
    assert {"level": "info", "kind": "mail-in-clear"}.items() <= refused["findings"][0].items()
    assert refused["sessions"][0]["lines"][0]["text"].endswith("S: 220 mailtrap.localhost ESMTP mailtrap_py")
    assert data["scenarios"][2]["bad"] is False  # insecure, but it was never asked for TLS


def test_an_outcome_passes_when_all_was_run_and_nothing_falls_short(runs: tuple[Run, ...]) -> None:
    greylisting, silent, unmet = runs
    assert outcome(greylisting, unmet).passed
    assert not outcome(greylisting, unmet, missing=1).passed
    assert not outcome(greylisting, silent).passed
    assert not outcome(greylisting, require=Require.ROBUST).passed


def test_what_others_wrote_breaks_no_report(runs: tuple[Run, ...]) -> None:
    hostile = outcome(replace(spoilt(runs[1]), grade=runs[1].grade))
    ET.fromstring(as_junit(hostile))
    assert json.loads(as_json(hostile))["scenarios"][0]["output"].startswith("</script>")
