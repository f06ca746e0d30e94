"""MailHog's API, as it really answers: every route, and every field of the reference."""

from __future__ import annotations

import asyncio
import json
import smtplib
from collections.abc import Iterator

import pytest
from websockets.sync.client import connect

from mailtrap_py import Mailtrap
from mailtrap_py.settings import Settings
from mailtrap_py.web.app import close
from mailtrap_py.web.compat.mailbox import Mailbox
from mailtrap_py.web.compat.mailhog import MailHog
from mailtrap_py.web.compat.marks import Marks
from tests.compared import NUMBER, differences
from tests.served import PLAIN, RICH, Served, mail
from tests.test_web_compat_mailhog_shapes import MESSAGE

LIST = {"total": NUMBER, "count": NUMBER, "start": NUMBER, "items": [MESSAGE]}


@pytest.fixture
def served() -> Iterator[Served]:
    with Served.open(compat="mailhog") as served:
        yield served


# Version 2


def test_an_empty_list_is_a_list(served: Served) -> None:
    answer = served.ask("GET", "/api/v2/messages")

    assert (answer.json(), answer.headers["content-type"]) == (
        {"total": 0, "count": 0, "start": 0, "items": []},
        "text/json; charset=utf-8",
    )


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", [3, 2, 1, 0]),
        ("?limit=2", [3, 2]),
        ("?start=1&limit=2", [2, 1]),
        ("?limit=0", [3, 2, 1, 0]),
        ("?limit=x", [3, 2, 1, 0]),
    ],
)
def test_messages_are_listed(served: Served, query: str, found: list[int]) -> None:
    ids = served.keep(mail(RICH), mail(), mail(), mail(RICH))

    listed = served.ask("GET", f"/api/v2/messages{query}").json()

    assert differences(listed, LIST) == []
    assert [each["ID"].partition("@")[0] for each in listed["items"]] == [ids[number] for number in found]
    assert (listed["total"], listed["count"]) == (4, len(found))


@pytest.mark.parametrize(
    ("query", "total"),
    [
        ("kind=to&query=BOB@", 3),
        ("kind=to&query=eve", 1),
        ("kind=from&query=bounce", 4),
        ("kind=from&query=ann", 4),
        ("kind=containing&query=482913", 1),
        ("kind=containing&query=gr=c3", 1),
        ("kind=containing&query=Gr%C3%BC%C3%9Fe", 0),
        ("kind=to&query=nobody", 0),
    ],
)
def test_messages_are_searched_as_they_were_sent(served: Served, query: str, total: int) -> None:
    served.keep(mail(RICH), mail(), mail(), mail(to="eve@example.com"))

    answer = served.ask("GET", f"/api/v2/search?{query}&limit=1")

    assert differences(answer.json(), LIST) == []
    assert (answer.json()["total"], answer.json()["count"]) == (total, min(total, 1))
    assert answer.headers["content-type"] == "application/json"


@pytest.mark.parametrize("query", ["", "?kind=to", "?query=x", "?kind=cc&query=x"])
def test_a_search_wants_a_kind_and_words(served: Served, query: str) -> None:
    assert served.ask("GET", f"/api/v2/search{query}").status_code == 400


def test_no_server_is_there_to_release_to(served: Served) -> None:
    served.keep(mail(name="m"))

    assert served.ask("GET", "/api/v2/outgoing-smtp").json() == {}
    assert served.ask("POST", "/api/v1/messages/m/release", json={"Host": "x"}).status_code == 400


# Version 1


def test_all_messages_are_a_bare_list(served: Served) -> None:
    served.keep(mail(), mail(RICH))

    listed = served.ask("GET", "/api/v1/messages").json()

    assert differences(listed, [MESSAGE]) == []
    assert len(listed) == 2


def test_one_message_is_given_and_none_is_null(served: Served) -> None:
    served.keep(mail(name="m"))

    found = served.ask("GET", "/api/v1/messages/m%40mailtrap.localhost")
    nothing = served.ask("GET", "/api/v1/messages/nothing")

    assert differences(found.json(), MESSAGE) == []
    assert (nothing.status_code, nothing.text) == (200, "null\n")


def test_messages_are_deleted(served: Served) -> None:
    served.keep(mail(name="m"), mail(), mail())

    one, again, everything = (served.ask("DELETE", f"/api/v1/messages{rest}") for rest in ("/m@x", "/m@x", ""))

    assert [(each.status_code, each.content) for each in (one, again, everything)] == [
        (200, b""),
        (500, b""),
        (200, b""),
    ]
    assert served.store.messages().total == 0


def test_the_source_and_the_parts_are_files(served: Served) -> None:
    served.keep(mail(RICH, name="m"))

    source = served.ask("GET", "/api/v1/messages/m/download")
    parts = [served.ask("GET", f"/api/v1/messages/m/mime/part/{number}/download") for number in range(6)]

    assert (source.content, source.headers["content-type"]) == (RICH, "message/rfc822")
    assert 'filename="m.eml"' in source.headers["content-disposition"]
    assert parts[0].text == "Your code is 482913: https://example.com/confirm"
    assert parts[2].content == b"\xff<"
    assert [each.status_code for each in parts] == [200] * 5 + [404]
    assert served.ask("GET", "/api/v1/messages/nothing/download").status_code == 404
    assert served.ask("GET", "/api/v1/messages/nothing/mime/part/0/download").status_code == 404


def test_a_part_that_is_no_base64_is_given_as_it_is(served: Served) -> None:
    raw = b"Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\nContent-Transfer-Encoding: base64\r\n\r\na\r\n--x--"
    served.keep(mail(raw, name="m"))

    assert served.ask("GET", "/api/v1/messages/m/mime/part/0/download").content == b"a"


def test_beside_mailpit_all_but_the_list_is_there() -> None:
    with Served.open() as served:
        served.keep(mail(name="m"))

        assert served.ask("GET", "/api/v1/messages").json()["messages_count"] == 1
        assert served.ask("GET", "/api/v1/messages/m").json()["ID"] == "m@mailtrap.localhost"
        assert served.ask("DELETE", "/api/v1/messages/m").status_code == 200
        assert served.ask("GET", "/api/v2/messages").json()["total"] == 0


# What happens


def test_messages_are_sent_as_events(served: Served) -> None:
    async def main() -> str:
        asked = asyncio.create_task(served.ask_async("GET", "/api/v1/events"))
        await served.somebody_waits()
        await served.store.commit(mail(RICH, name="m"))
        await served.somebody_waits()
        close(served.app)
        return (await asked).text

    events = asyncio.run(main()).split("\n\n")
    lines = [line.removeprefix("data: ") for line in events[1].splitlines()]

    assert (events[0], events[2]) == (": listening", "")
    assert differences(json.loads("\n".join(lines)), MESSAGE) == []


def test_a_stream_of_events_is_kept_alive(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mailtrap_py.web.compat.mailhog.HEARTBEAT", 0.001)

    async def main() -> list[str]:
        mailhog = MailHog(served.context, Mailbox(served.store, Marks(served.store.subscribe)))
        stream = mailhog._stream()  # noqa: SLF001 - over HTTP it would be given when it is over
        return [await anext(stream), await anext(stream)]

    assert asyncio.run(main()) == [": listening\n\n", "keepalive: \n\n"]


def test_messages_come_over_the_websocket() -> None:
    private = Settings(host=("127.0.0.1",), smtp_port=0, smtps_port=None, http_port=0, store="sqlite://")
    with Mailtrap(private) as server:
        with connect(f"{server.url.replace('http', 'ws')}/api/v2/websocket", proxy=None) as socket:
            with smtplib.SMTP(server.host, server.port, timeout=30) as client:
                client.sendmail("a@example.com", ["b@example.com"], PLAIN)
            message = json.loads(socket.recv(timeout=30))
        other = connect(f"{server.url.replace('http', 'ws')}/api/v2/websocket", proxy=None)

    assert differences(message, MESSAGE) == []
    with other:
        assert list(other) == []
