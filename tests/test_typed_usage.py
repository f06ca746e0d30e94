"""The public API has types that hold: mypy and pyright, each as strict as it can be, on a file of usage examples."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
USAGE = ROOT / "tests" / "typed_usage.py"


@pytest.mark.slow
def test_mypy_has_nothing_against_it() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--warn-unused-ignores", str(USAGE)],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert done.returncode == 0, done.stdout


@pytest.mark.slow
def test_pyright_has_nothing_against_it(tmp_path: Path) -> None:
    pytest.importorskip("pyright", reason="pyright is not installed")
    shutil.copy(USAGE, tmp_path)  # pyright looks no further than its project
    config = {
        "include": [USAGE.name],
        "extraPaths": [str(ROOT), str(ROOT / "pytest_plugin")],
        "typeCheckingMode": "strict",
        "reportUnnecessaryTypeIgnoreComment": True,
        "enableTypeIgnoreComments": False,
        "pythonVersion": "3.11",
    }
    (tmp_path / "pyrightconfig.json").write_text(json.dumps(config))

    done = subprocess.run(
        [sys.executable, "-m", "pyright", "--pythonpath", sys.executable, "--project", str(tmp_path), "--outputjson"],
        capture_output=True, text=True, check=False, timeout=110,
    )  # fmt: skip

    said = json.loads(done.stdout)
    assert said["generalDiagnostics"] == []
    assert said["summary"]["filesAnalyzed"] == 1
