"""Mailpit's POST /send, as the reference has it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from mailtrap_py.message import view
from tests.served import Served

REQUEST: dict[str, Any] = {
    "From": {"Email": "john@example.com", "Name": "John Doe"},
    "To": [{"Email": "jane@example.com", "Name": "Jane Doe"}],
    "Cc": [{"Email": "carl@example.com"}],
    "Bcc": ["jack@example.com"],
    "ReplyTo": [{"Email": "secretary@example.com"}],
    "Subject": "Hi",
    "Text": "t",
    "HTML": "<b>h</b> <img src=cid:logo>",
    "Attachments": [
        {"Content": "aGk=", "Filename": "a.txt", "ContentType": "text/plain"},
        {"Content": "data:image/png;base64,iVBO", "Filename": "b.png", "ContentType": "image/png", "ContentID": "logo"},
    ],
    "Tags": ["Tag 1", "x"],
    "Headers": {"X-IP": "1.2.3.4"},
}


@pytest.fixture
def served() -> Iterator[Served]:
    with Served.open() as served:
        yield served


def test_a_message_is_made_and_stored(served: Served) -> None:
    answer = served.ask("POST", "/api/v1/send", json=REQUEST)

    name = answer.json()["ID"]
    assert (answer.status_code, list(answer.json())) == (200, ["ID"])
    message = served.store.message(name)
    assert message is not None
    assert message.recipients == ("jane@example.com", "carl@example.com", "jack@example.com")
    assert message.reverse_path == "john@example.com"
    mail = view(served.store.raw(name) or b"")
    assert (mail.from_, mail.to, mail.cc) == (
        "John Doe <john@example.com>",
        "Jane Doe <jane@example.com>",
        "carl@example.com",
    )
    assert (mail.header("reply-to"), mail.header("x-ip"), mail.header("bcc")) == (
        "secretary@example.com",
        "1.2.3.4",
        "",
    )
    assert [part.data for part in mail.attachments] == [b"hi"]
    assert [part.content_id for part in mail.parts if part.is_inline] == ["logo"]
    shown = served.ask("GET", f"/api/v1/message/{name}").json()
    assert (shown["Tags"], [each["Address"] for each in shown["Bcc"]]) == (["Tag 1", "x"], ["jack@example.com"])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"From": None}, "invalid From address: mail: no address"),
        ({"From": {"Email": "nobody"}}, "invalid From address: mail: nobody"),
        ({"To": [{"Email": "x"}]}, "invalid To address: mail: x"),
        ({"To": "x"}, "json: cannot unmarshal To into Go value of type []struct"),
        ({"Cc": [{}]}, "invalid Cc address: mail: no address"),
        ({"Bcc": ["x y"]}, "invalid Bcc address: mail: x y"),
        ({"ReplyTo": [{"Email": "@"}]}, "invalid Reply-To address"),
        ({"Headers": {"Subject": "x"}}, 'cannot overwrite header: "Subject"'),
        ({"Headers": {"MIME-version": "x"}}, 'cannot overwrite header: "MIME-version"'),
        ({"Headers": {"X-Tags": "x"}}, 'cannot overwrite header: "X-Tags"'),
        ({"Headers": {"X": 1}}, "json: cannot unmarshal Headers"),
        ({"Attachments": [{"Content": "?", "Filename": "f"}]}, 'error decoding base64 attachment "f": '),
        ({"Attachments": ["x"]}, "json: cannot unmarshal Attachments"),
        ({"Subject": "a\nb"}, "error building message: "),
    ],
)
def test_what_is_wrong_is_said_in_json(served: Served, change: dict[str, Any], words: str) -> None:
    answer = served.ask("POST", "/api/v1/send", json=REQUEST | change)

    assert (answer.status_code, list(answer.json())) == (400, ["Error"])
    assert answer.json()["Error"].startswith(words)
    assert served.store.messages().total == 0


@pytest.mark.parametrize("body", [b"", b"[]", b"1", b"{"])
def test_what_is_no_request_is_refused(served: Served, body: bytes) -> None:
    answer = served.ask("POST", "/api/v1/send", content=body)

    assert (answer.status_code, list(answer.json())) == (400, ["Error"])
