"""Replies leave at the end of the turn in which they came about, in their order, each once."""

from __future__ import annotations

import asyncio
from functools import partial

import pytest

from mailtrap_py.smtp.outbox import Outbox
from tests.connected import CONTENT, ENVELOPE, house, looped, until


@looped
async def test_all_of_a_turn_leave_together_after_it() -> None:
    outbox, left = Outbox(), list[str]()

    for name in "abc":
        outbox.send_soon(partial(left.append, name))
    assert left == []
    await asyncio.sleep(0)
    assert left == ["a", "b", "c"]
    await asyncio.sleep(0)
    assert left == ["a", "b", "c"]


@looped
async def test_what_comes_about_meanwhile_leaves_in_the_next_turn() -> None:
    outbox, left = Outbox(), list[str]()

    def send() -> None:
        left.append("first")
        outbox.send_soon(lambda: left.append("second"))

    outbox.send_soon(send)
    await asyncio.sleep(0)
    assert left == ["first"]
    await asyncio.sleep(0)
    assert left == ["first", "second"]


@looped
async def test_one_that_cannot_be_sent_keeps_no_other_back() -> None:
    complaints: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context["exception"]))
    outbox, left = Outbox(), list[str]()
    broken = OSError("no way out")

    def fail() -> None:
        raise broken

    outbox.send_soon(fail)
    outbox.send_soon(lambda: left.append("sent"))
    await until(lambda: left)
    assert left == ["sent"]
    assert complaints == [broken]
    asyncio.get_running_loop().set_exception_handler(None)


@pytest.mark.parametrize("sessions", [1, 5])
@looped
async def test_sessions_that_are_heard_in_one_turn_are_all_answered(sessions: int) -> None:
    async with house() as built:
        clients = [await built.connect() for _ in range(sessions)]
        for client in clients:
            await client.send(ENVELOPE)
        for client in clients:
            assert [(await client.hear())[:3] for _ in range(5)] == ["220", "250", "250", "250", "354"]
            await client.send(CONTENT + b".\r\n")
        for client in clients:
            assert (await client.hear()).startswith("250 ")
