"""The body: the tree of MIME parts (RFC 2045, 2046) and what each carries.

The tree is found by looking for boundaries in the octets, and nothing is copied; a part is decoded when its data is
asked for. Depth and number are capped, because a few kilobytes can hold thousands of nested parts.
"""

from __future__ import annotations

import binascii
import re
from functools import cached_property

from mailtrap_py.message.charsets import decode
from mailtrap_py.message.fields import decode_field, decode_fields, parameters, read_section, unfold

MAX_DEPTH = 50
MAX_PARTS = 1000

_TYPE = re.compile(r"[^\s/;,()]++/[^\s/;,()]++")
_NOT_IN_A_NAME = re.compile("[\x00-\x1f\x7f/\\\\\u2028\u2029]")
_BIDI = re.compile("[\u200e\u200f\u202a-\u202e\u2066-\u2069]")  # they make "annexe.jpg" of what ends in "gpj.exe"
_LONGEST_NAME = 200

_ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_NOT_BASE64 = bytes(sorted(set(range(256)) - set(_ALPHABET + b"=")))
_PADDING = re.compile(rb"=++")
_TRAILING = re.compile(rb"(?<![ \t])[ \t]++(?=\r?\n|\Z)")
_BAD_QUOTED = re.compile(rb"=(?![0-9A-Fa-f]{2}|[ \t]*+\r?\n|[ \t]*+\Z)")
_AS_IS = frozenset({"", "7bit", "8bit", "binary"})


class Part:
    """A part of a message: a leaf, or a multipart that holds the parts behind it whose `depth` is greater.

    `index` is its place in the message, depth first from 0. `content_type` is `type/subtype` in lower case, as far as
    it can be used. `filename` is decoded and has no path in it; "" when there is none. `content_id` is without `<>`.
    `disposition` is `attachment`, `inline` or ""; `fields` are its own header fields as octets.
    """

    def __init__(self, raw: bytes, start: int, end: int, *, index: int, parent: Part | None) -> None:
        """Read the header section of what stands there; the body stays as it is."""
        self._raw, self._end = raw, end
        self.index = index
        self.parent = parent
        self.depth: int = parent.depth + 1 if parent else 0
        self.fields, self._body, defect = read_section(raw, start, end)
        self._found = [defect] if defect else []
        first: dict[str, bytes] = {}
        for name, value in self.fields:
            if name[:8].lower() == b"content-":
                first.setdefault(name.decode("latin-1").lower(), value)
        self.content_type, self.parameters = self._read_type(first.get("content-type", b""))
        self.disposition, disposition = parameters(unfold(first.get("content-disposition", b"")))
        self.filename = _neutral(disposition.get("filename") or self.parameters.get("name", ""))
        self.content_id = decode_field("content-id", first.get("content-id", b"")).strip("<> \t")
        self.encoding = unfold(first.get("content-transfer-encoding", b"")).partition(";")[0].lower().strip()
        self.spans: list[tuple[int, int]] = []
        if self.multipart:
            self._split()

    def __repr__(self) -> str:
        """Say which part it is, for people in a debugger."""
        return f"<Part {self.index} {self.content_type}{f' {self.filename!r}' if self.filename else ''}>"

    def _read_type(self, value: bytes) -> tuple[str, dict[str, str]]:
        # RFC 2046, section 5.1.5: in a digest "the default Content-Type value for a body part is changed".
        in_digest = self.parent is not None and self.parent.content_type == "multipart/digest"
        default = "message/rfc822" if in_digest else "text/plain"
        written, found = parameters(unfold(value))
        if usable := _TYPE.match(written):
            return usable[0], found
        if value.strip():
            self._found.append(f"the Content-Type {written!r} is none; read as {default}")
        return default, found

    def _split(self) -> None:
        """Find what a multipart holds; if there is nothing to find it is a text after all."""
        boundary = self.parameters.get("boundary", "").rstrip()
        if self.depth >= MAX_DEPTH:
            self._found.append(f"more than {MAX_DEPTH} multiparts inside each other; the inner ones are not read")
            self.content_type = "application/octet-stream"
            return
        if not boundary:
            self._found.append(f"{self.content_type} without a boundary; read as text/plain")
            self.content_type = "text/plain"
            return
        self.spans, closed = split(self._raw, self._body, self._end, b"--" + boundary.encode("utf-8", "replace"))
        if not self.spans:
            self._found.append(f"the boundary {boundary!r} of {self.content_type} is not there; read as text/plain")
            self.content_type = "text/plain"
        elif not closed:
            self._found.append(f"the end of {self.content_type} is missing: --{boundary}--")

    @property
    def multipart(self) -> bool:
        """Whether it holds parts and nothing else."""
        return self.content_type.startswith("multipart/")

    @property
    def headers(self) -> list[tuple[str, str]]:
        """Its header fields in order: name as written and value, decoded."""
        return decode_fields(self.fields)

    @property
    def encoded(self) -> bytes:
        """The body as it was sent, before the transfer encoding is undone."""
        return self._raw[self._body : self._end]

    @cached_property
    def _decoded(self) -> tuple[bytes, str]:
        return (self.encoded, "") if self.multipart else undo(self.encoded, self.encoding)

    @property
    def data(self) -> bytes:
        """What it carries, its transfer encoding undone as far as it can be; of a multipart the body as sent."""
        return self._decoded[0]

    @property
    def size(self) -> int:
        """The length of `data` in octets."""
        return len(self.data)

    @cached_property
    def _text(self) -> tuple[str, str]:
        text, defect = decode(self.data, self.parameters.get("charset", ""))
        return text.removeprefix("\ufeff").replace("\r\n", "\n"), defect

    @property
    def text(self) -> str:
        """Its data as text in its charset, line ends as line feeds."""
        return self._text[0]

    @property
    def is_inline(self) -> bool:
        """Whether it belongs into the HTML beside it (RFC 2387, 2392)."""
        related = self.parent is not None and self.parent.content_type == "multipart/related"
        pictured = not self.multipart and not self.content_type.startswith("text/")
        return related and pictured and bool(self.content_id) and self.disposition != "attachment"

    @property
    def is_attachment(self) -> bool:
        """Whether people would save it: not a text to read here, not an image that the HTML shows in its place."""
        if self.multipart or self.is_inline:
            return False
        if self.disposition == "attachment" or self.filename or self.content_type == "text/calendar":
            return True
        alternative = self.parent is not None and self.parent.content_type == "multipart/alternative"
        return not alternative and self.content_type not in {"text/plain", "text/html"}

    @property
    def defects(self) -> tuple[str, ...]:
        """What is wrong with it, in words."""
        text_defect = self._text[1] if self.content_type.startswith("text/") else ""
        return tuple(filter(None, (*self._found, self._decoded[1], text_defect)))


def walk(raw: bytes) -> tuple[tuple[Part, ...], str]:
    """Read the tree of parts, depth first, the message itself first; with the defect that there are too many."""
    parts: list[Part] = []
    waiting: list[tuple[int, int, Part | None]] = [(0, len(raw), None)]
    while waiting and len(parts) < MAX_PARTS:
        start, end, parent = waiting.pop()
        part = Part(raw, start, end, index=len(parts), parent=parent)
        parts.append(part)
        waiting += [(start, end, part) for start, end in reversed(part.spans)]
    return tuple(parts), f"more than {MAX_PARTS} parts; the rest is not read" if waiting else ""


def split(raw: bytes, start: int, end: int, delimiter: bytes) -> tuple[list[tuple[int, int]], bool]:
    """Give where the parts of a multipart begin and end (RFC 2046, section 5.1.1), and whether its end is there."""
    spans: list[tuple[int, int]] = []
    begin = -1
    position = start
    while (at := raw.find(delimiter, position, end)) >= 0 and len(spans) < MAX_PARTS:
        position = at + len(delimiter)
        if at != start and raw[at - 1] != ord("\n"):
            continue  # "Boundary delimiters must occur at the beginning of a line"
        line_end = raw.find(b"\n", position, end)
        line_end = end if line_end < 0 else line_end
        rest = raw[position:line_end].strip()
        if rest not in {b"", b"--"}:
            continue  # another boundary that begins like this one
        if begin >= 0:
            # "The CRLF preceding the boundary delimiter line is conceptually attached to the boundary"
            last = at - 2 if raw[at - 2 : at] == b"\r\n" else at - 1
            spans.append((begin, max(begin, last)))
        if rest:
            return spans, True
        begin = position = min(line_end + 1, end)
    if begin >= 0:
        spans.append((begin, end))
    return spans, False


def undo(data: bytes, encoding: str) -> tuple[bytes, str]:
    """Undo a transfer encoding (RFC 2045, section 6) as far as it goes; with the defect in words."""
    if encoding == "base64":
        compact = data.translate(None, b"\r\n\t ")
        try:
            return binascii.a2b_base64(compact, strict_mode=True), ""
        except binascii.Error:
            strange = compact.translate(None, _ALPHABET + b"=")
            found = f"it has {strange[:8]!r} in it" if strange else "its padding is missing, or not at its end"
        runs = (
            run[: len(run) - 1] if len(run) % 4 == 1 else run
            for run in _PADDING.split(data.translate(None, _NOT_BASE64))
        )
        return b"".join(binascii.a2b_base64(run + b"=" * (-len(run) % 4)) for run in runs), f"broken base64: {found}"
    if encoding == "quoted-printable":
        broken = _BAD_QUOTED.search(data)
        defect = f"broken quoted-printable: {data[broken.start() : broken.start() + 3]!r}" if broken else ""
        # RFC 2045, section 6.7: white space at the end of a line was added on the way and "must be deleted"
        return binascii.a2b_qp(_TRAILING.sub(b"", data)), defect
    return data, "" if encoding in _AS_IS else f"the transfer encoding {encoding!r} is not known; shown as it is"


def _neutral(name: str) -> str:
    """Make a file name of what the sender says is one: no path in it, nothing that shows it other than it is."""
    name = _NOT_IN_A_NAME.sub("_", _BIDI.sub("", name)).strip()
    return "_" if name in {".", ".."} else name[:_LONGEST_NAME]
