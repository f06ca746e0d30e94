"""Every kind of finding, looked for in a run."""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType
from typing import Any, Final

from mailtrap_py.scenario.evidence import Evidence, Session
from mailtrap_py.scenario.findings import content, habits, order, privacy, syntax
from mailtrap_py.scenario.findings.content import Body
from mailtrap_py.scenario.findings.kinds import Finding, Kind
from mailtrap_py.scenario.findings.talk import Talk
from mailtrap_py.scenario.verdict.case import Case


def _kinds(*modules: ModuleType) -> tuple[Kind[Any], ...]:
    return tuple(value for module in modules for value in vars(module).values() if isinstance(value, Kind))


_TALK: Final[tuple[Kind[Talk], ...]] = _kinds(order, syntax, privacy)
_CONTENT: Final[tuple[Kind[Body], ...]] = _kinds(content)
_HABITS: Final[tuple[Kind[Case], ...]] = _kinds(habits)

KINDS: Final[tuple[Kind[Any], ...]] = (*_TALK, *_CONTENT, *_HABITS)
"""All kinds, in the order in which they are reported."""


def findings(evidence: Evidence) -> tuple[Finding, ...]:
    """Look for every kind in every session of a run, in the order of the sessions. Never raises.

    For one session's page give evidence of that session alone; then its habits are those of that session.
    """
    found = [finding for session in evidence.sessions for finding in _of_session(session, evidence)]
    case = Case(evidence)
    found += [finding for kind in _HABITS for finding in kind.findings([case])]
    order = {session.started.id: number for number, session in enumerate(evidence.sessions)}
    return tuple(sorted(found, key=lambda finding: order.get(finding.session_id, len(order))))


def _of_session(session: Session, evidence: Evidence) -> Iterator[Finding]:
    name = session.started.id
    talk_of = Talk(session)
    for of_talk in _TALK:
        yield from of_talk.findings([talk_of], name)
    bodies = [
        Body(evidence.content_of(transaction), transaction, session.content_line(transaction))
        for transaction in session.transactions
        if transaction.octets
    ]
    for of_content in _CONTENT:
        yield from of_content.findings(bodies, name)
