from __future__ import annotations

import pytest
from msgspec.structs import replace

from mailtrap_py.events import (
    Ending,
    Firing,
    Line,
    Message,
    Outcome,
    Point,
    SessionEnded,
    SessionUpdated,
    Source,
    Transaction,
)
from mailtrap_py.web.ui_sessions import outcome, rows
from tests.served import OCTOBER, Served, accepted, mail, rejected, started

LOST = "Stored, but the 250 was never sent: the client does not know."


def line(at: float, source: Source, data: bytes, *, rule: str = "", secret: bool = False) -> Line:
    return Line(
        session_id="s1",
        number=round(at * 1000) + 1,
        at=OCTOBER + at,
        clock=OCTOBER + at,
        source=source,
        data=data,
        rule=rule,
        secret=secret,
        octets=99,
    )


TRANSCRIPT = [
    line(0, Source.SERVER, b"220 ready\r\n"),
    line(0.01, Source.CLIENT, b"EHLO <b>app</b>\r\n"),
    line(2.5, Source.SERVER, b"250-one\r\n250 two\r\n", rule="slow"),
    line(2.51, Source.CLIENT, b"AUTH PLAIN AGFubgBzZWNyZXQ=\r\n", secret=True),
    line(2.52, Source.CLIENT, b"AGFubgBzZWNyZXQ=\r\n", secret=True),
    line(2.53, Source.CLIENT, b"NOOP\n"),
    line(2.54, Source.SERVER, b"25"),
    line(2.55, Source.NOTE, b"TLSv1.3"),
    line(2.56, Source.CONTENT, b""),
    line(2.57, Source.CLIENT, b"RCPT TO:<\xff\0>\r\n"),
]
FIRED = Firing(
    session_id="s1",
    transaction_id="",
    inbox="default",
    at=OCTOBER + 0.02,
    clock=OCTOBER,
    point=Point.EHLO,
    rule="slow",
    number=1,
    actions=("delay: 2s", "reply: 250 <two>"),
)


def filled(served: Served) -> None:
    served.store.add(started())
    for each in TRANSCRIPT:
        served.store.add(each)
    served.store.add(FIRED)


def test_rows_are_in_order_of_time_with_rules_and_the_end_among_them() -> None:
    with Served.open() as served:
        filled(served)
        served.store.add(
            SessionEnded(
                id="s1",
                inbox="default",
                at=OCTOBER + 3,
                clock=OCTOBER,
                ending=Ending.SERVER_RESET,
                reason="a rule closed it",
            )
        )
        session = served.store.session("s1")
        assert session is not None
        shown = rows(session, served.store.transcript("s1"), served.store.firings())
    assert [row.number for row in shown] == [1, 11, 0, 2501, 2511, 2521, 2531, 2541, 2551, 2561, 2571, 0]
    assert [(row.source, row.lines, row.ended, row.rule) for row in shown] == [
        ("server", ("220 ready",), True, ""),
        ("client", ("EHLO <b>app</b>",), True, ""),
        ("rule", ("delay: 2s, reply: 250 <two>",), True, "slow"),
        ("server", ("250-one", "250 two"), True, "slow"),
        ("client", ("AUTH PLAIN ********",), True, ""),
        ("client", ("********",), True, ""),
        ("client", ("NOOP␊",), False, ""),
        ("server", ("25",), False, ""),
        ("note", ("TLSv1.3",), True, ""),
        ("content", ("99 octets of message",), True, ""),
        ("client", ("RCPT TO:<ÿ␀>",), True, ""),
        ("end", ("server-reset: a rule closed it",), True, ""),
    ]
    assert [round(row.pause, 2) for row in shown if row.pause] == [2.48]
    assert round(shown[-1].offset, 2) == 3


STORED = accepted(mail())


@pytest.mark.parametrize(
    ("transaction", "kind", "words"),
    [
        (STORED, "good", "Stored, and the client was told so."),
        (replace(STORED, acknowledged=False, reply=None), "doubtful", LOST),
        (replace(STORED, message_id=""), "doubtful", "Not stored, although the client was told that it was."),
        (rejected(mail()), "bad", "Refused."),
        (replace(rejected(mail()), outcome=Outcome.ABORTED), "bad", "Broken off before it was complete."),
    ],
)
def test_what_became_of_a_transaction(transaction: Transaction, kind: str, words: str) -> None:
    assert outcome(transaction) == (kind, words)


def test_a_session_is_shown_word_by_word_without_its_secrets() -> None:
    message = mail()
    lost = replace(accepted(message), acknowledged=False, reply=None, reason="rule lost-250 closed the connection")
    with Served.open() as served:
        filled(served)
        served.keep(message)
        served.store.add(lost)
        served.store.add(rejected(mail(b"Subject: refused\r\n\r\n")))
        served.store.add(
            SessionUpdated(
                id="s1",
                inbox="default",
                helo="<b>app</b>",
                esmtp=True,
                tls_version="TLSv1.3",
                tls_cipher="TLS_AES",
                user="ann",
                mechanism="PLAIN",
            )
        )
        page = served.ask("GET", "/sessions/s1").text
    for shown in (
        "EHLO &lt;b&gt;app&lt;/b&gt;",
        "TLSv1.3",
        "TLS_AES",
        "AUTH PLAIN as <bdi>ann</bdi>",
        "still open",
        LOST,
        "rule lost-250 closed the connection",
        "550 5.1.1 No such user",
        "451 4.3.0 Try again later",
        "rule busy",
        "2.48 s of silence",
        f'href="/messages/{message.id}"',
        "none was stored",
        'data-live="session transaction message"',
        '<li class="client" id="line-11">',
    ):
        assert shown in page
    assert "AGFubgBzZWNyZXQ=" not in page


def test_a_session_that_brought_nothing() -> None:
    with Served.open() as served:
        served.store.add(started())
        assert "has ended yet" in served.ask("GET", "/sessions/s1").text
        assert "Nothing was said." in served.ask("GET", "/sessions/s1").text
        served.store.add(
            SessionEnded(id="s1", inbox="default", at=OCTOBER + 0.5, clock=OCTOBER, ending=Ending.QUIT, reason="")
        )
        page = served.ask("GET", "/sessions/s1").text
        assert "was begun" in page
        assert "500 ms" in page
        assert "data-live" not in page


def test_a_message_that_was_deleted_is_not_linked() -> None:
    message = mail()
    with Served.open() as served:
        served.store.add(started())
        served.keep(message)
        served.store.add(accepted(message))
        served.store.delete_message(message.id)
        page = served.ask("GET", "/sessions/s1").text
        assert "deleted since" in page
        assert f"/messages/{message.id}" not in page


def test_sessions_are_listed_with_what_they_brought() -> None:
    message: Message = mail(session="s2")
    with Served.open() as served:
        assert "No sessions yet" in served.ask("GET", "/sessions").text
        for number in (1, 2, 3):
            served.store.add(started(f"s{number}", number=number))
        served.keep(message)
        served.store.add(rejected(mail(session="s3")))
        served.store.add(
            SessionEnded(id="s3", inbox="default", at=OCTOBER, clock=OCTOBER, ending=Ending.CLIENT_RESET, reason="")
        )
        page = served.ask("GET", "/sessions").text
        assert "<strong>3</strong> sessions" in page
        assert page.index("/sessions/s3") < page.index("/sessions/s1")
        assert "1 stored" in page
        assert "none of 1" in page
        assert "client-reset" in page


def test_a_long_list_of_sessions_comes_in_parts() -> None:
    with Served.open() as served:
        for number in range(1, 53):
            served.store.add(started(f"s{number}.", number=number))
        first = served.ask("GET", "/sessions").text
        assert "/sessions/s52." in first
        assert "/sessions/s2." not in first
        start = first.index("/sessions?before=")
        second = served.ask("GET", first[start : first.index('"', start)]).text
        assert "/sessions/s2." in second
        assert "/sessions/s52." not in second
        assert ">Newest</a>" in second
        assert '<a href="/sessions" rel="prev">Newer</a>' not in second  # a whole part is newer
        start = second.index("/sessions?before=")
        third = served.ask("GET", second[start : second.index('"', start)]).text
        assert ("/sessions/s52." in third, ">Newer</a>" in third) == (True, False)
        assert "/sessions/s52." in served.ask("GET", "/sessions?before=nonsense").text


def test_there_is_no_such_session() -> None:
    with Served.open() as served:
        answer = served.ask("GET", "/sessions/<b>")
        assert answer.status_code == 404
        assert "There is no such session" in answer.text


def test_findings_about_the_client_lead_to_its_lines() -> None:
    with Served.open() as served:
        filled(served)
        page = served.ask("GET", "/sessions/s1").text
        assert "Findings" in page
        assert "bare" in page[page.index("Findings") :]
        assert '<a href="#line-2531">2531</a>' in page
        assert "RFC 5321" in page


def test_a_refusal_in_the_transcript_is_explained() -> None:
    with Served.open() as served:
        filled(served)
        served.store.add(line(2.9, Source.SERVER, b"550-5.7.1 <i>No</i>\r\n550 never\r\n"))
        html = served.ask("GET", "/sessions/s1").text

    assert html.count("<summary>") == 1
    assert "<summary>refused, not authorized</summary><p><strong>550</strong> The mailbox cannot be used" in html
    assert 'title="220: The server is ready' in html
    assert "<i>No" not in html
