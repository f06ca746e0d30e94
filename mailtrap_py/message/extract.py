"""From what people read: the text of an HTML mail, its links, its one-time codes; and its images put where they belong.

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

_TAG = re.compile(r"""<(/?[a-zA-Z][^\s/>]*+)((?:[^>"']++|"[^"]*+"|'[^']*+')*+)>""")
_CARELESS_TAG = re.compile(r"<(/?[a-zA-Z][^\s/>]*+)([^>]*+)>")
_ATTRIBUTE = re.compile(r"""([^\s=/"'>]++)(?:\s*+=\s*+(?:"([^"]*+)"?|'([^']*+)'?|([^\s"'>]++)))?""")
_SKIPPED = {name: re.compile(rf"</{name}", re.IGNORECASE) for name in ("script", "style", "title", "template")}
_HUGE_REFERENCE = re.compile(r"&#(?:[0-9]{8,}+|[xX][0-9a-fA-F]{8,}+);?")

_LINES = frozenset({
    "address", "article", "aside", "br", "center", "dd", "div", "dl", "dt", "fieldset", "footer", "form", "header",
    "hr", "li", "main", "nav", "pre", "section", "tr",
})  # fmt: skip
_PARAGRAPHS = frozenset({"p", "table", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "blockquote"})


class Tag(NamedTuple):
    """A tag of HTML and the text in front of it, entities as written."""

    before: str
    name: str
    attributes: str


def tags(text: str) -> Iterator[Tag]:
    """Read HTML from the left; comments, scripts and styles are left out. The last tag has no name."""
    pattern = _TAG
    position = start = 0
    before = ""
    while (at := text.find("<", position)) >= 0:
        if text.startswith(("<!", "<?"), at):
            before += text[start:at]
            close = "-->" if text.startswith("<!--", at) else ">"
            found = text.find(close, at + 2)
            position = start = len(text) if found < 0 else found + len(close)
            continue
        if not (text.startswith("/", at + 1) or text[at + 1 : at + 2].isalpha()):
            position = at + 1  # a "<" of the text
            continue
        tag = pattern.match(text, at)
        if tag is None and pattern is _TAG:
            pattern = _CARELESS_TAG  # a quote is missing, so from here on they mean nothing
            tag = pattern.match(text, at)
        if tag is None:
            position = at + 1
            if ">" not in text[position:]:
                break
            continue
        yield Tag(before + text[start:at], tag[1].lower(), tag[2])
        before = ""
        position = start = tag.end()
        if ending := _SKIPPED.get(tag[1].lower()):
            close_tag = ending.search(text, position)
            position = start = close_tag.start() if close_tag else len(text)
    yield Tag(before + text[start:], "", "")


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
        if words := " ".join(tag.before.split()):
            space_before = " " if tag.before[0].isspace() else ""
            space_after = " " if tag.before[-1].isspace() else ""
            pieces.append(space_before + words + space_after)
        elif tag.before:
            pieces.append(" ")
        name = tag.name.removeprefix("/")
        if name in _PARAGRAPHS:
            pieces.append("\n\n")
        elif name in _LINES and not (tag.name != name and name == "br"):
            pieces.append("\n- " if tag.name == "li" else "\n")
        elif tag.name in {"td", "th"}:
            pieces.append(" ")
    lines = [" ".join(line.split(" ")).strip() for line in unescape("".join(pieces)).replace("\xa0", " ").split("\n")]
    text = re.sub(r" {2,}", " ", "\n".join(lines))
    return re.sub(r"\n{3,}", "\n\n", text).strip()


_URL = re.compile(r"""(?<![a-zA-Z0-9+.-])[a-zA-Z][a-zA-Z0-9+.-]{1,30}://[^\s<>"'`\x00-\x20]++""")
_ABSOLUTE = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*:")
_NOT_LINKS = ("javascript:", "vbscript:", "data:", "cid:", "file:", "about:", "blob:")
_CLOSING = {")": "(", "]": "[", "}": "{"}


def links(text: str, markup: str) -> tuple[str, ...]:
    """Give the absolute links: where the anchors of the HTML lead, then what looks like one in the text, each once."""
    found: dict[str, None] = {}
    for tag in tags(markup):
        if tag.name in {"a", "area"}:
            link = "".join(attribute(tag.attributes, "href").split())
            if _ABSOLUTE.match(link) and not link.lower().startswith(_NOT_LINKS):
                found[link] = None
    for url in _URL.finditer(text):
        link = _without_punctuation(url[0])
        if not link.lower().startswith(_NOT_LINKS):
            found[link] = None
    return tuple(found)


def _without_punctuation(url: str) -> str:
    """Take off what belongs to the sentence around it, not to the link."""
    while url:
        last = url[-1]
        if last in _CLOSING and url.count(last) <= url.count(_CLOSING[last]):
            return url
        if last not in ".,;:!?*_)]}":
            return url
        url = url[:-1]
    return url


_CODE_WORD = re.compile(
    r"(?<!\w)(?:(?!(?:bar|post|zip|qr|uni|de|en|op|geo)codes?\b)[^\W\d_]{0,20}codes?|otp|pin|passcode"
    r"|one[- ]time password|verification|token|código|codigo|codice|kod|код|验证码|驗證碼|認証コード|確認コード|인증번호)(?![^\W\d_])",
    re.IGNORECASE,
)
_OTHER_CODES = frozenset(
    {
        "zip",
        "postal",
        "post",
        "area",
        "country",
        "error",
        "status",
        "exit",
        "response",
        "source",
        "sort",
        "bank",
        "dress",
    }
)
_CODE = re.compile(
    r"(?<![\w.,/:#$€£+@=&%-])"
    r"(?:\d{4,8}|\d{3}[- ]\d{3}|[A-Z]{1,2}-\d{4,8}"
    r"|(?=[A-Z-]*\d)(?=[\d-]*[A-Z])[A-Z\d]{4,10}(?:-[A-Z\d]{3,8}){0,3})"
    r"(?![\w/@%€$£=&-]|[.,:]\d)"
)
_SENTENCE_END = re.compile(r"[.!?]\s|\n\s*\n")
_YEAR = re.compile(r"(?:19|20)\d\d")
_DIRECTLY = re.compile(r"\s*(?:is|ist|est|es|:|=|-)?[\s:=]*")
_REACH = 80  # characters between a word that means a code and the code, in one sentence
_REACH_OF_A_LINE = 240  # and when the code stands on a line of its own
_READ_FOR_CODES = 100_000


def codes(text: str) -> tuple[str, ...]:
    """Give the one-time codes: four to eight digits, or capitals with digits, next to a word that announces one."""
    text = _URL.sub(lambda url: " " * len(url[0]), text[:_READ_FOR_CODES])
    words = [word for word in _CODE_WORD.finditer(text) if not _of_another_kind(text, word.start())]
    if not words:
        return ()
    found: dict[str, None] = {}
    for code in _CODE.finditer(text):
        if any(_belongs(text, word, code) for word in words):
            found[code[0]] = None
    return tuple(found)


def _of_another_kind(text: str, position: int) -> bool:
    before = text[max(0, position - 20) : position].lower().split()
    return bool(before) and before[-1] in _OTHER_CODES


def _belongs(text: str, word: re.Match[str], code: re.Match[str]) -> bool:
    if code.start() < word.end() and word.start() < code.end():
        return False
    after = code.start() >= word.end()
    first, last = (word.end(), code.start()) if after else (code.end(), word.start())
    if last - first > _REACH_OF_A_LINE:
        return False
    gap = text[first:last]
    if _YEAR.fullmatch(code[0]) and not (after and _DIRECTLY.fullmatch(gap)):
        return False
    line_start = text.rfind("\n", 0, code.start()) + 1
    line_end = text.find("\n", code.end())
    alone = text[line_start : len(text) if line_end < 0 else line_end].strip(" \t*_") == code[0]
    return (after and alone) or (len(gap) <= _REACH and not _SENTENCE_END.search(gap))


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
