"""Params: `${wait}` anywhere in a scenario stands for a value that is declared at its top and can be set from outside.

A text that is nothing but `${wait}` becomes the value itself, a number or a boolean too; inside a longer text it is
filled in as it would be written. `${to}` and the other names of `points` are left for the moment when a rule fires, and
so are the named groups of a rule's regular expressions.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from mailtrap_py.scenario.mistakes import Mistake, Path, nearest
from mailtrap_py.scenario.points import NAMES, PLACEHOLDER
from mailtrap_py.scenario.quantities import parse_duration, parse_size
from mailtrap_py.scenario.values import as_text, is_scalar

MOST_VALUES = 20_000
DEEPEST = 40
"""How large and how deep a scenario may be, aliases written out: far beyond any that makes sense."""

_GROUP = re.compile(r"\(\?P<([A-Za-z_][A-Za-z0-9_]*)>")
_INTEGER = re.compile(r"[-+]?[0-9]{1,1000}")
_NUMBER = re.compile(r"[-+]?[0-9]{0,15}(?:\.[0-9]{1,15})?")


def resolve(data: Mapping[str, object], given: Mapping[str, object]) -> tuple[dict[str, object], list[Mistake]]:
    """Put a scenario's params in place, with what was given from outside; they stay among the data, as used.

    Raises `Mistake` when the data is too large to be looked at; all other mistakes are in the list.
    """
    declared = data.get("params")
    mistakes: list[Mistake] = []
    values = dict(_declared(declared, mistakes)) if isinstance(declared, Mapping) else {}
    accepted = _given(values, given, mistakes)
    resolver = _Resolver({**values, **accepted}, data)
    resolved = {key: each if key == "params" else resolver.resolve(each, (key,)) for key, each in data.items()}
    if isinstance(declared, Mapping):
        resolved["params"] = {**values, **accepted}
    for name in accepted:
        if name not in resolver.used:
            cure = f"write ${{{name}}} where it belongs"
            mistakes.append(Mistake(f"nothing in the scenario uses its param {name!r}", cure, ("params", name)))
    return resolved, mistakes + resolver.mistakes


def _declared(declared: Mapping[Any, object], mistakes: list[Mistake]) -> Iterable[tuple[str, object]]:
    for key, value in declared.items():
        name = str(key)
        path = ("params", name)
        if not PLACEHOLDER.fullmatch(f"${{{name}}}"):
            cure = "use letters, digits, '_' and '-'"
            mistakes.append(Mistake(f"{name!r} cannot be the name of a param", cure, path, about_key=True))
        elif name in NAMES:
            problem = f"${{{name}}} is filled in when a rule fires"
            mistakes.append(Mistake(problem, "give the param another name", path, about_key=True))
        elif not is_scalar(value):
            mistakes.append(Mistake(f"the param {name!r} has no value of its own", "write a text or a number", path))
        yield name, value if is_scalar(value) else ""


def _given(values: Mapping[str, object], given: Mapping[str, object], mistakes: list[Mistake]) -> dict[str, object]:
    accepted = {}
    for name, value in given.items():
        if name not in values:
            cure = nearest(name, values) or (f"its params are: {', '.join(values)}" if values else "it has none")
            mistakes.append(Mistake(f"the scenario has no param {name!r}", cure, ("params",), about_key=True))
            continue
        try:
            accepted[name] = like(values[name], value)
        except Mistake as mistake:
            mistakes.append(Mistake(f"the param {name!r}: {mistake.problem}", mistake.cure, ("params", name)))
    return accepted


def like(default: object, value: object) -> object:
    """Read a value as one of the default's kind; on a command line everything is text. Raises `Mistake`."""
    if isinstance(default, bool):
        words = {"true": True, "false": False, True: True, False: False}
        if isinstance(value, bool | str) and value in words:
            return words[value]
        raise Mistake(f"{value!r} is not a yes or no", "write true or false")
    if isinstance(default, int | float):
        return _number_like(default, value)
    text = as_text(value)
    for parse in (parse_duration, parse_size):
        if _reads(parse, default) and not str(default).isdigit():
            parse(value)
    return text


def _reads(parse: Callable[[object], object], value: object) -> bool:
    try:
        parse(value)
    except Mistake:
        return False
    return True


def _number_like(default: float, value: object) -> object:
    whole = type(default) is int
    if isinstance(value, str):
        if _INTEGER.fullmatch(value):
            value = int(value)
        elif value and _NUMBER.fullmatch(value):
            value = float(value)
    if type(value) is int or (type(value) is float and not whole):
        return value
    raise Mistake(f"{value!r} is not a {'whole number' if whole else 'number'}", f"write one, as in {default}")


class _Resolver:
    def __init__(self, values: Mapping[str, object], data: Mapping[str, object]) -> None:
        self.mistakes: list[Mistake] = []
        self.used: set[str] = set()
        self._values = values
        self._data: object = data
        self._left = MOST_VALUES

    def resolve(self, value: object, path: Path) -> object:
        self._left -= 1
        if self._left < 0 or len(path) > DEEPEST:
            raise Mistake(
                "this is too large for a scenario", f"{MOST_VALUES} values, {DEEPEST} deep, are the limit", path
            )
        if isinstance(value, Mapping):
            return {key: self.resolve(each, (*path, key)) for key, each in value.items() if self._is_key(key, path)}
        if isinstance(value, list | tuple):
            return [self.resolve(each, (*path, number)) for number, each in enumerate(value)]
        return self._fill(value, path) if isinstance(value, str) else value

    def _is_key(self, key: object, path: Path) -> bool:
        if isinstance(key, str):
            return True
        self.mistakes.append(Mistake(f"{key!r} is not a key", "write a word", path))
        return False

    def _fill(self, text: str, path: Path) -> object:
        if not text.isascii() and any("\ud800" <= char <= "\udfff" for char in text):
            self.mistakes.append(Mistake("this has half a character in it", "write the whole character", path))
            return ""
        if whole := PLACEHOLDER.fullmatch(text):
            return self._value(whole["name"], path, text)
        return PLACEHOLDER.sub(lambda found: as_text(self._value(found["name"], path, found[0])), text)

    def _groups(self, path: Path) -> frozenset[str]:
        """Collect the named groups of the regular expressions in the rule that the path leads into."""
        rule = self._data
        for part in path[:2] if path[0] == "rules" else ():
            rule = rule[part]  # type: ignore[index]  # the path leads into the data
        return frozenset(_GROUP.findall(str(rule.get("when", "")))) if isinstance(rule, Mapping) else frozenset()

    def _value(self, name: str, path: Path, as_written: str) -> object:
        if name in self._values:
            self.used.add(name)
            if name in self._groups(path):
                problem = f"the param {name!r} is also a named group of a rule"
                self.mistakes.append(Mistake(problem, "give one of them another name", path))
            return self._values[name]
        if name not in NAMES and name not in self._groups(path):
            cure = nearest(name, (*self._values, *NAMES)) or f"declare it: 'params: {{{name}: ...}}'"
            self.mistakes.append(Mistake(f"there is no param {name!r}", cure, path))
        return as_written
