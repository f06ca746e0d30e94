from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

COMPARE = Path(__file__).with_name("compare.py")
SERVERS = ["smtp-sink", "aiosmtpd", "mailtrap-py, memory", "mailtrap-py, file"]


def compare(*flags: str) -> str:
    command = [sys.executable, str(COMPARE), "--quick", *flags]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=90).stdout


@pytest.fixture(autouse=True)
def _postfix(need: Callable[[str], str]) -> None:
    need("smtp-source")
    need("smtp-sink")


@pytest.mark.slow
def test_every_load_is_measured_against_every_server() -> None:
    rows = json.loads(compare("--json"))["rows"]

    loads = list(dict.fromkeys(row["load"] for row in rows))
    assert len(loads) == 3
    assert [(row["load"], row["server"]) for row in rows] == [(load, server) for load in loads for server in SERVERS]
    medians = {(row["load"], row["server"]): row["median"] for row in rows}
    for row in rows:
        assert row["ratios"] == {
            reference: pytest.approx(row["median"] / medians[row["load"], reference])
            for reference in ("smtp-sink", "aiosmtpd")
        }


@pytest.mark.slow
def test_the_table_is_for_people() -> None:
    lines = compare().splitlines()

    assert [line.split("  ")[1] for line in lines if line.startswith("  ") and "x smtp-sink" not in line] == SERVERS * 3
    assert sum("x smtp-sink" in line and "x aiosmtpd" in line for line in lines) == 3
