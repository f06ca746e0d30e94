"""Trials for tests: real programs that send mail to a trap under a scenario, and what became of it."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from mailtrap_py.cli.trial import Trial, hold
from mailtrap_py.settings import Settings

FREE = Settings(host=("127.0.0.1",), smtp_port=0, smtps_port=0, http_port=None)

SEND = """
import os, smtplib
with smtplib.SMTP(os.environ["SMTP_HOST"], int(os.environ["SMTP_PORT"])) as smtp:
    smtp.sendmail("app@example.com", ["ann@example.com", "bob@example.com"], "Subject: Welcome")
"""


def python(code: str, *arguments: str) -> list[str]:
    return [sys.executable, "-c", code, *arguments]


def held(scenario: dict[str, Any], *command: str, timeout: float = 60, **settings: object) -> Trial:
    """Hold a trial; the program sends one message to two recipients if nothing else is said."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "tried.yaml"
        path.write_text(json.dumps(scenario))
        return hold(FREE.changed(scenario=str(path), **settings), command or python(SEND), timeout=timeout)
