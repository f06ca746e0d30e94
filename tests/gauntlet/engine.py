"""One run of the gauntlet: a program under a scenario, judged, and put into the few words of a table's row.

It knows nothing of the clients here: whatever reads SMTP_HOST, SMTP_PORT, SMTP_TO, SMTP_MESSAGES, SMTP_PAUSE, SMTP_USER
and SMTP_PASSWORD can run. Where a scenario needs several connections at once, so many of the program run at once.
"""

from __future__ import annotations

import dataclasses
import json
import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mailtrap_py.cli.trial import Trial, hold
from mailtrap_py.scenario import load
from mailtrap_py.scenario.findings import findings
from mailtrap_py.scenario.verdict import judge
from mailtrap_py.settings import Settings

if TYPE_CHECKING:
    from mailtrap_py.handle import Mailtrap
    from mailtrap_py.scenario.verdict import Grade, Result
    from tests.gauntlet.programs import Program

FAULTLESS, FAULTLESS_LOGIN = "nothing-wrong", "nothing-wrong-login"
"""The runs in which the server is well, without and with a log-in. What a client does then, it always does."""

LIMIT = 45.0
"""Seconds for a run: more than the 30 s after which the shipped scenarios end a silence."""

PARALLEL = Path(__file__).with_name("clients") / "parallel.sh"
_SEED = 5321  # of scenarios that leave it open: the table must not change by chance
_SETTINGS = Settings(host=("127.0.0.1",), smtp_port=0, smtps_port=0, http_port=None, store="sqlite://")
_CHANGING = tuple(
    (re.compile(pattern), instead)
    for pattern, instead in (
        (r"127\.0\.0\.1:\d+", "127.0.0.1:port"),
        (r"\('127\.0\.0\.1', \d+\)", "('127.0.0.1', port)"),
        (r"\bport \d+", "port"),
        (r"\bafter \d+ (ms|milliseconds)", r"after some \1"),
        (r"\bqueued as \w+", "queued as (id)"),
        (r"\d{4}-\d\d-\d\dT[\d:]+Z", "(date)"),
        (r"\b[0-9A-F]{12,16}:error", "error"),  # OpenSSL's number of a thread
    )
)
_LONGEST = 110  # characters of what a client said


@dataclass(frozen=True, slots=True)
class Run:
    """What came of one run. `met` says whether the client came to where the server fails.

    `wanted` are the messages and the recipients that it was asked to send (to).
    """

    scenario: str
    grade: Grade
    met: bool
    said: str
    messages: int
    reached: int
    wanted: tuple[int, int]
    seconds: float
    findings: tuple[str, ...]
    results: tuple[Result, ...]


def play(program: Program, scenario: str, *, tells: bool, limit: float = LIMIT) -> Run:
    """Run a program under a scenario. One that `tells` prints JSON at its end, unless an error escaped it."""
    trial, output = attempt(program, scenario, limit=limit)
    report = find_report(output) if tells else None
    verdict, said = trial.verdict, words_of(report, output)
    if trial.finished.timed_out:
        said = f"nothing in {limit:g} s"
    elif tells and report is None:
        said = last_words(output)
        command = trial.evidence.command and dataclasses.replace(trial.evidence.command, unhandled=True)
        verdict = judge(trial.scenario, dataclasses.replace(trial.evidence, command=command))
    assert verdict.grade is not None
    reached = {address for message in trial.evidence.messages for address in message.recipients}
    needs = trial.scenario.needs
    return Run(
        scenario=scenario,
        grade=verdict.grade,
        met=trial.met,
        said=said,
        messages=len(trial.evidence.messages),
        reached=len(reached),
        wanted=(needs.messages * needs.connections, len(needs.recipients)),
        seconds=trial.finished.seconds,
        findings=tuple(dict.fromkeys(finding.kind for finding in findings(trial.evidence))),
        results=verdict.results,
    )


def attempt(program: Program, scenario: str, *, limit: float) -> tuple[Trial, str]:
    """Hold the trial of a program, and give with it what the program printed."""
    faultless = scenario in {FAULTLESS, FAULTLESS_LOGIN}
    login = scenario == FAULTLESS_LOGIN if faultless else wants_login(scenario)
    with tempfile.TemporaryDirectory() as folder, (Path(folder) / "output").open("w+b") as output:
        authority = Path(folder) / "authority.pem"

        def surroundings(server: Mailtrap) -> Mapping[str, str]:
            authority.write_bytes(server.authority_pem)
            return {
                **program.environment,
                "SMTP_USER": "ann" if login else "",
                "SMTP_PASSWORD": "secret" if login else "",
                # The machine trusts the trap, as it trusts the authorities of real servers.
                "SSL_CERT_FILE": str(authority),  # OpenSSL, and so Python, PHP, Perl and Ruby; also Go
                "CURL_CA_BUNDLE": str(authority),
                "NODE_EXTRA_CA_CERTS": str(authority),
            }

        settings = _SETTINGS if faultless else _SETTINGS.changed(scenario=scenario, seed=_SEED)
        several = not faultless and load(scenario).needs.connections > 1
        command = ("sh", str(PARALLEL), *program.command) if several else program.command
        trial = hold(settings, command, timeout=limit, output=output, surroundings=surroundings)
        output.seek(0)
        return trial, output.read().decode(errors="replace")


def wants_login(name: str | Path) -> bool:
    """Say whether a scenario is about TLS or AUTH. Under such a one programs log in, and insist on TLS for that."""
    scenario = load(name)
    points = {point for rule in scenario.rules for point in rule.at}
    return bool(points & {"auth", "starttls", "tls"}) or any(each.no_plaintext for each in scenario.expect)


def find_report(output: str) -> Mapping[str, Any] | None:
    """Find the JSON that a program ends with, `{"sent": bool, "error": str, "refused": {address: reply}}`.

    Of several that ran at once the one that failed has something to say.
    """
    found = None
    for line in reversed(output.splitlines()):
        try:
            report = json.loads(line)
        except ValueError:
            continue
        if isinstance(report, dict) and "sent" in report:
            found = found if found and report["sent"] else report
    return found


def words_of(report: Mapping[str, Any] | None, output: str) -> str:
    """Say shortly what a program reported: its JSON, else its complaints, which for swaks are the marked lines."""
    if report is not None:
        refused = [f"{address}: {reply}" for address, reply in report["refused"].items()]
        complaints = [report["error"], *refused]
    else:
        lines = [" ".join(line.split()) for line in output.splitlines()]
        marked = [line for line in lines if line.startswith(("<** ", "<~* ", "*** "))]
        complaints = marked or [line for line in lines if not line.startswith(("<", "-", "~"))]
    return shorten("; ".join(filter(None, complaints))) or "sent"


def last_words(output: str) -> str:
    """Say shortly what a program died of: the last line of it that speaks of an error, if any does."""
    lines = [line for line in output.splitlines() if line.strip()]
    errors = [line for line in lines if re.search(r"error|exception|panic", line, re.IGNORECASE)]
    return shorten((errors or lines or [""])[-1])


def shorten(said: str) -> str:
    """Fold into one line, without what differs from run to run or cannot be shown, and cut."""
    said = " ".join(said.split())
    for changing, instead in _CHANGING:
        said = changing.sub(instead, said)
    said = "".join(char if char.isprintable() else "\ufffd" for char in said)
    return said if len(said) <= _LONGEST else f"{said[: _LONGEST - 1]}…"
