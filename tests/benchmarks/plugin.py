"""Measure what the pytest plugin costs on this machine: python tests/benchmarks/plugin.py.

- what importing the plugin adds to a run of pytest that does not use it;
- the first use in a run: imports, a server, its ports;
- set-up and tear-down of each further test, and a mail with its wait;
- how long after the commit of a message a wait for it returns.
"""

from __future__ import annotations

import importlib.util
import smtplib
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[2]
# The processor's time, because a machine that does something else as well would be measured, too.
IMPORT = """
import time, pytest
begin = time.process_time()
import mailtrap_pytest
print((time.process_time() - begin) * 1000)
"""
FIRST_USE = """
import time, pytest
import mailtrap_pytest
begin = time.process_time()
from mailtrap_pytest.options import Options
from mailtrap_pytest.judging import judge
from mailtrap_pytest.marks import Mark
from mailtrap_pytest.servers import Servers
from mailtrap_py.handle import PRIVATE
servers = Servers(Options(url="", smtp="", strict=True, findings="off", timeout=5.0, worker=""))
servers.main(PRIVATE).reset()
print((time.process_time() - begin) * 1000)
servers.close()
"""
RUNS = 7
TESTS = 200


def in_new_processes(code: str) -> list[float]:
    """Run it several times, each in a Python of its own; give the milliseconds that it prints."""
    environment = {"PYTHONPATH": f"{ROOT}:{ROOT / 'pytest_plugin'}", "PATH": ""}
    return [
        float(
            subprocess.run(
                [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
            ).stdout
        )
        for _ in range(RUNS)
    ]


@contextmanager
def timed(milliseconds: list[float]) -> Iterator[None]:
    begin = time.perf_counter()
    yield
    milliseconds.append((time.perf_counter() - begin) * 1000)


def each_test(*, mail: bool) -> list[float]:
    """Do what the fixture does around a test, and in it perhaps send a mail and wait for it."""
    from mailtrap_py.handle import Mailtrap  # noqa: PLC0415 - not before the first measurements

    found: list[float] = []
    with Mailtrap() as trap:
        for _ in range(TESTS):
            if mail:
                trap.reset()
                with timed(found):
                    send(trap)
                    trap.wait_for(to="bob@example.com")
                trap.reset()
            else:
                with timed(found):
                    trap.reset()
                    list(trap.unfired())
                    trap.expect.failures()
                    trap.reset()
    return found


def send(trap: object) -> None:
    with smtplib.SMTP(trap.host, trap.port) as client:  # type: ignore[attr-defined]  # a Mailtrap
        client.sendmail("ann@example.com", "bob@example.com", "Subject: Hello\n\nHello\n")


def after_the_commit() -> list[float]:
    """Wait on one thread, commit on another; compare the moment of the commit with that of the return."""
    from mailtrap_py.handle import Mailtrap  # noqa: PLC0415 - as above

    found: list[float] = []
    with Mailtrap() as trap:
        for _ in range(TESTS // 4):
            trap.reset()
            committed: list[float] = []
            unsubscribe = trap.trap.store.subscribe(_noting(committed))
            returned: list[float] = []
            waiting = threading.Thread(target=_wait, args=(trap, returned))
            waiting.start()
            send(trap)
            waiting.join()
            unsubscribe()
            found.append((returned[0] - committed[0]) * 1000)
    return found


def _noting(moments: list[float]) -> Callable[..., None]:
    def note(news: object) -> None:
        if getattr(news, "message", None) is not None:
            moments.append(time.perf_counter())

    return note


def _wait(trap: object, returned: list[float]) -> None:
    trap.wait_for(to="bob@example.com")  # type: ignore[attr-defined]  # a Mailtrap
    returned.append(time.perf_counter())


def main() -> None:
    """Print the figures: the median, and the worst."""
    sys.path[:0] = [str(ROOT), str(ROOT / "pytest_plugin")]
    assert importlib.util.find_spec("mailtrap_pytest"), "the plugin is not here"
    rows = [
        ("importing the plugin", in_new_processes(IMPORT), "10"),
        ("first use", in_new_processes(FIRST_USE), "400"),
        ("set-up and tear-down of each further test", each_test(mail=False), "3"),
        ("a mail sent, and waited for", each_test(mail=True), ""),
        ("a wait, after the commit", after_the_commit(), "2"),
    ]
    lines = [f"{'milliseconds':<44}{'median':>9}{'worst':>9}{'at most':>9}"]
    for what, figures, limit in rows:
        lines.append(f"{what:<44}{statistics.median(figures):>9.2f}{max(figures):>9.2f}{limit:>9}")
    sys.stdout.write("\n".join([*lines, ""]))


if __name__ == "__main__":
    main()
