"""What pydantic found, in the words of the scenario: which key of which part, where it stands, what it should be."""

from __future__ import annotations

import re
from collections.abc import Container, Iterator, Mapping
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, get_args

from pydantic import BaseModel, ValidationError

from mailtrap_py.scenario.action import Action
from mailtrap_py.scenario.actions import ACTIONS
from mailtrap_py.scenario.counting import Count
from mailtrap_py.scenario.match import When
from mailtrap_py.scenario.mistakes import Mistake, Mistakes, Path, nearest, unknown_key
from mailtrap_py.scenario.waits import WAITS

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

Models = tuple[type[BaseModel], ...]

_QUOTED = re.compile(r"'([^']*)'")
_BOUNDS = {"greater_than": "gt", "greater_than_equal": "ge", "less_than": "lt", "less_than_equal": "le"}
_BOUND_WORDS = {"gt": "more than", "ge": "at least", "lt": "less than", "le": "at most"}
_KINDS = {
    "bool_type": ("true or false", "write true or false, without quotes"),
    "int_type": ("a whole number", "write one, without quotes"),
    "float_type": ("a number", "write one, without quotes"),
    "finite_number": ("a number", "write one that ends"),
    "tuple_type": ("a list", "begin each item with '- '"),
    "model_type": ("a mapping", "write 'key: value' in it"),
    "dict_type": ("a mapping", "write 'key: value' in it"),
    "string_pattern_mismatch": ("a name", "use letters, digits, '_', '-' and '.', a letter or digit first"),
    "string_too_short": ("a text", "write something"),
    "too_short": ("enough", "write at least one"),
}


def diagnose(error: ValidationError, root: type[BaseModel], data: object) -> list[Mistake]:
    """Put each error into words, its path being one that exists in the data."""
    errors = error.errors(include_url=False)
    unknown = {details["loc"] for details in errors if details["type"] == "extra_forbidden"}
    return [
        found
        for details in errors
        if not _follows_from_another(details, unknown)
        for found in _explain(details, root, data)
    ]


def _follows_from_another(details: ErrorDetails, unknown: set[tuple[str | int, ...]]) -> bool:
    """Tell what pydantic says because of something else that it says too."""
    if details["type"] == "too_short":
        return bool(details["input"])  # items were wrong, and do not count
    if details["type"] == "missing":
        *place, key = details["loc"]
        return any(_is_meant(str(key), str(written)) for *where, written in unknown if where == place)
    return False


def _is_meant(key: str, written: str) -> bool:
    return (key, written) == ("at", "on") or bool(get_close_matches(written, [key]))


def _explain(details: ErrorDetails, root: type[BaseModel], data: object) -> Iterator[Mistake]:
    location = details["loc"]
    path = _path_in(data, location)
    cause = details.get("ctx", {}).get("error")
    if isinstance(cause, Mistakes):
        yield from (mistake.below(path) for mistake in cause.found)
    elif isinstance(cause, Mistake):
        yield cause.below(path)
    elif details["type"] == "extra_forbidden":
        yield _unknown(str(location[-1]), location[:-1], path[:-1], root)
    elif details["type"] == "missing":
        owner = _owner(location[:-1], root)
        yield Mistake(f"{owner} has no {str(location[-1])!r}", f"write '{location[-1]}: ...'", path)
    else:
        key = next((part for part in reversed(path) if isinstance(part, str)), "")
        problem, cure = _wrong_value(details, key, _value_at(data, path))
        yield Mistake(problem, cure, path)


def _value_at(data: object, path: Path) -> object:
    """Find what was written; pydantic may have read some of it already."""
    for part in path:
        data = data[part]  # type: ignore[index]  # the path exists in the data
    return data


def _wrong_value(details: ErrorDetails, key: str, value: object) -> tuple[str, str]:
    kind, context = details["type"], details.get("ctx", {})
    shown = _shown(value)
    if kind in {"enum", "literal_error"}:
        choices = _QUOTED.findall(str(context["expected"])) or ["true"]
        either = f"write one of {', '.join(choices)}" if len(choices) > 1 else f"write {choices[0]}"
        return f"{shown} is none of the values of {key!r}", f"{nearest(str(value), choices)} {either}".strip()
    if bound := _BOUNDS.get(kind):
        return f"{shown} is out of range", f"write {_BOUND_WORDS[bound]} {context[bound]:g}"
    if kind in {"value_error", "wait"}:
        return str(context.get("error", details["msg"])), ""
    expected, cure = _KINDS.get(kind, (f"what is wanted ({details['msg']})", ""))
    return f"{shown} is not {expected}", cure


def _shown(value: object) -> str:
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, list | tuple):
        return "a list" if value else "an empty list"
    if isinstance(value, bool):
        return "true" if value else "false"
    return "nothing" if value is None else repr(value)


def _unknown(key: str, location: tuple[Any, ...], path: Path, root: type[BaseModel]) -> Mistake:
    models = _models_at(location, root)
    known = [field.alias or name for model in models for name, field in model.model_fields.items()]
    owner = _owner(location, root)
    return unknown_key(key, owner, known, (*path, key), _hint(key, owner))


def _hint(key: str, owner: str) -> str:
    """Say where a key belongs that stands one level too high or too low."""
    if owner == "a rule":
        if key == "on":
            return "write 'at:'; YAML takes a bare 'on' for true."
        homes = {"when": _keys(When), "count": _keys(Count), "do": ACTIONS}
        return next((f"'{key}' stands under '{home}'." for home, keys in homes.items() if key in keys), "")
    if key == "optional" and owner == "'count'":
        return "'optional' stands in the rule itself."
    return ""


def _keys(model: type[BaseModel]) -> list[str]:
    return [field.alias or name for name, field in model.model_fields.items()]


def _owner(location: tuple[Any, ...], root: type[BaseModel]) -> str:
    """Name the part of a scenario in which a key is wrong."""
    words = [part for part in location if isinstance(part, str)]
    if not words:
        return f"a {root.__name__.lower()}"
    if words == ["rules"]:
        return "a rule"
    return f"{words[-1]!r}"


def _models_at(location: tuple[Any, ...], root: type[BaseModel]) -> Models:
    """Follow the location through the fields of the models: those that the value there could be."""
    models: Models = (root,)
    for part in location:
        if any(issubclass(model, Action) for model in models) and part in ACTIONS and len(models) > 1:
            models = (ACTIONS[part],)
            continue
        below = [
            found
            for model in models
            for name, field in model.model_fields.items()
            if part == (field.alias or name)
            for found in _models_in(field.annotation)
        ]
        models = tuple(dict.fromkeys(below)) or models
    return models


def _models_in(annotation: object) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _models_in(part)


def _path_in(data: object, location: tuple[Any, ...]) -> Path:
    """Leave out of a location what pydantic put in: the names of alternatives, and positions in a list of one."""
    path: list[str | int] = []
    for number, part in enumerate(location):
        if _names_an_alternative(part, location[:number]):
            continue
        if part in _keys_of(data):
            data = data[part]  # type: ignore[index]  # it has this key
            path.append(part)
    return tuple(path)


def _keys_of(data: object) -> Container[object]:
    return range(len(data)) if isinstance(data, list) else data.keys() if isinstance(data, Mapping) else ()


def _names_an_alternative(part: object, before: tuple[Any, ...]) -> bool:
    in_do = before[-2:-1] == ("do",) and isinstance(before[-1], int) and part in ACTIONS
    return in_do or (before[-2:] == ("delay", "delay") and part in WAITS)
