"""Fuzzing of a session, by coverage, until it finds something; the input that failed is left in a file `crash-…`.

From the root of the tree: `PYTHONPATH=. python tests/fuzz/session.py [CORPUS] [-runs=N] [-max_total_time=SECONDS]`.
"""

from __future__ import annotations

import gc
import sys

import atheris

with atheris.instrument_imports(include=["mailtrap_py.smtp", "mailtrap_py.scenario.director"]):
    from tests.fuzz.harness import Harness

HARNESS = Harness()
RUNS = 0


def split(data: bytes) -> tuple[int, list[bytes]]:
    """Read an input: an octet for the choice, one for how it is cut, then the octets."""
    choice, cut = data[0], data[1]
    text = data[2:]
    if cut == 0:
        return choice, [text]
    size = max(cut, len(text) // 200)
    return choice, [text[begin : begin + size] for begin in range(0, len(text), size)]


def once(data: bytes) -> None:
    global RUNS  # noqa: PLW0603 - the fuzzer calls a function, and nothing else
    if len(data) < 3:
        return
    HARNESS.run(*split(data))
    RUNS += 1
    if RUNS % 2000 == 0:
        gc.collect()
        left = len(HARNESS.sessions)
        assert left <= 2, f"{left} sessions are still there after they ended"


if __name__ == "__main__":
    atheris.Setup(sys.argv, once)
    atheris.Fuzz()
