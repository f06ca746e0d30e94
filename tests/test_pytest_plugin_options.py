"""What is said on the command line, in the environment and in the ini file."""

from __future__ import annotations

import pytest

from mailtrap_py import Mailtrap
from tests.homes import elsewhere
from tests.inner_runs import imported, inner

__all__ = ["elsewhere", "imported", "inner"]  # fixtures

pytest_plugins = ["pytester"]

SHOW = """
from mailtrap_pytest.options import Options

def test_it(pytestconfig):
    print(Options.of(pytestconfig))
"""


@pytest.fixture
def shown(inner: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    monkeypatch.delenv("MAILTRAP_URL", raising=False)
    inner.makepyfile(SHOW)
    return inner


def test_the_nearer_to_hand_goes_first(shown: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    said = ["-s", "-o", "mailtrap_url=http://ini:1/"]
    shown.runpytest(*said).stdout.fnmatch_lines(["mailtrap: http://ini:1", "*Options(url='http://ini:1', smtp='', *"])
    monkeypatch.setenv("MAILTRAP_URL", "http://environment:2")
    monkeypatch.setenv("MAILTRAP_SMTP", "environment:25")
    shown.runpytest(*said).stdout.fnmatch_lines(["*url='http://environment:2', smtp='environment:25'*"])
    monkeypatch.setenv("PYTEST_XDIST_WORKER", "gw3")
    result = shown.runpytest(*said, "--mailtrap-url", "https://flag", "--mailtrap-smtp", "flag:2525")
    result.stdout.fnmatch_lines(["*url='https://flag', smtp='flag:2525', *worker='gw3'*"])


def test_a_password_is_not_shown(shown: pytest.Pytester) -> None:
    shown.runpytest("--mailtrap-url", "http://ann:secret@host:1").stdout.fnmatch_lines(["mailtrap: http://host:1"])


def test_nothing_said_is_nothing_asked(shown: pytest.Pytester) -> None:
    result = shown.runpytest("-s")
    result.stdout.fnmatch_lines(["*Options(url='', smtp='', strict=True, findings='off', timeout=5.0, worker='')*"])
    result.stdout.no_fnmatch_line("mailtrap: *")


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        (["--mailtrap-smtp", "localhost"], "--mailtrap-smtp (or MAILTRAP_SMTP): 'localhost' is no HOST:PORT"),
        (["-o", "mailtrap_findings=bad"], "mailtrap_findings: 'bad' is not one of off, info, warning, error"),
        (["-o", "mailtrap_timeout=soon"], "mailtrap_timeout: 'soon' is no duration; write it as in 500ms or 5s"),
    ],
)
def test_what_makes_no_sense_is_said(shown: pytest.Pytester, said: list[str], problem: str) -> None:
    shown.runpytest(*said).stdout.fnmatch_lines([f"*UsageError: {problem}"])


def test_an_address_that_is_none_stops_the_run(shown: pytest.Pytester) -> None:
    result = shown.runpytest("--mailtrap-url", "localhost:8025")

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: --mailtrap-url: 'localhost:8025' is no URL; write it as in http://*"])


def test_the_patience_of_a_run(inner: pytest.Pytester) -> None:
    inner.makepyfile("""
        def test_it(mailtrap):
            assert mailtrap.patience == 0.01
            mailtrap.wait_for(to="bob@example.com")
    """)
    result = inner.runpytest("-o", "mailtrap_timeout=10ms")
    result.stdout.fnmatch_lines(["*no message with to 'bob@example.com' came within 0.01 s"])


def test_nobody_at_the_address_is_said_with_a_cure(shown: pytest.Pytester) -> None:
    shown.makepyfile("def test_it(mailtrap): pass")
    result = shown.runpytest("--mailtrap-url", "http://127.0.0.1:1")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(
        ["*no mail trap answers at http://127.0.0.1:1: *", "*start one there with 'mailtrap-py'*"]
    )


def test_the_usual_port_can_be_said(inner: pytest.Pytester, elsewhere: Mailtrap) -> None:
    inner.makepyfile(f"""
        from app import send

        def test_it(mailtrap):
            assert mailtrap.port == {elsewhere.port}
            send(mailtrap)
            assert len(mailtrap.messages) == 1
    """)
    said = ["--mailtrap-url", elsewhere.url, "--mailtrap-smtp", f"127.0.0.1:{elsewhere.port}"]
    inner.runpytest(*said).assert_outcomes(passed=1)
