"""One scenario of the gauntlet, tried for real."""

from __future__ import annotations

from mailtrap_py.cli.gauntlet.attempt import KEPT
from mailtrap_py.events import Source
from mailtrap_py.scenario.verdict import Grade
from tests.gauntlet_runs import ran

SEVERAL = ("bob@example.com", "cy@example.com", "dee@example.com")


def test_a_run_says_what_the_client_did_and_what_to_think_of_it() -> None:
    run = ran("no-such-user")
    assert (run.scenario, run.class_, run.seed) == ("no-such-user", "legal", 7)
    assert (run.grade, run.met, run.passed, run.bad) == (Grade.SILENT, True, False, True)
    assert (run.said, run.exit_code, run.timed_out, run.copies) == ("success (0)", 0, False, 1)
    assert run.reached == (SEVERAL[0], SEVERAL[2])
    assert [each.expectation for each in run.expectations if not each.passed] == ["client_said: truth"]
    assert ("info", "mail-in-clear") in {(level, kind) for level, kind, _ in run.findings}
    assert run.output == ""
    [session] = run.sessions
    assert (session.number, session.protocol, session.ending) == (1, "smtp", "quit")
    [refused] = [line for line in session.lines if line.rule]
    assert refused.source is Source.SERVER
    assert "S: 550 5.1.1 <cy@example.com>" in refused.text
    assert refused.rule == "unknown-user"


def test_a_command_that_cannot_send_says_so() -> None:
    run = ran("mailbox-full-permanent")
    assert (run.grade, run.said, run.copies, run.reached) == (Grade.HONEST, "failure (1)", 0, ())
    assert "SMTPRecipientsRefused" in run.output.splitlines()[-1]


def test_the_command_learns_to_whom_and_whom_to_trust() -> None:
    tell = """
import os, ssl, sys
print(sys.argv[1:], os.environ["SMTP_TO"])
print(len(ssl.create_default_context(cafile=os.environ["SMTP_CA_FILE"]).get_ca_certs()))
"""
    to = ",".join(SEVERAL)
    assert ran("no-such-user", tell).output == f"['--to={to}'] {to}\n1"


def test_who_never_comes_to_the_fault_has_not_met_it() -> None:
    run = ran("tls-expired")
    assert (run.met, run.bad, run.grade) == (False, False, Grade.INSECURE)


def test_what_it_takes_to_meet_the_fault_is_told() -> None:
    run = ran("idle-closed")
    assert not run.met
    assert run.why.endswith(": it takes 2 messages over one connection with pauses of 3s (SMTP_MESSAGES, SMTP_PAUSE)")
    tell = "import os; print(*(os.environ['SMTP_' + name] for name in ('TO', 'MESSAGES', 'PAUSE', 'CONNECTIONS')))"
    assert ran("idle-closed", tell).output == "bob@example.com 2 3 1"
    assert ran("too-many-senders", tell).output == "bob@example.com 1 0 4"


def test_an_optional_rule_is_not_what_the_scenario_is_about() -> None:
    run = ran("too-many-connections")
    assert {line.rule for session in run.sessions for line in session.lines} == {"", "slow"} or run.copies == 1
    assert not run.met


def test_a_command_that_is_stopped_and_one_that_dies() -> None:
    stopped = ran("greylisting", "import signal; signal.pause()", timeout=0.2)
    assert (stopped.grade, stopped.timed_out) == (Grade.HUNG, True)
    assert stopped.said in {f"stopped at {seconds} s" for seconds in range(60)}
    assert stopped.sessions == ()
    died = ran("greylisting", "import os, signal; os.kill(os.getpid(), signal.SIGABRT)")
    assert (died.grade, died.said, died.exit_code) == (Grade.CRASHED, "died of SIGABRT", -6)


def test_the_end_of_the_output_is_kept_and_can_be_shown_anywhere() -> None:
    run = ran("greylisting", r"print('\x1b[1;31mred\x1b[0m and \x07\ta bell\r\nsecond')")
    assert run.output == "red and \\x07\ta bell\nsecond"
    long = ran("greylisting", f"print('x' * {KEPT}, end='the end')").output
    assert long == f"…{'x' * (KEPT - 7)}the end"
