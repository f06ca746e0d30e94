"""The commands of SMTP, over plain sockets and over TLS."""

from __future__ import annotations

import asyncio
import base64
import smtplib
import socket
import ssl
from collections.abc import Callable
from typing import Any

import pytest

from mailtrap_py.events import (
    Ending,
    Event,
    Line,
    Message,
    Outcome,
    Point,
    SessionStarted,
    SessionUpdated,
    Source,
    Transaction,
)
from mailtrap_py.inbox import Inboxes
from mailtrap_py.smtp import handshake as handshake_module
from mailtrap_py.smtp.service import AuthPolicy
from mailtrap_py.smtp.tls import Authority
from tests.connected import CONTENT, Client, House, house, looped, until

AUTH = "AUTH LOGIN PLAIN CRAM-MD5 XOAUTH2 OAUTHBEARER"
AUTHORITY = Authority(("localhost", "127.0.0.1"))


def b64(text: str | bytes) -> str:
    return base64.b64encode(text.encode() if isinstance(text, str) else text).decode()


def plain(user: str, password: str = "secret") -> str:
    return b64(f"\0{user}\0{password}")


def trusting() -> ssl.SSLContext:
    return ssl.create_default_context(cadata=AUTHORITY.pem.decode())


async def talk(built: House, *commands: str, hello: str = "EHLO c") -> list[str]:
    """Say one after the other; give the replies."""
    client = await built.greeted(hello=hello)
    return [await client.ask(command) for command in commands]


# HELO, EHLO


@looped
async def test_what_a_client_calls_itself_is_written_down() -> None:
    async with house() as built:
        await talk(built, "HELO [127.0.0.1]", "EHLO \udcff x")

        said = [(update.helo, update.esmtp) for update in built.book.of(SessionUpdated)]
        assert said == [("c", True), ("[127.0.0.1]", False), ("\udcff x", True)]


@looped
async def test_a_hello_without_a_name_changes_nothing() -> None:
    async with house() as built:
        said = await talk(built, "MAIL FROM:<a@b>", "EHLO", "HELO  ", "RCPT TO:<c@d>")

        assert said[1:] == ["501 5.5.4 Syntax: EHLO hostname", "501 5.5.4 Syntax: HELO hostname", "250 2.1.5 Ok"]


@pytest.mark.parametrize("command", ["EHLO d", "HELO d", "RSET"])
@looped
async def test_a_transaction_ends_with_hello_and_rset(command: str) -> None:
    async with house() as built:
        said = await talk(built, "MAIL FROM:<a@b>", command, "RCPT TO:<c@d>", "MAIL FROM:<e@f>")

        assert (said[2], said[3]) == ("503 5.5.1 Error: need MAIL command", "250 2.1.0 Ok")
        ended = built.book.transaction
        assert (ended.outcome, ended.reason) == (Outcome.ABORTED, f"{command[:4]} ended it")


# MAIL, RCPT, DATA


@pytest.mark.parametrize(
    ("commands", "reply"),
    [
        (["RCPT TO:<c@d>"], "503 5.5.1 Error: need MAIL command"),
        (["DATA"], "503 5.5.1 Error: need MAIL command"),
        (["MAIL FROM:<a@b>", "MAIL FROM:<a@b>"], "503 5.5.1 Error: nested MAIL command"),
        (["MAIL FROM:<a@b>", "DATA"], "503 5.5.1 Error: need RCPT command"),
        (["MAIL FROM:<a@b>", "RCPT TO:<c@d> NOTIFY=ALWAYS", "DATA"], "554 5.5.1 Error: no valid recipients"),
        (["MAIL FROM:<a@b>", "RCPT TO:<c@d>", "DATA now"], "501 5.5.4 Syntax: DATA"),
        (["MAIL"], "501 5.1.7 Bad sender address syntax"),
        (["MAIL TO:<a@b>"], "501 5.1.7 Bad sender address syntax"),
        (["MAIL FROM:<a@b"], "501 5.1.7 Bad sender address syntax"),
        (["MAIL FROM:<a@b> SIZE=1 SIZE=2"], "501 5.5.4 Error: bad parameter syntax"),
        (["MAIL FROM:<a@b> SIZE=x"], "501 5.5.4 Error: bad parameter syntax"),
        (["MAIL FROM:<a@b> RET=SOME"], "501 5.5.4 Error: bad RET parameter syntax"),
        (["MAIL FROM:<a@b> NOTIFY=NEVER"], "555 5.5.4 Unsupported option: NOTIFY"),
        (["MAIL FROM:<a@b> SIZE=1001"], "552 5.3.4 Message size exceeds the limit of 1000 octets"),
        (["MAIL FROM:<\u00e9@b>"], "553 5.6.7 Must declare SMTPUTF8 to send unicode address"),
        (["MAIL FROM:<a@b>", "RCPT"], "501 5.1.3 Bad recipient address syntax"),
        (["MAIL FROM:<a@b>", "RCPT FROM:<c@d>"], "501 5.1.3 Bad recipient address syntax"),
        (["MAIL FROM:<a@b>", "RCPT TO:<>"], "501 5.1.3 Bad recipient address syntax"),
        (["MAIL FROM:<a@b>", "RCPT TO:<c@d> ="], "501 5.5.4 Error: bad parameter syntax"),
        (["MAIL FROM:<a@b>", "RCPT TO:<\u00e9@d>"], "553 5.6.7 Must declare SMTPUTF8 to send unicode address"),
        (["MAIL FROM:<a@b> SMTPUTF8", "RCPT TO:<\u00e9@d>"], "250 2.1.5 Ok"),
        (["MAIL FROM:<\u00e9@b> SMTPUTF8 BODY=8BITMIME SIZE=1000 AUTH=<>"], "250 2.1.0 Ok"),
        (["MAIL FROM:<>"], "250 2.1.0 Ok"),
    ],
)
@looped
async def test_each_command_in_its_place(commands: list[str], reply: str) -> None:
    async with house(max_message_size=1000) as built:
        assert (await talk(built, *commands))[-1] == reply


@looped
async def test_mail_wants_a_hello_first() -> None:
    async with house() as built:
        client = await built.greeted()
        assert await client.ask("MAIL FROM:<a@b>") == "503 5.5.1 Error: send HELO/EHLO first"


@looped
async def test_the_envelope_is_kept_as_it_was_said() -> None:
    async with house() as built:
        client = await built.greeted(hello="EHLO c")
        await client.ask("MAIL FROM:<> SMTPUTF8 size=23", "RCPT TO:<Postmaster>", "RCPT TO:<\u00e9@D.Example>", "DATA")
        await client.data()

        message = built.book.message
        assert (message.reverse_path, message.parameters) == ("", {"SMTPUTF8": "", "SIZE": "23"})
        assert [one.address for one in message.recipients] == ["Postmaster", "\u00e9@D.Example"]
        assert (message.helo, message.client, message.tls_version, message.user) == ("c", "127.0.0.1", "", "")


@looped
async def test_a_hundred_recipients_and_more() -> None:
    async with house() as built:
        client = await built.greeted(hello="EHLO c")
        await client.ask("MAIL FROM:<a@b>", *[f"RCPT TO:<u{number}@d>" for number in range(500)], "DATA")
        await client.data()

        assert [one.address for one in built.book.message.recipients] == [f"u{number}@d" for number in range(500)]


@looped
async def test_recipients_that_were_refused_are_written_down_and_not_delivered_to() -> None:
    async with house() as built:
        client = await built.greeted(hello="EHLO c")
        await client.ask("MAIL FROM:<a@b>", "RCPT TO:<c@d>", "RCPT TO:<e@f> X=1", "RCPT TO:<bad", "DATA")
        await client.data()

        assert [(one.address, one.accepted) for one in built.book.transaction.recipients] == [
            ("c@d", True),
            ("e@f", False),
        ]
        assert [one.address for one in built.book.message.recipients] == ["c@d"]


@looped
async def test_transactions_of_a_session_are_numbered_and_apart() -> None:
    async with house() as built:
        client = await built.greeted()
        await client.mail()
        await client.ask("MAIL FROM:<>", "RCPT TO:<eve@x>", "DATA")
        await client.data(b"")

        first, second = built.book.of(Message)
        assert [one.address for one in second.recipients] == ["eve@x"]
        assert (first.raw, second.raw, second.reverse_path) == (CONTENT, b"", "")
        assert [one.number for one in built.book.of(Transaction)] == [1, 2]


# AUTH


AUTHENTICATED = "235 2.7.0 Authentication successful"
INVALID = "535 5.7.8 Authentication credentials invalid"


@pytest.mark.parametrize(
    "exchange",
    [
        [f"AUTH PLAIN {plain('ann')}"],
        [f"auth plain {plain('ann')}"],
        [f"AUTH Plain  {plain('ann')}"],
        ["AUTH PLAIN", plain("ann")],
        ["AUTH LOGIN", b64("ann"), b64("secret")],
        ["AUTH login", b64("ann"), b64("secret")],
        [f"AUTH LOGIN {b64('ann')}", b64("secret")],
        [f"AUTH PLAIN {b64(chr(0).join(['boss', 'ann', 'secret']))}"],
    ],
)
@looped
async def test_auth_by_any_spelling(exchange: list[str]) -> None:
    async with house(users={"ann": "secret"}) as built:
        assert (await talk(built, *exchange))[-1] == AUTHENTICATED

        updated = built.book.of(SessionUpdated)[-1]
        assert (updated.user, updated.mechanism) == ("ann", exchange[0].split()[1].upper())
        secrets = [line.data for line in built.book.of(Line) if line.secret]
        assert secrets == [f"{line}\r\n".encode() for line in exchange]


@looped
async def test_the_prompts_of_auth() -> None:
    async with house() as built:
        said = await talk(built, "AUTH LOGIN", b64("ann"), "*", "AUTH PLAIN", "*")

        assert said == [
            "334 VXNlcm5hbWU6",
            "334 UGFzc3dvcmQ6",
            "501 5.7.0 Authentication aborted",
            "334 ",
            "501 5.7.0 Authentication aborted",
        ]


@pytest.mark.parametrize(
    ("exchange", "reply"),
    [
        (["AUTH"], "501 5.5.4 Not enough value"),
        (["AUTH PLAIN a b"], "501 5.5.4 Too many values"),
        (["AUTH KERBEROS_V4"], "504 5.5.4 Unrecognized authentication type"),
        (["AUTH PLAIN ="], "501 5.5.2 Can't split auth value"),
        (["AUTH PLAIN !!!!"], "501 5.5.2 Cannot decode the base64 of this response"),
        (["AUTH PLAIN \udcff"], "501 5.5.2 Cannot decode the base64 of this response"),
        (["AUTH PLAIN", "!!!!"], "501 5.5.2 Cannot decode the base64 of this response"),
        (["AUTH PLAIN", "\udcff"], "501 5.5.2 Cannot decode the base64 of this response"),
        (["AUTH PLAIN", ""], "501 5.5.2 Can't split auth value"),
        (["AUTH LOGIN !!!!"], "501 5.5.2 Cannot decode the base64 of this response"),
        (["AUTH LOGIN", "ann"], "501 5.5.2 Cannot decode the base64 of this response"),
        (["AUTH LOGIN", b64("ann"), "!"], "501 5.5.2 Cannot decode the base64 of this response"),
        ([f"AUTH PLAIN {b64('ann')}"], "501 5.5.2 Can't split auth value"),
        ([f"AUTH PLAIN {plain('ann', 'wrong')}"], INVALID),
        ([f"AUTH PLAIN {plain('bob')}"], INVALID),
        (["AUTH LOGIN", b64("ann"), b64("wrong")], INVALID),
        (["AUTH LOGIN", b64(b"\xff"), b64("")], INVALID),
        (
            ["MAIL FROM:<a@b>", f"AUTH PLAIN {plain('ann')}"],
            "503 5.5.1 Error: AUTH is not permitted during a mail transaction",
        ),
        ([f"AUTH PLAIN {plain('ann')}", f"AUTH PLAIN {plain('ann')}"], "503 5.5.1 Already authenticated"),
        (["HELO c", f"AUTH PLAIN {plain('ann')}"], "500 5.5.2 Error: command 'AUTH' not recognized"),
    ],
)
@looped
async def test_auth_that_fails(exchange: list[str], reply: str) -> None:
    async with house(users={"ann": "secret"}) as built:
        assert (await talk(built, *exchange))[-1] == reply


@looped
async def test_auth_wants_a_hello_first() -> None:
    async with house() as built:
        client = await built.greeted()
        assert await client.ask(f"AUTH PLAIN {plain('ann')}") == "503 5.5.1 Error: send EHLO first"


@looped
async def test_without_users_every_credential_will_do() -> None:
    async with house() as built:
        assert (await talk(built, f"AUTH PLAIN {plain('whoever', '')}"))[-1] == AUTHENTICATED


@looped
async def test_auth_can_be_off() -> None:
    async with house(auth=AuthPolicy.OFF) as built:
        said = await talk(built, f"AUTH PLAIN {plain('ann')}", "MAIL FROM:<a@b>")
        assert said == ["502 5.5.1 Error: AUTH is not offered", "250 2.1.0 Ok"]


@looped
async def test_auth_can_be_required() -> None:
    async with house(auth=AuthPolicy.REQUIRED, users={"ann": "secret"}) as built:
        said = await talk(
            built, "MAIL FROM:<a@b>", f"AUTH PLAIN {plain('ann', 'x')}", "MAIL FROM:<a@b>",
            f"AUTH PLAIN {plain('ann')}", "MAIL FROM:<a@b>",
        )  # fmt: skip

        required = "530 5.7.0 Authentication required"
        assert said == [required, INVALID, required, AUTHENTICATED, "250 2.1.0 Ok"]


@looped
async def test_an_auth_that_fails_forgets_nothing() -> None:
    async with house(auth=AuthPolicy.REQUIRED) as built:
        said = await talk(built, f"AUTH PLAIN {plain('ann')}", f"AUTH PLAIN {plain('bob')}", "MAIL FROM:<a@b>")

        assert said[1:] == ["503 5.5.1 Already authenticated", "250 2.1.0 Ok"]
        assert built.book.of(SessionUpdated)[-1].user == "ann"


@looped
async def test_an_auth_that_a_rule_refuses_forgets_nothing() -> None:
    async with house(auth=AuthPolicy.REQUIRED) as built:
        built.play({"at": "auth", "count": {"nth": [2]}, "do": [{"reply": "454 4.7.0 later"}]})
        said = await talk(built, f"AUTH PLAIN {plain('ann')}", f"AUTH PLAIN {plain('bob')}", "MAIL FROM:<a@b>")

        assert said[1:] == ["454 4.7.0 later", "250 2.1.0 Ok"]


@looped
async def test_an_auth_that_a_rule_accepts_is_done_there_and_then() -> None:
    inboxes = Inboxes()
    inboxes.create("ann")
    async with house(auth=AuthPolicy.REQUIRED, users={"ann": "secret"}, inboxes=inboxes) as built:
        built.play({"at": "auth", "do": [{"reply": "235 welcome"}]})
        said = await talk(built, f"AUTH PLAIN {plain('ann', 'wrong')}", "MAIL FROM:<a@b>")

        assert said == ["235 welcome", "250 2.1.0 Ok"]
        updated = built.book.of(SessionUpdated)[-1]
        assert (updated.user, updated.mechanism, updated.inbox) == ("ann", "PLAIN", "ann")


@pytest.mark.parametrize(
    ("exchange", "users"),
    [
        ([f"AUTH PLAIN {plain('ann')}"], ["ann"]),
        (["AUTH PLAIN", plain("ann")], ["", "ann"]),
        (["AUTH LOGIN", b64("ann"), b64("secret")], ["", "ann", "ann"]),
        ([f"AUTH LOGIN {b64('ann')}", b64("secret")], ["ann", "ann"]),
        (["AUTH XOAUTH2 abcd"], [""]),
    ],
)
@looped
async def test_the_scenario_knows_the_user_as_soon_as_the_client_has_named_it(
    exchange: list[str], users: list[str]
) -> None:
    async with house() as built:
        events: list[Event] = []
        built.inbox.director.decide = events.append  # type: ignore[method-assign, assignment]
        built.inbox.director.listens = lambda point: point is Point.AUTH  # type: ignore[method-assign]
        await talk(built, *exchange)

        assert [event.user for event in events] == users
        assert {event.mechanism for event in events} == {exchange[0].split()[1]}
        assert [event.line for event in events] == [f"{line}\r\n".encode() for line in exchange]


@looped
async def test_a_rule_at_a_step_of_auth_ends_it() -> None:
    async with house() as built:
        built.play({"at": "auth", "when": {"user": "ann"}, "do": [{"reply": "535 5.7.8 no"}]})
        assert await talk(built, "AUTH LOGIN", b64("ann"), "NOOP") == [
            "334 VXNlcm5hbWU6",
            "535 5.7.8 no",
            "250 2.0.0 Ok",
        ]


@looped
async def test_a_line_of_auth_that_is_too_long_ends_the_session() -> None:
    async with house() as built:
        client = await built.greeted(hello="EHLO c")
        await client.ask("AUTH LOGIN")
        await client.send(b"x" * 13_000 + b"\r\n")

        assert await client.rest() == b"500 5.5.6 Authentication exchange line is too long\r\n"
        client.leave()
        assert (await built.over()).reason == "an AUTH line was too long"


@looped
async def test_who_is_silent_during_auth_is_told_why_it_is_closed() -> None:
    async with house() as built:
        client = await built.greeted(hello="EHLO c")
        built.hurry()
        await client.ask("AUTH LOGIN")

        assert await client.rest() == b"421 4.4.2 mailtrap.localhost Error: timeout exceeded\r\n"
        client.leave()
        assert (await built.over()).ending is Ending.TIMEOUT


@looped
async def test_half_a_line_of_credentials_is_not_shown() -> None:
    async with house() as built:
        client = await built.greeted(hello="EHLO c")
        await client.ask("AUTH LOGIN")
        await client.send(b64("ann").encode())
        client.half_close()

        assert await client.rest() == b""
        await built.over()
        assert built.book.notes == ["the client left in the middle of a line"]


@looped
async def test_mail_goes_to_the_inbox_that_has_the_users_name() -> None:
    inboxes = Inboxes()
    inboxes.create("ann")
    async with house(inboxes=inboxes) as built:
        for user in ("ann", "bob"):
            client = await built.greeted(hello="EHLO c")
            await client.ask(f"AUTH PLAIN {plain(user)}")
            await client.ask("MAIL FROM:<a@b>", "RCPT TO:<c@d>", "DATA")
            await client.data()

        assert [(message.inbox, message.user) for message in built.book.of(Message)] == [
            ("ann", "ann"),
            ("default", "bob"),
        ]
        assert [started.inbox for started in built.book.of(SessionStarted)] == ["default", "default"]


# TLS


async def secured(client: Client) -> None:
    """Go under TLS, after STARTTLS was answered."""
    await client.writer.start_tls(trusting(), server_hostname="localhost")


@looped
async def test_starttls_begins_anew_under_tls() -> None:
    inboxes = Inboxes()
    inboxes.create("ann")
    async with house(tls=AUTHORITY.context, auth=AuthPolicy.REQUIRED, inboxes=inboxes) as built:
        client = await built.greeted(hello="EHLO c")
        await client.ask(f"AUTH PLAIN {plain('ann')}", "MAIL FROM:<a@b>")

        assert await client.ask("STARTTLS") == "220 2.0.0 Ready to start TLS"
        await secured(client)

        # RFC 3207, section 4.2: the server "MUST discard any knowledge obtained from the client".
        assert await client.ask("MAIL FROM:<a@b>") == "503 5.5.1 Error: send HELO/EHLO first"
        updated = built.book.of(SessionUpdated)[-1]
        assert (updated.helo, updated.esmtp, updated.user, updated.mechanism) == ("", False, "", "")
        assert (updated.inbox, updated.tls_version[:4], len(updated.tls_cipher) > 5) == ("default", "TLSv", True)
        offered = await client.ask("EHLO c")
        assert "STARTTLS" not in offered
        assert "AUTH LOGIN PLAIN" in offered
        assert await client.ask("MAIL FROM:<a@b>") == "530 5.7.0 Authentication required"
        assert await client.ask("STARTTLS") == "503 5.5.1 Error: TLS is active already"
        assert built.book.of(Transaction)[0].reason == "STARTTLS ended it"
        assert built.book.notes == [f"{updated.tls_version} with {updated.tls_cipher}"]


@looped
async def test_mail_over_tls() -> None:
    async with house(tls=AUTHORITY.context) as built:
        client = await built.greeted()
        await client.ask("STARTTLS")
        await secured(client)
        assert (await client.mail()).startswith("250")
        assert await client.ask("QUIT") == "221 2.0.0 Bye"
        client.leave()
        await built.over()

        assert built.book.message.tls_version.startswith("TLSv1.")
        assert built.book.ended.ending is Ending.QUIT


@pytest.mark.parametrize(
    ("settings", "command", "reply"),
    [
        ({}, "STARTTLS", "502 5.5.1 Error: STARTTLS is not offered"),
        ({"tls": AUTHORITY.context}, "STARTTLS now", "501 5.5.4 Syntax: STARTTLS"),
    ],
)
@looped
async def test_starttls_that_cannot_be(settings: dict[str, Any], command: str, reply: str) -> None:
    async with house(**settings) as built:
        assert await talk(built, command, "NOOP") == [reply, "250 2.0.0 Ok"]


@looped
async def test_what_was_sent_in_clear_behind_starttls_is_not_obeyed_under_tls() -> None:
    async with house(tls=AUTHORITY.context) as built:
        client = await built.greeted(hello="EHLO c")
        await client.send(b"STARTTLS\r\nEHLO evil\r\nMAIL FROM:<evil@x>\r\n")
        assert await client.hear() == "220 2.0.0 Ready to start TLS"
        await secured(client)

        assert await client.ask("RCPT TO:<c@d>") == "503 5.5.1 Error: need MAIL command"
        assert built.book.notes[0] == "thrown away: 31 octets sent in clear after STARTTLS"
        assert b"EHLO evil\r\n" not in built.book.said(Source.CLIENT)


@pytest.mark.parametrize("implicit", [False, True])
@looped
async def test_a_handshake_that_fails_is_written_down(*, implicit: bool) -> None:
    async with house(tls=AUTHORITY.context, implicit_tls=implicit) as built:
        client = await built.connect()
        if not implicit:
            await client.hear()
            await client.ask("STARTTLS")
        await client.send(b"EHLO I thought we would talk in clear\r\n")

        await client.rest()
        ended = await built.over()
        assert ended.ending is Ending.CLIENT_CLOSED
        assert ended.reason.startswith("TLS handshake failed: [SSL")
        assert built.book.notes == [ended.reason]


@pytest.mark.parametrize("how", [Client.leave, Client.reset])
@looped
async def test_a_client_that_leaves_during_the_handshake(how: Callable[[Client], None]) -> None:
    async with house(tls=AUTHORITY.context, implicit_tls=True) as built:
        client = await built.connect()
        await until(lambda: built.book.of(SessionStarted))
        how(client)

        ended = await built.over()
        assert ended.ending is Ending.CLIENT_CLOSED
        assert "TLS handshake" in ended.reason


@looped
async def test_a_client_that_does_not_trust_the_certificate_says_so() -> None:
    async with house(tls=AUTHORITY.context) as built:
        client = await built.greeted()
        await client.ask("STARTTLS")
        with pytest.raises(ssl.SSLCertVerificationError):
            await client.writer.start_tls(ssl.create_default_context(), server_hostname="localhost")

        ended = await built.over()
        assert ended.ending in {Ending.CLIENT_CLOSED, Ending.CLIENT_RESET}


@pytest.mark.parametrize("implicit", [False, True])
@looped
async def test_a_handshake_that_never_comes_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch, *, implicit: bool
) -> None:
    monkeypatch.setattr(handshake_module, "LIMIT", 0.01)
    async with house(tls=AUTHORITY.context, implicit_tls=implicit) as built:
        client = await built.connect()
        if not implicit:
            await client.hear()
            await client.ask("STARTTLS")

        await client.rest()
        assert "TLS handshake failed: SSL handshake is taking longer" in (await built.over()).reason


@looped
async def test_a_server_that_stops_during_a_handshake_says_nothing_in_clear() -> None:
    async with house(tls=AUTHORITY.context, implicit_tls=True) as built:
        client = await built.connect()
        await until(lambda: built.book.of(SessionStarted))
        await built.server.close()

        assert await client.rest() == b""
        assert built.book.ended.ending is Ending.SHUTDOWN


@looped
async def test_implicit_tls() -> None:
    async with house(tls=AUTHORITY.context, implicit_tls=True, users={"ann": "secret"}) as built:
        reader, writer = await asyncio.open_connection("127.0.0.1", built.port, ssl=trusting())
        client = Client(reader, writer)
        built.clients.append(client)
        assert (await client.hear()).startswith("220 ")
        assert "AUTH LOGIN PLAIN" in await client.ask("EHLO c")
        assert await client.ask(f"AUTH PLAIN {plain('ann')}") == AUTHENTICATED
        assert (await client.ask("MAIL FROM:<a@b>", "RCPT TO:<c@d>", "DATA")).startswith("354")
        assert (await client.data()).startswith("250")

        (started,) = built.book.of(SessionStarted)
        assert started.protocol == "smtps"
        assert built.book.message.tls_version == writer.get_extra_info("ssl_object").version()


@looped
async def test_implicit_tls_without_a_certificate_cannot_be() -> None:
    async with house(implicit_tls=True) as built:
        client = await built.connect()

        assert await client.rest() == b""
        assert (await built.over()).reason == "the port wants TLS, and there is no certificate"


async def under_tls(built: House) -> Client:
    client = await built.greeted()
    await client.ask("STARTTLS")
    await secured(client)
    return client


@pytest.mark.parametrize(
    ("how", "error"),
    [("fin", None), ("half", None), ("abort", None), ("reset", ConnectionResetError)],
)
@looped
async def test_the_ends_of_a_connection_under_tls(how: str, error: type[Exception] | None) -> None:
    async with house(tls=AUTHORITY.context) as built:
        client = await under_tls(built)
        built.play({"at": "any", "do": [{"reply": "450 no"}, {"close": how}]})
        await client.send(b"NOOP\r\n")

        if error is not None:
            with pytest.raises(error):
                await client.rest()
        else:
            assert await client.rest() == b"450 no\r\n"
        client.leave()
        await built.over()


@looped
async def test_a_client_that_never_answers_the_end_of_tls_leaves_nothing_behind() -> None:
    async with house(tls=AUTHORITY.context) as built:
        client = await under_tls(built)
        (session,) = built.server._sessions  # noqa: SLF001 - for its socket
        connection: socket.socket = session.wire.transport.get_extra_info("socket")
        client.reader._transport.pause_reading()  # type: ignore[attr-defined]  # noqa: SLF001 - it hears no goodbye
        await client.send(b"QUIT\r\n")
        await built.over()
        assert connection.fileno() != -1

        await built.server.close()

        assert connection.fileno() == -1


@looped
async def test_smtplib_over_everything() -> None:
    async with house(tls=AUTHORITY.context, users={"ann": "secret"}) as built:

        def send() -> None:
            with smtplib.SMTP("127.0.0.1", built.port, timeout=30) as smtp:
                smtp.starttls(context=trusting())
                smtp.login("ann", "secret")
                smtp.sendmail("ann@example.com", ["bob@example.com"], "Subject: hello\n\n.hello\n")

        await asyncio.to_thread(send)
        await built.over()

        assert built.book.message.raw == b"Subject: hello\r\n\r\n.hello\r\n"
        assert (built.book.message.user, built.book.ended.ending) == ("ann", Ending.QUIT)
