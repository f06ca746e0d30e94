"""Measure how exactly scenarios are carried out: `python tests/benchmarks/accuracy.py [--quick] [--json]`.

A client on the same machine reads its own clock:

- `delay: 200ms`: by how much the reply comes later than that.
- `drip: {bytes: 1, every: 20ms}`: how long a reply takes, against what its octets should take.
- `read: {rate: 200KB/s}`: how long a message takes, against the same.
- rules that never match: how long the answer to MAIL takes when fifty rules look at its sender, against none. Both are
  measured in turns, so that a machine that slows down slows both, and the median is what counts.
"""

from __future__ import annotations

import argparse
import json
import socket
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any, Final

from mailtrap_py import Mailtrap, Settings

DELAY: Final = 0.2
EVERY: Final = 0.02
RATE: Final = 200 * 1024
ENVELOPE: Final = b"MAIL FROM:<ann@example.com>"
NEVER: Final = [
    {"at": "mail", "when": {"from": f"nobody-{number}@*.invalid"}, "do": {"reply": "550 5.1.1 No"}}
    for number in range(50)
]


class Line:
    """A connection on which commands are timed."""

    def __init__(self, trap: Mailtrap) -> None:
        """Connect, and say hello."""
        self.socket = socket.create_connection((trap.host, trap.port), timeout=60)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.file = self.socket.makefile("rb")
        self.file.readline()
        self.ask(b"HELO client.example")

    def ask(self, command: bytes) -> tuple[float, bytes]:
        """Send a command; give the seconds until the reply was there, and the reply."""
        begin = time.perf_counter()
        self.socket.sendall(command + b"\r\n")
        reply = self.file.readline()
        return time.perf_counter() - begin, reply

    def close(self) -> None:
        """Leave."""
        self.file.close()
        self.socket.close()


def delays(trap: Mailtrap, *, times: int) -> dict[str, float]:
    """Give what a delay is too long by, in milliseconds."""
    with trap.scenario({"rules": [{"at": "noop", "do": {"delay": f"{DELAY * 1000:.0f}ms"}}]}):
        line = Line(trap)
        late = [(line.ask(b"NOOP")[0] - DELAY) * 1000 for _ in range(times)]
        line.close()
    return {"least_ms": min(late), "median_ms": statistics.median(late), "most_ms": max(late)}


def drips(trap: Mailtrap, *, times: int) -> dict[str, float]:
    """Give how long a dripped reply takes, against what it should."""
    slowly = {"drip": {"bytes": 1, "every": f"{EVERY * 1000:.0f}ms"}}
    rule = {"at": "noop", "do": [slowly, {"reply": "250 2.0.0 " + "x" * 20}]}
    with trap.scenario({"rules": [rule]}):
        line = Line(trap)
        measured = [line.ask(b"NOOP") for _ in range(times)]
        line.close()
    ratios = [seconds / (EVERY * (len(reply) - 1)) for seconds, reply in measured]
    return {"least": min(ratios), "median": statistics.median(ratios), "most": max(ratios)}


def slow_reading(trap: Mailtrap, *, octets: int) -> dict[str, float]:
    """Give how long a message takes that is read at a rate, against what it should."""
    with trap.scenario({"rules": [{"at": "data", "do": {"read": {"rate": f"{RATE}B/s"}}}]}):
        line = Line(trap)
        for command in (ENVELOPE, b"RCPT TO:<bob@example.com>", b"DATA"):
            line.ask(command)
        seconds, _ = line.ask(b"x" * 998 + (b"\r\n" + b"x" * 998) * (octets // 1000) + b"\r\n.")
        line.close()
    return {"ratio": seconds / (octets / RATE)}


def idle_rules(trap: Mailtrap, *, rounds: int) -> dict[str, float]:
    """Give the microseconds until MAIL is answered with no scenario and with rules that look at every MAIL."""

    def answers(scenario: dict[str, Any]) -> list[float]:
        with trap.scenario(scenario):
            line = Line(trap)
            times = [(line.ask(ENVELOPE)[0] * 1e6, line.ask(b"RSET")) for _ in range(50)]
            line.close()
        return [microseconds for microseconds, _ in times]

    without: list[float] = []
    within: list[float] = []
    for _ in range(rounds):
        without += answers({"rules": []})
        within += answers({"rules": NEVER})
    medians = statistics.median(without), statistics.median(within)
    return {"without_us": medians[0], "with_us": medians[1], "ratio": medians[1] / medians[0]}


def measure(*, quick: bool) -> dict[str, dict[str, float]]:
    """Measure all of it."""
    settings = Settings(host=("127.0.0.1",), smtp_port=0, smtps_port=None, http_port=None, store="sqlite://")
    with Mailtrap(settings) as trap:
        works: dict[str, Callable[[], dict[str, float]]] = {
            "delay: 200ms": lambda: delays(trap, times=3 if quick else 25),
            "drip: {bytes: 1, every: 20ms}": lambda: drips(trap, times=1 if quick else 5),
            "read: {rate: 200KB/s}": lambda: slow_reading(trap, octets=50_000 if quick else 400_000),
            "rules that never match": lambda: idle_rules(trap, rounds=1 if quick else 60),
        }
        return {name: work() for name, work in works.items()}


def main(arguments: list[str]) -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description="Measure how exactly scenarios are carried out.")
    parser.add_argument("--quick", action="store_true", help="few rounds: to see that it works")
    parser.add_argument("--json", action="store_true", help="JSON in place of a table")
    chosen = parser.parse_args(arguments)
    figures = measure(quick=chosen.quick)
    if chosen.json:
        sys.stdout.write(json.dumps(figures) + "\n")
        return
    for name, values in figures.items():
        sys.stdout.write(f"{name:32}" + "  ".join(f"{key} {value:.3f}" for key, value in values.items()) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
