"""Which event loop a server runs on, and that sessions are the same on the other one."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

from mailtrap_py.event_loop import new_event_loop
from tests.conftest import Missing

ROOT = Path(__file__).parent.parent


def kind() -> str:
    loop = new_event_loop()
    loop.close()
    return type(loop).__module__.split(".", maxsplit=1)[0]


def test_uvloop_where_it_is_installed(missing: Missing) -> None:
    if importlib.util.find_spec("uvloop") is None:
        missing("uvloop is not installed")

    assert kind() == "uvloop"


def test_asyncio_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)

    assert kind() == "asyncio"


@pytest.mark.slow
def test_everything_about_the_wire_holds_on_uvloop(missing: Missing) -> None:
    if importlib.util.find_spec("uvloop") is None:
        missing("uvloop is not installed")
    tests = [*sorted(map(str, (ROOT / "tests").glob("test_smtp_*.py"))), "tests/test_trap.py", "tests/test_dialogs.py"]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests]

    run = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, "MAILTRAP_TEST_LOOP": "uvloop"},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )

    assert run.returncode == 0, run.stdout[-5000:] + run.stderr[-5000:]


def test_the_tests_run_on_the_loop_that_was_asked_for() -> None:
    async def name() -> str:
        return type(asyncio.get_running_loop()).__module__.split(".", maxsplit=1)[0]

    assert asyncio.run(name()) == os.environ.get("MAILTRAP_TEST_LOOP", "asyncio")
