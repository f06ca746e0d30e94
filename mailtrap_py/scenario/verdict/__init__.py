"""The verdict on a client: what was expected of it, held against the record of what it did.

    tally        how often each message reached each recipient
    case         the evidence before the judges
    mail         judges: delivered, retried, not_retried, only_retried
    connection   judges: reconnected, not_reused, not_early, gave_up, waited, ends_with, no_plaintext
    judges       the table of them all
    grade        what a command said against what became of its mail
    judge        the verdict

A judge's docstring says to the second what its expectation means.
"""

from mailtrap_py.scenario.verdict.grade import Grade
from mailtrap_py.scenario.verdict.judge import Result, Verdict, judge

__all__ = ["Grade", "Result", "Verdict", "judge"]
