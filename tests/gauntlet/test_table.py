"""The table of clients: how it is made of runs, and that a part of it comes out again."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from mailtrap_py.scenario.library import names
from mailtrap_py.scenario.verdict import Grade, Result
from tests.gauntlet import engine
from tests.gauntlet.engine import (
    FAULTLESS,
    FAULTLESS_LOGIN,
    LIMIT,
    Run,
    find_report,
    last_words,
    play,
    shorten,
    wants_login,
    words_of,
)
from tests.gauntlet.notes import NOTES, Note
from tests.gauntlet.page import CLASSES, NOT_MET, Page, Row, Section, code, read, write
from tests.gauntlet.programs import CLIENTS, SOURCES, AbsentError, Client, Program, Workshop
from tests.gauntlet.table import PAGE, add, fitting_notes, prepare, row_of, unfit_runs

if TYPE_CHECKING:
    from tests.conftest import Missing

SEND = """
import os, smtplib
with smtplib.SMTP(os.environ["SMTP_HOST"], int(os.environ["SMTP_PORT"])) as smtp:
    refused = smtp.sendmail("ann@example.com", os.environ["SMTP_TO"].split(","), "Subject: Hello")
"""


def python(code: str) -> Program:
    return Program((sys.executable, "-c", code), "1")


def run(**changes: object) -> Run:
    values: dict[str, object] = {
        "scenario": "greylisting",
        "grade": Grade.HONEST,
        "met": True,
        "said": "450 Later",
        "messages": 0,
        "reached": 0,
        "wanted": (1, 3),
        "seconds": 0.2,
        "findings": (),
        "results": (),
    }
    return Run(**(values | changes))  # type: ignore[arg-type]  # the values above have the types of the fields


def result(expectation: str, *, passed: bool) -> Result:
    return Result(expectation, passed, (), "", "")


# -- a run


def test_a_program_is_graded_and_its_words_are_kept() -> None:
    found = play(python(SEND + 'print(\'{"sent": true, "error": "", "refused": {}}\')'), "no-such-user", tells=True)
    assert (found.grade, found.met, found.said) == (Grade.SILENT, True, "sent")
    assert (found.messages, found.reached) == (1, 2)
    assert found.findings
    assert [each.expectation for each in found.results if not each.passed] == ["client_said: truth"]
    assert found.wanted == (1, 3)


def test_several_at_once_run_where_connections_are_needed(tmp_path: Path) -> None:
    path = tmp_path / "scenario.yaml"
    path.write_text('{"needs": {"connections": 3}}')
    tell = python("import os; print(os.environ['SMTP_CONNECTIONS']); raise SystemExit(1)")
    trial, output = engine.attempt(tell, str(path), limit=20)
    assert (output.split(), trial.finished.exit_code) == (["1"] * 3, 1)


def test_a_program_that_does_not_come_to_its_report_has_crashed() -> None:
    found = play(python("raise ValueError('what now?')"), FAULTLESS, tells=True)
    assert (found.grade, found.said) == (Grade.CRASHED, "ValueError: what now?")
    assert play(python("raise SystemExit(1)"), FAULTLESS, tells=False).grade == Grade.HONEST


def test_a_program_that_does_not_end_is_stopped() -> None:
    found = play(python("import signal; signal.pause()"), FAULTLESS, tells=True, limit=0.3)
    assert (found.grade, found.said) == (Grade.HUNG, "nothing in 0.3 s")


def test_the_machine_trusts_the_trap() -> None:
    verify = """
import os, smtplib, ssl
smtp = smtplib.SMTP(os.environ["SMTP_HOST"], int(os.environ["SMTP_PORT"]))
smtp.starttls(context=ssl.create_default_context())
try:
    smtp.login(os.environ["SMTP_USER"], os.environ["SMTP_PASSWORD"])
except smtplib.SMTPAuthenticationError as refusal:
    print(refusal.smtp_code)
"""
    assert play(python(verify), "bad-credentials", tells=False).said == "535"


def test_a_fault_that_the_client_never_met_is_told() -> None:
    assert not play(python("pass"), "no-such-user", tells=False).met


@pytest.mark.parametrize(
    ("data", "login"),
    [
        ({"rules": [{"at": "rcpt", "do": [{"reply": "450 Later"}]}]}, False),
        ({"rules": [{"at": ["connect", "auth"], "do": [{"delay": "1s"}]}]}, True),
        ({"expect": [{"no_plaintext": "mail"}]}, True),
    ],
)
def test_programs_log_in_where_it_is_about_that(tmp_path: Path, data: dict[str, object], *, login: bool) -> None:
    path = tmp_path / "scenario.yaml"
    path.write_text(json.dumps(data))
    assert wants_login(path) is login


def test_the_report_is_the_last_line_that_is_one() -> None:
    assert find_report('{"sent": true}\nWarning: [1]\n{"sent": false}\n[]\n') == {"sent": False}
    assert find_report("sent") is None
    of_three = find_report('{"sent": true}\n{"sent": false, "error": "421"}\n{"sent": true}\n')
    assert of_three == {"sent": False, "error": "421"}


@pytest.mark.parametrize(
    ("report", "output", "words"),
    [
        ({"error": "", "refused": {}}, "noise", "sent"),
        ({"error": "no", "refused": {"bob@x": "550 No"}}, "", "no; bob@x: 550 No"),
        (None, "", "sent"),
        (None, "curl: (55) RCPT failed: 550\n", "curl: (55) RCPT failed: 550"),
        (None, "<-  220 hello\n -> QUIT\n<** 550  No\n*** Gone\nnoise\n", "<** 550 No; *** Gone"),
    ],
)
def test_what_a_program_says(report: dict[str, object] | None, output: str, words: str) -> None:
    assert words_of(report, output) == words


def test_what_a_program_died_of() -> None:
    assert last_words("TypeError: no\n    at main\n\nNode.js v20\n") == "TypeError: no"
    assert last_words("killed\n") == "killed"
    assert last_words("") == ""


def test_words_are_one_short_line_without_what_changes() -> None:
    assert shorten("read\r\n  127.0.0.1:40643: reset") == "read 127.0.0.1:port: reset"
    assert shorten("failed ('127.0.0.1', 44207)") == "failed ('127.0.0.1', port)"
    assert shorten("port 35685, after 8001 milliseconds") == "port, after some milliseconds"
    assert shorten("250 Ok: queued as 01a2") == "250 Ok: queued as (id)"
    assert shorten("is 2026-11-21T22:40:27Z") == "is (date)"
    assert shorten("80ECABC5787F0000:error:0A") == "error:0A"
    assert shorten("Gr\udce8ße\0\x1b[0m") == "Gr\ufffdße\ufffd\ufffd[0m"
    assert len(shorten("x" * 500)) == engine._LONGEST  # noqa: SLF001 - the figure is the engine's own


# -- a row


def test_a_row_tells_of_a_run() -> None:
    baseline = run(findings=("no-quit",))
    made = row_of(
        "curl", run(messages=1, reached=2, seconds=4.1, findings=("no-quit", "bare-lf", "helo-name")), baseline
    )
    assert made == Row("curl", "honest ✓", "`450 Later`", "1, for 2 of 3", "2 to 6 s", "`bare-lf`")
    assert row_of("curl", run(messages=2, reached=3, seconds=LIMIT + 1), baseline).time == "stopped after 45 s"
    assert row_of("curl", run(messages=2, reached=3), baseline).stored == "2"
    assert row_of("curl", run(messages=2, reached=1, wanted=(3, 1)), baseline).stored == "2 of 3"


@pytest.mark.parametrize(
    ("changes", "grade", "word", "bad"),
    [
        ({}, "honest ✓", "honest", False),
        ({"results": (result("retried", passed=False),)}, "honest", "honest", False),
        ({"grade": Grade.LOST}, "**lost**", "lost", True),
        ({"met": False}, NOT_MET, NOT_MET, False),
    ],
)
def test_a_grade_is_marked(changes: dict[str, object], grade: str, word: str, *, bad: bool) -> None:
    row = row_of("curl", run(**changes), run())
    assert (row.grade, row.word, row.bad) == (grade, word, bad)


def test_words_of_programs_do_not_break_the_table() -> None:
    assert code("a|b `c` <d@e>") == r"`a\|b 'c' <d@e>`"
    assert code("") == ""


# -- the page


@pytest.fixture
def page() -> Page:
    page = Page()
    ready = [(client, Program(("true",), "1.0")) for client in CLIENTS[:2]]
    one, two = (client.name for client, _ in ready)
    retried, ended = "retried: {after: 4xx}", 'delivered: {match: {subject: "*"}}'
    greylisted = {
        one: run(results=(result(retried, passed=True), result(ended, passed=True))),
        two: run(
            grade=Grade.HUNG,
            said="a|b",
            findings=("no-quit", "bare-lf"),
            results=(result(retried, passed=False), result(ended, passed=True)),
        ),
    }
    refused = {one: run(met=False), two: run(grade=Grade.LOST, results=(result("client_said", passed=False),))}
    faultless = {one: run(grade=Grade.DELIVERED), two: run(grade=Grade.DELIVERED, findings=("no-quit",))}
    both = {FAULTLESS: faultless, FAULTLESS_LOGIN: faultless}
    nobody_met = {"idle-421": {one: run(met=False), two: run(met=False)}}
    add(page, ready, both | {"no-such-user": refused, "greylisting": greylisted} | nobody_met)
    return page


def test_a_page_says_it_all(page: Page) -> None:
    text = write(page, [Note(("aiosmtplib",), "hung", ("greylisting",), "It forgets its time-out.")])
    assert "| [greylisting](#greylisting) | honest ✓ | **hung** |" in text
    assert "| [no-such-user](#no-such-user) | — | **lost** |" in text
    assert "\n\nMet by nobody: [idle-421](#idle-421)\n\n" in text
    assert text.index("### greylisting") < text.index("### no-such-user")
    assert r"| aiosmtplib | **hung** | `a\|b` | 0 | < 2 s | `bare-lf` |" in text
    assert "| aiosmtplib | **hung** | [greylisting](#greylisting) | It forgets its time-out. |\n\n## One" in text
    assert "- `retried: {after: 4xx}`: smtplib\n" in text
    assert '- `delivered: {match: {subject: "*"}}`: everyone\n' in text
    assert "- `client_said`: nobody\n" in text
    assert (
        "| [aiosmtplib](../tests/gauntlet/clients/python_aiosmtplib.py) | 1.0 | 2 | 0 | 1 hung, 1 lost | `no-quit` |"
    ) in text
    assert "| `bare-lf`" not in text.partition("## The findings")[2]
    assert "| bare-lf | " in text.partition("## The findings")[2]


def test_what_was_written_can_be_read(page: Page) -> None:
    assert read(write(page)) == page


def test_a_run_takes_the_place_of_an_older_one_and_no_other(page: Page) -> None:
    again = Section("greylisting", "legal", "New.", {"smtplib": Row("smtplib", "honest", "", "0", "2 s", "")})
    again.held = {"retried: {after: 4xx}": set(), "ended": {"smtplib"}}
    page.put(again)
    section = page.sections["greylisting"]
    assert (section.about, section.rows["smtplib"].time, section.rows["aiosmtplib"].grade) == (
        "New.",
        "2 s",
        "**hung**",
    )
    assert section.held == {"retried: {after: 4xx}": set(), "ended": {"smtplib"}}


def test_a_note_holds_where_the_grade_does(
    page: Page, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    notes = (
        Note(("smtplib", "aiosmtplib", "curl"), "hung", ("greylisting", "lost-250"), "They forget their time-out."),
        Note(("aiosmtplib",), "silent", ("no-such-user",), "It forgets who was refused."),
    )
    monkeypatch.setattr("tests.gauntlet.table.NOTES", notes)
    assert fitting_notes(page) == [Note(("aiosmtplib",), "hung", ("greylisting",), "They forget their time-out.")]
    assert capsys.readouterr().err.splitlines() == [
        "a note explains why smtplib is hung under greylisting, and it is honest",
        "a note explains why aiosmtplib is silent under no-such-user, and it is lost",
    ]


def test_a_client_that_cannot_send_at_all_is_unfit() -> None:
    well, ill = run(grade=Grade.DELIVERED), run()
    runs = {FAULTLESS: {"curl": well, "msmtp": well}, FAULTLESS_LOGIN: {"curl": well, "msmtp": ill}}
    assert list(unfit_runs(runs)) == [(FAULTLESS_LOGIN, "msmtp", ill)]


def test_every_grade_and_class_has_its_words(page: Page) -> None:
    text = write(page)
    assert all(grade.meaning[1:] in text for grade in Grade)
    assert "legal" in CLASSES


# -- the clients


def test_every_client_has_its_program() -> None:
    used = {client.source for client in CLIENTS} | {"compose.sh", engine.PARALLEL.name}
    assert used == {path.name for path in SOURCES.iterdir() if path.is_file()}


def test_notes_are_about_what_there_is() -> None:
    assert {client for note in NOTES for client in note.clients} <= {client.name for client in CLIENTS}
    assert {scenario for note in NOTES for scenario in note.scenarios} <= set(names())
    assert {note.grade for note in NOTES} <= {str(grade) for grade in Grade}


def test_a_client_that_is_absent_is_left_out_with_its_reason_or_missed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def absent(workshop: Workshop, source: str) -> Program:
        return Program((workshop.find("no-such-program"), source), "")

    clients = [Client("Absent", "absent.sh", absent), CLIENTS[0]]
    monkeypatch.delenv("CI", raising=False)
    assert [client.name for client, _ in prepare(clients, Workshop(tmp_path))] == ["smtplib"]
    assert capsys.readouterr().err == "Absent is left out: no-such-program is not installed\n"
    monkeypatch.setenv("CI", "true")
    with pytest.raises(AbsentError, match="no-such-program is not installed"):
        list(prepare(clients, Workshop(tmp_path)))


def test_what_cannot_be_fetched_is_absent_with_the_words_of_the_tool(tmp_path: Path) -> None:
    with pytest.raises(AbsentError, match=r"-c .* failed: no network"):
        Workshop(tmp_path).run(sys.executable, "-c", "raise SystemExit('no network')")


# -- the page that is there


def generated(text: str) -> str:
    """Take what runs decide about: all but the glossary, which follows the findings' own words."""
    return text.partition("## The findings")[0]


def test_the_page_was_not_edited() -> None:
    page = read(PAGE.read_text("utf-8"))
    assert generated(PAGE.read_text("utf-8")) == generated(write(page, fitting_notes(page)))


@pytest.mark.slow
def test_the_page_has_every_scenario_and_every_client() -> None:
    page = read(PAGE.read_text("utf-8"))
    assert list(page.clients) == [client.name for client in CLIENTS]
    assert sorted(page.sections) == sorted(names())
    assert {name for name, section in page.sections.items() if section.rows.keys() != page.clients.keys()} == set()


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("clients", "scenarios"),
    [
        ("smtplib,aiosmtplib,Django,curl", "lost-250,no-such-user"),
        ("", "bad-credentials"),  # all of them, so that none rots
    ],
)
def test_a_part_of_the_page_comes_out_again(tmp_path: Path, missing: Missing, clients: str, scenarios: str) -> None:
    script = PAGE.parents[1] / "tests" / "gauntlet" / "table.py"
    chosen = ["--cache", str(tmp_path), "--clients", clients, "--scenarios", scenarios]
    done = subprocess.run(
        [sys.executable, str(script), *chosen], check=False, capture_output=True, text=True, timeout=280
    )
    assert done.returncode == 0, done.stderr
    made = cells(read(done.stdout))
    if not made:
        missing(done.stderr.strip())
    kept = cells(read(PAGE.read_text("utf-8")))
    assert made == {place: kept[place] for place in made}


def cells(page: Page) -> dict[tuple[str, str], tuple[str, str]]:
    """Give the grade and the copies by scenario and client; copies prove nothing where the fault was not met."""
    return {
        (name, row.client): (row.grade, row.stored if row.word != NOT_MET else "")
        for name, section in page.sections.items()
        for row in section.rows.values()
    }
