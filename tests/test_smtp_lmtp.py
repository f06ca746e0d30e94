"""LMTP: what the dialogs do not show."""

from __future__ import annotations

from typing import Any

import pytest

from mailtrap_py.events import Ending, Line, Message, Outcome, SessionStarted, Transaction
from mailtrap_py.scenario.conversation import CONTENT, UNASKED, converse
from tests.connected import CONTENT as MAIL
from tests.connected import Client, House, house, looped

QUEUED = "250 2.0.0 Ok: queued as "


async def at_data(built: House, *recipients: str) -> Client:
    client = await built.greeted(hello="LHLO c")
    await client.ask("MAIL FROM:<ann@x>", *(f"RCPT TO:<{recipient}>" for recipient in recipients))
    assert (await client.ask("DATA")).startswith("354")
    return client


async def send(built: House, *recipients: str) -> tuple[Client, list[str]]:
    client = await at_data(built, *recipients)
    await client.send(MAIL + b".\r\n")
    return client, [await client.hear() for _ in recipients]


@looped
async def test_the_record_has_a_reply_for_each_recipient() -> None:
    async with house(lmtp=True) as built:
        built.play({"id": "no-bob", "at": "message", "when": {"to": "bob@*"}, "do": [{"reply": "550 5.1.1 No bob"}]})
        _, said = await send(built, "bob@x", "carl@x")

        assert (said[0], said[1].startswith(QUEUED)) == ("550 5.1.1 No bob", True)
        transaction = built.book.transaction
        assert (transaction.outcome, transaction.acknowledged) == (Outcome.ACCEPTED, True)
        assert [(one.address, one.reply.code, one.rule) for one in transaction.recipients] == [
            ("bob@x", 550, "no-bob"),
            ("carl@x", 250, ""),
        ]
        assert [one.address for one in built.book.message.recipients] == ["carl@x"]
        assert built.book.of(SessionStarted)[0].protocol == "lmtp"


@looped
async def test_refused_for_all_nothing_is_stored() -> None:
    async with house(lmtp=True) as built:
        built.play({"at": "message", "do": [{"reply": "550 5.7.1 No"}]})
        _, said = await send(built, "bob@x", "carl@x")

        assert said == ["550 5.7.1 No"] * 2
        transaction = built.book.transaction
        assert (transaction.outcome, transaction.acknowledged) == (Outcome.REJECTED, False)
        assert transaction.reply is not None
        assert (transaction.reply.code, transaction.content, built.book.of(Message)) == (550, MAIL, [])


@pytest.mark.parametrize(
    ("actions", "said", "kept"),
    [
        (["discard"], QUEUED, []),
        ([{"reply": "250 2.0.0 Mine"}], "250 2.0.0 Mine", ["bob@x"]),
        (["accept", {"reply": "451 4.0.0 Hm"}], "451 4.0.0 Hm", ["bob@x"]),
        ([{"raw": "250 raw\r\n"}], "250 raw", ["bob@x"]),
        ([{"raw": "550 raw\r\n"}], "550 raw", []),
        ([{"note": "hm"}], QUEUED, ["bob@x"]),
        ([{"reply": "550 5.0.0 No"}, {"raw": "250 more\r\n"}], "550 5.0.0 No", []),
    ],
)
@looped
async def test_what_a_rule_does_for_one_recipient(actions: list[Any], said: str, kept: list[str]) -> None:
    async with house(lmtp=True) as built:
        do = [{action: True} if isinstance(action, str) else action for action in actions]
        built.play({"at": "message", "when": {"to": "bob@x"}, "do": do})
        client = await at_data(built, "carl@x", "bob@x")
        await client.send(MAIL + b".\r\n")

        assert (await client.hear()).startswith(QUEUED)
        assert (await client.hear()).startswith(said)
        assert [one.address for one in built.book.message.recipients] == ["carl@x", *kept]


@looped
async def test_the_connection_may_end_between_two_replies() -> None:
    async with house(lmtp=True) as built:
        built.play({"at": "message", "when": {"to": "carl@x"}, "do": [{"close": "fin"}]})
        client = await at_data(built, "bob@x", "carl@x", "dora@x")
        await client.send(MAIL + b".\r\n")

        assert (await client.hear()).startswith(QUEUED)
        assert await client.rest() == b""
        client.leave()
        assert (await built.over()).ending is Ending.SERVER_CLOSED
        assert [one.address for one in built.book.message.recipients] == ["bob@x", "dora@x"]
        assert built.book.transaction.outcome is Outcome.ACCEPTED


@looped
async def test_a_record_that_fails_refuses_each_of_them() -> None:
    async with house(lmtp=True) as built:
        built.book.broken = OSError("disk full")
        _, said = await send(built, "bob@x", "carl@x")

        assert said == ["451 4.3.0 Error: the message could not be stored"] * 2


@looped
async def test_too_big_for_each_of_them() -> None:
    async with house(lmtp=True, max_message_size=10) as built:
        client, said = await send(built, "bob@x", "carl@x")
        await client.ask("MAIL FROM:<ann@x>", "RCPT TO:<bob@x>", "RCPT TO:<carl@x>")
        await client.send(b"BDAT 11 LAST\r\n" + b"x" * 11)
        said += [await client.hear(), await client.hear()]

        assert said == ["552 5.3.4 Message size exceeds the limit of 10 octets"] * 4
        assert await client.ask("NOOP") == "250 2.0.0 Ok"


@looped
async def test_a_rule_at_the_content_answers_for_each_of_them() -> None:
    async with house(lmtp=True) as built:
        built.play({"at": "content", "when": {"size": ">= 5"}, "do": [{"reply": "552 5.2.2 Enough"}]})
        _, said = await send(built, "bob@x", "carl@x")

        assert said == ["552 5.2.2 Enough"] * 2


@looped
async def test_a_transcript_of_lmtp_is_read_with_all_its_replies() -> None:
    async with house(lmtp=True) as built:
        client, _ = await send(built, "bob@x", "carl@x", "dora@x")
        await client.ask("QUIT")
        client.leave()
        await built.over()

        verbs = [exchange.verb for exchange in converse(built.book.of(Line))]
        assert verbs[-3:] == ["DATA", CONTENT, "QUIT"]
        assert UNASKED not in verbs
        assert len(built.book.of(Transaction)) == 1
