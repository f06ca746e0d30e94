"""Where tables are printed: as wide as the terminal, or wide enough for every line when nobody looks."""

from __future__ import annotations

from rich.console import Console

_FOR_PROGRAMS = 500  # columns: what is piped is cut up by line, so no line may be folded


def console(*, stderr: bool = False) -> Console:
    """Give a console that prints texts as they are: no markup, no colours but ours, no tabs of its own making."""
    made = Console(stderr=stderr, highlight=False, markup=False, emoji=False)
    if not made.is_terminal:
        made.width = _FOR_PROGRAMS
    return made
