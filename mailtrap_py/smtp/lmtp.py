"""LMTP (RFC 2033): SMTP for the last step, where each recipient gets a reply of its own after the content.

The scenario is asked at `message` once for each recipient, and `to` is that recipient: so a rule refuses the message
for one of them and not for the others. What is stored is for those whom nothing refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from mailtrap_py.events import Point, Recipient, Reply, replace
from mailtrap_py.scenario import Accept, Close, Decision, Discard, Raw, SendReply
from mailtrap_py.smtp import refusals
from mailtrap_py.smtp.delivery import Delivery
from mailtrap_py.smtp.perform import Stage, perform, raw_reply
from mailtrap_py.smtp.session import Session

if TYPE_CHECKING:
    from mailtrap_py.smtp.transaction import OpenTransaction

# RFC 2033, section 4.2: "the DATA command MUST fail with a 503 reply" when no RCPT was successful.
NO_RECIPIENTS: Final = Reply(503, "5.5.1", ("Error: no valid recipients",))


class LmtpSession(Session):
    """A session of LMTP. RFC 2033, section 4.1: "The HELO and EHLO commands of ESMTP are replaced by LHLO"."""

    verbs: ClassVar[frozenset[str]] = (Session.verbs - {"HELO", "EHLO"}) | {"LHLO"}
    no_recipients = NO_RECIPIENTS

    async def greet(self) -> None:
        """Say the greeting."""
        self.say(Reply(220, "", (f"{self.service.hostname} LMTP mailtrap_py",)))

    async def smtp_LHLO(self, hostname: str | None) -> None:
        """Begin, as by EHLO."""
        await self.smtp_EHLO(hostname)

    def replies_due(self, transaction: OpenTransaction) -> int:
        """Count the replies to the content: one for each recipient that was accepted."""
        return len(transaction.accepted)

    async def take_message(self, transaction: OpenTransaction) -> None:
        """Decide about the message for one recipient after the other, and reply to each, in their order."""
        self.messages += 1
        copies = [
            _Copy(self, transaction, place, recipient, number)
            for number, (place, recipient) in enumerate(
                ((place, one) for place, one in enumerate(transaction.recipients) if one.accepted), 1
            )
        ]
        delivery = Delivery(
            transaction,
            transaction.content,
            wire=self.wire,
            chronicle=self.facts,
            recipients=tuple(copy.recipient for copy in copies if copy.kept),
        )
        for copy in copies:
            await copy.settle(delivery, last=copy is copies[-1])


class _Copy:
    """The message as far as one recipient is concerned."""

    def __init__(
        self, session: LmtpSession, transaction: OpenTransaction, place: int, recipient: Recipient, number: int
    ) -> None:
        """Ask the scenario about it."""
        self._session = session
        self._transaction = transaction
        self._place = place
        self.recipient = recipient
        self._decision = session.decide(
            Point.MESSAGE,
            transaction.content,
            recipient=recipient.address,
            rcpt_parameters=recipient.parameters,
            index=number,
        )
        self.kept = self._decision is None or _keeps(self._decision)
        self._discarded = self._answered = self._last = False
        self._delivery: Delivery

    async def settle(self, delivery: Delivery, *, last: bool) -> None:
        """Do what the scenario wants, and reply."""
        session = self._session
        self._delivery, self._last = delivery, last
        if self._decision is not None:
            stage = Stage(session.wire, session.inbox, self._answer, self._accept, self._discard, session.bend)
            await perform(self._decision, stage)
        if not self._answered:
            await self._answer()

    async def _accept(self) -> None:
        await self._delivery.stored()

    def _discard(self) -> None:
        self._discarded = True

    async def _answer(self, reply: Reply | None = None, rule: str = "") -> None:
        session, transaction = self._session, self._transaction
        if self._answered:
            session.wire.reply(reply or refusals.UNKNOWN_COMMAND, rule=rule)
            return
        if self._discarded:
            reply = reply or Reply(250, "2.0.0", (f"Ok: queued as {transaction.id}",))
        elif reply is None or reply.positive:
            stored = await self._delivery.stored()
            if reply is None or not stored.positive:
                reply, rule = stored, ""
        self._answered = True
        transaction.recipients[self._place] = replace(self.recipient, reply=reply, rule=rule or self.recipient.rule)
        if reply.positive:
            transaction.reply, transaction.rule, transaction.refused = reply, rule, None
            transaction.acknowledged = transaction.acknowledged or not session.wire.abandoned
        elif not transaction.acknowledged:
            transaction.refuse(reply, rule)
        if self._last:  # the record before the bytes, as everywhere
            session.end_transaction()
        session.wire.reply(reply, rule=rule)


def _keeps(decision: Decision) -> bool:
    """Foresee whether the message will be for this recipient: it is stored before the first of them gets its 250."""
    for action in decision.actions:
        match action:
            case Accept():
                return True
            case SendReply():
                return action.reply.positive
            case Raw():
                return raw_reply(action.data).positive
            case Discard() | Close():
                return False
    return True
