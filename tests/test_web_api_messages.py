"""Messages over HTTP, from a real store, filled as sessions fill it."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Iterator

import pytest

from tests.served import PLAIN, RICH, Served, accepted, mail


@pytest.fixture
def served() -> Iterator[Served]:
    with Served.open() as served:
        yield served


# Lists


def test_a_list_is_newest_first_and_has_no_bodies(served: Served) -> None:
    first, second = served.keep(mail(RICH), mail())

    answer = served.ask("GET", "/api/messages").json()

    assert [item["id"] for item in answer["items"]] == [second, first]
    assert (answer["next_cursor"], answer["total"]) == (None, 2)
    item = answer["items"][1]
    assert int(item.pop("cursor")) > 0
    assert item == {
        "id": first,
        "inbox": "default",
        "at": "2026-10-01T09:00:00.500000Z",
        "reverse_path": "bounce@example.com",
        "recipients": ["bob@example.com"],
        "from": "Ann <ann@example.com>",
        "to": "bob@example.com",
        "cc": "",
        "subject": "Grüße",
        "date": "Mon, 20 Jul 2026 06:51:26 +0200",
        "message_id": "1@example.com",
        "size": len(RICH),
        "attachments": 2,
        "session_id": "s1",
        "transaction_id": item["transaction_id"],
        "tls_version": "TLSv1.3",
        "user": "ann",
        "client": "127.0.0.1",
        "helo": "app",
    }


def test_a_list_is_read_part_by_part(served: Served) -> None:
    ids = served.keep(*(mail() for _ in range(5)))

    found: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        part = served.ask("GET", f"/api/messages?limit=2{f'&cursor={cursor}' if cursor else ''}").json()
        found += [item["id"] for item in part["items"]]
        cursor = part["next_cursor"]
        assert part["total"] == 5

    assert found == ids[::-1]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("to=bob@example.com", [0, 2]),
        ("to=*@Example.com", [0, 1, 2]),
        ("to=/^bob@/&subject=hello", [0, 2]),
        ("from=bounce@example.com", [0, 1, 2, 3]),
        ("from=", []),
        ("subject=gr%C3%BC", [1]),
        ("inbox=other", [2]),
        ("session=s2", [3]),
        ("search=EVE@example.org", [3]),
        ("search=gr%C3%BC", [1]),
        ("search=%20", [0, 1, 2, 3]),
    ],
)
def test_a_list_is_filtered(served: Served, query: str, found: list[int]) -> None:
    ids = served.keep(
        mail(),
        mail(RICH, to="ann@example.com"),
        mail(inbox="other"),
        mail(to="eve@example.org", session="s2"),
    )

    answer = served.ask("GET", f"/api/messages?{query}").json()

    assert [item["id"] for item in answer["items"]] == [ids[number] for number in reversed(found)]
    assert answer["total"] == len(found)


def test_a_broken_regular_expression_is_named(served: Served) -> None:
    answer = served.ask("GET", "/api/messages?to=/[/")

    assert answer.status_code == 400
    assert answer.json()["detail"].startswith("to: /[/ is not a regular expression: ")


def test_text_that_cannot_be_encoded_does_not_break_a_list(served: Served) -> None:
    served.keep(mail(to="b\udcff\ud83db@example.com"), mail(b"Subject: \xff\xfe\r\n\x00broken"), mail(b""))

    answer = served.ask("GET", "/api/messages")

    assert [item["recipients"] for item in answer.json()["items"]][2] == ["b\ufffd\ufffdb@example.com"]
    assert answer.json()["total"] == 3


# One message


def test_a_message_is_shown_with_all_that_is_in_it(served: Served) -> None:
    message = mail(RICH)
    served.keep(message)
    served.store.add(accepted(message))

    shown = served.ask("GET", f"/api/messages/{message.id}").json()

    assert shown["subject"] == "Grüße"
    assert shown["headers"][2] == {"name": "Subject", "value": "Grüße"}
    assert shown["text"].startswith("Your code is 482913")
    assert "<script>" in shown["html"]
    assert shown["links"] == ["https://example.com/confirm"]
    assert shown["codes"] == ["482913"]
    assert shown["parts"][3] == {
        "index": 3,
        "content_type": "text/html",
        "filename": '€".html',
        "content_id": "",
        "disposition": "attachment",
        "attachment": True,
        "size": 2,
    }
    assert shown["defects"] != []
    assert shown["transaction"]["parameters"] == {"SIZE": "10"}
    assert shown["transaction"]["reply"] == {"code": 250, "enhanced": "2.0.0", "text": "Ok\nqueued"}
    assert shown["transaction"]["recipients"] == [
        {
            "address": "bob@example.com",
            "parameters": {},
            "accepted": True,
            "reply": {"code": 250, "enhanced": "2.1.5", "text": "Ok"},
            "rule": "",
        },
        {
            "address": "nobody@example.com",
            "parameters": {},
            "accepted": False,
            "reply": {"code": 550, "enhanced": "5.1.1", "text": "No such user"},
            "rule": "refuse",
        },
    ]


def test_a_message_is_shown_before_its_transaction_ends(served: Served) -> None:
    [message] = served.keep(mail())

    assert served.ask("GET", f"/api/messages/{message}").json()["transaction"] is None


def test_the_exact_octets_are_given(served: Served) -> None:
    raw = bytes(range(256)) + b"\n.\r\n"
    [message] = served.keep(mail(raw))

    answer = served.ask("GET", f"/api/messages/{message}/raw")

    assert answer.content == raw
    assert answer.headers["content-type"] == "message/rfc822"
    assert answer.headers["etag"] == f'"{message}"'


@pytest.mark.parametrize("known", ['"{id}"', 'W/"{id}"', '"other", "{id}"', "*"])
def test_octets_that_are_known_are_not_sent_again(served: Served, known: str) -> None:
    [message] = served.keep(mail())

    answer = served.ask("GET", f"/api/messages/{message}/raw", headers={"If-None-Match": known.format(id=message)})

    assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", f'"{message}"')


def test_octets_that_are_not_known_are_sent(served: Served) -> None:
    [message] = served.keep(mail())

    assert served.ask("GET", f"/api/messages/{message}/raw", headers={"If-None-Match": '"other"'}).status_code == 200


def test_the_text_is_given(served: Served) -> None:
    [message] = served.keep(mail())

    answer = served.ask("GET", f"/api/messages/{message}/text")

    assert answer.text.strip() == "Hello"
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"


def test_html_is_given_into_a_sandbox(served: Served) -> None:
    [message] = served.keep(mail(RICH))

    answer = served.ask("GET", f"/api/messages/{message}/html")

    assert answer.text.strip() == "<p onclick=x()>Hello <script>alert(1)</script></p>"
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    policy = answer.headers["content-security-policy"].split("; ")
    assert policy[:2] == ["sandbox", "default-src 'none'"]
    assert not any(word in answer.headers["content-security-policy"] for word in ("allow-", "script", "http", "*"))
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"


def test_html_that_is_not_there_is_not_invented(served: Served) -> None:
    [message] = served.keep(mail())

    answer = served.ask("GET", f"/api/messages/{message}/html")

    assert answer.status_code == 404
    assert answer.json()["cure"] == f"GET /api/messages/{message}/text has what it says"


def test_the_header_is_listed(served: Served) -> None:
    [message] = served.keep(mail())

    assert served.ask("GET", f"/api/messages/{message}/headers").json() == {
        "items": [{"name": "From", "value": "ann@example.com"}, {"name": "Subject", "value": "Hello"}],
        "next_cursor": None,
        "total": 2,
    }


def test_links_codes_and_parts_are_listed(served: Served) -> None:
    [message] = served.keep(mail(RICH))

    links, codes, parts = (
        served.ask("GET", f"/api/messages/{message}/{what}").json() for what in ("links", "codes", "parts")
    )

    assert links == {"items": [{"url": "https://example.com/confirm"}], "next_cursor": None, "total": 1}
    assert codes["items"] == [{"code": "482913"}]
    assert [part["index"] for part in parts["items"]] == [0, 1, 2, 3, 4]


def test_a_part_is_given_as_a_file(served: Served) -> None:
    [message] = served.keep(mail(RICH))

    answer = served.ask("GET", f"/api/messages/{message}/parts/3")

    assert answer.content == b"\xff<"
    assert answer.headers["content-type"] == "text/html; charset=iso-8859-1"
    assert answer.headers["content-disposition"] == (
        "attachment; filename=\"__.html\"; filename*=UTF-8''%E2%82%AC%22.html"
    )
    assert answer.headers["content-security-policy"].startswith("sandbox; default-src 'none'")
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_a_part_without_name_and_type_gets_both(served: Served) -> None:
    [message] = served.keep(mail(b"Content-Type: a\xe9/b\r\n\r\nx"))

    answer = served.ask("GET", f"/api/messages/{message}/parts/0")

    assert answer.headers["content-type"] == "application/octet-stream"
    assert 'filename="part-0"' in answer.headers["content-disposition"]


@pytest.mark.parametrize(("raw", "index", "there"), [(PLAIN, 1, "it has 0 only"), (RICH, -1, "it has 0 to 4")])
def test_a_part_that_is_not_there_is_named(served: Served, raw: bytes, index: int, there: str) -> None:
    [message] = served.keep(mail(raw))

    answer = served.ask("GET", f"/api/messages/{message}/parts/{index}")

    assert (answer.status_code, answer.json()["cure"]) == (404, there)


@pytest.mark.parametrize("rest", ["", "/raw", "/text", "/html", "/headers", "/links", "/codes", "/parts", "/parts/0"])
def test_a_message_that_is_not_there_is_named(served: Served, rest: str) -> None:
    answer = served.ask("GET", f"/api/messages/nothing{rest}")

    assert (answer.status_code, answer.json()["detail"]) == (404, "there is no message 'nothing'")


# Deleting


def test_one_message_is_deleted(served: Served) -> None:
    first, second = served.keep(mail(), mail())

    assert served.ask("DELETE", f"/api/messages/{first}").json() == {"deleted": 1}

    assert served.ask("DELETE", f"/api/messages/{first}").status_code == 404
    assert [message.id for message in served.store.messages().items] == [second]


@pytest.mark.parametrize(
    ("query", "left"),
    [
        ("to=bob@example.com", [1, 3]),
        ("session=s2&inbox=other", [0, 1, 2]),
        ("all=true&inbox=other", [0, 1]),
        ("search=EVE@", [0, 1, 2]),
        ("all=true", []),
    ],
)
def test_what_fits_is_deleted(served: Served, query: str, left: list[int]) -> None:
    ids = served.keep(
        mail(),
        mail(to="ann@example.com"),
        mail(inbox="other"),
        mail(to="eve@example.com", inbox="other", session="s2"),
    )

    deleted = served.ask("DELETE", f"/api/messages?{query}").json()

    assert deleted == {"deleted": 4 - len(left)}
    assert [message.id for message in served.store.messages().items] == [ids[number] for number in reversed(left)]


@pytest.mark.parametrize(("method", "path"), [("DELETE", "/api/messages"), ("POST", "/api/messages/drain")])
@pytest.mark.parametrize("query", ["", "inbox=default", "all=false", "all=true&to=bob@example.com"])
def test_everything_is_only_deleted_in_so_many_words(served: Served, method: str, path: str, query: str) -> None:
    served.keep(mail())

    answer = served.ask(method, f"{path}?{query}")

    assert (answer.status_code, served.store.messages().total) == (400, 1)
    assert "all=true" in answer.json()["cure"]


# Draining


def test_what_is_drained_is_given_whole_and_is_gone(served: Served) -> None:
    message, other = mail(RICH), mail(to="eve@example.com")
    served.keep(message, other)
    served.store.add(accepted(message))

    [drained] = (answer := served.ask("POST", "/api/messages/drain?to=bob@example.com").json())["items"]

    assert (drained["id"], drained["codes"], answer["total"]) == (message.id, ["482913"], 1)
    assert base64.b64decode(drained["raw"]) == RICH
    assert drained["transaction"]["message_id"] == message.id
    assert [each.id for each in served.store.messages().items] == [other.id]


def test_the_oldest_are_drained_first_and_in_order(served: Served) -> None:
    ids = served.keep(*(mail() for _ in range(5)))

    answers = [served.ask("POST", "/api/messages/drain?all=true&limit=2").json() for _ in range(4)]

    assert [[each["id"] for each in answer["items"]] for answer in answers] == [ids[:2], ids[2:4], ids[4:], []]
    assert [answer["total"] for answer in answers] == [5, 3, 1, 0]


def test_what_many_drain_is_given_to_one_each(served: Served) -> None:
    ids = served.keep(*(mail() for _ in range(40)))

    async def main() -> list[str]:
        path = "/api/messages/drain?all=true&limit=40"
        answers = await asyncio.gather(*(served.ask_async("POST", path) for _ in range(4)))
        return [each["id"] for answer in answers for each in answer.json()["items"]]

    assert sorted(asyncio.run(main())) == sorted(ids)
