"""What a person, or a test, takes out of a mail: the links, and the one-time codes."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator

from mailtrap_py.message.markup import attribute, tags

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
    found |= dict.fromkeys(link for _, link in pieces(text) if link)
    return tuple(found)


def pieces(text: str) -> Iterator[tuple[str, str]]:
    """Cut a text where links begin and end: each piece, with the link that it is, or with ""."""
    position = 0
    for url in _URL.finditer(text):
        link = _without_punctuation(url[0])
        if not link.lower().startswith(_NOT_LINKS):
            yield text[position : url.start()], ""
            yield link, link
            position = url.start() + len(link)
    yield text[position:], ""


def _without_punctuation(url: str) -> str:
    """Take off what belongs to the sentence around it, not to the link."""
    unopened = {closing: url.count(closing) - url.count(opening) for closing, opening in _CLOSING.items()}
    end = len(url)
    while (last := url[end - 1]) in ".,;:!?*_)]}":  # ends at the // of the scheme
        if last in unopened:
            if unopened[last] <= 0:
                break
            unopened[last] -= 1
        end -= 1
    return url[:end]


_CODE_WORD = re.compile(
    r"(?<!\w)(?:(?!(?:bar|post|zip|qr|uni|de|en|op|geo)codes?\b)[^\W\d_]{0,20}codes?|otp|pin|one[- ]time password"
    r"|verification|token|código|codigo|codice|kod|код)(?![^\W\d_])"
    r"|验证码|驗證碼|認証コード|確認コード|인증번호",
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
    r"(?<![0-9A-Za-z_\u00c0-\u024f.,/:#$€£+@=&%-])"
    r"(?:\d{4,8}|\d{3}[- ]\d{3}|[A-Z]{1,2}-\d{4,8}"
    r"|(?=[A-Z-]*\d)(?=[\d-]*[A-Z])[A-Z\d]{4,10}(?:-[A-Z\d]{3,8}){0,3})"
    r"(?![0-9A-Za-z_\u00c0-\u024f/@%€$£=&-]|[.,:]\d)"
)
_SENTENCE_END = re.compile(r"[.!?]\s|[\u3002\uff01\uff1f]|\n\s*\n")
_YEAR = re.compile(r"(?:19|20)\d\d")
_DIRECTLY = re.compile(r"\s*(?:is|ist|est|es|:|=|-)?[\s:=]*")
_REACH = 80  # characters between a word that means a code and the code, in one sentence
_REACH_OF_A_LINE = 240  # and when the code stands on a line of its own
_READ_FOR_CODES = 100_000
_LINE_BEGINS = re.compile(r"(?:\A|\n)[ \t*_]*\Z")
_LINE_ENDS = re.compile(r"[ \t*_]*(?:\n|\Z)")


def codes(text: str) -> tuple[str, ...]:
    """Give the one-time codes: four to eight digits, or capitals with digits, next to a word that announces one."""
    text = _URL.sub(lambda url: " " * len(url[0]), text[:_READ_FOR_CODES])
    words = [word for word in _CODE_WORD.finditer(text) if not _of_another_kind(text, word.start())]
    starts = [word.start() for word in words]
    found: dict[str, None] = {}
    for code in _CODE.finditer(text) if words else ():
        first = bisect_left(starts, code.start() - _REACH_OF_A_LINE)
        last = bisect_left(starts, code.end() + _REACH)
        if any(_belongs(text, word, code) for word in words[first:last]):
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
    gap = text[first:last]
    if _YEAR.fullmatch(code[0]) and not (after and _DIRECTLY.fullmatch(gap)):
        return False
    alone = bool(
        _LINE_BEGINS.search(text, max(0, code.start() - 20), code.start()) and _LINE_ENDS.match(text, code.end())
    )
    same_sentence = len(gap) <= _REACH and not _SENTENCE_END.search(gap)
    return (after and alone) or (same_sentence and (after or "\n" not in gap))
