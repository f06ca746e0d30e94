from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailtrap_py.events import Event, Point, Recipient, Reply


@pytest.mark.parametrize(
    ("text", "reply"),
    [
        ("250 2.1.0 Ok", Reply(250, "2.1.0", ("Ok",))),
        ("250 Ok", Reply(250, "", ("Ok",))),
        ("250", Reply(250)),
        ("250 ", Reply(250)),
        ("250 2.0.0", Reply(250, "2.0.0")),
        ("450 4.2 Busy", Reply(450, "", ("4.2 Busy",))),
        ("450 3.2.1 Busy", Reply(450, "", ("3.2.1 Busy",))),
        ("450 4.2.1234 Busy", Reply(450, "", ("4.2.1234 Busy",))),
        ("450 4.2.1- Busy", Reply(450, "", ("4.2.1- Busy",))),
        ("250-a\n250 b", Reply(250, "", ("a", "b"))),
        ("250-a\r\n250 b\r\n", Reply(250, "", ("a", "b"))),
        ("550-5.7.1 No\n550 5.7.1 never", Reply(550, "5.7.1", ("No", "never"))),
        ("550 caf\u00e9 \U0001f4e7", Reply(550, "", ("caf\u00e9 \U0001f4e7",))),
        ("550 a\x0bb\x0cc\x1cd\x85e\u2028f\rg", Reply(550, "", ("a\x0bb\x0cc\x1cd\x85e\u2028f\rg",))),
    ],
)
def test_a_reply_is_read(text: str, reply: Reply) -> None:
    assert Reply.parse(text) == reply


@pytest.mark.parametrize("text", ["", "25", "2500", "abc", "250ok", "ok 250", "250 a\n251 b", "250 a\n\n250 b", " 250"])
def test_what_is_no_reply_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not a reply: write a code of three digits and a text"):
        Reply.parse(text)


@pytest.mark.parametrize(
    ("reply", "wire"),
    [
        (Reply(250, "2.0.0", ("Ok",)), b"250 2.0.0 Ok\r\n"),
        (Reply(354, "", ("go on",)), b"354 go on\r\n"),
        (Reply(550, "5.7.1", ("No", "never", "")), b"550-5.7.1 No\r\n550-5.7.1 never\r\n550 5.7.1 \r\n"),
        (Reply(250, "", ("caf\u00e9",)), "250 caf\u00e9\r\n".encode()),
        (Reply(250, "", ("\udcff",)), b"250 \xff\r\n"),
        (Reply(250, "2.0.0", ("Ok",), raw=b"25"), b"25"),
    ],
)
def test_a_reply_on_the_wire(reply: Reply, wire: bytes) -> None:
    assert reply.wire() == wire


def test_a_reply_for_people() -> None:
    reply = Reply(550, "5.7.1", ("No", "never"))

    assert str(reply) == "550-5.7.1 No\r\n550 5.7.1 never"
    assert reply.text == "No\nnever"
    assert str(Reply(0, raw=b"\xff\r\n")) == "\ufffd"


@pytest.mark.parametrize(("code", "positive"), [(211, True), (250, True), (354, True), (421, False), (550, False)])
def test_2yz_and_3yz_are_positive(code: int, *, positive: bool) -> None:
    assert Reply(code).positive is positive


_LINES = st.lists(st.text(st.characters(exclude_characters="\n", exclude_categories=["Cs"])), min_size=1)


@given(st.integers(200, 599), st.sampled_from(["", "2.0.0", "5.7.26"]), _LINES)
def test_what_was_written_reads_the_same(code: int, enhanced: str, lines: list[str]) -> None:
    # "text", because an enhanced code that begins the text cannot be told from the real one.
    reply = Reply(code, enhanced, tuple(f"text {line}" for line in lines))

    assert Reply.parse(reply.wire().decode()) == reply


def test_a_recipient_is_accepted_when_its_reply_is_positive() -> None:
    assert Recipient(address="a@b", reply=Reply(251)).accepted
    assert not Recipient(address="a@b", reply=Reply(450)).accepted


def test_events_are_values() -> None:
    event = Event(point=Point.RCPT, recipient="a@b")

    assert event == Event(point=Point.RCPT, recipient="a@b")
    assert (event.reverse_path, event.recipients, event.content) == (None, (), b"")
    with pytest.raises(AttributeError, match="immutable"):
        event.recipient = "c@d"  # type: ignore[misc]


def test_points_are_spelled_as_in_scenarios() -> None:
    assert " ".join(Point) == (
        "connect tls ehlo starttls auth mail rcpt data content message rset noop vrfy quit unknown idle any upstream"
    )
