"""Mailpit's API at /api/v1: every route, every field of the reference, and what clients rely on."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

import pytest

from tests.compared import FLAG, NUMBER, TEXT, differences
from tests.served import Served, mail

PEOPLE = [{"Name": TEXT, "Address": TEXT}]
SUMMARY = {
    **dict.fromkeys(("ID", "MessageID"), TEXT),
    "Read": FLAG,
    "From": PEOPLE[0],
    **dict.fromkeys(("To", "Cc", "Bcc", "ReplyTo"), PEOPLE),
    **dict.fromkeys(("Subject", "Created", "Username"), TEXT),
    "Tags": [TEXT],
    "Size": NUMBER,
    "Attachments": NUMBER,
    "Snippet": TEXT,
}
LIST = {
    **dict.fromkeys(("total", "unread", "count", "messages_count", "messages_unread", "start"), NUMBER),
    "tags": [TEXT],
    "messages": [SUMMARY],
}
ATTACHMENT = {
    **dict.fromkeys(("PartID", "FileName", "ContentType", "ContentID"), TEXT),
    "Size": NUMBER,
    "Checksums": {"MD5": TEXT, "SHA1": TEXT, "SHA256": TEXT},
}
MESSAGE = {
    **dict.fromkeys(("ID", "MessageID"), TEXT),
    "From": (PEOPLE[0], None),
    **dict.fromkeys(("To", "Cc", "Bcc", "ReplyTo"), PEOPLE),
    **dict.fromkeys(("ReturnPath", "Subject", "Date", "Username", "Text", "HTML"), TEXT),
    "ListUnsubscribe": {"Header": TEXT, "Links": [TEXT], "Errors": TEXT, "HeaderPost": TEXT},
    "Tags": [TEXT],
    "Size": NUMBER,
    "Inline": [ATTACHMENT],
    "Attachments": [ATTACHMENT],
}
INFO = {
    **dict.fromkeys(("Version", "LatestVersion", "Database"), TEXT),
    **dict.fromkeys(("DatabaseSize", "Messages", "Unread"), NUMBER),
    "Tags": {"signup": NUMBER},
    "RuntimeStats": dict.fromkeys(
        ("Uptime", "Memory", "MessagesDeleted", "SMTPAccepted", "SMTPAcceptedSize", "SMTPRejected", "SMTPIgnored"),
        NUMBER,
    ),
}
WEB_UI = {
    "Label": TEXT,
    "MessageRelay": {
        "Enabled": FLAG,
        **dict.fromkeys(("SMTPServer", "ReturnPath", "AllowedRecipients", "BlockedRecipients", "OverrideFrom"), TEXT),
        "PreserveMessageIDs": FLAG,
        "RecipientAllowlist": TEXT,
    },
    **dict.fromkeys(("SpamAssassin", "ChaosEnabled", "DuplicatesIgnored", "HideDeleteAllButton"), FLAG),
}
TRIGGER = {"ErrorCode": NUMBER, "Probability": NUMBER}
TRIGGERS = {"Sender": TRIGGER, "Recipient": TRIGGER, "Authentication": TRIGGER}

# The mail of the reference's examples.
SIGN_UP = (
    b"From: Jane Doe <jane@example.com>\r\nTo: bob+signup@example.com\r\nSubject: Confirm your account\r\n"
    b"Date: Mon, 20 Jul 2026 06:51:26 +0200\r\nMessage-ID: <172153.1@app.example.com>\r\n"
    b"X-Trace: a\r\n b\r\nx-trace: c\r\n"
    b"Content-Type: multipart/mixed; boundary=x\r\n\r\n"
    b"--x\r\nContent-Type: multipart/alternative; boundary=y\r\n\r\n"
    b"--y\r\nContent-Type: text/plain\r\n\r\nHi Bob,\r\nyour code is 482913.\r\n"
    b"--y\r\nContent-Type: text/html\r\n\r\n<p>Hi Bob, your code is <b>482913</b>.</p>\r\n--y--\r\n"
    b"--x\r\nContent-Type: application/pdf\r\nContent-Disposition: attachment; filename=terms.pdf\r\n\r\n"
    b"%PDF\r\n--x--\r\n"
)
PEOPLE_OF_IT: dict[str, list[object]] = {"Cc": [], "ReplyTo": [], "Bcc": []}


@pytest.fixture
def served() -> Iterator[Served]:
    with Served.open() as served:
        yield served


def sign_up(served: Served, **changes: Any) -> str:  # noqa: ANN401 - what `mail` takes
    [name] = served.keep(mail(SIGN_UP, **{"to": "bob+signup@example.com", **changes}))
    return name


def ask(served: Served, method: str, path: str, **options: Any) -> Any:  # noqa: ANN401 - of httpx, and JSON
    answer = served.ask(method, f"/api/v1/{path}", **options)
    assert answer.status_code == 200, answer.text
    if answer.headers["content-type"] == "application/json":
        assert answer.text.endswith("\n")
        return answer.json()
    return answer


# Every field


def test_an_empty_mailbox_has_lists_and_never_null(served: Served) -> None:
    empty = {**dict.fromkeys(LIST, 0), "tags": [], "messages": []}

    assert ask(served, "GET", "messages") == ask(served, "GET", "search?query=x") == empty
    assert ask(served, "GET", "tags") == []


def test_a_list_has_every_field_of_the_reference(served: Served) -> None:
    name = sign_up(served)

    listed = ask(served, "GET", "messages")

    assert differences(listed, LIST) == []
    [summary] = listed["messages"]
    assert summary == {
        "ID": name,
        "MessageID": "172153.1@app.example.com",
        "Read": False,
        "From": {"Name": "Jane Doe", "Address": "jane@example.com"},
        "To": [{"Name": "", "Address": "bob+signup@example.com"}],
        **PEOPLE_OF_IT,
        "Subject": "Confirm your account",
        "Created": "2026-10-01T09:00:00.500Z",
        "Username": "ann",
        "Tags": ["signup"],
        "Size": len(SIGN_UP),
        "Attachments": 1,
        "Snippet": "Hi Bob, your code is 482913.",
    }
    assert (listed["total"], listed["unread"], listed["tags"]) == (1, 1, ["signup"])
    assert ask(served, "GET", "search?query=confirm") == listed


def test_a_message_has_every_field_of_the_reference(served: Served) -> None:
    name = sign_up(served)

    message = ask(served, "GET", f"message/{name}")

    assert differences(message, MESSAGE) == []
    [terms] = message.pop("Attachments")
    assert message == {
        "ID": name,
        "MessageID": "172153.1@app.example.com",
        "From": {"Name": "Jane Doe", "Address": "jane@example.com"},
        "To": [{"Name": "", "Address": "bob+signup@example.com"}],
        **PEOPLE_OF_IT,
        "ReturnPath": "bounce@example.com",
        "Subject": "Confirm your account",
        "ListUnsubscribe": {"Header": "", "Links": [], "Errors": "", "HeaderPost": ""},
        "Date": "2026-07-20T06:51:26+02:00",
        "Tags": ["signup"],
        "Username": "ann",
        "Text": "Hi Bob,\r\nyour code is 482913.",
        "HTML": "<p>Hi Bob, your code is <b>482913</b>.</p>",
        "Size": len(SIGN_UP),
        "Inline": [],
    }
    assert (terms["FileName"], terms["ContentType"], terms["Size"]) == ("terms.pdf", "application/pdf", 4)
    assert terms["Checksums"] == {
        "MD5": hashlib.md5(b"%PDF").hexdigest(),
        "SHA1": hashlib.sha1(b"%PDF").hexdigest(),
        "SHA256": hashlib.sha256(b"%PDF").hexdigest(),
    }
    assert ask(served, "GET", f"message/{name}/part/{terms['PartID']}").content == b"%PDF"


@pytest.mark.parametrize(("path", "shape"), [("info", INFO), ("webui", WEB_UI), ("chaos", TRIGGERS)])
def test_the_server_tells_every_field_of_the_reference(served: Served, path: str, shape: Any) -> None:  # noqa: ANN401
    sign_up(served)

    assert differences(ask(served, "GET", path), shape) == []


def test_the_server_counts(served: Served) -> None:
    served.status["uptime"] = 42.5
    name = sign_up(served)
    sign_up(served)
    ask(served, "GET", f"message/{name}")
    ask(served, "DELETE", "messages", json={"IDs": [name]})

    info = ask(served, "GET", "info")

    assert (info["Version"], info["Messages"], info["Unread"], info["Tags"]) == ("v1.30.5", 1, 1, {"signup": 1})
    stats = info["RuntimeStats"]
    assert (stats["Uptime"], stats["MessagesDeleted"], stats["SMTPAccepted"]) == (42, 1, 2)
    assert stats["SMTPAcceptedSize"] == 2 * len(SIGN_UP)
    assert stats["Memory"] >= 0


# Lists


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", [3, 2, 1, 0]),
        ("?limit=0", [3, 2, 1, 0]),
        ("?limit=2", [3, 2]),
        ("?start=1&limit=2", [2, 1]),
        ("?limit=many&start=-1", [3, 2, 1, 0]),
        ("?before=2026-10-02", [3, 2, 1, 0]),
        ("?before=2026-09-30", []),
    ],
)
def test_a_list_is_read_from_a_start_on(served: Served, query: str, found: list[int]) -> None:
    ids = [sign_up(served) for _ in range(4)]

    listed = ask(served, "GET", f"messages{query}")

    assert [each["ID"] for each in listed["messages"]] == [ids[number] for number in found]
    assert (listed["total"], listed["count"]) == (4, len(found))


def test_a_search_counts_what_it_finds(served: Served) -> None:
    ids = [sign_up(served, to=f"{who}@example.com") for who in ("a", "b", "b", "b")]
    ask(served, "GET", f"message/{ids[1]}")

    found = ask(served, "GET", "search?query=to:jane&limit=1")
    some = ask(served, "GET", "search", params={"query": "bcc:b@", "limit": 1, "start": 1})

    assert (found["messages_count"], found["total"], found["messages"]) == (0, 4, [])
    assert (some["messages_count"], some["messages_unread"], some["count"], some["start"]) == (3, 2, 1, 1)
    assert [each["ID"] for each in some["messages"]] == [ids[2]]
    assert ask(served, "GET", "search?query=confirm&limit=0")["messages"] == []
    assert ask(served, "GET", "search?query=confirm&before=2020-01-01")["messages_count"] == 0


def test_a_search_wants_words(served: Served) -> None:
    for method in ("GET", "DELETE"):
        answer = served.ask(method, "/api/v1/search?query=%20")
        assert (answer.status_code, answer.text) == (400, "Error: no search query")


# One message


def test_the_latest_is_a_message_too(served: Served) -> None:
    older = sign_up(served)
    served.keep(mail())

    assert ask(served, "GET", "message/latest")["Subject"] == "Hello"
    assert ask(served, "GET", "message/latest?query=confirm")["ID"] == older
    for path in ("message/latest?query=nothing", "message/latest/raw?query=nothing"):
        answer = served.ask("GET", f"/api/v1/{path}")
        assert (answer.status_code, answer.text) == (404, "Message not found")


@pytest.mark.parametrize("rest", ["", "/headers", "/raw", "/part/0", "/part/0/thumb", "/html-check", "/link-check"])
def test_a_message_that_is_not_there_is_404_in_plain_text(served: Served, rest: str) -> None:
    answer = served.ask("GET", f"/api/v1/message/nothing{rest}")

    assert (answer.status_code, answer.text) == (404, "404 page not found")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"


def test_headers_are_those_that_were_sent_under_names_as_go_writes_them(served: Served) -> None:
    name = sign_up(served)

    headers = ask(served, "GET", f"message/{name}/headers")

    assert headers["X-Trace"] == ["a b", "c"]
    assert headers["Message-Id"] == ["<172153.1@app.example.com>"]
    assert list(headers) == sorted(headers)


def test_the_source_is_given_or_saved(served: Served) -> None:
    name = sign_up(served)

    shown, saved = (ask(served, "GET", f"message/{name}/raw{query}") for query in ("", "?dl=1"))

    assert shown.content == saved.content == SIGN_UP
    assert shown.headers["content-type"] == "text/plain; charset=utf-8"
    assert f'filename="{name}.eml"' in saved.headers["content-disposition"]


def test_parts_are_shown_and_those_that_are_no_jpeg_have_a_blank_thumbnail(served: Served) -> None:
    jpeg = SIGN_UP.replace(b"application/pdf", b"image/jpeg")
    name, [picture] = sign_up(served), served.keep(mail(jpeg))

    part = ask(served, "GET", f"message/{name}/part/4")
    blank, thumb = (ask(served, "GET", f"message/{each}/part/4/thumb") for each in (name, picture))

    assert part.headers["content-disposition"].startswith('inline; filename="terms.pdf"')
    assert part.headers["content-type"] == "application/pdf"
    assert (blank.content[:2], blank.headers["content-type"]) == (b"\xff\xd8", "image/jpeg")
    assert thumb.content == b"%PDF"
    assert served.ask("GET", f"/api/v1/message/{name}/part/9").status_code == 404


def test_nothing_is_released_and_no_html_is_judged(served: Served) -> None:
    name = sign_up(served)
    [plain] = served.keep(mail())

    released = served.ask("POST", f"/api/v1/message/{name}/release", json={"To": ["a@example.com"]})
    judged = served.ask("GET", f"/api/v1/message/{name}/html-check")
    without = served.ask("GET", f"/api/v1/message/{plain}/html-check")

    assert (released.status_code, judged.status_code) == (400, 400)
    assert (without.status_code, without.text) == (400, "message does not contain HTML")
    assert served.ask("GET", f"/api/v1/message/{name}/sa-check").status_code == 404


def test_links_are_checked_and_the_message_is_read(served: Served) -> None:
    [name] = served.keep(mail(b"Subject: a\r\n\r\nhttp://127.0.0.1:1/x\r\n"))

    checked = ask(served, "GET", f"message/{name}/link-check?follow=true")

    [link] = checked["Links"]
    assert (checked["Errors"], link["URL"], link["StatusCode"]) == (1, "http://127.0.0.1:1/x", 451)
    assert ask(served, "GET", "messages")["messages"][0]["Read"]


def test_no_page_of_another_site_has_links_opened(served: Served) -> None:
    [name] = served.keep(mail(b"Subject: a\r\n\r\nhttp://127.0.0.1:1/x\r\n"))

    answer = served.ask("GET", f"/api/v1/message/{name}/link-check", headers={"Sec-Fetch-Site": "cross-site"})

    assert (answer.status_code, answer.text) == (403, "Blocked due to CORS violation")


# Read or not


def test_looking_at_a_message_marks_it_and_the_native_api_does_not(served: Served) -> None:
    name = sign_up(served)
    served.ask("GET", f"/api/messages/{name}")
    assert ask(served, "GET", "messages")["unread"] == 1

    ask(served, "GET", f"message/{name}")

    listed = ask(served, "GET", "messages")
    assert (listed["unread"], listed["messages"][0]["Read"]) == (0, True)


@pytest.mark.parametrize(
    ("body", "read"),
    [
        ({"Read": True, "IDs": ["m-0"]}, [True, False]),
        ({"read": True, "search": "hello"}, [False, True]),
        ({"Read": True}, [True, True]),
        ({"Read": False}, [False, False]),
    ],
)
def test_messages_are_marked(served: Served, body: dict[str, Any], read: list[bool]) -> None:
    sign_up(served, name="m-0")
    served.keep(mail(name="m-1"))

    assert ask(served, "PUT", "messages", json=body).text == "ok"

    assert [each["Read"] for each in ask(served, "GET", "messages")["messages"]][::-1] == read


def test_ids_and_a_search_contradict_each_other(served: Served) -> None:
    assert served.ask("PUT", "/api/v1/messages", json={"IDs": ["a"], "Search": "b"}).status_code == 400


def test_what_is_gone_is_not_counted_as_read(served: Served) -> None:
    for name in ("m-0", "m-1"):
        sign_up(served, name=name)
    sign_up(served, inbox="other")
    ask(served, "PUT", "messages", json={"Read": True})

    served.ask("DELETE", "/api/messages/m-0")
    served.context.inboxes.create("other")
    served.ask("POST", "/api/reset?inbox=other")
    sign_up(served)

    assert ask(served, "GET", "messages")["unread"] == 1


# Deleting


def test_what_is_named_is_deleted(served: Served) -> None:
    ids = [sign_up(served) for _ in range(3)]

    assert ask(served, "DELETE", "messages", json={"ids": [ids[0], ids[0], "nothing"]}).text == "ok"

    assert [each.id for each in served.store.messages().items] == [ids[2], ids[1]]


@pytest.mark.parametrize("body", [b"", b"{}", b'{"IDs": []}', b'{"IDs": null}', b"not json", b"[]"])
def test_everything_is_deleted_when_nothing_is_named_as_with_mailpit(served: Served, body: bytes) -> None:
    sign_up(served)
    sign_up(served, inbox="other")

    ask(served, "DELETE", "messages", content=body)

    assert served.store.messages().total == 0


def test_what_a_search_finds_is_deleted(served: Served) -> None:
    sign_up(served)
    [other] = served.keep(mail())

    ask(served, "DELETE", "search?query=subject:confirm")

    assert [each.id for each in served.store.messages().items] == [other]


# Tags


def test_tags_are_set_renamed_and_taken_away(served: Served) -> None:
    name, other = sign_up(served), sign_up(served)
    ask(served, "PUT", "tags", json={"IDs": [name], "Tags": ["Z", "a/b ", ""]})
    assert ask(served, "GET", "tags") == ["a b", "signup", "Z"]

    ask(served, "PUT", "tags/signup", json={"Name": "joined"})
    ask(served, "DELETE", "tags/Z")

    tags = {each["ID"]: each["Tags"] for each in ask(served, "GET", "messages")["messages"]}
    assert tags == {name: ["a b"], other: ["joined"]}
    assert ask(served, "GET", "search?query=tag:joined")["messages_count"] == 1


@pytest.mark.parametrize(
    ("method", "tag", "body", "words"),
    [
        ("PUT", "x", {"Name": "y"}, "tag not found: x"),
        ("DELETE", "x", None, "tag not found: x"),
        ("PUT", "signup", {"Name": "other"}, "tag already exists: other"),
        ("PUT", "signup", {"Name": " "}, "invalid tag name:  "),
        ("PUT", "signup", [], "json: cannot unmarshal list into Go value"),
    ],
)
def test_tags_that_cannot_be_changed_are_named(served: Served, method: str, tag: str, body: object, words: str) -> None:
    name = sign_up(served)
    sign_up(served)
    ask(served, "PUT", "tags", json={"IDs": [name], "Tags": ["other"]})

    answer = served.ask(method, f"/api/v1/tags/{tag}", json=body)

    assert (answer.status_code, answer.text) == (400, words)


# What is sent as it should not be


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("messages", b"not json"),
        ("messages", b'{"IDs": [1]}'),
        ("messages", b'{"Search": 1}'),
        ("tags", b'{"IDs": "a"}'),
        ("chaos", b"[]"),
        ("chaos", b'{"Sender": {"ErrorCode": "\xff"}}'),
    ],
)
def test_what_cannot_be_read_is_400_in_plain_text(served: Served, path: str, body: bytes) -> None:
    answer = served.ask("PUT", f"/api/v1/{path}", content=body)

    assert answer.status_code == 400
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"


def test_mailhog_takes_the_list_when_it_is_told_to() -> None:
    with Served.open(compat="mailhog") as served:
        sign_up(served)

        assert isinstance(served.ask("GET", "/api/v1/messages").json(), list)
        assert ask(served, "GET", "search?query=confirm")["messages_count"] == 1
