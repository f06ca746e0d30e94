"""The account of a gauntlet on the terminal: how far it is, then a row for each scenario, and the totals."""

from __future__ import annotations

import textwrap
from collections import Counter
from typing import TYPE_CHECKING, Self

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

from mailtrap_py.cli.gauntlet.run import NOT_MET
from mailtrap_py.scenario import ScenarioClass

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from types import TracebackType

    from rich.console import Console

    from mailtrap_py.cli.gauntlet.run import Require, Run

_WIDE = 140  # columns from which on the reason has room in its row


class Progression:
    """Shows how far it is: a bar on a terminal, else one line for each scenario that is finished."""

    def __init__(self, total: int, console: Console) -> None:
        """Say how many there will be, and where to show it."""
        self._console = console
        self._done, self._total = 0, total
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._task = self._bar.add_task("begins", total=total)

    def __enter__(self) -> Self:
        """Show the bar."""
        self._bar.start()
        return self

    def __exit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        """Take the bar away."""
        self._bar.stop()

    def finished(self, run: Run) -> None:
        """Show that one more is finished."""
        self._done += 1
        self._bar.update(self._task, advance=1, description=f"{run.scenario}: {run.word}"[:40])
        if not self._console.is_terminal:
            self._console.print(f"[{self._done}/{self._total}] {run.scenario}: {run.word}")


def tell(runs: Sequence[Run], console: Console, require: Require) -> None:
    """Print a row for each scenario: its grade, its name, what the client did, and why that is its grade."""
    width = max((len(run.scenario) for run in runs), default=0)
    for run in runs:
        grade = (f"{run.word:<10}", style_of(run, require))
        row = Text.assemble(grade, f"  {run.scenario:<{width}}  {run.did}")
        if console.width >= _WIDE:
            console.print(row + Text(f"{'':<{max(0, 26 - len(run.did))}}  {run.why}"))
            continue
        console.print(row)
        if not run.passed or run.bad or not run.met:
            console.print(Text(textwrap.fill(run.why, console.width, initial_indent=_UNDER, subsequent_indent=_UNDER)))
    if runs:
        console.print()
    for line in totals(runs):
        console.print(line)


_UNDER = " " * 12  # below the name of the scenario


def style_of(run: Run, require: Require) -> str:
    """Give the colour of a row."""
    if run.falls_short(require):
        return "bold red"
    if run.word == NOT_MET:
        return "dim"
    return "green" if run.passed else "yellow"


def totals(runs: Sequence[Run]) -> Iterator[str]:
    """Count the grades in each class."""
    for class_, counts in count(runs).items():
        yield f"{class_:<8}{sum(counts.values()):>4}: " + ", ".join(f"{n} {word}" for word, n in counts.most_common())


def count(runs: Iterable[Run]) -> dict[ScenarioClass, Counter[str]]:
    """Count the grades in each class that has any."""
    counts: dict[ScenarioClass, Counter[str]] = {class_: Counter() for class_ in ScenarioClass}
    for run in runs:
        counts[run.class_][run.word] += 1
    return {class_: counter for class_, counter in counts.items() if counter}


def conclusion(runs: Sequence[Run], require: Require, *, missing: int = 0) -> str:
    """Say in one line how it went. `missing` scenarios were not run, because somebody interrupted it."""
    short = [run for run in runs if run.falls_short(require)]
    bad = sum(run.bad for run in short)
    reasons = [f"interrupted, {missing} not run"] if missing else []
    if bad:
        reasons.append(f"{bad} bad grade{'' if bad == 1 else 's'}")
    strict = sum(bool(run.unfired) and not run.bad for run in short)
    if strict:
        reasons.append(f"in {strict} that {'is' if strict == 1 else 'are'} strict a rule never fired")
    if len(short) > bad + strict:
        reasons.append(f"in {len(short) - bad - strict} of class legal the client did not do all that is expected")
    if reasons:
        return f"FAILED ({require}): {'; '.join(reasons)}"
    return f"passed ({require}): {len(runs)} scenario{'' if len(runs) == 1 else 's'}"
