"""The verdict as a whole, the grade of a command, and that nothing makes a judge raise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from mailtrap_py.events import Message, Recorded, SessionStarted
from mailtrap_py.scenario.evidence import CommandResult, Evidence
from mailtrap_py.scenario.expectation import Expectation
from mailtrap_py.scenario.needs import NOTHING, Needs
from mailtrap_py.scenario.verdict import Grade, Verdict, judge
from tests.any_run import RUNS, TIMES
from tests.recorded import Recording, deliver

HELLO = "S: 220 mx.example ready\nC: EHLO client.example\nS: 250 mx.example"
BYE = "C: QUIT\nS: 221 2.0.0 Bye"
TWO = ["bob@example.com", "cyd@example.com"]
ONE_REFUSED = deliver(TWO).replace("RCPT TO:<cyd@example.com>\nS: 250 2.1.5 Ok", "RCPT TO:<cyd@example.com>\nS: 550 No")
ALL_REFUSED = deliver().replace("S: 250 2.1.5 Ok\nC: DATA\nS: 354 Go on", "S: 550 5.1.1 No\nC: RSET\nS: 250 Ok")
ALL_REFUSED = "\n".join(line for line in ALL_REFUSED.splitlines() if not line.startswith("D:")).replace(
    "S: 250 2.0.0 Ok\n", ""
)
LOST_250 = deliver(quit_=False).replace("S: 250 2.0.0 Ok", "store")

SAID_SUCCESS = CommandResult(exit_code=0)
SAID_FAILURE = CommandResult(exit_code=1)


@dataclass(frozen=True)
class Expected:
    """A scenario that is nothing but its expectations."""

    expect: tuple[Expectation, ...] = ()
    needs: Needs = NOTHING


def expected(*wanted: Mapping[str, object]) -> Expected:
    return Expected(tuple(Expectation.model_validate(each) for each in wanted))


def test_a_verdict_passes_when_every_result_does() -> None:
    run = Recording().session(deliver())
    wanted = expected({"delivered": "exactly-once"}, {"ends_with": "quit"}, {"retried": {"after": "4xx"}})

    verdict = judge(wanted, run.evidence())

    assert not verdict.passed
    assert [result.passed for result in verdict.results] == [True, True, False]
    assert verdict.failures == verdict.results[2:]
    assert judge(Expected(wanted.expect[:2]), run.evidence()).passed
    assert judge(Expected(), Evidence()) == Verdict(passed=True, results=())


def test_a_result_reads_as_a_paragraph() -> None:
    verdict = judge(expected({"ends_with": "quit"}), Recording().session(HELLO, "client-closed").evidence())

    assert str(verdict.results[0]) == (
        "FAIL ends_with: quit\n"
        "  +0.000s #1 -- ended by client-closed, not by quit\n"
        "  RFC 5321, section 4.1.1.10\n"
        "  Send QUIT before closing, also after an error."
    )
    verdict = judge(expected({"ends_with": "quit"}), Recording().session(deliver()).evidence())
    assert str(verdict.results[0]) == "pass ends_with: quit\n  1 session ended with QUIT"


def test_long_evidence_is_counted() -> None:
    run = Recording().session(deliver()).session("\n".join([HELLO, *["C: MAIL FROM:<a@x>\nS: 550 No"] * 25, BYE]))

    (result,) = judge(expected({"no_plaintext": ["mail"]}), run.evidence()).results

    assert len(result.evidence) == 21
    assert result.evidence[-1] == "… and 6 lines more"


@pytest.mark.parametrize(
    ("said", "command", "passed", "words"),
    [
        ("failure", SAID_FAILURE, True, "the command ended with exit code 1"),
        ("failure", SAID_SUCCESS, False, "the command ended with exit code 0"),
        ("success", SAID_SUCCESS, True, "the command ended with exit code 0"),
        ("failure", CommandResult(exit_code=None, signal=11), False, "the command died of signal 11"),
        (
            "failure",
            CommandResult(exit_code=None, timed_out=True),
            False,
            "the command was still running at its time limit",
        ),
        ("failure", None, True, "no command was run"),
    ],
)
def test_client_said(said: str, command: CommandResult | None, passed: bool, words: str) -> None:  # noqa: FBT001 - a table
    (result,) = judge(expected({"client_said": said}), Recording().evidence(command)).results

    assert result.passed is passed
    assert result.evidence == (words,)


@pytest.mark.parametrize(
    ("told", "command", "passed"),
    [
        (deliver(), SAID_SUCCESS, True),
        (deliver(), SAID_FAILURE, False),
        (ONE_REFUSED, SAID_SUCCESS, False),
        (ONE_REFUSED, SAID_FAILURE, True),
        (ALL_REFUSED, SAID_SUCCESS, False),
        (ALL_REFUSED, SAID_FAILURE, True),
        (LOST_250, SAID_FAILURE, True),
        (deliver(), CommandResult(exit_code=None, timed_out=True), False),
        (deliver(), None, True),
    ],
)
def test_client_said_the_truth(told: str, command: CommandResult | None, *, passed: bool) -> None:
    run = Recording().session(told, "quit" if "QUIT" in told else "server-reset")

    (result,) = judge(expected({"client_said": "truth"}), run.evidence(command)).results

    assert result.passed is passed
    if command is not None and command.said:
        assert result.evidence[1].startswith(f"it said {command.said}")


def test_fired() -> None:
    run = Recording().fired("busy", 2)

    (result,) = judge(expected({"fired": {"busy": 2, "late": "<= 1"}}), run.evidence()).results
    assert result.passed
    assert result.evidence == ("busy fired 2 times", "late fired 0 times")

    (result,) = judge(expected({"fired": {"busy": 3}}), run.evidence()).results
    assert not result.passed
    assert result.evidence == ("busy fired 2 times, not 3", "+0.000s busy at rcpt", "+0.000s busy at rcpt")


# -- grades


@pytest.mark.parametrize(
    ("sessions", "command", "grade"),
    [
        ([deliver()], SAID_SUCCESS, Grade.DELIVERED),
        ([deliver()], SAID_FAILURE, Grade.MISTAKEN),
        ([deliver(TWO)], SAID_SUCCESS, Grade.DELIVERED),
        ([LOST_250], SAID_SUCCESS, Grade.DELIVERED),
        ([LOST_250], SAID_FAILURE, Grade.HONEST),
        ([LOST_250, deliver()], SAID_SUCCESS, Grade.DUPLICATED),
        ([deliver(), deliver()], SAID_FAILURE, Grade.DUPLICATED),
        ([ONE_REFUSED], SAID_SUCCESS, Grade.SILENT),
        ([ONE_REFUSED], SAID_FAILURE, Grade.PARTIAL),
        ([ALL_REFUSED], SAID_SUCCESS, Grade.LOST),
        ([ALL_REFUSED], SAID_FAILURE, Grade.HONEST),
        ([ALL_REFUSED.replace("550 5.1.1", "450 4.2.0"), deliver()], SAID_SUCCESS, Grade.DELIVERED),
        (["S: 421 Busy"], SAID_SUCCESS, Grade.LOST),
        (["S: 421 Busy"], SAID_FAILURE, Grade.HONEST),
        ([deliver(), "S: 421 Busy"], SAID_SUCCESS, Grade.SILENT),
        ([deliver(), "S: 421 Busy"], SAID_FAILURE, Grade.PARTIAL),
        (["S: 421 Busy", deliver()], SAID_SUCCESS, Grade.DELIVERED),
        ([], SAID_SUCCESS, Grade.LOST),
        ([], SAID_FAILURE, Grade.HONEST),
        ([deliver()], CommandResult(exit_code=None, timed_out=True, signal=9), Grade.HUNG),
        ([deliver()], CommandResult(exit_code=None, signal=11), Grade.CRASHED),
        ([deliver()], CommandResult(exit_code=139), Grade.CRASHED),
        ([deliver()], CommandResult(exit_code=1, unhandled=True), Grade.CRASHED),
    ],
)
def test_grade(sessions: list[str], command: CommandResult, grade: Grade) -> None:
    run = Recording()
    for told in sessions:
        run.session(told, "quit" if "QUIT" in told else "server-reset")

    verdict = judge(Expected(), run.evidence(command))

    assert verdict.passed
    assert verdict.grade is grade


def test_a_discarded_message_was_taken_as_far_as_the_client_knows() -> None:
    run = Recording().session(deliver()).forget(Message)

    assert judge(Expected(), run.evidence(SAID_SUCCESS)).grade is Grade.DECEIVED
    assert judge(Expected(), run.evidence(SAID_FAILURE)).grade is Grade.MISTAKEN
    assert not judge(expected({"delivered": "exactly-once"}), run.evidence()).passed


def test_a_scenario_that_allows_copies_has_no_duplicates() -> None:
    run = Recording().session(LOST_250, "server-reset").session(deliver())

    assert judge(expected({"delivered": "at-least-once"}), run.evidence(SAID_SUCCESS)).grade is Grade.DELIVERED
    assert judge(expected({"delivered": "exactly-once"}), run.evidence(SAID_SUCCESS)).grade is Grade.DUPLICATED
    some = {"delivered": {"match": {"to": "bob@*"}, "copies": 2}}
    assert judge(expected(some), run.evidence(SAID_SUCCESS)).grade is Grade.DELIVERED
    others = {"delivered": {"match": {"to": "cyd@*"}, "copies": 2}}
    assert judge(expected(others), run.evidence(SAID_SUCCESS)).grade is Grade.DUPLICATED


def test_a_message_that_was_asked_for_and_never_came_is_missing() -> None:
    run = Recording().session(deliver())
    wanted = Expected(expected({"delivered": "exactly-once"}).expect, Needs(messages=2))

    verdict = judge(wanted, run.evidence(SAID_FAILURE))
    assert verdict.grade is Grade.PARTIAL
    assert verdict.results[0].evidence == (
        "1 of the 2 messages came that were asked for: 2 messages over one connection (SMTP_MESSAGES)",
    )
    assert judge(wanted, run.evidence(SAID_SUCCESS)).grade is Grade.DELIVERED  # it may not know how to send two
    assert judge(wanted, run.evidence()).passed, "nobody was asked"
    both = run.session(deliver().replace("Message-ID: <1@", "Message-ID: <2@"))
    assert judge(wanted, both.evidence(SAID_SUCCESS)).passed


def test_one_connection_of_several_that_failed_is_no_try_of_the_others() -> None:
    run = Recording().session("+ 1\nS: 421 Too many", "server-closed").session(deliver())
    assert judge(Expected(), run.evidence(SAID_FAILURE)).grade is Grade.MISTAKEN

    side_by_side = [
        replace(event, clock=1000.0) if isinstance(event, SessionStarted) else event for event in run.events
    ]
    evidence = Evidence.gather(side_by_side, command=SAID_FAILURE)
    assert judge(Expected(), evidence).grade is Grade.PARTIAL
    assert not judge(expected({"retried": {"after": 421}}), evidence).passed


def test_waiting_past_the_deadline_of_gave_up_is_hanging() -> None:
    run = Recording().session(f"{HELLO}\nC: NOOP\n+ 5", "client-closed")

    assert judge(expected({"gave_up": {"within": "4s"}}), run.evidence(SAID_FAILURE)).grade is Grade.HUNG
    assert judge(expected({"gave_up": {"within": "5s"}}), run.evidence(SAID_FAILURE)).grade is Grade.HONEST


def test_insecure_is_what_the_scenario_forbids() -> None:
    run = Recording().session(deliver())

    assert judge(expected({"no_plaintext": ["mail"]}), run.evidence(SAID_SUCCESS)).grade is Grade.INSECURE
    assert judge(expected({"no_plaintext": ["auth"]}), run.evidence(SAID_SUCCESS)).grade is Grade.DELIVERED


def test_bad_grades() -> None:
    assert {grade for grade in Grade if grade.bad} == {
        Grade.LOST,
        Grade.DUPLICATED,
        Grade.SILENT,
        Grade.HUNG,
        Grade.INSECURE,
        Grade.CRASHED,
    }


# -- whatever happened

COMMANDS = st.one_of(
    st.none(),
    st.builds(
        CommandResult,
        exit_code=st.one_of(st.none(), st.integers(0, 255)),
        timed_out=st.booleans(),
        signal=st.integers(0, 31),
        unhandled=st.booleans(),
    ),
)
AFTER = ("4xx", "5xx", "421", "45x", "error", "lost")
EVERYTHING = expected(
    *({"delivered": word} for word in ("exactly-once", "at-least-once", "never")),
    {"delivered": {"match": {"to": "*@x", "from": "a@x", "subject": "Hi", "message_id": "1@x"}, "copies": [0, 1]}},
    *({"retried": {"after": each, "not_before": "1s", "within": "2s", "at_most": 1}} for each in AFTER),
    *({"not_retried": {"after": each, "within": "2s"}} for each in AFTER),
    *({"reconnected": {"after": each, "within": "2s"}} for each in AFTER),
    *({"not_reused": {"after": each}} for each in AFTER),
    {"only_retried": "refused"},
    {"gave_up": {"within": "1s"}},
    {"waited": {"at_least": "1s"}},
    {"ends_with": "quit"},
    {"no_plaintext": ["auth", "mail"]},
    {"not_early": ["greeting", "ehlo", "starttls", "auth", "data", "message"]},
    {"client_said": "success"},
    {"client_said": "truth"},
    {"fired": {"rule-1": ">= 1"}},
)


@given(recorded=RUNS, command=COMMANDS, until=TIMES)
def test_a_judge_never_raises(recorded: list[Recorded], command: CommandResult | None, until: float) -> None:
    verdict = judge(EVERYTHING, Evidence.gather(recorded, command=command, until=until))

    assert len(verdict.results) == len(EVERYTHING.expect)
    assert verdict.passed == (not verdict.failures)
    assert (verdict.grade is None) == (command is None)
    assert all(result.evidence and str(result) for result in verdict.results)
