"""The same conversations with this server and with a real Postfix: their replies begin with the same digit.

The conversations are made by hypothesis, of good and bad commands, the same ones in every run. Where the two differ on
purpose, the difference stands in `DIFFERENCES` with its reason and an example that is tried; every other one is a
failure, shown with both sides. Postfix has no logins here: AUTH is left to other tests.
"""

from __future__ import annotations

import contextlib
import re
import socket
import ssl
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import pytest
import trustme
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mailtrap_py import Mailtrap
from mailtrap_py.settings import Settings

if TYPE_CHECKING:
    from tests.interop.conftest import StartPostfix

pytestmark = pytest.mark.slow

PATIENCE = 30.0  # seconds
LIMIT = 100_000  # octets that both take
CONVERSATIONS = 3000

POSTFIX = {
    # Nobody is slowed down or thrown out for mistakes: they are what this is about.
    "smtpd_error_sleep_time": "0",
    "smtpd_soft_error_limit": "1000",
    "smtpd_hard_error_limit": "1000",
    "smtpd_junk_command_limit": "1000",
    "smtpd_forbidden_commands": "",
    "smtpd_client_connection_rate_limit": "0",
    "smtpd_peername_lookup": "no",
    "smtpd_helo_required": "yes",  # as here
    "message_size_limit": str(LIMIT),
    # What it takes goes nowhere.
    "local_recipient_maps": "",
    "default_transport": "discard:taken",
    "local_transport": "discard:taken",
}


class Ports(Protocol):
    """Where the two servers are."""

    ours: int
    theirs: int


@dataclass(frozen=True)
class Difference:
    """A command that the two answer differently, by the first digits of their replies, and why that is right."""

    command: str  # a regular expression for the whole of it, in any case; for what went before there is `after`
    ours: str
    theirs: str  # "-" for a connection that is closed
    reason: str
    example: Sequence[bytes] = field(repr=False)
    after: str = ""

    def fits(self, commands: Sequence[bytes], ours: str, theirs: str) -> bool:
        *before, last = (each.decode("latin-1") for each in commands)
        found = re.fullmatch(self.command, last, re.IGNORECASE | re.DOTALL)
        met = not self.after or any(re.fullmatch(self.after, each, re.IGNORECASE) for each in before)
        return bool(found) and met and (ours, theirs) == (self.ours, self.theirs)


EHLO, MAIL, RCPT = b"EHLO client.example", b"MAIL FROM:<ann@example.com>", b"RCPT TO:<bob@example.com>"

# Addresses that Postfix mends where it can, and that RFC 5321 has no place for.
SLOPPY = [
    b"ann@example.com>",
    b"<ann @example.com>",
    b"<ann(c)@example.com>",
    b"<<ann@example.com>>",
    b"< ann@example.com >",
    b"<a@b@c.example>",
]
_PATH = r"(?:MAIL FROM|RCPT TO):"
_SLOPPY = "|".join(re.escape(each.decode()) for each in SLOPPY)

DIFFERENCES = (
    Difference(
        rf"{_PATH}(?:{_SLOPPY}).*",
        "5",
        "2",
        "RFC 5321, section 4.1.2: no such path",
        [EHLO, b"MAIL FROM:ann@example.com>"],
    ),
    Difference(
        rf"{_PATH}<@example\.com>.*",
        "5",
        "2",
        "RFC 5321, section 4.1.2: a mailbox has a local-part",
        [EHLO, MAIL, b"RCPT TO:<@example.com>"],
    ),
    Difference(
        rf"{_PATH}<[^@]{{65,}}@.*",
        "5",
        "2",
        "RFC 5321, section 4.5.3.1.1: a local-part has at most 64 octets",
        [EHLO, b"MAIL FROM:<" + b"a" * 65 + b"@example.com>"],
    ),
    Difference(
        rf"{_PATH}.*[\x80-\xff].*",
        "5",
        "2",
        "RFC 6531, section 3.4: SMTPUTF8 has to be declared; Postfix insists only with strict_smtputf8",
        [EHLO, "MAIL FROM:<grüezi@example.com>".encode()],
    ),
    Difference(
        r"MAIL FROM:.* BODY=BINARYMIME.*",
        "2",
        "5",
        "Postfix has no BINARYMIME (RFC 3030)",
        [EHLO, MAIL + b" BODY=BINARYMIME"],
    ),
    Difference(
        r"MAIL FROM:.* ENVID=a=b.*",
        "5",
        "2",
        "RFC 3461, section 4: = is not xtext",
        [EHLO, MAIL + b" ENVID=a=b"],
    ),
    Difference(
        r"(?:MAIL FROM|RCPT TO):.* (?P<name>[a-z0-9]+)(?:=\S*)? .*\b(?P=name)\b.*",
        "5",
        "2",
        "a parameter twice: RFC 1870, section 3, RFC 3461, section 4.1, and others allow one",
        [EHLO, MAIL + b" SIZE=1 SIZE=2"],
    ),
    Difference(
        r"RCPT TO:.* ORCPT=rfc822;(?: .*)?",
        "5",
        "2",
        "RFC 3461, section 4.2: an address follows",
        [EHLO, MAIL, RCPT + b" ORCPT=rfc822;"],
    ),
    Difference(
        r"RCPT TO:.* NOTIFY=SUCCESS,SUCCESS.*",
        "5",
        "2",
        "RFC 3461, section 4.1: each keyword at most once",
        [EHLO, MAIL, RCPT + b" NOTIFY=SUCCESS,SUCCESS"],
    ),
    Difference(
        r"QUIT +\S.*", "5", "2", "RFC 5321, section 4.1.1.10: QUIT has no argument, and 501 says so", [EHLO, b"QUIT x"]
    ),
    Difference(r"[ \t]+\S.*", "5", "2", "RFC 5321, section 4.1.1: a command begins the line", [EHLO, b" NOOP"]),
    Difference(
        r"MAIL FROM:.*",
        "2",
        "5",
        "RFC 1870, section 6: SIZE is about its own message; Postfix 3.7 still refuses the next one for it",
        [EHLO, MAIL + b" SIZE=99999999999", MAIL],
        after=r"MAIL FROM:.* SIZE=[2-9][0-9]{5,}.*",
    ),
    Difference(
        r"(?!(?:MAIL|RCPT) )[!-9;-~]+[ \t]*:.*",
        "5",
        "2",
        "Postfix says goodbye to what looks like a header field; RFC 5321, section 4.3.2, knows 500 for it",
        [EHLO, b"Subject: x"],
    ),
    Difference(r"HELP(?: .*)?", "2", "5", "RFC 5321, section 4.1.1.8: servers SHOULD support HELP", [EHLO, b"HELP"]),
    Difference(
        r"ETRN .*", "5", "4", "a server without a queue has no use for ETRN (RFC 1985)", [EHLO, b"ETRN a.example"]
    ),
    Difference(
        r"VRFY \S+ .*", "2", "5", "RFC 5321, section 3.5.1: VRFY may be asked for a name of words", [EHLO, b"VRFY a b"]
    ),
    Difference(
        r"BDAT 0", "2", "5", "RFC 3030, section 2, does not forbid an empty chunk", [EHLO, MAIL, RCPT, b"BDAT 0"]
    ),
    Difference(
        r"BDAT(?: \S*[^0-9\s].*)?",
        "5",
        "-",
        "after a BDAT without a number Postfix hangs up; here the octets behind it count as commands",
        [EHLO, MAIL, RCPT, b"BDAT x"],
    ),
)

# -- conversations: a line, and behind it what is sent when the server asks for a message

ADDRESSES = [
    *(b"<ann@example.com>", b"<ann@example.com>", b"<bob@example.org>", b"<>", b"<postmaster>", b"<POSTMASTER>"),
    *(b'<"a b"@example.com>', b'<"a@b"@example.com>', b'<"\\""@example.com>', b'<""@example.com>'),
    *(b"<@relay.example:ann@example.com>", b"<@a.example,@b.example:ann@example.com>"),
    *(b"<ann@[127.0.0.1]>", b"<ann@[IPv6:::1]>", b"<ann@[300.1.1.1]>", b"<ann@[foo]>", b"<ann@[]>", b"<ann@[IPv6:zz]>"),
    *(b"<ann@>", b"<@example.com>", b"<a..b@example.com>", b"<.a@example.com>", b"<a.@example.com>"),
    *(b"<ann@-x.example>", b"<ann@x-.example>", b"<ann@exa_mple.com>", b"<ann@example..com>", b"<ann@example.com.>"),
    *(b"<" + b"a" * 64 + b"@example.com>", b"<" + b"a" * 65 + b"@example.com>"),
    *(b"<a@" + b".".join([b"x" * 60] * 5) + b">", b"<a@" + b"x" * 63 + b".com>", b"<a@" + b"x" * 64 + b".com>"),
    *(b"ann@example.com", b" <ann@example.com>", b"<ann@example.com", b"<ann@example.com> ", b"<ann@example.com>x"),
    *(b"<ann@1.2.3.4>", b"<ann@123>", b"<ann@com>", b"<a%b@example.com>", b"<a!b@example.com>", b"<a/b@example.com>"),
    *("<grüezi@example.com>".encode(), b"<gr\xfcezi@example.com>", b"<a\x01@example.com>", b"<a\x00b@example.com>"),
    *(b"", b"<", b'<"unclosed@example.com>', b'<"a"b@example.com>', b"<ann@example.com,bob@example.com>", *SLOPPY),
]
OF_MAIL = [
    *(b"SIZE=100", b"SIZE=0", b"SIZE=abc", b"SIZE=", b"SIZE", b"SIZE=99999999999", b"SIZE=200000", b"SIZE=-1"),
    *(b"BODY=8BITMIME", b"BODY=7BIT", b"body=8bitmime", b"BODY=FOO", b"BODY=BINARYMIME", b"BODY"),
    *(b"SMTPUTF8", b"SMTPUTF8=1", b"RET=FULL", b"RET=HDRS", b"ret=full", b"RET=FOO", b"RET"),
    *(b"ENVID=abc", b"ENVID=a+3Db", b"ENVID=+", b"ENVID=", b"ENVID=a=b", b"FOO=bar", b"FOO", b"=x"),
]
OF_RCPT = [
    *(b"NOTIFY=NEVER", b"NOTIFY=SUCCESS,FAILURE,DELAY", b"notify=delay", b"NOTIFY=NEVER,SUCCESS", b"NOTIFY=FOO"),
    *(b"NOTIFY=", b"NOTIFY", b"NOTIFY=SUCCESS,SUCCESS", b"ORCPT=rfc822;bob@example.com", b"ORCPT=rfc822;a+3Db"),
    *(b"ORCPT=x", b"ORCPT=rfc822;", b"ORCPT=rfc822;+", b"ORCPT=;x", b"FOO=bar", b"FOO", b"SIZE=1"),
]
HELLOS = [
    *(b"EHLO client.example", b"HELO client.example", b"ehlo client.example", b"EHLO [127.0.0.1]", b"EHLO [IPv6:::1]"),
    *(
        b"EHLO localhost",
        b"EHLO a_b",
        b"EHLO",
        b"EHLO ",
        b"HELO",
        b"EHLO a b",
        b"EHLO [foo]",
        b"EHLO -x",
        b"EHLO 1.2.3.4",
    ),
    *(b"LHLO client.example", "EHLO grüezi".encode(), b"EHLO " + b"x" * 300),
]
OTHERS = [
    *(b"RSET", b"NOOP", b"NOOP x", b"noop", b"NOOP \t", b"RSET x", b"RSET ", b"QUIT", b"QUIT ", b"QUIT x", b"DATA x"),
    *(b"STARTTLS", b"starttls", b"STARTTLS x", b"STARTTLS "),
    *(b"VRFY ann", b"VRFY <ann@example.com>", b"VRFY", b"VRFY a b", b"EXPN list", b"EXPN", b"HELP", b"HELP MAIL"),
    *(b"FOO", b"FOO bar", b"", b" ", b" NOOP", b"MAIL", b"MAIL FROM", b"MAIL FROM:", b"MAIL TO:<a@b.example>"),
    *(b"RCPT", b"RCPT TO", b"RCPT FROM:<a@b.example>", b"mail from:<a@b.example>", b"MAIL  FROM:<a@b.example>"),
    *(b"MAIL FROM :<a@b.example>", b"MAILFROM:<a@b.example>", b"ETRN example.com", b"TURN", b"SEND FROM:<a@b.example>"),
    *(b"\xff\xfe", b"N\x00OOP", b"NOOP " + b"x" * 600, b"GET / HTTP/1.0", b"Subject: x", b"."),
]
CHUNKS = [
    *(
        b"BDAT 3\r\nabc",
        b"BDAT 6 LAST\r\nabc\r\nd",
        b"BDAT 0 LAST",
        b"bdat 3 last\r\nabc",
        b"BDAT 0",
        b"BDAT x",
        b"BDAT",
    ),
]
CONTENTS = [
    *(
        b"",
        b"Subject: x\r\n\r\ntext\r\n",
        b"..\r\n",
        b"..a\r\n",
        b"a\nb\r\n",
        b"a\rb\r\n",
        b"gr\xfcezi\r\n",
        b"\x00\r\n",
    ),
    *(b"x" * 5000 + b"\r\n", (b"x" * 70 + b"\r\n") * 2000),
]

Command = tuple[bytes, bytes]


def _with(head: bytes, parameters: Sequence[bytes]) -> st.SearchStrategy[bytes]:
    plain = st.sampled_from(ADDRESSES)
    many = st.lists(st.sampled_from(parameters), min_size=1, max_size=2).map(lambda words: b" " + b" ".join(words))
    return st.builds(lambda path, rest: head + path + rest, plain, st.just(b"")) | many.map(
        lambda rest: head + b"<ann@example.com>" + rest
    )


_LINES = st.one_of(
    st.sampled_from([MAIL, RCPT, b"DATA", b"DATA", b"RSET"]),
    st.sampled_from([MAIL, RCPT, b"DATA"]),
    _with(b"MAIL FROM:", OF_MAIL),
    _with(b"RCPT TO:", OF_RCPT),
    st.sampled_from(HELLOS),
    st.sampled_from(OTHERS),
    st.sampled_from(CHUNKS),
    st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=8).map(str.encode),
)
_BEGINNINGS = st.sampled_from(
    [[], [EHLO], [EHLO], [b"HELO client.example"], [EHLO, MAIL], [EHLO, MAIL, RCPT], [EHLO, MAIL, RCPT]]
)


@st.composite
def conversations(draw: st.DrawFn) -> list[Command]:
    lines = draw(_BEGINNINGS) + draw(st.lists(_LINES, min_size=1, max_size=10))
    return [(line, draw(st.sampled_from(CONTENTS)) if line == b"DATA" else b"") for line in lines]


# -- the two servers, and what they say


TRUSTING = ssl.create_default_context()
TRUSTING.check_hostname = False
TRUSTING.verify_mode = ssl.CERT_NONE


class Side:
    """A connection to one of the two."""

    def __init__(self, port: int) -> None:
        self._connection: socket.socket = socket.create_connection(("127.0.0.1", port), PATIENCE)
        self._file = self._connection.makefile("rb")

    def hear(self) -> bytes:
        """Read a reply, all its lines; nothing when the server has closed."""
        lines: list[bytes] = []
        with contextlib.suppress(ConnectionError):
            while not lines or lines[-1][3:4] == b"-":
                lines.append(self._file.readline())
        return b"".join(lines)

    def ask(self, line: bytes) -> bytes:
        chunk = line[:4].upper() == b"BDAT" and b"\r\n" in line  # its octets are counted, and no line
        with contextlib.suppress(ConnectionError):
            self._connection.sendall(line + (b"" if chunk else b"\r\n"))
        return self.hear()

    def start_tls(self) -> None:
        self._file.close()
        self._connection = TRUSTING.wrap_socket(self._connection)
        self._file = self._connection.makefile("rb")

    def close(self) -> None:
        self._file.close()
        self._connection.close()


def digit(reply: bytes) -> str:
    # A closed connection, and the reply that announces it, are one and the same.
    return "-" if reply[:3] in {b"", b"421", b"521"} else reply[:1].decode()


def compare(commands: Sequence[Command], ports: Ports) -> Difference | None:
    """Hold a conversation with both; give the listed difference that ended it. Fails at one that is not listed."""
    ours, theirs = Side(ports.ours), Side(ports.theirs)
    asked: list[bytes] = []
    said = [f"S: {ours.hear()!r} | {theirs.hear()!r}"]
    try:
        for line, content in commands:
            todo = [line]
            for command in todo:
                asked.append(command)
                replies = ours.ask(command), theirs.ask(command)
                said += [f"C: {command[:120]!r}", f"S: {replies[0][-160:]!r} | {replies[1][-160:]!r}"]
                digits = digit(replies[0]), digit(replies[1])
                if digits[0] != digits[1]:
                    found = next((each for each in DIFFERENCES if each.fits(asked, *digits)), None)
                    assert found, "ours | Postfix\n" + "\n".join(said)
                    return found
                # After a chunk that was refused Postfix takes nothing but RSET; here MAIL begins anew at once.
                refused = digits[0] == "5" and command[:4].upper() == b"BDAT"
                if digits[0] == "-" or replies[0].startswith(b"221") or refused:
                    return None
                if digits[0] == "2" and command.upper().startswith(b"STARTTLS"):
                    ours.start_tls()
                    theirs.start_tls()
                if digits[0] == "3" and command == line:
                    todo.append(content + b".")
        return None
    finally:
        ours.close()
        theirs.close()


@dataclass
class Both:
    ours: int
    theirs: int


@pytest.fixture
def ports(start_postfix: StartPostfix, tmp_path: Path) -> Iterator[Ports]:
    certificate = str(tmp_path / "server.pem")
    trustme.CA().issue_cert("postfix.example").private_key_and_cert_chain_pem.write_to_path(certificate)
    postfix = start_postfix(POSTFIX | {"smtpd_tls_chain_files": certificate, "smtpd_tls_security_level": "may"})
    own = Settings(max_message_size=LIMIT, smtp_port=0, smtps_port=None, http_port=None)
    with Mailtrap(own) as mailtrap:
        yield Both(mailtrap.port, postfix.port)


def test_both_begin_their_replies_with_the_same_digit(ports: Ports) -> None:
    met = []

    @settings(
        max_examples=CONVERSATIONS,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(commands=conversations())
    def run(commands: list[Command]) -> None:
        met.append(compare(commands, ports))

    run()
    assert len(met) >= CONVERSATIONS / 2
    assert met.count(None) > len(met) / 3, "most conversations end at a listed difference: they show too little"


def test_every_listed_difference_is_one(ports: Ports) -> None:
    for listed in DIFFERENCES:
        assert compare([(line, b"") for line in listed.example], ports) is listed


def test_the_usual_conversation_is_the_same_to_its_end(ports: Ports) -> None:
    commands = [(EHLO, b""), (MAIL, b""), (RCPT, b""), (b"DATA", b"..dot\r\n"), (b"RSET", b""), (b"QUIT", b"")]

    assert compare(commands, ports) is None
