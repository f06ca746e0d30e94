"""SMTP smuggling: what some servers take for the end of the content is a part of it here, to the octet."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from mailtrap_py.events import Message, Transaction
from mailtrap_py.scenario.evidence import Evidence
from mailtrap_py.scenario.findings import findings
from mailtrap_py.smtp.proxy import ProxySession
from tests.connected import House, house, looped
from tests.scripted import real

SEQUENCES: list[dict[str, Any]] = yaml.safe_load((Path(__file__).with_name("smuggling") / "sequences.yaml").read_text())
FIRST = b"From: <ann@example.com>\r\nSubject: first\r\n\r\ntext"
SECOND = b"MAIL FROM:<admin@example.com>\r\nRCPT TO:<bob@example.com>\r\nDATA\r\nSubject: forged\r\n\r\nforged"
BARE = ("Bare LF", "Bare CR", "lone dot")


def octets(sequence: dict[str, Any]) -> bytes:
    return str(sequence["octets"]).encode("latin-1")


def named(sequence: dict[str, Any]) -> str:
    return str(sequence["name"]).replace(" ", "-")


def bare(sequence: dict[str, Any]) -> bool:
    return bool(set(b"\r\n") & set(octets(sequence).replace(b"\r\n", b"")))


def unstuffed(content: bytes) -> bytes:
    return content.replace(b"\r\n.", b"\r\n")


async def sent(built: House, sequence: dict[str, Any], *, piece: int) -> None:
    client = await built.greeted(hello="HELO c")
    await client.ask("MAIL FROM:<ann@example.com>", "RCPT TO:<bob@example.com>", "DATA")
    wire = FIRST + octets(sequence) + SECOND + b"\r\n.\r\nQUIT\r\n"
    for begin in range(0, len(wire), piece):
        await client.send(wire[begin : begin + piece])
    await client.rest()
    client.leave()
    await built.over()


@pytest.mark.parametrize("piece", [1, 10_000])
@pytest.mark.parametrize("sequence", SEQUENCES, ids=named)
@looped
async def test_one_message_stays_one(sequence: dict[str, Any], piece: int) -> None:
    async with house() as built:
        await sent(built, sequence, piece=piece)

        (message,) = built.book.of(Message)
        assert message.raw == unstuffed(FIRST + octets(sequence) + SECOND + b"\r\n")
        assert len(built.book.of(Transaction)) == 1


@pytest.mark.parametrize("sequence", SEQUENCES, ids=named)
@looped
async def test_only_the_lenient_are_fooled(sequence: dict[str, Any]) -> None:
    async with house(lenient_line_ends=True) as built:
        await sent(built, sequence, piece=7)

        messages = [message.raw for message in built.book.of(Message)]
        assert len(messages) == (2 if sequence["lenient"] else 1)
        if sequence["lenient"]:
            assert messages[0].rstrip(b"\r\n") == FIRST
            assert messages[1] == SECOND.partition(b"DATA\r\n")[2] + b"\r\n"


@pytest.mark.parametrize("sequence", [one for one in SEQUENCES if bare(one)], ids=named)
@looped
async def test_what_has_bare_line_ends_is_found(sequence: dict[str, Any]) -> None:
    async with house() as built:
        await sent(built, sequence, piece=10_000)

        said = [str(finding) for finding in findings(Evidence.gather(built.book.events))]
        assert any(words in text for text in said for words in BARE), said


@looped
async def test_a_real_server_behind_is_told_of_one_message() -> None:
    async with real() as server, house(upstream=server.upstream()) as built:
        assert built.server._kind is ProxySession  # noqa: SLF001 - what is tested
        await sent(built, SEQUENCES[0], piece=10_000)

        assert server.contents == [FIRST + octets(SEQUENCES[0]) + SECOND + b"\r\n.\r\n"]
        assert len([line for line in server.heard if line.startswith(b"MAIL")]) == 1


def test_the_corpus_names_where_it_comes_from() -> None:
    assert len(SEQUENCES) >= 15
    assert all(sequence["known"] for sequence in SEQUENCES)
