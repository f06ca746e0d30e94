"""A text as data, and where its keys and values stand; what may be written is in `test_scenario_load`."""

from __future__ import annotations

import subprocess
import sys

import pytest

from mailtrap_py.errors import ScenarioError
from mailtrap_py.scenario.document import Document
from mailtrap_py.scenario.mistakes import Mistake, Path, Place
from mailtrap_py.scenario.params import DEEPEST

TEXT = """\
name: it
rules:
  - at: rcpt
    do:
      - delay: 0450
"""


def test_a_text_is_data() -> None:
    document = Document(TEXT, "it.yaml")

    assert document.data == {"name": "it", "rules": [{"at": "rcpt", "do": [{"delay": "0450"}]}]}
    assert document.mistakes == []


@pytest.mark.parametrize(
    ("path", "about_key", "place"),
    [
        ((), False, (1, 1)),
        (("name",), False, (1, 7)),
        (("name",), True, (1, 1)),
        (("rules", 0, "do", 0, "delay"), False, (5, 16)),
        (("rules", 0, "do", 0, "delay"), True, (5, 9)),
        (("rules", 0, "when"), False, (3, 5)),  # what is not there stands in what is around it
        (("nothing", "here"), True, (1, 1)),
    ],
)
def test_where_a_mistake_is(path: Path, about_key: bool, place: tuple[int, int]) -> None:  # noqa: FBT001 - a column
    found = Document(TEXT, "it.yaml").locate(Mistake("", path=path, about_key=about_key))
    assert found == Place(*place, "it.yaml:{}:{}".format(*place))


def test_nothing_is_at_the_beginning() -> None:
    document = Document("", "it.yaml")
    assert document.data is None
    assert document.locate(Mistake("")) == Place(1, 1, "it.yaml:1:1")


def test_mistakes_that_leave_something_to_read_are_kept() -> None:
    document = Document("a: 1\na: 2\nb:\n? [c]\n: 3\nd: !!set {}", "it.yaml")

    assert document.data == {"a": 1, "b": None, "d": {}}
    assert [mistake.problem for mistake in document.mistakes] == [
        "'a' stands twice, in line 1 and in line 2",
        "'b' has no value",
        "a key is a word",
    ]


@pytest.mark.parametrize(
    ("text", "where"),
    [("a: [", "it.yaml:1:5"), ("a: \x07", "it.yaml:1:4"), ("[" * (DEEPEST + 1), ""), ('"\\UFFFFFFFF"', "it.yaml")],
)
def test_what_cannot_be_read_at_all(text: str, where: str) -> None:
    with pytest.raises(ScenarioError) as error:
        Document(text, "it.yaml")
    assert where in str(error.value)


def test_who_has_no_scenario_in_a_text_needs_no_yaml() -> None:
    code = (
        "import sys, mailtrap_py.scenario as it; it.from_data({'rules': []}); raise SystemExit('yaml' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
