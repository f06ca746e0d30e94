"""What the octets of a message show: line ends, lengths, 8-bit octets, and its header section."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from mailtrap_py.events import Line, Outcome, Transaction
from mailtrap_py.message import view
from mailtrap_py.scenario.findings.kinds import Level, Spot, kind

LINE_LIMIT = 998
"""Octets of a line without its CRLF (RFC 5322, section 2.1.1; RFC 5321, section 4.5.3.1.6, counts the CRLF)."""

_END = 3  # octets of the final dot with its CRLF
_BARE_LF = re.compile(rb"(?<!\r)\n")
_BARE_CR = re.compile(rb"\r(?!\n)")
_SMUGGLED = re.compile(rb"(?:(?<!\r)\n|\r(?!\n))\.(?:\r\n|\n|\r)")
_LONG_LINE = re.compile(rb"[^\n]{%d,}" % (LINE_LIMIT + 1))
_CONTROL = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_HEADER_END = re.compile(rb"\r?\n\r?\n|\A\r?\n")
_FIELD = re.compile(rb"[!-9;-~]+[ \t]*:|[ \t]")
# RFC 5322, section 3.6: the table of how often a field may stand in a header section
_ONCE = frozenset(
    {"date", "from", "sender", "reply-to", "to", "cc", "bcc", "message-id", "in-reply-to", "references", "subject"}
)


@dataclass(frozen=True)
class Body:
    """A message as it came, with the transaction that brought it and its line in the transcript."""

    raw: bytes
    transaction: Transaction
    line: Line | None

    @property
    def spot(self) -> Spot:
        """The message as a place."""
        return self.at()

    def at(self, detail: str = "") -> Spot:
        """Give the message as a place, with something to add."""
        return Spot((self.line,) if self.line else (), detail)

    @cached_property
    def header(self) -> bytes:
        """The octets of the header section."""
        found = _HEADER_END.search(self.raw)
        return self.raw[: found.start()] if found else self.raw

    @cached_property
    def fields(self) -> dict[str, list[str]]:
        """The values of each field, by its name in lower case."""
        found: dict[str, list[str]] = {}
        for name, value in view(self.raw).headers:
            found.setdefault(name.lower(), []).append(value)
        return found

    def declares(self, parameter: str, value: str = "") -> bool:
        """Say whether the MAIL command had a parameter."""
        return self.transaction.parameters.get(parameter, "\0").upper() == value

    @property
    def binary(self) -> bool:
        """Whether it is no text, and has no lines (RFC 3030, section 3)."""
        return self.declares("BODY", "BINARYMIME")

    @cached_property
    def dots(self) -> int:
        """Octets of dots that came beyond the content: the final line, and those that began a line alone.

        What the trap took away from lines that still begin with a dot was doubled, and is not counted.
        """
        doubled = self.raw.count(b"\r\n.") + self.raw.startswith(b".")
        return self.transaction.octets - len(self.raw) - doubled

    @property
    def whole(self) -> bool:
        """Whether the final dot came."""
        return self.transaction.outcome is not Outcome.ABORTED or self.dots >= _END


# -- octets


@kind(
    Level.ERROR,
    "RFC 5321, section 2.3.8",
    "Bare LF in the content: lines end in CRLF",
    "Some servers refuse the mail (Postfix since 2024), and DKIM signatures break on the way.",
)
def _bare_lf(body: Body) -> Iterator[Spot]:
    if not body.binary and (found := len(_BARE_LF.findall(body.raw))):
        yield body.at(f"{found} times")


@kind(
    Level.ERROR,
    "RFC 5321, section 2.3.8",
    "Bare CR in the content: CR and LF occur only together",
    "Servers that guard against SMTP smuggling refuse the mail, and readers show it differently.",
)
def _bare_cr(body: Body) -> Iterator[Spot]:
    if not body.binary and (found := len(_BARE_CR.findall(body.raw))):
        yield body.at(f"{found} times")


@kind(
    Level.ERROR,
    "RFC 5321, section 4.1.1.4",
    "A lone dot between bare line ends: other servers may end the message there",
    "SMTP smuggling (CVE-2023-51764 and its like): what follows the dot would be obeyed as commands.",
)
def _smuggling(body: Body) -> Iterator[Spot]:
    if not body.binary and _SMUGGLED.search(body.raw):
        yield body.spot


@kind(
    Level.ERROR,
    "RFC 5321, section 4.5.2",
    "A line began with a single dot: it has to be doubled, or it is lost",
    "Receivers remove a dot that a line begins with: the message arrives without it, and a lone dot ends it.",
)
def _dot_not_doubled(body: Body) -> Iterator[Spot]:
    if body.transaction.octets and body.transaction.outcome is not Outcome.ABORTED and body.raw and body.dots > _END:
        yield body.at(f"{body.dots - _END} times")


@kind(
    Level.ERROR,
    "RFC 5321, section 4.5.3.1.6",
    f"Lines of over {LINE_LIMIT} octets",
    "Servers cut or refuse them; quoted-printable or base64 keeps lines short.",
)
def _line_too_long(body: Body) -> Iterator[Spot]:
    longest = max((len(line.rstrip(b"\r")) for line in _LONG_LINE.findall(body.raw)), default=0)
    if longest > LINE_LIMIT and not body.binary:
        yield body.at(f"the longest has {longest}")


@kind(
    Level.WARNING,
    "RFC 5321, section 4.1.1.4",
    "Control characters in the content",
    "Those other than tab, CR and LF 'may cause problems and SHOULD be avoided'.",
)
def _control_characters(body: Body) -> Iterator[Spot]:
    found = sorted({octet[0] for octet in _CONTROL.findall(body.raw)})
    if found and not body.binary:
        yield body.at(", ".join(f"0x{octet:02X}" for octet in found[:3]))


@kind(
    Level.ERROR,
    "RFC 6152, section 3",
    "8-bit octets in the content, without BODY=8BITMIME at MAIL",
    "A server without the extension may clear the eighth bit, or refuse the mail.",
)
def _eight_bit_not_declared(body: Body) -> Iterator[Spot]:
    if not body.raw.isascii() and not body.declares("BODY", "8BITMIME") and not body.binary:
        yield body.spot


@kind(
    Level.ERROR,
    "RFC 6532, section 3",
    "8-bit octets in the header section, without SMTPUTF8 at MAIL",
    "Encoded words (RFC 2047) are how such text is written otherwise.",
)
def _eight_bit_header(body: Body) -> Iterator[Spot]:
    if not body.header.isascii() and not body.declares("SMTPUTF8"):
        yield body.spot


@kind(
    Level.WARNING,
    "RFC 2045, section 5.2",
    "8-bit text without a Content-Type: nobody knows its charset",
    "Without one, text is US-ASCII.",
)
def _charset_not_declared(body: Body) -> Iterator[Spot]:
    if not body.raw[len(body.header) :].isascii() and "content-type" not in body.fields:
        yield body.spot


@kind(
    Level.WARNING,
    "RFC 1870, section 5",
    "SIZE at MAIL is not the size of the message",
    "It counts octets with CRLF, without doubled dots; often it is counted before line ends became CRLF.",
)
def _size_not_the_size(body: Body) -> Iterator[Spot]:
    declared = body.transaction.parameters.get("SIZE", "")
    if declared.isascii() and declared.isdigit() and body.whole and body.raw and int(declared[:20]) != len(body.raw):
        yield body.at(f"SIZE={declared[:20]}, and {len(body.raw)} octets came")


@kind(
    Level.WARNING,
    "RFC 5321, section 4.1.1.4",
    "The content was cut off before its final dot",
    "The client left in the middle, and nothing is delivered.",
)
def _content_cut_off(body: Body) -> Iterator[Spot]:
    if body.transaction.octets and not body.whole:
        yield body.at(f"after {body.transaction.octets} octets")


@kind(
    Level.WARNING,
    "RFC 5321, section 4.1.1.4",
    "The message is empty",
    "Without any mail data there is not even the header section that every message has.",
)
def _empty_message(body: Body) -> Iterator[Spot]:
    # For nobody a lone dot is what RFC 2920, section 3.1 asks for.
    wanted = any(recipient.accepted for recipient in body.transaction.recipients)
    if wanted and body.whole and body.transaction.octets and not body.raw and body.transaction.octets <= _END:
        yield body.spot


# -- the header section


@kind(
    Level.WARNING,
    "RFC 5322, section 3.6.4",
    "No Message-ID: copies of the message cannot be told from others",
    "A retry after a lost reply can then not be recognized as one.",
)
def _no_message_id(body: Body) -> Iterator[Spot]:
    if body.raw and body.whole and not "".join(body.fields.get("message-id", ())).strip():
        yield body.spot


@kind(
    Level.ERROR,
    "RFC 5322, section 3.6.1",
    "No Date field",
    "It is one of the two fields that every message must have, and spam filters look for it.",
)
def _no_date(body: Body) -> Iterator[Spot]:
    if body.raw and body.whole and "date" not in body.fields:
        yield body.spot


@kind(
    Level.ERROR,
    "RFC 5322, section 3.6.2",
    "No From field",
    "It is one of the two fields that every message must have, and spam filters look for it.",
)
def _no_from(body: Body) -> Iterator[Spot]:
    if body.raw and body.whole and "from" not in body.fields:
        yield body.spot


@kind(
    Level.ERROR,
    "RFC 5322, section 3.6.3",
    "Bcc left in the header section: everybody sees the hidden recipients",
    "The field is for the program that sends, not for the message.",
)
def _bcc_left(body: Body) -> Iterator[Spot]:
    if hidden := ", ".join(filter(None, body.fields.get("bcc", ()))):
        yield body.at(hidden)


@kind(
    Level.ERROR,
    "RFC 5322, section 3.6",
    "Fields that may stand once stand several times",
    "Readers take the first or the last of them, as they please; checks look at the other.",
)
def _field_repeated(body: Body) -> Iterator[Spot]:
    for name, values in body.fields.items():
        if name in _ONCE and len(values) > 1:
            yield body.at(f"{name} ({len(values)} times)")


@kind(
    Level.ERROR,
    "RFC 5322, section 2.2",
    "A line in the header section is no field: the body begins too early",
    "As when an empty line or a line break got into the value of a field, and the rest fell out.",
)
def _broken_header(body: Body) -> Iterator[Spot]:
    for line in body.header.splitlines() if body.whole else ():
        if not _FIELD.match(line):
            yield body.at(repr(line[:60].decode("utf-8", "replace")))
            return
