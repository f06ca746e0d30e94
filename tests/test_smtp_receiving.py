"""Messages as they come by DATA; `test_smtp_chunking` has those that come by BDAT."""

from __future__ import annotations

import pytest

from mailtrap_py.events import Outcome
from tests.connected import CONTENT, ENVELOPE, house, looped


@looped
async def test_a_message_comes_out_bit_for_bit() -> None:
    raw = b"\x00\xff\r\n..\r\n.\r\r\n\n.\n\r.\r\n" + bytes(range(256)) + b"x" * 5000 + b"\r\n"
    async with house() as built:
        client = await built.greeted()
        stuffed = raw.replace(b"\r\n.", b"\r\n..")
        assert (await client.mail(stuffed)).startswith("250")

        assert built.book.message.raw == raw
        assert built.book.transaction.octets == len(stuffed) + 3


@pytest.mark.parametrize("wire", [b"x" * 1001, b"x" * 99 + b"\r\n" + b"y" * 900 + b"\r\n", b"x" * 5000 + b"\r\n"])
@looped
async def test_content_over_the_limit_is_refused_after_its_end(wire: bytes) -> None:
    async with house(max_message_size=1000) as built:
        client = await built.greeted()
        wire = wire if wire.endswith(b"\r\n") else wire + b"\r\n"

        assert await client.mail(wire) == "552 5.3.4 Message size exceeds the limit of 1000 octets"
        ended = built.book.transaction
        assert (ended.outcome, ended.octets, ended.content) == (Outcome.REJECTED, len(wire) + 3, b"")
        assert (await client.ask("MAIL FROM:<a@b>")).startswith("250")


@looped
async def test_stuffed_dots_do_not_count() -> None:
    async with house(max_message_size=1000) as built:
        client = await built.greeted()

        assert (await client.mail(b"..\r\n" * 333)).startswith("250")
        assert len(built.book.message.raw) == 999


@looped
async def test_what_is_pipelined_behind_the_final_dot_is_a_command() -> None:
    async with house() as built:
        client = await built.connect()
        await client.send(ENVELOPE + CONTENT + b".\r\nNOOP\r\nQUIT\r\n")

        assert (await client.rest()).endswith(b"\r\n250 2.0.0 Ok\r\n221 2.0.0 Bye\r\n")


@looped
async def test_after_a_refused_data_the_final_dot_of_a_pipelining_client_is_no_message() -> None:
    # RFC 2920, section 3.1: a client that pipelined DATA after refused recipients sends a lone dot.
    async with house() as built:
        client = await built.greeted(hello="EHLO c")
        await client.ask("MAIL FROM:<a@b>", "RCPT TO:<c@d> X=1")
        assert await client.ask("DATA", ".") == "500 5.5.2 Error: command not recognized"
