"""A message behind one value: `view` reads what is asked for when it is asked for, `summarize` what a list shows."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from functools import cached_property

from mailtrap_py.message import extract, markup
from mailtrap_py.message.fields import decode_field, decode_fields, field_defects, read_section
from mailtrap_py.message.parts import Part, walk

_SUMMARIZED = {
    name: name.decode("ascii")
    for name in (b"subject", b"from", b"to", b"cc", b"date", b"message-id", b"content-type", b"content-disposition")
}
_PLAIN_TEXT = re.compile(rb"\s*+text/(?:plain|html)\s*+(?:\Z|;(?!.*name))", re.IGNORECASE | re.DOTALL)
_IDENTIFIER = re.compile(r"<([^<>]*)>")
# RFC 5322, section 3.6: the table of how often a field may stand in a header section
_AT_MOST_ONCE = (
    "date", "from", "sender", "reply-to", "to", "cc", "bcc", "message-id", "in-reply-to", "references", "subject",
    "mime-version", "content-type", "content-transfer-encoding", "content-disposition", "content-id",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Summary:
    """What a list of messages shows, decoded: header fields ("" when missing) and the number of attachments."""

    subject: str
    from_: str
    to: str
    cc: str
    date: str
    message_id: str
    attachments: int


def summarize(raw: bytes) -> Summary:
    """Read a summary. The body is looked at only when the header section says that there may be attachments."""
    found: dict[str, bytes] = {}
    for name, value in read_section(raw).fields:
        key = _SUMMARIZED.get(name.lower())
        if key is not None and key not in found:
            found[key] = value

    def text(name: str) -> str:
        return decode_field(name, found[name]) if name in found else ""

    content_type = found.get("content-type", b"text/plain")
    may_have_attachments = "content-disposition" in found or not _PLAIN_TEXT.match(content_type)
    return Summary(
        subject=text("subject"),
        from_=text("from"),
        to=text("to"),
        cc=text("cc"),
        date=text("date"),
        message_id=_identifier(text("message-id")),
        attachments=sum(part.is_attachment for part in walk(raw)[0]) if may_have_attachments else 0,
    )


def view(raw: bytes) -> View:
    """Open a message for reading. Takes no time: everything is read when it is asked for."""
    return View(raw)


class View:
    """A message to read. Every property is always there, whatever the bytes are; `defects` says what is wrong."""

    def __init__(self, raw: bytes) -> None:
        """Keep the bytes; nothing is read yet."""
        self.raw = raw

    @cached_property
    def headers(self) -> list[tuple[str, str]]:
        """Every field of the header section in order: name as written and value, decoded."""
        return decode_fields(read_section(self.raw).fields)

    def header(self, name: str) -> str:
        """Give the first field of that name, in any case; "" when there is none."""
        wanted = name.lower()
        return next((value for name, value in self.headers if name.lower() == wanted), "")

    @property
    def subject(self) -> str:
        """The Subject field."""
        return self.header("subject")

    @property
    def from_(self) -> str:
        """The From field; the envelope's sender is another matter."""
        return self.header("from")

    @property
    def to(self) -> str:
        """The To field."""
        return self.header("to")

    @property
    def cc(self) -> str:
        """The Cc field."""
        return self.header("cc")

    @property
    def date(self) -> str:
        """The Date field as written."""
        return self.header("date")

    @property
    def message_id(self) -> str:
        """The Message-ID without `<` and `>`."""
        return _identifier(self.header("message-id"))

    @cached_property
    def _walked(self) -> tuple[tuple[Part, ...], str]:
        return walk(self.raw)

    @property
    def parts(self) -> tuple[Part, ...]:
        """All parts, depth first, multiparts too; the first is the message itself, so there is always one."""
        return self._walked[0]

    @cached_property
    def attachments(self) -> tuple[Part, ...]:
        """The parts that people would save, in order."""
        return tuple(part for part in self.parts if part.is_attachment)

    @cached_property
    def text(self) -> str:
        """What it says: the first text/plain part that says something, else the words of the HTML."""
        return self._first("text/plain") or markup.text_of(self.html)

    @cached_property
    def html(self) -> str:
        """The first text/html part that is not an attachment, as sent; "" when there is none."""
        return self._first("text/html")

    def _first(self, content_type: str) -> str:
        texts = (part.text for part in self.parts if part.content_type == content_type and not part.is_attachment)
        return next((text for text in texts if text.strip()), "")

    @cached_property
    def links(self) -> tuple[str, ...]:
        """Where it leads: from the HTML's anchors, then from the text, each once."""
        return extract.links(self.text, self.html)

    @cached_property
    def codes(self) -> tuple[str, ...]:
        """The one-time codes in the text, as they are written there."""
        return extract.codes(self.text)

    @cached_property
    def defects(self) -> tuple[str, ...]:
        """What is wrong with it, in words; empty for nearly all mail."""
        found = ["it is empty"] if not self.raw else []
        if nul := self.raw.count(b"\0"):
            found.append(f"{nul} NUL octets, which RFC 5322 does not allow")
        pairs = self.raw.count(b"\r\n")
        if alone := self.raw.count(b"\r") - pairs:
            found.append(f"{alone} CR without LF (RFC 5322, section 2.3: they occur only together)")
        if alone := self.raw.count(b"\n") - pairs:
            found.append(f"{alone} LF without CR (RFC 5322, section 2.3: they occur only together)")
        times = Counter(name.lower() for name, _ in self.headers)
        found += [f"{name} is there {times[name]} times" for name in _AT_MOST_ONCE if times[name] > 1]
        for part in self.parts:
            place = f"part {part.index}: " if part.index else ""
            found += [place + defect for defect in (*field_defects(part.fields), *part.defects)]
        if self._walked[1]:
            found.append(self._walked[1])
        return tuple(found)


def _identifier(text: str) -> str:
    found = _IDENTIFIER.search(text)
    return (found[1] if found else text).strip("<> ")
