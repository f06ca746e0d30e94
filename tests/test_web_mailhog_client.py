"""The npm package "mailhog", unchanged, with this server in MailHog's place."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from mailtrap_py import Mailtrap
from mailtrap_py.settings import Settings
from tests.fetched import PATIENCE, run

if TYPE_CHECKING:
    from tests.conftest import Missing, Need

SCRIPT = Path(__file__).parent / "foreign" / "mailhog.js"


@pytest.mark.slow
@pytest.mark.timeout(2 * PATIENCE)
def test_a_script_that_uses_all_of_it_ends_well(need: Need, missing: Missing, tmp_path: Path) -> None:
    node, npm = need("node"), need("npm")
    variables = {**os.environ, "PATH": os.pathsep.join([str(Path(node).parent), os.environ.get("PATH", os.defpath)])}
    try:
        run(
            npm,
            "install",
            "--no-audit",
            "--no-fund",
            "mailhog@4.16.0",
            "nodemailer@6",
            folder=tmp_path,
            variables=variables,
        )
    except subprocess.CalledProcessError:
        missing("the packages of npm cannot be fetched")
    shutil.copy(SCRIPT, tmp_path / SCRIPT.name)
    private = Settings(
        host=("127.0.0.1",), smtp_port=0, smtps_port=None, http_port=0, store="sqlite://", compat="mailhog"
    )
    with Mailtrap(private) as server:
        web = server.url.rpartition(":")[2]
        told = run(node, SCRIPT.name, str(server.port), web, folder=tmp_path, variables=variables)

    assert told == "all as with MailHog\n"
