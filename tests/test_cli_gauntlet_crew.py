"""Several scenarios at once, and nothing left of them."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
from multiprocessing import Pipe
from typing import TYPE_CHECKING

import pytest

from mailtrap_py.cli.gauntlet.attempt import Task
from mailtrap_py.cli.gauntlet.crew import Crew, work
from mailtrap_py.cli.gauntlet.run import Run
from mailtrap_py.errors import SettingError
from mailtrap_py.scenario.verdict import Grade
from tests.gauntlet_runs import FREE, task
from tests.test_cli_gauntlet_run import RUN

if TYPE_CHECKING:
    from collections.abc import Iterator
    from multiprocessing.process import BaseProcess
    from pathlib import Path


@pytest.fixture(scope="module")
def two() -> Iterator[Crew]:
    """Give a crew that all may use who leave it idle: it takes a while until processes have imported the server."""
    with Crew(2) as crew:
        yield crew


@contextlib.contextmanager
def alone() -> Iterator[tuple[Crew, BaseProcess]]:
    """Have a crew of one, and see that its process is gone in the end."""
    before = set(multiprocessing.active_children())
    with Crew(1) as crew:
        [process] = set(multiprocessing.active_children()) - before
        yield crew, process
    assert set(multiprocessing.active_children()) <= before


def test_each_task_is_done_once(two: Crew) -> None:
    grades = {run.scenario: run.grade for run in two.do([task(name) for name in ("lost-250", "no-such-user")])}
    again = [run.scenario for run in two.do([task("greylisting")])]
    assert grades == {"lost-250": Grade.HONEST, "no-such-user": Grade.SILENT}
    assert again == ["greylisting"]


def test_what_cannot_be_tried_is_the_users_error_here_too(two: Crew) -> None:
    absent = Task(FREE, ("no-such-program-anywhere",), 60)
    with pytest.raises(SettingError, match="cannot be started") as error:
        list(two.do([absent]))
    assert error.value.cure == "write a program and its arguments after --"


def test_two_at_once_meet(two: Crew, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    # Each end of a pipe waits for the other: one after the other would hang until the time-out.
    writes = task("lost-250", f"open({str(tmp_path / 'pipe')!r}, 'wb').close()")
    reads = task("lost-250", f"open({str(tmp_path / 'pipe')!r}, 'rb').close()")
    assert [run.exit_code for run in two.do([writes, reads])] == [0, 0]


def test_leaving_ends_what_runs(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    family = f"""
import os, signal, subprocess, sys
pipe = os.open({str(tmp_path / "pipe")!r}, os.O_WRONLY)
child = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"], pass_fds=[pipe])
os.write(pipe, b"up")
signal.pause()
"""
    with alone() as (crew, process):
        died: list[str] = []

        def wait() -> None:
            try:
                list(crew.do([task("lost-250", family)]))
            except RuntimeError as error:
                died.append(str(error))

        waits = threading.Thread(target=wait)
        waits.start()
        with (tmp_path / "pipe").open("rb", buffering=0) as pipe:
            assert pipe.read(2) == b"up"
            process.terminate()
            assert pipe.read() == b""  # the end: nobody has it open any more
        waits.join()
    assert died == ["a process of the gauntlet has died; its traceback is above"]


def test_a_process_that_dies_is_a_bug() -> None:
    with alone() as (crew, process):
        process.kill()
        with pytest.raises((RuntimeError, BrokenPipeError)):
            list(crew.do([task("lost-250")]))


def test_a_process_does_what_it_is_told_until_the_parent_has_gone() -> None:
    ours, theirs = Pipe()

    def hold(told: Task) -> Run:
        signal.raise_signal(signal.SIGINT)  # the parent's business
        if not told.command:
            raise SettingError("no", cure="yes")
        return RUN

    before = signal.getsignal(signal.SIGINT)
    try:
        ours.send(Task(FREE, ("true",), 1))
        ours.send(Task(FREE, (), 1))
        came: list[object] = []

        def receive() -> None:
            came.extend((ours.recv(), ours.recv()))
            ours.close()

        waits = threading.Thread(target=receive)
        waits.start()
        work(theirs, hold)
        waits.join()
    finally:
        signal.signal(signal.SIGINT, before)
    assert came[0] == RUN
    assert isinstance(came[1], SettingError)
    assert came[1].cure == "yes"
