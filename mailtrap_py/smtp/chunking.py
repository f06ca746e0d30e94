"""BDAT (RFC 3030): a message in chunks whose length is announced, so that nothing in them needs an escape.

The octets of a chunk follow its command whatever becomes of it: they are read before it is refused, because else they
would be taken for commands.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from mailtrap_py.events import Point, Reply, Source
from mailtrap_py.smtp import refusals
from mailtrap_py.smtp.content import Spool
from mailtrap_py.smtp.perform import perform
from mailtrap_py.smtp.reader import ClientGone

if TYPE_CHECKING:
    from mailtrap_py.smtp.receiving import Receiving
    from mailtrap_py.smtp.transaction import OpenTransaction
    from mailtrap_py.smtp.watch import Watch

# RFC 3030, section 2: "chunk-size ::= 1*DIGIT", "end-marker ::= LAST"; twenty digits hold any number of octets.
_ARGUMENT: Final = re.compile(r"(?P<size>[0-9]{1,20})(?P<last> +LAST)?\Z", re.IGNORECASE | re.ASCII)


@dataclass(slots=True)
class Chunks:
    """What has come of a message so far. After a chunk was refused no other one is taken: the message has a hole.

    `passed_on` counts, in proxy mode, the octets that the real server has already.
    """

    octets: bytearray = field(default_factory=bytearray)
    spool: Spool | None = None
    passed_on: int = 0
    refused: bool = False
    watch: Watch | None = None

    @property
    def size(self) -> int:
        """How many octets have come."""
        return len(self.octets) + (self.spool.size if self.spool is not None else 0)

    def to_disk(self) -> None:
        """Let them go to disk. Raises `OSError`."""
        if self.spool is None:
            self.spool = Spool()
        self.spool.write(self.octets)
        self.octets = bytearray()

    def take_out(self) -> bytes:
        """Give all that has come, and keep nothing of it: it may be large."""
        if self.spool is None:
            whole = bytes(self.octets)
        else:
            self.to_disk()
            whole = self.spool.read()
            self.spool.close()
        self.octets, self.spool = bytearray(), None
        return whole


class Bdat:
    """One BDAT command, from its line to its reply."""

    def __init__(self, session: Receiving) -> None:
        """Take the session that has just read the line."""
        self._session = session
        self._transaction = session.transaction
        self._chunks = session.transaction.chunks if session.transaction is not None else None
        self._answered = False
        self._words: tuple[Reply, str] | None = None
        found = _ARGUMENT.match(session.argument)
        self.size = int(found["size"]) if found else 0
        self.last = found is not None and found["last"] is not None
        self._well_written = found is not None

    async def run(self) -> None:
        """Ask the scenario, at the first chunk as it is asked at DATA, and take the octets, or throw them away."""
        session = self._session
        decision = session.decide(Point.DATA if self._chunks is None else Point.ANY)
        if decision is None or not await perform(decision, session.stage(self._answer)):
            await self._take_effect()

    async def _answer(self, reply: Reply, rule: str) -> None:
        if self._answered:
            self._session.wire.reply(reply, rule=rule)
            return
        self._answered = True
        if reply.positive:
            self._words = (reply, rule)
            await self._take_effect()
        else:
            await self._refuse(reply, rule)

    async def _take_effect(self) -> None:
        transaction = self._transaction
        refusal = self._refusal()
        if transaction is None or refusal is not None:
            await self._refuse(refusal or refusals.NEED_MAIL)
            return
        if self._chunks is None:
            self._chunks = transaction.chunks = Chunks(watch=self._session.watch(transaction))
        chunks, limit = self._chunks, self._session.size_limit()
        if chunks.size + self.size > limit:
            await self._refuse(
                refusals.too_big(limit), times=self._session.replies_due(transaction) if self.last else 1
            )
            await self._session.give_chunks_up()
            return
        await self._read(transaction, chunks)
        if transaction.answered:  # by a rule, while the octets came
            await self._session.give_chunks_up()
        elif self.last:
            await self._session.take_last_chunk(transaction, self.size)
        else:
            reply, rule = await self._session.chunk_taken(transaction, self.size), ""
            if not reply.positive:
                transaction.refuse(reply)
                chunks.refused = True
            elif self._words is not None:
                reply, rule = self._words
            self._session.say(reply, rule)

    def _refusal(self) -> Reply | None:
        transaction = self._transaction
        if not self._well_written:
            return refusals.syntax_error("BDAT octets [LAST]")
        if self._session.shut_out:
            return refusals.NO_MAIL_TAKEN
        if transaction is None:
            return refusals.NEED_MAIL
        if self._chunks is not None and self._chunks.refused:
            # RFC 3030, section 2: what follows a chunk that failed "MUST" be answered by 503 until there is a RSET.
            return refusals.CHUNK_REFUSED
        if not transaction.recipients:
            return refusals.NEED_RCPT
        return None if transaction.accepted else self._session.no_recipients

    async def _read(self, transaction: OpenTransaction, chunks: Chunks) -> None:
        session, left = self._session, self.size
        whole = False
        if chunks.watch is not None and not chunks.size:
            await chunks.watch.look(bytearray(), 0)
        await session.wire.flush()
        try:
            while left:
                piece = await self._take(left)
                left -= len(piece)
                chunks.octets += piece
                if chunks.watch is not None:
                    await chunks.watch.look(chunks.octets, len(chunks.octets))
                elif 0 < session.service.spool_over < len(chunks.octets):
                    chunks.to_disk()
            whole = True
        finally:
            transaction.octets = chunks.size
            if self.last or not whole:
                transaction.content = chunks.take_out()
                session.wire.write_down(Source.CONTENT, b"", octets=transaction.octets)
            else:
                session.wire.note(f"a chunk of {self.size} octets")

    async def _take(self, most: int) -> bytes:
        session = self._session
        try:
            return await session.wire.input.take(most, session.service.command_timeout)
        except TimeoutError:
            await session.time_out()

    async def _refuse(self, reply: Reply, rule: str = "", *, times: int = 1) -> None:
        """Say no, when the octets have come: "the receiver-SMTP MUST" still read them (RFC 3030, section 2)."""
        session, transaction, left = self._session, self._transaction, self.size
        await session.wire.flush()
        try:
            while left:
                left -= len(await self._take(left))
        except ClientGone:
            session.wire.note(f"{left} octets of a chunk that was refused never came")
            raise
        if self.size:
            session.wire.note(f"thrown away: a chunk of {self.size} octets")
        if transaction is not None and not (self._chunks is not None and self._chunks.refused):
            transaction.refuse(reply, rule)
            transaction.chunks = self._chunks = self._chunks or Chunks()
            self._chunks.refused = True
        for _ in range(times):
            session.say(reply, rule)
