"""The description of the API held against the API by schemathesis, which nobody here wrote."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from mailtrap_py import Mailtrap
from mailtrap_py.settings import Settings
from tests.conftest import Missing
from tests.fetched import PATIENCE, environment, run

# A stream has no end, and a wait lasts as long as it was told to.
_ENDLESS = "^/api/(events|messages/wait|inboxes/[^/]+/waiting)$"
# What a description cannot say: that two parameters contradict each other, or what a scenario may be.
_NOT_SAID = "positive_data_acceptance"


@pytest.fixture(scope="module")
def schemathesis(tmp_path_factory: pytest.TempPathFactory, missing: Missing) -> str:
    try:
        programs = environment(tmp_path_factory.mktemp("schemathesis"), "schemathesis>=4.3")
    except subprocess.CalledProcessError:
        missing("schemathesis cannot be fetched")
    return str(programs / "st")


@pytest.mark.slow
@pytest.mark.timeout(2 * PATIENCE)
@pytest.mark.parametrize("token", ["", "t0k3n"], ids=["open", "guarded"])
def test_the_api_does_what_its_description_says(token: str, schemathesis: str, tmp_path: Path) -> None:
    private = Settings(
        host=("127.0.0.1",), smtp_port=0, smtps_port=None, http_port=0, store="sqlite://", http_token=token
    )
    known = ["--header", f"Authorization: Bearer {token}"] if token else []
    with Mailtrap(private) as server:
        told = run(
            schemathesis,
            *("run", f"{server.url}/api/openapi.json", "--no-color", "--seed", "1", "--max-examples", "20"),
            *("--exclude-path-regex", _ENDLESS, "--exclude-checks", _NOT_SAID, "--request-timeout", "30"),
            *("--phases", "examples,coverage,fuzzing,stateful", *known),
            folder=tmp_path,
        )

    assert re.search(r"([0-9]+) generated, \1 passed", told)
