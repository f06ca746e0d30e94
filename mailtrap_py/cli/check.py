"""`mailtrap-py check`: what a mail server says, step by step, and what to think of it."""

# ruff: noqa: PLC0415 - what is slow to import is imported when it is needed, not when somebody asks for help

from __future__ import annotations

import json
import textwrap
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from mailtrap_py.errors import SettingError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console

    from mailtrap_py.check import Options, Step

_LAST_PORT = 65535
_SMTP = 25
_STYLES = {"ok": "bold green", "note": "bold yellow", "failed": "bold red", "skipped": "dim"}
_WORDS = {"ok": "ok", "note": "note", "failed": "FAILED", "skipped": "-"}
_MARGIN = 8  # columns of the word, and of what stands below a step
_NAME = 13  # columns of the step's name


def check(  # noqa: PLR0913 - each is a flag
    server: Annotated[str, typer.Argument(metavar="SERVER", help="HOST:PORT of the server. Without a port it is 25.")],
    *,
    tls: Annotated[
        str,
        typer.Option(
            metavar="HOW",
            help="auto: at once on ports 465 and 1465, else by STARTTLS where offered; starttls; implicit; off.",
        ),
    ] = "auto",
    user: Annotated[str, typer.Option(metavar="NAME", envvar="SMTP_USER", help="Log in as this user.")] = "",
    password: Annotated[
        str,
        typer.Option(
            metavar="TEXT",
            envvar="SMTP_PASSWORD",
            help="The user's password; better in the variable, where nobody else on the machine sees it.",
        ),
    ] = "",
    sender: Annotated[
        str | None,
        typer.Option(
            "--from", metavar="ADDRESS", help="Sender. [default: the user if it is an address, else the null sender <>]"
        ),
    ] = None,
    to: Annotated[
        list[str] | None,
        typer.Option(metavar="ADDRESS", help="Recipient; may be given several times. [default: postmaster]"),
    ] = None,
    send: Annotated[bool, typer.Option("--send", help="Send a short message, too.")] = False,
    helo: Annotated[str, typer.Option(metavar="NAME", help="Name to say in EHLO. [default: this machine's]")] = "",
    name: Annotated[
        str, typer.Option(metavar="NAME", help="Name that the certificate has to have. [default: HOST]")
    ] = "",
    ca_file: Annotated[
        str, typer.Option(metavar="FILE", help="Authorities to trust, in PEM. [default: the system's]")
    ] = "",
    insecure: Annotated[bool, typer.Option("--insecure", help="Go on with a certificate that is not good.")] = False,
    timeout: Annotated[str, typer.Option(metavar="TIME", help="Wait no longer for each step.")] = "10s",
    as_json: Annotated[bool, typer.Option("--json", help="Print the steps as JSON.")] = False,
) -> None:
    """Talk to a mail server, and tell what it says: greeting, EHLO, STARTTLS, AUTH, MAIL, RCPT, QUIT.

    \b
    mailtrap-py check mx.example.com
    mailtrap-py check smtp.example.com:465
    SMTP_PASSWORD=... mailtrap-py check smtp.example.com:587 --user app@example.com --to me@example.com --send

    Every reply is shown as it came, with its meaning. Nothing is sent without --send: the check stops after RCPT.

    The exit code is 0 when all went well, 1 when a step failed, 2 when nothing could be tried.
    """  # noqa: D301 - \b is a mark of typer's: keep these lines as they are
    from mailtrap_py.check import Options, Security, Status
    from mailtrap_py.check import check as check_server
    from mailtrap_py.cli.console import console
    from mailtrap_py.scenario.quantities import parse_duration

    try:
        seconds = parse_duration(timeout)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--timeout") from None
    if seconds <= 0:
        raise typer.BadParameter("it has to be more than nothing", param_hint="--timeout")
    if tls not in list(Security):
        raise typer.BadParameter(f"{tls!r} is not one of {', '.join(Security)}", param_hint="--tls")
    host, port = _target(server)
    options = Options(
        host=host,
        port=port,
        tls=Security(tls),
        timeout=seconds,
        name=name,
        ca_file=ca_file,
        insecure=insecure,
        helo=helo,
        user=user,
        password=password,
        sender=sender,
        recipients=tuple(to or ()),
        send=send,
    )
    screen = console()
    steps = check_server(options, (lambda _: None) if as_json else lambda step: _tell(step, screen))
    failed = [step for step in steps if step.status is Status.FAILED]
    if as_json:
        typer.echo(
            json.dumps({"server": options.target, "ok": not failed, "steps": list(map(asdict, steps))}, indent=2)
        )
    else:
        _conclude(options, failed, screen)
    if failed:
        raise typer.Exit(1)


def _target(server: str) -> tuple[str, int]:
    """Read `HOST`, `HOST:PORT` or `[ADDRESS]:PORT`. Raises `SettingError`."""
    host, colon, port = server, "", ""
    if server.count(":") == 1 or server.startswith("["):
        host, colon, port = server.rpartition(":") if not server.endswith("]") else (server, "", "")
    host = host.removeprefix("[").removesuffix("]")
    if not host or (colon and not (port.isdecimal() and port.isascii() and 0 < int(port) <= _LAST_PORT)):
        raise SettingError(
            f"{server!r} is not a server", cure="write HOST:PORT, as in smtp.example.com:587 or [::1]:25"
        )
    return host, int(port) if colon else _SMTP


def _tell(step: Step, screen: Console) -> None:
    """Print a step: how it went, what it was, the verdict and the time; below what was said, word by word."""
    from rich.text import Text

    head = Text()
    head.append(_WORDS[step.status].ljust(_MARGIN), style=_STYLES[step.status])
    head.append(step.name.ljust(_NAME), style="bold" if step.status != "skipped" else "dim")
    head.append(step.verdict, style=_STYLES[step.status] if step.status != "ok" else "")
    if step.seconds is not None:
        head.append(f"  {_duration(step.seconds)}", style="dim")
    screen.print(head, soft_wrap=True)

    for mark, text, style in _below(step):
        margin = " " * _MARGIN + mark
        lines = textwrap.wrap(text, max(screen.width - len(margin), 20), break_on_hyphens=False) or [""]
        for number, line in enumerate(lines):
            screen.print(Text(f"{' ' * len(margin) if number else margin}{line}", style=style), soft_wrap=True)


def _below(step: Step) -> Iterator[tuple[str, str, str]]:
    """Go through what stands below a step: a mark before it, the text and its style."""
    if step.said:
        yield "> ", step.said, "dim"
    for line in step.lines:
        yield "< ", line, "dim"
    if step.name == "certificate":
        for label, fact in step.facts.items():
            yield f"{label:<8} ", fact, "dim"
    for note in step.notes:
        yield "note: ", note, "yellow"
    for advice in filter(None, (step.why, step.do)):
        yield "", advice, "red" if step.status == "failed" else "yellow"


def _conclude(options: Options, failed: list[Step], screen: Console) -> None:
    from rich.text import Text

    if not failed:
        screen.print(Text(f"{options.target}: all went well", style="bold green"), soft_wrap=True)
        return
    what = "; ".join(f"{step.name}: {step.verdict}" for step in failed)
    screen.print(Text(f"{options.target}: FAILED, {what}", style="bold red"), soft_wrap=True)


def _duration(seconds: float) -> str:
    return f"{seconds * 1000:.1f} ms" if seconds < 1 else f"{seconds:.1f} s"
