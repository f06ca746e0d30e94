"""`mailtrap-py serve`: it says where it is, works as it says, and stops when it is told to."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import smtplib
import socket
import subprocess
import sys
import time
import urllib.request
from typing import TYPE_CHECKING

import pytest

from mailtrap_py.cli import main

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ALLOWED = 20.0  # seconds to stop: a second is promised, a third of one is usual, a busy machine takes longer
FREE = ("--host", "127.0.0.1", "--smtp-port", "0", "--smtps-port", "0", "--http-port", "0")
READY = re.compile(
    r"ready: smtp://127\.0\.0\.1:(?P<smtp>\d+)  smtps://127\.0\.0\.1:(?P<smtps>\d+)  (?P<page>http://127\.0\.0\.1:\d+/)"
)


@contextlib.contextmanager
def serving(*words: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "mailtrap_py", *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as program:
        try:
            yield program
        finally:
            program.kill()


def line(program: subprocess.Popen[str]) -> str:
    assert program.stdout is not None
    return program.stdout.readline()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_what_its_first_lines_say_and_stops_soon(number: signal.Signals) -> None:
    with serving(*FREE) as program:
        ready = READY.match(line(program))
        assert ready is not None
        assert line(program) == "send a first mail:\n"
        subprocess.run(line(program), shell=True, check=True, timeout=30)
        with urllib.request.urlopen(ready["page"], timeout=30) as page:
            assert b"Hello" in page.read()
        with smtplib.SMTP("127.0.0.1", int(ready["smtp"])) as still_open:
            began = time.monotonic()
            program.send_signal(number)
            assert program.wait(30) == 0
            assert time.monotonic() - began < ALLOWED
            assert still_open.noop()[0] == 421
        assert program.communicate() == ("", "")


class Told:
    """A standard output that does something when it has been told a word; all that `print` and typer ask of one."""

    def __init__(self, word: str, then: Callable[[str], None]) -> None:
        self.text = ""
        self._word = word
        self._then = then

    def write(self, text: str) -> int:
        before = self._word in self.text
        self.text += text
        if not before and self._word in self.text:
            self._then(self.text)
        return len(text)

    def flush(self) -> None:
        pass


def served(monkeypatch: pytest.MonkeyPatch, *words: str, do: Callable[[str], None] = lambda _: None) -> str:
    """Serve in this process until the introduction is out; then `do` something, and stop."""

    def then(text: str) -> None:
        do(text)
        os.kill(os.getpid(), signal.SIGTERM)

    told = Told("s.quit()", then)
    monkeypatch.setattr(sys, "stdout", told)
    with pytest.raises(SystemExit) as left:
        main(["serve", *words])
    assert left.value.code in {0, None}
    return told.text


def test_ports_can_be_off(monkeypatch: pytest.MonkeyPatch) -> None:
    text = served(monkeypatch, "--host", "::1", "--smtp-port", "0", "--smtps-port", "off", "--http-port", "off")
    assert re.match(
        r"ready: smtp://\[::1\]:\d+\nsend a first mail:\n  python3 -c 'import smtplib; s = [^\n]*\n\Z", text
    )
    assert 'smtplib.SMTP("::1", ' in text


def test_it_says_what_goes_wrong_and_with_which_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    text = served(monkeypatch, *FREE, "--scenario", "greylisting", "--seed", "7", "--upstream", "smtp.example:587")
    assert "\nscenario greylisting, seed 7\nin front of smtp.example:587\n" in text


@pytest.mark.parametrize(
    ("users", "login"), [([], '("me", "secret")'), (["--user", "ann:it's"], '("ann", "it\'"\'"\'s")')]
)
def test_the_first_mail_logs_in_where_that_is_asked_for(
    users: list[str], login: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = served(monkeypatch, *FREE, "--auth", "required", *users)
    assert f"s.login{login}; s.sendmail(" in text


def test_with_authentication_the_first_mail_works_as_it_is_printed() -> None:
    with serving(*FREE, "--auth", "required", "--user", 'ann:it\'s "secret" $HOME') as program:
        *_, command = (line(program) for _ in range(3))
        subprocess.run(command, shell=True, check=True, timeout=30)


def test_it_names_variables_that_it_does_not_know(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MAILTRAP_API_TOKEN", "somebody's")
    served(monkeypatch, *FREE)
    assert capfd.readouterr().err == "not settings of mailtrap-py, passed over: MAILTRAP_API_TOKEN\n"


def test_a_port_that_is_taken_is_named_with_the_flag_to_choose_another(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        number = str(taken.getsockname()[1])
        with pytest.raises(SystemExit) as left:
            main(["--host", "127.0.0.1", "--smtp-port", number])
    assert left.value.code == 2
    problem, cure = capsys.readouterr().err.splitlines()
    assert problem == f"mailtrap-py: port {number} on 127.0.0.1 is taken by another program"
    assert "--smtp-port" in cure


def test_it_may_have_as_many_sessions_as_it_wants(monkeypatch: pytest.MonkeyPatch) -> None:
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (400, hard))
    try:
        served(monkeypatch, "--max-sessions", "300")
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (556, hard)
        served(monkeypatch, "--max-sessions", "100")
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (556, hard)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
