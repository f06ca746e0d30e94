"""Programs that tests fetch for themselves, because they would not sit well in the environment of the tests."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

PATIENCE = 600
"""Seconds that fetching or running one may take, on a machine that has much else to do."""


def environment(folder: Path, *distributions: str) -> Path:
    """Make a virtual environment with these distributions of PyPI, and give the folder of its programs.

    Raises `subprocess.CalledProcessError` when they cannot be had.
    """
    run(sys.executable, "-m", "venv", str(folder))
    programs = folder / "bin"
    run(str(programs / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *distributions)
    return programs


def run(*command: str, folder: Path | None = None, variables: dict[str, str] | None = None) -> str:
    """Run a program and give what it wrote. Raises `subprocess.CalledProcessError`, with all it wrote in a note."""
    finished = subprocess.run(
        command,
        cwd=folder,
        env=variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    if finished.returncode:
        error = subprocess.CalledProcessError(finished.returncode, command, finished.stdout)
        error.add_note(finished.stdout)
        raise error
    return finished.stdout
