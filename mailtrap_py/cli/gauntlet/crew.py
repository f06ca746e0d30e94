"""Several scenarios at once: processes that hold one trial after another, each on its main thread.

A process is ended by SIGTERM; it then ends the command that it runs, and all that this command started. SIGINT it
leaves to its parent: a Ctrl-C reaches the whole group of a terminal.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import signal
from collections import deque
from multiprocessing.connection import Connection, wait
from typing import TYPE_CHECKING, Self

from mailtrap_py.cli.gauntlet.attempt import Task, attempt
from mailtrap_py.cli.process import terminated_as_interrupted
from mailtrap_py.errors import MailtrapError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from multiprocessing.context import SpawnProcess

    from mailtrap_py.cli.gauntlet.run import Run

_PATIENCE = 10.0  # seconds; a process that is told to end needs about one, the grace of the command that it runs


class Crew:
    """So many processes. A context manager: they are gone, and all that they ran, when it is left in whatever way."""

    def __init__(self, size: int) -> None:
        """Say how many; they are started on entering."""
        self._size = size
        self._hands: dict[Connection, SpawnProcess] = {}

    def __enter__(self) -> Self:
        """Start them. A fresh interpreter each: a fork of a process with threads may never wake up."""
        context = multiprocessing.get_context("spawn")
        with _ignored(signal.SIGINT):  # they inherit that, until they can do so themselves
            for _ in range(self._size):
                ours, theirs = context.Pipe()
                process = context.Process(target=work, args=(theirs,), daemon=True)
                process.start()
                theirs.close()  # so that the end of the process is the end of the pipe
                self._hands[ours] = process
        return self

    def __exit__(self, *_: object) -> None:
        """End them; who is impatient and interrupts once more changes nothing, or something would be left behind."""
        with _ignored(signal.SIGINT, signal.SIGTERM):
            for process in self._hands.values():
                process.terminate()
            for pipe, process in self._hands.items():
                process.join(_PATIENCE)
                process.kill()
                process.join()
                process.close()
                pipe.close()

    def do(self, tasks: Iterable[Task]) -> Iterator[Run]:
        """Give what came of each task, as soon as it is known. Raises what a task raised of `MailtrapError`."""
        waiting = deque(tasks)
        idle, busy = list(self._hands), set[Connection]()
        while waiting or busy:
            while waiting and idle:
                hand = idle.pop()
                hand.send(waiting.popleft())
                busy.add(hand)
            ready = wait(list(busy))
            for hand in [each for each in busy if each in ready]:
                busy.remove(hand)
                idle.append(hand)
                yield _result(hand)


def _result(hand: Connection) -> Run:
    try:
        came: Run | MailtrapError = hand.recv()
    except (EOFError, ConnectionResetError):
        raise RuntimeError("a process of the gauntlet has died; its traceback is above") from None
    if isinstance(came, MailtrapError):
        raise came
    return came


def work(pipe: Connection, hold: Callable[[Task], Run] = attempt) -> None:
    """Do what comes through the pipe until it ends, and send back what came of it."""
    # A handler and not SIG_IGN, which the commands would inherit.
    signal.signal(signal.SIGINT, lambda *_: None)
    with terminated_as_interrupted(), contextlib.suppress(EOFError, BrokenPipeError):  # the parent has gone
        while True:
            task: Task = pipe.recv()
            try:
                pipe.send(hold(task))
            except MailtrapError as error:
                pipe.send(error)


@contextlib.contextmanager
def _ignored(*numbers: signal.Signals) -> Iterator[None]:
    before = [signal.signal(number, signal.SIG_IGN) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)
