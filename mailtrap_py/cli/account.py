"""The account of a trial, for people: what the program did, what the rules did, and the verdict."""

from __future__ import annotations

import shlex
import textwrap
from collections.abc import Iterator
from typing import TYPE_CHECKING

from rich.text import Text

from mailtrap_py.events import Outcome
from mailtrap_py.scenario.verdict import Grade

if TYPE_CHECKING:
    from rich.console import Console

    from mailtrap_py.cli.trial import Trial
    from mailtrap_py.events import Firing, Reply, Transaction
    from mailtrap_py.scenario.evidence import Evidence, Session

_Row = tuple[str, str, str]  # when, what, style


def tell(trial: Trial, console: Console) -> None:
    """Print the account of a trial. What would move a terminal's cursor is shown as an escape: clients wrote it."""

    def say(text: str, style: str = "", *, indent: int = 2) -> None:
        visible = "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)
        lines = textwrap.wrap(visible, console.width, subsequent_indent=" " * indent, break_on_hyphens=False)
        console.print(Text("\n".join(lines), style=style))

    say(f"{trial.scenario.name}, seed {trial.seed}", "bold")
    say(f"{shlex.join(trial.command)}: {trial.finished}")
    if trial.scenario.begin is not None:
        say(f"from the beginning: {trial.scenario.begin.describe()}", "yellow")
    for when, what, style in _happenings(trial.evidence):
        say(f"{when:>8} {what}", style, indent=11)
    for state in trial.rules:
        fired = f"fired {state.fired} time{'' if state.fired == 1 else 's'}"
        what = fired if state.fired else f"never fired: {state.nearest_miss}"
        say(f"rule {state.rule.id} {what}", "red" if state in trial.unfired else "")
    for result in trial.verdict.results:
        for number, line in enumerate(str(result).splitlines()):
            say(line, "" if result.passed or number else "red", indent=4)
    if grade := trial.verdict.grade:
        say(f"grade: {grade}: {grade.meaning}", "red" if grade.bad else "")
    say(conclusion(trial), "bold green" if trial.passed else "bold red")


def conclusion(trial: Trial) -> str:
    """Say in one line how it went, and why."""
    results = trial.verdict.results
    failures = len(trial.verdict.failures)
    reasons = []
    if trial.finished.timed_out:
        reasons.append("the command did not end in time")
    elif trial.verdict.grade is Grade.CRASHED:
        reasons.append(f"the command crashed ({trial.finished})")
    if not trial.met:
        takes = trial.scenario.needs.describe()
        reasons.append(f"the client never came to where the server fails{f': it takes {takes}' if takes else ''}")
    if failures:
        reasons.append(f"{failures} of {len(results)} expectations failed")
    if trial.unfired:
        reasons.append(f"the scenario is strict, and {', '.join(state.rule.id for state in trial.unfired)} never fired")
    if trial.passed:
        grade = trial.verdict.grade
        if grade and grade.bad:
            reasons.append(f"nothing is expected that would forbid {grade}")
        return "; but ".join(["passed", *reasons])
    return f"FAILED: {'; '.join(reasons)}"


def _happenings(evidence: Evidence) -> Iterator[_Row]:
    """Go through the sessions; below each what rules did and what became of its transactions, in the order of time."""
    if not evidence.sessions:
        yield "", "no client connected", "yellow"
    for session in evidence.sessions:
        started = session.started
        yield evidence.when(started.clock), _headline(session), ""
        below = [(firing.clock, *_firing(firing)) for firing in evidence.firings if firing.session_id == started.id]
        below += [(each.ended_clock, *_transaction(each)) for each in session.transactions]
        for clock, what, style in sorted(below):
            yield evidence.when(clock), f"  {what}", style


def _headline(session: Session) -> str:
    started, known = session.started, session.updated
    facts = [f"session {started.number} from {started.client}:{started.client_port}"]
    if known is not None:
        facts += [known.tls_version, f"as {known.user}" if known.user else ""]
    facts.append(str(session.ending or "still open"))
    return ", ".join(filter(None, facts)) + (
        f" ({session.ended.reason})" if session.ended and session.ended.reason else ""
    )


def _firing(firing: Firing) -> tuple[str, str]:
    return _one_line(f"rule {firing.rule} at {firing.point}: {'; '.join(firing.actions)}"), "yellow"


def _transaction(transaction: Transaction) -> tuple[str, str]:
    """Say what became of it. A reply that a rule gave is told with the rule; of others the words are told here."""
    accepted = ", ".join(each.address for each in transaction.recipients if each.accepted)
    what = f"{transaction.reverse_path or '<>'} -> {accepted or 'nobody'}: {transaction.outcome}"
    if refused := [each for each in transaction.recipients if not each.accepted]:
        what += f"; refused {', '.join(f'{each.address} ({_reply(each.reply, each.rule)})' for each in refused)}"
    if transaction.outcome == Outcome.ACCEPTED:
        return _one_line(what + ("" if transaction.acknowledged else ", but the client was not told")), "green"
    if transaction.reply is not None and (accepted or not refused):
        what += f", {_reply(transaction.reply, transaction.rule)}"
    if transaction.reason:
        what += f", {transaction.reason}"
    return _one_line(what), "red"


def _reply(reply: Reply, rule: str) -> str:
    return str(reply.code if rule else reply)


def _one_line(text: str) -> str:
    return " / ".join(text.splitlines())
