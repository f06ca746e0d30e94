"""Where tables are printed."""

from __future__ import annotations

import pytest

from mailtrap_py.cli.console import console


def test_what_is_piped_is_never_folded_and_never_read_as_markup(capsys: pytest.CaptureFixture[str]) -> None:
    text = f"[red]550 5.1.1[/red] :smile: {'x' * 300}"
    console().print(text)
    console(stderr=True).print(text)
    assert capsys.readouterr() == (f"{text}\n", f"{text}\n")


def test_a_terminal_keeps_its_width(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "72")
    assert console().width == 72
