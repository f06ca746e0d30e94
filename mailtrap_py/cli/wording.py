"""Who says it in these words: a reply is looked up in the catalogue of what real servers say."""

from __future__ import annotations

import re
from difflib import SequenceMatcher
from typing import TYPE_CHECKING

from mailtrap_py.scenario.catalogue import Truth, entries

if TYPE_CHECKING:
    from mailtrap_py.scenario.catalogue import KnownReply

_ALIKE = 0.8  # of 1: how alike two texts are when they are taken for one
_LEAST = 4  # words; who says less says what many say
_ENHANCED = re.compile(r"\b[245]\.[0-9]{1,3}\.[0-9]{1,3}\b")
_VARIABLE = re.compile(r"\$\{\w+\}|<[^>]*>|\[[^\]]*\]|\S*[0-9@]\S*|\bhttps?:\S+")
_WORD = re.compile(r"[a-z']{2,}")

_TRUTHS = {
    Truth.DEFERRAL: "It passes, although its code says that it does not: try again later.",
    Truth.DEAD_END: "It never passes, although its code says that it does: trying again does not help.",
}


def said_by(code: str, text: str) -> KnownReply | None:
    """Give the entry of the catalogue that a line is, apart from names, addresses and numbers, if there is one."""
    words = _words(text)
    best, how_alike = None, _ALIKE
    if len(words) < _LEAST:
        return None
    for entry in entries().values():
        if str(entry.reply.code) != code:
            continue
        # People paste all lines of a reply, or its first.
        for known in {tuple(_words(entry.reply.lines[0])), tuple(_words(" ".join(entry.reply.lines)))}:
            alike = SequenceMatcher(None, words, list(known), autojunk=False).ratio() if len(known) >= _LEAST else 0
            if alike > how_alike:
                best, how_alike = entry, alike
    return best


def remark(entry: KnownReply) -> str:
    """Say who says so, and whether its code can be believed."""
    server = re.sub(r"(?: ?\[[A-Z]\])+$", "", entry.source)
    return f"{server} says this at {entry.point}. {_TRUTHS.get(entry.class_, '')}".rstrip()


def _words(text: str) -> list[str]:
    return _WORD.findall(_VARIABLE.sub(" ", _ENHANCED.sub(" ", text)).lower())
