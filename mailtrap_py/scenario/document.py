"""A scenario's text as data, and where each key and value stands; YAML 1.2, read more carefully than most do.

Only `true` and `false` are booleans, a number that would not come out as it was typed (`0450`, `4.10`) stays a text,
and so does a date; a key that stands twice, and a key without a value, are mistakes. Apart from `load` because whoever
has no scenario in a text needs no YAML.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import yaml

from mailtrap_py.errors import ScenarioError
from mailtrap_py.scenario.mistakes import Mistake, Path, Place
from mailtrap_py.scenario.params import DEEPEST, MOST_VALUES

if TYPE_CHECKING:
    from yaml.nodes import MappingNode, Node, ScalarNode

_TAG = "tag:yaml.org,2002:"
_NUMBERS: Mapping[str, Callable[[str], int | float]] = {"int": int, "float": float}
_CURES = (
    ("mapping values are not allowed", "put a text that has ': ' in it in quotes"),
    ("'\\t'", "indent with spaces, not with tabs"),
    ("could not find expected ':'", "write 'key: value', or put the text in quotes"),
    ("expected <block end>", "items and keys that belong together begin in the same column"),
    ("end of stream", "close the quotes"),
    ("'<stream end>'", "close the bracket"),
    ("expected a single document", "leave out the '---' that begins a second one"),
)


class _Composer(yaml.SafeLoader):
    """PyYAML as far as the tree of nodes, with the scalars of YAML 1.2; values are made of it below."""

    depth = 0
    yaml_implicit_resolvers = {}  # noqa: RUF012 - PyYAML's own attribute; emptied, and filled once below

    def compose_node(self, parent: Node | None, index: int) -> Node | None:
        """Compose a node, unless it is so deep that no scenario needs it."""
        self.depth += 1
        if self.depth > DEEPEST:
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]  # types-PyYAML leaves it out
            raise yaml.MarkedYAMLError(problem="this is nested too deeply", problem_mark=mark)
        try:
            return super().compose_node(parent, index)
        finally:
            self.depth -= 1


for _kind, _spelling, _first in (
    ("bool", r"true|false", "tf"),
    ("null", r"~|null|", ["~", "n", ""]),
    ("int", r"-?[0-9]{1,1000}", "-0123456789"),
    ("float", r"-?[0-9]{1,15}(?:\.[0-9]{1,20})?(?:e[-+][0-9]{2,3})?", "-0123456789"),
):
    _Composer.add_implicit_resolver(_TAG + _kind, re.compile(rf"(?:{_spelling})\Z"), list(_first))


class Document:
    """A text as data, and where each of its keys and values stands."""

    def __init__(self, text: str, name: str) -> None:
        """Read it. Raises `ScenarioError` when it is not YAML at all."""
        self.name = name
        self.mistakes: list[Mistake] = []
        self._keys: dict[Path, yaml.Mark] = {}
        self._values: dict[Path, yaml.Mark] = {}
        try:
            node = yaml.compose(text, _Composer)
            self.data = None if node is None else self._value(node, ())
        except yaml.MarkedYAMLError as error:
            raise self._unreadable(error) from None
        except yaml.reader.ReaderError as error:
            line, column = text.count("\n", 0, error.position), error.position - text.rfind("\n", 0, error.position)
            cure = 'write it as an escape in double quotes, as in "\\x1b"'
            raise ScenarioError(
                f"the character {chr(error.character)!r} cannot stand here",
                where=f"{name}:{line + 1}:{column}",
                cure=cure,
            ) from None
        except (ValueError, OverflowError) as error:  # PyYAML lets some through, as for "\UFFFFFFFF"
            raise ScenarioError(f"this cannot be read as YAML: {error}", where=name) from None

    def locate(self, mistake: Mistake) -> Place:
        """Find the place of a mistake, or of the nearest thing around it."""
        path = mistake.path
        mark = self._keys.get(path) if mistake.about_key else None
        while mark is None and path:
            mark = self._values.get(path)
            path = path[:-1]
        mark = mark or self._values.get(())
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        return Place(line, column, f"{self.name}:{line}:{column}")

    def _unreadable(self, error: yaml.MarkedYAMLError) -> ScenarioError:
        problem = ": ".join(filter(None, (error.context, error.problem)))
        cure = next((cure for words, cure in _CURES if words in problem), "")
        mark = error.problem_mark or error.context_mark
        where = f"{self.name}:{mark.line + 1}:{mark.column + 1}" if mark else self.name
        return ScenarioError(problem, where=where, cure=cure)

    def _value(self, node: Node, path: Path) -> object:
        if len(self._values) > MOST_VALUES or len(path) > DEEPEST:
            raise yaml.MarkedYAMLError(problem="this is too large for a scenario", problem_mark=node.start_mark)
        self._values[path] = node.start_mark
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node, path)
        return [self._value(each, (*path, number)) for number, each in enumerate(node.value)]

    def _mapping(self, node: MappingNode, path: Path) -> dict[str, object]:
        data: dict[str, object] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                self.mistakes.append(Mistake("a key is a word", "put texts with brackets in quotes", path))
                continue
            key = key_node.value
            below = (*path, key)
            if key in data:
                lines = f"in line {self._keys[below].line + 1} and in line {key_node.start_mark.line + 1}"
                self._keys[below] = key_node.start_mark
                self.mistakes.append(Mistake(f"{key!r} stands twice, {lines}", "keep one", below, about_key=True))
                continue
            self._keys[below] = key_node.start_mark
            data[key] = self._value(value_node, below)
        return data

    def _scalar(self, node: ScalarNode, path: Path) -> object:
        text: str = node.value
        kind = node.tag.removeprefix(_TAG)
        if kind == "null":
            what = repr(path[-1]) if path and isinstance(path[-1], str) else "this"
            self.mistakes.append(Mistake(f"{what} has no value", "write one, or leave it out", path))
            return None
        if kind == "bool":
            return text == "true"
        if kind in _NUMBERS:
            number = _NUMBERS[kind](text)
            # 4.10 would come out as 4.1, and 0450 as 450: what does not come out as it was typed stays a text.
            return number if str(number) == text else text
        if kind != "str":
            tag = node.tag.replace(_TAG, "!!")
            self.mistakes.append(Mistake(f"the tag {tag!r} means nothing here", "leave it out", path))
        return _joined(text)


def _joined(text: str) -> str:
    """Make one character of two halves, as JSON writes those above U+FFFF; PyYAML leaves them apart."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")
