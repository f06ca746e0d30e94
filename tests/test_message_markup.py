from __future__ import annotations

import pytest

from mailtrap_py.message import view
from mailtrap_py.message.markup import attribute, embed_images, remote_references, tags, text_of, unescape


@pytest.mark.parametrize(
    ("markup", "expected"),
    [
        ("", [("", "", "")]),
        ("a < b", [("a < b", "", "")]),
        ("<P>x</p >", [("", "p", ""), ("x", "/p", " "), ("", "", "")]),
        ("a<!-- > <b> -->c<i>", [("ac", "i", ""), ("", "", "")]),
        ("a<!-- <b>", [("a", "", "")]),
        ("<?php echo ?>a</ b><!DOCTYPE html>c", [("ac", "", "")]),
        ("<script>if (a < b) '</p>'</SCRIPT>x", [("", "script", ""), ("", "/script", ""), ("x", "", "")]),
        ("<style>never closed", [("", "style", ""), ("", "", "")]),
        ('<a href="x>y">z', [("", "a", ' href="x>y"'), ("z", "", "")]),
        ('<a href="x>y<b>z', [("", "a", ' href="x'), ("y", "b", ""), ("z", "", "")]),
        ("x<a href='y", [("x", "", "")]),
    ],
)
def test_tags(markup: str, expected: list[tuple[str, str, str]]) -> None:
    assert list(tags(markup)) == expected


@pytest.mark.parametrize(
    ("attributes", "value"),
    [
        (' href="a&amp;b"', "a&b"),
        (" HREF = 'a'", "a"),
        (" href=a/b?c=d ", "a/b?c=d"),
        (" data-href=x href=y href=z", "y"),
        (' title="href=x"', ""),
        (" href", ""),
        (' href="open', "open"),
    ],
)
def test_attribute(attributes: str, value: str) -> None:
    assert attribute(attributes, "href") == value


def test_numbers_that_are_no_characters_are_tolerated() -> None:
    assert unescape(f"&#{'9' * 5000};&#x{'f' * 9};&#55555;&lt;") == "\ufffd\ufffd\ufffd<"


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("<p>one</p><p>two<br/>three</br></p>", "one\n\ntwo\nthree"),
        ("<p>one\n  <b>bold</b>, two</p>", "one bold, two"),
        ("<ul><li>a</li><li>b</ul>", "- a\n\n- b"),
        ("<table><tr><td>a</td><th>b</th></tr><tr><td>c</table>", "a b\n\nc"),
        ("a&nbsp;&lt;b&gt;", "a <b>"),
        ("<div>a</div><div>b</div>", "a\n\nb"),
        ("<title>no</title>yes", "yes"),
    ],
)
def test_the_words_of_html(markup: str, text: str) -> None:
    assert text_of(markup) == text


RELATED = view(
    b"Content-Type: multipart/related; boundary=b\n\n--b\nContent-Type: text/html\n\nx\n"
    b"--b\nContent-Type: image/gif\nContent-ID: <a@b>\n\nGIF\n--b\nContent-Type: image/png;\nContent-ID: <c>\n\nPNG\n"
    b"--b\nContent-Type: text/html\nContent-ID: <page>\n\n<script>\n--b--\n"
).parts


@pytest.mark.parametrize(
    ("markup", "embedded"),
    [
        ('<img src="cid:a@b">', '<img src="data:image/gif;base64,R0lG">'),
        ("<img src=CID:a%40b>", "<img src=data:image/gif;base64,R0lG>"),
        ("url(cid:c)", "url(data:image/png;base64,UE5H)"),
        ('"cid:nobody" "cid:page"', '"cid:nobody" "cid:page"'),
    ],
)
def test_images_of_the_mail_are_put_in_place(markup: str, embedded: str) -> None:
    assert embed_images(markup, RELATED) == embedded


def test_an_image_named_a_million_times_does_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mailtrap_py.message.markup._MOST_EMBEDDED", 60)
    assert embed_images("cid:c " * 5, RELATED).count("data:") == 2


def test_nothing_to_put_in_place() -> None:
    assert embed_images("<img src=cid:x>", RELATED[:2]) == "<img src=cid:x>"


@pytest.mark.parametrize(
    ("markup", "references"),
    [
        ("<a href=http://a/>link</a>", ()),
        ('<img src="https://a/1.png"><img src="https://a/1.png">', ("https://a/1.png",)),
        ("<img src=//a/b><img src=/c><img src=cid:d></img src=http://e/>", ("//a/b",)),
        ('<img srcset="https://a/1 1x, https://a/2 2x">', ("https://a/1", "https://a/2")),
        ('<link rel="stylesheet" href="HTTP://a/s.css"><body background=http://a/b>', ("HTTP://a/s.css", "http://a/b")),
        ("<style>@import 'http://a/i'; b {background: url( \"//a/u\" )}</style>", ("http://a/i", "//a/u")),
        ('<p style="background:url(&quot;https://a/q&quot;)">', ("https://a/q",)),
    ],
)
def test_what_would_be_fetched(markup: str, references: tuple[str, ...]) -> None:
    assert remote_references(markup) == references
