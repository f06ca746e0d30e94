"""The account of a trial."""

from __future__ import annotations

import re
from dataclasses import replace
from io import StringIO
from typing import TYPE_CHECKING

from rich.console import Console

from mailtrap_py.cli.account import conclusion, tell
from mailtrap_py.cli.process import Finished
from tests.trials import held, python

if TYPE_CHECKING:
    from mailtrap_py.cli.trial import Trial

FULL = {
    "id": "full",
    "at": "rcpt",
    "when": {"to": "bob@*"},
    "count": {"times": 1},
    "do": [{"note": "bob's box"}, {"reply": "452 4.2.2 Full"}],
}
SECURE = """
import os, smtplib, sys
with smtplib.SMTP(os.environ["SMTP_HOST"], int(os.environ["SMTP_PORT"])) as smtp:
    smtp.starttls()
    smtp.login(sys.argv[1], "secret")
    smtp.sendmail("app@example.com", "bob@example.com", "x" * 2000)
"""


def told(trial: Trial, *, width: int = 500, colours: bool = False) -> str:
    """Give the account, with `#` for what differs from run to run."""
    file = StringIO()
    tell(trial, Console(file=file, width=width, highlight=False, markup=False, force_terminal=colours))
    return re.sub(r"\+\d+\.\d{3}s|(?<=127\.0\.0\.1:)\d+|(?<=TLSv1\.)\d", "#", file.getvalue())


def test_a_run_is_told_in_the_order_of_time() -> None:
    trial = replace(held({"rules": [FULL], "expect": [{"ends_with": "quit"}]}, seed=7), command=("./send", "two words"))
    assert told(trial).splitlines() == [
        "tried, seed 7",
        "./send 'two words': exit code 0",
        " # session 1 from 127.0.0.1:#, quit",
        " #   rule full at rcpt: note: bob's box; reply: 452 4.2.2 Full",
        " #   app@example.com -> ann@example.com: accepted; refused bob@example.com (452)",
        "rule full fired 1 time",
        "pass ends_with: quit",
        "  1 session ended with QUIT",
        "grade: silent: it said success, and some recipients have nothing",
        "passed; but nothing is expected that would forbid silent",
    ]


def test_a_run_without_a_client_is_told_too() -> None:
    trial = replace(held({"rules": [FULL]}, *python("raise SystemExit(3)"), seed=7), command=("true",))
    assert told(trial).splitlines() == [
        "tried, seed 7",
        "true: exit code 3",
        "         no client connected",
        "rule full never fired: no session came to rcpt",
        "grade: honest: it said failure, and nothing was delivered, or it could not know",
        "passed; but the client never came to where the server fails",
    ]


def test_a_client_that_only_knocked_is_told_too() -> None:
    knock = "import os, socket; socket.create_connection((os.environ['SMTP_HOST'], os.environ['SMTP_PORT'])).close()"
    assert "\n # session 1 from 127.0.0.1:#, client-" in told(held({}, *python(knock)))


def test_mail_that_was_stored_without_a_word_is_told_as_such() -> None:
    text = told(held({"rules": [{"at": "message", "do": ["accept", {"close": "reset"}]}]}))
    assert "accepted, but the client was not told\n" in text
    assert "server-reset (rule rule-1 closed the connection" in text


def test_a_message_that_was_refused_by_no_rule_is_told_in_the_words_of_the_reply() -> None:
    text = told(held({}, *python(SECURE, "ann"), max_message_size=1000))
    assert re.search(r"session 1 from 127\.0\.0\.1:#, TLSv1\.#, as ann, quit\n", text)
    assert re.search(r"app@example\.com -> nobody: rejected.*552 5\.3\.4 ", text)


def test_what_a_client_wrote_cannot_colour_the_terminal() -> None:
    text = told(held({}, *python(SECURE, "\x1b[31mann")))
    assert "\x1b" not in text
    assert ", as \\x1b[31mann, quit\n" in text


def test_on_a_terminal_long_lines_are_folded_below_their_beginning() -> None:
    full = FULL | {"do": [{"reply": f"452 4.2.2 {' '.join(['full'] * 20)}"}]}
    lines = told(held({"rules": [full]}), width=60, colours=True).splitlines()
    folded = [line for line in lines if "full full" in line]
    assert len(folded) > 1
    assert "\x1b[33m           full full" in folded[1]
    assert max(len(re.sub("\x1b\\[[0-9;]*m", "", line)) for line in lines) <= 60


def test_the_conclusion_gives_every_reason() -> None:
    rules = [{"id": "never", "at": "auth", "do": ["close"]}]
    trial = held({"strict": True, "rules": rules, "expect": [{"retried": {"after": "4xx"}}, {"ends_with": "quit"}]})
    trial = replace(trial, finished=Finished(-15, 30.0, timed_out=True))
    assert conclusion(trial) == (
        "FAILED: the command did not end in time; the client never came to where the server fails; "
        "1 of 2 expectations failed; the scenario is strict, and never never fired"
    )


def test_a_command_that_crashes_has_not_passed() -> None:
    trial = held({"expect": [{"delivered": "never"}]}, *python("import os; os.abort()"))
    assert trial.verdict.passed
    assert not trial.passed
    assert conclusion(trial) == "FAILED: the command crashed (died of SIGABRT)"


def test_what_was_so_from_the_beginning_is_told() -> None:
    text = told(held({"begin": {"listener": "refuse", "for": "1h"}}, *python("raise SystemExit(1)")))
    assert "\nfrom the beginning: listener: refuse (for 1h)\n         no client connected\n" in text


def test_a_fault_that_was_not_met_is_told_with_what_it_takes() -> None:
    scenario = {
        "needs": {"messages": 2},
        "rules": [{"id": "idle", "at": "idle", "when": {"idle": "1h"}, "do": "close"}],
    }
    assert told(held(scenario)).endswith(
        "passed; but the client never came to where the server fails: "
        "it takes 2 messages over one connection (SMTP_MESSAGES)\n"
    )
