"""Mistakes as values."""

from __future__ import annotations

import pytest

from mailtrap_py.scenario.mistakes import Mistake, Mistakes, nearest, unknown_key


def test_a_mistake_is_one_line() -> None:
    assert str(Mistake("5 has no unit", "write '5s'")) == "5 has no unit; write '5s'"
    assert str(Mistake("it is wrong")) == "it is wrong"


def test_several_are_as_many_lines() -> None:
    found = Mistakes([Mistake("one"), Mistake("two", "do it")])

    assert str(found) == "one\ntwo; do it"
    assert len(found.found) == 2


def test_seen_from_further_up() -> None:
    mistake = Mistake("wrong", "right", ("to",), about_key=True).below(("rules", 0))

    assert (mistake.problem, mistake.cure, mistake.path, mistake.about_key) == (
        "wrong", "right", ("rules", 0, "to"), True,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("word", "asked"),
    [
        ("wehn", "did you mean 'when'?"),
        ("WHEN", "did you mean 'when'?"),
        ("wt", "did you mean 'at'?"),
        ("zzz", ""),
    ],
)
def test_the_nearest_spelling(word: str, asked: str) -> None:
    assert nearest(word, ["when", "count", "at"]) == asked


def test_an_unknown_key() -> None:
    mistake = unknown_key("wehn", "a rule", ["at", "when"], ("rules", 0, "wehn"))

    assert str(mistake) == "unknown key 'wehn' in a rule; did you mean 'when'? A rule has: at, when"
    assert mistake.about_key


def test_a_hint_goes_before_the_nearest_spelling() -> None:
    mistake = unknown_key("on", "a rule", ["at"], ("on",), hint="write 'at:'.")

    assert mistake.cure == "write 'at:'. A rule has: at"
