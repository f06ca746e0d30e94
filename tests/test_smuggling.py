"""SMTP smuggling: whatever looks like an end of the data and is none stays in the message, and is found.

RFC 5321, section 4.1.1.4: a server "MUST NOT" take anything but CRLF.CRLF for the end, "even in the name of improved
robustness".
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from mailtrap_py.events import Line, Message, Source
from mailtrap_py.scenario.evidence import Evidence
from mailtrap_py.scenario.findings import findings
from tests.fuzz.harness import Harness

ENDINGS = [
    ast.literal_eval(f'b"{each["octets"]}"')
    for each in yaml.safe_load((Path(__file__).with_name("smuggling") / "endings.yaml").read_text("utf-8"))
]
FIRST = b"From: <a@b.example>\r\nDate: Thu, 1 Jan 2026 12:00:00 +0000\r\nMessage-ID: <1@b.example>\r\n\r\none"
SECOND = b"MAIL FROM:<admin@victim.example>\r\nRCPT TO:<c@d.example>\r\nDATA\r\nSubject: smuggled\r\n\r\ntwo"
BEFORE = b"EHLO client.example\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\nDATA\r\n"
AFTER = b"\r\n.\r\nQUIT\r\n"


@pytest.fixture
def harness() -> Iterator[Harness]:
    made = Harness()
    yield made
    made.close()


def cuts(data: bytes) -> Iterator[list[bytes]]:
    """Cut it in every way that a reader could stumble over: not at all, in two at each place, into octets."""
    yield [data]
    yield [data[at : at + 1] for at in range(len(data))]
    first = data.index(b"one") + 1
    for at in range(first, data.index(SECOND) + 2):
        yield [data[:at], data[at:]]


@pytest.mark.parametrize("ending", ENDINGS)
def test_it_is_one_message_however_the_octets_arrive(harness: Harness, ending: bytes) -> None:
    content = FIRST + ending + SECOND
    # RFC 5321, section 4.5.2: the dot that begins a line is taken away, unless it is the line.
    kept = content.replace(b"\r\n.", b"\r\n") + b"\r\n"

    for pieces in cuts(BEFORE + content + AFTER):
        said = harness.run(0, pieces)
        messages = [event for event in harness.events if isinstance(event, Message)]
        assert [message.raw for message in messages] == [kept]
        assert said.count(b"\r\n354 ") == 1
        assert said.endswith(b"\r\n221 2.0.0 Bye\r\n")
        heard = [line.data for line in harness.events if isinstance(line, Line) and line.source is Source.CLIENT]
        assert not [line for line in heard if b"victim" in line]


@pytest.mark.parametrize("ending", [each for each in ENDINGS if each[:3] != b"\r\n " and each != b"\r\n..\r\n"])
def test_the_attempt_is_among_the_findings(harness: Harness, ending: bytes) -> None:
    harness.run(0, [BEFORE + FIRST + ending + SECOND + AFTER])
    found = {each.kind for each in findings(Evidence.gather(harness.events))}

    assert found & {
        *("smuggling", "bare-lf", "bare-cr", "dot-not-doubled", "control-characters", "eight-bit-not-declared"),
    }, found


def test_the_true_end_ends_it_even_where_it_follows_a_bare_cr(harness: Harness) -> None:
    harness.run(0, [BEFORE + FIRST + b"\r\r\n.\r\n" + SECOND + AFTER])
    messages = [event for event in harness.events if isinstance(event, Message)]

    assert [message.raw[-6:] for message in messages] == [b"one\r\r\n", b"\ntwo\r\n"]
