"""What several attempts show together: retries, copies, connections."""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterator

from mailtrap_py.events import Line
from mailtrap_py.scenario.attempts import Attempt
from mailtrap_py.scenario.findings.kinds import Level, Spot, kind
from mailtrap_py.scenario.verdict.case import Case

AT_ONCE = 1.0
"""Seconds (of the scenario's clock) within which a new attempt is no retry but hammering."""

MANY = 3
"""From so many connections on, one for each message is a habit."""

_CLOSING = 421

_HEADER_END = re.compile(rb"\r?\n\r?\n")


def _at(attempt: Attempt, detail: str = "") -> Spot:
    lines: tuple[Line, ...] = (attempt.first,) if attempt.first else ()
    return Spot(lines, detail, attempt.session.started.id)


@kind(
    Level.ERROR,
    "RFC 5321, section 4.2.1",
    "Sent again, though it was refused for good (5yz)",
    "Servers that are asked the same again and again begin to refuse everything.",
)
def _refused_and_retried(case: Case) -> Iterator[Spot]:
    for _, setback, again in case.setbacks("5xx"):
        for attempt in again:
            yield _at(attempt, f"after {setback.failure.code}")


@kind(
    Level.WARNING,
    "RFC 5321, section 4.5.4.1",
    "Sent again at once after it was deferred: a retry has to wait",
    "A sender 'MUST delay retrying a particular destination after one attempt has failed'.",
)
def _retried_at_once(case: Case) -> Iterator[Spot]:
    for attempt, setback, again in case.setbacks("4xx"):
        used = any(each.taken and each.session is attempt.session for each in case.attempts)
        if used and setback.failure.code == _CLOSING:
            continue  # the connection has had its share of messages; nothing was said about this one
        gap = again[0].began - setback.failure.clock if again else AT_ONCE
        if gap < AT_ONCE:
            yield _at(again[0], f"{max(gap, 0.0):.3f}s after {setback.failure.code}")


@kind(
    Level.WARNING,
    "RFC 5321, section 4.5.3.2.6",
    "The same message twice for one recipient",
    "After a lost reply it cannot be avoided; the same Message-ID lets the receiver see it.",
)
def _delivered_twice(case: Case) -> Iterator[Spot]:
    brought = {each.transaction.id: each for each in case.attempts if each.transaction is not None}
    for fate in case.fates:
        for copy in fate.copies[1:]:
            attempt = brought.get(copy.transaction_id)
            yield _at(attempt, fate.describe()) if attempt else Spot((), fate.describe(), copy.session_id)


@kind(
    Level.WARNING,
    "RFC 5322, section 3.6.4",
    "The same content again under a new Message-ID",
    "A retry makes the message anew; should the first have arrived after all, the copy looks like another mail.",
)
def _new_message_id(case: Case) -> Iterator[Spot]:
    open_: defaultdict[str, list[Attempt]] = defaultdict(list)
    for attempt in case.attempts:
        raw = case.evidence.content_of(attempt.transaction) if attempt.transaction else b""
        if not raw or not attempt.key:
            continue
        content = hashlib.sha256(_HEADER_END.split(raw, maxsplit=1)[-1]).hexdigest()
        if any(each.key != attempt.key and each.addresses & attempt.addresses for each in open_[content]):
            yield _at(attempt, attempt.key)
        if not attempt.taken:
            open_[content].append(attempt)


@kind(
    Level.INFO,
    "RFC 5321, section 4.1.4",
    "A new connection for every message, one after the other",
    "A connection takes many messages; a login and a TLS handshake for each of them is what real servers limit.",
)
def _connection_per_message(case: Case) -> Iterator[Spot]:
    calm = [
        session
        for session in case.evidence.sessions
        if len(session.transactions) == 1 and session.transactions[0].acknowledged
    ]
    ends = [session.ended.clock if session.ended else case.evidence.until for session in calm]
    in_turn = all(later.started.clock >= end for end, later in zip(ends, calm[1:], strict=False))
    if len(calm) >= MANY and in_turn and len(calm) == len(case.evidence.sessions):
        yield Spot((), f"{len(calm)} connections", calm[-1].started.id)


@kind(
    Level.INFO,
    "RFC 5321, section 4.5.4.1",
    "One message sent recipient by recipient, where one transaction would do",
    "'Only one copy of the message SHOULD be transmitted', with several RCPT commands.",
)
def _copy_per_recipient(case: Case) -> Iterator[Spot]:
    named: defaultdict[str, set[str]] = defaultdict(set)
    for attempt in case.attempts:
        if not attempt.key:
            continue
        before = named[attempt.key]
        if before and attempt.addresses and not before & attempt.addresses:
            yield _at(attempt, attempt.key)
        before |= attempt.addresses
