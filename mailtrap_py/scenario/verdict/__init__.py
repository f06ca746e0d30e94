"""The verdict on a client: what was expected of it, held against the record of what it did.

    tally        how often each message reached each recipient
    case         the evidence before the judges
    mail         judges: delivered, retried, not_retried, only_retried
    connection   judges: reconnected, not_reused, gave_up, waited, ends_with, no_plaintext
    judges       the table of them all
    judge        the verdict, and the grade of a command

A judge's docstring says to the second what its expectation means.
"""

from mailtrap_py.scenario.verdict.judge import Grade, Result, Verdict, judge

__all__ = ["Grade", "Result", "Verdict", "judge"]
