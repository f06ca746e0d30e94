"""AUTH (RFC 4954): one exchange, from its command to the reply that ends it.

The scenario is asked at the command and again at each response, so that a rule for one user waits until the user is
known. What the client says here is marked as a secret in the transcript.
"""

from __future__ import annotations

import base64
import binascii
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from mailtrap_py.events import Point, Reply
from mailtrap_py.smtp import refusals
from mailtrap_py.smtp.sasl import MECHANISMS, PASSWORD, BadResponse, Claim, user_of

if TYPE_CHECKING:
    from mailtrap_py.smtp.session import Session

DONE: Final = Reply(235, "2.7.0", ("Authentication successful",))


def challenge(octets: bytes) -> Reply:
    """Ask for the next response."""
    return Reply(334, "", (base64.b64encode(octets).decode("ascii"),))


def refusal(session: Session, mechanism: str, words: int) -> Reply | None:
    """Tell why this AUTH command cannot begin an exchange, if it cannot; `words` counts those behind the verb."""
    state = session.session
    reasons = (
        (session.needs_tls, refusals.NEED_TLS_FOR_AUTH),
        (not session.honours("AUTH"), refusals.AUTH_NOT_OFFERED),
        (session.transaction is not None, refusals.AUTH_IN_TRANSACTION),
        (not state.host_name, refusals.NEED_EHLO),
        (not state.extended_smtp, refusals.AUTH_NEEDS_EHLO),
        (state.authenticated, refusals.AUTH_TWICE),
        (not words, refusals.AUTH_WITHOUT_MECHANISM),
        (words > 2, refusals.AUTH_WITH_TOO_MUCH),  # noqa: PLR2004 - a mechanism and an initial response
        (mechanism not in session.service.mechanisms, refusals.UNKNOWN_MECHANISM),
    )
    return next((reply for refused, reply in reasons if refused), None)


async def authenticate(session: Session, argument: str) -> None:
    """Do an AUTH command."""
    words = argument.split()
    mechanism = words[0].upper() if words else ""
    if refused := refusal(session, mechanism, len(words)):
        session.say(refused)
        return
    # RFC 4954, section 4: a single "=" is an initial response of no octets.
    initial = "" if words[1:] == ["="] else words[1] if words[1:] else None
    try:
        claim = await _exchange(session, mechanism, initial)
        if claim is not None and not _proven(session, claim):
            if not claim.refusal or await _response(session, claim.refusal) is not None:
                session.say(refusals.BAD_CREDENTIALS)
            claim = None
    except BadResponse as bad:
        session.say(Reply(501, "5.5.2", (str(bad),)))
        claim = None
    if claim is not None:
        session.attempted_user = claim.user
        session.say(DONE)
        session.authenticated()


async def _exchange(session: Session, mechanism: str, initial: str | None) -> Claim | None:
    """Let the mechanism ask until it has a claim; `None`: the exchange was broken off, and that is said."""
    conversation = MECHANISMS[mechanism](None if initial is None else _decoded(initial))
    try:
        asks = next(conversation)
        while True:
            response = await _response(session, asks)
            if response is None:
                return None
            asks = conversation.send(response)
    except StopIteration as done:
        claim: Claim = done.value
        return claim
    finally:
        conversation.close()


async def _response(session: Session, asks: bytes) -> bytes | None:
    """Ask, and read the response; `None`: the client cancelled, or a rule answered, and that is said."""
    session.say(challenge(asks))
    line = await session.client_step()
    text = line.strip()
    if text == b"*":
        # RFC 4954, section 4: the server "MUST reject the AUTH command by sending a 501 reply".
        session.say(refusals.AUTH_CANCELLED)
        return None
    decoded = _decoded(text.decode("ascii", "replace"))
    session.attempted_user = session.attempted_user or user_of(
        session.attempted_mechanism, text.decode("ascii"), first=asks != PASSWORD
    )
    session.command = line
    return None if await session.scenario_answers(Point.AUTH, verb="") else decoded


def _decoded(text: str) -> bytes:
    with suppress(binascii.Error, ValueError):
        return base64.b64decode(text, validate=True)
    raise BadResponse("Cannot decode the base64 of this response")


def _proven(session: Session, claim: Claim) -> bool:
    inbox = session.service.inboxes.of_user(claim.user)
    users = inbox.users if inbox is not None and claim.user in inbox.users else session.service.users
    return not users or (claim.user in users and claim.proves(users[claim.user]))
