"""`mailtrap-py check`: what it prints, and its exit codes."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from mailtrap_py import Mailtrap
from mailtrap_py.cli import main
from tests.scripted import dead_port


def told(*words: str) -> int:
    with pytest.raises(SystemExit) as left:
        main(["check", *words])
    return int(left.value.code or 0)


@pytest.fixture
def authority(mailtrap: Mailtrap, tmp_path: Path) -> str:
    file = tmp_path / "authority.pem"
    file.write_bytes(mailtrap.authority_pem)
    return str(file)


def steps(out: str) -> list[list[str]]:
    """Give the words of the lines that tell of steps."""
    return [line.split() for line in out.splitlines() if not line.startswith(" ")]


def test_a_good_server_is_told_step_by_step(
    mailtrap: Mailtrap, authority: str, capsys: pytest.CaptureFixture[str]
) -> None:
    server = f"127.0.0.1:{mailtrap.port}"
    assert told(server, "--ca-file", authority, "--helo", "check.example", "--to", "bob@example.com") == 0
    out = capsys.readouterr().out
    assert [line[:2] for line in steps(out)[:-1]] == [
        ["ok", "connect"],
        ["ok", "greeting"],
        ["ok", "EHLO"],
        ["ok", "STARTTLS"],
        ["ok", "TLS"],
        ["ok", "certificate"],
        ["ok", "EHLO"],
        ["-", "AUTH"],
        ["ok", "MAIL"],
        ["ok", "RCPT"],
        ["-", "DATA"],
        ["ok", "QUIT"],
    ]
    assert "ok      greeting     220: ready  " in out
    assert "        > EHLO check.example\n        < 250-mailtrap.localhost\n" in out
    assert "        issuer   " in out
    assert out.endswith(f"{server}: all went well\n")


def test_a_failure_is_exit_code_1_with_what_to_do(
    mailtrap: Mailtrap, authority: str, capsys: pytest.CaptureFixture[str]
) -> None:
    mailtrap.fail("rcpt", "550-5.1.1 No \x1b[31msuch\r\n550 5.1.1 user")
    assert told(f"127.0.0.1:{mailtrap.port}", "--ca-file", authority) == 1
    out = capsys.readouterr().out
    assert "FAILED  RCPT         550 5.1.1: refused, no such mailbox  " in out
    assert "        < 550-5.1.1 No \\x1b[31msuch\n        < 550 5.1.1 user\n        note: a line has octets that" in out
    assert "        Do not send the same again" in out
    assert out.endswith(": FAILED, RCPT: 550 5.1.1: refused, no such mailbox\n")


def test_json_has_every_step(mailtrap: Mailtrap, authority: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert told(f"127.0.0.1:{mailtrap.port}", "--ca-file", authority, "--send", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["server"], found["ok"]) == (f"127.0.0.1:{mailtrap.port}", True)
    by_name = {step["name"]: step for step in found["steps"]}
    assert by_name["greeting"]["code"] == 220
    assert by_name["MAIL"]["enhanced"] == "2.1.0"
    assert by_name["EHLO"]["facts"]["SIZE"].isdecimal()
    assert by_name["TLS"]["facts"]["version"].startswith("TLSv1.")
    assert by_name["message"]["seconds"] > 0
    mailtrap.wait_for(to="postmaster")


def test_oddities_are_notes(mailtrap: Mailtrap, authority: str, capsys: pytest.CaptureFixture[str]) -> None:
    mailtrap.scenario("line-ends-lf")
    assert told(f"127.0.0.1:{mailtrap.port}", "--ca-file", authority) == 0
    assert "note    greeting     220: ready" in (out := capsys.readouterr().out)
    assert "        note: a line ends with LF alone" in out


def test_credentials_come_from_the_environment(
    mailtrap: Mailtrap, authority: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SMTP_USER", "ann")
    monkeypatch.setenv("SMTP_PASSWORD", "not to be seen")
    assert told(f"127.0.0.1:{mailtrap.port}", "--ca-file", authority) == 0
    assert "AUTH         235 2.7.0: logged in" in (out := capsys.readouterr().out)
    assert "not to be seen" not in out


def test_nobody_there_is_exit_code_1(capsys: pytest.CaptureFixture[str]) -> None:
    assert told(f"[127.0.0.1]:{dead_port()}") == 1
    assert "FAILED  connect      nobody listens on port" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["mx.example.com:0"], "'mx.example.com:0' is not a server"),
        (["mx.example.com:"], "is not a server"),
        (["mx.example.com:smtp"], "is not a server"),
        ([":25"], "is not a server"),
        (["[::1]:70000"], "is not a server"),
        (["mx.example.com", "--tls", "on"], "'on' is not one of auto, starttls, implicit, off"),
        (["mx.example.com", "--timeout", "0s"], "it has to be more than nothing"),
        (["mx.example.com", "--timeout", "10"], "is not a duration"),
        (["mx.example.com", "--password", "x"], "there is a password, but no user"),
        (["mx.example.com", "--ca-file", "absent.pem"], "cannot be read"),
        (["mx.example.com", "--to", "a b"], "has a character"),
    ],
)
def test_what_cannot_be_tried_is_exit_code_2(
    words: list[str], problem: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert told(*words) == 2
    assert problem in " ".join(capsys.readouterr().err.split())


def test_every_flag_is_in_the_documentation(capsys: pytest.CaptureFixture[str]) -> None:
    docs = (Path(__file__).parent.parent / "docs" / "check.md").read_text("utf-8")
    assert told("--help") == 0
    flags = set(re.findall(r"^ +(--[a-z-]+)", capsys.readouterr().out, re.MULTILINE))

    assert {"--user", "--ca-file", "--json"} <= flags
    assert {flag for flag in flags if f"`{flag}" not in docs} == set()


@pytest.mark.parametrize(
    ("server", "shown"), [("::1", "[::1]:25"), ("[::1]", "[::1]:25"), ("127.0.0.1", "127.0.0.1:25")]
)
def test_without_a_port_it_is_25(server: str, shown: str, capsys: pytest.CaptureFixture[str]) -> None:
    told(server, "--json", "--timeout", "1s")
    assert json.loads(capsys.readouterr().out)["server"] == shown
