"""What all tests share: one rule for the real programs that some of them are about, and the kinds of store."""

from __future__ import annotations

import asyncio
import gc
import os
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NoReturn

import pytest
from hypothesis import HealthCheck, settings

from tests.postgresql import Databases, programs, running

Missing = Callable[[str], NoReturn]
Need = Callable[[str], str]

# First the programs of this virtual environment, active or not; last where Debian keeps those for administrators.
_PATH = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"])


# The same examples in every run, however slow the machine is. MAILTRAP_TEST_EXAMPLES=1000 looks further.
settings.register_profile(
    "house",
    deadline=None,
    derandomize=True,
    max_examples=int(os.environ.get("MAILTRAP_TEST_EXAMPLES", "25")),
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("house")


def pytest_configure() -> None:
    """Run everything on the event loop that MAILTRAP_TEST_LOOP names: `asyncio`, the usual one, or `uvloop`."""
    gc.disable()  # until all is collected: nothing of that is garbage, and looking through it takes seconds
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # behind a shell's `&`; programs that tests start inherit it
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if os.environ.get("MAILTRAP_TEST_LOOP") == "uvloop":
        import uvloop  # noqa: PLC0415 - only where it is asked for

        asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())


def pytest_collection_finish() -> None:
    """Leave thousands of tests out of every later search for garbage, which would look through all of them again."""
    gc.collect()
    gc.freeze()
    gc.enable()


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


@pytest.fixture(scope="session")
def postgresql(missing: Missing) -> Iterator[Databases]:
    """Run a PostgreSQL of Debian's; it gives a new database, by its URL, whenever it is called."""
    folder = programs() or missing("PostgreSQL is not installed")
    with running(folder) as database:
        yield database


@pytest.fixture(params=["memory", "file", pytest.param("postgresql", marks=pytest.mark.slow)])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Give the URL of an empty store of every kind in turn."""
    if request.param == "postgresql":
        database: Databases = request.getfixturevalue("postgresql")
        return database()
    return "sqlite://" if request.param == "memory" else f"sqlite:///{tmp_path / 'mail.db'}"
