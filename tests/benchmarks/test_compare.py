from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

COMPARE = Path(__file__).with_name("compare.py")
SERVERS = ["smtp-sink", "aiosmtpd", "mailtrap-py, memory", "mailtrap-py, file"]
WHO = [
    [*SERVERS, "mailtrap-py, proxy"],
    [SERVERS[0], *SERVERS[2:]],
    SERVERS,
    SERVERS,
    SERVERS[1:],
]  # takes which load


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
    expected = [(load, server) for load, servers in zip(loads, WHO, strict=True) for server in servers]
    assert [(row["load"], row["server"]) for row in rows] == expected
    medians = {(row["load"], row["server"]): row["median"] for row in rows}
    for row in rows:
        for reference, ratio in row["ratios"].items():
            beside = medians.get((row["load"], reference))
            assert ratio == (None if beside is None else pytest.approx(row["median"] / beside))


@pytest.mark.slow
def test_the_table_is_for_people() -> None:
    lines = compare().splitlines()

    rows = [line.split("  ")[1] for line in lines if line.startswith("  ") and "x smtp-sink" not in line]
    assert rows == [server for servers in WHO for server in servers]
    assert sum("x smtp-sink" in line and "x aiosmtpd" in line for line in lines) == len(WHO)
