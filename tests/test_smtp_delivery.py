"""What becomes of a message, with a record that is a list and a wire that goes to a real client."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest

from mailtrap_py.events import Message, Outcome, Recipient, Reply, Source, Transaction
from mailtrap_py.smtp.delivery import Delivery
from mailtrap_py.smtp.path import Path
from mailtrap_py.smtp.transaction import OpenTransaction
from tests.connected import CONTENT, Book, house, looped

OK = Reply(250, "2.1.5", ("Ok",))
REAL = Reply(250, "2.0.0", ("Ok: queued as REAL1",))
SPAM = Reply(554, "5.6.0", ("spam",))


@dataclass
class Behind:
    """A real server in one reply, and what a rule says in place of it."""

    reply: Reply
    instead: tuple[Reply, str] | None = None
    given: int = 0
    asked: list[Reply] = field(default_factory=list)

    async def forward(self) -> Reply:
        self.given += 1
        return self.reply

    async def told(self, reply: Reply) -> tuple[Reply, str] | None:
        self.asked.append(reply)
        return self.instead


@dataclass
class Stage:
    """A delivery, and where one looks at it."""

    delivery: Delivery
    transaction: OpenTransaction
    book: Book

    @property
    def said(self) -> list[str]:
        return [line.decode().strip() for line in self.book.said(Source.SERVER)[1:]]


@contextlib.asynccontextmanager
async def staged(behind: Behind | None = None) -> AsyncIterator[Stage]:
    async with house() as built:
        await built.greeted()
        (session,) = built.server._sessions  # noqa: SLF001 - it lends its wire
        transaction = OpenTransaction(
            Path("ann@example.com"), session_id=session.facts.id, number=1, inbox="default", clock=built.inbox.clock
        )
        transaction.add(Path("bob@example.com"), OK)
        transaction.content = CONTENT
        delivery = Delivery(transaction, CONTENT, wire=session.wire, chronicle=session.facts, behind=behind)
        yield Stage(delivery, transaction, built.book)


@looped
async def test_the_usual_way() -> None:
    async with staged() as stage:
        await stage.delivery.answer()

        message, ended = stage.book.message, stage.book.transaction
        assert (message.raw, message.recipients) == (CONTENT, (Recipient(address="bob@example.com", reply=OK),))
        assert stage.said == [f"250 2.0.0 Ok: queued as {message.id}"]
        assert (ended.outcome, ended.acknowledged, ended.message_id) == (Outcome.ACCEPTED, True, message.id)
        assert stage.delivery.answered
        # A 250 is a promise: the message is safe, and the transaction in the record, before it is said.
        kinds = [type(event) for event in stage.book.events]
        assert kinds.index(Message) < kinds.index(Transaction) < len(kinds) - 1


@looped
async def test_stored_once_however_often_it_is_accepted() -> None:
    async with staged() as stage:
        await stage.delivery.accept()
        await stage.delivery.accept()
        await stage.delivery.answer(Reply(250, "", ("mine",)), "rule")

        assert len(stage.book.of(Message)) == 1
        assert (stage.said, stage.book.transaction.rule) == (["250 mine"], "rule")


@looped
async def test_what_is_said_after_the_answer_changes_nothing() -> None:
    async with staged() as stage:
        await stage.delivery.answer(SPAM, "rule")
        await stage.delivery.answer(Reply(250, "", ("more",)), "rule")
        await stage.delivery.answer()

        assert stage.said == ["554 5.6.0 spam", "250 more", "500 5.5.2 Error: command not recognized"]
        assert stage.book.transaction.outcome is Outcome.REJECTED
        assert stage.book.of(Message) == []


@looped
async def test_discarded() -> None:
    async with staged() as stage:
        stage.delivery.discard()
        await stage.delivery.answer(Reply(250, "", ("mine",)), "rule")

        ended = stage.book.transaction
        assert (ended.outcome, ended.acknowledged, ended.reason) == (Outcome.ACCEPTED, True, "rule rule discarded it")
        assert (ended.content, stage.book.of(Message)) == (CONTENT, [])


@looped
async def test_a_data_that_was_refused_before_is_forgotten() -> None:
    async with staged() as stage:
        stage.transaction.refuse(Reply(451, "4.3.0", ("not now",)), "later")
        stage.delivery.discard()
        await stage.delivery.answer()

        ended = stage.book.transaction
        assert (ended.outcome, ended.acknowledged, ended.rule) == (Outcome.ACCEPTED, True, "")


@looped
async def test_a_record_that_fails(caplog: pytest.LogCaptureFixture) -> None:
    async with staged() as stage:
        stage.book.broken = OSError("disk full")
        await stage.delivery.answer(Reply(250, "", ("mine",)), "rule")

        assert stage.said == ["451 4.3.0 Error: the message could not be stored"]
        ended = stage.book.transaction
        assert (ended.outcome, ended.rule, ended.content) == (Outcome.REJECTED, "", CONTENT)
        assert "could not be stored" in caplog.text


@looped
async def test_a_wait_that_is_cancelled_does_not_forget_what_is_being_written() -> None:
    async with staged() as stage:
        never = asyncio.Event()

        async def commit(event: object) -> None:
            assert isinstance(event, Message)
            stage.book.add(event)
            await never.wait()

        stage.book.commit = commit  # type: ignore[method-assign]
        answering = asyncio.create_task(stage.delivery.answer())
        await asyncio.sleep(0)
        answering.cancel()
        await asyncio.wait([answering])

        assert stage.transaction.stored == stage.book.message.id


# With a real server behind


@looped
async def test_the_real_server_comes_before_the_record() -> None:
    behind = Behind(REAL)
    async with staged(behind) as stage:
        await stage.delivery.answer()

        assert (stage.said, behind.given, behind.asked) == (["250 2.0.0 Ok: queued as REAL1"], 1, [REAL])
        assert stage.book.transaction.message_id == stage.book.message.id


@looped
async def test_what_the_real_server_refuses_is_not_stored_whatever_a_rule_says() -> None:
    async with staged(Behind(SPAM)) as stage:
        await stage.delivery.answer(Reply(250, "", ("mine",)), "rule")

        assert stage.said == ["554 5.6.0 spam"]
        assert stage.book.of(Message) == []
        assert (stage.book.transaction.outcome, stage.book.transaction.rule) == (Outcome.REJECTED, "")


@looped
async def test_what_was_said_already_in_its_place_is_not_said_again() -> None:
    changed = Reply(451, "", ("changed",))
    async with staged(Behind(REAL, instead=(changed, "after"))) as stage:
        await stage.delivery.answer()

        assert stage.said == []
        ended = stage.book.transaction
        assert (ended.outcome, ended.acknowledged, ended.reply, ended.rule) == (
            Outcome.ACCEPTED,
            False,
            changed,
            "after",
        )


@looped
async def test_a_discarded_message_is_not_given_to_the_real_server() -> None:
    behind = Behind(REAL)
    async with staged(behind) as stage:
        stage.delivery.discard()
        await stage.delivery.answer()

        assert (behind.given, behind.asked) == (0, [])
        assert stage.said == [f"250 2.0.0 Ok: queued as {stage.transaction.id}"]
