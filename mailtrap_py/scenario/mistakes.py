"""What an author can get wrong, as values that carry their place: collected, and turned into one `ScenarioError`."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import NamedTuple

Path = tuple[str | int, ...]
"""Where in a scenario: keys and positions from the top, as in `("rules", 0, "do", 1, "reply")`."""


class Place(NamedTuple):
    """Where in a text: as numbers to sort by, and in words."""

    line: int
    column: int
    words: str


_SHORT = 3
_CLOSE, _CLOSE_IF_SHORT = 0.6, 0.5


class Mistake(ValueError):  # noqa: N818 - a mistake of the author, found and named; no error of this program
    """One thing that is wrong: `problem` in plain words, `cure` what to write instead, `path` where, as far as known.

    A validator raises it with the path relative to the value it was given. `about_key` says that the last key of the
    path is what is wrong, and not what stands after it.
    """

    def __init__(self, problem: str, cure: str = "", path: Path = (), *, about_key: bool = False) -> None:
        """Keep them; the text is that of the error on one line."""
        super().__init__(f"{problem}; {cure}" if cure else problem)
        self.problem = problem
        self.cure = cure
        self.path = path
        self.about_key = about_key

    def below(self, path: Path) -> Mistake:
        """Give the same mistake, seen from further up."""
        return Mistake(self.problem, self.cure, path + self.path, about_key=self.about_key)


class Mistakes(ValueError):  # noqa: N818 - as above
    """Several at once, because an author wants to hear of all of them."""

    def __init__(self, found: Iterable[Mistake]) -> None:
        """Keep them in their order."""
        self.found = tuple(found)
        super().__init__("\n".join(map(str, self.found)))


def nearest(word: str, choices: Iterable[str]) -> str:
    """Ask `did you mean 'when'?`, or nothing when no choice is near."""
    spelt = {choice.casefold(): choice for choice in choices}
    # In a short word one wrong letter is a large part of it.
    cutoff = _CLOSE_IF_SHORT if len(word) <= _SHORT else _CLOSE
    found = difflib.get_close_matches(word.casefold(), spelt, n=1, cutoff=cutoff)
    return f"did you mean {spelt[found[0]]!r}?" if found else ""


def unknown_key(key: str, owner: str, known: Iterable[str], path: Path, hint: str = "") -> Mistake:
    """Say of a key that `owner` ('a rule') has no such thing, what was meant, and what it has."""
    known = tuple(known)
    has = f"{owner[:1].upper()}{owner[1:]} has: {', '.join(known)}"
    cure = " ".join(filter(None, (hint or nearest(key, known), has)))
    return Mistake(f"unknown key {key!r} in {owner}", cure, path, about_key=True)
