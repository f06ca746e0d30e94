"""`mailtrap-py run`: from the words typed to the exit code."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest

from mailtrap_py.cli import main

if TYPE_CHECKING:
    from pathlib import Path

# A client as it should be: what was deferred or lost it sends again, at once; what was refused for good it does not.
PERSISTENT = """
import os, smtplib, sys
from email.message import EmailMessage
message = EmailMessage()
message["From"], message["To"], message["Message-ID"] = "app@example.com", "bob@example.com", "<1@example.com>"
for _ in range(9):
    try:
        with smtplib.SMTP(os.environ["SMTP_HOST"], int(os.environ["SMTP_PORT"])) as smtp:
            smtp.send_message(message)
        print("sent")
        break
    except (smtplib.SMTPException, OSError):
        pass
else:
    sys.exit("not sent")
"""


def told(*words: str) -> int:
    with pytest.raises(SystemExit) as left:
        main(["run", *words])
    return int(left.value.code or 0)


def test_a_client_that_does_well_is_exit_code_0(capfd: pytest.CaptureFixture[str]) -> None:
    assert told("mailbox-busy", "--seed", "7", "--", sys.executable, "-c", PERSISTENT) == 0
    out, err = capfd.readouterr()
    assert out == "sent\n"
    assert err.startswith("mailbox-busy, seed 7\n")
    assert err.endswith("\ngrade: delivered: it said success, and every recipient has the message\npassed\n")


def test_a_client_that_does_not_is_exit_code_1_and_a_failure_in_junit(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    report = tmp_path / "verdict.xml"
    assert told("mailbox-busy", "--junit", str(report), "--", sys.executable, "-c", "pass") == 1
    assert "\nFAIL retried: " in capfd.readouterr().err
    assert ET.parse(report).getroot().get("failures") != "0"


def test_parameters_and_the_environment_reach_the_scenario(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAILTRAP_SMTP_PORT", "1")  # `run` looks for free ports itself
    monkeypatch.setenv("MAILTRAP_SEED", "8")
    assert told("mailbox-busy", "--param", "times=3", "--", sys.executable, "-c", PERSISTENT) == 0
    err = capfd.readouterr().err
    assert err.startswith("mailbox-busy, seed 8\n")
    assert "rule busy fired 3 times" in err


def test_the_command_is_stopped_at_its_time_out(capfd: pytest.CaptureFixture[str]) -> None:
    pause = "import signal; signal.pause()"
    assert told("mailbox-busy", "--timeout", "200ms", "--", sys.executable, "-c", pause) == 1
    assert "FAILED: the command did not end in time" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["mailbox-busy", "--timeout", "5", "--", "true"], "'5' is not a duration"),
        (["mailbox-bussy", "--", "true"], "did you mean 'mailbox-busy'?"),
        (["mailbox-busy", "--param", "time=1", "--", "true"], "did you mean 'times'?"),
        (["mailbox-busy", "--smtp-port", "1", "--", "true"], "No such option: --smtp-port"),
        (["mailbox-busy", "--", "no-such-program-anywhere"], "'no-such-program-anywhere' cannot be started"),
        (["mailbox-busy"], "Missing argument"),
    ],
)
def test_what_cannot_be_tried_is_exit_code_2(words: list[str], problem: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert told(*words) == 2
    assert problem in capfd.readouterr().err


def test_interrupting_leaves_nothing_running(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    family = f"""
import os, signal, subprocess, sys
pipe = os.open({str(tmp_path / "pipe")!r}, os.O_WRONLY)
child = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"], pass_fds=[pipe])
os.write(pipe, b"up")
signal.pause()
"""
    command = [sys.executable, "-m", "mailtrap_py", "run", "mailbox-busy", "--", sys.executable, "-c", family]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as runner:
        with (tmp_path / "pipe").open("rb", buffering=0) as pipe:
            assert pipe.read(2) == b"up"
            runner.send_signal(signal.SIGINT)
            assert pipe.read() == b""  # the end: nobody has it open any more
        assert runner.wait(30) == 128 + signal.SIGINT
        assert runner.communicate() == ("", "interrupted: the command was ended, and nothing is judged\n")
