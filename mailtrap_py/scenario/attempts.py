"""What a client tried: each transaction, and each session that failed before it came to one; and what came again.

A mail *came again* when a later attempt brings the same message (`message_key`), or, where the content of one of the
two was not seen, when it has the same reverse-path and a recipient in common. Two different mails of one sender to one
recipient, both refused before their content, cannot be told apart by that, unless their MAIL commands declare different
sizes. After a session that failed before MAIL, whatever the client tries next on another connection counts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from mailtrap_py.events import Ending, Line, SessionEnded, Transaction
from mailtrap_py.pattern import fold_domain
from mailtrap_py.scenario.conversation import CONTENT, UNASKED, Exchange
from mailtrap_py.scenario.evidence import Evidence, Session
from mailtrap_py.scenario.expectation import LOST, after_matches

_GIVING_UP = frozenset({"RSET", "QUIT", "EHLO", "HELO"})


@dataclass(frozen=True, slots=True)
class Failure:
    """What went wrong: a reply's code, or `lost` with the code that stands for it; when, and the line that said so."""

    code: int
    clock: float
    line: Line | None = None
    lost: bool = False

    def matches(self, after: str) -> bool:
        """Say whether it is one of those that an expectation's `after` means."""
        return after_matches(after, self.code, lost=self.lost)

    @property
    def final(self) -> bool:
        """Whether the server said that it is for good (5yz)."""
        return self.code // 100 == 5  # noqa: PLR2004 - RFC 5321, section 4.2.1


@dataclass(frozen=True, slots=True)
class Setback:
    """What of an attempt failed in the way asked for: the last such failure, and the recipients it concerns."""

    failure: Failure
    addresses: frozenset[str]


@dataclass(frozen=True, kw_only=True, eq=False)
class Attempt:
    """One try. Without a transaction it is a session that failed before MAIL, and there is only `whole`.

    Addresses are folded. `refused` are the recipients that were; `whole` failed all the others. `taken` are those that
    the client was told are in the server's hands.
    """

    session: Session
    transaction: Transaction | None = None
    key: str = ""
    began: float
    first: Line | None = None
    refused: Mapping[str, Failure] = field(default_factory=lambda: MappingProxyType({}))
    whole: Failure | None = None
    addresses: frozenset[str] = frozenset()
    taken: frozenset[str] = frozenset()

    def setback(self, after: str) -> Setback | None:
        """Give what of it failed so, if anything did."""
        failures = [(failure, {address}) for address, failure in self.refused.items() if failure.matches(after)]
        if self.whole is not None and self.whole.matches(after):
            failures.append((self.whole, set(self.addresses - set(self.refused))))
        if not failures:
            return None
        last = max((failure for failure, _ in failures), key=lambda failure: failure.clock)
        return Setback(last, frozenset().union(*(addresses for _, addresses in failures)))

    def fate(self, address: str) -> Failure | None:
        """Give what failed one of its recipients; None if nothing did, or if the client itself gave up."""
        return self.refused.get(address, self.whole)

    def same_mail(self, other: Attempt) -> bool:
        """Say whether both are about one mail, as far as can be told."""
        if self.key and other.key:
            return self.key == other.key
        mine, theirs = self.transaction, other.transaction
        if mine is None or theirs is None:
            return False
        sizes = {each.parameters.get("SIZE", "") for each in (mine, theirs)} - {""}
        if fold_domain(mine.reverse_path) != fold_domain(theirs.reverse_path) or len(sizes) > 1:
            return False
        return not self.addresses or not other.addresses or bool(self.addresses & other.addresses)


def attempts_of(evidence: Evidence) -> tuple[Attempt, ...]:
    """List all attempts of a run in the order in which they began."""
    found = [attempt for session in evidence.sessions for attempt in _attempts(session, evidence)]
    return tuple(sorted(found, key=lambda attempt: (attempt.began, attempt.session.number)))


def came_again(attempt: Attempt, setback: Setback, attempts: Sequence[Attempt]) -> tuple[Attempt, ...]:
    """List the later attempts that bring again what failed."""
    later = [each for each in attempts[attempts.index(attempt) + 1 :] if _is_after(each, attempt, setback.failure)]
    if attempt.transaction is None:
        return tuple(_next_contacts(later, attempt.session, setback.failure))
    return tuple(
        each
        for each in later
        if attempt.same_mail(each)
        and (not setback.addresses or not each.addresses or setback.addresses & each.addresses)
    )


def _is_after(later: Attempt, attempt: Attempt, failure: Failure) -> bool:
    # Of a lost connection the client may know before we do; of a reply it cannot.
    return failure.lost or later.session is attempt.session or later.began >= failure.clock


def _next_contacts(later: Sequence[Attempt], session: Session, failure: Failure) -> Iterator[Attempt]:
    since = session.started.clock if failure.lost else failure.clock
    for each in later:
        # A connection that was open already, beside this one, is no new attempt.
        if each.session is not session and each.session.started.clock >= since:
            yield each
            if each.transaction is not None:
                return


def _attempts(session: Session, evidence: Evidence) -> Iterator[Attempt]:
    for transaction, exchanges in _conversations(session):
        yield _attempt(session, transaction, exchanges, evidence)
    failed = _failed_contact(session)
    if failed is not None:
        exchange, failure = failed
        first = exchange.request if exchange.verb == "MAIL" else None
        yield Attempt(
            session=session, began=first.clock if first else session.started.clock, first=first, whole=failure
        )


def _conversations(session: Session) -> Iterator[tuple[Transaction, Sequence[Exchange]]]:
    """Give each transaction the part of the conversation that begins with its MAIL command."""
    exchanges = session.exchanges
    begins = [position for position, exchange in enumerate(exchanges) if exchange.verb == "MAIL"]
    starts: list[int] = []
    after = 0
    for transaction in session.transactions:
        path = transaction.reverse_path
        found = next((each for each in range(after, len(begins)) if path in exchanges[begins[each]].argument), None)
        starts.append(len(exchanges) if found is None else begins[found])
        after = after if found is None else found + 1
    ends = [*starts[1:], len(exchanges)]
    for transaction, start, end in zip(session.transactions, starts, ends, strict=False):
        yield transaction, exchanges[start:end]


def _attempt(session: Session, transaction: Transaction, exchanges: Sequence[Exchange], evidence: Evidence) -> Attempt:
    refused: dict[str, Failure] = {}
    accepted: set[str] = set()
    for recipient in transaction.recipients:
        address = fold_domain(recipient.address)
        if recipient.accepted or _unheard(exchanges, recipient.address):
            accepted.add(address)
            refused.pop(address, None)
        elif address not in accepted:
            refused[address] = _failure(recipient.reply.code, transaction, exchanges, recipient.address)
    told = transaction.acknowledged and not _half_told(exchanges)
    whole: Failure | None = None
    refusal = transaction.reply is not None and not transaction.reply.positive
    if refusal and (accepted or not refused) and not _unheard(exchanges):
        assert transaction.reply is not None  # noqa: S101 - there is a refusal
        whole = _failure(transaction.reply.code, transaction, exchanges)
    elif session.ended is not None and (accepted or not refused) and not told and _was_lost(session, transaction):
        whole = Failure(LOST, _when_lost(session, session.ended), lost=True)
    first = exchanges[0].request if exchanges else None
    return Attempt(
        session=session,
        transaction=transaction,
        key=evidence.key_of(transaction),
        began=first.clock if first else transaction.started_clock,
        first=first,
        refused=refused,
        whole=whole,
        addresses=frozenset(accepted.union(refused)),
        taken=frozenset(accepted) if told else frozenset(),
    )


def _half_told(exchanges: Sequence[Exchange]) -> bool:
    """Say whether the reply to the content has no end, or never came: half a line says nothing (RFC 5321, 4.2)."""
    content = [each for each in exchanges if each.verb == CONTENT]
    return bool(content) and not content[-1].code


def _unheard(exchanges: Sequence[Exchange], address: str = "") -> bool:
    """Say whether the client had gone before it was told what became of the mail, or of this recipient."""
    last = exchanges[-1] if exchanges else None
    asked = {"RCPT"} if address else {"MAIL", "RCPT", "DATA", CONTENT}
    return last is not None and last.told is None and last.verb in asked and address in last.argument


def _failure(code: int, transaction: Transaction, exchanges: Sequence[Exchange], address: str = "") -> Failure:
    said = [each for each in exchanges if each.code == code and each.told and address in each.argument]
    return _failure_of(said[-1]) if said else Failure(code, transaction.ended_clock)


def _failure_of(exchange: Exchange) -> Failure:
    assert exchange.told is not None  # noqa: S101 - it has a code
    return Failure(exchange.code, exchange.told.clock, exchange.reply)


def _when_lost(session: Session, ended: SessionEnded) -> float:
    return ended.clock if session.left is None else session.left


def _was_lost(session: Session, transaction: Transaction) -> bool:
    """Say whether the connection ended under a transaction, and not the client the transaction."""
    if transaction is not session.transactions[-1] or session.ending is Ending.QUIT:
        return False
    commands = session.commands
    return not commands or commands[-1].verb not in _GIVING_UP


def _failed_contact(session: Session) -> tuple[Exchange, Failure] | None:
    """Give what ended a session before MAIL took effect, if anything did: a refusal, or the loss of the connection.

    In a session that had transactions before, that is a MAIL command that was never answered.
    """
    last = [each for each in session.exchanges if each.verb not in {"QUIT", UNASKED}][-1]
    if session.transactions and (last.verb != "MAIL" or last.reply is not None):
        return None
    if last.failed:
        return last, _failure_of(last)
    if session.ended is None or session.ending is Ending.QUIT:
        return None
    by_server = session.ending in {Ending.SERVER_CLOSED, Ending.SERVER_RESET, Ending.SHUTDOWN}
    if not by_server and last.code:
        return None
    return last, Failure(LOST, _when_lost(session, session.ended), lost=True)
