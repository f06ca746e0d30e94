"""The header section: fields (RFC 5322), encoded words (RFC 2047), parameters (RFC 2231), addresses.

Reading a section is one regular expression over the octets; decoding a field is done when somebody wants it. Every
loop here is linear in what it reads, because what it reads may be hostile.
"""

from __future__ import annotations

import binascii
import re
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

from mailtrap_py.message.charsets import decode, visible

# A name, a colon, a value and the lines that go on with it. Octets above 127 in a name are no standard, but seen.
_FIELD = re.compile(rb"([^\x00-\x20\x7f:]++)[ \t]*+:((?:[^\n]*+\n(?=[ \t]))*[^\n]*+)(?:\n|\Z)")
_FOLD = re.compile(rb"\r?\n(?=[ \t])")
_MBOX = re.compile(rb"From [^\n]*+\n(?=[^\x00-\x20\x7f:]++[ \t]*+:)")

_WORD = re.compile(r"=\?([^?\s]*+)\?([bBqQ])\?([^?]*+)\?=")
_LOOKS_LIKE_A_WORD = re.compile(r"=\?[^?\s]*+\?[^?\s]*+\?[^?]*+\?=")
_NEEDS_QUOTES = re.compile(r'[()<>\[\]:;@\\,"]')

_PARAMETER = re.compile(r';\s*+([^\s=;"]++)\s*+=\s*+(?:"((?:[^"\\]++|\\.)*)"?|([^;]*+))', re.DOTALL)
_ESCAPED = re.compile(r'\\(["\\])')
_SEGMENT = re.compile(r"(.+?)(?:\*([0-9]{1,4}))?(\*)?\Z", re.DOTALL)

_ADDRESS_FIELDS = frozenset({
    "from", "to", "cc", "bcc", "sender", "reply-to", "resent-from", "resent-to", "resent-cc", "resent-bcc",
    "resent-sender", "return-path", "delivered-to", "disposition-notification-to",
})  # fmt: skip


class Section(NamedTuple):
    """A header section as octets: name and value of every field in order, folds kept, and where the body begins."""

    fields: list[tuple[bytes, bytes]]
    body: int
    defect: str


def read_section(raw: bytes, start: int = 0, end: int | None = None) -> Section:
    """Read the fields until the empty line, or until a line that cannot be one: there the body begins."""
    end = len(raw) if end is None else end
    fields: list[tuple[bytes, bytes]] = []
    position = start
    defect = ""
    if mbox := _MBOX.match(raw, start, end):
        position = mbox.end()
        defect = "the first line is the 'From ' of a mailbox file, not a header field"
    match = _FIELD.match
    while found := match(raw, position, end):
        fields.append((found[1], found[2]))
        position = found.end()
    if raw.startswith(b"\r\n", position, end):
        position += 2
    elif raw.startswith(b"\n", position, end):
        position += 1
    elif position < end:
        line = raw[position : min(end, position + 200)].partition(b"\n")[0]
        defect = f"a line among the headers is none, so the body begins there: {visible(decode(line.rstrip())[0])!r}"
    return Section(fields, min(position, end), defect)


def unfold(value: bytes) -> str:
    """Join the lines of a field's value (RFC 5322, section 2.2.3) and read it as UTF-8 (RFC 6532), else as of old."""
    if b"\n" in value:
        value = _FOLD.sub(b"", value)
    return decode(value.strip())[0]


def decode_field(name: str, value: bytes) -> str:
    """Give a field's value for people: unfolded, encoded words decoded, control characters shown."""
    if value.isascii() and b"=?" not in value and (plain := value.decode("ascii").strip(" \t\r")).isprintable():
        return plain  # nothing of all that is there
    text = unfold(value)
    if "=?" in text:
        text = decode_words(text, quoting=name.lower() in _ADDRESS_FIELDS)
    return visible(text)


def decode_fields(fields: list[tuple[bytes, bytes]]) -> list[tuple[str, str]]:
    """Decode all fields of a section, names as written."""
    names = ((visible(decode(name)[0]), value) for name, value in fields)
    return [(name, decode_field(name, value)) for name, value in names]


def field_defects(fields: list[tuple[bytes, bytes]]) -> list[str]:
    """Say what is wrong with the values, in words: octets that are not UTF-8, encoded words that stay as they are."""
    found: list[str] = []
    for name, value in fields:
        label = visible(decode(name)[0])
        if not value.isascii() and decode(value, "utf-8")[1]:
            found.append(f"{label}: octets that are not UTF-8 (RFC 6532)")
        if b"=?" in value and _LOOKS_LIKE_A_WORD.search(decode_words(unfold(value))):
            found.append(f"{label}: an encoded word that cannot be decoded (RFC 2047)")
    return found


def _word_octets(encoding: str, encoded: str) -> bytes | None:
    octets = encoded.encode("utf-8", "replace")
    if encoding in "qQ":
        return binascii.a2b_qp(octets, header=True)
    try:
        octets = octets.rstrip(b"=")
        return binascii.a2b_base64(octets + b"=" * (-len(octets) % 4), strict_mode=True)
    except binascii.Error:
        return None


def decode_words(text: str, *, quoting: bool = False) -> str:
    """Decode the encoded words (RFC 2047). Those beside each other are one run of octets, even inside a character.

    `quoting` puts quotes around what would otherwise read as an address list's own punctuation. A word that cannot be
    decoded stays as it is written.
    """
    pieces: list[str] = []
    octets: list[bytes] = []
    charset = ""
    position = 0
    in_quotes = False

    def flush() -> None:
        if not octets:
            return
        decoded = decode(b"".join(octets), charset)[0]
        octets.clear()
        if quoting and not in_quotes and _NEEDS_QUOTES.search(decoded):
            decoded = '"' + decoded.replace("\\", "\\\\").replace('"', '\\"') + '"'
        pieces.append(decoded)

    for word in _WORD.finditer(text):
        word_octets = _word_octets(word[2], word[3])
        if word_octets is None:
            continue
        between = text[position : word.start()]
        # RFC 2047, section 6.2: white space "that separates a pair of adjacent 'encoded-word's is ignored"
        adjacent = bool(octets) and (not between or between.isspace())
        word_charset = word[1].partition("*")[0].lower()  # RFC 2231, section 5: charset*language
        if not adjacent or word_charset != charset:
            flush()
        if not adjacent:
            pieces.append(between)
            in_quotes ^= bool(between.count('"') & 1)
        charset = word_charset
        octets.append(word_octets)
        position = word.end()
    flush()
    pieces.append(text[position:])
    return "".join(pieces)


def parameters(value: str) -> tuple[str, dict[str, str]]:
    """Split `text/plain; charset="utf-8"` into its first word, in lower case, and the parameters, names likewise.

    Continuations and charsets of RFC 2231 are resolved, and encoded words, which do not belong here, are decoded.
    """
    first, semicolon, rest = value.partition(";")
    plain: dict[str, str] = {}
    segments: dict[str, dict[int, tuple[str, bool]]] = {}
    for found in _PARAMETER.finditer(semicolon + rest):
        text = _ESCAPED.sub(r"\1", found[2]) if found[2] is not None else found[3].strip()
        segment = _SEGMENT.match(found[1])
        name, number, star = segment.groups() if segment else (found[1], None, None)
        if number is None and star is None:
            plain.setdefault(name.lower(), decode_words(text))
        else:
            segments.setdefault(name.lower(), {}).setdefault(int(number or 0), (text, bool(star)))
    for name, numbered in segments.items():
        plain[name] = _join_segments([numbered[number] for number in sorted(numbered)])
    return first.strip().lower(), {name: visible(text) for name, text in plain.items()}


def _join_segments(segments: list[tuple[str, bool]]) -> str:
    charset = ""
    octets: list[bytes] = []
    for index, (text, extended) in enumerate(segments):
        if not extended:
            octets.append(text.encode("utf-8", "replace"))
            continue
        percent = text
        if index == 0 and text.count("'") > 1:  # RFC 2231, section 4: charset'language'text
            charset, _, percent = text.split("'", 2)
        octets.append(unquote_to_bytes(percent))
    return decode(b"".join(octets), charset)[0]


class Address(NamedTuple):
    """A mailbox of an address field: the name people see, may be empty, and the address."""

    name: str
    address: str


_TOKEN = re.compile(
    r'"(?P<quoted>(?:[^"\\]++|\\.)*)"?'
    r"|<(?P<angle>[^<>]*+)>?"
    r"|(?P<mark>[(),;:])"
    r"|(?P<atom>(?:\[[^\]\s]*+\]|[^\s\"<(),;:])+)"
    r"|(?P<space>\s++)",
    re.DOTALL,
)
_UNESCAPE = re.compile(r"\\(.)", re.DOTALL)


_SHORT = 200  # characters of a field that is remembered: an application sends most of its mail from one address


class _Mailbox:
    """One mailbox while it is read: its words as written, what they say, and the address in angle brackets."""

    def __init__(self) -> None:
        self.written: list[str] = []
        self.said: list[str] = []
        self.comments: list[str] = []
        self.angle: str | None = None

    def finish(self) -> Address | None:
        said = " ".join("".join(self.said).split())
        if self.angle is not None:
            return Address(said, "".join(self.angle.split()))
        address = "".join(token for token in self.written if not token.isspace())
        # Obsolete for thirty years and still sent: the name as a comment behind a bare address
        return Address(" ".join(self.comments), address) if address else None


def addresses(value: str) -> tuple[Address, ...]:
    """Read the mailboxes of an address field, as `header()` gives it. Groups are flattened; anything is tolerated."""
    return _remembered(value) if len(value) <= _SHORT else _mailboxes(value)


def _mailboxes(value: str) -> tuple[Address, ...]:
    found: list[Address] = []
    mailbox = _Mailbox()
    depth = 0
    comment: list[str] = []
    for token in _TOKEN.finditer(value):
        mark = token["mark"]
        if depth or mark == "(":
            depth += {"(": 1, ")": -1}.get(mark, 0)
            if depth:
                comment.append(token[0])
            else:
                mailbox.comments.append("".join(comment)[1:].strip())
                comment.clear()
        elif mark in {",", ";"}:
            found += filter(None, [mailbox.finish()])
            mailbox = _Mailbox()
        elif mark == ":":
            mailbox = _Mailbox()  # the name of a group
        elif token["angle"] is not None:
            mailbox.angle = token["angle"]
        elif mark is None:
            quoted = token["quoted"]
            mailbox.written.append(token[0])
            mailbox.said.append(token[0] if quoted is None else _UNESCAPE.sub(r"\1", quoted))
    found += filter(None, [mailbox.finish()])
    return tuple(found)


_remembered = lru_cache(1024)(_mailboxes)
