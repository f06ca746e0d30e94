"""Measure what the server takes of this machine: `python tests/benchmarks/resources.py [--quick]`.

How soon it greets its first client; the memory that it has resident at rest, and after ten thousand messages of 5 KB
in a file; and how much each of ten thousand sessions takes that say nothing. `--quick` takes a hundredth of the
messages and a tenth of the sessions.
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import resource
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))
from tests.benchmarks import compare

KILOBYTE = 1024
PATIENCE = 60.0  # seconds
SPARE = 200  # files that a process opens besides its sessions


@contextmanager
def server(store: str, sessions: int) -> Iterator[tuple[int, int, float]]:
    """Start the server with all its ports; give its process, its SMTP port, and the seconds until it greeted."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    flags = ["--host", "127.0.0.1", "--smtp-port", str(port), "--smtps-port", "0", "--http-port", "0"]
    command = [sys.executable, "-m", "mailtrap_py", "serve", *flags, "--max-sessions", str(sessions)]
    begin = time.perf_counter()
    with compare.process([*command, "--store", store]) as running:
        greeted = first_greeting(port, running) - begin
        if running.stdout:
            running.stdout.readline()  # ready: HTTP too
        yield running.pid, port, greeted


def first_greeting(port: int, running: subprocess.Popen[str]) -> float:
    """Try until a client is greeted, and give that moment. Exits when the server ends before."""
    while running.poll() is None:
        try:
            with socket.create_connection(("127.0.0.1", port), PATIENCE) as client:
                client.recv(KILOBYTE)
                return time.perf_counter()
        except ConnectionRefusedError:
            time.sleep(0.002)
    sys.exit("the server did not start")


def resident(pid: int) -> float:
    """Give the KB that a process has in memory now."""
    found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text("ascii"))
    return float(found[1]) if found else 0.0


def hold(port: int, count: int, pid: int) -> float:
    """Open so many sessions that are greeted and say nothing; give the KB that each takes."""
    with ExitStack() as opened:
        before = resident(pid)
        for _ in range(count):
            client = opened.enter_context(socket.create_connection(("127.0.0.1", port), PATIENCE))
            client.recv(KILOBYTE)
        return (resident(pid) - before) / count


def main() -> None:
    """Measure, and print a line for each."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--quick", action="store_true", help="less of all: shows that it runs, and little more")
    quick = parser.parse_args().quick
    # What was sent is written into the file meanwhile: among a hundred sessions that would look like much for each.
    messages, sessions = (100, 1000) if quick else (10_000, 10_000)
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(most, sessions + SPARE), most))
    starts: list[float] = []
    for _ in range(1 if quick else 5):
        with tempfile.TemporaryDirectory() as folder, server(f"{folder}/mail.db", sessions + SPARE) as (*_, greeted):
            starts.append(greeted)
    with tempfile.TemporaryDirectory() as folder, server(f"{folder}/mail.db", sessions + SPARE) as (pid, port, _):
        idle = resident(pid)
        compare.Load("", messages, 5000, 10, kept_open=True).send(port)
        after = resident(pid)
        each = hold(port, sessions, pid)
    lines = [
        f"python {platform.python_version()}, machine {platform.machine()}, cores {os.cpu_count()}",
        f"first greeting after          {statistics.median(starts):8.2f} s",
        f"resident at rest              {idle / KILOBYTE:8.1f} MB",
        f"more after {messages:>6} messages   {(after - idle) / KILOBYTE:8.1f} MB",
        f"each of {sessions:>6} idle sessions {each:8.1f} KB",
    ]
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
