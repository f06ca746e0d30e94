"""docs/scenarios.md, held against the language: every table is complete, and every example loads."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import pytest

from mailtrap_py.events import Point
from mailtrap_py.scenario import (
    CloseHow,
    Count,
    ListenerHow,
    Rule,
    Scenario,
    ScenarioClass,
    Scope,
    TlsFault,
    When,
    library,
    load,
    loads,
    persona,
)
from mailtrap_py.scenario.actions import ACTIONS
from mailtrap_py.scenario.catalogue import entries
from mailtrap_py.scenario.expectation import Expectation
from mailtrap_py.scenario.needs import Needs
from mailtrap_py.scenario.points import NAMES
from mailtrap_py.scenario.script import Step
from mailtrap_py.scenario.values import Value

PAGE = (Path(__file__).parent.parent / "docs" / "scenarios.md").read_text("utf-8")


def table(first: str) -> dict[str, str]:
    """Give the rows below the table head that begins so: what stands in code in the first column, and the rest."""
    found = re.search(rf"^\| {re.escape(first)} \|.*\n\|[-| ]+\|\n((?:\|.*\n)+)", PAGE, re.MULTILINE)
    assert found is not None, f"there is no table '{first}'"
    rows = [re.split(r"(?<!\\) ?\| ?", line.strip("|\n "), maxsplit=1) for line in found[1].splitlines()]
    return {name.strip("`"): rest for name, rest in rows}


def keys(model: type[Value]) -> set[str]:
    return {field.alias or name for name, field in model.model_fields.items()}


def section(title: str) -> str:
    return PAGE.split(f"\n## {title}\n")[1].split("\n## ")[0]


@pytest.mark.parametrize(
    ("first", "names"),
    [
        ("`at`", set(Point)),
        ("`when`", keys(When)),
        ("`count`", keys(Count)),
        ("`per`", set(Scope)),
        ("`needs`", keys(Needs)),
        ("`expect`", keys(Expectation)),
        ("`tls` | the client meets", set(TlsFault)),
        ("step | what happens", keys(Step)),
        ("id | source", set(entries())),
        ("name | what happens", set(library.names())),
        ("persona | stands for", set(persona.names())),
        ("name | stands for", {f"${{{name}}}" for name in NAMES}),
    ],
)
def test_a_table_names_them_all_and_nothing_else(first: str, names: Iterable[str]) -> None:
    assert set(table(first)) == set(names)


def test_the_table_of_personas() -> None:
    for name, row in table("persona | stands for").items():
        found = persona.find(name)
        assert row.startswith(f"{found.summary} | {len(found.replies)}")


def test_the_table_of_actions() -> None:
    assert set(table("`do` | does")) == set(ACTIONS)


@pytest.mark.parametrize(("title", "model"), [("A scenario", Scenario), ("A rule", Rule)])
def test_the_keys_of_a_part(title: str, model: type[Value]) -> None:
    assert set(re.findall(r"^\| `(\w+)` \|", section(title), re.MULTILINE)) == keys(model)


@pytest.mark.parametrize(
    "word",
    [
        *CloseHow,
        *ListenerHow,
        "lf",
        "cr",
        "crcrlf",
        "none",
        "rate",
        "stop",
        "for: 10s",
        "lie: true",
        "stay: true",
        "uniform",
        "lognormal",
        "max",
        "name",
    ],
)
def test_what_an_action_can_be_told_is_described(word: str) -> None:
    assert word in section("Actions")


@pytest.mark.parametrize("word", ScenarioClass)
def test_the_classes_are_described(word: str) -> None:
    assert f"`{word}`" in table("key")["class"]


def test_every_example_loads() -> None:
    examples = re.findall(r"^```yaml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)

    assert len(examples) >= 3
    for example in examples:
        scenario = loads(example, name="docs/scenarios.md")
        assert scenario.rules or scenario.script


def test_what_is_said_of_the_shipped_ones_is_so() -> None:
    for name, words in table("name | what happens").items():
        code = re.match(r"\d{3}", words)
        if code is not None:
            assert f"reply: {code[0]}" in load(name).rules[0].do[0].describe()


def test_what_is_said_of_the_catalogue_is_so() -> None:
    for name, words in table("id | source").items():
        known = entries()[name]
        code = f"{known.reply.code} {known.reply.enhanced}".strip()
        assert words == f"{known.source} | `{known.point}` | {known.class_} | {code}"
