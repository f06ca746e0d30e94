"""The scenarios that are shipped, by name."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailtrap_py.errors import ScenarioError
from mailtrap_py.scenario import library

ROOT = Path(__file__).parent.parent


def test_they_lie_beside_the_package_where_it_is_developed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(library, "_PACKAGE", ROOT / "mailtrap_py")

    assert library.path_of("greylisting") == ROOT / "scenarios" / "greylisting.yaml"


def test_they_lie_in_the_package_where_it_is_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "mailtrap_py" / "scenarios"
    home.mkdir(parents=True)
    (home / "b.yaml").touch()
    (home / "a.yaml").touch()
    (home / "README.md").touch()
    monkeypatch.setattr(library, "_PACKAGE", tmp_path / "mailtrap_py")

    assert library.names() == ("a", "b")
    assert library.path_of("a") == home / "a.yaml"


def test_without_files_there_are_no_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(library, "_PACKAGE", tmp_path / "mailtrap_py")

    assert library.names() == ()


def test_the_names_are_sorted() -> None:
    assert list(library.names()) == sorted(library.names())
    assert len(library.names()) >= 10


@pytest.mark.parametrize(
    ("name", "cure"),
    [
        ("greylistign", "did you mean 'greylisting'? A file is named by its path, as in ./greylistign.yaml"),
        ("zzz", "the scenarios are: account-inactive, address-unverified, "),
        ("../greylisting", "did you mean 'greylisting'? "),
    ],
)
def test_a_name_that_is_not_there(name: str, cure: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        library.path_of(name)

    assert cure in caught.value.cure
