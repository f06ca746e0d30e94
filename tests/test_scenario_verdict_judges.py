"""The table of judges."""

from __future__ import annotations

import re

from mailtrap_py.scenario.expectation import Expectation
from mailtrap_py.scenario.verdict.judges import JUDGES


def test_every_expectation_has_its_judge_with_a_rule_and_a_hint() -> None:
    assert list(JUDGES) == list(Expectation.model_fields)
    for key, judge in JUDGES.items():
        assert re.fullmatch(r"|RFC [0-9]{4}(, section [0-9.]+)?(; RFC [0-9]{4}(, section [0-9.]+)?)*", judge.rfc), key
        assert judge.hint.endswith("."), key
        assert (judge.rule.__doc__ or "").startswith(f"Judge `{key}"), key
