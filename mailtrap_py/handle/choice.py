"""Which scenarios of the library a test is run under, in the words of `mailtrap-py gauntlet`."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase

from mailtrap_py.events import Point
from mailtrap_py.scenario import ScenarioClass, load
from mailtrap_py.scenario.library import names, path_of

_FACETS: dict[str, frozenset[str]] = {"class": frozenset(ScenarioClass), "at": frozenset(Point)}


def select(words: Sequence[str]) -> tuple[str, ...]:
    """Give the names that are meant, sorted: names and globs are added up, `class:` and `at:` leave what fits.

    Without a name or a glob, all. Raises `ValueError` for a facet that is none and for a choice that leaves nothing,
    `ScenarioError` for a name that is none.
    """
    facets: dict[str, set[str]] = {}
    named: list[str] = []
    for word in words:
        facet, colon, value = word.partition(":")
        if colon and facet in _FACETS:
            if value not in _FACETS[facet]:
                message = f"there is no {word}: write one of {', '.join(sorted(_FACETS[facet]))}"
                raise ValueError(message)
            facets.setdefault(facet, set()).add(value)
        elif any(mark in word for mark in "*?["):
            named += [name for name in names() if fnmatchcase(name, word)]
        else:
            path_of(word)  # raises, with the nearest name
            named.append(word)
    some = len(words) > sum(map(len, facets.values()))
    found = sorted(name for name in set(named if some else names()) if _fits(name, facets))
    if not found:
        message = f"no scenario is meant by {' '.join(words)}: 'mailtrap-py scenario list' shows them"
        raise ValueError(message)
    return tuple(found)


def _fits(name: str, facets: dict[str, set[str]]) -> bool:
    if not facets:
        return True  # so that nothing is loaded for a name alone
    scenario = load(name)
    points = {str(point) for rule in scenario.rules for point in rule.at}
    return ("class" not in facets or scenario.class_ in facets["class"]) and (
        "at" not in facets or not facets["at"].isdisjoint(points)
    )
