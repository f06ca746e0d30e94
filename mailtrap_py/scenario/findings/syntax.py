"""How commands are written."""

from __future__ import annotations

from collections.abc import Iterator

from mailtrap_py.events import Line, Source
from mailtrap_py.pattern import fold_domain
from mailtrap_py.scenario.findings.kinds import Level, Spot, kind
from mailtrap_py.scenario.findings.talk import Talk

COMMAND_LIMIT = 512
"""Octets of a command line with its CRLF (RFC 5321, section 4.5.3.1.4)."""

_NOT_UNDERSTOOD = frozenset({500, 501, 502, 504, 555})
_EXTENSIONS = {
    "SIZE": "SIZE",
    "BODY": "8BITMIME",
    "SMTPUTF8": "SMTPUTF8",
    "AUTH": "AUTH",
    "RET": "DSN",
    "ENVID": "DSN",
    "NOTIFY": "DSN",
    "ORCPT": "DSN",
    "REQUIRETLS": "REQUIRETLS",
    "BY": "DELIVERBY",
    "HOLDFOR": "FUTURERELEASE",
    "HOLDUNTIL": "FUTURERELEASE",
    "MT-PRIORITY": "MT-PRIORITY",
}


@kind(
    Level.WARNING,
    "RFC 5321, section 4.2.2",
    "Commands that the server did not understand",
    "The server answered 500, 501, 502, 504 or 555; another one may close the connection.",
)
def _not_understood(talk: Talk) -> Iterator[Spot]:
    for turn in talk.turns:
        reply = turn.exchange.reply
        if turn.exchange.code in _NOT_UNDERSTOOD and reply is not None and not reply.rule:
            yield Spot(turn.spot.lines, f"{turn.exchange.verb} ({turn.exchange.code})")


@kind(
    Level.ERROR,
    "RFC 5321, section 4.1.1.3",
    "Parameters of an extension that the server did not offer",
    "A server that does not know a parameter answers 555, and the mail fails.",
)
def _parameter_not_offered(talk: Talk) -> Iterator[Spot]:
    for turn, argument in talk.paths():
        for parameter in argument.parameters:
            name = parameter.partition("=")[0].upper()
            if name in _EXTENSIONS and not turn.offers(_EXTENSIONS[name]):
                yield Spot(turn.spot.lines, name)


@kind(
    Level.WARNING,
    "RFC 5321, section 4.1.2",
    "Addresses without < and >",
    "Many servers refuse them.",
)
def _no_brackets(talk: Talk) -> Iterator[Spot]:
    for turn, argument in talk.paths():
        if not argument.path.startswith("<"):
            yield Spot(turn.spot.lines, argument.path)


@kind(
    Level.WARNING,
    "RFC 5321, section 3.3",
    "A space behind the colon of MAIL FROM: or RCPT TO:",
    "'Spaces are not permitted on either side of the colon', and strict servers refuse them.",
)
def _space_after_colon(talk: Talk) -> Iterator[Spot]:
    yield from (turn.spot for turn, argument in talk.paths() if argument.space)


@kind(
    Level.INFO,
    "RFC 5321, section 4.1.1.3",
    "A source route in an address, which nobody uses",
    "They 'SHOULD NOT be generated'; spam filters take them for an attempt to relay.",
)
def _source_route(talk: Talk) -> Iterator[Spot]:
    for turn, argument in talk.paths():
        if argument.path.startswith("<@"):
            yield Spot(turn.spot.lines, argument.path)


@kind(
    Level.ERROR,
    "RFC 6531, section 3.4",
    "Addresses that are not ASCII, without SMTPUTF8 at MAIL",
    "A server answers 553 5.6.7. The parameter of MAIL is for the recipients as well.",
)
def _utf8_address_not_declared(talk: Talk) -> Iterator[Spot]:
    declared = False
    for turn, argument in talk.paths():
        if turn.exchange.verb == "MAIL":
            declared = any(parameter.upper() == "SMTPUTF8" for parameter in argument.parameters)
        if not argument.path.isascii() and not declared:
            yield turn.spot


@kind(
    Level.ERROR,
    "RFC 5321, section 2.3.8",
    "Commands that end in a bare LF, not in CRLF",
    "Servers that are strict about SMTP smuggling refuse them.",
)
def _command_ends_in_lf(talk: Talk) -> Iterator[Spot]:
    for line in talk.session.lines:
        if line.source is Source.CLIENT and line.data.endswith(b"\n") and not line.data.endswith(b"\r\n"):
            yield Spot((line,))


@kind(
    Level.WARNING,
    "RFC 5321, section 4.5.3.1.4",
    f"Commands of over {COMMAND_LIMIT} octets",
    "More than any server has to read; parameters of extensions are not counted.",
)
def _command_too_long(talk: Talk) -> Iterator[Spot]:
    parameters = {id(turn.exchange): argument.octets for turn, argument in talk.paths()}
    for turn in talk.turns:
        exchange = turn.exchange
        octets = len(exchange.request.data) if exchange.request else 0
        octets -= parameters.get(id(exchange), 0)
        if exchange.verb != "AUTH" and octets > COMMAND_LIMIT:
            yield Spot(turn.spot.lines, f"{exchange.verb} of {octets}")


@kind(
    Level.INFO,
    "RFC 5321, section 3.3",
    "A recipient was named twice in one transaction",
    "Some servers deliver two copies then.",
)
def _recipient_named_twice(talk: Talk) -> Iterator[Spot]:
    for transaction in talk.session.transactions:
        seen: set[str] = set()
        for recipient in transaction.recipients:
            address = fold_domain(recipient.address)
            if address in seen:
                yield Spot(_rcpt_lines(talk, recipient.address), f"<{recipient.address}>")
            seen.add(address)


def _rcpt_lines(talk: Talk, address: str) -> tuple[Line, ...]:
    said = (turn.exchange.request for turn in talk.of("RCPT") if f"<{address}>" in turn.exchange.argument)
    return tuple(line for line in said if line is not None)[-1:]
