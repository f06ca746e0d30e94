from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

import pytest

from mailtrap_py.captured import Message, Session
from mailtrap_py.events import Ending, Line, SessionEnded, SessionUpdated, Source
from mailtrap_py.store import Query, Store
from tests.served import OCTOBER, RICH, accepted, mail, rejected, started


@pytest.fixture
def store() -> Iterator[Store]:
    with contextlib.closing(Store()) as store:
        yield store


def stored(store: Store, raw: bytes = RICH, name: str = "m") -> Message:
    """Write a message and its session down, and look at it."""
    message = mail(raw, name=name)
    store.add(started())
    store.add(message)
    store.add(accepted(message))
    summary = store.message(name)
    assert summary is not None
    return Message(summary, store)


def said(store: Store, *lines: Line) -> str:
    """Write a session's lines down, and give its transcript."""
    store.add(started())
    for line in lines:
        store.add(line)
    return look(store).transcript


def look(store: Store) -> Session:
    facts = store.session("s1")
    assert facts is not None
    return Session(facts, store)


def line(source: Source, data: bytes, *, after: float = 0.0, **other: object) -> Line:
    values = {"session_id": "s1", "number": 1, "clock": OCTOBER, **other}
    return Line(at=OCTOBER + after, source=source, data=data, **values)  # type: ignore[arg-type]  # as given above


# -- messages


def test_the_header_is_read(store: Store) -> None:
    message = stored(store, RICH.replace(b"Date:", b"Cc: Eve <eve@example.com>\r\nDate:"))

    assert message.subject == "Grüße"
    assert message.from_ == "Ann <ann@example.com>"
    assert message.to == "bob@example.com"
    assert message.cc == "Eve <eve@example.com>"
    assert message.message_id == "1@example.com"
    assert message.header("SUBJECT") == "Grüße"
    assert message.header("X-None") == ""
    assert [name for name, _ in message.headers] == [
        "From", "To", "Subject", "Cc", "Date", "Message-ID", "MIME-Version", "Content-Type",
    ]  # fmt: skip


def test_the_envelope_is_not_the_header(store: Store) -> None:
    envelope = stored(store).envelope

    assert envelope.reverse_path == "bounce@example.com"
    assert envelope.recipients == ("bob@example.com",)
    assert tuple(envelope) == ("bounce@example.com", ("bob@example.com",))


def test_it_tells_how_it_came(store: Store) -> None:
    message = stored(store)

    assert (message.id, message.at) == ("m", OCTOBER)
    assert (message.tls, message.user, message.helo) == ("TLSv1.3", "ann", "app")


def test_the_octets_are_exact(store: Store) -> None:
    raw = b"Subject: a\nb\r\r\n\0\xff"
    message = stored(store, raw)

    assert message.raw == message.view.raw == raw
    assert message.size == len(raw)


def test_the_parts_are_read(store: Store) -> None:
    message = stored(store)

    assert message.text.strip() == "Your code is 482913: https://example.com/confirm"
    assert message.html.startswith("<p onclick")
    assert message.links == ["https://example.com/confirm"]
    assert message.codes == ["482913"]
    assert [part.filename for part in message.attachments] == ['€".html', ""]
    assert message.attachments[0].data == b"\xff\x3c"


def test_lists_that_are_given_out_may_be_changed(store: Store) -> None:
    message = stored(store)
    for given in (message.headers, message.links, message.codes):
        given.clear()

    assert message.headers
    assert message.links
    assert message.codes


@pytest.mark.parametrize("raw", [b"", b"\0", b"no header at all", RICH[:-20], b"Content-Type: multipart/mixed\r\n\r\n"])
def test_reading_a_broken_one_does_not_raise(store: Store, raw: bytes) -> None:
    message = stored(store, raw)

    for name in ("subject", "cc", "message_id", "headers", "text", "html", "links", "codes", "attachments"):
        getattr(message, name)
    assert message.raw == raw


def test_the_octets_of_a_deleted_one_cannot_be_had(store: Store) -> None:
    message = stored(store)
    store.delete_message("m")

    assert message.subject == "Grüße"
    with pytest.raises(LookupError, match="message m has been deleted"):
        assert message.raw


def test_octets_that_were_read_stay(store: Store) -> None:
    message = stored(store)
    assert message.raw == RICH
    store.delete_messages(Query())

    assert message.text.startswith("Your code")


def test_its_session_is_at_hand_until_it_is_deleted(store: Store) -> None:
    message = stored(store)
    assert message.session.id == "s1"

    store.clear()

    with pytest.raises(LookupError, match="session s1 has been deleted"):
        assert message.session.id


def test_a_message_shows_what_tells_it_from_others(store: Store) -> None:
    assert repr(stored(store)) == "<Message 'Grüße' from 'bounce@example.com' to bob@example.com>"


def test_messages_are_equal_when_they_are_the_same_mail(store: Store) -> None:
    one, copy = stored(store), stored(store, name="n")
    other = stored(store, RICH.replace(b"482913", b"482914"), name="o")
    again = Message(one.summary, store)

    assert one == again == copy
    assert one != other
    assert one != "m"
    assert len({one, again, copy}) == 1


def test_the_octets_of_one_that_is_the_same_are_not_needed(store: Store) -> None:
    one = stored(store)
    again = Message(one.summary, store)
    store.delete_message("m")

    assert one == again


def test_how_two_messages_differ_is_told_line_by_line(store: Store) -> None:
    one = stored(store)
    store.add(mail(RICH.replace(b"482913", b"482914"), name="n", to="eve@example.com"))
    summary = store.message("n")
    assert summary is not None

    assert one.differences(Message(summary, store)) == [
        "recipients: ('bob@example.com',) != ('eve@example.com',)",
        "- Your code is 482913: https://example.com/confirm",
        "?                   ^",
        "+ Your code is 482914: https://example.com/confirm",
        "?                   ^",
    ]
    assert one.differences(one) == []


@pytest.mark.parametrize(
    ("raw", "get", "found"),
    [
        (RICH, lambda message: message.link("/confirm"), "https://example.com/confirm"),
        (RICH, lambda message: message.link(), "https://example.com/confirm"),
        (RICH, lambda message: message.code(), "482913"),
        (RICH, lambda message: message.attachment("*.html").data, b"\xff\x3c"),
        (RICH, lambda message: message.attachment("/html$/").data, b"\xff\x3c"),
    ],
)
def test_the_only_one_is_given(store: Store, raw: bytes, get: Callable[[Message], object], found: object) -> None:
    assert get(stored(store, raw)) == found


@pytest.mark.parametrize(
    ("get", "said"),
    [
        (
            lambda message: message.link("/reset"),
            "no link that fits '/reset'; there is:\n  https://example.com/confirm",
        ),
        (lambda message: message.attachment(), '2 attachments\n  €".html\n  (without a name)'),
        (lambda message: message.attachment("*.pdf"), "no attachment that fits '*.pdf'; there is:\n  €\".html"),
    ],
)
def test_none_or_several_are_an_error_that_lists_them(
    store: Store, get: Callable[[Message], object], said: str
) -> None:
    with pytest.raises(AssertionError) as caught:
        get(stored(store))

    assert str(caught.value).startswith(f"the message has {said}")


def test_where_there_is_nothing_the_error_is_short(store: Store) -> None:
    with pytest.raises(AssertionError) as caught:
        stored(store, b"Subject: Hello\r\n\r\nHello\r\n").code()

    assert str(caught.value) == "the message has no code"


# -- sessions


def test_a_session_tells_what_is_known_of_it(store: Store) -> None:
    store.add(started())
    session = look(store)
    assert (session.id, session.helo, session.user, session.tls, session.ending) == ("s1", "", "", "", "")
    assert repr(session) == "<Session 1 of 127.0.0.1, open>"

    store.add(
        SessionUpdated(
            id="s1",
            inbox="default",
            helo="app",
            esmtp=True,
            tls_version="TLSv1.3",
            tls_cipher="",
            user="ann",
            mechanism="PLAIN",
        )
    )
    store.add(SessionEnded(id="s1", inbox="default", at=OCTOBER, clock=OCTOBER, ending=Ending.QUIT))
    session = look(store)

    assert (session.helo, session.user, session.tls, session.ending) == ("app", "ann", "TLSv1.3", "quit")
    assert repr(session) == "<Session 1 of 127.0.0.1, quit>"


def test_a_session_has_its_transactions_and_no_others(store: Store) -> None:
    store.add(started())
    store.add(rejected(mail()))
    store.add(accepted(mail()))
    store.add(accepted(mail(session="s2")))

    assert look(store).transactions.outcomes == ["rejected", "accepted"]


def test_a_session_has_its_lines(store: Store) -> None:
    lines = [line(Source.SERVER, b"220 ready\r\n"), line(Source.CLIENT, b"QUIT\r\n", number=2)]
    said(store, *lines)

    assert look(store).lines == lines


# -- transcripts


def test_a_transcript_tells_when_who_and_what(store: Store) -> None:
    assert said(
        store,
        line(Source.SERVER, b"220 ready\r\n"),
        line(Source.CLIENT, b"RCPT TO:<bob@example.com>\r\n", number=2, after=0.25),
        line(Source.SERVER, b"450 4.2.0 Busy\r\n", number=3, after=0.5, rule="busy"),
        line(Source.CONTENT, b"Subject: Hello\r\n", number=4, after=2.0, octets=19),
        line(Source.NOTE, b"the client has gone", number=5, after=100.0),
    ).splitlines() == [
        "   0.000 S: 220 ready",
        "   0.250 C: RCPT TO:<bob@example.com>",
        "   0.500 S: 450 4.2.0 Busy   [busy]",
        "   2.000 C: (19 octets of content)",
        " 100.000 -- the client has gone",
    ]


def test_the_lines_of_a_reply_stand_below_each_other(store: Store) -> None:
    assert said(store, line(Source.SERVER, b"250-mx\r\n250-SIZE\r\n250 HELP\r\n")).splitlines() == [
        "   0.000 S: 250-mx",
        "            250-SIZE",
        "            250 HELP",
    ]


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        (b"AUTH PLAIN AGFubgBzZWNyZXQ=\r\n", "AUTH PLAIN ***"),
        (b"auth plain AGFubgBzZWNyZXQ= more\r\n", "auth plain ***"),
        (b"AUTH LOGIN\r\n", "***"),
        (b"AGFubgBzZWNyZXQ=\r\n", "***"),
        (b"two words AGFubgBzZWNyZXQ=\r\n", "***"),
        (b"\r\n", ""),
    ],
)
def test_secrets_are_masked(store: Store, sent: bytes, shown: str) -> None:
    assert said(store, line(Source.CLIENT, sent, secret=True)) == f"   0.000 C: {shown}"


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        (b"NOOP \x1b[31m\x07\r\n", r"NOOP \x1b[31m\x07"),
        (b"NOOP a\tb\0\r\n", r"NOOP a\tb\x00"),
        ("NOOP \u202e\u2028ü\r\n".encode(), r"NOOP \u202e\u2028ü"),
        (b"NOOP \xff\r\n", "NOOP \ufffd"),
        (b"NOOP\n   0.000 S: 250 Ok\r\n", r"NOOP\n   0.000 S: 250 Ok"),
        (b"NOOP\rRSET\r\n", r"NOOP\rRSET"),
        (b"NOOP 'a' \"b\" \\\r\n", "NOOP 'a' \"b\" \\"),
    ],
)
def test_control_characters_are_shown_and_not_obeyed(store: Store, sent: bytes, shown: str) -> None:
    assert said(store, line(Source.CLIENT, sent)) == f"   0.000 C: {shown}"
