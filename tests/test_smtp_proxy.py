"""The proxy between a client and a scripted server, all on real sockets."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailtrap_py.events import Ending, Line, Message, Outcome, Reply, SessionStarted, SessionUpdated, Transaction
from mailtrap_py.inbox import Inboxes
from mailtrap_py.scenario import make_rule
from mailtrap_py.smtp.proxy import ProxySession, honourable
from mailtrap_py.smtp.service import AuthPolicy
from mailtrap_py.smtp.tls import Authority
from mailtrap_py.smtp.upstream import Security, Upstream
from tests.connected import CONTENT, Book, Client, House, house, looped, until
from tests.scripted import CLOSE, RESET, SILENCE, Answer, Real, dead_port, real

AUTHORITY = Authority(("localhost", "127.0.0.1"))
SHORT = 0.03
MAIL = ["MAIL FROM:<ann@example.com>", "RCPT TO:<bob@example.com>", "DATA"]


@dataclass
class Proxied:
    """A client's side of a proxy, and the real server behind it."""

    built: House
    server: Real

    @property
    def book(self) -> Book:
        return self.built.book

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.server.port}"

    async def ready(self) -> Client:
        """Be greeted, and say hello."""
        client = await self.built.connect()
        await client.hear()
        await client.ask("EHLO c")
        return client

    async def at_data(self) -> Client:
        """Be asked for the content."""
        client = await self.ready()
        assert (await client.ask(*MAIL)).startswith("354")
        return client

    def hurry(self) -> None:
        """From now on, let the proxy wait for the real server no longer than a short time."""
        for session in self.built.server._sessions:  # noqa: SLF001 - the time-out is that of its connection
            assert isinstance(session, ProxySession)
            connection = session._upstream  # noqa: SLF001 - the same
            assert connection is not None
            connection._upstream = replace(connection._upstream, timeout=SHORT)  # noqa: SLF001 - the same

    async def told(self, *lines: str) -> None:
        """Hold what the real server was told after EHLO."""
        heard = [f"{line}\r\n".encode() for line in lines]
        await until(lambda: len(self.server.heard) > len(heard))
        assert self.server.heard[1:] == heard


@contextlib.asynccontextmanager
async def proxied(
    answers: dict[str, list[Answer]] | None = None,
    *,
    patience: float = 5.0,
    **service: Any,  # noqa: ANN401 - what Service takes
) -> AsyncIterator[Proxied]:
    async with real(answers) as server, house(upstream=server.upstream(timeout=patience), **service) as built:
        yield Proxied(built, server)


# Verbatim


@looped
async def test_a_mail_goes_through_and_is_captured() -> None:
    async with proxied() as both:
        client = await both.built.connect()
        said = [await client.hear(), await client.ask("EHLO c")]
        for command in MAIL:
            said.append(await client.ask(command))  # noqa: PERF401 - one after the other, as they are answered
        said += [await client.data(), await client.ask("QUIT")]
        assert await client.rest() == b""
        client.leave()
        await both.built.over()

        assert said == [
            "220 real.example ESMTP at your service",
            "250-real.example greets you\r\n250-8BITMIME\r\n250 SIZE 10000000",
            "250 2.0.0 Ok",
            "250 2.0.0 Ok",
            "354 go ahead",
            "250 2.0.0 Ok: queued as REAL1",
            "221 2.0.0 Bye",
        ]
        assert both.server.heard == [f"{line}\r\n".encode() for line in ("EHLO c", *MAIL, "QUIT")]
        assert both.server.contents == [CONTENT + b".\r\n"]
        (started,) = both.book.of(SessionStarted)
        assert started.upstream == both.address
        assert both.book.message.raw == CONTENT
        ended = both.book.transaction
        assert (ended.outcome, ended.acknowledged) == (Outcome.ACCEPTED, True)
        assert str(ended.reply) == "250 2.0.0 Ok: queued as REAL1"
        assert both.book.ended.ending is Ending.QUIT


@looped
async def test_odd_bytes_pass_both_ways() -> None:
    odd = b"250-caf\xe9 \x00\r\n250-\n250 \xc2\x85\r\n"
    async with proxied({"NOOP": [odd], "HELP": [b"214 \xff\r\n"]}) as both:
        client = await both.ready()
        await client.send(b"NOOP \xff\x00 x\n")
        assert await client.reader.readexactly(len(odd)) == odd
        await client.send(b"help me\r\n")
        assert await client.reader.readexactly(7) == b"214 \xff\r\n"

        assert both.server.heard[1:] == [b"NOOP \xff\x00 x\n", b"help me\r\n"]


@pytest.mark.parametrize("said", [b"nonsense\r\n", b"25\r\n", b"250-a\r\n550 b\r\n"])
@looped
async def test_nonsense_is_passed_on_and_agrees_to_nothing(said: bytes) -> None:
    async with proxied({"MAIL": [said]}) as both:
        client = await both.ready()
        await client.send(b"MAIL FROM:<a@b>\r\n")

        assert await client.reader.readexactly(len(said)) == said
        await until(lambda: both.book.of(Transaction))
        assert both.book.transaction.outcome is Outcome.REJECTED


@looped
async def test_small_commands_are_answered_there() -> None:
    commands = ["NOOP x", "VRFY bob", "EXPN list", "RSET", "HELP", "FROBNICATE", "HELO again"]
    async with proxied({command.split()[0]: [f"250 {command}\r\n".encode()] for command in commands}) as both:
        client = await both.ready()

        assert [await client.ask(command) for command in commands] == [f"250 {command}" for command in commands]
        await both.told(*commands)


@pytest.mark.parametrize("command", ["BDAT 3 LAST", "XCLIENT ADDR=1.2.3.4", "xforward X=1", "BURL x", "ETRN x", "ATRN"])
@looped
async def test_what_cannot_be_passed_on_is_refused_here(command: str) -> None:
    async with proxied() as both:
        client = await both.ready()

        assert await client.ask(command) == "500 5.5.2 Error: command not recognized"
        await client.ask("NOOP")
        await both.told("NOOP")


@looped
async def test_a_group_of_commands_is_answered_in_order() -> None:
    async with proxied({"RCPT": [b"250 one\r\n", b"550 two\r\n"]}) as both:
        client = await both.ready()
        await client.send(b"MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nRCPT TO:<e@f>\r\nDATA\r\n")

        assert [await client.hear() for _ in range(4)] == ["250 2.0.0 Ok", "250 one", "550 two", "354 go ahead"]
        await client.data()
        assert [one.address for one in both.book.message.recipients] == ["c@d"]
        assert [one.accepted for one in both.book.transaction.recipients] == [True, False]


_SCRAPS = st.lists(st.sampled_from([b"a", b".", b"\r", b"\n", b"\r\n", b"\r\n.", b"\r\n..", b"\x00", b"\xff"]))


@given(scraps=_SCRAPS, late=st.booleans())
@settings(max_examples=40, deadline=None)
def test_content_goes_through_byte_for_byte(scraps: list[bytes], *, late: bool) -> None:
    raw = b"".join(scraps) + b"\r\n"
    stuffed = (b"." if raw.startswith(b".") else b"") + raw.replace(b"\r\n.", b"\r\n..")

    @looped
    async def send() -> None:
        async with proxied() as both:
            if late:
                both.built.play({"at": "message", "when": {"size": "> 1MB"}, "do": [{"reply": "552 no"}]})
            client = await both.at_data()
            assert (await client.data(stuffed)) == "250 2.0.0 Ok: queued as REAL1"
            assert both.server.contents == [stuffed + b".\r\n"]
            assert both.book.message.raw == raw

    send()


# EHLO


@pytest.mark.parametrize(
    ("reply", "starttls", "passed", "withheld"),
    [
        (b"250-real\r\n250-8BITMIME\r\n250 DSN\r\n", False, b"250-real\r\n250-8BITMIME\r\n250 DSN\r\n", ()),
        (b"250-real\r\n250-BURL\r\n250 CHUNKING\r\n", False, b"250-real\r\n250 CHUNKING\r\n", ("BURL",)),
        (b"250-real\r\n250-DSN\r\n250 burl\r\n", False, b"250-real\r\n250 DSN\r\n", ("BURL",)),
        (b"250-real\r\n250 STARTTLS\r\n", False, b"250 real\r\n", ("STARTTLS",)),
        (b"250-real\r\n250 STARTTLS\r\n", True, b"250-real\r\n250 STARTTLS\r\n", ("STARTTLS",)),
        (b"250 real\r\n", True, b"250-real\r\n250 STARTTLS\r\n", ()),
        (b"250 real\r\n", False, b"250 real\r\n", ()),
        (b"250\r\n", False, b"250\r\n", ()),
        (b"250\r\n", True, b"250-\r\n250 STARTTLS\r\n", ()),
        (b"250-real\r\n250-\r\n250 caf\xe9\x85 x\ry\n", False, b"250-real\r\n250-\r\n250 caf\xe9\x85 x\ry\n", ()),
        (b"250-real\r\n250-BURL\r\n250\r\n", False, b"250-real\r\n250\r\n", ("BURL",)),
        (b"250-XCLIENT\r\n250 XCLIENT NAME ADDR\r\n", False, b"250 XCLIENT\r\n", ("XCLIENT",)),
        (
            b"250-a\r\n250-XFORWARD NAME\r\n250-BURL imap\r\n250 ETRN\r\n",
            False,
            b"250 a\r\n",
            ("XFORWARD", "BURL", "ETRN"),
        ),
    ],
)
def test_what_is_offered_can_be_honoured(
    reply: bytes, passed: bytes, withheld: tuple[str, ...], *, starttls: bool
) -> None:
    text = tuple(line[4:].decode("latin-1") for line in reply.split(b"\n"))
    honoured, kept_back = honourable(Reply(250, "", text, raw=reply), starttls=starttls)

    assert (honoured.wire(), kept_back, honoured.code) == (passed, withheld, 250)


@looped
async def test_what_is_withheld_is_noted() -> None:
    async with proxied({"EHLO": [b"250-real\r\n250-BURL\r\n250 XCLIENT NAME\r\n"]}) as both:
        client = await both.built.connect()
        await client.hear()

        assert await client.ask("EHLO c") == "250 real"
        assert both.book.notes == ["withheld from the EHLO reply: BURL, XCLIENT"]


@looped
async def test_a_hello_that_is_refused_there_introduces_nobody() -> None:
    async with proxied({"EHLO": [b"502 no EHLO\r\n"], "HELO": [b"250 real\r\n"]}) as both:
        client = await both.built.connect()
        await client.hear()

        assert await client.ask("EHLO c") == "502 no EHLO"
        assert both.book.of(SessionUpdated) == []
        assert await client.ask("HELO d") == "250 real"
        (updated,) = both.book.of(SessionUpdated)
        assert (updated.helo, updated.esmtp) == ("d", False)


@looped
async def test_starttls_is_answered_here() -> None:
    async with proxied(tls=AUTHORITY.context) as both:
        client = await both.built.connect()
        await client.hear()
        assert "250 STARTTLS" in await client.ask("EHLO c")
        await client.ask("STARTTLS")
        context = ssl.create_default_context(cadata=AUTHORITY.pem.decode())
        await client.writer.start_tls(context, server_hostname="localhost")
        assert "STARTTLS" not in await client.ask("EHLO c")
        assert (await client.ask(*MAIL)).startswith("354")
        assert (await client.data()).startswith("250")

        assert both.book.message.tls_version.startswith("TLSv1")
        assert both.server.heard[:2] == [b"EHLO c\r\n", b"EHLO c\r\n"]


@looped
async def test_the_way_to_the_real_server_may_be_under_tls_too() -> None:
    async with real(tls=AUTHORITY.context()) as server:
        upstream = server.upstream(Security.STARTTLS, verify=False)
        async with house(upstream=upstream, hostname="trap.test") as built:
            client = await built.connect()
            await client.hear()
            assert (await client.mail()).startswith("250")
            assert server.heard[:2] == [b"EHLO trap.test\r\n", b"STARTTLS\r\n"]


# Faults in front


@pytest.mark.parametrize(
    ("at", "told"),
    [("mail", []), ("rcpt", MAIL[:1]), ("data", MAIL[:2]), ("any", [])],
)
@looped
async def test_what_a_rule_refuses_the_real_server_never_sees(at: str, told: list[str]) -> None:
    async with proxied() as both:
        client = await both.ready()
        both.built.play({"at": at, "do": [{"reply": "450 4.2.1 Busy"}]})
        for command in MAIL[: len(told) + 1]:
            reply = await client.ask(command)
        assert reply == "450 4.2.1 Busy"
        both.built.inbox.clear()
        await client.ask("NOOP")

        await both.told(*told, "NOOP")


@looped
async def test_a_rule_at_connect_keeps_the_real_server_out_of_it() -> None:
    async with proxied() as both:
        both.built.play({"at": "connect", "do": [{"reply": "421 4.3.2 no"}]})
        client = await both.built.connect()

        assert await client.rest() == b"421 4.3.2 no\r\n"
        assert both.server.connections == 0


@looped
async def test_a_greeting_in_a_rules_words_connects_with_the_first_command() -> None:
    async with proxied() as both:
        both.built.play({"at": "connect", "do": [{"reply": "220 hello"}]})
        client = await both.built.connect()
        assert await client.hear() == "220 hello"
        assert both.server.connections == 0

        assert (await client.ask("NOOP")).startswith("250")
        assert both.server.connections == 1


@looped
async def test_a_positive_reply_of_a_rule_replaces_only_the_words() -> None:
    async with proxied({"RCPT": [b"250 theirs\r\n", b"550 theirs\r\n"]}) as both:
        both.built.play({"at": "rcpt", "do": [{"reply": "251 ours"}]}, {"at": "message", "do": [{"reply": "250 ours"}]})
        client = await both.ready()
        await client.ask(MAIL[0])

        assert await client.ask(MAIL[1]) == "251 ours"
        assert await client.ask(MAIL[1]) == "550 theirs"
        assert (await client.ask("DATA")).startswith("354")
        assert await client.data() == "250 ours"
        assert len(both.server.contents) == 1


REFUSED = [({"reply": "554 5.7.1 no"},), ("discard",), ("discard", {"reply": "554 5.7.1 no"})]


@pytest.mark.parametrize("do", REFUSED)
@looped
async def test_what_a_rule_refuses_at_the_dot_never_arrives(do: tuple[object, ...]) -> None:
    async with proxied() as both:
        both.built.play({"at": "message", "count": {"times": 1}, "do": list(do)})
        client = await both.at_data()
        reply = await client.data()
        assert reply.startswith("250" if do == ("discard",) else "554 5.7.1 no")

        # The real server has been told to forget the transaction, and the session goes on.
        await both.told(*MAIL[:2], "RSET")
        assert both.server.contents == []
        assert both.book.of(Message) == []
        assert both.book.transaction.content == CONTENT
        assert (await client.ask(*MAIL)).startswith("354")
        assert await client.data(b"second\r\n") == "250 2.0.0 Ok: queued as REAL1"
        assert both.server.contents == [b"second\r\n.\r\n"]


@pytest.mark.parametrize("do", REFUSED)
@looped
async def test_nor_does_it_when_the_rule_comes_after_data(do: tuple[object, ...]) -> None:
    async with proxied() as both:
        client = await both.at_data()
        both.built.inbox.director.add(make_rule({"at": "message", "do": list(do)}))
        reply = await client.data()
        assert reply.startswith("250" if do == ("discard",) else "554 5.7.1 no")

        # A message that was begun cannot be taken back: the connection is given up, and the client told so.
        assert await client.ask("NOOP") == (
            "421 4.4.2 mailtrap.localhost Service not available: "
            "the connection to it was given up, because a message that had begun must not arrive"
        )
        assert await client.rest() == b""
        await until(lambda: not both.server.open)
        assert (both.server.contents, both.book.of(Message)) == ([], [])
        assert both.server.heard[-1] == b"DATA\r\n"


@looped
async def test_a_lost_250_arrives_all_the_same() -> None:
    async with proxied() as both:
        both.built.play({"at": "message", "do": ["accept", {"close": "reset"}]})
        client = await both.at_data()
        await client.send(CONTENT + b".\r\n")

        with pytest.raises(ConnectionResetError):
            await client.rest()
        await both.built.over()
        assert both.server.contents == [CONTENT + b".\r\n"]
        assert both.book.message.raw == CONTENT
        assert (both.book.transaction.outcome, both.book.transaction.acknowledged) == (Outcome.ACCEPTED, False)


@pytest.mark.parametrize("late", [False, True])
@looped
async def test_a_connection_that_breaks_at_the_message_delivers_nothing(*, late: bool) -> None:
    async with proxied() as both:
        rule = {"at": "message", "do": [{"close": "reset"}]}
        if late:
            both.built.play(rule)
        client = await both.at_data()
        if not late:
            both.built.inbox.director.add(make_rule(rule))
        await client.send(CONTENT + b".\r\n")

        with pytest.raises(ConnectionResetError):
            await client.rest()
        await until(lambda: not both.server.open)
        assert both.server.contents == []


@looped
async def test_a_client_that_leaves_in_the_content_delivers_nothing() -> None:
    async with proxied() as both:
        client = await both.at_data()
        await client.send(CONTENT)
        client.half_close()

        await both.built.over()
        await until(lambda: not both.server.open)
        assert both.server.contents == []
        assert (both.book.transaction.outcome, both.book.transaction.content) == (Outcome.ABORTED, CONTENT)


@pytest.mark.parametrize("late", [False, True])
@looped
async def test_content_over_our_own_limit_is_not_passed_on(*, late: bool) -> None:
    async with proxied(max_message_size=100) as both:
        if late:
            both.built.play({"at": "message", "do": [{"note": "look"}]})
        client = await both.at_data()
        assert await client.data(b"x" * 101 + b"\r\n") == "552 5.3.4 Message size exceeds the limit of 100 octets"

        assert both.server.contents == []
        assert (await client.ask("NOOP"))[:3] == ("250" if late else "421")


# What the real server refuses


@pytest.mark.parametrize(("verb", "number"), [("MAIL", 0), ("RCPT", 1), ("DATA", 2)])
@looped
async def test_refusals_are_passed_on_and_written_down(verb: str, number: int) -> None:
    async with proxied({verb: [b"550-5.7.1 no\r\n550 5.7.1 never\r\n"]}) as both:
        client = await both.ready()
        for command in MAIL[:number]:
            assert (await client.ask(command)).startswith("250")
        assert await client.ask(MAIL[number]) == "550-5.7.1 no\r\n550 5.7.1 never"
        await client.ask("QUIT")
        client.leave()
        await both.built.over()

        ended = both.book.transaction
        assert (ended.outcome, str(ended.reply)) == (Outcome.REJECTED, "550-5.7.1 no\r\n550 5.7.1 never")


@pytest.mark.parametrize("late", [False, True])
@looped
async def test_a_refusal_at_the_dot_is_passed_on(*, late: bool) -> None:
    async with proxied({".": [b"554 5.6.0 spam\r\n"]}) as both:
        if late:
            both.built.play({"at": "message", "do": ["accept"]})
        client = await both.at_data()

        assert await client.data() == "554 5.6.0 spam"
        assert both.book.of(Message) == []
        ended = both.book.transaction
        assert (ended.outcome, ended.content, str(ended.reply)) == (Outcome.REJECTED, CONTENT, "554 5.6.0 spam")
        assert (await client.ask("NOOP")).startswith("250")


@looped
async def test_a_refusal_of_a_data_that_waited_is_the_reply_to_the_message() -> None:
    async with proxied({"DATA": [b"451 4.3.0 not now\r\n"]}) as both:
        both.built.play({"at": "message", "do": [{"reply": "250 ours"}]})
        client = await both.at_data()

        assert await client.data() == "451 4.3.0 not now"
        await both.told(*MAIL, "RSET")
        assert both.book.transaction.outcome is Outcome.REJECTED


@looped
async def test_data_without_recipients_is_asked_there_even_with_a_rule_for_messages() -> None:
    async with proxied({"DATA": [b"554 5.5.1 no valid recipients\r\n"]}) as both:
        both.built.play({"at": "message", "do": ["accept"]})
        client = await both.ready()
        await client.ask(MAIL[0])

        assert await client.ask("DATA") == "554 5.5.1 no valid recipients"


@looped
async def test_an_address_that_only_the_real_server_understands() -> None:
    async with proxied() as both:
        client = await both.ready()
        await client.ask("MAIL FROM:<ann lee>", "RCPT TO:<bob..@@x> Y", "DATA")
        await client.data()

        assert both.book.message.reverse_path == "ann lee"
        assert [one.address for one in both.book.message.recipients] == ["bob..@@x> Y"]


@looped
async def test_a_second_mail_that_the_real_server_takes_begins_anew() -> None:
    async with proxied() as both:
        client = await both.ready()
        await client.ask(MAIL[0], "MAIL FROM:<>")

        assert both.book.transaction.reason == "MAIL ended it"


@looped
async def test_a_recipient_without_a_transaction_is_the_real_servers_business() -> None:
    async with proxied({"RCPT": [b"503 need MAIL\r\n", b"250 strange\r\n"], "DATA": [b"354 stranger\r\n"]}) as both:
        client = await both.ready()

        assert await client.ask(MAIL[1]) == "503 need MAIL"
        assert await client.ask(MAIL[1]) == "250 strange"
        assert await client.ask("DATA") == "354 stranger"
        assert both.book.of(Transaction) == []


@looped
async def test_rset_and_quit_that_are_refused_change_nothing() -> None:
    async with proxied({"RSET": [b"500 no\r\n"], "QUIT": [b"500 no\r\n"]}) as both:
        client = await both.ready()
        await client.ask(MAIL[0])
        assert (await client.ask("RSET"), await client.ask("QUIT")) == ("500 no", "500 no")
        assert both.book.of(Transaction) == []
        assert (await client.ask("RSET")).startswith("250")
        assert both.book.transaction.reason == "RSET ended it"


@looped
async def test_a_greeting_that_lets_nobody_in_is_passed_on() -> None:
    async with proxied({"connect": [b"554-go\r\n554 away\r\n"], "EHLO": [b"503 really\r\n"]}) as both:
        client = await both.built.connect()

        assert await client.hear() == "554-go\r\n554 away"
        assert await client.ask("EHLO c") == "503 really"


@looped
async def test_a_message_that_arrived_there_and_cannot_be_kept_here(caplog: pytest.LogCaptureFixture) -> None:
    async with proxied() as both:
        both.book.broken = OSError("disk full")
        client = await both.at_data()

        # The client must not send it again: it has been delivered.
        assert await client.data() == "250 2.0.0 Ok: queued as REAL1"
        assert both.book.notes == ["the message could not be stored: disk full"]
        assert both.book.transaction.acknowledged
        assert "could not be stored" in caplog.text


# What a rule says when the real server has answered


def upstream(verb: str, *do: object) -> dict[str, Any]:
    return {"id": "after", "at": "upstream", "when": {"verb": verb}, "do": list(do)}


@looped
async def test_a_rule_may_change_what_the_real_server_said() -> None:
    async with proxied() as both:
        both.built.play(
            upstream("RCPT", {"reply": "450 4.2.1 changed"}) | {"count": {"times": 1}},
            {"at": "upstream", "when": {"verb": "."}, "do": [{"reply": "250 changed"}]},
        )
        client = await both.ready()
        await client.ask(MAIL[0])

        assert await client.ask(MAIL[1]) == "450 4.2.1 changed"
        assert await client.ask(MAIL[1]) == "250 2.0.0 Ok"
        await client.ask("DATA")
        assert await client.data() == "250 changed"
        assert [(str(one.reply), one.rule) for one in both.book.transaction.recipients] == [
            ("450 4.2.1 changed", "after"),
            ("250 2.0.0 Ok", ""),
        ]
        assert (await client.ask("NOOP")).startswith("250")


@looped
async def test_a_refusal_of_the_real_servers_may_be_changed_too() -> None:
    async with proxied({"MAIL": [b"550 no\r\n"], ".": [b"554 spam\r\n"]}) as both:
        both.built.play(
            upstream("MAIL", {"reply": "451 changed"}),
            {"at": "upstream", "when": {"verb": "."}, "do": [{"reply": "452 changed"}]},
        )
        client = await both.ready()
        assert await client.ask(MAIL[0]) == "451 changed"
        assert (str(both.book.transaction.reply), both.book.transaction.rule) == ("451 changed", "after")
        both.book.events.clear()
        await client.ask("RSET")
        both.built.inbox.director.remove("after")
        assert (await client.ask(*MAIL)).startswith("354")
        assert await client.data() == "452 changed"
        assert (both.book.transaction.outcome, str(both.book.transaction.reply)) == (Outcome.REJECTED, "452 changed")


@looped
async def test_a_421_in_place_of_a_reply_is_said_before_the_end() -> None:
    async with proxied() as both:
        both.built.play(upstream("RCPT", {"reply": "421 4.3.2 changed"}))
        client = await both.ready()
        await client.ask(MAIL[0])
        await client.send(f"{MAIL[1]}\r\n".encode())

        assert await client.rest() == b"421 4.3.2 changed\r\n"
        client.leave()
        assert (await both.built.over()).reason == "rule after replied 421"


@pytest.mark.parametrize("verb", ["RCPT", "."])
@looped
async def test_a_reply_before_a_close_is_said(verb: str) -> None:
    async with proxied() as both:
        both.built.play(upstream(verb, {"reply": "450 changed"}, {"close": "fin"}))
        client = await both.ready()
        if verb == ".":
            await client.ask(*MAIL)
            await client.send(CONTENT + b".\r\n")
        else:
            await client.ask(MAIL[0])
            await client.send(f"{MAIL[1]}\r\n".encode())

        assert await client.rest() == b"450 changed\r\n"
        assert len(both.server.contents) == (verb == ".")


@looped
async def test_a_354_that_was_taken_back_asks_for_no_content() -> None:
    async with proxied() as both:
        both.built.play(upstream("DATA", {"reply": "451 4.3.0 changed"}))
        client = await both.ready()
        assert await client.ask(*MAIL) == "451 4.3.0 changed"

        # The real server waits for content that will never come: its connection is given up.
        assert (await client.ask("RSET")).startswith("421 4.4.2 ")
        await until(lambda: not both.server.open)
        assert both.server.contents == []


@looped
async def test_a_421_that_a_rule_hides_does_not_close() -> None:
    async with proxied({"NOOP": [b"421 4.3.2 going\r\n"]}) as both:
        both.built.play(upstream("NOOP", {"reply": "250 still there"}))
        client = await both.ready()

        assert await client.ask("NOOP") == "250 still there"
        assert (await client.ask("RSET")).startswith("250")


# AUTH


def b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    ("exchange", "answers", "user"),
    [
        ([f"AUTH PLAIN {b64(chr(0) + 'ann' + chr(0) + 'x')}"], [], "ann"),
        (["auth plain", b64("\0ann\0x")], [b"334 \r\n"], "ann"),
        (["AUTH LOGIN", b64("ann"), b64("x")], [b"334 VXNlcm5hbWU6\r\n", b"334 UGFzc3dvcmQ6\r\n"], "ann"),
        (["AUTH X-ODD", "c3RlcDE=", "not base64", "c3RlcDM="], [b"334 YQ==\r\n", b"334 odd\r\n", b"334 \r\n"], ""),
    ],
)
@looped
async def test_auth_passes_step_by_step(exchange: list[str], answers: list[bytes], user: str) -> None:
    script: list[bytes] = [*answers, b"235 2.7.0 welcome\r\n"]
    by_verb: dict[str, list[Answer]] = {}
    for line, answer in zip(exchange, script, strict=True):
        by_verb.setdefault(line.upper().split()[0], []).append(answer)
    inboxes = Inboxes()
    inboxes.create("ann")
    async with proxied(by_verb, inboxes=inboxes) as both:
        client = await both.ready()
        said = [await client.ask(line) for line in exchange]

        assert [f"{reply}\r\n".encode() for reply in said] == script
        await both.told(*exchange)
        updated = both.book.of(SessionUpdated)[-1]
        assert (updated.user, updated.mechanism) == (user, exchange[0].split()[1].upper())
        assert updated.inbox == (user or "default")
        assert [line.data for line in both.book.of(Line) if line.secret] == [
            f"{line}\r\n".encode() for line in exchange
        ]


@looped
async def test_auth_that_the_real_server_refuses() -> None:
    async with proxied({"AUTH": [b"535-5.7.8 no\r\n535 5.7.8 never\r\n"]}) as both:
        client = await both.ready()

        assert await client.ask("AUTH PLAIN AGFubgB4") == "535-5.7.8 no\r\n535 5.7.8 never"
        assert both.book.of(SessionUpdated)[-1].user == ""


@looped
async def test_auth_that_the_client_gives_up() -> None:
    async with proxied({"AUTH": [b"334 \r\n"], "*": [b"501 5.7.0 as you like\r\n"]}) as both:
        client = await both.ready()

        assert await client.ask("AUTH PLAIN") == "334 "
        assert await client.ask("*") == "501 5.7.0 as you like"


@looped
async def test_a_step_of_auth_that_a_rule_refuses_gives_the_exchange_up_there() -> None:
    async with proxied({"AUTH": [b"334 VXNlcm5hbWU6\r\n"], "*": [b"501 given up\r\n"]}) as both:
        both.built.play({"at": "auth", "when": {"user": "ann"}, "do": [{"reply": "454 4.7.0 later"}]})
        client = await both.ready()
        await client.ask("AUTH LOGIN")

        assert await client.ask(b64("ann")) == "454 4.7.0 later"
        assert (await client.ask("NOOP")).startswith("250")
        await both.told("AUTH LOGIN", "*", "NOOP")


@looped
async def test_our_own_policy_of_auth_is_not_asked() -> None:
    async with proxied({"AUTH": [b"235 welcome\r\n"]}, auth=AuthPolicy.OFF, users={"eve": "x"}) as both:
        client = await both.ready()
        assert await client.ask("AUTH PLAIN AGFubgB4") == "235 welcome"


# What goes wrong behind


@looped
async def test_nobody_there() -> None:
    port = dead_port()
    async with house(upstream=Upstream("127.0.0.1", port)) as built:
        client = await built.connect()

        why = f"127.0.0.1:{port} cannot be reached: Connection refused"
        assert await client.rest() == f"421 4.4.2 mailtrap.localhost Service not available: {why}\r\n".encode()
        client.leave()
        ended = await built.over()
        assert (ended.ending, ended.reason) == (Ending.SERVER_CLOSED, f"upstream: {why}")
        assert built.book.notes == [f"upstream: {why}"]


@pytest.mark.parametrize(
    ("odd", "why"),
    [(CLOSE, "closed the connection"), (RESET, "closed the connection"), (SILENCE, f"did not reply within {SHORT} s")],
)
@pytest.mark.parametrize("at", ["connect", "EHLO", "MAIL", "RCPT", "DATA", "NOOP", "QUIT"])
@looped
async def test_a_server_that_breaks_off_gives_421_and_the_record_says_why(at: str, odd: Answer, why: str) -> None:
    async with proxied({at: [odd]}, patience=SHORT if at == "connect" and odd is SILENCE else 5.0) as both:
        client = await both.built.connect()
        if at != "connect":
            commands = ["EHLO c", *MAIL] if at in {"EHLO", "MAIL", "RCPT", "DATA"} else ["EHLO c", at]
            verbs = [command.split()[0] for command in commands]
            await client.hear()
            for command in commands[: verbs.index(at)]:
                await client.ask(command)
            if odd is SILENCE:
                both.hurry()
            await client.send(f"{commands[verbs.index(at)]}\r\n".encode())

        problem = f"{both.address} {why}"
        assert await client.rest() == f"421 4.4.2 mailtrap.localhost Service not available: {problem}\r\n".encode()
        client.leave()
        ended = await both.built.over()
        assert (ended.ending, ended.reason) == (Ending.SERVER_CLOSED, f"upstream: {problem}")
        assert both.book.notes == [f"upstream: {problem}"]


@pytest.mark.parametrize(
    ("odd", "why"),
    [(CLOSE, "closed the connection"), (RESET, "closed the connection"), (SILENCE, f"did not reply within {SHORT} s")],
)
@pytest.mark.parametrize("late", [False, True])
@looped
async def test_a_server_that_breaks_off_at_the_dot_gives_451(odd: Answer, why: str, *, late: bool) -> None:
    # RFC 5321, section 3.8: it counts as if 451 had been received.
    async with proxied({".": [odd]}) as both:
        if late:
            both.built.play({"at": "message", "do": ["accept"]})
        client = await both.at_data()
        if odd is SILENCE:
            both.hurry()

        problem = f"{both.address} {why}"
        assert await client.data() == f"451 4.4.2 Error: the message may be lost: {problem}"
        assert both.book.of(Message) == []
        ended = both.book.transaction
        assert (ended.outcome, ended.content) == (Outcome.REJECTED, CONTENT)
        assert both.book.notes[-1] == f"upstream: {problem}"
        assert await client.ask("NOOP") == f"421 4.4.2 mailtrap.localhost Service not available: {problem}"
        assert await client.rest() == b""


@looped
async def test_a_server_that_closed_during_the_content_gives_451() -> None:
    async with proxied({"DATA": [(b"354 go\r\n", CLOSE)]}) as both:
        client = await both.at_data()
        await until(lambda: not both.server.open)

        assert await client.data() == f"451 4.4.2 Error: the message may be lost: {both.address} closed the connection"


@looped
async def test_a_421_in_mid_session_is_passed_on_and_closes() -> None:
    async with proxied({"RCPT": [(b"421-4.3.2 real.example\r\n421 4.3.2 going down\r\n", CLOSE)]}) as both:
        client = await both.ready()
        await client.ask(MAIL[0])
        await client.send(f"{MAIL[1]}\r\n".encode())

        assert await client.rest() == b"421-4.3.2 real.example\r\n421 4.3.2 going down\r\n"
        client.leave()
        ended = await both.built.over()
        assert (ended.ending, ended.reason) == (Ending.SERVER_CLOSED, "the real server replied 421")
        assert both.book.transaction.outcome is Outcome.REJECTED


@pytest.mark.parametrize("late", [False, True])
@looped
async def test_a_421_at_the_dot_closes_too(*, late: bool) -> None:
    async with proxied({".": [(b"421 4.3.2 going down\r\n", CLOSE)]}) as both:
        if late:
            both.built.play({"at": "message", "do": ["accept"]})
        client = await both.at_data()
        await client.send(CONTENT + b".\r\n")

        assert await client.rest() == b"421 4.3.2 going down\r\n"
        client.leave()
        assert (await both.built.over()).reason == "the real server replied 421"
        assert both.book.transaction.outcome is Outcome.REJECTED


@looped
async def test_a_421_greeting_is_passed_on_and_closes() -> None:
    async with proxied({"connect": [(b"421 4.3.2 busy\r\n", CLOSE)]}) as both:
        client = await both.built.connect()

        assert await client.rest() == b"421 4.3.2 busy\r\n"
        client.leave()
        assert (await both.built.over()).reason == "the real server replied 421"


@looped
async def test_a_421_that_nobody_asked_for_is_the_reply_to_the_next_command() -> None:
    async with proxied({"MAIL": [(b"250 ok\r\n421 4.4.2 too slow\r\n", CLOSE)]}) as both:
        client = await both.ready()
        assert await client.ask(MAIL[0]) == "250 ok"
        await until(lambda: not both.server.open)

        assert await client.ask("NOOP") == "421 4.4.2 too slow"
        assert await client.rest() == b""


@looped
async def test_a_refusal_of_tls_on_the_way_is_told_on_one_line() -> None:
    async with (
        real({"STARTTLS": [b"454-not\r\n454 now\r\n"]}) as server,
        house(upstream=server.upstream(Security.STARTTLS)) as built,
    ):
        client = await built.connect()

        assert (await client.rest()).endswith(b"refused STARTTLS: 454-not 454 now\r\n")


@looped
async def test_a_client_that_leaves_is_not_waited_for_behind() -> None:
    async with proxied({"NOOP": [SILENCE]}) as both:
        client = await both.ready()
        await client.send(b"NOOP\r\n")
        await until(lambda: b"NOOP\r\n" in both.server.heard)
        client.reset()

        assert (await both.built.over()).ending is Ending.CLIENT_RESET
        await until(lambda: not both.server.open)


@looped
async def test_stopping_ends_the_connections_behind() -> None:
    async with proxied({"NOOP": [SILENCE]}) as both:
        client = await both.ready()
        await client.send(b"NOOP\r\n")
        await until(lambda: b"NOOP\r\n" in both.server.heard)

        await both.built.server.close()

        assert (await client.rest()).startswith(b"421 4.3.2 ")
        await until(lambda: not both.server.open)


@looped
async def test_stopping_while_the_message_is_on_its_way() -> None:
    async with proxied({".": [SILENCE]}) as both:
        client = await both.at_data()
        await client.send(CONTENT + b".\r\n")
        await until(lambda: both.server.contents)

        await both.built.server.close()

        assert (await client.rest()).startswith(b"421 4.3.2 ")
        ended = both.book.transaction
        assert (ended.outcome, ended.acknowledged, ended.message_id) == (Outcome.ABORTED, False, "")


@looped
async def test_every_session_has_a_connection_of_its_own() -> None:
    async with proxied() as both:
        clients = await asyncio.gather(*[both.ready() for _ in range(5)])
        assert (both.server.connections, both.server.open) == (5, 5)

        await asyncio.gather(*[client.ask("QUIT") for client in clients])
        for client in clients:
            client.leave()
        await until(lambda: not both.server.open)


@looped
async def test_a_proxy_needs_somebody_to_stand_in_front_of(caplog: pytest.LogCaptureFixture) -> None:
    async with house() as built:
        built.server._kind = ProxySession  # noqa: SLF001 - as a bug would do it
        client = await built.connect()

        assert (await client.rest()).startswith(b"421 4.3.0 ")
        assert "a proxy needs an upstream" in caplog.text


# A real server behind an inbox


@looped
async def test_an_inbox_has_a_real_server_of_its_own() -> None:
    inboxes = Inboxes()
    async with real() as server, house(inboxes=inboxes) as built:
        inboxes.get().upstream = f"127.0.0.1:{server.port}"
        client = await built.connect()
        greeting = await client.hear()
        inboxes.get().upstream = ""
        other = await built.connect()

        assert greeting == "220 real.example ESMTP at your service"
        assert (await other.hear()).startswith("220 mailtrap.localhost")
        assert [started.upstream for started in built.book.of(SessionStarted)] == [f"127.0.0.1:{server.port}", ""]
