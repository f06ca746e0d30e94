"""The scenarios that are shipped: one file each, known by the file's name."""

from __future__ import annotations

from pathlib import Path

from mailtrap_py.errors import ScenarioError
from mailtrap_py.scenario.mistakes import nearest

_PACKAGE = Path(__file__).parent.parent


def _home() -> Path:
    """Find the folder: inside the installed package, or beside it where it is being developed."""
    installed = _PACKAGE / "scenarios"
    return installed if installed.is_dir() else _PACKAGE.parent / "scenarios"


def names() -> tuple[str, ...]:
    """List the scenarios by name."""
    return tuple(sorted(path.stem for path in _home().glob("*.yaml")))


def path_of(name: str) -> Path:
    """Find the file of a scenario. Raises `ScenarioError`, with the nearest name, when there is none of that name."""
    known = names()
    if name not in known:
        cure = nearest(name, known) or f"the scenarios are: {', '.join(known)}"
        raise ScenarioError(
            f"there is no scenario {name!r}", cure=f"{cure} A file is named by its path, as in ./{name}.yaml"
        )
    return _home() / f"{name}.yaml"
