"""`mailtrap-py serve`: a trap in the foreground, until Ctrl-C or SIGTERM."""

# ruff: noqa: PLC0415 - the server is imported when one is started, not when somebody asks for help

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import os
import shlex
import signal
import sys
from typing import TYPE_CHECKING

import typer

from mailtrap_py.cli.options import Flag, with_settings
from mailtrap_py.event_loop import new_event_loop
from mailtrap_py.settings import Settings, strangers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mailtrap_py.trap import Trap


_OTHER_FILES = 256  # the record, HTTP, temporary files


@with_settings()
def serve(**flags: Flag) -> None:
    """Start the trap, and serve until Ctrl-C.

    Mail sent to the SMTP port is caught: it goes nowhere, and the page shows it. A scenario makes the server fail;
    an upstream makes it a proxy in front of a real server.

    \b
    mailtrap-py
    mailtrap-py serve --smtp-port 2525 --http-port off --store mail.db
    mailtrap-py serve --scenario greylisting --param wait=30s
    mailtrap-py serve --upstream smtp.example:587

    Every option is also a variable: --smtp-port is MAILTRAP_SMTP_PORT. A flag wins over its variable.
    """  # noqa: D301 - \b is a mark of typer's: keep these lines as they are
    settings = Settings.load(flags, os.environ)
    if others := strangers(os.environ):
        typer.echo(f"not settings of mailtrap-py, passed over: {', '.join(others)}", err=True)
    _open_many_files(settings.max_sessions)
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        runner.run(_serve(settings))


def _open_many_files(sessions: int) -> None:
    """Let the system keep as many connections open as there may be sessions, as far as it allows that."""
    try:
        import resource
    except ImportError:  # Windows, where there is no such limit
        return
    wanted = sessions + _OTHER_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(OSError, ValueError):
        if soft != resource.RLIM_INFINITY and soft < wanted:
            highest = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
            resource.setrlimit(resource.RLIMIT_NOFILE, (highest, hard))


async def _serve(settings: Settings) -> None:
    from mailtrap_py.trap import Trap

    told_to_stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError):  # Windows: there Ctrl-C cancels this task
            asyncio.get_running_loop().add_signal_handler(number, told_to_stop.set)
    trap = Trap(settings)
    await trap.start()
    gc.freeze()  # all that is there now stays: to look through it again and again would make sessions wait for 30 ms
    try:
        typer.echo("\n".join(_introduce(trap)))
        sys.stdout.flush()  # whoever started this through a pipe waits for that line
        await told_to_stop.wait()
    finally:
        await trap.stop()


def _introduce(trap: Trap) -> Iterator[str]:
    """Say where mail can come, what was asked for, and how to send a first mail: a line to paste into a shell."""
    host = f"[{trap.host}]" if ":" in trap.host else trap.host
    places = [f"smtp://{host}:{trap.smtp_port}"]
    if trap.smtps_port is not None:
        places.append(f"smtps://{host}:{trap.smtps_port}")
    if trap.lmtp_port is not None:
        places.append(f"lmtp://{host}:{trap.lmtp_port}")
    if trap.settings.lmtp_socket:
        places.append(f"lmtp on {trap.settings.lmtp_socket}")
    if trap.http_port is not None:
        places.append(f"{trap.http_url}/")
    yield f"ready: {'  '.join(places)}"
    if trap.settings.scenario:
        inbox = trap.inboxes.get()
        yield f"scenario {inbox.director.scenario.name}, seed {inbox.seed}"
    if trap.settings.upstream:
        yield f"in front of {trap.settings.upstream}"
    yield "send a first mail:"
    yield f"  {_first_mail(trap)}"


def _first_mail(trap: Trap) -> str:
    """Write a command for a POSIX shell that works as it stands, also where mail is taken only after AUTH."""
    login = ""
    if trap.settings.auth == "required":
        user, password = next(iter(trap.settings.users.items()), ("me", "secret"))
        login = f"s.login({json.dumps(user)}, {json.dumps(password)}); "
    code = f'import smtplib; s = smtplib.SMTP("{trap.host}", {trap.smtp_port}); {login}'
    code += r's.sendmail("me@example.com", "you@example.com", "Subject: Hello\n\nIt works."); s.quit()'
    return shlex.join(["python3", "-c", code])
