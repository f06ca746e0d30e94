"""The words typed, and the exit code."""

# ruff: noqa: PLC0415 - the server is imported when one is started, not when somebody asks for help

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from typer.core import TyperCommand

from mailtrap_py.cli.options import Flag, with_settings
from mailtrap_py.errors import SettingError
from mailtrap_py.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mailtrap_py.cli.gauntlet.attempt import Task
    from mailtrap_py.cli.gauntlet.run import Run

_FLAGS = frozenset({"seed", "auth", "users"})
_COMMAND = "mailtrap_py.command"  # where the words after -- are kept meanwhile


class GauntletCommand(TyperCommand):
    """A command with two lists of words: what stands before the first `--` and what stands behind it."""

    def parse_args(self, ctx: typer.Context, args: list[str]) -> list[str]:  # type: ignore[override] # typer's own class is this context's base, and private
        """Put aside what stands behind `--`: the parser would mix it with what stands before."""
        if "--" in args:
            middle = args.index("--")
            ctx.meta[_COMMAND] = tuple(args[middle + 1 :])
            args = args[:middle]
        return super().parse_args(ctx, args)

    def collect_usage_pieces(self, ctx: typer.Context) -> list[str]:  # type: ignore[override] # as above
        """Show in the usage what comes behind `--`."""
        return [*super().collect_usage_pieces(ctx), "-- COMMAND"]


@with_settings(only=_FLAGS)
def gauntlet(  # noqa: PLR0913 - each is a flag
    context: typer.Context,
    selection: Annotated[
        list[str] | None,
        typer.Argument(metavar="SELECTION", show_default=False, help="Scenarios; the whole library if none."),
    ] = None,
    *,
    timeout: Annotated[str, typer.Option(metavar="TIME", help="Stop the command after so long, each time.")] = "30s",
    jobs: Annotated[int, typer.Option(metavar="N", min=1, max=64, help="Run so many scenarios at once.")] = 4,
    require: Annotated[
        str, typer.Option(metavar="honest|robust", help="What makes the exit code 0; see above.")
    ] = "honest",
    junit: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the grades as JUnit XML.")] = None,
    json: Annotated[Path | None, typer.Option(metavar="FILE", help="Write all that is known as JSON.")] = None,
    html: Annotated[Path | None, typer.Option(metavar="FILE", help="Write one page with all conversations.")] = None,
    **flags: Flag,
) -> None:
    """Run a command under every scenario, and grade it each time.

    Each scenario has a trap of its own, on free ports. The command learns from its environment where to send:
    SMTP_HOST, SMTP_PORT, SMTP_URL, MAILTRAP_URL, and to whom: SMTP_TO, several addresses with commas where the
    scenario is about recipients; or from {host}, {port} and {to} in its arguments. SMTP_CA_FILE is the authority to
    trust for TLS. By its exit code the command says whether the mail is sent: 0, or another.

    Some scenarios show only to who sends more: SMTP_MESSAGES messages over one connection, with SMTP_PAUSE seconds
    between them, over SMTP_CONNECTIONS connections at once. A command that sends one message is told that it did not
    meet them.

    A SELECTION is a name, a glob or a file; class:legal, class:seen, class:hostile and at:POINT leave what fits.

    \b
    mailtrap-py gauntlet -- python send.py
    mailtrap-py gauntlet 'lost-*' greylisting -- ./send.sh {host}:{port} {to}
    mailtrap-py gauntlet class:legal at:rcpt --html gauntlet.html -- npm test

    The exit code is 0 when no grade is bad (lost, duplicated, silent, hung, insecure, crashed) and every rule of a
    strict scenario fired; with --require robust, when in class legal all that the scenarios expect holds too; else 1;
    2 when nothing could be tried, as when the command cannot send while nothing is wrong. Four scenarios run at once:
    --jobs 1 for a command that cannot.
    """  # noqa: D301 - \b is a mark of typer's: keep these lines as they are
    from mailtrap_py.cli.console import console
    from mailtrap_py.cli.gauntlet import page, reports, table
    from mailtrap_py.cli.gauntlet.attempt import Task
    from mailtrap_py.cli.gauntlet.choice import choose
    from mailtrap_py.cli.gauntlet.run import Require
    from mailtrap_py.cli.junit import save
    from mailtrap_py.scenario.quantities import parse_duration

    command: tuple[str, ...] = context.meta.get(_COMMAND, ())
    if not command:
        raise typer.BadParameter("write a program and its arguments after --", param_hint="COMMAND")
    try:
        seconds = parse_duration(timeout)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--timeout") from None
    if require not in list(Require):
        raise typer.BadParameter(f"{require!r} is neither honest nor robust", param_hint="--require")
    own = {"host": ["127.0.0.1"], "smtp_port": 0, "smtps_port": 0, "http_port": "off", "store": "sqlite://"}
    settings = Settings.load(flags | own, os.environ)
    chosen = choose(selection or [])
    writers = ((junit, "--junit", reports.as_junit), (json, "--json", reports.as_json), (html, "--html", page.as_html))
    files = [(path, flag, write) for path, flag, write in writers if path is not None]
    for path, flag, _ in files:
        _can_be_written(path, flag)

    tasks = [Task(settings.changed(scenario=each.reference), command, seconds) for each in chosen]
    with table.Progression(len(tasks), console(stderr=True)) as progression:
        faultless = Task(settings.changed(scenario=""), command, seconds)
        runs, code = _run_all(faultless, tasks, jobs, progression.finished)
    outcome = reports.Outcome(
        command=command,
        require=Require(require),
        runs=tuple(sorted(runs, key=lambda run: run.scenario)),
        missing=len(tasks) - len(runs),
    )
    out = console()
    table.tell(outcome.runs, out, outcome.require)
    out.print(outcome.conclusion, style="bold green" if outcome.passed else "bold red")
    for path, flag, write in files:
        save(write(outcome), path, flag)
    if code or not outcome.passed:
        raise typer.Exit(code or 1)


def _can_be_written(path: Path, flag: str) -> None:
    """Find out before minutes have passed."""
    if not path.parent.is_dir() or path.is_dir():
        raise SettingError(f"{flag}: {path} cannot be written", cure="name a file in a folder that is there")


def _run_all(
    faultless: Task, tasks: Sequence[Task], jobs: int, finished: Callable[[Run], None]
) -> tuple[list[Run], int]:
    """Run all; give what came of them and the exit code if somebody interrupted it: then nothing is left running."""
    from mailtrap_py.cli.gauntlet.crew import Crew
    from mailtrap_py.cli.process import terminated_as_interrupted

    runs: list[Run] = []
    try:
        with terminated_as_interrupted(), Crew(min(jobs, len(tasks))) as crew:
            for run in crew.do([faultless]):
                _can_send(run)
            for run in crew.do(tasks):
                runs.append(run)
                finished(run)
    except KeyboardInterrupt:
        return runs, 128 + signal.SIGINT
    except SystemExit as left:
        return runs, int(left.code or 0)
    return runs, 0


def _can_send(run: Run) -> None:
    """Refuse a command that cannot even send when nothing is wrong: its grades would mean nothing."""
    if run.grade != "delivered":
        said = run.output.splitlines()[-1:] or ["it printed nothing"]
        raise SettingError(
            f"the command does not send when nothing is wrong: {run.did}; {said[0]}",
            cure="let it send to SMTP_HOST and SMTP_PORT, or write {host} and {port} in its arguments",
        )
