"""The program that `run` starts: nothing of it is left behind, however it ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from mailtrap_py.cli import process
from mailtrap_py.cli.process import Finished, end, execute
from mailtrap_py.errors import SettingError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

# A family: a parent and its child, each of which keeps the pipe open for as long as it lives.
FAMILY = """
import os, signal, subprocess, sys
pipe = os.open(sys.argv[1], os.O_WRONLY)
child = subprocess.Popen([sys.executable, "-c", "import signal; print('up', flush=True); signal.pause()"],
                         pass_fds=[pipe], stdout=subprocess.PIPE)
child.stdout.readline()
os.write(pipe, b"up")
if "leave" not in sys.argv:
    signal.pause()
"""


@pytest.fixture
def pipe(tmp_path: Path) -> Path:
    os.mkfifo(tmp_path / "pipe")
    return tmp_path / "pipe"


def everybody_is_gone(pipe: Path) -> Callable[[], bytes]:
    """Open the pipe now; the call returns when the last process that holds it has died."""
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    os.set_blocking(reader, True)

    def read() -> bytes:
        with os.fdopen(reader, "rb") as stream:
            return stream.read()

    return read


def python(code: str, *arguments: object) -> list[str]:
    return [sys.executable, "-c", code, *map(str, arguments)]


def test_the_exit_code_and_the_output_pass_through(capfd: pytest.CaptureFixture[str]) -> None:
    finished = execute(python("import os; print(os.environ['WHO']); raise SystemExit(3)"), {"WHO": "me"}, timeout=60)
    assert (finished.exit_code, finished.timed_out, str(finished)) == (3, False, "exit code 3")
    assert capfd.readouterr().out == "me\n"


def test_a_child_that_was_left_behind_is_ended(pipe: Path) -> None:
    gone = everybody_is_gone(pipe)
    assert execute(python(FAMILY, pipe, "leave"), os.environ, timeout=60).exit_code == 0
    assert gone() == b"up"


def test_a_program_that_takes_too_long_is_ended_with_its_children(pipe: Path) -> None:
    gone = everybody_is_gone(pipe)
    finished = execute(python(FAMILY, pipe), os.environ, timeout=0.5)
    gone()
    assert (finished.timed_out, finished.exit_code) == (True, -signal.SIGTERM)
    assert str(finished) == f"stopped after {finished.seconds:.1f} s, its time-out"


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, -signal.SIGINT), (signal.SIGTERM, 128 + signal.SIGTERM)])
def test_an_interruption_ends_the_program_first(pipe: Path, number: signal.Signals, code: int) -> None:
    runner = (
        "import os, sys; from mailtrap_py.cli.process import execute; execute(sys.argv[1:], os.environ, timeout=60)"
    )
    gone = everybody_is_gone(pipe)
    with subprocess.Popen(python(runner, *python(FAMILY, pipe)), stderr=subprocess.DEVNULL) as outer:
        with pipe.open("rb") as stream:
            assert stream.read(2) == b"up"
        outer.send_signal(number)
        assert outer.wait() == code
    gone()


def test_being_terminated_raises_once_the_program_has_ended(pipe: Path) -> None:
    assassin = "import os, signal, sys; os.open(sys.argv[1], os.O_WRONLY); os.kill(os.getppid(), 15); signal.pause()"
    gone = everybody_is_gone(pipe)
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(SystemExit) as left:
        execute(python(assassin, pipe), os.environ, timeout=60)
    assert left.value.code == 128 + signal.SIGTERM
    assert signal.getsignal(signal.SIGTERM) is before
    gone()


@pytest.mark.parametrize(("number", "raised"), [(signal.SIGINT, KeyboardInterrupt), (signal.SIGTERM, SystemExit)])
def test_a_program_that_is_only_just_starting_is_ended_too(
    pipe: Path, monkeypatch: pytest.MonkeyPatch, number: signal.Signals, raised: type[BaseException]
) -> None:
    started: list[subprocess.Popen[bytes]] = []

    class Interrupted(subprocess.Popen[bytes]):
        def __init__(self, *arguments: Any, **keywords: Any) -> None:  # noqa: ANN401 - whatever a Popen takes
            super().__init__(*arguments, **keywords)
            started.append(self)
            os.kill(os.getpid(), number)  # the program runs, and nobody was told which it is

    gone = everybody_is_gone(pipe)
    monkeypatch.setattr("mailtrap_py.cli.process.subprocess.Popen", Interrupted)
    before = signal.signal(number, signal.default_int_handler)  # pytest-xdist's workers ignore SIGINT
    try:
        with pytest.raises(raised):
            execute(python(FAMILY, pipe), os.environ, timeout=60)
        assert signal.getsignal(number) is signal.default_int_handler
    finally:
        signal.signal(number, before)
    gone()
    assert started[0].returncode is not None


def test_a_program_inherits_that_an_interruption_is_ignored() -> None:
    runner = (
        "import os, signal, sys; from mailtrap_py.cli.process import execute;"
        "signal.signal(signal.SIGINT, signal.SIG_IGN);"
        "sys.exit(execute(sys.argv[1:], os.environ, timeout=60).exit_code)"
    )
    ignored = "import signal; raise SystemExit(7 if signal.getsignal(signal.SIGINT) is signal.SIG_IGN else 0)"
    assert subprocess.run(python(runner, *python(ignored)), check=False).returncode == 7


@pytest.fixture
def deaf() -> Iterator[subprocess.Popen[bytes]]:
    """Give a program that does not listen to SIGTERM."""
    code = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True); signal.pause()"
    with subprocess.Popen(python(code), stdout=subprocess.PIPE, start_new_session=True) as program:
        assert program.stdout is not None
        program.stdout.readline()
        yield program


def test_a_program_that_does_not_listen_is_killed(
    deaf: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "_GRACE", 0.05)
    end(deaf)
    assert deaf.returncode == -signal.SIGKILL


def test_a_second_interruption_kills(deaf: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    wait = deaf.wait

    def interrupted(timeout: float | None = None) -> int:
        if timeout is not None:
            raise KeyboardInterrupt
        return wait()

    monkeypatch.setattr(deaf, "wait", interrupted)
    with pytest.raises(KeyboardInterrupt):
        end(deaf)
    assert deaf.returncode == -signal.SIGKILL


def test_a_program_that_cannot_be_started_is_the_users_error(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="No such file") as caught:
        execute(["no-such-program-anywhere"], {}, timeout=1)
    assert "after --" in caught.value.cure
    with pytest.raises(SettingError, match="Permission denied"):
        execute([str(tmp_path)], {}, timeout=1)


@pytest.mark.parametrize(("code", "words"), [(-signal.SIGSEGV, "died of SIGSEGV"), (-200, "died of signal 200")])
def test_a_signal_is_named(code: int, words: str) -> None:
    assert str(Finished(code, 1.0, timed_out=False)) == words
