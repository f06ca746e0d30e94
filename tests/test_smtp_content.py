"""A content while it comes, in memory and on disk: the same octets whatever the threshold."""

from __future__ import annotations

import gc
import tempfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailtrap_py.events import Ending, Message, Outcome
from mailtrap_py.smtp.content import Arriving, Content, Spool
from mailtrap_py.smtp.reader import HIGH_WATER
from tests.connected import house, looped

LIMIT = 1_000_000
MAIL = ["MAIL FROM:<a@b>", "RCPT TO:<c@d>"]
BODY = b"Subject: x\r\n\r\n" + b"..a line that begins with a dot\r\n" * 10_000
RAW = BODY.replace(b"\r\n..", b"\r\n.")


def test_a_spool_gives_what_it_got() -> None:
    spool = Spool()
    spool.write(b"one")
    spool.write(memoryview(b"two"))

    assert (spool.size, spool.read(4), spool.read()) == (6, b"onet", b"onetwo")
    spool.close()


@given(
    pieces=st.lists(st.sampled_from([b"a", b".", b"\r\n", b"\r\n.", b"\r\n..", b"\n.", b"\x00"]), max_size=30),
    spool_over=st.sampled_from([0, 1, 7]),
    lenient=st.booleans(),
)
def test_the_threshold_changes_nothing(pieces: list[bytes], spool_over: int, *, lenient: bool) -> None:
    wire = b"".join(pieces) + b"\r\n.\r\n"
    arriving = Arriving(LIMIT, spool_over=spool_over, lenient=lenient)
    buffer = bytearray()
    for piece in [*pieces, b"\r\n.\r\n"]:
        arriving.shed(buffer)
        buffer += piece
    content = arriving.end(bytes(buffer), complete=True)

    assert content.octets == len(wire)
    assert content.raw == Content(wire, len(wire), complete=True, too_big=False, lenient=lenient).raw


def test_what_is_too_big_is_kept_nowhere() -> None:
    arriving = Arriving(10, spool_over=5, lenient=False)
    buffer = bytearray(b"x" * 15)
    arriving.shed(buffer)
    buffer += b"x" * 15
    arriving.shed(buffer)
    content = arriving.end(bytes(buffer), complete=True)

    assert (content.too_big, content.octets, content.wire, content.spool) == (True, 30, b"", None)


@looped
async def test_a_large_message_goes_over_the_disk() -> None:
    async with house(spool_over=HIGH_WATER) as built:
        client = await built.greeted(hello="EHLO c")
        for _ in range(2):
            await client.ask(*MAIL, "DATA")
            assert (await client.data(BODY)).startswith("250")
            assert built.book.of(Message)[-1].raw == RAW
        await client.ask(*MAIL)
        await client.send(b"BDAT %d\r\n%bBDAT %d LAST\r\n%b" % (len(BODY), BODY, len(BODY), BODY))
        await client.hear()
        assert (await client.hear()).startswith("250 2.0.0 Ok: queued")
        assert built.book.of(Message)[-1].raw == BODY * 2


@looped
async def test_a_client_that_leaves_has_left_something() -> None:
    async with house(spool_over=10) as built:
        client = await built.greeted(hello="EHLO c")
        await client.ask(*MAIL, "DATA")
        await client.send(b"Subject: x\r\n\r\nhalf a message")
        client.leave()

        assert (await built.over()).ending is Ending.CLIENT_CLOSED
        assert built.book.transaction.content == b"Subject: x\r\n\r\nhalf a message"


@looped
async def test_a_full_disk_refuses_the_message_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(**_: object) -> object:
        raise OSError(28, "No space left on device")

    async with house(spool_over=10) as built:
        client = await built.greeted(hello="EHLO c")
        await client.ask(*MAIL, "DATA")
        monkeypatch.setattr(tempfile, "TemporaryFile", full)
        assert await client.data(BODY) == "451 4.3.0 Error: the message could not be stored"
        monkeypatch.undo()

        assert "the content could not be kept on disk: No space left on device" in built.book.notes
        assert built.book.transaction.outcome is Outcome.REJECTED
        assert (await client.mail()).startswith("250")


@looped
async def test_what_nobody_reads_is_thrown_away() -> None:
    # An open file that is forgotten is a warning, and a warning is an error.
    async with house(spool_over=10) as built:
        client = await built.greeted(hello="EHLO c")
        await client.ask(*MAIL)
        await client.send(b"BDAT 20\r\n01234567890123456789RSET\r\n")
        assert [await client.hear(), await client.hear()][1] == "250 2.0.0 Ok"
        await client.ask(*MAIL, "DATA")
        await client.send(b"x" * 1000)
        await client.send(b"x" * 1000)
    gc.collect()
