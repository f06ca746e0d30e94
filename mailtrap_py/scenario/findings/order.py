"""How a session begins and ends, and in which order its commands come."""

from __future__ import annotations

import re
from collections.abc import Iterator

from mailtrap_py.events import Ending
from mailtrap_py.scenario.conversation import CONTENT
from mailtrap_py.scenario.findings.kinds import Level, Spot, kind
from mailtrap_py.scenario.findings.talk import Talk
from mailtrap_py.scenario.verdict.connection import left_to_client

_LAST_IN_GROUP = frozenset({"EHLO", "DATA", "VRFY", "EXPN", "TURN", "QUIT", "NOOP", "AUTH", "STARTTLS"})
_ADDRESS_LITERAL = re.compile(r"\[.+\]")
_BARE_IP = re.compile(r"[0-9.]+|[0-9A-Fa-f:]*:[0-9A-Fa-f:.]*")
_SERVICE_CLOSING, _BAD_SEQUENCE = 421, 503


# -- how it begins and ends


@kind(
    Level.ERROR,
    "RFC 5321, section 4.3.1",
    "The client spoke before the greeting",
    "Servers refuse such a client as a spam robot, as Postfix's postscreen does.",
)
def _early_talker(talk: Talk) -> Iterator[Spot]:
    first = next(iter(talk.turns), None)
    if first is not None and first.exchange.early:
        yield first.spot


@kind(
    Level.WARNING,
    "RFC 5321, section 4.1.1.10",
    "The client closed the connection without QUIT",
    "A server cannot tell a client that has finished from one that broke down.",
)
def _no_quit(talk: Talk) -> Iterator[Spot]:
    if talk.session.ending in {Ending.CLIENT_CLOSED, Ending.CLIENT_RESET} and left_to_client(talk.session):
        yield Spot(talk.session.lines[-1:], f"the session ended by {talk.session.ending}")


@kind(
    Level.WARNING,
    "RFC 5321, section 4.5.3.2.7",
    "The client was silent until the time-out",
    "A connection that nobody closes, as in a pool, is gone when the next mail is to use it.",
)
def _idle_until_timeout(talk: Talk) -> Iterator[Spot]:
    if talk.session.ending is Ending.TIMEOUT:
        yield Spot(talk.session.lines[-1:])


@kind(
    Level.WARNING,
    "RFC 5321, section 3.8",
    "The client went on after 421, which closes the connection",
    "The reason in the 421 is lost behind the errors that follow, as when HELO is sent after a 421 to EHLO.",
)
def _went_on_after_421(talk: Talk) -> Iterator[Spot]:
    closing = False
    for exchange in talk.session.exchanges:
        if closing and exchange.request and exchange.verb != "QUIT" and not exchange.early:
            yield Spot((exchange.request,))
        closing = closing or exchange.code == _SERVICE_CLOSING


@kind(
    Level.ERROR,
    "RFC 5321, section 4.1.1.1",
    "MAIL without EHLO or HELO before it",
    "Most servers answer 503. After STARTTLS the client has to introduce itself again, too.",
)
def _mail_without_hello(talk: Talk) -> Iterator[Spot]:
    yield from (turn.spot for turn in talk.of("MAIL") if not turn.greeted)


@kind(
    Level.INFO,
    "RFC 5321, section 4.1.1.1",
    "HELO without trying EHLO first: no extension can be used",
    "Without EHLO there is no SIZE, no STARTTLS, no AUTH.",
)
def _helo_only(talk: Talk) -> Iterator[Spot]:
    tried = next(talk.of("EHLO"), None)
    first = next(talk.of("HELO"), None)
    if first is not None and tried is None:
        yield first.spot


@kind(
    Level.INFO,
    "RFC 5321, section 4.1.4",
    "The name given with EHLO or HELO is not a full domain name or [address]",
    "Some servers refuse all mail of a client that calls itself localhost, or by a bare host name or address.",
)
def _helo_name(talk: Talk) -> Iterator[Spot]:
    for turn in talk.of("EHLO", "HELO"):
        name = turn.exchange.argument
        if not _ADDRESS_LITERAL.fullmatch(name) and ("." not in name.strip(".") or _BARE_IP.fullmatch(name)):
            yield Spot(turn.spot.lines, name or "none at all")


# -- pipelining and order


@kind(
    Level.ERROR,
    "RFC 2920, section 3.1",
    "Commands without waiting for replies, though PIPELINING was not offered",
    "A server may throw away what it has not asked for yet, or close the connection.",
)
def _pipelining_not_offered(talk: Talk) -> Iterator[Spot]:
    for turn in talk.turns[1:]:
        if turn.exchange.early and turn.exchange.verb != CONTENT and not turn.offers("PIPELINING"):
            yield turn.spot


@kind(
    Level.ERROR,
    "RFC 2920, section 3.1",
    "Something was sent behind a command whose reply must be waited for",
    "EHLO, DATA, STARTTLS and others come last in a group, because their reply decides what is next.",
)
def _pipelining_too_far(talk: Talk) -> Iterator[Spot]:
    for turn in talk.turns:
        if turn.exchange.early and turn.before is not None and turn.before.verb in _LAST_IN_GROUP:
            yield Spot(turn.spot.lines, f"after {turn.before.verb}")


@kind(
    Level.ERROR,
    "RFC 5321, section 4.1.4",
    "MAIL while a transaction was open: after an error it has to be ended by RSET",
    "Servers answer 503, and the next mail fails for an error of the last; common after a refused DATA.",
)
def _nested_mail(talk: Talk) -> Iterator[Spot]:
    is_open = False
    for turn in talk.turns:
        exchange = turn.exchange
        if exchange.verb == "MAIL" and is_open:
            yield turn.spot
        if exchange.verb == "MAIL":
            is_open = is_open or (exchange.code > 0 and not exchange.failed)
        elif exchange.verb in {CONTENT, "RSET", "EHLO", "HELO", "STARTTLS"} and exchange.code:
            is_open = False


@kind(
    Level.WARNING,
    "RFC 5321, section 4.1.4",
    "Commands out of order",
    "The server answered 503: the client does not look at replies, or takes one for another.",
)
def _out_of_order(talk: Talk) -> Iterator[Spot]:
    refused = False
    for turn in talk.turns:
        exchange = turn.exchange
        if exchange.verb == "MAIL":
            refused = exchange.failed
        excused = exchange.early or (refused and turn.offers("PIPELINING") and exchange.verb in {"RCPT", "DATA"})
        if exchange.code == _BAD_SEQUENCE and exchange.reply and not exchange.reply.rule and not excused:
            yield Spot(turn.spot.lines, exchange.verb)


@kind(
    Level.WARNING,
    "RFC 5321, section 3.3",
    "DATA although no recipient was accepted",
    "The client does not look at the replies to RCPT, and sends the message for nobody.",
)
def _data_without_recipients(talk: Talk) -> Iterator[Spot]:
    accepted, asked = False, False
    for turn in talk.turns:
        match turn.exchange.verb:
            case "MAIL":
                accepted = asked = False
            case "RCPT":
                asked = True
                accepted = accepted or not turn.exchange.failed
            case "DATA" if asked and not accepted and not turn.offers("PIPELINING"):
                yield turn.spot
