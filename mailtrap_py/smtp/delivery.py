"""What becomes of a message after its final dot: stored or not, and, apart from that, what the client is told.

The two are kept apart, because servers do: a message can be stored while its 250 is lost.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Protocol

from mailtrap_py.events import Recipient, Reply
from mailtrap_py.smtp import refusals
from mailtrap_py.smtp.chronicle import Chronicle
from mailtrap_py.smtp.transaction import OpenTransaction
from mailtrap_py.smtp.wire import Wire

log = logging.getLogger("mailtrap_py.smtp")


class Behind(Protocol):
    """The real server behind a proxy, as far as one message concerns it."""

    async def forward(self) -> Reply:
        """Give it the message, and return its reply."""

    async def told(self, reply: Reply) -> tuple[Reply, str] | None:
        """Give, when all is stored, what the client was told in place of that reply, by which rule; None: nothing."""


class Delivery:
    """One message on its way from the final dot to the reply.

    `behind` is, in proxy mode, the real server: it gets the message before anything is stored. `recipients`
    are those whom the message is stored for, if not all that were accepted.
    """

    def __init__(  # noqa: PLR0913 - all that a message has to do with
        self,
        transaction: OpenTransaction,
        raw: bytes,
        *,
        wire: Wire,
        chronicle: Chronicle,
        behind: Behind | None = None,
        recipients: tuple[Recipient, ...] | None = None,
    ) -> None:
        """Take a message that is complete."""
        self._transaction = transaction
        self.raw = raw
        self._wire = wire
        self._chronicle = chronicle
        self._behind = behind
        self._recipients = recipients
        self._result: Reply | None = None
        self._discarded = False
        self.answered = False
        self.worded: Callable[[Reply], Reply] | None = None
        """Puts a reply of this server's own into a persona's words, if there is one."""

    async def accept(self) -> None:
        """Store the message, in proxy mode after the real server took it. A 250 is a promise: this comes before it."""
        await self.stored()

    async def stored(self) -> Reply:
        """Store the message, once, and give the reply that this earns."""
        if self._result is None:
            self._result = await self._store()
        return self._result

    def discard(self) -> None:
        """Keep nothing of it."""
        self._discarded = True

    async def _store(self) -> Reply:
        reply = await self._behind.forward() if self._behind is not None else None
        if reply is not None and not reply.positive:
            return reply
        chronicle, transaction = self._chronicle, self._transaction
        message = transaction.message(
            self.raw,
            client=chronicle.client,
            helo=chronicle.helo,
            tls_version=chronicle.tls_version,
            user=chronicle.user,
            recipients=self._recipients,
        )
        transaction.stored = message.id  # already: a shutdown may end the wait, and does not end the writing
        try:
            await chronicle.record.commit(message)
        except Exception as error:  # a full disk must not end the session, and the client must know
            transaction.stored = ""
            log.exception("message %s could not be stored", message.id)
            self._wire.note(f"the message could not be stored: {error}")
            return reply or refusals.NOT_STORED
        transaction.content = b""
        return reply or Reply(250, "2.0.0", (f"Ok: queued as {message.id}",))

    async def answer(self, reply: Reply | None = None, rule: str = "") -> None:
        """Tell the client. A positive reply stores the message first, if it is not discarded; None is the usual one."""
        if self.answered:
            self._wire.reply(reply or refusals.UNKNOWN_COMMAND, rule=rule)
            return
        if self._discarded:
            reply = reply or Reply(250, "2.0.0", (f"Ok: queued as {self._transaction.id}",))
        elif reply is None or reply.positive:
            result = await self.stored()
            if reply is None or not result.positive:
                reply, rule = result, ""
            told = await self._behind.told(result) if self._behind is not None else None
            if told is not None:
                self._tell(*told, said=True)
                return
        self._tell(reply, rule)

    def _tell(self, reply: Reply, rule: str, *, said: bool = False) -> None:
        if self.worded is not None and not rule:
            reply = self.worded(reply)
        transaction = self._transaction
        if reply.positive:
            transaction.reply, transaction.rule, transaction.refused = reply, rule, None
            transaction.acknowledged = not self._wire.abandoned
        else:
            transaction.refuse(reply, rule)
        reason = f"rule {rule} discarded it" if self._discarded and rule else ""
        if reply.positive and not transaction.acknowledged:
            reason = "the client had closed its side before the reply was sent"
        # Before the bytes leave: whoever reads the record because the reply came, finds the transaction in it.
        self.answered = True
        self._chronicle.record.add(transaction.end(reason))
        if not said:
            self._wire.reply(reply, rule=rule)
