"""`mailtrap-py scenario`: what can go wrong, how it is written, and whether a file of one's own is written well."""

# ruff: noqa: PLC0415 - each command imports what it needs, so that asking for help costs nothing

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from mailtrap_py.errors import ScenarioError

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="List, show and check scenarios.")


@app.command("list")
def list_() -> None:
    """List what can go wrong: the scenarios of the library."""
    from rich.table import Table

    from mailtrap_py.cli.console import console
    from mailtrap_py.scenario import load
    from mailtrap_py.scenario.library import names

    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    table.add_column("scenario", no_wrap=True)
    table.add_column("class", no_wrap=True)
    table.add_column("what the client meets")
    for name in names():
        scenario = load(name)
        table.add_row(name, scenario.class_, scenario.summary)
    console().print(table)


@app.command()
def show(name: Annotated[str, typer.Argument(help="Name of a scenario of the library.", metavar="NAME")]) -> None:
    """Print a scenario, to read it or to change a copy.

    \b
    mailtrap-py scenario show greylisting > mine.yaml
    mailtrap-py scenario check mine.yaml
    mailtrap-py --scenario mine.yaml
    """  # noqa: D301 - \b is a mark of typer's: keep these lines as they are
    from mailtrap_py.scenario.library import path_of

    typer.echo(path_of(name).read_text("utf-8"), nl=False)


@app.command()
def check(
    files: Annotated[list[str], typer.Argument(help="Scenario files, or names of the library.", metavar="FILE")],
) -> None:
    """Check scenario files, and show every mistake.

    Each mistake is one line, FILE:LINE:COLUMN and what to write instead. The exit code is 1 when there is any.
    """
    from mailtrap_py.scenario import load

    failed = False
    for file in files:
        try:
            scenario = load(Path(file) if Path(file).exists() else file)
        except ScenarioError as error:
            failed = True
            typer.echo(f"{error.problem}: {error.cure}" if error.cure else error.problem)
        else:
            rules, expectations = _many(len(scenario.rules), "rule"), _many(len(scenario.expect), "expectation")
            typer.echo(f"{file}: ok, {rules}, {expectations}")
    if failed:
        raise typer.Exit(1)


@app.command()
def schema() -> None:
    """Print the JSON Schema of scenario files, for editors."""
    from mailtrap_py.scenario import schema as schema_of_files

    typer.echo(json.dumps(schema_of_files(), indent=2))


def _many(number: int, thing: str) -> str:
    return f"{number} {thing}{'' if number == 1 else 's'}"
