"""BDAT: what the dialogs do not show, and the proxy with a scripted server behind it."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest

from mailtrap_py.events import Ending, Firing, Line, Outcome, Point, Source, Transaction
from mailtrap_py.smtp.reader import HIGH_WATER
from tests.connected import Client, House, house, looped, until
from tests.scripted import Answer, Real, real

MAIL = ["MAIL FROM:<ann@example.com>", "RCPT TO:<bob@example.com>"]
OFFER = b"250-real\r\n250-SIZE 1000\r\n250 CHUNKING\r\n"


async def ready(built: House) -> Client:
    """Say all that comes before BDAT."""
    client = await built.greeted(hello="EHLO c")
    assert (await client.ask(*MAIL)).startswith("250")
    return client


async def bdat(client: Client, octets: bytes, *, last: bool = False) -> str:
    await client.send(b"BDAT %d%b\r\n%b" % (len(octets), b" LAST" if last else b"", octets))
    return await client.hear()


@contextlib.asynccontextmanager
async def proxied(
    answers: dict[str, list[Answer]] | None = None,
    **service: Any,  # noqa: ANN401 - what Service takes
) -> AsyncIterator[tuple[House, Real]]:
    async with (
        real({"EHLO": [OFFER], **(answers or {})}) as server,
        house(upstream=server.upstream(), **service) as built,
    ):
        yield built, server


@looped
async def test_a_message_is_one_content_of_the_transcript() -> None:
    async with house() as built:
        client = await ready(built)
        await bdat(client, b"Subject: x\r\n")
        assert (await bdat(client, b"\r\ntext", last=True)).startswith("250 2.0.0 Ok: queued")
        await client.ask("QUIT")
        client.leave()
        await built.over()

        assert built.book.message.raw == b"Subject: x\r\n\r\ntext"
        assert built.book.transaction.octets == 18
        lines = [(line.source, line.data, line.octets) for line in built.book.of(Line)]
        begin = lines.index((Source.CLIENT, b"BDAT 12\r\n", 0))
        assert [(source, octets) for source, _, octets in lines[begin:]] == [
            (Source.CLIENT, 0),
            (Source.NOTE, 0),
            (Source.SERVER, 0),
            (Source.CLIENT, 0),
            (Source.CONTENT, 18),
            (Source.SERVER, 0),
            (Source.CLIENT, 0),
            (Source.SERVER, 0),
        ]
        assert built.book.notes == ["a chunk of 12 octets"]


@looped
async def test_a_large_chunk_does_not_wait_for_its_client_twice() -> None:
    async with house() as built:
        client = await ready(built)
        octets = b"x" * (4 * HIGH_WATER)

        assert (await bdat(client, octets, last=True)).startswith("250")
        assert built.book.message.raw == octets


@looped
async def test_a_silent_client_is_timed_out_in_a_chunk() -> None:
    async with house() as built:
        client = await ready(built)
        built.hurry()
        await client.send(b"BDAT 10\r\nhello")

        assert (await client.hear()).startswith("421 4.4.2")
        client.leave()
        ended = await built.over()
        assert (ended.ending, built.book.transaction.content) == (Ending.TIMEOUT, b"hello")


@looped
async def test_a_client_that_leaves_in_a_refused_chunk() -> None:
    async with house() as built:
        client = await built.greeted(hello="EHLO c")
        await client.send(b"BDAT 10 LAST\r\nhello")
        client.leave()

        assert (await built.over()).ending is Ending.CLIENT_CLOSED
        assert "5 octets of a chunk that was refused never came" in built.book.notes


@looped
async def test_after_a_greeting_that_refuses_no_chunk_is_taken() -> None:
    async with house() as built:
        built.play({"at": "connect", "do": [{"reply": "554 5.7.1 Go away"}]})
        client = await built.connect()
        await client.hear()

        assert await bdat(client, b"NOOP\r\n") == "503 5.5.1 Error: the server takes no mail"


@pytest.mark.parametrize(
    ("rule", "replies"),
    [
        ({"at": "data", "do": [{"reply": "250 2.0.0 Mine"}]}, ["250 2.0.0 Mine", "250 2.0.0 Ok: 2 octets received"]),
        ({"at": "any", "when": {"verb": "BDAT"}, "do": [{"reply": "451 4.3.0 No"}]}, ["451 4.3.0 No"] * 2),
        (
            {"at": "data", "do": [{"reply": "452 4.3.1 Full"}, {"raw": "250 2.0.0 And more\r\n"}]},
            ["452 4.3.1 Full", "250 2.0.0 And more"],
        ),
        ({"at": "data", "do": [{"note": "hm"}]}, ["250 2.0.0 Ok: 2 octets received"] * 2),
    ],
)
@looped
async def test_rules_speak_at_a_chunk(rule: dict[str, Any], replies: list[str]) -> None:
    async with house() as built:
        built.play(rule)
        client = await ready(built)
        await client.send(b"BDAT 2\r\nab")
        first = await client.hear()
        if replies[1].startswith("250 2.0.0 And"):
            second = await client.hear()
        else:
            second = await bdat(client, b"cd")

        assert [first, second] == replies


@looped
async def test_the_first_refusal_is_the_reason() -> None:
    async with house() as built:
        built.play({"id": "full", "at": "data", "do": [{"reply": "452 4.3.1 Full"}]})
        client = await ready(built)
        await bdat(client, b"ab")
        assert (await bdat(client, b"cd", last=True)).startswith("503")
        await client.ask("RSET")

        transaction = built.book.transaction
        assert transaction.reply is not None
        assert (transaction.reply.code, transaction.rule) == (452, "full")


@looped
async def test_a_command_that_cannot_be_read_leaves_a_hole() -> None:
    async with house() as built:
        client = await ready(built)

        assert await client.ask("BDAT x") == "501 5.5.4 Syntax: BDAT octets [LAST]"
        assert (await bdat(client, b"cd", last=True)).startswith("503 5.5.1 Error: a chunk before")


@looped
async def test_data_is_asked_about_once_a_message() -> None:
    async with house() as built:
        built.play({"id": "first", "at": "data", "do": [{"note": "hm"}]})
        client = await ready(built)
        await bdat(client, b"ab")
        await bdat(client, b"cd", last=True)

        (state,) = built.inbox.director.rules()
        assert state.fired == 1
        assert [firing.point for firing in built.book.of(Firing)] == [Point.DATA]


@looped
async def test_a_rule_that_refuses_while_the_octets_come_ends_the_transaction() -> None:
    async with house() as built:
        built.play({"at": "content", "when": {"size": ">= 3"}, "do": [{"reply": "552 5.2.2 Enough"}]})
        client = await ready(built)
        assert await bdat(client, b"ab") == "250 2.0.0 Ok: 2 octets received"

        assert await bdat(client, b"cd") == "552 5.2.2 Enough"
        assert await bdat(client, b"ef", last=True) == "503 5.5.1 Error: need MAIL command"
        assert built.book.transaction.outcome is Outcome.REJECTED


# in front of a real server


@looped
async def test_chunks_are_passed_on_as_they_come() -> None:
    async with proxied({"BDAT": [b"250 one\r\n", b"250 two\r\n"]}) as (built, server):
        client = await ready(built)

        assert await bdat(client, b"a\n.\r\n") == "250 one"
        assert await bdat(client, b"\x00", last=True) == "250 two"
        assert server.contents == [b"a\n.\r\n", b"\x00"]
        assert server.heard[-2:] == [b"BDAT 5\r\n", b"BDAT 1 LAST\r\n"]
        assert built.book.message.raw == b"a\n.\r\n\x00"


@looped
async def test_a_rule_for_the_message_keeps_the_chunks_back() -> None:
    async with proxied() as (built, server):
        built.play({"at": "message", "count": {"times": 1}, "do": [{"reply": "554 5.7.1 No"}]})
        client = await ready(built)
        assert await bdat(client, b"one") == "250 2.0.0 Ok: 3 octets received"
        assert await bdat(client, b"two", last=True) == "554 5.7.1 No"
        await until(lambda: server.heard[-1] == b"RSET\r\n")
        await client.ask(*MAIL)
        await bdat(client, b"one")

        assert await bdat(client, b"two", last=True) == "250 2.0.0 Ok"
        assert server.contents == [b"onetwo"]


@looped
async def test_a_chunk_that_the_real_server_refuses_ends_the_message() -> None:
    async with proxied({"BDAT": [b"452 4.3.1 Full\r\n"]}) as (built, server):
        client = await ready(built)

        assert await bdat(client, b"one") == "452 4.3.1 Full"
        assert (
            await bdat(client, b"two", last=True) == "503 5.5.1 Error: a chunk before this one was refused, send RSET"
        )
        assert server.contents == [b"one"]
        await client.ask("RSET")
        assert [one.outcome for one in built.book.of(Transaction)] == [Outcome.REJECTED]


@looped
async def test_a_message_that_is_too_big_is_taken_back_from_the_real_server() -> None:
    async with proxied(max_message_size=5) as (built, server):
        client = await ready(built)
        assert await bdat(client, b"one") == "250 2.0.0 Ok"

        assert (await bdat(client, b"two")).startswith("552 5.3.4")
        await until(lambda: server.heard[-1] == b"RSET\r\n")
        assert server.contents == [b"one"]


@looped
async def test_the_real_server_has_the_last_word() -> None:
    async with proxied({"BDAT": [b"554 5.6.0 Bad\r\n"]}) as (built, server):
        client = await ready(built)

        assert await bdat(client, b"one", last=True) == "554 5.6.0 Bad"
        assert (server.contents, built.book.transaction.outcome) == ([b"one"], Outcome.REJECTED)


@looped
async def test_what_the_real_server_said_may_be_changed() -> None:
    async with proxied() as (built, _):
        built.play(
            {"at": "upstream", "when": {"verb": "BDAT", "upstream": {"code": "250"}}, "do": [{"reply": "451 4.0.0 Hm"}]}
        )
        client = await ready(built)

        assert await bdat(client, b"one") == "451 4.0.0 Hm"


@looped
async def test_without_chunking_behind_it_is_not_offered_in_front() -> None:
    async with proxied({"EHLO": [b"250 real\r\n"]}) as (built, server):
        client = await ready(built)

        assert await client.ask("BDAT 0 LAST") == "500 5.5.2 Error: command not recognized"
        assert server.contents == []
