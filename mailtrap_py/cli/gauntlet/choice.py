"""Which scenarios are meant: names, globs and files are added up; `class:` and `at:` then leave only what fits."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

from mailtrap_py.errors import SettingError
from mailtrap_py.events import Point
from mailtrap_py.scenario import Scenario, ScenarioClass, load
from mailtrap_py.scenario.library import names, path_of
from mailtrap_py.scenario.mistakes import nearest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


@dataclass(frozen=True, slots=True)
class Chosen:
    """A scenario to run, and what `--scenario` would be."""

    reference: str
    scenario: Scenario


def choose(words: Iterable[str]) -> tuple[Chosen, ...]:
    """Find what is meant, sorted by name; the whole library if nothing is named. Every scenario is loaded here.

    Raises `SettingError` for a word that means nothing and for a choice that leaves nothing; `ScenarioError` for a file
    that cannot be loaded.
    """
    facets: dict[str, set[str]] = {"class": set(), "at": set()}
    named: list[str] = []
    some = False
    for word in words:
        facet, colon, value = word.partition(":")
        if colon and facet in facets:
            facets[facet].add(_known(value, facet))
        else:
            some = True
            named += _named(word)
    found = [_chosen(reference) for reference in dict.fromkeys(named if some else names())]
    kept = [each for each in found if _fits(each.scenario, facets)]
    if not kept:
        raise SettingError(f"no scenario is meant by {' '.join(words)}", cure="mailtrap-py scenario list shows them")
    return tuple(sorted(kept, key=lambda each: each.scenario.name))


def _known(value: str, facet: str) -> str:
    known = [*(ScenarioClass if facet == "class" else Point)]
    if value not in known:
        raise SettingError(f"there is no {facet}:{value}", cure=nearest(value, known) or f"one of {', '.join(known)}")
    return value


def _named(word: str) -> Iterator[str]:
    """Give what a word stands for: a file, the names that a glob fits, or a name."""
    if "/" in word or word.endswith((".yaml", ".yml")):
        yield word
    elif any(mark in word for mark in "*?["):
        yield from (name for name in names() if fnmatchcase(name, word))
    else:
        path_of(word)  # raises, with the nearest name
        yield word


def _chosen(reference: str) -> Chosen:
    scenario = load(Path(reference) if "/" in reference or "." in reference else reference)
    return Chosen(reference, scenario)


def _fits(scenario: Scenario, facets: dict[str, set[str]]) -> bool:
    points = {point for rule in scenario.rules for point in rule.at}
    return (not facets["class"] or scenario.class_ in facets["class"]) and (
        not facets["at"] or not facets["at"].isdisjoint(points)
    )
