"""What a search looks through: the words of a message as one text, folded so that case and line ends do not matter."""

from __future__ import annotations

from collections.abc import Iterator

from mailtrap_py.message import markup
from mailtrap_py.message.view import View

LONGEST = 1_000_000
"""So many characters of the header section, and so many of the body, are searched."""


def fold(text: str) -> str:
    """Make what is searched, and what is searched for, comparable: letters in any case, white space as one blank."""
    return " ".join(text.casefold().split())


def words(raw: bytes, *more: str) -> str:
    """Give everything in a message that is searched, folded, each thing on a line of its own; `more` goes in front.

    These are the fields of the header section, decoded, with their names; every text that people read, HTML without
    its tags; where the links lead; and the names of the attachments. What stands in attachments is not among them.
    """
    mail = View(raw)
    return "\n".join(map(fold, (*more, *_within(_fields(mail)), *_within(_body(mail)))))


def _fields(mail: View) -> Iterator[str]:
    for name, value in mail.headers:
        yield f"{name}: {value}"


def _body(mail: View) -> Iterator[str]:
    for part in mail.parts:
        if part.filename:
            yield part.filename
        if part.is_attachment or part.content_type not in {"text/plain", "text/html"}:
            continue
        yield markup.text_of(part.text) if part.content_type == "text/html" else part.text
    yield from mail.links


def _within(pieces: Iterator[str]) -> Iterator[str]:
    left = LONGEST
    for piece in pieces:
        yield piece[:left]
        left -= len(piece)
        if left <= 0:
            return
