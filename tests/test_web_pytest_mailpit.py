"""pytest-mailpit from PyPI, unchanged, with this server in Mailpit's place."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from mailtrap_py import Mailtrap
from mailtrap_py.settings import Settings
from tests.fetched import PATIENCE, environment, run

if TYPE_CHECKING:
    from tests.conftest import Missing

PROJECT = Path(__file__).parent / "foreign" / "mailpit_project.py"
DJANGO = "import django.conf\ndjango.conf.settings.configure()\n"


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory, missing: Missing) -> str:
    try:
        programs = environment(tmp_path_factory.mktemp("mailpit"), "pytest-mailpit==0.4.1", "django")
    except subprocess.CalledProcessError:
        missing("pytest-mailpit cannot be fetched")
    return str(programs / "python")


@pytest.mark.slow
@pytest.mark.timeout(2 * PATIENCE)
@pytest.mark.parametrize("users", [{}, {"ann": "secret"}], ids=["open", "guarded"])
def test_a_project_that_uses_all_fixtures_passes(users: dict[str, str], tmp_path: Path, python: str) -> None:
    project = tmp_path / "project"
    project.mkdir()
    shutil.copy(PROJECT, project / "test_project.py")
    (project / "conftest.py").write_text(DJANGO, "utf-8")
    private = Settings(
        host=("127.0.0.1",), smtp_port=0, smtps_port=None, http_port=0, store="sqlite://", http_users=users
    )
    with Mailtrap(private) as server:
        variables = {
            "PATH": os.environ["PATH"],
            "MAILPIT_URL": server.url,
            "MAILPIT_SMTP": f"{server.host}:{server.port}",
            **({"MAILPIT_USERNAME": "ann", "MAILPIT_PASSWORD": "secret"} if users else {}),
        }
        told = run(
            python,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            folder=project,
            variables=variables,
        )

    assert f"{PROJECT.read_text('utf-8').count('def test_')} passed" in told
