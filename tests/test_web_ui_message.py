from __future__ import annotations

import re
from pathlib import Path

import pytest
from msgspec.structs import replace

from mailtrap_py.events import Recipient, Reply
from mailtrap_py.message import view
from mailtrap_py.store import Query
from mailtrap_py.web.compose import submit
from mailtrap_py.web.ui_message import TABS, addressees, source
from tests.served import RICH, Served, accepted, mail, started

FILES = sorted(Path(__file__).parent.joinpath("messages").glob("*.eml"))
HOSTILE = next(file for file in FILES if file.stem == "hostile")
IMAGES = next(file for file in FILES if file.stem == "inline-images")


def test_every_message_can_be_shown_under_every_tab() -> None:
    with Served.open() as served:
        for file in FILES:
            (name,) = served.keep(mail(file.read_bytes()))
            for tab in ("", *(f"/{tab}" for tab in TABS)):
                page = served.ask("GET", f"/messages/{name}{tab}")
                assert page.status_code == 200, (file.stem, tab)
                assert page.text.rstrip().endswith("</html>")
            assert served.ask("GET", f"/frames/{name}").status_code == 200


def test_a_message_is_shown_with_its_envelope_apart() -> None:
    message = replace(
        mail(RICH),
        recipients=(
            Recipient(address="bob@EXAMPLE.com", reply=Reply(250, "2.1.5", ("Ok",))),
            Recipient(address="hidden@example.com", reply=Reply(250, "2.1.5", ("Ok",))),
        ),
    )
    with Served.open() as served:
        served.store.add(started())
        served.keep(message)
        served.store.add(accepted(message))
        page = served.ask("GET", f"/messages/{message.id}/text").text
    envelope = page[(start := page.index('id="envelope-title"')) : page.index("</section>", start)]
    rows = re.findall(r"<li><bdi>(.*?)</bdi>(.*?)</li>", envelope, re.DOTALL)
    assert [(address, "envelope only" in rest) for address, rest in rows] == [
        ("bob@EXAMPLE.com", False),
        ("hidden@example.com", True),
        ("nobody@example.com", True),
    ]
    assert "550 5.1.1 No such user" in rows[2][1]
    assert "rule refuse" in rows[2][1]
    assert "bounce@example.com" in envelope
    assert "SIZE=10" in envelope
    assert "Stored, and the client was told so." in envelope
    assert "TLSv1.3" in envelope
    assert "<h1><bdi>Grüße</bdi></h1>" in page
    assert "Ann &lt;ann@example.com&gt;" in page
    assert "hidden@example.com" not in page.replace(envelope, "")


def test_a_message_whose_client_still_waits() -> None:
    with Served.open() as served:
        (name,) = served.keep(mail())
        page = served.ask("GET", f"/messages/{name}").text
        assert "the client is still waiting" in page
        assert "bob@example.com" in page
        assert (
            "The session of this message is not in the record." in served.ask("GET", f"/messages/{name}/session").text
        )


def test_the_null_sender_and_a_subject_that_is_missing() -> None:
    with Served.open() as served:
        (name,) = served.keep(replace(mail(b"\r\n\r\n"), reverse_path=""))
        page = served.ask("GET", f"/messages/{name}").text
        assert "&lt;&gt;</span>" in page
        assert "(no subject)" in page
        assert "This message has no header." in served.ask("GET", f"/messages/{name}/headers").text
        assert "There is no text in this message." in page
        assert "There is no HTML in this message." in served.ask("GET", f"/messages/{name}/html").text
        assert "There are no attachments." in served.ask("GET", f"/messages/{name}/attachments").text


def test_many_recipients_are_folded() -> None:
    recipients = tuple(Recipient(address=f"r{n}@example.com", reply=Reply(250)) for n in range(30))
    with Served.open() as served:
        (name,) = served.keep(replace(mail(), recipients=recipients))
        page = served.ask("GET", f"/messages/{name}").text
        assert "26 more recipients" in page
        assert page.count("envelope only</span>") == 30


def test_text_has_links_and_what_is_found_beside_it() -> None:
    with Served.open() as served:
        (name,) = served.keep(mail(b"\r\nCode: 482913 <https://a.example/?x=1&y=2>\r\njavascript:x() myapp://open\r\n"))
        page = served.ask("GET", f"/messages/{name}/text").text
    link = '<a href="https://a.example/?x=1&amp;y=2" rel="noopener noreferrer nofollow" target="_blank">'
    assert page.count(link) == 2
    assert 'data-copy="482913"' in page
    assert 'href="javascript' not in page
    assert 'href="myapp' not in page
    assert "<bdi>myapp://open</bdi>" in page


def test_long_texts_and_sources_are_cut() -> None:
    with Served.open() as served:
        (name,) = served.keep(mail(b"Subject: long\r\n\r\n" + b"0123456789 " * 60_000 + b"the-end"))
        for tab in ("text", "source"):
            page = served.ask("GET", f"/messages/{name}/{tab}").text
            assert "the beginning" in page
            assert "the-end" not in page
            assert len(page) < 300_000


def test_words_of_html_say_where_they_are_from() -> None:
    with Served.open() as served:
        html, text = served.keep(mail(b"Content-Type: text/html\r\n\r\n<p>a</p>"), mail())
        assert "the words of its HTML" in served.ask("GET", f"/messages/{html}/text").text
        assert "the words of its HTML" not in served.ask("GET", f"/messages/{text}/text").text


def test_html_is_only_in_its_frame() -> None:
    with Served.open() as served:
        (name,) = served.keep(mail(HOSTILE.read_bytes()))
        page = served.ask("GET", f"/messages/{name}").text
        assert f'src="/frames/{name}"' in page
        assert 'sandbox="allow-popups allow-popups-to-escape-sandbox"' in page
        assert "8 remote addresses not loaded" in page
        assert "&lt;script&gt;alert(&#34;subject&#34;)&lt;/script&gt;" in page
        for tab in TABS:
            shown = served.ask("GET", f"/messages/{name}/{tab}").text
            (script,) = re.findall(r"<(?:script|svg|base|object|video|input)[^>]*>", shown)
            assert script.startswith('<script src="/static/app.js?v=')


def test_a_frame_may_do_nothing() -> None:
    with Served.open() as served:
        (name,) = served.keep(mail(HOSTILE.read_bytes()))
        answer = served.ask("GET", f"/frames/{name}")
        policy = answer.headers["content-security-policy"]
        assert policy == (
            "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; img-src data:; "
            "style-src 'unsafe-inline'; font-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
        )
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert served.ask("GET", f"/frames/{name}?remote=yes").headers["content-security-policy"] == policy
        remote = served.ask("GET", f"/frames/{name}?remote=1").headers["content-security-policy"]
        assert "img-src data: http: https:" in remote
        assert "script" not in remote
        assert remote.startswith("sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; ")


def test_remote_content_is_loaded_when_it_is_asked_for() -> None:
    with Served.open() as served:
        (name,) = served.keep(mail(HOSTILE.read_bytes()))
        page = served.ask("GET", f"/messages/{name}/html").text
        assert f'href="/messages/{name}/html?remote=1"' in page
        loaded = served.ask("GET", f"/messages/{name}/html?remote=1").text
        assert f'src="/frames/{name}?remote=1"' in loaded
        assert "Remote content was loaded" in loaded


def test_a_frame_has_the_images_of_the_mail_and_keeps_its_doctype() -> None:
    raw = IMAGES.read_bytes().replace(b"<p>A logo", b"<!DOCTYPE html>\r\n<p>A logo")
    with Served.open() as served:
        (name,) = served.keep(mail(raw))
        html = served.ask("GET", f"/frames/{name}").text
        assert html.startswith('<!DOCTYPE html><base target="_blank">')
        assert "data:image/png;base64,iVBOR" in html
        assert "cid:missing" in html


def test_attachments_are_files_to_save() -> None:
    with Served.open() as served:
        (name,) = served.keep(mail(IMAGES.read_bytes()))
        page = served.ask("GET", f"/messages/{name}/attachments").text
        assert "photo.png" in page
        assert f'<img src="/api/messages/{name}/parts/6"' in page
        assert "multipart/related" in page
        assert "logo@example.com" in page
        file = served.ask("GET", f"/api/messages/{name}/parts/6").headers
        assert file["content-disposition"].startswith("attachment; ")
        assert file["content-security-policy"].startswith("sandbox; ")
        assert file["x-content-type-options"] == "nosniff"


def test_a_header_is_shown_decoded_and_the_source_as_it_came() -> None:
    raw = b"Subject: =?utf-8?q?=3Cb=3E?=\r\nX-Long: a\r\n b\r\n\r\nbody \0 \xff\r\n"
    with Served.open() as served:
        (name,) = served.keep(mail(raw))
        headers = served.ask("GET", f"/messages/{name}/headers").text
        assert '<th scope="row"><bdi>X-Long</bdi></th><td><bdi>a b</bdi></td>' in headers
        assert "<td><bdi>&lt;b&gt;</bdi></td>" in headers
        assert "=?utf-8?q?=3Cb=3E?=\nX-Long: a\n b\n\nbody ␀ ÿ\n" in served.ask("GET", f"/messages/{name}/source").text


def test_defects_are_told() -> None:
    with Served.open() as served:
        few, many = served.keep(mail(b"Subject: a\nSubject: b\n\n"), mail(b"Content-Type: x\n" * 3 + b"\0\r\n\r\n"))
        assert "subject is there 2 times" in served.ask("GET", f"/messages/{few}").text
        assert '<details class="defects">' in served.ask("GET", f"/messages/{many}").text


def test_the_neighbours_of_a_message() -> None:
    with Served.open() as served:
        inboxes = ["a", "b"] * 200
        names = served.keep(*(mail(inbox=inbox, name=f"n{number}.") for number, inbox in enumerate(inboxes)))

        def neighbours(name: str, inbox: str = "") -> list[tuple[str, str]]:
            page = served.ask("GET", f"/messages/{name}{inbox}").text
            return re.findall(r'<a href="/messages/([^"?]*)[^"]*" rel="(prev|next)"', page)

        assert neighbours(names[0]) == [(names[1], "prev")]
        assert neighbours(names[5]) == [(names[6], "prev"), (names[4], "next")]
        assert neighbours(names[-1]) == [(names[-2], "next")]
        assert neighbours(names[4], "?inbox=a") == [(names[6], "prev"), (names[2], "next")]
        served.store.delete_messages(Query(inbox="b"))
        for name in names[10:396:2]:
            served.store.delete_message(name)
        assert neighbours(names[8]) == [(names[396], "prev"), (names[6], "next")]


def test_there_is_no_such_message_or_tab() -> None:
    with Served.open() as served:
        (name,) = served.keep(mail())
        for path in ("/messages/none", "/messages/none/text", "/frames/none", f"/messages/{name}/none"):
            answer = served.ask("GET", path)
            assert answer.status_code == 404
            assert "There is no such message" in answer.text


def test_addressees_without_a_transaction_are_those_of_the_message() -> None:
    with Served.open() as served:
        (name,) = served.keep(mail(RICH))
        summary = served.store.message(name)
        assert summary is not None
        found = addressees(summary, view(b"Resent-Cc: bob@EXAMPLE.com\r\n\r\n"), None)
        assert [(each.address, each.in_header, each.recipient) for each in found] == [("bob@example.com", True, None)]


@pytest.mark.parametrize(
    ("raw", "shown"),
    [(b"a\r\nb\n\tc\rd", "a\nb\n\tc␍d"), (b"\xc3\xbc\r\n\xfc", "ü\nü"), (b"", "")],
)
def test_source(raw: bytes, shown: str) -> None:
    assert source(raw) == shown


def test_what_was_submitted_over_http_has_no_session() -> None:
    with Served.open() as served:
        sent = submit(served.store, RICH, reverse_path="", recipients=["bob@example.com"])

        page = served.ask("GET", f"/messages/{sent.id}/session").text

    assert "it was submitted over HTTP" in page
    assert "There was no session" in page
