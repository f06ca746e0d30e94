"""HTML as mail has it: its words as plain text, and its images put where they belong.

HTML is read by one loop that goes through it once. It is not a browser: it never raises, and it takes no longer for
hostile input than for kind input of the same length.
"""

from __future__ import annotations

import base64
import html
import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple
from urllib.parse import unquote

from mailtrap_py.message.parts import Part

_TAG = re.compile(r"""<(/?[a-zA-Z][^\s/>]*+)((?:[^>"']++|"[^"]*+"|'[^']*+')*)>""")
_MARK = re.compile(r"<(?:!--|[!?]|/(?![a-zA-Z])|(?=/?[a-zA-Z]))")
_CARELESS_TAG = re.compile(r"<(/?[a-zA-Z][^\s/>]*+)([^>]*+)>")
_ATTRIBUTE = re.compile(r"""([^\s=/"'>]++)(?:\s*+=\s*+(?:"([^"]*+)"?|'([^']*+)'?|([^\s"'>]++)))?""")
_SKIPPED = {name: re.compile(rf"</{name}", re.IGNORECASE) for name in ("script", "style", "title", "template")}
_HUGE_REFERENCE = re.compile(r"&#(?:[0-9]{8,}+|[xX][0-9a-fA-F]{8,}+);?")

_LINES = frozenset({
    "address", "article", "aside", "br", "center", "dd", "div", "dl", "dt", "fieldset", "footer", "form", "header",
    "hr", "li", "main", "nav", "pre", "section", "tr",
})  # fmt: skip
_SPACE = re.compile(r"\s+")
_BLANKS = re.compile(r"[ \t\xa0]+")
_AROUND_LINE_END = re.compile(r" ?\n ?")
_EMPTY_LINES = re.compile(r"\n{3,}")
_PARAGRAPHS = frozenset({"p", "table", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "blockquote"})


class Tag(NamedTuple):
    """A tag of HTML and the text in front of it, entities as written."""

    before: str
    name: str
    attributes: str


def tags(text: str) -> Iterator[Tag]:
    """Read HTML from the left; comments, scripts and styles are left out. The last tag has no name."""
    pattern = _TAG
    position = 0
    before = ""
    while mark := _MARK.search(text, position):
        at = mark.start()
        before += text[position:at]
        if mark[0] != "<":  # a comment, or what HTML takes for one
            close = "-->" if mark[0] == "<!--" else ">"
            found = text.find(close, at + 2)
            position = len(text) if found < 0 else found + len(close)
            continue
        tag = pattern.match(text, at)
        if tag is None and pattern is _TAG:
            pattern = _CARELESS_TAG  # a quote is missing, so from here on quotes mean nothing
            tag = pattern.match(text, at)
        if tag is None:
            position = len(text)  # a tag that never ends
            break
        name = tag[1].lower()
        yield Tag(before, name, tag[2])
        before = ""
        position = tag.end()
        if name in _SKIPPED:
            ending = _SKIPPED[name].search(text, position)
            position = ending.start() if ending else len(text)
    yield Tag(before + text[position:], "", "")


def unescape(text: str) -> str:
    """Decode entities; numbers too large for any character become U+FFFD (Python refuses to read some of them)."""
    return html.unescape(_HUGE_REFERENCE.sub("\ufffd", text))


def attribute(attributes: str, name: str) -> str:
    """Give the first value of an attribute, decoded; "" when it is not there."""
    for found in _ATTRIBUTE.finditer(attributes):
        if found[1].lower() == name:
            return unescape(found[2] or found[3] or found[4] or "")
    return ""


def text_of(markup: str) -> str:
    """Give the words of HTML as plain text, blocks on lines of their own."""
    pieces: list[str] = []
    for tag in tags(markup):
        pieces.append(_SPACE.sub(" ", tag.before))
        if tag.name.removeprefix("/") in _PARAGRAPHS:
            pieces.append("\n\n")
        elif tag.name in _LINES or (tag.name.startswith("/") and tag.name[1:] in _LINES - {"br"}):
            pieces.append("\n- " if tag.name == "li" else "\n")
        elif tag.name in {"td", "th"}:
            pieces.append(" ")
    text = _BLANKS.sub(" ", unescape("".join(pieces)))
    return _EMPTY_LINES.sub("\n\n", _AROUND_LINE_END.sub("\n", text)).strip()


_CID = re.compile(r"cid:([^\s\"'<>)]++)", re.IGNORECASE)
_MOST_EMBEDDED = 64 * 1024 * 1024  # octets of images in one page, however often a mail names them
_IMAGE = re.compile(r"image/[a-z0-9.+-]+")
_REMOTE_IN_STYLE = re.compile(r"""(?:url\(\s*+["']?|@import\s++["'])((?:https?:)?//[^\s"')]++)""", re.IGNORECASE)
_LOADING = ("src", "background", "poster", "srcset", "data")


def embed_images(markup: str, parts: Iterable[Part]) -> str:
    """Put the images that a mail brings with it in the place of the `cid:` that names them (RFC 2392), as data URLs."""
    images = {part.content_id: part for part in parts if part.content_id and _IMAGE.fullmatch(part.content_type)}
    urls: dict[str, str] = {}
    embedded = 0

    def put(found: re.Match[str]) -> str:
        nonlocal embedded
        name = unquote(unescape(found[1]))
        part = images.get(name)
        if part is None:
            return found[0]
        if name not in urls:
            urls[name] = f"data:{part.content_type};base64,{base64.b64encode(part.data).decode('ascii')}"
        embedded += len(urls[name])
        return urls[name] if embedded <= _MOST_EMBEDDED else found[0]

    return _CID.sub(put, markup) if images else markup


def remote_references(markup: str) -> tuple[str, ...]:
    """Give what a browser would fetch from elsewhere to show this HTML, each address once: pictures, styles, pixels."""
    found: dict[str, None] = {}
    for tag in tags(markup):
        if tag.name.startswith("/"):
            continue
        names = ("href",) if tag.name == "link" else _LOADING
        for name in names:
            for candidate in attribute(tag.attributes, name).split():
                if candidate.lower().startswith(("http:", "https:", "//")):
                    found[candidate.rstrip(",")] = None
    for url in _REMOTE_IN_STYLE.finditer(unescape(markup)):
        found[url[1]] = None
    return tuple(found)
