from __future__ import annotations

import pytest

from mailtrap_py.errors import MailtrapError, ScenarioError, SettingError, UpstreamError


@pytest.mark.parametrize("kind", [SettingError, ScenarioError, UpstreamError])
def test_an_error_says_the_problem_and_the_cure(kind: type[MailtrapError]) -> None:
    error = kind("the port is taken", cure="choose another")

    assert isinstance(error, MailtrapError)
    assert str(error) == "the port is taken\nchoose another"
    assert (error.problem, error.cure) == ("the port is taken", "choose another")


def test_without_a_cure_there_is_one_line() -> None:
    error = MailtrapError("it broke")

    assert (str(error), error.cure) == ("it broke", "")


def test_a_mistake_in_a_scenario_begins_with_its_place() -> None:
    error = ScenarioError("unknown key 'repply'", where="a.yaml:3:5", cure="did you mean 'reply'?")

    assert str(error) == "a.yaml:3:5: unknown key 'repply'\ndid you mean 'reply'?"
    assert error.where == "a.yaml:3:5"
    assert error.problem == "a.yaml:3:5: unknown key 'repply'"
