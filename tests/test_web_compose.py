"""Mail that is made here: the reader of captured mail finds in it what was put in."""

from __future__ import annotations

import pytest

from mailtrap_py.message import view
from mailtrap_py.store import Store
from mailtrap_py.web.compose import Attached, Draft, compose, mailbox, submit

ANN = ("Ann Möller", "ann@example.com")


def made(**parts: object) -> bytes:
    return compose(Draft(from_=ANN, **parts), hostname="trap.example")  # type: ignore[arg-type]  # each test says which


def test_a_message_has_what_every_message_has() -> None:
    mail = view(made(to=[("", "bob@example.com")], subject="Grüße", text="Hallo\n"))

    assert (mail.from_, mail.to, mail.subject) == ("Ann Möller <ann@example.com>", "bob@example.com", "Grüße")
    assert mail.message_id.endswith("@trap.example")
    assert mail.date.endswith("+0000")
    assert (mail.text, mail.html, mail.defects) == ("Hallo\n", "", ())


def test_text_and_html_stand_beside_each_other() -> None:
    mail = view(made(text="Hello", html="<b>Hello</b>"))

    assert (mail.text.strip(), mail.html.strip()) == ("Hello", "<b>Hello</b>")
    assert mail.parts[0].content_type == "multipart/alternative"


def test_files_are_attached_or_shown_in_the_html() -> None:
    image = Attached(filename="a.png", content=b"\x89PNG", content_type="image/png", content_id="logo")
    terms = Attached(filename="Geschäft.pdf", content=b"%PDF", content_type="application/pdf")

    mail = view(made(html='<img src="cid:logo">', files=[image, terms]))

    assert [(part.filename, part.data, part.content_id) for part in mail.parts if part.is_inline] == [
        ("a.png", b"\x89PNG", "logo")
    ]
    assert [(part.filename, part.data) for part in mail.attachments] == [("Geschäft.pdf", b"%PDF")]


def test_without_html_every_file_is_attached() -> None:
    mail = view(made(text="x", files=[Attached(filename="a.png", content=b"x", content_id="logo")]))

    assert [(part.filename, part.content_id) for part in mail.attachments] == [("a.png", "logo")]


def test_fields_are_added_and_take_the_place_of_usual_ones() -> None:
    mail = view(made(headers={"X-Order": "4711", "Date": "Mon, 20 Jul 2026 06:51:26 +0200", "Message-ID": "<1@x>"}))

    assert (mail.header("x-order"), mail.message_id) == ("4711", "1@x")
    assert [value for name, value in mail.headers if name == "Date"] == ["Mon, 20 Jul 2026 06:51:26 +0200"]


@pytest.mark.parametrize(
    "parts",
    [
        {"subject": "a\r\nBcc: eve@example.com"},
        {"headers": {"Subject": "a second one"}},
        {"headers": {"X\r\nBcc": "x"}},
        {"to": [("", "a b@example.com\r\n")]},
        {"files": [Attached(filename="a", content=b"", content_type="text")]},
        {"files": [Attached(filename="a", content=b"", content_type="multipart/mixed")]},
    ],
)
def test_what_no_message_can_hold_is_refused(parts: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="no message can be made of this"):
        made(**parts)


@pytest.mark.parametrize("text", ["", "Ann", "a@example.com, b@example.com", "<>", "@", "ann@", "@example.com"])
def test_a_mailbox_is_one(text: str) -> None:
    with pytest.raises(ValueError, match="is not a mailbox"):
        mailbox(text)


def test_what_is_submitted_is_in_the_record_at_once() -> None:
    store = Store()

    summary = submit(store, b"Subject: a\r\n\r\n", reverse_path="", recipients=["b@example.com"], inbox="w")

    assert (store.raw(summary.id), summary.inbox, summary.subject) == (b"Subject: a\r\n\r\n", "w", "a")
    assert (summary.session_id, summary.recipients) == ("", ("b@example.com",))
    store.close()
