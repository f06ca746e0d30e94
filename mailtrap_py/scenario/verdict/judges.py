"""One judge for each expectation, with the rule of the RFC that it upholds and what to do when it fails.

A judge takes what is expected and the case, and gives a `Ruling`; the docstring of each says to the second what is
meant. An expectation that asks for something to happen fails when the occasion never came (nothing was refused, so
nothing was retried): a run in which nothing happened proves nothing. An expectation that forbids something holds then.
Times are the scenario's clock, compared with a millisecond's tolerance.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from mailtrap_py.scenario.quantities import Comparison
from mailtrap_py.scenario.verdict.case import Case, Ruling, count
from mailtrap_py.scenario.verdict.connection import (
    ends_with,
    gave_up,
    no_plaintext,
    not_early,
    not_reused,
    reconnected,
    waited,
)
from mailtrap_py.scenario.verdict.grade import TRUE, grade_of_word
from mailtrap_py.scenario.verdict.mail import delivered, not_retried, only_retried, retried


def client_said(expected: str, case: Case) -> Ruling:
    """Judge `client_said`: the exit code says so. A command that timed out or died said nothing, and fails it.

    `truth` asks for success when every recipient's mail was taken, as far as the client was told, else for failure.
    Without a command, as in the fixture and the server, nobody was there to say anything, and it holds.
    """
    command = case.evidence.command
    if command is None:
        return Ruling(passed=True, evidence=("no command was run",))
    if expected != "truth" or not command.said:
        return Ruling(command.said == expected, (str(command),))
    grade = grade_of_word(command.said, case)
    return Ruling(grade in TRUE, (str(command), grade.meaning))


def fired(expected: Mapping[str, Comparison], case: Case) -> Ruling:
    """Judge `fired`: each rule that is named acted so many times."""
    lines: list[str] = []
    passed = True
    for rule, times in expected.items():
        firings = [firing for firing in case.evidence.firings if firing.rule == rule]
        fired = f"{rule} fired {count(len(firings), 'time')}"
        if times.matches(len(firings)):
            lines.append(fired)
            continue
        passed = False
        lines.append(f"{fired}, not {times}")
        lines += [f"{case.evidence.when(firing.clock)} {rule} at {firing.point}" for firing in firings]
    return Ruling(passed, tuple(lines))


@dataclass(frozen=True, slots=True)
class Judge:
    """Who judges an expectation, by which rule of which RFC, and what to do when it fails."""

    rule: Callable[[Any, Case], Ruling]
    rfc: str
    hint: str


JUDGES: Final[Mapping[str, Judge]] = {
    "delivered": Judge(
        delivered,
        "RFC 5321, section 4.5.4.1; RFC 1047",
        "Keep what was not taken and send it again, with the same Message-ID, so that a second copy can be seen.",
    ),
    "retried": Judge(
        retried,
        "RFC 5321, section 4.5.4.1",
        "Keep mail that was deferred (4yz, or a lost connection) in a queue, and try again after a delay that grows.",
    ),
    "not_retried": Judge(
        not_retried,
        "RFC 5321, section 4.2.1",
        "A 5yz reply is final: report the failure, and do not send the same again.",
    ),
    "only_retried": Judge(
        only_retried,
        "RFC 5321, section 3.3",
        "Remember the reply of each RCPT command, and send again to those recipients only that were refused.",
    ),
    "reconnected": Judge(
        reconnected,
        "RFC 5321, section 3.8",
        "After 421 or a lost connection open a new one; treat it as a temporary failure, not as the mail's fault.",
    ),
    "not_reused": Judge(
        not_reused,
        "RFC 5321, section 3.8",
        "Close a connection that failed (QUIT) and take a new one from the pool.",
    ),
    "not_early": Judge(
        not_early,
        "RFC 5321, section 4.3.1; RFC 2920, section 3.1; RFC 3207, section 4.2",
        "Read the whole reply before the next command, and forget at STARTTLS all that was read before TLS.",
    ),
    "gave_up": Judge(
        gave_up,
        "RFC 5321, section 4.5.3.2",
        "Set a deadline for each reply, not only for the connection, and not one that every octet starts anew.",
    ),
    "waited": Judge(
        waited,
        "RFC 5321, section 4.5.3.2.6",
        "Wait longer, above all for the reply to the final dot: giving up there is how duplicates are made.",
    ),
    "ends_with": Judge(
        ends_with,
        "RFC 5321, section 4.1.1.10",
        "Send QUIT before closing, also after an error.",
    ),
    "no_plaintext": Judge(
        no_plaintext,
        "RFC 3207, section 4.1; RFC 8314, section 3",
        "Require TLS and verify the certificate: when STARTTLS is missing or fails, close, and report it.",
    ),
    "client_said": Judge(
        client_said,
        "RFC 5321, section 4.2.5",
        "Make the exit code follow the replies: failure when any recipient was not taken, success when all were.",
    ),
    "fired": Judge(
        fired,
        "",
        "See the rules' nearest misses: either the client did something else, or the rule does not match what it does.",
    ),
}
"""One judge for each key of an `Expectation`."""
