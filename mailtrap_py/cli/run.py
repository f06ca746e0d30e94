"""`mailtrap-py run`: a program sends mail to a trap that fails as a scenario says, and is judged by what it did."""

# ruff: noqa: PLC0415 - the server is imported when one is started, not when somebody asks for help

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Annotated

import typer

from mailtrap_py.cli.options import Flag, with_settings
from mailtrap_py.settings import Settings

_FLAGS = frozenset({"store", "params", "seed", "clock", "upstream", "auth", "users"})


@with_settings(only=_FLAGS)
def run(
    scenario: Annotated[str, typer.Argument(metavar="SCENARIO", help="A scenario of the library, or a YAML file.")],
    command: Annotated[list[str], typer.Argument(metavar="COMMAND", help="The program and its arguments, after --.")],
    timeout: Annotated[str, typer.Option(metavar="TIME", help="Stop the command after so long.")] = "5m",
    report: Annotated[
        Path | None, typer.Option("--junit", metavar="FILE", help="Write the verdict to this file, as JUnit XML.")
    ] = None,
    **flags: Flag,
) -> None:
    """Run a command against a trap that fails, and judge the command.

    The trap listens on free ports. The command learns from its environment where to send: SMTP_HOST, SMTP_PORT,
    SMTP_URL, MAILTRAP_URL for the HTTP API, and SMTP_CA_FILE, the authority to trust for TLS; and what it takes to meet
    the fault: SMTP_TO (addresses with commas), SMTP_MESSAGES over one connection, SMTP_PAUSE between them (seconds),
    SMTP_CONNECTIONS at once. In its arguments {host}, {port} and {to} stand for three of these. By its exit code the
    command says whether the mail is sent: 0, or another.

    \b
    mailtrap-py run greylisting -- python send.py
    mailtrap-py run lost-250 --junit lost.xml -- ./send.sh --server {host}:{port}
    mailtrap-py run ./mine.yaml --param wait=1s --seed 7 --timeout 30s -- npm test

    What the command prints passes through; the account and the verdict follow on the standard error output. The exit
    code is 0 when the client did all that the scenario expects; 1 when it did not, crashed or did not end, or a rule of
    a strict scenario never fired; 2 when nothing could be tried.
    """  # noqa: D301 - \b is a mark of typer's: keep these lines as they are
    from mailtrap_py.cli import account, junit, trial
    from mailtrap_py.cli.console import console
    from mailtrap_py.scenario.quantities import parse_duration

    try:
        seconds = parse_duration(timeout)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--timeout") from None
    own = {"host": ["127.0.0.1"], "smtp_port": 0, "smtps_port": 0, "http_port": "off", "scenario": scenario}
    settings = Settings.load(flags | own, os.environ)
    try:
        held = trial.hold(settings, command, timeout=seconds)
    except KeyboardInterrupt:
        console(stderr=True).print("interrupted: the command was ended, and nothing is judged", style="bold red")
        raise typer.Exit(128 + signal.SIGINT) from None
    account.tell(held, console(stderr=True))
    if report is not None:
        junit.write(held, report)
    if not held.passed:
        raise typer.Exit(1)
