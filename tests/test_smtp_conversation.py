"""A session's life: how it begins, goes on and ends, whatever its commands mean."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mailtrap_py.events import (
    Ending,
    Event,
    Firing,
    Line,
    Message,
    Outcome,
    Point,
    Recorded,
    SessionEnded,
    SessionStarted,
    SessionUpdated,
    Source,
    Transaction,
)
from mailtrap_py.inbox import Inboxes
from mailtrap_py.scenario import Decision, Scenario, make_rule
from mailtrap_py.smtp.conversation import Conversation
from mailtrap_py.smtp.service import Port, Service
from tests.connected import CONTENT, ENVELOPE, GREETING, PATIENCE, Book, Client, House, house, looped, until

BYE = b"221 2.0.0 Bye\r\n"
DOWN = b"421 4.3.2 mailtrap.localhost Service shutting down\r\n"
BROKEN = b"421 4.3.0 mailtrap.localhost Internal error, closing the connection\r\n"


# How it begins and what is written down


@looped
async def test_a_session_from_the_first_moment_to_the_last() -> None:
    async with house() as built:
        client = await built.greeted()
        assert (await client.mail()).startswith("250")
        assert await client.ask("QUIT") == "221 2.0.0 Bye"
        client.leave()
        await built.over()

        book, (started,) = built.book, built.book.of(SessionStarted)
        assert (started.inbox, started.number, started.client) == ("default", 1, "127.0.0.1")
        assert (started.port, started.protocol, started.upstream) == (built.port, "smtp", "")
        assert started.client_port == client.writer.get_extra_info("sockname")[1]
        assert [type(event) for event in book.events if not isinstance(event, Line)] == [
            SessionStarted,
            SessionUpdated,
            Message,
            Transaction,
            SessionEnded,
        ]
        assert (book.ended.ending, book.ended.reason) == (Ending.QUIT, "")
        assert {event.session_id for event in book.events if isinstance(event, Line | Transaction | Message)} == {
            started.id
        }


@looped
async def test_the_transcript_has_every_octet_in_order() -> None:
    async with house() as built:
        client = await built.greeted()
        await client.ask("EHLO c")
        await client.send(b"noop \xff\x00\n\r\n")
        await client.hear()
        await client.hear()
        await client.ask("QUIT")
        client.leave()
        await built.over()

        lines = built.book.of(Line)
        assert [line.number for line in lines] == list(range(1, len(lines) + 1))
        assert [line.source for line in lines] == [Source.SERVER, *[Source.CLIENT, Source.SERVER] * 4]
        assert built.book.said(Source.CLIENT) == [b"EHLO c\r\n", b"noop \xff\x00\n", b"\r\n", b"QUIT\r\n"]
        assert lines[2].data.startswith(b"250-mailtrap.localhost\r\n250-PIPELINING\r\n")
        assert lines[-1].data == BYE


@looped
async def test_content_is_a_line_that_counts() -> None:
    async with house() as built:
        client = await built.greeted()
        await client.mail(b"..\r\n")

        (content,) = [line for line in built.book.of(Line) if line.source is Source.CONTENT]
        assert (content.data, content.octets) == (b"", 7)


@looped
async def test_sessions_of_an_inbox_are_counted() -> None:
    async with house() as built:
        for _ in range(3):
            await built.greeted()

        assert [started.number for started in built.book.of(SessionStarted)] == [1, 2, 3]


@looped
async def test_the_inbox_of_the_service_is_used() -> None:
    inboxes = Inboxes()
    inboxes.create("team")
    async with house(inboxes=inboxes, inbox="team") as built:
        client = await built.greeted()
        await client.mail()

        assert built.book.message.inbox == built.book.transaction.inbox == "team"


@looped
async def test_a_conversation_without_commands_knows_none() -> None:
    # What `Session` builds on: only the life, none of the commands.
    over: list[Conversation] = []
    book = Book()
    service = Service(record=book, inboxes=Inboxes())
    server = await asyncio.get_running_loop().create_server(
        lambda: Conversation(service, Port(25), ended=over.append).doorway, "127.0.0.1", 0
    )
    client = Client(*await asyncio.open_connection(*server.sockets[0].getsockname()))
    assert (await client.hear()).startswith("220 ")
    assert await client.ask("NOOP") == "500 5.5.2 Error: command not recognized"
    service.inboxes.get().director.add(make_rule({"at": "any", "do": [{"reply": "250 as you like"}]}))
    assert await client.ask("NOOP") == "250 as you like"
    client.leave()
    await until(lambda: over)
    await over[0].task
    server.close()


# Commands, before they mean anything


@looped
async def test_verbs_are_taken_in_any_case() -> None:
    async with house() as built:
        client = await built.greeted()
        assert (await client.ask("hElO c")).startswith("250")
        assert (await client.ask("Mail From:<a@b>")).startswith("250")


@pytest.mark.parametrize(
    "line", [b"\r\n", b"   \r\n", b"FROBNICATE now\r\n", b"\xff\xfe\r\n", b"NOOPS\r\n", b"\tNOOP\r\n"]
)
@looped
async def test_what_nobody_knows_is_refused_and_the_session_stays(line: bytes) -> None:
    async with house() as built:
        client = await built.greeted()
        for _ in range(20):
            await client.send(line)
            assert await client.hear() == "500 5.5.2 Error: command not recognized"
        assert (await client.ask("NOOP")).startswith("250")


@looped
async def test_a_rule_may_know_a_command_that_nobody_knows() -> None:
    async with house() as built:
        built.play(
            {"id": "help", "at": "unknown", "when": {"verb": "INFO"}, "do": [{"reply": "214 2.0.0 there is none"}]}
        )
        client = await built.greeted()

        assert await client.ask("INFO") == "214 2.0.0 there is none"
        assert await client.ask("SEND") == "500 5.5.2 Error: command not recognized"
        assert [line.rule for line in built.book.of(Line) if line.data.startswith(b"214")] == ["help"]


@looped
async def test_a_line_that_is_too_long_is_refused_once_and_the_session_stays() -> None:
    async with house() as built:
        client = await built.greeted()
        await client.send(b"NOOP " + b"x" * 100_000 + b"\r\n")
        assert await client.hear() == "500 5.5.2 Error: line too long"
        assert (await client.ask("NOOP")).startswith("250")
        assert built.book.notes == ["a command line of over 12288 octets was thrown away"]


@looped
async def test_a_group_of_commands_is_answered_in_one_segment() -> None:
    async with house() as built:
        client = await built.greeted()
        await client.send(b"HELO c\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nRCPT TO:<bad\r\nRSET\r\n")

        # RFC 2920, section 3.2: replies may leave together; one read has them all, because one write sent them all.
        assert await client.reader.read(65536) == (
            b"250 mailtrap.localhost\r\n250 2.1.0 Ok\r\n250 2.1.5 Ok\r\n"
            b"501 5.1.3 Bad recipient address syntax\r\n250 2.0.0 Ok\r\n"
        )


@looped
async def test_a_client_that_closes_its_side_gets_all_its_replies() -> None:
    async with house() as built:
        client = await built.connect()
        await client.send(ENVELOPE + CONTENT + b".\r\nQUIT\r\n")
        client.half_close()

        said = (await client.rest()).splitlines()
        assert [line[:3] for line in said] == [b"220", b"250", b"250", b"250", b"354", b"250", b"221"]
        assert (await built.over()).ending is Ending.QUIT
        assert built.book.transaction.acknowledged


@looped
async def test_a_client_that_leaves_no_command_behind_is_not_counted_as_told() -> None:
    async with house() as built:
        built.play({"at": "message", "do": [{"delay": "1s"}]})
        client = await built.connect()
        await client.send(ENVELOPE + CONTENT + b".\r\n")
        client.half_close()
        (session,) = built.server._sessions  # noqa: SLF001 - nothing else shows that the end has arrived
        await until(lambda: session.wire.input.gone and built.clock.sleepers)
        built.clock.advance(1)

        assert (await client.rest()).splitlines()[-1].startswith(b"250 2.0.0 Ok: queued as ")
        assert (await built.over()).ending is Ending.CLIENT_CLOSED
        ended = built.book.transaction
        assert (ended.outcome, ended.acknowledged) == (Outcome.ACCEPTED, False)
        assert ended.reason == "the client had closed its side before the reply was sent"


# How it ends


@pytest.mark.parametrize(("how", "ending"), [(Client.leave, Ending.CLIENT_CLOSED), (Client.reset, Ending.CLIENT_RESET)])
@looped
async def test_a_client_that_leaves(how: Callable[[Client], None], ending: Ending) -> None:
    async with house() as built:
        client = await built.greeted()
        await client.ask("HELO c", "MAIL FROM:<a@b>")
        how(client)

        assert (await built.over()).ending is ending
        ended = built.book.transaction
        assert (ended.outcome, ended.reason) == (Outcome.ABORTED, f"the session ended: {ending}")


@looped
async def test_a_client_that_leaves_in_the_middle_of_a_line() -> None:
    async with house() as built:
        client = await built.greeted()
        await client.send(b"EHLO exam")
        client.half_close()

        assert await client.rest() == b""
        assert (await built.over()).ending is Ending.CLIENT_CLOSED
        assert built.book.notes == ["the client left in the middle of a line: b'EHLO exam'"]


@looped
async def test_a_client_that_is_silent_for_too_long_is_told_why_it_is_closed() -> None:
    async with house() as built:
        client = await built.greeted()
        built.hurry()
        await client.ask("NOOP")

        assert await client.rest() == b"421 4.4.2 mailtrap.localhost Error: timeout exceeded\r\n"
        client.leave()
        ended = await built.over()
        assert (ended.ending, ended.reason) == (Ending.TIMEOUT, "the client was silent for 0.02 s")


@looped
async def test_a_client_that_falls_silent_in_its_content_leaves_what_it_sent() -> None:
    async with house() as built:
        client = await built.greeted()
        built.hurry()
        await client.send(ENVELOPE + b"Subject: hello\r\n..")

        assert (await client.rest()).endswith(b"421 4.4.2 mailtrap.localhost Error: timeout exceeded\r\n")
        client.leave()
        assert (await built.over()).ending is Ending.TIMEOUT
        ended = built.book.transaction
        assert (ended.outcome, ended.content, ended.octets) == (Outcome.ABORTED, b"Subject: hello\r\n.", 18)


@looped
async def test_a_server_that_stops_says_so_to_everybody() -> None:
    async with house() as built:
        idle, busy = await built.greeted(), await built.greeted()
        await busy.ask("HELO c", "MAIL FROM:<a@b>")

        await built.server.close()

        assert (await idle.rest(), await busy.rest()) == (DOWN, DOWN)
        assert [ended.ending for ended in built.book.of(SessionEnded)] == [Ending.SHUTDOWN] * 2
        assert built.book.transaction.outcome is Outcome.ABORTED


@looped
async def test_a_server_that_stops_does_not_change_how_a_session_ended() -> None:
    async with house() as built:
        client = await built.greeted()
        assert await client.ask("QUIT") == "221 2.0.0 Bye"

        await built.server.close()  # the client has not closed its side yet

        assert built.book.ended.ending is Ending.QUIT
        assert built.book.said(Source.SERVER) == [GREETING, BYE]


NO = "550 5.7.1 No"
ENDS: dict[str, tuple[list[Any], Ending, str]] = {
    "quit": ([], Ending.QUIT, ""),
    "421": ([{"reply": "421 4.3.2 Later"}], Ending.SERVER_CLOSED, "rule it replied 421"),
    "fin": ([{"reply": NO}, {"close": "fin"}], Ending.SERVER_CLOSED, "rule it closed the connection (fin)"),
    "abort": ([{"reply": NO}, {"close": "abort"}], Ending.SERVER_CLOSED, "rule it closed the connection (abort)"),
    "reset": ([{"close": "reset"}], Ending.SERVER_RESET, "rule it closed the connection (reset)"),
}


@pytest.mark.parametrize(("actions", "ending", "reason"), ENDS.values(), ids=ENDS)
@looped
async def test_how_a_session_ended_is_in_the_record_before_the_client_can_know(
    actions: list[Any], ending: Ending, reason: str
) -> None:
    async with house() as built:
        client = await built.greeted()
        if actions:
            built.inbox.director.add(make_rule({"id": "it", "at": "quit", "do": actions}))
        known: list[bytes | OSError] = []

        def looks(event: Recorded) -> bool:
            if isinstance(event, SessionEnded):
                assert built.server.sessions == 1
                known.append(client.peek())
            return False

        built.book.refuses = looks
        await client.send(b"QUIT\r\n")
        with contextlib.suppress(ConnectionResetError):
            await client.rest()

        assert [type(each) for each in known] == [BlockingIOError]
        assert (built.book.ended.ending, built.book.ended.reason) == (ending, reason)
        assert built.inbox.open_sessions == built.server.sessions == 0


@looped
async def test_a_goodbye_in_pieces_that_the_client_does_not_hear_out_is_no_goodbye() -> None:
    async with house() as built:
        built.play({"at": "quit", "do": [{"drip": {"bytes": 1, "every": "1h"}}, {"reply": "221 2.0.0 Bye"}]})
        client = await built.greeted()
        await client.send(b"QUIT\r\n")
        assert await client.reader.readexactly(1) == b"2"
        assert built.server.sessions == 1
        client.reset()

        assert (await built.over()).ending is Ending.CLIENT_RESET


@looped
async def test_settling_is_for_ends_in_the_record_and_not_for_connections() -> None:
    async with house() as built:
        assert await built.server.settle(0)
        one, other = await built.greeted(), await built.greeted()
        assert await one.ask("QUIT") == BYE.decode().rstrip()
        assert not await built.server.settle(0)
        settling = asyncio.create_task(built.server.settle(PATIENCE))
        assert await other.ask("QUIT") == BYE.decode().rstrip()

        assert await settling


@looped
async def test_a_stored_message_stays_with_its_transaction_when_the_server_stops_before_the_250() -> None:
    async with house() as built:
        never = asyncio.Event()

        async def commit(event: Recorded) -> None:
            built.book.add(event)  # it is written, and nobody has said so yet
            await never.wait()

        built.book.commit = commit  # type: ignore[method-assign]
        client = await built.connect()
        await client.send(ENVELOPE + CONTENT + b".\r\n")
        await until(lambda: built.book.of(Message))

        await built.server.close()

        ended = built.book.transaction
        assert (ended.outcome, ended.acknowledged) == (Outcome.ACCEPTED, False)
        assert ended.message_id == built.book.message.id


# What goes wrong inside


class Surprise:
    """A director that fails: a bug of ours, as a session meets it."""

    scenario = Scenario(name="none")

    def listens(self, _: Point) -> bool:
        return True

    def idle_limits(self) -> tuple[float, ...]:
        return ()

    def content_marks(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        return (), ()

    def decide(self, event: Event) -> Decision | None:
        if event.point is Point.MAIL:
            raise ZeroDivisionError("surprise")
        return None


@looped
async def test_a_bug_in_one_session_ends_it_with_421_and_leaves_the_others_alone(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with house() as built:
        other = await built.greeted()
        built.inbox.director = Surprise()  # type: ignore[assignment]
        client = await built.greeted(hello="HELO c")

        await client.send(b"MAIL FROM:<a@b>\r\n")
        assert await client.rest() == BROKEN
        client.leave()
        await until(lambda: built.server.sessions == 1)

        assert (built.book.ended.ending, built.book.ended.reason) == (
            Ending.SERVER_CLOSED,
            "internal error: ZeroDivisionError: surprise",
        )
        assert [record.levelno for record in caplog.records] == [logging.ERROR]
        built.inbox.clear()
        assert (await other.mail()).startswith("250")


def _kinds() -> list[Any]:
    return [
        pytest.param(lambda event: isinstance(event, SessionStarted), BROKEN, id="started"),
        pytest.param(lambda event: isinstance(event, Line), BROKEN, id="the greeting"),
        pytest.param(lambda event: isinstance(event, Line) and event.data[:4] == b"HELO", BROKEN, id="a command"),
        pytest.param(lambda event: isinstance(event, SessionUpdated), BROKEN, id="updated"),
        pytest.param(lambda event: isinstance(event, Transaction), BROKEN, id="the transaction"),
        pytest.param(lambda event: isinstance(event, SessionEnded), BYE, id="ended"),
    ]


@pytest.mark.parametrize("always", [False, True])
@pytest.mark.parametrize(("fits", "last"), _kinds())
@looped
async def test_a_record_that_fails_costs_the_session_and_nothing_else(
    caplog: pytest.LogCaptureFixture, fits: Callable[[Recorded], bool], last: bytes, *, always: bool
) -> None:
    async with house() as built:
        failed: list[Recorded] = []

        def refuses(event: Recorded) -> bool:
            if not fits(event) or (failed and not always):
                return False
            failed.append(event)
            return True

        built.book.refuses = refuses
        client = await built.connect()
        await client.send(ENVELOPE + CONTENT + b".\r\nQUIT\r\n")
        if always:  # there is no more to be said, and what waits unread makes an RST of the end
            with contextlib.suppress(ConnectionResetError):
                await client.rest()
        else:
            assert (await client.rest()).endswith(last)
        client.leave()
        await until(lambda: not built.server.sessions)

        assert failed
        assert caplog.records
        if not always and not isinstance(failed[0], SessionEnded):
            assert built.book.ended.ending is Ending.SERVER_CLOSED
        assert built.inbox.open_sessions == 0
        built.book.refuses = lambda _: False
        other = await built.greeted()
        assert (await other.mail()).startswith("250")


@looped
async def test_a_message_that_cannot_be_stored_is_refused_and_the_session_lives(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with house() as built:
        built.book.broken = OSError("disk full")
        client = await built.greeted()

        assert await client.mail() == "451 4.3.0 Error: the message could not be stored"
        ended = built.book.transaction
        assert (ended.outcome, ended.acknowledged, ended.content) == (Outcome.REJECTED, False, CONTENT)
        assert built.book.notes == ["the message could not be stored: disk full"]
        assert "could not be stored" in caplog.text

        built.book.broken = None
        assert (await client.ask("MAIL FROM:<a@b>", "RCPT TO:<c@d>", "DATA")).startswith("354")
        assert (await client.data()).startswith("250")


# What the scenario is asked


class Asked:
    """A director that only listens."""

    scenario = Scenario(name="none")

    def __init__(self) -> None:
        self.events: list[Event] = []

    def listens(self, _: Point) -> bool:
        return True

    def idle_limits(self) -> tuple[float, ...]:
        return ()

    def content_marks(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        return (), ()

    def decide(self, event: Event) -> None:
        self.events.append(event)

    def at(self, point: Point) -> list[Event]:
        return [event for event in self.events if event.point is point]


async def asked(built: House) -> Asked:
    director = Asked()
    built.inbox.director = director  # type: ignore[assignment]
    return director


@looped
async def test_every_event_has_what_is_known_by_then() -> None:
    async with house() as built:
        director = await asked(built)
        client = await built.greeted()
        await client.ask("EHLO c")
        await client.ask("MAIL FROM:<a@b> SIZE=9", "RCPT TO:<c@d>", "RCPT TO:<", "RCPT TO:<e@f>", "DATA")
        await client.data()
        await client.ask("MAIL FROM:<g@h>", "FROBNICATE", "QUIT")

        events = director.events
        points = " ".join(event.point for event in events)
        assert points == "connect ehlo mail rcpt rcpt rcpt data message mail unknown quit"
        connect, ehlo, mail, first, bad, second, data, message, again, unknown, quit_ = events
        assert {(event.session_number, event.inbox, event.client, event.port) for event in events} == {
            (1, "default", "127.0.0.1", built.port)
        }
        assert (connect.verb, connect.line, connect.helo, connect.reverse_path) == ("", b"", "", None)
        assert (ehlo.verb, ehlo.line, ehlo.helo) == ("EHLO", b"EHLO c\r\n", "c")
        assert (mail.reverse_path, mail.mail_parameters, mail.recipient, mail.helo) == ("a@b", {"SIZE": "9"}, None, "c")
        assert (first.recipient, first.index, first.recipients) == ("c@d", 1, ())
        assert (first.reverse_path, first.mail_parameters) == ("a@b", {"SIZE": "9"})
        assert (bad.recipient, bad.index, bad.line) == (None, 0, b"RCPT TO:<\r\n")
        assert (second.recipient, second.index, second.recipients) == ("e@f", 2, ("c@d",))
        assert (data.recipients, data.recipient, data.content) == (("c@d", "e@f"), None, b"")
        assert (message.recipients, message.content, message.verb) == (("c@d", "e@f"), CONTENT, "DATA")
        assert (again.reverse_path, again.recipients) == ("g@h", ())
        assert (unknown.verb, unknown.reverse_path) == ("FROBNICATE", "g@h")
        assert quit_.verb == "QUIT"


@looped
async def test_messages_of_a_session_are_numbered_alike_at_all_points() -> None:
    async with house() as built:
        director = await asked(built)
        client = await built.greeted(hello="HELO c")
        for _ in range(2):
            await client.ask("MAIL FROM:<a@b>", "RCPT TO:<c@d>", "DATA")
            await client.data()

        for point in (Point.MAIL, Point.RCPT, Point.DATA, Point.MESSAGE):
            assert [event.message_number for event in director.at(point)] == [1, 2], point


@looped
async def test_a_firing_is_written_down_before_its_reply() -> None:
    async with house() as built:
        built.play({"id": "no", "at": "rcpt", "do": [{"reply": "550 no"}]})
        client = await built.greeted(hello="HELO c")
        await client.ask("MAIL FROM:<a@b>", "RCPT TO:<c@d>", "RSET")

        (fired,) = built.book.of(Firing)
        assert (fired.rule, fired.point, fired.actions, fired.number) == ("no", Point.RCPT, ("reply: 550 no",), 1)
        assert fired.transaction_id == built.book.transaction.id
        after = built.book.events[built.book.events.index(fired) + 1]
        assert isinstance(after, Line)
        assert (after.data, after.rule) == (b"550 no\r\n", "no")


# The greeting that lets nobody in


@looped
async def test_after_a_554_greeting_everything_but_quit_is_a_bad_sequence() -> None:
    async with house() as built:
        built.play({"at": "connect", "do": [{"reply": "554 no mail here"}]})
        client = await built.connect()

        assert await client.hear() == "554 no mail here"
        for command in ("EHLO c", "MAIL FROM:<a@b>", "NOOP", "FROBNICATE"):
            assert await client.ask(command) == "503 5.5.1 Error: the server takes no mail"
        assert await client.ask("QUIT") == "221 2.0.0 Bye"


@looped
async def test_an_empty_line_that_a_rule_refuses_is_no_greeting() -> None:
    async with house() as built:
        built.play({"at": "any", "when": {"verb": ""}, "do": [{"reply": "500 what?"}]})
        client = await built.greeted()

        assert await client.ask("") == "500 what?"
        assert await client.ask("HELO c") == "250 mailtrap.localhost"


# Silence


async def silent(built: House, *do: object) -> Client:
    built.play({"id": "bored", "at": "idle", "when": {"idle": "1m"}, "do": list(do)})
    client = await built.greeted()
    await until(lambda: built.clock.sleepers)
    built.clock.advance(60)
    return client


@looped
async def test_a_rule_may_mind_silence_and_the_session_goes_on() -> None:
    async with house() as built:
        client = await silent(built, {"reply": "250 are you there?"})

        assert await client.hear() == "250 are you there?"
        assert await client.ask("NOOP") == "250 2.0.0 Ok"
        await until(lambda: built.clock.sleepers)
        client.leave()
        assert (await built.over()).ending is Ending.CLIENT_CLOSED
        assert built.clock.sleepers == 0


@looped
async def test_a_rule_may_close_on_silence() -> None:
    async with house() as built:
        client = await silent(built, {"reply": "421 4.4.2 bored"})

        assert await client.rest() == b"421 4.4.2 bored\r\n"
        client.leave()
        assert (await built.over()).reason == "rule bored replied 421"


@looped
async def test_a_client_that_leaves_while_a_rule_minds_its_silence() -> None:
    async with house() as built:
        client = await silent(built, {"delay": "5s"}, {"close": "fin"})
        await until(lambda: built.clock.sleepers)
        client.reset()

        assert (await built.over()).ending is Ending.CLIENT_RESET


@looped
async def test_a_client_that_closes_its_side_while_a_rule_minds_its_silence() -> None:
    async with house() as built:
        client = await silent(built, {"delay": "5s"}, {"close": "fin"})
        await until(lambda: built.clock.sleepers)
        client.half_close()
        (session,) = built.server._sessions  # noqa: SLF001 - nothing else shows that the end has arrived
        await until(lambda: session.wire.input.gone)
        await asyncio.sleep(0)
        built.clock.advance(5)

        assert await client.rest() == b""
        assert (await built.over()).reason == "rule bored closed the connection (fin)"


@looped
async def test_a_command_that_comes_while_a_rule_minds_silence_is_not_lost() -> None:
    async with house() as built:
        client = await silent(built, {"delay": "5s"})
        await until(lambda: built.clock.sleepers)
        await client.send(b"NOOP\r\n")
        await until(lambda: b"NOOP\r\n" in built.book.said(Source.CLIENT))
        built.clock.advance(5)

        assert await client.hear() == "250 2.0.0 Ok"


# How many there are


@looped
async def test_open_sessions_are_counted_in_their_inbox() -> None:
    inboxes = Inboxes()
    ann = inboxes.create("ann")
    async with house(inboxes=inboxes) as built:
        director = await asked(built)
        first = await built.greeted()
        second = await built.greeted(hello="EHLO c")
        assert [event.open_sessions for event in director.events] == [1, 2, 2]

        await second.ask("AUTH PLAIN AGFubgBzZWNyZXQ=")
        assert (built.inbox.open_sessions, ann.open_sessions) == (1, 1)
        for client in (first, second):
            client.leave()
        await until(lambda: not built.server.sessions)
        assert (built.inbox.open_sessions, ann.open_sessions) == (0, 0)


# Many at once, and too much


@looped
async def test_a_client_that_never_reads_keeps_nobody_waiting() -> None:
    async with house() as built:
        greedy = await built.connect()
        greedy.writer.write(b"HELP\r\n" * 200_000)  # it never reads the answers

        other = await built.greeted()
        at_a_time = 0

        async def watch() -> None:
            nonlocal at_a_time
            while True:
                before = len(built.book.events)
                await asyncio.sleep(0)
                at_a_time = max(at_a_time, len(built.book.events) - before)

        watching = asyncio.create_task(watch())
        assert (await other.mail()).startswith("250")
        watching.cancel()
        assert 0 < at_a_time < 2000  # lines of the transcript; two of a command


@looped
async def test_a_client_that_never_reads_is_closed_in_the_end() -> None:
    async with house() as built:
        greedy = await built.greeted()
        (session,) = built.server._sessions  # noqa: SLF001 - for its patience with who does not read
        session.wire.patience = 0.05
        greedy.reader._transport.pause_reading()  # type: ignore[attr-defined]  # noqa: SLF001 - nothing is taken in
        greedy.writer.write(b"EHLO c\r\n" * 200_000)

        ended = await built.over()
        assert (ended.ending, ended.reason) == (Ending.TIMEOUT, "the client took nothing for 0.05 s")
        greedy.writer.transport.abort()


@looped
async def test_ten_thousand_commands_at_once_are_answered_in_order() -> None:
    async with house() as built:
        client = await built.greeted(hello="HELO c")
        commands = b"".join(f"VRFY {number}\r\n".encode() for number in range(10_000))
        sending = asyncio.create_task(client.send(commands))

        said = [await client.reader.readuntil(b"\r\n") for _ in range(10_000)]

        assert said == [f"252 2.0.0 {number}\r\n".encode() for number in range(10_000)]
        await sending


# Whatever comes


_WORDS = st.sampled_from(
    [
        *(b"HELO c", b"EHLO c", b"MAIL FROM:<a@b>", b"MAIL FROM:<>", b"RCPT TO:<c@d>", b"DATA", b"RSET", b"QUIT"),
        *(b"AUTH LOGIN", b"AUTH PLAIN AGEAYg==", b"AUTH PLAIN", b"*", b"NOOP", b"VRFY x", b"STARTTLS", b".", b""),
        *(b"\xff", b"\x00", b"BDAT 3", b"RCPT TO:<\xff\xfe>", b"EXPN", b"AUTH X", b"HELP", b"x" * 13_000),
    ]
)
_ENDS = st.sampled_from([b"\r\n", b"\n", b"\r\n\r\n", b"\r", b""])
_SCRIPTS = st.lists(st.tuples(_WORDS, _ENDS) | st.tuples(st.binary(max_size=30), _ENDS), max_size=25)


@given(script=_SCRIPTS, reset=st.booleans())
@example(script=[(b"EHLO c", b"\r\n"), (b"AUTH LOGIN", b"\r\n"), (b"x" * 13_000, b"\r\n")], reset=False)
@example(script=[(ENVELOPE, b""), (b"x", b"\r")], reset=True)
@settings(max_examples=60, deadline=None)
def test_whatever_a_client_says_its_session_ends_and_leaves_nothing(
    script: list[tuple[bytes, bytes]], *, reset: bool
) -> None:
    @looped
    async def talk() -> None:
        async with house() as built:
            client = await built.connect()
            reading = asyncio.create_task(client.rest())
            await client.send(b"".join(word + end for word, end in script))
            if reset:
                client.reset()
            else:
                client.half_close()
            await asyncio.wait([reading])
            ended = await built.over()
            assert ended.ending in {Ending.QUIT, Ending.CLIENT_CLOSED, Ending.CLIENT_RESET, Ending.SERVER_CLOSED}
            assert not ended.reason.startswith("internal error")

    talk()


@looped
async def test_a_session_of_nothing_but_errors_is_closed() -> None:
    async with house(max_errors=3) as built:
        client = await built.greeted(hello="HELO c")
        built.play({"at": "noop", "do": [{"reply": "450 4.0.0 Not now"}]})
        for command in ("NOOP", "NOOP", "NOOP", "XYZZY", "DATA"):
            await client.ask(command)
        await client.send(b"MAIL FROM:<>x<>\r\n")

        assert await client.hear() == "501 5.1.7 Bad sender address syntax"
        assert await client.rest() == b"421 4.7.0 mailtrap.localhost Error: too many errors\r\n"
        client.leave()
        assert (await built.over()).reason == "too many errors"


@looped
async def test_errors_may_be_without_number() -> None:
    async with house(max_errors=None) as built:
        client = await built.greeted()

        assert (await client.ask(*["XYZZY"] * 300)).startswith("500")
