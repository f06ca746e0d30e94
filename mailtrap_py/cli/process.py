"""The program that `run` puts on trial: started in a group of its own, so that nothing of it is left behind."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mailtrap_py.errors import SettingError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from types import FrameType
    from typing import IO

_GRACE = 1.0  # seconds between asking a program to end and ending it


@dataclass(frozen=True, slots=True)
class Finished:
    """How a program ended. `exit_code` is that of the system: negative for a signal, -15 when `timed_out`."""

    exit_code: int
    seconds: float
    timed_out: bool

    def __str__(self) -> str:
        """Read as in a sentence: `exit code 0`."""
        if self.timed_out:
            return f"stopped after {self.seconds:.1f} s, its time-out"
        return f"exit code {self.exit_code}" if self.exit_code >= 0 else f"died of {_name(-self.exit_code)}"


def execute(
    command: Sequence[str], environment: Mapping[str, str], *, timeout: float, output: IO[bytes] | None = None
) -> Finished:
    """Run a command to its end, and end all that it started with it.

    What it prints passes through, or goes into the file `output`, normal output and errors alike. Raises `SettingError`
    when it cannot be started. When this process is interrupted or told to terminate, so is the command, before
    `KeyboardInterrupt` or `SystemExit` goes on.
    """
    start = time.monotonic()
    timed_out = False
    with terminated_as_interrupted(), contextlib.ExitStack() as on_the_way_out:
        with _uninterrupted():  # what runs already and is not known yet could not be ended
            process = _start(command, environment, output)
            on_the_way_out.callback(end, process)
        try:
            process.wait(timeout)
        except subprocess.TimeoutExpired:
            timed_out = True
    return Finished(process.returncode, time.monotonic() - start, timed_out)


def _start(command: Sequence[str], environment: Mapping[str, str], output: IO[bytes] | None) -> subprocess.Popen[bytes]:
    try:
        # A session of its own: a Ctrl-C reaches only this process, which passes it on to the whole group.
        return subprocess.Popen(  # noqa: S603 - it is the user's
            command, env=environment, start_new_session=True, stdout=output, stderr=output
        )
    except OSError as error:
        raise SettingError(
            f"{command[0]!r} cannot be started: {error.strerror}", cure="write a program and its arguments after --"
        ) from None


def end(process: subprocess.Popen[bytes]) -> None:
    """End the group: ask first; what is still there after the grace is killed."""
    try:
        _tell(process, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_GRACE)
    finally:  # also when somebody is impatient and interrupts once more
        _tell(process, signal.SIGKILL)
        process.wait()


def _tell(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):  # macOS: EPERM for a group of zombies
        os.killpg(process.pid, number)


@contextlib.contextmanager
def terminated_as_interrupted() -> Iterator[None]:
    """Let SIGTERM raise, as SIGINT does, so that what was started is ended on the way out."""

    def leave(number: int, _: FrameType | None) -> None:
        raise SystemExit(128 + number)

    before = signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextlib.contextmanager
def _uninterrupted() -> Iterator[None]:
    """Let SIGINT and SIGTERM wait until the end of the block, where they do what they always do."""
    waiting: list[int] = []
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    for number, handler in before.items():
        if handler is not signal.SIG_IGN:  # a program started meanwhile inherits that, and nothing else
            signal.signal(number, lambda came, _: waiting.append(came))
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        for came in waiting:
            signal.raise_signal(came)


def _name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
