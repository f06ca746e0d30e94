"""What all tests share: one rule for the real programs that some of them are about."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pytest

Missing = Callable[[str], NoReturn]
Need = Callable[[str], str]

# First the programs of this virtual environment, active or not; last where Debian keeps those for administrators.
_PATH = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"])


@pytest.fixture(scope="session")
def missing() -> Missing:
    """Say that a real part is not there: skips on a user's machine; fails where CI=true, which has to have them all."""

    def say(reason: str) -> NoReturn:
        if os.environ.get("CI") == "true":
            pytest.fail(f"{reason}, and continuous integration has to have it", pytrace=False)
        pytest.skip(reason)

    return say


@pytest.fixture(scope="session")
def need(missing: Missing) -> Need:
    """Find a real program by its name, or say that it is missing."""

    def find(program: str) -> str:
        return shutil.which(program, path=_PATH) or missing(f"{program} is not installed")

    return find
