"""The command line. Thin: it reads flags, builds settings, calls, and says what happened in words.

- `options` makes flags of the settings.
- `serve` runs a trap until it is told to stop; it is what `mailtrap-py` alone does.
- `run` starts a trap, runs a command against it and judges the command.
- `gauntlet` does so under every scenario, and grades the command.
- `scenario` lists, shows and checks scenarios.
- `check` talks to a mail server, and tells what it says.
- `explain` says what a reply code means.

Exit codes: 0 all went well, 1 a verdict failed or a file has errors, 2 the program was told something it cannot do.
"""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from mailtrap_py import __version__
from mailtrap_py.cli import check, explain, run, scenario, serve
from mailtrap_py.cli.gauntlet import GauntletCommand, gauntlet
from mailtrap_py.errors import MailtrapError

USAGE = 2

app = typer.Typer(
    name="mailtrap-py",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
app.command()(serve.serve)
app.command()(run.run)
app.command(cls=GauntletCommand)(gauntlet)
app.command()(check.check)
app.command()(explain.explain)
app.add_typer(scenario.app, name="scenario")


def _print_version(asked: bool) -> None:  # noqa: FBT001 - a callback of typer, called by position
    if asked:
        typer.echo(f"mailtrap-py {__version__}")
        raise typer.Exit


@app.callback()
def mailtrap_py(
    *,
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Catch all mail that an application sends, show it, and fail as real mail servers fail.

    \b
    mailtrap-py                              start it: SMTP 1025, page 8025
    mailtrap-py --scenario greylisting       the same, and something goes wrong
    mailtrap-py run greylisting -- ./send    judge a program by how it takes it
    mailtrap-py gauntlet -- ./send           the same under every scenario
    mailtrap-py scenario list                what can go wrong
    mailtrap-py check smtp.example.com:587   what a server says, step by step
    mailtrap-py explain "550 5.7.1"          what a reply means

    Without a command, serve is meant: 'mailtrap-py --smtp-port 2525' is 'mailtrap-py serve --smtp-port 2525'.
    """  # noqa: D301 - \b is a mark of typer's: keep these lines as they are


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and leave with its exit code. `arguments` are those of the process if not given."""
    words = sys.argv[1:] if arguments is None else arguments
    if not words or (words[0].startswith("-") and words[0] not in {"-h", "--help", "--version"}):
        words = ["serve", *words]
    try:
        app(words, prog_name="mailtrap-py")
    except MailtrapError as error:
        typer.echo(f"mailtrap-py: {error.problem}", err=True)
        if error.cure:
            typer.echo(error.cure, err=True)
        raise SystemExit(USAGE) from None
