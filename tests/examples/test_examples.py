"""Real small projects with the plugin, from their requirements to their green tests."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mailtrap_py import Mailtrap

EXAMPLES = Path(__file__).parent
ROOT = EXAMPLES.parents[1]
NAMES = sorted(folder.name for folder in EXAMPLES.iterdir() if (folder / "requirements.txt").is_file())

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the package and all that the examples need, as their authors would."""
    folder = tmp_path_factory.mktemp("examples")
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    python = folder / ("Scripts" if os.name == "nt" else "bin") / "python"
    wanted = [part for name in NAMES for part in ("-r", EXAMPLES / name / "requirements.txt")]
    subprocess.run([python, "-m", "pip", "install", "--quiet", ROOT, *wanted], check=True)
    return python


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[str]:
    with Mailtrap() as server:
        yield server.url


def test_there_are_examples() -> None:
    assert NAMES == ["celery_orders", "django_shop", "fastapi_news", "flask_club"]


@pytest.mark.parametrize("home", ["here", "elsewhere"])
@pytest.mark.parametrize("name", NAMES)
def test_its_tests_pass(name: str, home: str, python: Path, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    project = shutil.copytree(EXAMPLES / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("PYTEST_", "PYTHONPATH"))}
    said = ["--mailtrap-url", request.getfixturevalue("elsewhere")] if home == "elsewhere" else []

    done = subprocess.run(
        [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", *said],
        cwd=project, env=environment, capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip

    assert done.returncode == 0, done.stdout + done.stderr
