"""`mailtrap-py gauntlet`: from the words typed to the exit code."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Self
from xml.etree import ElementTree as ET

import pytest

from mailtrap_py.cli import main
from mailtrap_py.cli.gauntlet import crew
from mailtrap_py.cli.gauntlet.attempt import Task, attempt
from mailtrap_py.cli.gauntlet.run import Run
from tests.gauntlet_runs import SENDS

BY_ARGUMENTS = SENDS.replace('os.environ["SMTP_TO"]', "__import__('sys').argv[3]")


class Alone:
    """A crew of nobody: this process does it all, and need not wait until another one has imported the server."""

    def __init__(self, size: int) -> None:
        assert size == 1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def do(self, tasks: Iterable[Task]) -> Iterator[Run]:
        return map(attempt, tasks)


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crew, "Crew", Alone)


def told(*words: str) -> int:
    with pytest.raises(SystemExit) as left:
        main(["gauntlet", *words])
    return int(left.value.code or 0)


def test_no_bad_grade_is_exit_code_0(capfd: pytest.CaptureFixture[str]) -> None:
    words = ["greylisting", "tls-expired", "--jobs", "1", "--", sys.executable, "-c", SENDS]
    assert told(*words) == 0
    out, err = capfd.readouterr()
    assert err == "[1/2] greylisting: honest\n[2/2] tls-expired: not met\n"
    lines = out.splitlines()
    assert lines[0].startswith("honest      greylisting  failure (1), no copies ")
    assert lines[1].startswith("not met     tls-expired  success (0), 1 copy ")
    assert lines[-1] == "passed (honest): 2 scenarios"


@pytest.mark.usefixtures("alone")
def test_a_bad_grade_is_exit_code_1_and_in_every_report(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    junit, data, page = (tmp_path / f"gauntlet.{kind}" for kind in ("xml", "json", "html"))
    reports = ["--junit", str(junit), "--json", str(data), "--html", str(page)]
    command = [sys.executable, "-c", BY_ARGUMENTS, "{host}", "{port}", "{to}"]
    assert told("no-such-user", "at:rcpt", "--seed", "7", *reports, "--", *command) == 1
    assert capfd.readouterr().out.endswith("FAILED (honest): 1 bad grade\n")
    assert [case.get("name") for case in ET.parse(junit).getroot().iter("testcase")] == ["no-such-user"]
    assert json.loads(data.read_bytes())["scenarios"][0]["seed"] == 7
    assert b"<!DOCTYPE html>" in page.read_bytes()


@pytest.mark.usefixtures("alone")
def test_robust_asks_for_more(capfd: pytest.CaptureFixture[str]) -> None:
    assert told("greylisting", "--require", "robust", "--", sys.executable, "-c", SENDS) == 1
    assert "FAILED (robust): in 1 of class legal" in capfd.readouterr().out


@pytest.mark.usefixtures("alone")
@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["greylisting"], "write a program and its arguments after --"),
        (["greylisting", "--"], "write a program and its arguments after --"),
        (["--timeout", "5", "--", "true"], "'5' is not a duration"),
        (["--require", "perfect", "--", "true"], "'perfect' is neither honest nor robust"),
        (["--jobs", "0", "--", "true"], "--jobs"),
        (["graylisting", "--", "true"], "did you mean 'greylisting'?"),
        (["--html", "/absent/page.html", "--", "true"], "--html: /absent/page.html cannot be written"),
        (["greylisting", "--", "no-such-program-anywhere"], "'no-such-program-anywhere' cannot be started"),
        (["greylisting", "--", "true"], "does not send when nothing is wrong: success (0), no copies; it printed not"),
        (["greylisting", "--", sys.executable, "-c", "raise OSError('no')"], "failure (1), no copies; OSError: no"),
    ],
)
def test_what_cannot_be_tried_is_exit_code_2(words: list[str], problem: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert told(*words) == 2
    assert problem in capfd.readouterr().err


def test_help_says_where_the_command_stands(capsys: pytest.CaptureFixture[str]) -> None:
    assert told("--help") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "Usage: mailtrap-py gauntlet [OPTIONS] [SELECTION]... -- COMMAND"
    assert max(map(len, lines)) < 80


@pytest.mark.parametrize("number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)])
def test_interrupting_leaves_nothing_running_and_prints_what_is_known(tmp_path: Path, number: signal.Signals) -> None:
    os.mkfifo(tmp_path / "pipe")
    # Sends its mail; where that fails, it does not end, and has a child that does not end either.
    family = f"""
import signal, subprocess, sys
try:
    exec({SENDS!r})
except OSError:
    pipe = os.open({str(tmp_path / "pipe")!r}, os.O_WRONLY)
    child = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"], pass_fds=[pipe])
    os.write(pipe, b"up")
    signal.pause()
"""
    words = ["no-such-user", "greeting-554", "--jobs", "1", "--json", str(tmp_path / "all.json")]
    command = [sys.executable, "-m", "mailtrap_py", "gauntlet", *words, "--", sys.executable, "-c", family]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as runner:
        with (tmp_path / "pipe").open("rb", buffering=0) as pipe:
            assert pipe.read(2) == b"up"
            runner.send_signal(number)
            assert pipe.read() == b""  # the end: nobody has it open any more
        assert runner.wait(30) == 128 + number
        out, err = runner.communicate()
    assert out.splitlines()[-1].startswith("FAILED (honest): interrupted, ")
    assert "Traceback" not in err
    known = json.loads((tmp_path / "all.json").read_bytes())
    assert known["not_run"] + len(known["scenarios"]) == 2
