from __future__ import annotations

import contextlib
from typing import Any

import pytest

from mailtrap_py.store import Store
from mailtrap_py.web.compat.mailhog_shapes import id_of, message_json, parse
from tests.compared import NUMBER, TEXT, differences
from tests.served import PLAIN, mail

PATH = {"Relays": None, "Mailbox": TEXT, "Domain": TEXT, "Params": TEXT}
MESSAGE = {
    "ID": TEXT,
    "From": PATH,
    "To": [PATH],
    "Content": {"Headers": (dict,), "Body": TEXT, "Size": NUMBER, "MIME": None},
    "Created": TEXT,
    "MIME": ({"Parts": [dict]}, None),
    "Raw": {"From": TEXT, "To": [TEXT], "Data": TEXT, "Helo": TEXT},
}
# The mail of the reference's example.
EXAMPLE = (
    b"Subject: Hello\r\nX-Dup: one\r\nX-Dup: two\r\nX-Fold: a\r\n b\r\n"
    b'Content-Type: multipart/mixed; boundary="bb"\r\n\r\n'
    b"--bb\r\nContent-Type: text/plain\r\n\r\nplain\r\n--bb--\r\n"
)


def shaped(raw: bytes, **changes: Any) -> dict[str, Any]:  # noqa: ANN401 - what `mail` takes
    with contextlib.closing(Store()) as store:
        store.add(mail(raw, name="m", **changes))
        summary = store.message("m")
    assert summary is not None
    return message_json(summary, raw, hostname="mailhog.example")


@pytest.mark.parametrize("raw", [EXAMPLE, PLAIN, b"", b"\xff\xfe", b"Subject: a"])
def test_every_field_of_the_reference_is_there(raw: bytes) -> None:
    assert differences(shaped(raw), MESSAGE) == []


def test_the_example_of_the_reference() -> None:
    message = shaped(EXAMPLE)

    headers = message["Content"]["Headers"]
    assert (message["ID"], message["From"]["Mailbox"], message["To"][0]["Domain"]) == (
        "m@mailhog.example",
        "bounce",
        "example.com",
    )
    assert (headers["Subject"], headers["X-Dup"], headers["X-Fold"]) == (["Hello"], ["two"], ["a b"])
    assert (headers["Message-ID"], headers["Return-Path"]) == (["m@mailhog.example"], ["<bounce@example.com>"])
    assert headers["Received"][0].startswith("from app by mailhog.example")
    assert message["Content"]["Size"] == len(EXAMPLE)
    assert message["Content"]["Body"].startswith("--bb\r\n")
    assert message["MIME"]["Parts"] == [
        {"Headers": {"Content-Type": ["text/plain"]}, "Body": "plain", "Size": 33, "MIME": None},
        {"Headers": {}, "Body": "--", "Size": 2, "MIME": None},
    ]
    assert message["Raw"]["Data"] == EXAMPLE.decode().removesuffix("\r\n")
    assert message["Created"] == "2026-10-01T09:00:00.500000Z"


def test_a_message_id_that_is_there_stays() -> None:
    assert shaped(b"message-id: <1@x>\r\n\r\n")["Content"]["Headers"]["message-id"] == ["<1@x>"]


def test_multiparts_stand_inside_each_other() -> None:
    inner = b"Content-Type: multipart/alternative; boundary=y\r\n\r\n--y\r\n\r\na\r\n--y--\r\n"
    outer = b"Content-Type: Multipart/mixed; boundary=x\r\n\r\n--x\r\n" + inner + b"--x--\r\n"

    [part, _] = shaped(outer)["MIME"]["Parts"]

    assert [each["Body"] for each in part["MIME"]["Parts"]] == ["a", "--"]


@pytest.mark.parametrize("content_type", [b"multipart/mixed", b"multipart/mixed; boundary="])
def test_a_multipart_without_a_boundary_has_no_parts(content_type: bytes) -> None:
    assert shaped(b"Content-Type: " + content_type + b"\r\n\r\nx")["MIME"] == {"Parts": []}


def test_parts_do_not_nest_for_ever() -> None:
    raw = b"".join(b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n) for n in range(100))

    assert shaped(raw)["MIME"]["Parts"]


def test_what_has_no_header_is_all_body() -> None:
    assert parse("no header") == {"Headers": {}, "Body": "no header", "Size": 9, "MIME": None}
    assert parse(" odd\r\nno colon\r\nA: b\r\n\r\nc")["Headers"] == {"A": ["b"]}


@pytest.mark.parametrize("name", ["m", "m@mailhog.example", "m@"])
def test_a_name_leads_to_the_id(name: str) -> None:
    assert id_of(name) == "m"
