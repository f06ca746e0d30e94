"""Every action, as the client's socket sees it."""

from __future__ import annotations

import asyncio
import sys
from typing import Any

import pytest

from mailtrap_py.clock import ManualClock
from mailtrap_py.events import Ending, Firing, Line, Message, Outcome, Point, Recorded, Source
from mailtrap_py.inbox import Inbox
from mailtrap_py.scenario import Action, Decision, Delay, Uniform
from mailtrap_py.smtp.perform import Stage, perform
from tests.connected import CONTENT, GREETING, Client, House, house, looped, until

BUSY = "450 4.2.1 Busy"
HELLO = "HELO c"


def rule(at: str, *do: object, **more: Any) -> dict[str, Any]:  # noqa: ANN401 - what a rule is made of
    return {"id": "it", "at": at, "do": list(do), **more}


# Replies


@looped
async def test_a_reply_refuses_and_the_state_stays() -> None:
    async with house() as built:
        built.play(rule("mail", {"reply": BUSY}, count={"times": 1}))
        client = await built.greeted(hello=HELLO)

        assert await client.ask("MAIL FROM:<a@b>") == BUSY
        assert (await client.ask("RCPT TO:<c@d>")).startswith("503")
        assert (await client.ask("MAIL FROM:<a@b>")).startswith("250")
        assert built.book.transaction.outcome is Outcome.REJECTED
        assert (built.book.transaction.rule, str(built.book.transaction.reply)) == ("it", BUSY)


@pytest.mark.parametrize(
    ("at", "command"),
    [("connect", ""), ("ehlo", "EHLO c"), ("mail", "MAIL FROM:<a@b>"), ("quit", "QUIT"), ("any", "FROBNICATE")],
)
@looped
async def test_421_closes_after_it_was_read(at: str, command: str) -> None:
    async with house() as built:
        built.play(rule(at, {"reply": "421 4.3.2 later"}))
        client = await built.connect()
        if command:
            assert await client.hear() == GREETING.decode().strip()
            if at == "mail":
                await client.ask(HELLO)
            assert await client.ask(command) == "421 4.3.2 later"
        else:
            assert await client.hear() == "421 4.3.2 later"

        assert await client.rest() == b""
        client.leave()
        ended = await built.over()
        assert (ended.ending, ended.reason) == (Ending.SERVER_CLOSED, "rule it replied 421")


@looped
async def test_421_may_stay() -> None:
    async with house() as built:
        built.play(rule("mail", {"reply": "421 4.3.2 later", "stay": True}, count={"times": 1}))
        client = await built.greeted(hello=HELLO)

        assert await client.ask("MAIL FROM:<a@b>") == "421 4.3.2 later"
        assert await client.ask("MAIL FROM:<a@b>") == "250 2.1.0 Ok"


@looped
async def test_a_positive_reply_lets_the_command_take_effect_in_its_words() -> None:
    async with house() as built:
        built.play(
            rule("connect", {"reply": "220 hello"}),
            {"at": "ehlo", "do": [{"reply": ["250-me", "250 SIZE 5"]}]},
            {"at": "mail", "do": [{"reply": "250 go on"}]},
            {"at": "rcpt", "do": [{"reply": "251 2.1.5 will forward"}]},
            {"at": "data", "do": [{"reply": "354 please"}]},
            {"at": "message", "do": [{"reply": "200 taken"}]},
            {"at": "quit", "do": [{"reply": "250 bye"}]},
        )
        client = await built.connect()

        said = [await client.hear()]
        for command in ("EHLO c", "MAIL FROM:<a@b>", "RCPT TO:<c@d>", "DATA"):
            said.append(await client.ask(command))  # noqa: PERF401 - one after the other, as they are answered
        said += [await client.data(), await client.ask("QUIT")]

        assert said == [
            "220 hello",
            "250-me\r\n250 SIZE 5",
            "250 go on",
            "251 2.1.5 will forward",
            "354 please",
            "200 taken",
            "250 bye",
        ]
        assert await client.rest() == b""
        client.leave()
        assert (await built.over()).ending is Ending.QUIT
        assert (built.book.message.raw, built.book.message.recipients[0].reply.code) == (CONTENT, 251)
        assert built.book.transaction.acknowledged


@looped
async def test_250_at_data_asks_for_no_content() -> None:
    async with house() as built:
        built.play(rule("data", {"reply": "250 done"}, count={"times": 1}))
        client = await built.greeted(hello=HELLO)

        assert await client.ask("MAIL FROM:<a@b>", "RCPT TO:<c@d>", "DATA") == "250 done"
        assert (await client.ask("NOOP")).startswith("250")
        assert await client.ask("DATA") == "354 End data with <CR><LF>.<CR><LF>"
        assert (await client.data()).startswith("250")
        assert built.book.transaction.outcome is Outcome.ACCEPTED


@looped
async def test_what_comes_after_a_354_comes_before_the_content() -> None:
    async with house() as built:
        built.play(rule("data", {"reply": "354 go on"}, {"close": "reset"}))
        client = await built.greeted(hello=HELLO)

        assert await client.ask("MAIL FROM:<a@b>", "RCPT TO:<c@d>", "DATA") == "354 go on"
        with pytest.raises(ConnectionResetError):
            await client.rest()
        assert (await built.over()).ending is Ending.SERVER_RESET
        assert built.book.of(Message) == []
        assert built.book.transaction.outcome is Outcome.ABORTED


# Bytes


@pytest.mark.parametrize(
    ("raw", "accepted"),
    [("250 fine\n", True), ("2", True), ("25", True), ("550 no\r\n", False), ("\x16\x03\x01", False), ("4.5", False)],
)
@looped
async def test_raw_bytes_are_sent_as_they_are_and_read_as_a_client_would(raw: str, *, accepted: bool) -> None:
    async with house() as built:
        built.play(rule("mail", {"raw": raw}, {"close": "fin"}))
        client = await built.greeted(hello=HELLO)
        await client.send(b"MAIL FROM:<a@b>\r\n")

        assert await client.rest() == raw.encode("latin-1")
        client.leave()
        await built.over()
        assert built.book.transaction.outcome is (Outcome.ABORTED if accepted else Outcome.REJECTED)


@looped
async def test_bytes_that_follow_bytes_are_in_order() -> None:
    async with house() as built:
        built.play(rule("mail", {"raw": "450 4.2."}, {"raw": "1 Busy\r\n"}))
        client = await built.greeted(hello=HELLO)

        assert await client.ask("MAIL FROM:<a@b>") == BUSY


@looped
async def test_a_note_is_written_into_the_transcript_and_nothing_else_happens() -> None:
    async with house() as built:
        built.play(rule("mail", {"note": "look at ${from}"}))
        client = await built.greeted(hello=HELLO)

        assert await client.ask("MAIL FROM:<a@b>") == "250 2.1.0 Ok"
        assert built.book.notes == ["look at a@b"]


@looped
async def test_pass_lets_it_through_before_other_rules() -> None:
    async with house() as built:
        built.play(rule("rcpt", "pass", when={"to": "ann@*"}), {"id": "all", "at": "rcpt", "do": [{"reply": "550 no"}]})
        client = await built.greeted(hello=HELLO)
        await client.ask("MAIL FROM:<a@b>")

        assert await client.ask("RCPT TO:<ann@b>") == "250 2.1.5 Ok"
        assert await client.ask("RCPT TO:<bob@b>") == "550 no"
        assert [(fired.rule, fired.point, fired.number) for fired in built.book.of(Firing)] == [
            ("it", Point.RCPT, 1),
            ("all", Point.RCPT, 1),
        ]


# How a reply travels


@pytest.mark.parametrize(
    ("manner", "heard"),
    [
        ({"drip": {"bytes": 7, "every": "1s"}}, b"450 4.2.1 Busy\r\n"),
        ({"split": {"at": [3, 4]}}, b"450 4.2.1 Busy\r\n"),
        ({"line_end": "lf"}, b"450 4.2.1 Busy\n"),
        ({"truncate": {"at": 5}}, b"450 4"),
        ("duplicate", b"450 4.2.1 Busy\r\n" * 2),
        ({"before": "250 unsolicited"}, b"250 unsolicited\r\n450 4.2.1 Busy\r\n"),
        ("hold", b""),
    ],
)
@looped
async def test_a_reply_may_travel_oddly(manner: object, heard: bytes) -> None:
    async with house() as built:
        built.play(rule("mail", manner, {"reply": BUSY}, {"close": "fin"}))
        client = await built.greeted(hello=HELLO)
        await client.send(b"MAIL FROM:<a@b>\r\n")
        listening = asyncio.create_task(client.rest())
        while not listening.done():
            built.clock.advance(1)
            await asyncio.sleep(0)

        assert await listening == heard


@looped
async def test_a_usual_reply_may_travel_oddly_too() -> None:
    async with house() as built:
        built.play(rule("mail", {"line_end": "lf"}))
        client = await built.greeted(hello=HELLO)
        await client.send(b"MAIL FROM:<a@b>\r\nRSET\r\n")

        assert await client.reader.readuntil(b"Ok\r\n") == b"250 2.1.0 Ok\n250 2.0.0 Ok\r\n"


@looped
async def test_a_reply_that_was_held_comes_with_the_next() -> None:
    async with house() as built:
        built.play(rule("mail", "hold"))
        client = await built.greeted(hello=HELLO)
        await client.send(b"MAIL FROM:<a@b>\r\n")
        await until(lambda: "holds back 14 octets" in built.book.notes)

        assert await client.ask("RSET") == "250 2.1.0 Ok"
        assert await client.hear() == "250 2.0.0 Ok"


# What a session offers, how fast it reads, and the state of the scenario


@looped
async def test_what_is_offered_may_change() -> None:
    async with house() as built:
        built.play(rule("connect", {"ehlo": {"remove": ["AUTH", "SMTPUTF8"], "add": ["SIZE 5"]}}))
        client = await built.greeted()
        offered = await client.ask("EHLO c")

        assert "SIZE 5" in offered
        assert "AUTH" not in offered
        assert await client.ask("AUTH PLAIN AGEAYg==") == "502 5.5.1 Error: AUTH is not offered"
        assert await client.ask("MAIL FROM:<a@b> SIZE=6") == "552 5.3.4 Message size exceeds the limit of 5 octets"
        assert await client.ask("MAIL FROM:<a@b> SMTPUTF8") == "555 5.5.4 Unsupported option: SMTPUTF8"


@looped
async def test_content_is_read_no_faster_than_a_rule_says() -> None:
    async with house() as built:
        built.play(rule("data", {"read": {"rate": "1KB/s"}}))
        client = await built.greeted(hello=HELLO)
        await client.ask("MAIL FROM:<a@b>", "RCPT TO:<c@d>", "DATA")
        await client.send(b"x" * 2000)
        await until(lambda: built.clock.sleepers)
        await client.send(b"\r\n.\r\n")
        for _ in range(20):
            await asyncio.sleep(0)
        assert built.book.of(Message) == []

        built.clock.advance(2)
        assert (await client.hear()).startswith("250")
        assert len(built.book.message.raw) == 2002


@looped
async def test_content_may_not_be_read_at_all() -> None:
    async with house() as built:
        built.play(rule("data", {"read": "stop"}))
        client = await built.greeted(hello=HELLO)
        built.hurry(0.05)
        await client.ask("MAIL FROM:<a@b>", "RCPT TO:<c@d>", "DATA")
        await client.send(CONTENT + b".\r\n")

        await client.rest()
        client.leave()
        ended = await built.over()
        assert (ended.ending, built.book.of(Message)) == (Ending.TIMEOUT, [])


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nobody notices")
@pytest.mark.parametrize("octets", [100, 4_000_000], ids=["all sent", "still sending"])
@looped
async def test_a_client_that_leaves_is_noticed_though_nothing_is_read(octets: int) -> None:
    async with house() as built:
        built.play(rule("content", {"read": "stop"}, {"stall": {"max": "10m"}}))
        client = await built.greeted(hello=HELLO)
        await client.ask("MAIL FROM:<a@b>", "RCPT TO:<c@d>", "DATA")
        client.writer.write(b"x" * octets)
        await until(built.inbox.stalled)
        client.writer.transport.abort()

        assert (await built.over()).ending in {Ending.CLIENT_CLOSED, Ending.CLIENT_RESET}


@pytest.mark.parametrize("mark", ["size", "line"])
@looped
async def test_reading_stops_at_the_mark(mark: str) -> None:
    async with house() as built:
        built.play(rule("content", {"read": "stop"}, {"stall": {"max": "10m"}}, when={mark: ">= 50"}))
        client = await built.greeted(hello=HELLO)
        await client.ask("MAIL FROM:<a@b>", "RCPT TO:<c@d>", "DATA")
        client.writer.write(b"0123456789ABCDEF\r\n" * 3000)
        await until(built.inbox.stalled)
        for _ in range(20):
            await asyncio.sleep(0)

        (session,) = built.server._sessions  # noqa: SLF001 - what has been read has no other sign
        read = len(session.wire.input._buffer)  # noqa: SLF001
        assert read == 50 + 4 if mark == "size" else 50 * 18 <= read <= 50 * 18 + 512
        client.writer.transport.abort()
        await built.over()


@looped
async def test_a_rule_may_change_the_state_of_the_scenario() -> None:
    async with house() as built:
        built.play(
            rule("mail", {"set": {"state": "down"}}, when={"from": "trigger@*"}),
            {"id": "down", "at": "mail", "when": {"state": "down"}, "do": [{"reply": "451 down"}]},
        )
        client = await built.greeted(hello=HELLO)

        assert (await client.ask("MAIL FROM:<trigger@x>", "RSET", "MAIL FROM:<a@b>")) == "451 down"


@looped
async def test_a_rule_may_look_while_the_content_comes() -> None:
    async with house() as built:
        built.play(rule("content", {"delay": "5s"}, {"close": "reset"}, when={"size": ">= 10"}))
        client = await built.greeted(hello=HELLO)
        await client.ask("MAIL FROM:<a@b>", "RCPT TO:<c@d>", "DATA")
        await client.send(CONTENT)
        await until(lambda: built.clock.sleepers)
        built.clock.advance(5)

        with pytest.raises(ConnectionResetError):
            await client.rest()
        assert (await built.over()).ending is Ending.SERVER_RESET


@looped
async def test_a_refusal_while_the_content_comes_is_the_reply_to_it() -> None:
    async with house() as built:
        built.play(rule("content", {"reply": "552 5.3.4 enough"}, when={"size": ">= 10"}))
        client = await built.greeted(hello=HELLO)
        await client.ask("MAIL FROM:<a@b>", "RCPT TO:<c@d>", "DATA")
        assert await client.data() == "552 5.3.4 enough"

        assert (await client.ask("NOOP")).startswith("250")
        assert (built.book.transaction.outcome, built.book.of(Message)) == (Outcome.REJECTED, [])


# The ends of a connection


async def flood(client: Client) -> None:
    while True:
        await client.send(b"x" * 10_000)


async def at_mail(built: House, *do: object) -> Client:
    built.play(rule("mail", *do))
    client = await built.greeted(hello=HELLO)
    await client.send(b"MAIL FROM:<a@b>\r\nRSET\r\n")  # with a command that nobody will read
    return client


@looped
async def test_fin_is_a_clean_end_after_the_reply() -> None:
    async with house() as built:
        client = await at_mail(built, {"reply": BUSY}, {"close": "fin"})

        assert await client.rest() == f"{BUSY}\r\n".encode()
        client.leave()
        ended = await built.over()
        assert (ended.ending, ended.reason) == (Ending.SERVER_CLOSED, "rule it closed the connection (fin)")


@looped
async def test_fin_waits_for_the_client_and_throws_away_what_it_still_sends() -> None:
    async with house() as built:
        client = await at_mail(built, {"reply": BUSY}, {"close": "fin"})
        assert await client.rest() == f"{BUSY}\r\n".encode()

        for _ in range(50):
            await client.send(b"x" * 10_000)  # no RST comes back
        client.leave()
        await built.over()


@looped
async def test_fin_does_not_wait_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mailtrap_py.smtp.wire.LINGER", 0.01)
    async with house() as built:
        client = await at_mail(built, {"close": "fin"})

        assert await client.rest() == b""
        assert (await built.over()).ending is Ending.SERVER_CLOSED


@looped
async def test_half_ends_what_the_server_says_and_goes_on_reading() -> None:
    async with house() as built:
        client = await at_mail(built, {"reply": BUSY}, {"close": "half"})

        assert await client.rest() == f"{BUSY}\r\n".encode()
        for _ in range(50):
            await client.send(b"x" * 10_000)
        await asyncio.sleep(0)
        assert built.server.sessions == 1
        client.leave()
        assert (await built.over()).reason == "rule it closed the connection (half)"


@looped
async def test_half_ends_by_its_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mailtrap_py.smtp.perform.HALF_CLOSE_LIMIT", 0.01)
    async with house() as built:
        await at_mail(built, {"close": "half"})

        assert (await built.over()).ending is Ending.SERVER_CLOSED


@looped
async def test_abort_ends_at_once() -> None:
    async with house() as built:
        client = await at_mail(built, {"reply": BUSY}, {"close": "abort"})

        assert await client.rest() == f"{BUSY}\r\n".encode()
        ended = await built.over()
        assert (ended.ending, ended.reason) == (Ending.SERVER_CLOSED, "rule it closed the connection (abort)")
        with pytest.raises(ConnectionError):  # nobody is there to read, so RST comes back
            await flood(client)


@looped
async def test_reset_breaks_the_connection() -> None:
    async with house() as built:
        client = await at_mail(built, {"close": "reset"})

        with pytest.raises(ConnectionResetError):
            await client.rest()
        ended = await built.over()
        assert (ended.ending, ended.reason) == (Ending.SERVER_RESET, "rule it closed the connection (reset)")


@looped
async def test_a_reply_before_a_reset_is_sent() -> None:
    async with house() as built:
        built.play(rule("mail", {"reply": BUSY}, {"delay": "1s"}, {"close": "reset"}))
        client = await built.greeted(hello=HELLO)

        assert await client.ask("MAIL FROM:<a@b>") == BUSY  # the delay lets it be read
        await until(lambda: built.clock.sleepers)
        built.clock.advance(1)
        with pytest.raises(ConnectionResetError):
            await client.rest()


# Waits


@looped
async def test_a_delay_waits_on_the_scenarios_clock_and_then_all_goes_on() -> None:
    async with house() as built:
        built.play(rule("mail", {"delay": "5m"}))
        client = await built.greeted(hello=HELLO)
        await client.send(b"MAIL FROM:<a@b>\r\n")
        await until(lambda: built.clock.sleepers)

        built.clock.advance(299)
        await asyncio.sleep(0)
        assert built.book.said(Source.SERVER)[-1].startswith(b"250 mailtrap")
        built.clock.advance(1)
        assert await client.hear() == "250 2.1.0 Ok"


@looped
async def test_what_was_said_before_a_delay_is_sent_before_it() -> None:
    async with house() as built:
        built.play(rule("rcpt", {"delay": "5m"}))
        client = await built.greeted(hello=HELLO)

        await client.send(b"MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\n")

        assert await client.hear() == "250 2.1.0 Ok"
        await until(lambda: built.clock.sleepers)


@looped
async def test_a_delay_comes_before_the_reply_of_its_rule() -> None:
    async with house() as built:
        built.play(rule("mail", {"delay": {"uniform": ["1s", "9s"]}}, {"reply": BUSY}))
        client = await built.greeted(hello=HELLO)
        await client.send(b"MAIL FROM:<a@b>\r\n")
        await until(lambda: built.clock.sleepers)
        built.clock.advance(9)

        assert await client.hear() == BUSY
        (fired,) = built.book.of(Firing)
        assert fired.actions[0].startswith("delay: ")
        assert fired.actions[1] == "reply: 450 4.2.1 Busy"


@looped
async def test_a_client_that_closes_its_side_during_a_delay_gets_its_reply() -> None:
    async with house() as built:
        built.play(rule("quit", {"delay": "5m"}))
        client = await built.greeted(hello=HELLO)
        await client.send(b"QUIT\r\n")
        client.half_close()
        await until(lambda: built.clock.sleepers)
        built.clock.advance(300)

        assert await client.rest() == b"221 2.0.0 Bye\r\n"
        assert (await built.over()).ending is Ending.QUIT


@looped
async def test_a_client_that_breaks_the_connection_ends_a_delay() -> None:
    async with house() as built:
        built.play(rule("mail", {"delay": "5m"}))
        client = await built.greeted(hello=HELLO)
        await client.send(b"MAIL FROM:<a@b>\r\n")
        await until(lambda: built.clock.sleepers)

        client.reset()

        assert (await built.over()).ending is Ending.CLIENT_RESET
        assert built.clock.sleepers == 0


@looped
async def test_a_scenario_that_is_taken_away_ends_a_delay() -> None:
    async with house() as built:
        built.play(rule("mail", {"delay": "5m"}))
        client = await built.greeted(hello=HELLO)
        await client.send(b"MAIL FROM:<a@b>\r\n")
        await until(lambda: built.clock.sleepers)

        built.inbox.clear()

        assert await client.hear() == "250 2.1.0 Ok"


async def stalled(built: House, *, at: str = "mail") -> Client:
    built.play(rule(at, {"stall": {"max": "30s", "name": "gate"}}))
    client = await built.connect()
    if at != "connect":
        await client.hear()
        await client.ask(HELLO)
        await client.send(b"MAIL FROM:<a@b>\r\n")
    await until(lambda: built.inbox.stalled("gate") and built.clock.sleepers)
    return client


@pytest.mark.parametrize("at", ["connect", "mail"])
@looped
async def test_a_stall_ends_at_its_limit_with_the_connection(at: str) -> None:
    async with house() as built:
        client = await stalled(built, at=at)

        built.clock.advance(29)
        await asyncio.sleep(0)
        assert built.inbox.stalled() == 1
        built.clock.advance(1)

        assert await client.rest() == b""
        client.leave()
        ended = await built.over()
        assert (ended.ending, ended.reason) == (Ending.SERVER_CLOSED, "rule it stalled to its end")
        assert (built.inbox.stalled(), built.book.notes) == (0, ["says nothing more"])


@pytest.mark.parametrize(("at", "reply"), [("connect", GREETING.decode().strip()), ("mail", "250 2.1.0 Ok")])
@looped
async def test_a_stall_that_is_released_goes_on_as_if_nothing_had_been(at: str, reply: str) -> None:
    async with house() as built:
        client = await stalled(built, at=at)

        assert built.inbox.release("gate") == 1

        assert await client.hear() == reply
        assert (built.inbox.stalled(), built.clock.sleepers) == (0, 0)


@looped
async def test_a_reset_of_the_scenario_ends_a_stall_with_the_connection() -> None:
    async with house() as built:
        client = await stalled(built)

        built.inbox.reset()

        assert await client.rest() == b""
        client.leave()
        assert (await built.over()).reason == "rule it stalled to its end"


@looped
async def test_a_reset_just_before_a_stall_ends_it_too() -> None:
    async with house() as built:
        built.play(rule("mail", {"note": "now"}, "stall"))
        client = await built.greeted(hello=HELLO)
        keep = built.book.add

        def add(event: Recorded) -> None:
            keep(event)
            if isinstance(event, Line) and event.data == b"now":
                built.inbox.reset()  # as a test in another thread may do it

        built.book.add = add  # type: ignore[method-assign]
        await client.send(b"MAIL FROM:<a@b>\r\n")

        assert await client.rest() == b""
        client.leave()
        assert (await built.over()).reason == "rule it stalled to its end"


@pytest.mark.parametrize("how", [Client.leave, Client.reset, Client.half_close])
@looped
async def test_a_client_that_leaves_ends_a_stall(how: Any) -> None:  # noqa: ANN401 - a method of a client
    async with house() as built:
        client = await stalled(built)

        how(client)

        ended = await built.over()
        assert ended.ending is (Ending.CLIENT_RESET if how is Client.reset else Ending.CLIENT_CLOSED)
        assert (built.inbox.stalled(), built.clock.sleepers) == (0, 0)
        assert built.book.said(Source.SERVER)[-1].startswith(b"250 mailtrap")


@pytest.mark.parametrize("at", ["connect", "mail"])
@looped
async def test_shutting_down_ends_a_stall(at: str) -> None:
    async with house() as built:
        client = await stalled(built, at=at)

        await built.server.close()

        assert await client.rest() == b"421 4.3.2 mailtrap.localhost Service shutting down\r\n"
        assert (built.book.ended.ending, built.inbox.stalled(), built.clock.sleepers) == (Ending.SHUTDOWN, 0, 0)


# At the message: what is stored, and what is said


async def sent(built: House, *do: object) -> Client:
    built.play(rule("message", *do))
    client = await built.greeted(hello=HELLO)
    await client.ask("MAIL FROM:<a@b>", "RCPT TO:<c@d>", "DATA")
    await client.send(CONTENT + b".\r\n")
    return client


@looped
async def test_accept_and_reset_is_a_lost_250() -> None:
    async with house() as built:
        client = await sent(built, "accept", {"close": "reset"})

        with pytest.raises(ConnectionResetError):
            await client.rest()
        await built.over()
        assert built.book.message.raw == CONTENT
        ended = built.book.transaction
        assert (ended.outcome, ended.acknowledged, ended.reply) == (Outcome.ACCEPTED, False, None)
        assert (ended.message_id, ended.content) == (built.book.message.id, b"")


@looped
async def test_reset_alone_stores_nothing() -> None:
    async with house() as built:
        client = await sent(built, {"close": "reset"})

        with pytest.raises(ConnectionResetError):
            await client.rest()
        await built.over()
        assert built.book.of(Message) == []
        ended = built.book.transaction
        assert (ended.outcome, ended.acknowledged, ended.content) == (Outcome.ABORTED, False, CONTENT)


@pytest.mark.parametrize(("do", "said"), [((), "250 2.0.0 Ok: queued as "), (({"reply": "250 ok"},), "250 ok")])
@looped
async def test_discard_says_250_and_keeps_nothing(do: tuple[object, ...], said: str) -> None:
    async with house() as built:
        client = await sent(built, "discard", *do)

        assert (await client.hear()).startswith(said)
        assert built.book.of(Message) == []
        ended = built.book.transaction
        assert (ended.outcome, ended.acknowledged, ended.message_id) == (Outcome.ACCEPTED, True, "")
        assert ended.content == CONTENT


@looped
async def test_discard_and_a_refusal() -> None:
    async with house() as built:
        client = await sent(built, "discard", {"reply": "554 5.7.1 no"})

        assert await client.hear() == "554 5.7.1 no"
        assert built.book.of(Message) == []
        assert built.book.transaction.outcome is Outcome.REJECTED


@looped
async def test_a_refused_message_is_kept_with_its_transaction() -> None:
    async with house() as built:
        client = await sent(built, {"reply": "451 4.3.0 not now"})

        assert await client.hear() == "451 4.3.0 not now"
        assert built.book.of(Message) == []
        ended = built.book.transaction
        assert (ended.outcome, ended.acknowledged, ended.rule) == (Outcome.REJECTED, False, "it")
        assert (ended.content, ended.octets) == (CONTENT, len(CONTENT) + 3)
        assert (await client.ask("MAIL FROM:<a@b>")).startswith("250")


@looped
async def test_accept_and_a_refusal_stores_and_says_no() -> None:
    async with house() as built:
        client = await sent(built, "accept", {"reply": "451 4.3.0 not now"})

        assert await client.hear() == "451 4.3.0 not now"
        assert built.book.message.raw == CONTENT
        ended = built.book.transaction
        assert (ended.outcome, ended.acknowledged) == (Outcome.ACCEPTED, False)
        assert str(ended.reply) == "451 4.3.0 not now"


@looped
async def test_accept_and_no_reply_says_the_usual() -> None:
    async with house() as built:
        client = await sent(built, "accept", {"note": "stored"})

        assert await client.hear() == f"250 2.0.0 Ok: queued as {built.book.message.id}"
        assert built.book.transaction.acknowledged


@looped
async def test_more_bytes_after_the_reply_to_a_message() -> None:
    async with house() as built:
        client = await sent(built, {"reply": "250 one"}, {"raw": "250 two\r\n"})

        assert (await client.hear(), await client.hear()) == ("250 one", "250 two")
        assert len(built.book.of(Message)) == 1


@looped
async def test_a_stall_at_the_message_that_is_released_stores_it_and_says_so() -> None:
    async with house() as built:
        client = await sent(built, {"stall": {"max": "30s"}})
        await until(built.inbox.stalled)
        assert built.book.of(Message) == []

        built.inbox.release()

        assert (await client.hear()).startswith("250 2.0.0 Ok: queued as ")
        assert built.book.message.raw == CONTENT


@looped
async def test_a_client_that_leaves_at_the_message_has_stored_nothing() -> None:
    async with house() as built:
        client = await sent(built, {"delay": "5m"})
        await until(lambda: built.clock.sleepers)
        client.reset()

        await built.over()
        assert built.book.of(Message) == []
        ended = built.book.transaction
        assert (ended.outcome, ended.content) == (Outcome.ABORTED, CONTENT)


# What cannot happen, unless somebody adds an action and forgets this file


class Unheard(Action):
    key = "unheard"


@pytest.mark.parametrize(
    ("action", "complaint"),
    [
        (Unheard(), "nobody knows how to carry out Unheard()"),
        (
            Delay(delay=Uniform.model_validate({"uniform": ["1s", "2s"]})),
            "a wait that was not drawn: delay: {uniform: [1s, 2s]}",
        ),
    ],
)
@looped
async def test_an_action_that_nobody_knows_is_a_bug(action: Action, complaint: str) -> None:
    async def never(*_: object) -> None:
        pytest.fail("it was carried out")

    async with house() as built:
        await built.greeted()
        (session,) = built.server._sessions  # noqa: SLF001 - for its wire
        inbox = Inbox()
        inbox.clock = ManualClock()
        stage = Stage(session.wire, inbox, never, never, lambda: None, lambda _: None)
        with pytest.raises(TypeError) as caught:
            await perform(Decision("it", 1, (action,)), stage)
        assert str(caught.value) == complaint
