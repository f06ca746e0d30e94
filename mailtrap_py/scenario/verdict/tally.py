"""How often each message reached each of its recipients: what `delivered` and the grade count.

A recipient is counted for a message when it was named for it in a RCPT command, in whatever session. One that was
refused for good (5yz) is `refused`; one whose mail came again and went through is counted there, with its copies.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mailtrap_py.events import Transaction
from mailtrap_py.message import summarize
from mailtrap_py.pattern import fold_domain
from mailtrap_py.scenario.attempts import Attempt
from mailtrap_py.scenario.evidence import Copy, Evidence
from mailtrap_py.scenario.expectation import MessageMatch


@dataclass(frozen=True, slots=True, kw_only=True)
class Fate:
    """What became of a message for one recipient ("" when a refused MAIL left them unnamed).

    `taken` says whether the client was told that the server has it, `refused` whether it was told no for good.
    """

    key: str
    address: str
    reverse_path: str
    subject: str
    copies: tuple[Copy, ...] = ()
    taken: bool = False
    refused: bool = False

    @property
    def through(self) -> bool:
        """Whether the client did what it could: the message is stored, or the client was told so."""
        return bool(self.copies) or self.taken

    def matches(self, match: MessageMatch | None) -> bool:
        """Say whether an expectation means it; what was not seen of a message is the empty text."""
        if match is None:
            return True
        message_id = self.key[1:-1] if self.key.startswith("<") else ""
        return all(
            patterns is None or any(pattern.matches(value) for pattern in patterns)
            for patterns, value in (
                (match.to, self.address),
                (match.from_, self.reverse_path),
                (match.subject, self.subject),
                (match.message_id, message_id),
            )
        )

    def describe(self) -> str:
        """Name it for people."""
        what = self.key or f"mail from <{self.reverse_path}>"
        return f"{what} for <{self.address}>" if self.address else what


def fates_of(evidence: Evidence, attempts: Sequence[Attempt]) -> tuple[Fate, ...]:
    """Count the copies of each message for each recipient, and find the recipients that have none."""
    taken = {(each.key, address) for each in attempts for address in each.taken}
    stored: dict[tuple[str, str], list[Copy]] = {}
    for copy in evidence.messages:
        for address in dict.fromkeys(map(fold_domain, copy.recipients)):
            stored.setdefault((copy.key, address), []).append(copy)
    found = [
        Fate(
            key=key,
            address=address,
            reverse_path=copies[0].reverse_path,
            subject=copies[0].subject,
            copies=tuple(copies),
            taken=(key, address) in taken,
        )
        for (key, address), copies in stored.items()
    ]
    for position, attempt in enumerate(attempts):
        if attempt.transaction is None:
            continue
        found += [
            _missing(attempt, attempt.transaction, address, evidence)
            for address in sorted(attempt.addresses) or [""]
            if (attempt.key, address) not in stored and not _decided_elsewhere(attempts, position, address, evidence)
        ]
    return tuple(found)


def _decided_elsewhere(attempts: Sequence[Attempt], position: int, address: str, evidence: Evidence) -> bool:
    """Say whether another attempt tells what became of the mail for this recipient.

    That is a later one; or an earlier one that lost its 250: it is stored, though a later try may be refused.
    """
    attempt = attempts[position]
    later = attempts[position + 1 :]
    if any((not address or address in each.addresses) and attempt.same_mail(each) for each in later):
        return True
    return any(
        each.transaction is not None
        and not each.transaction.acknowledged
        and evidence.copy_of(each.transaction) is not None
        and address in each.addresses
        and attempt.same_mail(each)
        for each in attempts[:position]
    )


def _missing(attempt: Attempt, transaction: Transaction, address: str, evidence: Evidence) -> Fate:
    failure = attempt.fate(address)
    return Fate(
        key=attempt.key,
        address=address,
        reverse_path=transaction.reverse_path,
        subject=summarize(evidence.content_of(transaction)).subject,
        taken=address in attempt.taken,
        refused=failure is not None and failure.final,
    )
