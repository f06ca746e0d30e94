from __future__ import annotations

import pytest

from mailtrap_py.clock import ManualClock
from mailtrap_py.events import Outcome, Reply
from mailtrap_py.smtp.path import Path
from mailtrap_py.smtp.transaction import OpenTransaction

OK = Reply(250, "2.1.5", ("Ok",))
BUSY = Reply(450, "4.2.1", ("Busy",))
GONE = Reply(550, "5.1.1", ("No such user",))


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def transaction(clock: ManualClock) -> OpenTransaction:
    path = Path("ann@example.com", {"SIZE": "7"})
    return OpenTransaction(path, session_id="session", number=3, inbox="inbox", clock=clock)


def test_what_is_recorded_of_it(transaction: OpenTransaction, clock: ManualClock) -> None:
    transaction.add(Path("bob@example.com", {"NOTIFY": "NEVER"}), OK)
    transaction.add(Path("eve@example.com"), GONE, "no-eve")
    transaction.octets, transaction.content = 12, b"Hello\r\n"
    clock.advance(60)

    ended = transaction.end("RSET ended it")

    assert (ended.id, ended.session_id, ended.inbox, ended.number) == (transaction.id, "session", "inbox", 3)
    assert (ended.reverse_path, ended.parameters) == ("ann@example.com", {"SIZE": "7"})
    assert [(one.address, one.parameters, one.reply, one.rule) for one in ended.recipients] == [
        ("bob@example.com", {"NOTIFY": "NEVER"}, OK, ""),
        ("eve@example.com", {}, GONE, "no-eve"),
    ]
    assert (ended.outcome, ended.acknowledged, ended.reply) == (Outcome.ABORTED, False, None)
    assert (ended.reason, ended.octets, ended.content, ended.message_id) == ("RSET ended it", 12, b"Hello\r\n", "")
    assert ended.ended_clock - ended.started_clock == 60
    assert ended.started_at <= ended.ended_at


def test_the_message_has_the_recipients_that_were_accepted(transaction: OpenTransaction, clock: ManualClock) -> None:
    transaction.add(Path("bob@example.com"), OK)
    transaction.add(Path("eve@example.com"), GONE)
    clock.advance(5)

    message = transaction.message(b"raw", client="127.0.0.1", helo="c", tls_version="TLSv1.3", user="ann")

    assert [recipient.address for recipient in message.recipients] == ["bob@example.com"]
    assert (message.transaction_id, message.session_id, message.inbox) == (transaction.id, "session", "inbox")
    assert (message.reverse_path, message.parameters, message.raw) == ("ann@example.com", {"SIZE": "7"}, b"raw")
    assert (message.client, message.helo, message.tls_version, message.user) == ("127.0.0.1", "c", "TLSv1.3", "ann")
    assert message.clock == clock.now()
    assert message.id != transaction.id


def test_a_stored_message_was_accepted_whatever_was_said(transaction: OpenTransaction) -> None:
    transaction.content = b"Hello\r\n"
    transaction.stored = "message"
    transaction.refuse(BUSY, "busy")

    ended = transaction.end()

    assert (ended.outcome, ended.acknowledged, ended.reply, ended.rule) == (Outcome.ACCEPTED, False, BUSY, "busy")
    assert (ended.message_id, ended.content) == ("message", b"")


def test_a_message_that_was_discarded_with_a_250_was_accepted(transaction: OpenTransaction) -> None:
    transaction.acknowledged, transaction.reply = True, OK

    ended = transaction.end()

    assert (ended.outcome, ended.acknowledged, ended.message_id) == (Outcome.ACCEPTED, True, "")


def test_a_refusal_of_the_message_rejects(transaction: OpenTransaction) -> None:
    transaction.add(Path("bob@example.com"), OK)
    transaction.refuse(BUSY, "busy")

    ended = transaction.end()

    assert (ended.outcome, ended.reply, ended.rule) == (Outcome.REJECTED, BUSY, "busy")


def test_refusals_of_all_recipients_reject_with_the_last_of_them(transaction: OpenTransaction) -> None:
    transaction.add(Path("eve@example.com"), GONE, "no-eve")
    transaction.add(Path("bob@example.com"), BUSY, "busy")

    ended = transaction.end()

    assert (ended.outcome, ended.reply, ended.rule) == (Outcome.REJECTED, BUSY, "busy")


def test_a_transaction_without_recipients_is_aborted(transaction: OpenTransaction) -> None:
    assert transaction.end().outcome is Outcome.ABORTED
