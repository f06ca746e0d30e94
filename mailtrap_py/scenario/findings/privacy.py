"""What a session shows of TLS and credentials."""

from __future__ import annotations

from collections.abc import Iterator

from mailtrap_py.events import Source
from mailtrap_py.scenario.findings.kinds import Level, Spot, kind
from mailtrap_py.scenario.findings.talk import Talk
from mailtrap_py.scenario.verdict.connection import shows_credentials

_AUTH_FAILED = 535


@kind(
    Level.ERROR,
    "RFC 4954, section 4",
    "Credentials in clear, though STARTTLS was offered",
    "Whoever listens has the password.",
)
def _credentials_in_clear(talk: Talk) -> Iterator[Spot]:
    for turn in talk.turns:
        if not turn.exchange.secure and turn.offers("STARTTLS") and shows_credentials(turn.exchange):
            yield turn.spot


@kind(
    Level.INFO,
    "RFC 8314, section 3",
    "Mail in clear, though STARTTLS was offered",
    "Usual against a trap; on the way to a real server anybody can read it.",
)
def _mail_in_clear(talk: Talk) -> Iterator[Spot]:
    for turn in talk.of("MAIL"):
        if not turn.exchange.secure and turn.offers("STARTTLS"):
            yield turn.spot


@kind(
    Level.WARNING,
    "RFC 3207, section 4.2",
    "No new EHLO after STARTTLS: an offer in clear is not to be trusted",
    "Who sits between client and server can have changed the list that came in clear.",
)
def _no_ehlo_after_starttls(talk: Talk) -> Iterator[Spot]:
    for turn in talk.turns:
        upgraded = turn.exchange.secure and turn.before is not None and not turn.before.secure
        if upgraded and turn.exchange.verb not in {"EHLO", "QUIT"}:
            yield Spot(turn.spot.lines, f"{turn.exchange.verb} came instead")


@kind(
    Level.ERROR,
    "RFC 3207, section 4",
    "Octets in clear behind STARTTLS, before TLS began",
    "They were thrown away here; a server that keeps them can be made to obey an attacker (CVE-2011-0411).",
)
def _plaintext_behind_starttls(talk: Talk) -> Iterator[Spot]:
    for line in talk.session.lines:
        if line.source is Source.NOTE and b"in clear after STARTTLS" in line.data:
            yield Spot((line,))


@kind(
    Level.WARNING,
    "RFC 4954, section 6",
    "The same AUTH mechanism again, after its credentials were refused for good",
    "Servers lock accounts, and addresses, after a few such attempts.",
)
def _auth_repeated(talk: Talk) -> Iterator[Spot]:
    failed: set[str] = set()
    mechanism = ""
    for turn in talk.turns:
        exchange = turn.exchange
        if exchange.verb != "AUTH":
            continue
        if not exchange.step:
            mechanism = exchange.argument.partition(" ")[0].upper()
            if mechanism in failed:
                yield Spot(turn.spot.lines, mechanism)
        if exchange.code == _AUTH_FAILED:
            failed.add(mechanism)
