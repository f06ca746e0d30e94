"""All kinds of findings together."""

from __future__ import annotations

import re

from hypothesis import given

from mailtrap_py.events import Recorded
from mailtrap_py.scenario.evidence import Evidence
from mailtrap_py.scenario.findings import KINDS, findings
from tests.any_run import RUNS
from tests.recorded import Recording, deliver


def test_kinds_are_many_and_tell_themselves_apart() -> None:
    assert len(KINDS) >= 25
    assert len({kind.name for kind in KINDS}) == len({kind.sentence for kind in KINDS}) == len(KINDS)
    for kind in KINDS:
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", kind.name)
        assert re.fullmatch(r"RFC [0-9]{4}, section [0-9.]*[0-9]", kind.rfc)
        assert not kind.sentence.endswith(".")
        assert kind.why.endswith(".")


def test_findings_come_in_the_order_of_the_sessions() -> None:
    run = Recording().session("C: EHLO x\nS: 220 mx\nS: 250 mx", "client-closed").session(deliver()).session(deliver())

    found = findings(run.evidence())

    assert [finding.session_id for finding in found] == sorted(finding.session_id for finding in found)
    assert [finding.kind for finding in found if finding.session_id == "session-1"] == [
        "early-talker",
        "no-quit",
        "helo-name",
    ]
    assert findings(Evidence()) == ()


@given(recorded=RUNS)
def test_looking_never_raises(recorded: list[Recorded]) -> None:
    evidence = Evidence.gather(recorded)

    for finding in findings(evidence):
        assert finding.text
        assert finding.kind in {kind.name for kind in KINDS}
