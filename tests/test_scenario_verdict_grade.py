"""What a command said against what became of its mail; the whole of the grade is with the judge."""

from __future__ import annotations

import pytest

from mailtrap_py.scenario.evidence import Evidence
from mailtrap_py.scenario.verdict.case import Case
from mailtrap_py.scenario.verdict.grade import TRUE, Grade, grade_of_word


def test_what_is_true_is_not_bad() -> None:
    assert not any(grade.bad for grade in TRUE)
    assert Grade.MISTAKEN not in TRUE
    assert not Grade.MISTAKEN.bad


@pytest.mark.parametrize("grade", Grade)
def test_a_meaning_is_about_what_the_command_said_or_did(grade: Grade) -> None:
    assert grade.meaning.startswith(("it ", "a recipient has "))


def test_who_sent_nothing_has_lost_it_or_is_honest() -> None:
    assert grade_of_word("success", Case(Evidence())) is Grade.LOST
    assert grade_of_word("failure", Case(Evidence())) is Grade.HONEST
