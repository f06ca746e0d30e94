"""How a message comes: by DATA or by BDAT, looked at while it comes, and decided about when it is there."""

from __future__ import annotations

from typing import Final

from mailtrap_py.events import Point, Reply
from mailtrap_py.smtp import refusals
from mailtrap_py.smtp.chunking import Bdat
from mailtrap_py.smtp.content import Content
from mailtrap_py.smtp.delivery import Delivery
from mailtrap_py.smtp.offers import Offers
from mailtrap_py.smtp.perform import Stage, perform
from mailtrap_py.smtp.transaction import OpenTransaction
from mailtrap_py.smtp.watch import Watch

_SEND_IT: Final = Reply(354, "", ("End data with <CR><LF>.<CR><LF>",))


class Receiving(Offers):
    """A session that takes messages."""

    no_recipients = refusals.NO_RECIPIENTS

    async def smtp_DATA(self, arg: str | None) -> None:
        """Ask for the content (RFC 5321, section 4.1.1.4)."""
        transaction = self.transaction
        if transaction is None:
            self.say(refusals.NEED_MAIL)
        elif refusal := self._data_refusal(transaction, arg):
            if refusal is refusals.NO_RECIPIENTS and self.words is not None:
                # RFC 2920, section 3.1: a server may say 354 all the same, and "the client MUST send a single dot".
                self.content_due = transaction
                self.say(_SEND_IT)
            else:
                self.refuse(refusal)
        else:
            self.say(_SEND_IT)
            self.content_due = transaction

    def _data_refusal(self, transaction: OpenTransaction, arg: str | None) -> Reply | None:
        if arg:
            return refusals.syntax_error("DATA")
        if transaction.chunks is not None or transaction.parameters.get("BODY", "").upper() == "BINARYMIME":
            return refusals.NOT_BY_DATA
        if not transaction.recipients:
            return refusals.NEED_RCPT
        return None if transaction.accepted else self.no_recipients

    def takes_chunks(self) -> bool:
        """Tell whether CHUNKING is offered."""
        return self.honours("CHUNKING")

    async def take_chunk(self) -> None:
        """Do a BDAT command (RFC 3030, section 2)."""
        await Bdat(self).run()

    async def chunk_taken(self, transaction: OpenTransaction, size: int) -> Reply:
        """Give the reply to a chunk that is not the last."""
        return Reply(250, "2.0.0", (f"Ok: {size} octets received",))

    async def take_last_chunk(self, transaction: OpenTransaction, size: int) -> None:
        """Decide about a message whose last chunk has come."""
        await self.take_message(transaction)

    async def give_chunks_up(self) -> None:
        """End a transaction whose message will never be complete."""
        self.end_transaction()

    def replies_due(self, transaction: OpenTransaction) -> int:
        """Count the replies to the content."""
        return 1

    async def take_content(self, transaction: OpenTransaction) -> None:
        """Take the content, and decide about the message."""
        if await self.receive(transaction):
            await self.take_message(transaction)

    async def take_message(self, transaction: OpenTransaction) -> None:
        """Decide about a message that is complete."""
        if not transaction.accepted:
            self.refuse(refusals.NO_RECIPIENTS)
            self.end_transaction()
            return
        await self.deliver(Delivery(transaction, transaction.content, wire=self.wire, chronicle=self.facts))

    async def receive(self, transaction: OpenTransaction) -> Content | None:
        """Read the content into the transaction, and give it as it came. `None`: it was refused, and that is said."""
        service, limit = self.service, self.size_limit()
        content = await self.wire.content(
            limit,
            service.command_timeout,
            self.watch(transaction),
            spool_over=service.spool_over,
            lenient=service.lenient_line_ends,
        )
        transaction.octets, transaction.content = content.octets, content.raw
        if not content.complete:
            if self.wire.input.gone is None:
                await self.time_out()
            raise self.wire.input.gone
        if transaction.answered:  # by a rule, while the content came
            self.end_transaction()
            return None
        if content.failure:
            self.wire.note(content.failure)
        elif not content.too_big and len(transaction.content) <= limit:
            return content
        refusal = refusals.NOT_STORED if content.failure else refusals.too_big(limit)
        transaction.content = b""
        transaction.refuse(refusal)
        due = self.replies_due(transaction)
        self.end_transaction()
        for _ in range(due):
            self.say(refusal)
        return None

    def watch(self, transaction: OpenTransaction) -> Watch | None:
        """Look at the content while it comes, if a rule does."""
        if not self.inbox.director.listens(Point.CONTENT):
            return None

        async def reply_early(reply: Reply, rule: str) -> None:
            if not transaction.answered:
                transaction.answered = True
                transaction.refuse(reply, rule)
            for _ in range(self.replies_due(transaction)):
                self.wire.reply(reply, rule=rule)

        async def reached(content: bytes, lines: int) -> None:
            decision = self.decide(Point.CONTENT, content, lines=lines)
            if decision is not None:
                await perform(decision, self.stage(reply_early))
                await self.wire.flush()

        octets, lines = self.inbox.director.content_marks()
        return Watch(reached, octets=octets, lines=lines)

    async def deliver(self, delivery: Delivery) -> None:
        """Ask the scenario about the message, then tell the client."""
        decision = self.decide(Point.MESSAGE, delivery.raw)
        self.messages += 1
        try:
            if decision is not None:
                stage = Stage(self.wire, self.inbox, delivery.answer, delivery.accept, delivery.discard, self.bend)
                await perform(decision, stage)
            if not delivery.answered:
                await delivery.answer()
        finally:
            if delivery.answered:  # and by that in the record
                self.transaction = None
