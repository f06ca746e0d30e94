"""YAML or JSON in, a `Scenario` out; and for whoever wrote it, every mistake at its place, with its cure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path as FilePath
from typing import TypeVar

from pydantic import ValidationError

from mailtrap_py.errors import ScenarioError
from mailtrap_py.scenario import json_schema, library
from mailtrap_py.scenario.diagnosis import diagnose
from mailtrap_py.scenario.mistakes import Mistake, Place, nearest
from mailtrap_py.scenario.model import Rule, Scenario
from mailtrap_py.scenario.params import resolve
from mailtrap_py.scenario.values import Value

LARGEST = 256 * 1024
"""So many octets a file may have: far beyond any that makes sense."""

_Made = TypeVar("_Made", bound=Value)


def load(source: str | FilePath, *, params: Mapping[str, object] | None = None) -> Scenario:
    """Load a shipped scenario by its name, or a file by its path (it has a slash, or ends in .yaml, .yml or .json).

    `params` replace those of the file, each by one of the same kind. Raises `ScenarioError`.
    """
    shipped = isinstance(source, str) and not re.search(r"[/\\]|\.(?:ya?ml|json)\Z", source)
    path = library.path_of(str(source)) if shipped else FilePath(source)
    name = path.name if shipped else str(source)
    try:
        with path.open("rb") as file:
            octets = file.read(LARGEST + 1)
        text = "" if len(octets) > LARGEST else octets.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ScenarioError("this is not UTF-8", where=name, cure="save it as UTF-8") from error
    except OSError as error:
        cure = nearest(path.stem, library.names()) if not shipped else ""
        raise ScenarioError(f"it cannot be read: {error.strerror or error}", where=name, cure=cure) from error
    if len(octets) > LARGEST:
        raise _too_large(name)
    return _load_text(text, name, path.stem, params)


def loads(text: str, *, name: str = "<text>", params: Mapping[str, object] | None = None) -> Scenario:
    """Load a scenario from YAML or JSON; `name` is what mistakes are reported under. Raises `ScenarioError`."""
    return _load_text(text, name, "", params)


def from_data(data: Mapping[str, object], *, params: Mapping[str, object] | None = None) -> Scenario:
    """Make a scenario of plain data, as JSON gives it. Raises `ScenarioError`."""
    return _make(Scenario, data, params or {}, _path_in_words)


def make_rule(data: Mapping[str, object]) -> Rule:
    """Make one rule of plain data; without an id it gets one when it is added. Raises `ScenarioError`."""
    return _make(Rule, data, {}, _path_in_words)


def schema() -> dict[str, object]:
    """Describe a scenario file as JSON Schema 2020-12, for editors and for whoever writes files by program."""
    return json_schema.of(Scenario)


def _too_large(name: str) -> ScenarioError:
    return ScenarioError("this is too large for a scenario", where=name, cure=f"{LARGEST} octets are the limit")


_Locate = Callable[[Mistake], Place]


def _load_text(text: str, name: str, stem: str, params: Mapping[str, object] | None) -> Scenario:
    from mailtrap_py.scenario.document import Document  # noqa: PLC0415 - yaml is for who has a scenario in a text

    if len(text) > LARGEST:
        raise _too_large(name)
    document = Document(text, name)
    if stem and isinstance(document.data, dict):
        document.data.setdefault("name", stem)
    return _make(Scenario, document.data, params or {}, document.locate, document.mistakes)


def _make(
    model: type[_Made], data: object, given: Mapping[str, object], locate: _Locate, known: Iterable[Mistake] = ()
) -> _Made:
    """Fill in the params, let pydantic read the rest, and report everything that anybody found."""
    found = list(known)
    if not isinstance(data, Mapping):
        problem = "there is nothing here" if data is None else f"a {model.__name__.lower()} is a mapping"
        found.append(Mistake(problem, "write 'key: value' lines"))
        raise _report(found, locate)
    try:
        resolved, mistakes = resolve(data, given)
    except Mistake as mistake:
        raise _report([*found, mistake], locate) from None
    found += mistakes
    made: _Made | None = None
    try:
        made = model.model_validate(resolved, by_alias=True, by_name=False)
    except ValidationError as error:
        found += [new for new in diagnose(error, model, resolved) if not any(_follows(new, old) for old in found)]
    if made is None or found:
        raise _report(found, locate)
    return made


def _follows(new: Mistake, old: Mistake) -> bool:
    """Tell whether a mistake may be there only because of another: in the same value, or in what that is a part of."""
    return new.path[: len(old.path)] == old.path or new.path == old.path[:-1]


def _report(mistakes: Iterable[Mistake], locate: _Locate) -> ScenarioError:
    """Make one error of all: one mistake a line, in the order of the file, each at its place."""
    found = sorted(((locate(mistake), mistake) for mistake in mistakes), key=lambda each: each[0][:2])
    (place, first), *others = found
    if not others:
        return ScenarioError(first.problem, where=place.words, cure=first.cure)
    lines = [str(first), *(f"{place.words}: {mistake}".removeprefix(": ") for place, mistake in others)]
    return ScenarioError("\n".join(lines), where=place.words)


def _path_in_words(mistake: Mistake) -> Place:
    """Write a path as in `rules[0].do[1].reply`, for data that has no lines."""
    words = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in mistake.path)
    return Place(0, 0, words.lstrip("."))
