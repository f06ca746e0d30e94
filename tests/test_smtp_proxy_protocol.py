"""The PROXY protocol, by the examples of its specification and by what is nearly right."""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
from typing import Any

import pytest

from mailtrap_py.events import ClientKnown, Ending, SessionStarted
from mailtrap_py.smtp import proxy_protocol
from mailtrap_py.smtp.proxy_protocol import BadHeader, read_v1, read_v2
from mailtrap_py.smtp.tls import Authority
from tests.connected import GREETING, house, looped

AUTHORITY = Authority(("localhost", "127.0.0.1"))
LOOPBACK = ("127.0.0.0/8",)
SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"
V4 = bytes([192, 0, 2, 7, 127, 0, 0, 1]) + struct.pack("!HH", 4711, 25)
V6 = b"\x20\x01\x0d\xb8" + b"\0" * 11 + b"\x07" + b"\0" * 15 + b"\x01" + struct.pack("!HH", 4711, 25)


def v2(body: bytes = V4, *, command: int = 0x21, family: int = 0x11) -> bytes:
    return SIGNATURE + struct.pack("!BBH", command, family, len(body)) + body


@pytest.mark.parametrize(
    ("line", "client"),
    [
        (b"PROXY TCP4 192.0.2.7 127.0.0.1 4711 25\r\n", ("192.0.2.7", 4711)),
        (b"PROXY TCP6 2001:db8::7 ::1 4711 25\r\n", ("2001:db8::7", 4711)),
        (b"PROXY UNKNOWN\r\n", None),
        (b"PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535\r\n", None),
    ],
)
def test_version_1(line: bytes, client: tuple[str, int] | None) -> None:
    assert read_v1(line) == client


@pytest.mark.parametrize(
    "line",
    [
        b"PROXY TCP4 192.0.2.7 127.0.0.1 4711 25\n",
        b"PROXY TCP4 192.0.2.7 127.0.0.1 4711\r\n",
        b"PROXY TCP4 192.0.2.7 127.0.0.1 4711 70000\r\n",
        b"PROXY TCP4 192.0.2.7 127.0.0.1 x 25\r\n",
        b"PROXY TCP4 2001:db8::7 ::1 4711 25\r\n",
        b"PROXY TCP4 here there 4711 25\r\n",
        b"PROXY UDP4 192.0.2.7 127.0.0.1 4711 25\r\n",
        b"PROXY UNKNOWN " + b"x" * 100 + b"\r\n",
        b"EHLO c\r\n",
        b"PROXY\r\n",
    ],
)
def test_what_is_no_header_of_version_1(line: bytes) -> None:
    with pytest.raises(BadHeader):
        read_v1(line)


def test_version_2() -> None:
    assert read_v2(0x21, 0x11, V4 + b"\x04\0\1x") == ("192.0.2.7", 4711)
    assert read_v2(0x21, 0x21, V6) == ("2001:db8::7", 4711)
    assert read_v2(0x20, 0x11, b"") is None
    assert read_v2(0x21, 0x00, b"") is None
    assert read_v2(0x21, 0x31, b"\0" * 216) is None


@pytest.mark.parametrize(("command", "body"), [(0x22, V4), (0x11, V4), (0x21, V4[:11])])
def test_what_is_no_header_of_version_2(command: int, body: bytes) -> None:
    with pytest.raises(BadHeader):
        read_v2(command, 0x11, body)


@pytest.mark.parametrize("header", [b"PROXY TCP4 192.0.2.7 127.0.0.1 4711 25\r\n", v2(), v2(V4 + b"\x04\0\1x")])
@looped
async def test_the_client_is_the_one_that_the_header_names(header: bytes) -> None:
    async with house(proxy_protocol=LOOPBACK) as built:
        built.play({"at": "connect", "when": {"client": "192.0.2.0/24"}, "do": [{"reply": "554 5.7.1 Not you"}]})
        client = await built.connect()
        for number in range(len(header)):
            await client.send(header[number : number + 1])
            await asyncio.sleep(0)

        assert await client.hear() == "554 5.7.1 Not you"
        (known,) = built.book.of(ClientKnown)
        assert (known.client, known.client_port) == ("192.0.2.7", 4711)
        assert built.book.of(SessionStarted)[0].client == "127.0.0.1"
        assert built.book.notes[0] == "the PROXY header says that the client is 192.0.2.7, port 4711"


@looped
async def test_a_message_is_from_that_client() -> None:
    async with house(proxy_protocol=LOOPBACK) as built:
        client = await built.connect()
        await client.send(v2() + b"HELO c\r\n")
        assert [await client.hear(), await client.hear()] == [GREETING.decode().strip(), "250 mailtrap.localhost"]
        await client.mail()

        assert built.book.message.client == "192.0.2.7"


@pytest.mark.parametrize("header", [b"PROXY UNKNOWN\r\n", v2(b"", command=0x20, family=0)])
@looped
async def test_a_header_may_say_nothing(header: bytes) -> None:
    async with house(proxy_protocol=LOOPBACK) as built:
        client = await built.connect()
        await client.send(header)

        assert (await client.hear()).startswith("220")
        assert built.book.of(ClientKnown) == []


@pytest.mark.parametrize(
    "header",
    [b"EHLO c\r\n", b"\r\n\r\nNO\r\n", v2(V4[:5]), b"x" * 13_000 + b"\r\n", b"\r\n\r\n\x00\r\nQUIT\r"],
)
@looped
async def test_without_a_header_the_connection_is_broken(header: bytes) -> None:
    async with house(proxy_protocol=LOOPBACK) as built:
        client = await built.connect()
        await client.send(header)
        ended = await built.over()

        assert ended.ending is Ending.SERVER_CLOSED
        assert "no header of the PROXY protocol" in ended.reason
        assert "PROXY protocol" in built.book.notes[-1]


@looped
async def test_the_header_is_not_waited_for_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proxy_protocol, "PATIENCE", 0.02)
    async with house(proxy_protocol=LOOPBACK) as built:
        client = await built.connect()
        ended = await built.over()

        assert ended.reason == "no header of the PROXY protocol came in 0.02 s"
        client.leave()


@looped
async def test_who_is_not_trusted_is_not_believed() -> None:
    async with house(proxy_protocol=("192.0.2.1/32",)) as built:
        client = await built.greeted()

        assert (await client.ask("PROXY TCP4 192.0.2.7 127.0.0.1 4711 25")).startswith("500")


@looped
async def test_the_header_comes_before_tls() -> None:
    context = ssl.create_default_context(cadata=AUTHORITY.pem.decode())

    def talk(port: int, sent: list[Any]) -> bytes:
        with socket.create_connection(("127.0.0.1", port), timeout=30) as plain:
            plain.sendall(v2())
            with context.wrap_socket(plain, server_hostname="localhost") as secure:
                sent.append(secure.version())
                return secure.recv(100)

    async with house(proxy_protocol=LOOPBACK, implicit_tls=True, tls=AUTHORITY.context) as built:
        sent: list[Any] = []

        assert await asyncio.to_thread(talk, built.port, sent) == GREETING
        assert built.book.of(ClientKnown)[0].client == "192.0.2.7"
        assert sent == ["TLSv1.3"]
