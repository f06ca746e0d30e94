"""What a client had of a reply, and when it stopped waiting: from the wire itself to the verdict."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from mailtrap_py.scenario.evidence import Evidence, Wait
from mailtrap_py.scenario.load import from_data
from mailtrap_py.scenario.verdict import Verdict, judge
from tests.connected import ENVELOPE, Client, House, house, looped, until

ENVELOPE_TO_RCPT = ENVELOPE.decode().split("\r\n")[:3]
Step = Callable[[House, Client], Awaitable[None]]


async def run(rule: dict[str, Any], *steps: Step) -> Evidence:
    """Let a client do this, under one rule; then it leaves, and the record is closed."""
    async with house() as home:
        home.play({"id": "rule", **rule})
        client = await home.connect()
        for step in steps:
            await step(home, client)
        client.leave()
        await home.over()
        return Evidence.gather(home.book.events, until=home.clock.now())


def says(*lines: str) -> Step:
    async def step(_: House, client: Client) -> None:
        for line in lines:
            await client.ask(line)

    return step


def sends(data: bytes) -> Step:
    async def step(_: House, client: Client) -> None:
        await client.send(data)

    return step


def hears(data: bytes) -> Step:
    async def step(_: House, client: Client) -> None:
        assert await client.reader.readexactly(len(data)) == data

    return step


def waits(seconds: float) -> Step:
    async def step(home: House, _: Client) -> None:
        await until(lambda: home.clock.sleepers)
        home.clock.advance(seconds)

    return step


async def leaves(_: House, client: Client) -> None:
    client.half_close()  # as the server sees a program that closes: whether it still reads, it cannot know


async def greeted(_: House, client: Client) -> None:
    await client.hear()


async def noted(home: House, _: Client) -> None:
    await until(lambda: home.book.notes)


def verdict(evidence: Evidence, *expect: dict[str, Any]) -> Verdict:
    return judge(from_data({"name": "held", "expect": list(expect)}), evidence)


def passes(evidence: Evidence, expectation: dict[str, Any]) -> bool:
    return verdict(evidence, expectation).passed


def longest(evidence: Evidence) -> Wait:
    return max((wait for session in evidence.sessions for wait in session.waits(evidence.until)), key=_seconds)


def _seconds(wait: Wait) -> float:
    return wait.seconds


HALF = {"at": "mail", "do": [{"raw": "250-2.1.0 Ok\r\n"}, {"stall": {"max": "1h"}}]}


@pytest.mark.parametrize(("patience", "given_up"), [(4.0, True), (11.0, False)])
def test_half_a_reply_and_silence_is_no_answer(*, patience: float, given_up: bool) -> None:
    @looped
    async def test() -> None:
        evidence = await run(
            HALF,
            greeted,
            says("HELO c"),
            sends(b"MAIL FROM:<ann@example.com>\r\n"),
            hears(b"250-2.1.0 Ok\r\n"),
            waits(patience),
        )

        assert (longest(evidence).seconds, longest(evidence).answered) == (patience, False)
        assert passes(evidence, {"gave_up": {"within": "10s"}}) is given_up
        assert passes(evidence, {"waited": {"at_least": "10s"}}) is not given_up

    test()


@looped
async def test_a_greeting_in_two_parts_is_there_with_the_second() -> None:
    parts = [{"raw": "220-mx\r\n"}, {"delay": "6s"}, {"reply": "220 mx"}]
    evidence = await run({"at": "connect", "do": parts}, hears(b"220-mx\r\n"), waits(6), says("NOOP"))

    assert (longest(evidence).seconds, longest(evidence).answered) == (6.0, True)
    assert passes(evidence, {"waited": {"at_least": "6s"}})


LATE = {"at": "message", "do": ["accept", {"delay": "10s"}]}
MESSAGE: tuple[Step, ...] = (
    greeted,
    says(*ENVELOPE_TO_RCPT, "DATA"),
    sends(b"Message-ID: <1@x>\r\n\r\ntext\r\n.\r\n"),
)


@looped
async def test_a_reply_that_came_when_the_client_had_left_is_none() -> None:
    evidence = await run(LATE, *MESSAGE, waits(1), leaves, noted, waits(9))

    [session] = evidence.sessions
    assert (longest(evidence).seconds, longest(evidence).answered) == (1.0, False)
    assert session.owed is not None
    assert not passes(evidence, {"waited": {"at_least": "5s"}})
    assert passes(evidence, {"gave_up": {"within": "2s"}})
    assert not passes(evidence, {"retried": {"after": "lost"}})
    assert "connection was lost" in str(verdict(evidence, {"retried": {"after": "lost"}}).results[0])


@looped
async def test_who_waits_to_the_end_is_patient() -> None:
    evidence = await run(LATE, *MESSAGE, waits(10), greeted)

    assert (longest(evidence).seconds, longest(evidence).answered) == (10.0, True)
    assert passes(evidence, {"waited": {"at_least": "10s"}})
    assert not passes(evidence, {"gave_up": {"within": "20s"}})


@pytest.mark.parametrize(
    ("point", "command"),
    [("mail", "MAIL FROM:<ann@example.com>"), ("rcpt", "RCPT TO:<bob@example.com>"), ("data", "DATA")],
)
def test_a_refusal_that_nobody_heard_is_a_lost_connection(point: str, command: str) -> None:
    before = [line for line in ("HELO c", *ENVELOPE_TO_RCPT[1:]) if line != command][
        : {"mail": 1, "rcpt": 2}.get(point)
    ]

    @looped
    async def test() -> None:
        late = {"at": point, "do": [{"delay": "9s"}, {"reply": "550 No"}]}
        evidence = await run(
            late, greeted, says(*before), sends(f"{command}\r\n".encode()), waits(1), leaves, noted, waits(8)
        )

        assert not passes(evidence, {"retried": {"after": "lost"}})
        assert "nothing failed" not in str(verdict(evidence, {"retried": {"after": "lost"}}).results[0])
        assert "nothing failed" in str(verdict(evidence, {"retried": {"after": "5xx"}}).results[0])

    test()


@looped
async def test_a_dripped_reply_is_there_with_its_last_octet() -> None:
    drip = {"at": "mail", "do": [{"drip": {"bytes": 5, "every": "2s"}}]}
    evidence = await run(
        drip,
        greeted,
        says("HELO c"),
        sends(b"MAIL FROM:<ann@example.com>\r\n"),
        hears(b"250 2"),
        waits(2),
        leaves,
        noted,
        waits(2),
    )

    assert (longest(evidence).seconds, longest(evidence).answered) == (2.0, False)
    assert passes(evidence, {"gave_up": {"within": "3s"}})
    assert not passes(evidence, {"waited": {"at_least": "3s"}})


@looped
async def test_to_go_on_with_half_a_reply_is_no_patience() -> None:
    evidence = await run(
        {"at": "mail", "do": [{"raw": "250-2.1.0 Ok\r\n"}]},
        greeted,
        says("HELO c"),
        sends(b"MAIL FROM:<ann@example.com>\r\n"),
        hears(b"250-2.1.0 Ok\r\n"),
        says("RSET"),
    )

    assert [wait.went_on for wait in evidence.sessions[0].waits(evidence.until)] == [False, False, True, False]
    assert "went on without a whole reply" in str(verdict(evidence, {"waited": {"at_least": "1s"}}).results[0])


@looped
async def test_a_line_that_is_no_reply_ends_the_waiting() -> None:
    evidence = await run(
        {"at": "mail", "do": [{"raw": "Warning: low on memory\r\n"}]},
        greeted,
        says("HELO c"),
        sends(b"MAIL FROM:<ann@example.com>\r\n"),
        hears(b"Warning: low on memory\r\n"),
    )

    assert all(wait.answered for wait in evidence.sessions[0].waits(evidence.until))


@looped
async def test_what_was_held_back_to_the_end_was_never_said() -> None:
    evidence = await run({"at": "message", "do": ["hold"]}, *MESSAGE, leaves)

    assert len(evidence.messages) == 1
    assert not passes(evidence, {"retried": {"after": "lost"}})
    assert "nothing failed" not in str(verdict(evidence, {"retried": {"after": "lost"}}).results[0])
