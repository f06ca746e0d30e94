"""Replies as they are written in a scenario."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from mailtrap_py.events import Reply
from mailtrap_py.scenario.mistakes import Mistake
from mailtrap_py.scenario.replies import ReplyText, read_reply

READER: TypeAdapter[Reply] = TypeAdapter(ReplyText)


@pytest.mark.parametrize(
    ("written", "wire"),
    [
        ("450 4.2.1 Mailbox busy", b"450 4.2.1 Mailbox busy\r\n"),
        ("450", b"450 \r\n"),
        (450, b"450 \r\n"),
        ("550 4.7.1 real servers contradict themselves", b"550 4.7.1 real servers contradict themselves\r\n"),
        ("450 cuda_nsu 4.7.1 Barracuda", b"450 cuda_nsu 4.7.1 Barracuda\r\n"),
        ("552 1 Requested mail action aborted", b"552 1 Requested mail action aborted\r\n"),
        ("550-5.1.1 No such\n550 5.1.1 user\n", b"550-5.1.1 No such\r\n550 5.1.1 user\r\n"),
        ("550-5.1.1 No such\r\n550-5.1.1 user", b"550-5.1.1 No such\r\n550 5.1.1 user\r\n"),
        (["550 5.1.1 hyphens", "550 5.1.1 are set"], b"550-5.1.1 hyphens\r\n550 5.1.1 are set\r\n"),
        (["503-5.5.1 RCPT first", "503 A command was out of"], b"503-5.5.1 RCPT first\r\n503 A command was out of\r\n"),
        (["552-5.2.2 one", "552 5.3.4 other"], b"552-5.2.2 one\r\n552 5.3.4 other\r\n"),
        (["550-", "550 after an empty line"], b"550-\r\n550 after an empty line\r\n"),
        (["550-5.7.26", "550 5.7.26  DKIM = did not pass"], b"550-5.7.26 \r\n550 5.7.26  DKIM = did not pass\r\n"),
        ({"code": 450}, b"450 \r\n"),
        ({"code": 450, "lines": "Busy"}, b"450 Busy\r\n"),
        ({"code": 450, "enhanced": "4.2.1", "lines": ["Mailbox", "busy"]}, b"450-4.2.1 Mailbox\r\n450 4.2.1 busy\r\n"),
        ({"code": 450, "lines": "Mailbox\nbusy\n"}, b"450-Mailbox\r\n450 busy\r\n"),
        ({"code": 450, "lines": [12, True]}, b"450-12\r\n450 true\r\n"),
        ("450 zoë", "450 zoë\r\n".encode()),
        ("550 form\x0cfeed", b"550 form\x0cfeed\r\n"),
    ],
)
def test_what_is_written_is_what_is_sent(written: object, wire: bytes) -> None:
    reply = read_reply(written)

    assert reply.wire() == wire
    assert read_reply(READER.dump_python(reply, mode="json")).wire() == wire


def test_a_reply_is_taken_as_it_is() -> None:
    reply = Reply(0, raw=b"nonsense")

    assert read_reply(reply) is reply


@pytest.mark.parametrize(
    ("written", "problem", "path"),
    [
        ("Busy", "'Busy' is not a reply", ()),
        ("45 Busy", "'45 Busy' is not a reply", ()),
        ("4500 Busy", "'4500 Busy' is not a reply", ()),
        ("", "'' is not a reply", ()),
        (["550-one", "two"], "'two' is not a reply", ()),
        (["550-one", "551 two"], "the lines of a reply have one code", ()),
        ("999 No", "999 is not the code of a reply", ()),
        ("199 No", "199 is not the code of a reply", ()),
        ([], "a reply has at least one line", ()),
        (None, "nothing is not a text", ()),
        ({}, "a reply has a code", ()),
        ({"code": "450"}, "a reply has a code", ("code",)),
        ({"code": True}, "a reply has a code", ("code",)),
        ({"code": 600}, "600 is not the code of a reply", ("code",)),
        ({"code": 450, "enhanced": "4.10"}, "'4.10' is not an enhanced code", ("enhanced",)),
        ({"code": 450, "lines": []}, "a reply has at least one line", ("lines",)),
        ({"code": 450, "lines": [[]]}, "a list is not a text", ()),
        ({"code": 450, "text": "Busy"}, "unknown key 'text' in a reply", ("text",)),
    ],
)
def test_mistakes(written: object, problem: str, path: tuple[str, ...]) -> None:
    with pytest.raises(Mistake) as caught:
        read_reply(written)

    assert (caught.value.problem, caught.value.path) == (problem, path)


@given(st.lists(st.from_regex(r"[2-5][0-9]{2}[ -][ -~]*", fullmatch=True), min_size=1, max_size=3))
def test_whatever_is_read_is_sent_line_for_line(lines: list[str]) -> None:
    lines = [lines[0][:3] + line[3:] for line in lines]
    sent = read_reply(lines).wire().decode().splitlines()

    assert [line[4:].rstrip() for line in sent] == [line[4:].rstrip() for line in lines]
