from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.mark.slow
def test_what_the_server_takes_of_the_machine(need: Callable[[str], str]) -> None:
    need("smtp-source")
    command = [sys.executable, str(Path(__file__).with_name("resources.py")), "--quick"]

    said = subprocess.run(command, check=True, capture_output=True, text=True, timeout=90).stdout

    start, rest, more, each = (float(found) for found in re.findall(r"([0-9.]+) (?:s|MB|KB)$", said, re.MULTILINE))
    assert start > 0
    # What is promised, and holds however busy the machine is. A hundred messages are too few to tell what each takes.
    assert rest < 90
    assert more < 40
    assert each < 25
