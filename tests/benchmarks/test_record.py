"""The measurements of a large record, here of a small one: that all is measured and told."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

RECORD = Path(__file__).with_name("record.py")


@pytest.mark.slow
def test_everything_is_measured_and_told() -> None:
    command = [sys.executable, str(RECORD), "--messages", "300"]
    told = subprocess.run(command, check=True, capture_output=True, text=True, timeout=110).stdout
    for row in ("a page of the list", "search: all of these", "deleting the inbox", "commits meanwhile", "resident"):
        assert f"\n{row}" in told
