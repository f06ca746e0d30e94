from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from dataclasses import replace

import pytest

from mailtrap_py.errors import SettingError, UpstreamError
from mailtrap_py.events import Reply
from mailtrap_py.smtp import upstream as upstream_module
from mailtrap_py.smtp.tls import Authority
from mailtrap_py.smtp.upstream import Connection, Security, Upstream
from tests.connected import looped, until
from tests.scripted import CLOSE, RESET, SILENCE, Answer, Real, dead_port, real

AUTHORITY = Authority(("127.0.0.1", "localhost"))
SHORT = 0.03


# Where it is


@pytest.mark.parametrize(
    ("text", "upstream", "shown"),
    [
        ("mail.example:25", Upstream("mail.example", 25), "mail.example:25"),
        ("smtp://mail.example:25", Upstream("mail.example", 25), "mail.example:25"),
        ("smtp://mail.example:25/", Upstream("mail.example", 25), "mail.example:25"),
        ("[::1]:2525", Upstream("::1", 2525), "[::1]:2525"),
        ("smtps://mail.example:465", Upstream("mail.example", 465, Security.TLS), "smtps://mail.example:465"),
        (
            "smtp+starttls://[::1]:587?verify=no",
            Upstream("::1", 587, Security.STARTTLS, verify=False),
            "smtp+starttls://[::1]:587",
        ),
        (
            "smtps://mail.example:465?verify=yes",
            Upstream("mail.example", 465, Security.TLS),
            "smtps://mail.example:465",
        ),
    ],
)
def test_an_address_is_read(text: str, upstream: Upstream, shown: str) -> None:
    assert Upstream.parse(text) == upstream
    assert str(upstream) == shown
    assert Upstream.parse(text, timeout=1).timeout == 1


@pytest.mark.parametrize(
    "text",
    [
        "",
        "mail.example",
        ":25",
        "mail.example:0",
        "mail.example:99999",
        "mail.example:smtp",
        "http://mail.example:25",
        "smtp://mail.example:25/path",
        "smtp://mail.example:25?verify=maybe",
        "smtp://mail.example:25?timeout=3",
        "smtp://ann:secret@mail.example:25",
        "smtp://ann@mail.example:25",
        "smtp://mail.example:25#here",
        "smtp://[::1:25",
        "[::1:25",
        "a..b:25",
        f"{'a' * 64}.example:25",
    ],
)
def test_what_is_no_address_is_explained(text: str) -> None:
    with pytest.raises(SettingError) as caught:
        Upstream.parse(text)

    assert caught.value.problem == f"{text!r} is not the address of a mail server"
    assert "HOST:PORT" in caught.value.cure


@pytest.mark.parametrize(("verify", "mode"), [(True, ssl.CERT_REQUIRED), (False, ssl.CERT_NONE)])
def test_certificates_are_checked_unless_told_otherwise(*, verify: bool, mode: ssl.VerifyMode) -> None:
    context = Upstream("mail.example", 465, Security.TLS, verify).context()

    assert (context.verify_mode, context.check_hostname) == (mode, verify)


# A conversation


async def connected(server: Real, security: Security = Security.NONE, patience: float = 5.0) -> Connection:
    return await Connection.connect(server.upstream(security, verify=False, timeout=patience), hostname="trap.test")


@looped
async def test_replies_are_kept_to_the_byte() -> None:
    odd = b"250-caf\xe9 \x00\r\n250-\r\n250- two  spaces \n250 \xc2\x85 end\r\n"
    async with real({"connect": [b"220-real\r\n220 ESMTP\r\n"], "NOOP": [odd]}) as server:
        connection = await connected(server)
        assert connection.greeting == Reply(220, "", ("real", "ESMTP"), raw=b"220-real\r\n220 ESMTP\r\n")

        reply = await connection.command(b"NOOP\r\n")
        assert (reply.raw, reply.code) == (odd, 250)
        assert reply.lines == ("caf\udce9 \x00", "", " two  spaces ", "\x85 end")
        connection.close()


@pytest.mark.parametrize(
    ("said", "code"),
    [
        (b"250 ok\r\n", 250),
        (b"250\r\n", 250),
        (b"250 ok\n", 250),
        (b"nonsense\r\n", 0),
        (b"\r\n", 0),
        (b"25\r\n", 0),
        (b"250-a\r\n550 b\r\n", 0),
        (b"250-a\r\nb\r\n", 0),
    ],
)
@looped
async def test_nonsense_is_passed_on_and_is_no_agreement(said: bytes, code: int) -> None:
    async with real({"NOOP": [said]}) as server:
        connection = await connected(server)
        reply = await connection.command(b"NOOP\r\n")

        assert (reply.code, reply.raw, reply.positive) == (code, said, code != 0)
        connection.close()


@looped
async def test_a_reply_that_comes_in_pieces() -> None:
    async with real({"NOOP": [b"250-fir", b"st\r\n25", b"0 last\r\n"]}) as server:
        connection = await connected(server)

        assert (await connection.command(b"NOOP\r\n" * 3)).raw == b"250-first\r\n250 last\r\n"
        connection.close()


# What goes wrong


@looped
async def test_nobody_there() -> None:
    upstream = Upstream("127.0.0.1", dead_port())
    with pytest.raises(UpstreamError) as caught:
        await Connection.connect(upstream, hostname="trap.test")

    assert str(caught.value) == f"{upstream} cannot be reached: Connection refused"


def hurry(connection: Connection) -> None:
    """Let it wait no longer than a short time, now that it is there."""
    connection._upstream = replace(connection._upstream, timeout=SHORT)  # noqa: SLF001


@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        (CLOSE, "closed the connection"),
        (RESET, "closed the connection"),
        ((b"250-half", CLOSE), "closed the connection"),
        ((b"250-half\r\n", CLOSE), "closed the connection"),
        (SILENCE, f"did not reply within {SHORT} s"),
        ((b"250-half\r\n", SILENCE), f"did not reply within {SHORT} s"),
        ((b"250 " + b"x" * 70_000, SILENCE), "sent a reply line of over 65536 octets"),
        (b"250-x\r\n" * 1001, "sent a reply of over 1000 lines"),
    ],
)
@pytest.mark.parametrize("at", ["connect", "NOOP"])
@looped
async def test_a_server_that_breaks_off_is_named(answer: Answer, complaint: str, at: str) -> None:
    async with real({at: [answer]}) as server:

        async def ask() -> None:
            silent = "did not" in complaint
            connection = await connected(server, patience=SHORT if silent and at == "connect" else 5.0)
            with contextlib.closing(connection):
                if silent:
                    hurry(connection)
                await connection.command(b"NOOP\r\n")

        with pytest.raises(UpstreamError) as caught:
            await ask()

        assert str(caught.value) == f"127.0.0.1:{server.port} {complaint}"


@looped
async def test_what_a_server_said_before_it_closed_is_read() -> None:
    async with real({"connect": [(b"220 hello\r\n421 4.3.2 too busy\r\n", CLOSE)]}) as server:
        connection = await connected(server)
        await until(lambda: not server.open)

        assert (await connection.command(b"x" * 100_000)).raw == b"421 4.3.2 too busy\r\n"
        connection.close()


@looped
async def test_a_server_that_reads_slowly_is_not_one_that_reads_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    # A large message takes longer than one time-out, and arrives all the same as long as it moves.
    size, got, passed = 1_000_000, 0, 0.0
    loop = asyncio.get_running_loop()
    really = loop.time
    monkeypatch.setattr(loop, "time", lambda: really() + passed)

    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal got, passed
        writer.write(b"220 slow\r\n")
        while got < size:
            got += len(await reader.read(65536))
            passed = got / size * 10
            await asyncio.sleep(0)
        writer.write(b"250 at last\r\n")
        await writer.drain()
        writer.close()

    listener = socket.create_server(("127.0.0.1", 0))
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)  # or the kernel would take it all at once
    listening = await asyncio.start_server(slow, sock=listener)
    upstream = Upstream("127.0.0.1", listener.getsockname()[1], timeout=3)
    connection = await Connection.connect(upstream, hostname="trap.test")

    connection._writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 8192)  # noqa: SLF001

    assert (await connection.command(b"x" * size)).code == 250
    await over(listening, connection)


@looped
async def test_a_server_that_reads_nothing() -> None:
    enough = asyncio.Event()

    async def deaf(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 deaf\r\n")
        await enough.wait()
        writer.transport.abort()

    listening = await asyncio.start_server(deaf, "127.0.0.1", 0)
    upstream = Upstream("127.0.0.1", listening.sockets[0].getsockname()[1])
    connection = await Connection.connect(upstream, hostname="trap.test")
    hurry(connection)
    with pytest.raises(UpstreamError, match=r"did not read for 0\.03 s"):
        await connection.command(b"x" * 30_000_000)
    enough.set()
    await over(listening, connection)


async def over(listening: asyncio.Server, connection: Connection) -> None:
    """Close both, and wait until the server has noticed."""
    connection.close()
    listening.close()
    await until(lambda: len(asyncio.all_tasks()) == 1)


@looped
async def test_a_connection_that_is_not_taken() -> None:
    # A queue of one is full when one is in it: the kernel answers the next one not at all.
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        with contextlib.ExitStack() as stack:
            for _ in range(4):
                waiting = stack.enter_context(socket.socket())
                waiting.setblocking(False)  # noqa: FBT003 - the standard library's signature
                waiting.connect_ex(listener.getsockname())
            upstream = Upstream("127.0.0.1", listener.getsockname()[1], timeout=SHORT)
            with pytest.raises(UpstreamError, match=r"did not take the connection within 0\.03 s"):
                await Connection.connect(upstream, hostname="trap.test")


# Under TLS


@pytest.mark.parametrize("security", [Security.TLS, Security.STARTTLS])
@looped
async def test_under_tls(security: Security) -> None:
    implicit = security is Security.TLS
    async with real(tls=AUTHORITY.context(), implicit=implicit) as server:
        connection = await connected(server, security)

        assert (await connection.command(b"NOOP\r\n")).code == 250
        assert server.heard == [b"NOOP\r\n"] if implicit else [b"EHLO trap.test\r\n", b"STARTTLS\r\n", b"NOOP\r\n"]
        assert connection._writer.get_extra_info("ssl_object") is not None  # noqa: SLF001 - nothing else shows it
        connection.close()


@looped
async def test_a_certificate_that_is_not_trusted() -> None:
    for security, problem in ((Security.TLS, "cannot be reached"), (Security.STARTTLS, "TLS with")):
        async with real(tls=AUTHORITY.context(), implicit=security is Security.TLS) as server:
            with pytest.raises(UpstreamError, match="certificate verify failed") as caught:
                await Connection.connect(server.upstream(security), hostname="trap.test")
            assert problem in str(caught.value)


@looped
async def test_a_server_that_refuses_starttls() -> None:
    async with real({"STARTTLS": [b"454-not\r\n454 now\r\n"]}) as server:
        with pytest.raises(UpstreamError) as caught:
            await connected(server, Security.STARTTLS)

        assert str(caught.value) == (f"smtp+starttls://127.0.0.1:{server.port} refused STARTTLS: 454-not 454 now")


@looped
async def test_a_server_that_stalls_in_the_handshake() -> None:
    async with real({"STARTTLS": [(b"220 go\r\n", SILENCE)]}) as server:
        with pytest.raises(UpstreamError, match=r"TLS with .* failed: no answer within 0\.03 s"):
            await connected(server, Security.STARTTLS, patience=SHORT)


@looped
async def test_what_is_said_in_clear_behind_starttls_is_not_believed_under_tls() -> None:
    async with real({"STARTTLS": [b"220 go\r\n250 injected\r\n"]}, tls=AUTHORITY.context()) as server:
        with pytest.raises(UpstreamError, match="said more in clear behind its reply to STARTTLS"):
            await connected(server, Security.STARTTLS)


@looped
async def test_a_server_that_greets_with_a_refusal_is_not_asked_for_tls() -> None:
    async with real({"connect": [b"554 no\r\n"]}) as server:
        connection = await connected(server, Security.STARTTLS)

        assert (connection.greeting.code, server.heard) == (554, [])
        connection.close()


def test_limits_are_far_beyond_what_servers_say() -> None:
    # RFC 5321, section 4.5.3.1.5: 512 octets of a reply line.
    assert upstream_module.MAX_REPLY_LINE > 512
    assert upstream_module.MAX_REPLY_LINES >= 100
