from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ACCURACY = Path(__file__).with_name("accuracy.py")
FIGURES = {
    "delay: 200ms": ["least_ms", "median_ms", "most_ms"],
    "drip: {bytes: 1, every: 20ms}": ["least", "median", "most"],
    "read: {rate: 200KB/s}": ["ratio"],
    "rules that never match": ["without_us", "with_us", "ratio"],
}


def measured(*flags: str) -> str:
    command = [sys.executable, str(ACCURACY), "--quick", *flags]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=90).stdout


@pytest.mark.slow
def test_nothing_comes_before_its_time() -> None:
    figures = json.loads(measured("--json"))

    # How late it may be is the machine's business: no upper bound holds on one that has other work.
    assert {name: list(values) for name, values in figures.items()} == FIGURES
    assert figures["delay: 200ms"]["least_ms"] > 0
    assert figures["drip: {bytes: 1, every: 20ms}"]["least"] > 1
    assert figures["read: {rate: 200KB/s}"]["ratio"] > 0.9
    assert figures["rules that never match"]["without_us"] > 0


@pytest.mark.slow
def test_the_table_names_each_figure() -> None:
    lines = measured().splitlines()

    assert [line[:32].rstrip() for line in lines] == list(FIGURES)
