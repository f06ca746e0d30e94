"""The command line as a whole: its words, its errors, its exit codes."""

from __future__ import annotations

import subprocess
import sys

import pytest

from mailtrap_py import __version__, cli
from mailtrap_py.cli import main
from mailtrap_py.errors import UpstreamError


def told(*words: str) -> int:
    with pytest.raises(SystemExit) as left:
        main([*words])
    return int(left.value.code or 0)


def test_the_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert told("--version") == 0
    assert capsys.readouterr().out == f"mailtrap-py {__version__}\n"


@pytest.mark.parametrize("words", [["-h"], ["--help"]])
def test_help_shows_what_one_can_type(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert told(*words) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("  ")[1] for line in lines if line.startswith("  mailtrap-py")] == [
        "mailtrap-py",
        "mailtrap-py --scenario greylisting",
        "mailtrap-py run greylisting -- ./send",
        "mailtrap-py gauntlet -- ./send",
        "mailtrap-py scenario list",
        "mailtrap-py check smtp.example.com:587",
        'mailtrap-py explain "550 5.7.1"',
    ]
    assert max(map(len, lines)) < 80


@pytest.mark.parametrize(
    ("words", "problem", "cure"),
    [
        (["--smtp-port", "many"], "--smtp-port (or MAILTRAP_SMTP_PORT): 'many' is not a port", "write a number from 0"),
        (["serve", "--scenario", "graylisting"], "there is no scenario 'graylisting'", "did you mean 'greylisting'?"),
        (["--smtp-port", "0", "--store", "/"], "", ""),
    ],
)
def test_an_error_is_two_lines_on_standard_error_and_exit_code_2(
    words: list[str], problem: str, cure: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert told(*words) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"mailtrap-py: {problem}")
    assert err.splitlines()[1].startswith(cure)
    assert len(err.splitlines()) == 2


def test_an_error_without_a_cure_is_one_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise UpstreamError("smtp.example is not there")

    monkeypatch.setattr(cli, "app", fail)
    assert told("serve") == 2
    assert capsys.readouterr().err == "mailtrap-py: smtp.example is not there\n"


@pytest.mark.parametrize(
    ("words", "hint"),
    [(["srve"], "Did you mean 'serve'?"), (["--smpt-port", "1"], "--smtp-port"), (["run"], "SCENARIO")],
)
def test_a_word_that_is_not_known_is_exit_code_2_with_a_hint(
    words: list[str], hint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert told(*words) == 2
    assert hint in capsys.readouterr().err


def test_asking_for_help_imports_nothing_of_the_server() -> None:
    code = """
import sys
from mailtrap_py.cli import main
try:
    main(["--help"])
except SystemExit:
    print(*[name for name in sys.modules if name in {"aiosmtpd", "sqlalchemy", "starlette", "yaml", "rich", "uvloop"}])
"""
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.splitlines()[-1] == ""
