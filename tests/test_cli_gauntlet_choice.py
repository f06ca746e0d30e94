"""Which scenarios a selection means."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mailtrap_py.cli.gauntlet.choice import choose
from mailtrap_py.errors import MailtrapError
from mailtrap_py.scenario.library import names

if TYPE_CHECKING:
    from pathlib import Path


def chosen(*words: str) -> list[str]:
    return [each.scenario.name for each in choose(words)]


def test_without_a_word_it_is_the_whole_library() -> None:
    assert chosen() == list(names())


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["lost-250", "greylisting", "lost-250"], ["greylisting", "lost-250"]),
        (["lost-2*"], ["lost-250", "lost-250-closed", "lost-250-silent"]),
        (["greylisting", "lost-250-?losed"], ["greylisting", "lost-250-closed"]),
        (["greylisting", "timeout-greeting", "at:connect"], ["timeout-greeting"]),
        (["greylisting", "timeout-greeting", "no-such-user", "at:connect", "at:rcpt", "class:legal"], None),
    ],
)
def test_names_and_globs_are_added_up_and_facets_leave_what_fits(words: list[str], expected: list[str] | None) -> None:
    assert chosen(*words) == (expected or ["greylisting", "no-such-user", "timeout-greeting"])


def test_facets_alone_choose_from_the_library() -> None:
    hostile = choose(["class:hostile"])
    assert {each.scenario.class_ for each in hostile} == {"hostile"}
    legal_at_rcpt = set(chosen("class:legal", "at:rcpt"))
    assert legal_at_rcpt == set(chosen("class:legal")) & set(chosen("at:rcpt"))
    assert "greylisting" in legal_at_rcpt


def test_a_file_is_a_scenario_too(tmp_path: Path) -> None:
    mine = tmp_path / "mine.yaml"
    mine.write_text("name: mine\nrules: [{at: mail, do: close}]\n", encoding="utf-8")
    assert chosen(str(mine), "greylisting") == ["greylisting", "mine"]


@pytest.mark.parametrize(
    ("words", "problem", "cure"),
    [
        (["graylisting"], "there is no scenario 'graylisting'", "did you mean 'greylisting'?"),
        (["class:leagl"], "there is no class:leagl", "legal"),
        (["at:nowhere-at-all"], "there is no at:nowhere-at-all", "connect"),
        (["nothing-*"], "no scenario is meant by nothing-*", "scenario list"),
        (["greylisting", "at:quit"], "no scenario is meant by greylisting at:quit", "scenario list"),
        (["./absent.yaml"], "absent.yaml", ""),
    ],
)
def test_what_means_nothing_is_an_error(words: list[str], problem: str, cure: str) -> None:
    with pytest.raises(MailtrapError) as error:
        choose(words)
    assert problem in error.value.problem
    assert cure in error.value.cure
