"""The grade of a command: what it said at its end against what became of its mail."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from mailtrap_py.scenario.verdict.case import Case


class Grade(StrEnum):
    """What a command said at its end against what became of its mail; the first that holds, from the worst.

    The order is hung, crashed, insecure, duplicated; then by what it said: lost, silent, deceived or delivered for
    success; honest, partial or mistaken for failure. `meaning` says what each is.
    """

    DELIVERED = "delivered"
    HONEST = "honest"
    PARTIAL = "partial"
    DECEIVED = "deceived"
    MISTAKEN = "mistaken"
    LOST = "lost"
    DUPLICATED = "duplicated"
    SILENT = "silent"
    HUNG = "hung"
    INSECURE = "insecure"
    CRASHED = "crashed"

    @property
    def bad(self) -> bool:
        """Whether nobody wants to run that program."""
        return self not in _GOOD

    @property
    def meaning(self) -> str:
        """What it means, in a sentence for people."""
        return _MEANINGS[self]


_GOOD = frozenset({Grade.DELIVERED, Grade.HONEST, Grade.PARTIAL, Grade.DECEIVED, Grade.MISTAKEN})

_MEANINGS: Final = {
    Grade.HUNG: "it had to be stopped, or waited longer for a reply than the scenario allows",
    Grade.CRASHED: "it died of a signal, or of an error that it did not handle",
    Grade.INSECURE: "it sent mail or credentials in clear where TLS was wanted",
    Grade.DUPLICATED: "a recipient has the message more often than the scenario allows",
    Grade.LOST: "it said success, and no recipient has the message",
    Grade.SILENT: "it said success, and some recipients have nothing",
    Grade.PARTIAL: "it said failure; some recipients have the message, others not",
    Grade.DECEIVED: "it said success, as it was told, and the server threw the message away",
    Grade.MISTAKEN: "it said failure, though it was told that every recipient has the message",
    Grade.HONEST: "it said failure, and nothing was delivered, or it could not know",
    Grade.DELIVERED: "it said success, and every recipient has the message",
}

TRUE: Final = frozenset({Grade.DELIVERED, Grade.DECEIVED, Grade.HONEST, Grade.PARTIAL})
"""The grades of who said what it was told."""


def grade_of_word(said: str, case: Case) -> Grade:
    """Hold what a command said, `success` or anything else, against what it was told of its mail."""
    through = any(fate.through for fate in case.fates)
    missed = _missed(case)
    if said == "success":
        if not through:
            return Grade.LOST
        if missed:
            return Grade.SILENT
        return Grade.DELIVERED if all(fate.copies for fate in case.fates) else Grade.DECEIVED
    if not through:
        return Grade.HONEST
    if missed or case.absent:
        return Grade.PARTIAL
    return Grade.MISTAKEN if all(fate.taken for fate in case.fates) else Grade.HONEST


def _missed(case: Case) -> bool:
    """Say whether some mail is known not to have gone through: a recipient without it, or a try with no other after."""
    return any(not fate.through for fate in case.fates) or any(
        attempt.transaction is None and not again for attempt, _, again in case.setbacks("error")
    )
