"""The judges of how connections were used: after a failure, in a silence, at the end, and before TLS."""

from __future__ import annotations

import itertools
from collections.abc import Mapping

from mailtrap_py.events import Ending
from mailtrap_py.scenario.attempts import Failure
from mailtrap_py.scenario.conversation import CONTENT, GREETING, UNASKED, Exchange
from mailtrap_py.scenario.evidence import BY_CLIENT, Session, Wait
from mailtrap_py.scenario.expectation import GaveUp, NotReused, Reconnected, Waited
from mailtrap_py.scenario.faults import Tls, TlsFault
from mailtrap_py.scenario.verdict.case import TOLERANCE, Case, Ruling, count

READY, SERVICE_CLOSING = 220, 421
_VERBS: Mapping[str, frozenset[str]] = {
    "greeting": frozenset({GREETING}),
    "ehlo": frozenset({"EHLO", "HELO", "LHLO"}),
    "starttls": frozenset({"STARTTLS"}),
    "auth": frozenset({"AUTH"}),
    "data": frozenset({"DATA"}),
    "message": frozenset({CONTENT}),
}
_BY_SERVER = frozenset({Ending.SERVER_CLOSED, Ending.SERVER_RESET, Ending.SHUTDOWN})
_NOBODYS_TLS = frozenset(
    Tls(tls=fault).describe()
    for fault in (
        TlsFault.EXPIRED,
        TlsFault.NOT_YET_VALID,
        TlsFault.WRONG_HOST,
        TlsFault.SELF_SIGNED,
        TlsFault.UNTRUSTED,
        TlsFault.OLD_VERSION,
    )
)
"""Handshakes, in the words of firings, that prove nothing about the server: going on is no better than plain text."""


def _said(session: Session, after: str) -> list[Exchange]:
    """List the replies of a session that failed so."""
    return [
        exchange for exchange in session.exchanges if exchange.failed and Failure(exchange.code, 0.0).matches(after)
    ]


def reconnected(expected: Reconnected, case: Case) -> Ruling:
    """Judge `reconnected`: after each session that failed so, a new connection began.

    The time runs from the last such reply of the session, or from the loss of the connection. A connection that was
    open already is not a new one.
    """
    lines: list[str] = []
    failed = 0
    sessions = case.evidence.sessions
    for position, session in enumerate(sessions):
        failure = _last_failure(session, expected.after, case)
        if failure is None:
            continue
        failed += 1
        shown, clock, lost = failure
        later = [each for each in sessions[position + 1 :] if lost or each.started.clock >= clock - TOLERANCE]
        if not later:
            lines += [shown, "no connection followed"]
        elif expected.within is not None and later[0].started.clock - clock > expected.within + TOLERANCE:
            late = later[0].started.clock
            lines += [shown, case.evidence.tell(later[0], late, f"connected, {late - clock:.3f}s after that")]
    if not failed:
        return Ruling(passed=False, evidence=(f"nothing failed with {expected.after}",))
    return Ruling(not lines, tuple(lines) or (f"{count(failed, 'time')}, and a new connection each time",))


def _last_failure(session: Session, after: str, case: Case) -> tuple[str, float, bool] | None:
    for attempt in case.attempts:
        if attempt.session is session and attempt.whole and attempt.whole.lost and attempt.whole.matches(after):
            return case.show_failure(attempt, attempt.whole), attempt.whole.clock, True
    said = _said(session, after)[-1:]
    return next(
        ((case.evidence.show(each.reply), each.told.clock, False) for each in said if each.reply and each.told), None
    )


def not_reused(expected: NotReused, case: Case) -> Ruling:
    """Judge `not_reused`: behind the first reply that failed so, the connection carries nothing but RSET and QUIT.

    What the client had sent before it could see that reply does not count.
    """
    lines: list[str] = []
    failed = 0
    for session in case.evidence.sessions:
        said = _said(session, expected.after)
        if not said:
            continue
        failed += 1
        after = session.exchanges[session.exchanges.index(said[0]) + 1 :]
        used = [each.request for each in after if each.request and each.verb not in {"RSET", "QUIT"} and not each.early]
        if used:
            lines += [case.evidence.show(line) for line in (*said[0].lines[-1:], *used)]
    return Ruling(
        not lines, tuple(lines) or (f"{count(failed, 'connection')} failed with {expected.after}, none was used on",)
    )


def not_early(expected: tuple[str, ...], case: Case) -> Ruling:
    """Judge `not_early`: the client said nothing more before it had the whole reply to one of these.

    Pipelining does not allow it: none of them may have another command behind it.
    """
    verbs = frozenset().union(*(_VERBS[each] for each in expected))
    lines: list[str] = []
    for session in case.evidence.sessions:
        for exchange, following in itertools.pairwise(each for each in session.exchanges if each.verb != UNASKED):
            if exchange.verb in verbs and following.early and following.request is not None:
                lines += [*map(case.evidence.show, exchange.lines[:1]), case.evidence.show(following.request)]
                lines.append("that was sent before the reply had come")
    return Ruling(not lines, tuple(lines) or (f"every reply was waited for ({', '.join(expected)})",))


def gave_up(expected: GaveUp, case: Case) -> Ruling:
    """Judge `gave_up`: the client left a server that owed it a reply, and no wait took longer than `within`.

    Every wait for a reply counts, answered or not; half a reply is none. When the server ended all waits first, nothing
    is proved, and it fails: let the scenario stall longer than `within`.
    """
    waits = list(case.waits())
    over = [(session, wait) for session, wait in waits if wait.seconds > expected.within + TOLERANCE]
    if over:
        shown = [case.show_wait(session, wait, _end(session, wait)) for session, wait in over]
        return Ruling(passed=False, evidence=tuple(shown))
    left = [(session, wait) for session, wait in waits if _left(session, wait)]
    if not left:
        return Ruling(passed=False, evidence=("the client never left a server that owed it a reply",))
    return Ruling(passed=True, evidence=tuple(case.show_wait(*each, "then left") for each in left))


def _left(session: Session, wait: Wait) -> bool:
    """Say whether the client ended this wait by leaving."""
    return not wait.answered and not wait.went_on and session.left is not None


def _end(session: Session, wait: Wait) -> str:
    if wait.answered:
        return "then was answered"
    if wait.went_on:
        return "then went on without a whole reply"
    if _left(session, wait):
        return "then left"
    return "and still waits" if session.ended is None else f"until the session ended ({session.ending})"


def waited(expected: Waited, case: Case) -> Ruling:
    """Judge `waited`: the client never left before it had waited so long for a reply, and did wait so long once.

    Half a reply is none: to go on with it is no patience. The reply to QUIT need not be waited for.
    """
    waits = [(session, wait) for session, wait in case.waits() if wait.exchange.verb != "QUIT"]
    least = expected.at_least - TOLERANCE
    early = [
        (session, wait) for session, wait in waits if wait.seconds < least and (wait.went_on or _left(session, wait))
    ]
    if early:
        return Ruling(passed=False, evidence=tuple(case.show_wait(*each, _end(*each)) for each in early))
    patient = [(session, wait) for session, wait in waits if wait.seconds >= least]
    if not patient:
        return Ruling(passed=False, evidence=("no reply took so long",))
    return Ruling(passed=True, evidence=tuple(case.show_wait(*each, _end(*each)) for each in patient))


def left_to_client(session: Session) -> bool:
    """Say whether it was for the client to end a session.

    It was not if the server ended it, or said 421, or owed a reply when the client left, or if the client left in the
    TLS handshake, where no command can be sent.
    """
    last = session.exchanges[-1]
    asked = [each for each in session.exchanges if each.verb != UNASKED][-1]
    handshake = (
        asked.verb == "STARTTLS" and asked.code == READY and not (session.updated and session.updated.tls_version)
    )
    if handshake and session.ending in BY_CLIENT:
        return False
    if session.ending in _BY_SERVER or (last.code == SERVICE_CLOSING and session.ending is not Ending.TIMEOUT):
        return False
    return not (session.left is not None and session.owed is not None)


def ends_with(expected: str, case: Case) -> Ruling:
    """Judge `ends_with: quit`: the client ended by QUIT each session that was its own to end, and it did connect."""
    if not case.evidence.sessions:
        return Ruling(passed=False, evidence=("no client connected",))
    sessions = [session for session in case.evidence.sessions if left_to_client(session)]
    wrong = [session for session in sessions if session.ending is not Ending.QUIT]
    lines = tuple(
        case.evidence.tell(
            session,
            session.ended.clock if session.ended else case.evidence.until,
            f"ended by {session.ending}, not by {expected}" if session.ended else "still open",
        )
        for session in wrong
    )
    return Ruling(not wrong, lines or (f"{count(len(sessions), 'session')} ended with {expected.upper()}",))


def shows_credentials(exchange: Exchange) -> bool:
    """Say whether an exchange carries credentials: an initial response of AUTH, or an answer to a challenge."""
    if exchange.verb != "AUTH":
        return False
    return exchange.argument != "*" if exchange.step else " " in exchange.argument


def no_plaintext(expected: tuple[str, ...], case: Case) -> Ruling:
    """Judge `no_plaintext`: before TLS no credentials (`auth`) and no MAIL command (`mail`), whatever was answered.

    TLS with a certificate or a version that the scenario made bad counts as none.
    """
    lines: list[str] = []
    for session in case.evidence.sessions:
        bad = [
            case.evidence.tell(session, firing.clock, action)
            for firing in case.evidence.firings
            if firing.session_id == session.started.id
            for action in firing.actions
            if action in _NOBODYS_TLS
        ]
        shown = [
            case.evidence.show(exchange.request)
            for exchange in session.exchanges
            if exchange.request is not None
            and (bad or not exchange.secure)
            and (
                ("auth" in expected and shows_credentials(exchange)) or ("mail" in expected and exchange.verb == "MAIL")
            )
        ]
        lines += [*bad, *shown] if shown else []
    return Ruling(not lines, tuple(lines) or (f"nothing in clear in {count(len(case.evidence.sessions), 'session')}",))
