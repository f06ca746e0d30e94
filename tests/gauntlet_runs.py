"""What tests of the gauntlet share: programs that send mail, and runs to write reports of."""

from __future__ import annotations

import sys
from dataclasses import replace

from mailtrap_py.cli.gauntlet.attempt import Task, attempt
from mailtrap_py.cli.gauntlet.run import Run
from mailtrap_py.events import Source
from mailtrap_py.settings import Settings

FREE = Settings(host=("127.0.0.1",), smtp_port=0, smtps_port=0, http_port=None, store="sqlite://", seed=7)

SENDS = """
import os, smtplib
to = os.environ["SMTP_TO"].split(",")
with smtplib.SMTP(os.environ["SMTP_HOST"], int(os.environ["SMTP_PORT"])) as smtp:
    smtp.sendmail("app@example.com", to, "Message-ID: <1@example.com>\\nSubject: Welcome\\n\\nHello")
"""
"""The program that everybody writes first: silent when a recipient is refused, honest else."""

HOSTILE = "</script><img src=//tracker.invalid/x onerror=alert(1)>\x1b[31m&amp;\x00\ud800"
"""What a client or a command may write, and no report may pass on as it is."""


def task(scenario: str, code: str = SENDS, *, timeout: float = 60) -> Task:
    command = (sys.executable, "-c", code, "--to={to}")
    return Task(FREE.changed(scenario=scenario), command, timeout)


def ran(scenario: str, code: str = SENDS, *, timeout: float = 60) -> Run:
    return attempt(task(scenario, code, timeout=timeout))


def spoilt(run: Run) -> Run:
    """Give a run in which everything that others write is hostile."""
    [heard, *_] = run.sessions
    line = replace(heard.lines[0], text=HOSTILE, rule=HOSTILE, source=Source.SERVER)
    [result, *_] = run.expectations
    return replace(
        run,
        output=HOSTILE,
        imitates=HOSTILE,
        summary=HOSTILE,
        unfired=(HOSTILE,),
        sessions=(replace(heard, lines=(line, *heard.lines)),),
        expectations=(replace(result, passed=False, evidence=(HOSTILE,)),),
    )
