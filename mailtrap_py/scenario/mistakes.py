"""What an author can get wrong, as values that carry their place: collected, and turned into one `ScenarioError`."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

Path = tuple[str | int, ...]
"""Where in a scenario: keys and positions from the top, as in `("rules", 0, "do", 1, "reply")`."""


class Mistake(ValueError):
    """One thing that is wrong: `problem` in plain words, `cure` what to write instead, `path` where, as far as known.

    A validator raises it with the path relative to the value it was given.
    """

    def __init__(self, problem: str, cure: str = "", path: Path = ()) -> None:
        """Keep the three; the text is that of the error on one line."""
        super().__init__(f"{problem}: {cure}" if cure else problem)
        self.problem = problem
        self.cure = cure
        self.path = path

    def below(self, path: Path) -> Mistake:
        """Give the same mistake, seen from further up."""
        return Mistake(self.problem, self.cure, path + self.path)


class Mistakes(ValueError):
    """Several at once, because an author wants to hear of all of them."""

    def __init__(self, found: Iterable[Mistake]) -> None:
        """Keep them in their order."""
        self.found = tuple(found)
        super().__init__("; ".join(map(str, self.found)))


def nearest(word: str, choices: Iterable[str]) -> str:
    """Ask `did you mean 'when'?`, or nothing when no choice is near."""
    spelt = {choice.casefold(): choice for choice in choices}
    found = difflib.get_close_matches(word.casefold(), spelt, n=1)
    return f"did you mean {spelt[found[0]]!r}?" if found else ""
