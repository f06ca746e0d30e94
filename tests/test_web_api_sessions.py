"""Sessions over HTTP: who came, what was said, what became of it."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

import pytest

from mailtrap_py.events import Ending, Firing, Line, Point, SessionEnded, Source
from tests.served import OCTOBER, RICH, Served, accepted, mail, rejected, started


@pytest.fixture
def served() -> Iterator[Served]:
    with Served.open() as served:
        yield served


def line(number: int, source: Source, data: bytes, **more: Any) -> Line:  # noqa: ANN401 - fields of a line
    at = OCTOBER + number / 4
    return Line(session_id="s1", number=number, at=at, clock=at, source=source, data=data, **more)


def test_sessions_are_listed_newest_first(served: Served) -> None:
    served.store.add(started("s1"))
    served.store.add(started("s2", "other", 2))
    message = mail(session="s1")
    served.keep(message)
    served.store.add(accepted(message))
    served.store.add(
        SessionEnded(id="s1", inbox="default", at=OCTOBER + 1, clock=OCTOBER + 1, ending=Ending.QUIT, reason="")
    )

    answer = served.ask("GET", "/api/sessions").json()

    assert (answer["total"], answer["next_cursor"]) == (2, None)
    assert [item["id"] for item in answer["items"]] == ["s2", "s1"]
    first = answer["items"][1]
    assert int(first.pop("cursor")) > 0
    assert first == {
        "id": "s1",
        "inbox": "default",
        "number": 1,
        "at": "2026-10-01T09:00:00.500000Z",
        "client": "127.0.0.1",
        "client_port": 50000,
        "port": 1025,
        "protocol": "smtp",
        "upstream": "",
        "helo": "",
        "esmtp": False,
        "tls_version": "",
        "tls_cipher": "",
        "user": "",
        "mechanism": "",
        "ended_at": "2026-10-01T09:00:01.500000Z",
        "ending": "quit",
        "reason": "",
        "message_count": 1,
        "transaction_count": 1,
    }


def test_sessions_are_listed_part_by_part_and_by_inbox(served: Served) -> None:
    for number in range(1, 4):
        served.store.add(started(f"s{number}", "default", number))
    served.store.add(started("other", "other"))

    first = served.ask("GET", "/api/sessions?inbox=default&limit=2").json()
    second = served.ask("GET", f"/api/sessions?inbox=default&limit=2&cursor={first['next_cursor']}").json()

    assert [item["id"] for item in first["items"] + second["items"]] == ["s3", "s2", "s1"]
    assert (first["total"], second["total"], second["next_cursor"]) == (3, 3, None)


def test_an_open_session_has_no_ending(served: Served) -> None:
    served.store.add(started())

    shown = served.ask("GET", "/api/sessions/s1").json()

    assert (shown["ended_at"], shown["ending"]) == (None, None)


def test_a_session_is_shown_word_by_word(served: Served) -> None:
    served.store.add(started())
    for each in (
        line(1, Source.SERVER, b"220 mx.example ready\r\n", rule="greet"),
        line(2, Source.CLIENT, "EHLO grüße\r\n".encode()),
        line(3, Source.CLIENT, b"NOOP\n"),
        line(4, Source.CLIENT, b"\xff\xfe\r\n"),
        line(5, Source.CONTENT, b"", octets=1234),
        line(6, Source.NOTE, b"the client left"),
    ):
        served.store.add(each)

    transcript = served.ask("GET", "/api/sessions/s1").json()["transcript"]

    assert transcript[0] == {
        "number": 1,
        "at": "2026-10-01T09:00:00.750000Z",
        "clock": "2026-10-01T09:00:00.750000Z",
        "offset": 0.25,
        "source": "server",
        "text": "220 mx.example ready",
        "data": None,
        "octets": 0,
        "rule": "greet",
        "secret": False,
        "early": False,
    }
    assert [(each["source"], each["text"], each["data"]) for each in transcript[1:]] == [
        ("client", "EHLO grüße", None),
        ("client", "NOOP\n", base64.b64encode(b"NOOP\n").decode()),
        ("client", "\ufffd\ufffd", base64.b64encode(b"\xff\xfe\r\n").decode()),
        ("content", "", None),
        ("note", "the client left", None),
    ]
    assert transcript[4]["octets"] == 1234


@pytest.mark.parametrize(
    ("query", "text", "data"),
    [("", "********", None), ("?secrets=false", "********", None), ("?secrets=true", "YW5u\ufffd", "WVc1df8NCg==")],
)
def test_credentials_are_shown_only_when_asked_for(served: Served, query: str, text: str, data: str | None) -> None:
    served.store.add(started())
    served.store.add(line(1, Source.CLIENT, b"YW5u\xff\r\n", secret=True))

    [shown] = served.ask("GET", f"/api/sessions/s1{query}").json()["transcript"]

    assert (shown["text"], shown["data"], shown["secret"]) == (text, data, True)


def test_a_session_is_shown_with_findings(served: Served) -> None:
    served.store.add(started())
    served.store.add(line(1, Source.SERVER, b"220 mx.example ready\r\n"))
    served.store.add(line(2, Source.CLIENT, b"EHLO client.example\r\n"))
    served.store.add(line(3, Source.SERVER, b"250 mx.example\r\n"))
    served.store.add(line(4, Source.CLIENT, b"NOOP\n"))

    found = served.ask("GET", "/api/sessions/s1").json()["findings"]

    [bare] = [each for each in found if 4 in each["lines"]]
    assert bare["level"] in {"warning", "error"}
    assert "LF" in bare["text"]
    assert all(each["kind"] and each["why"] and each["rfc"] for each in found)


def test_a_session_is_shown_with_transactions_and_firings(served: Served) -> None:
    served.store.add(started())
    message = mail()
    served.store.add(rejected(message))
    served.store.add(
        Firing(
            session_id="s1",
            transaction_id=f"{message.transaction_id}-rejected",
            inbox="default",
            at=OCTOBER,
            clock=OCTOBER,
            point=Point.MESSAGE,
            rule="busy",
            number=1,
            actions=("reply: 451 4.3.0 Try again later",),
        )
    )

    shown = served.ask("GET", "/api/sessions/s1").json()

    [transaction] = shown["transactions"]
    assert (transaction["outcome"], transaction["acknowledged"], transaction["rule"]) == ("rejected", False, "busy")
    assert transaction["reply"] == {"code": 451, "enhanced": "4.3.0", "text": "Try again later"}
    assert shown["firings"] == [
        {
            "session_id": "s1",
            "transaction_id": f"{message.transaction_id}-rejected",
            "inbox": "default",
            "at": "2026-10-01T09:00:00.500000Z",
            "clock": "2026-10-01T09:00:00.500000Z",
            "point": "message",
            "rule": "busy",
            "number": 1,
            "actions": ["reply: 451 4.3.0 Try again later"],
        }
    ]


def test_what_a_refused_transaction_brought_can_be_read(served: Served) -> None:
    served.store.add(started())
    served.store.add(rejected(mail(RICH)))

    answer = served.ask("GET", "/api/sessions/s1/transactions/1/raw")

    assert (answer.content, answer.headers["content-type"]) == (RICH, "message/rfc822")


def test_what_an_accepted_transaction_brought_is_its_message(served: Served) -> None:
    served.store.add(started())
    message = mail(RICH)
    served.keep(message)
    served.store.add(accepted(message))
    path = "/api/sessions/s1/transactions/1/raw"

    assert served.ask("GET", path).content == RICH
    served.store.delete_message(message.id)
    assert served.ask("GET", path).json()["detail"] == "nothing is kept of what transaction 1 brought"


@pytest.mark.parametrize(("number", "status"), [("2", 404), ("-1", 404), ("x", 400)])
def test_a_transaction_that_is_not_there_is_named(served: Served, number: str, status: int) -> None:
    served.store.add(started())
    served.store.add(rejected(mail()))

    assert served.ask("GET", f"/api/sessions/s1/transactions/{number}/raw").status_code == status


@pytest.mark.parametrize("rest", ["", "/transactions/1/raw"])
def test_a_session_that_is_not_there_is_named(served: Served, rest: str) -> None:
    answer = served.ask("GET", f"/api/sessions/nothing{rest}")

    assert (answer.status_code, answer.json()["detail"]) == (404, "there is no session 'nothing'")


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", [0, 1, 2]),
        ("outcome=rejected", [1]),
        ("to=nobody@example.com", [0, 1, 2]),
        ("to=eve@example.com", [2]),
        ("session=s2", [2]),
        ("inbox=other", []),
        ("subject=hello&outcome=accepted", [0, 2]),
    ],
)
def test_transactions_are_listed_oldest_first(served: Served, query: str, found: list[int]) -> None:
    first, second = mail(), mail(to="eve@example.com", session="s2")
    served.keep(first, second)
    transactions = [accepted(first), rejected(first), accepted(second)]
    for each in transactions:
        served.store.add(each)

    answer = served.ask("GET", f"/api/transactions?{query}").json()

    assert [item["id"] for item in answer["items"]] == [transactions[number].id for number in found]
    assert (answer["total"], answer["next_cursor"]) == (len(found), None)


def test_transactions_are_listed_part_by_part(served: Served) -> None:
    transactions = [accepted(mail()) for _ in range(5)]
    for each in transactions:
        served.store.add(each)

    found: list[str] = []
    cursor: str | None = "0"
    while cursor is not None:
        part = served.ask("GET", f"/api/transactions?limit=2&cursor={cursor}").json()
        found += [item["id"] for item in part["items"]]
        cursor = part["next_cursor"]

    assert found == [each.id for each in transactions]


def test_an_outcome_that_does_not_exist_is_refused(served: Served) -> None:
    answer = served.ask("GET", "/api/transactions?outcome=lost")

    assert answer.status_code == 400
    assert answer.json()["detail"] == "outcome: Input should be 'accepted', 'rejected' or 'aborted'"
