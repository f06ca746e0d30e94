"""A trial: a real program sends mail to a real trap, and is judged."""

from __future__ import annotations

import contextlib
import socket
from typing import TYPE_CHECKING

import pytest

from mailtrap_py import Mailtrap
from mailtrap_py.cli import trial
from mailtrap_py.cli.trial import hold
from mailtrap_py.errors import ScenarioError, SettingError
from mailtrap_py.scenario.verdict import Grade
from mailtrap_py.store import Store
from tests.trials import FREE, held, python

if TYPE_CHECKING:
    from pathlib import Path

PAUSE = "import signal; signal.pause()"


def test_a_program_is_judged_by_what_it_did() -> None:
    full = {"id": "full", "at": "rcpt", "when": {"to": "bob@*"}, "do": [{"reply": "452 4.2.2 Full"}]}
    found = held({"rules": [full], "expect": [{"ends_with": "quit"}, {"retried": {"after": "4xx"}}]}, seed=7)
    assert (found.scenario.name, found.seed, found.finished.exit_code) == ("tried", 7, 0)
    assert [result.passed for result in found.verdict.results] == [True, False]
    assert (found.passed, found.verdict.grade) == (False, Grade.SILENT)
    assert [(state.rule.id, state.fired) for state in found.rules] == [("full", 1)]
    [session] = found.evidence.sessions
    assert session.ending == "quit"
    [transaction] = session.transactions
    assert [recipient.accepted for recipient in transaction.recipients] == [True, False]


def test_the_program_is_told_where_to_send(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    tell = """
import os, sys, urllib.request
host, port, url = (os.environ[name] for name in ("SMTP_HOST", "SMTP_PORT", "SMTP_URL"))
assert (host, url) == ("127.0.0.1", f"smtp://{host}:{port}")
assert sys.argv[1:] == [f"--to={host}:{port}", "{other}"], sys.argv
print(urllib.request.urlopen(os.environ["MAILTRAP_URL"] + "/livez").status, os.environ["KEPT"])
"""
    monkeypatch.setenv("KEPT", "kept")
    assert held({}, *python(tell, "--to={host}:{port}", "{other}")).passed
    assert capfd.readouterr().out == "200 kept\n"


def test_what_the_program_prints_can_be_kept_and_its_surroundings_can_be_more(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    say = "import os, sys; print(os.environ['PORT'], flush=True); print('and an error', file=sys.stderr)"
    with (tmp_path / "output").open("wb") as output:
        hold(
            FREE,
            python(say),
            timeout=60,
            output=output,
            surroundings=lambda server: {"PORT": f"SMTPS on {server.smtps_port}"},
        )
    first, second = (tmp_path / "output").read_text().splitlines()
    assert first.removeprefix("SMTPS on ").isdecimal()
    assert second == "and an error"
    assert capfd.readouterr() == ("", "")


def test_a_program_that_is_stopped_has_not_passed() -> None:
    found = held({}, *python(PAUSE), timeout=0.2)
    assert (found.passed, found.verdict.passed, found.verdict.grade) == (False, True, Grade.HUNG)


def test_a_program_that_dies_of_a_signal_is_known_to() -> None:
    found = held({}, *python("import os, signal; os.kill(os.getpid(), signal.SIGABRT)"))
    assert found.verdict.grade == Grade.CRASHED
    assert found.evidence.command is not None
    assert (found.evidence.command.exit_code, found.evidence.command.signal) == (None, 6)


@pytest.mark.parametrize(("optional", "unfired"), [(False, ["never"]), (True, [])])
def test_in_a_strict_scenario_every_rule_has_to_fire_that_is_not_optional(
    *, optional: bool, unfired: list[str]
) -> None:
    found = held({"strict": True, "rules": [{"id": "never", "at": "auth", "do": ["close"], "optional": optional}]})
    assert [state.rule.id for state in found.unfired] == unfired
    assert found.passed is not bool(unfired)


def test_a_session_that_is_still_open_at_the_end_is_ended_and_in_the_evidence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trial, "_GOODBYE", 0.05)
    with contextlib.ExitStack() as stack:

        def connected(server: Mailtrap) -> dict[str, str]:
            client = stack.enter_context(socket.create_connection((server.host, server.port), timeout=30))
            assert client.recv(3) == b"220"
            return {}

        found = hold(FREE, ["true"], timeout=60, surroundings=connected)
    [session] = found.evidence.sessions
    assert session.ending == "shutdown"


def test_the_record_can_be_kept(tmp_path: Path) -> None:
    held({}, store=str(tmp_path / "record.sqlite"))
    store = Store(f"sqlite:///{tmp_path / 'record.sqlite'}")
    assert [message.subject for message in store.messages().items] == ["Welcome"]
    store.close()


def test_what_cannot_start_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="cannot be started"):
        held({}, str(tmp_path / "absent"))
    with pytest.raises(ScenarioError, match="no scenario 'absent'"):
        hold(FREE.changed(scenario="absent"), ["true"], timeout=1)


def test_whom_the_user_names_stays_unless_the_scenario_needs_somebody(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    told = tmp_path / "told"
    tell = python(f"import os, sys; open({str(told)!r}, 'w').write(os.environ['SMTP_TO'] + sys.argv[1])", "{to}")
    monkeypatch.setenv("SMTP_TO", "me@example.com")
    held({}, *tell)
    assert told.read_text() == "me@example.com" * 2
    held({"needs": {"recipients": "cy@example.com"}}, *tell)
    assert told.read_text() == "cy@example.com" * 2
    monkeypatch.delenv("SMTP_TO")
    held({}, *tell)
    assert told.read_text() == "bob@example.com" * 2
