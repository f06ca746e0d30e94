"""The mail transaction that is open in a session: from its MAIL command to its end, when it goes to the record."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

from mailtrap_py.clock import Clock
from mailtrap_py.events import Message, Outcome, Recipient, Reply, Transaction
from mailtrap_py.ids import new_id
from mailtrap_py.smtp.path import Path

if TYPE_CHECKING:
    from mailtrap_py.smtp.chunking import Chunks


class OpenTransaction:
    """What is known of a transaction so far. It is over when `end` made a `Transaction` of it."""

    def __init__(self, path: Path, *, session_id: str, number: int, inbox: str, clock: Clock) -> None:
        """Begin with the MAIL command's path."""
        self.id = new_id()
        self.reverse_path = path.address
        self.parameters: Mapping[str, str] = path.parameters
        self.number = number
        self.recipients: list[Recipient] = []
        self.octets = 0
        self.content = b""
        self.chunks: Chunks | None = None
        self.stored = ""
        self.acknowledged = False
        self.answered = False
        self.refused: Reply | None = None
        self.reply: Reply | None = None
        self.rule = ""
        self._session_id = session_id
        self._inbox = inbox
        self._clock = clock
        self._started_at = time.time()
        self._started_clock = clock.now()

    @property
    def accepted(self) -> tuple[Recipient, ...]:
        """The recipients that were accepted, in the order of their RCPT commands."""
        return tuple([recipient for recipient in self.recipients if recipient.accepted])

    def add(self, path: Path, reply: Reply, rule: str = "") -> None:
        """Write down a recipient with the reply it got."""
        self.recipients.append(Recipient(address=path.address, parameters=path.parameters, reply=reply, rule=rule))

    def refuse(self, reply: Reply, rule: str = "") -> None:
        """Write down that MAIL, DATA or the message was refused."""
        self.reply = self.refused = reply
        self.rule = rule

    def message(  # noqa: PLR0913 - what only the session knows
        self,
        raw: bytes,
        *,
        client: str,
        helo: str,
        tls_version: str,
        user: str,
        recipients: tuple[Recipient, ...] | None = None,
    ) -> Message:
        """Make the message to store of it."""
        return Message(
            id=new_id(),
            inbox=self._inbox,
            session_id=self._session_id,
            transaction_id=self.id,
            at=time.time(),
            clock=self._clock.now(),
            reverse_path=self.reverse_path,
            parameters=self.parameters,
            recipients=self.accepted if recipients is None else recipients,
            raw=raw,
            client=client,
            helo=helo,
            tls_version=tls_version,
            user=user,
        )

    def end(self, reason: str = "") -> Transaction:
        """Make the record of it. A stored message was accepted, whatever the client was told."""
        if self.stored or (self.acknowledged and self.refused is None):
            outcome = Outcome.ACCEPTED
        elif self.refused is not None or (self.recipients and not self.accepted):
            outcome = Outcome.REJECTED
        else:
            outcome = Outcome.ABORTED
        last = self.recipients[-1] if self.recipients and not self.accepted else None
        return Transaction(
            id=self.id,
            session_id=self._session_id,
            inbox=self._inbox,
            number=self.number,
            started_at=self._started_at,
            started_clock=self._started_clock,
            ended_at=time.time(),
            ended_clock=self._clock.now(),
            reverse_path=self.reverse_path,
            parameters=self.parameters,
            recipients=tuple(self.recipients),
            outcome=outcome,
            acknowledged=self.acknowledged,
            reply=self.reply or (last.reply if last else None),
            rule=self.rule or (last.rule if last else ""),
            reason=reason,
            octets=self.octets,
            content=b"" if self.stored else self.content,
            message_id=self.stored,
        )
