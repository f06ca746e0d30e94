"""Waiting for mail, in both homes."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from mailtrap_py import Mailtrap
from mailtrap_py.captured import Message
from mailtrap_py.handle import NotReceivedError, UnexpectedMessageError
from mailtrap_py.handle.waiting import seconds
from tests.connected import PATIENCE
from tests.homes import ANN, BOB, EVE, elsewhere, in_background, send, trap

__all__ = ["elsewhere", "trap"]  # fixtures


def has_code(message: Message) -> None:
    assert message.codes == ["482913"], "the code is another"


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({}, ["one", "two"]),
        ({"to": EVE}, ["two"]),
        ({"from_": "eve@*"}, ["two"]),
        ({"subject": "ON"}, ["one"]),
        ({"header": {"x-order": "4711"}}, ["one"]),
        ({"header": {"X-ORDER": "/^47/", "subject": "one"}}, ["one"]),
        ({"header": {"X-Order": "/^11/"}}, []),
        ({"header": {"X-None": "*"}}, []),
        ({"body": "CODE is"}, ["one"]),
        ({"body": "*nothing*"}, []),
        ({"match": lambda message: "o" in message.subject}, ["one", "two"]),
        ({"match": lambda message: message.size < 1}, []),
        ({"match": has_code}, ["one"]),
        ({"to": EVE, "match": lambda message: message.subject == "one"}, []),
    ],
)
def test_everything_that_is_said_has_to_fit(trap: Mailtrap, wanted: dict[str, object], found: list[str]) -> None:
    send(trap, BOB, subject="one", fields="X-Order: no 47\nX-Order: 4711\n", text="The code is 482913")
    send(trap, EVE, sender=EVE, subject="two")

    assert [message.subject for message in trap.find(**wanted)] == found  # type: ignore[arg-type]  # as said above
    if found:
        assert trap.wait_for(timeout=0, **wanted).subject == found[0]  # type: ignore[arg-type]  # the same
    else:
        trap.assert_none(**wanted)  # type: ignore[arg-type]  # the same


def test_what_cannot_be_asked_for_is_refused(trap: Mailtrap) -> None:
    with pytest.raises(TypeError, match="form_ cannot be asked for; there is to, from_"):
        trap.wait_for(form_=ANN)  # type: ignore[call-arg]  # that is the test
    with pytest.raises(ValueError, match="not a regular expression"):
        trap.wait_for(header={"Subject": "/(/"})


def test_a_wait_takes_seconds_and_durations(trap: Mailtrap) -> None:
    send(trap)

    for timeout in (0, 1.5, "500ms", "2s", "1m"):
        assert trap.wait_for(timeout=timeout).subject == "Hello"
    assert seconds("500ms") == 0.5
    with pytest.raises(ValueError, match="not a duration"):
        trap.wait_for(timeout="soon")


def test_a_message_that_comes_later_ends_the_wait(trap: Mailtrap) -> None:
    with in_background(lambda: trap.wait_for(to=EVE, header={"X-Order": "2"}, timeout=PATIENCE)) as waiting:
        send(trap, BOB)
        send(trap, EVE, fields="X-Order: 1\n")
        assert not waiting.done()
        send(trap, EVE, fields="X-Order: 2\n")


def test_after_leaves_out_what_came_before(trap: Mailtrap) -> None:
    for subject in ("one", "two", "three"):
        send(trap, subject=subject)
    first = trap.wait_for()

    assert trap.wait_for(after=first).subject == "two"
    assert [message.subject for message in trap.find(after=first)] == ["two", "three"]


def test_all_are_given_when_so_many_are_there(trap: Mailtrap) -> None:
    send(trap, EVE)
    with in_background(lambda: trap.wait_for_all(2, to=BOB, timeout=PATIENCE)) as waiting:
        send(trap, subject="one")
        send(trap, subject="two")

    messages = waiting.result()
    assert isinstance(messages, list)
    assert [message.subject for message in messages] == ["one", "two"]


def test_fewer_are_an_error(trap: Mailtrap) -> None:
    send(trap)

    with pytest.raises(NotReceivedError, match=r"2 messages with to 'bob@example.com' did not come within 0 s, only 1"):
        trap.wait_for_all(2, to=BOB, timeout=0)


def test_more_are_an_error(trap: Mailtrap) -> None:
    for subject in ("one", "two", "three"):
        send(trap, subject=subject)

    with pytest.raises(UnexpectedMessageError, match="more than 2 messages came") as caught:
        trap.wait_for_all(2)

    assert len(str(caught.value).splitlines()) == 4


def test_none_is_none(trap: Mailtrap) -> None:
    send(trap, EVE)

    trap.assert_none(to=BOB)
    trap.assert_none(to=BOB, within="10ms")
    with pytest.raises(UnexpectedMessageError, match=r"a message with to 'eve@example.com' came") as caught:
        trap.assert_none(to=EVE)

    assert "S: 221 " in str(caught.value)  # and how it came


def test_one_that_comes_in_time_is_not_none(trap: Mailtrap) -> None:
    def none() -> None:
        with pytest.raises(UnexpectedMessageError):
            trap.assert_none(within=PATIENCE)

    with in_background(none):
        send(trap)


def test_the_error_begins_with_the_nearest(trap: Mailtrap) -> None:
    send(trap, EVE, subject="Hello", fields="X-Order: 1\n")
    send(trap, BOB, subject="Hello", fields="X-Order: 2\n")
    trap.fail("rcpt", "550 5.1.1 No", to="joe@*", id="nobody")
    with pytest.raises(OSError, match="No"):
        send(trap, "joe@example.com")

    with pytest.raises(NotReceivedError) as caught:
        trap.wait_for(to=BOB, header={"X-Order": "1"}, body="Bye", match=has_code, timeout=0)

    lines = str(caught.value).splitlines()
    assert lines[:6] == [
        "no message with to 'bob@example.com', header X-Order '1', body 'Bye', match has_code came within 0 s",
        "2 came that were not meant:",
        f"  {trap.find(to=BOB)[0]!r}: header X-Order is '2', not '1'; the body has no 'Bye'",
        f"  {trap.find(to=EVE)[0]!r}: recipient is 'eve@example.com', not 'bob@example.com'; the body has no 'Bye'",
        "  rejected transaction from 'ann@example.com' to joe@example.com: 550 5.1.1 No [nobody]",
        "the last of 3 sessions:",
    ]
    assert any(line.endswith("S: 550 5.1.1 No   [nobody]") for line in lines)


def test_the_error_says_what_a_match_objected_to(trap: Mailtrap) -> None:
    send(trap, text="The code is 111111")

    with pytest.raises(NotReceivedError, match="match: the code is another"):
        trap.wait_for(match=has_code, timeout=0)
    with pytest.raises(NotReceivedError, match="match says no"):
        trap.wait_for(match=lambda _: False, timeout=0)


def test_a_long_conversation_is_cut(trap: Mailtrap) -> None:
    trap.fail("ehlo", *[{"note": f"note {number}"} for number in range(30)])
    send(trap)

    with pytest.raises(NotReceivedError, match="lines before") as caught:
        trap.wait_for(to=EVE, timeout=0)

    assert "the only session:" in str(caught.value)


def test_nobody_at_all_is_said(trap: Mailtrap) -> None:
    with pytest.raises(NotReceivedError, match=f"no client has connected to {trap.host}:{trap.port}"):
        trap.wait_for(timeout=0)


def test_who_stops_an_event_loop_is_told(trap: Mailtrap) -> None:
    async def wait() -> None:
        trap.wait_for(timeout=0)

    with pytest.raises(NotReceivedError, match="an event loop runs on this thread"):
        asyncio.run(wait())


def test_the_docs_name_what_can_be_asked_for() -> None:
    text = (Path(__file__).parents[1] / "docs" / "pytest.md").read_text("utf-8")

    assert [
        name for name in ("to", "from_", "subject", "header", "body", "match", "after") if f"`{name}" not in text
    ] == []
