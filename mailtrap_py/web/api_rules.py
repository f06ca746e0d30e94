"""The API's rules, one by one: add one for the next so many, see what became of it, take it out; and its receipts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import ConfigDict, Field

from mailtrap_py.scenario.load import make_rule
from mailtrap_py.scenario.mistakes import nearest
from mailtrap_py.web.api import change, operation
from mailtrap_py.web.api_scenario import InInbox, find_inbox
from mailtrap_py.web.bodies import FiringItem, Listing, RuleItem
from mailtrap_py.web.filters import LAST_POSITION, MOST_AT_ONCE
from mailtrap_py.web.parameters import Body, Parameters
from mailtrap_py.web.problems import INVALID_SCENARIO, NOT_FOUND, ProblemError

if TYPE_CHECKING:
    from mailtrap_py.inbox import Inbox
    from mailtrap_py.scenario import RuleState
    from mailtrap_py.web.api import Operation
    from mailtrap_py.web.context import Context


class OneRule(InInbox):
    """Which rule of which inbox."""

    id: str


class AddRule(Body):
    """A rule as a scenario file says it: `at`, `when`, `count`, `do`, and perhaps an `id`."""

    model_config = ConfigDict(
        extra="allow",
        json_schema_extra={"required": ["at", "do"], "example": {"at": "rcpt", "do": {"reply": "450 4.2.1 Busy"}}},
    )


class ListFirings(Parameters):
    """Which receipts are wanted, and which part of the list."""

    inbox: str | None = Field(None, min_length=1, examples=["default"], description="Only firings in this inbox.")
    rule: str | None = Field(None, min_length=1, examples=["busy"], description="Only firings of this rule.")
    session: str | None = Field(None, min_length=1, description="Only firings in this session.")
    limit: int = Field(50, ge=1, le=MOST_AT_ONCE, examples=[50], description="How many at most.")
    cursor: int = Field(0, ge=0, le=LAST_POSITION, description="The `next_cursor` of the part before.")


class RuleList(Listing[RuleItem]):
    """The rules that are in force, in the order in which they are asked."""


class FiringList(Listing[FiringItem]):
    """Receipts of rules that acted, oldest first."""


def list_rules(context: Context, parameters: InInbox) -> RuleList:
    """List the rules in force, in the order in which they are asked, with what became of them."""
    return RuleList.whole([RuleItem.of(state) for state in find_inbox(context, parameters.inbox).director.rules()])


def add_rule(context: Context, parameters: InInbox, body: AddRule) -> RuleItem:
    """Add a rule before the others; it stays until it is removed, or the scenario is reset or replaced."""
    return RuleItem.of(find_inbox(context, parameters.inbox).director.add(make_rule(body.model_extra or {})))


def read_rule(context: Context, parameters: OneRule) -> RuleItem:
    """Show a rule with what became of it."""
    return RuleItem.of(_state(find_inbox(context, parameters.inbox), parameters.id))


def remove_rule(context: Context, parameters: OneRule) -> RuleItem:
    """Take a rule out, and show what had become of it."""
    inbox = find_inbox(context, parameters.inbox)
    state = _state(inbox, parameters.id)
    inbox.director.remove(parameters.id)
    return RuleItem.of(state)


def list_firings(context: Context, parameters: ListFirings) -> FiringList:
    """List the receipts of rules that acted: which, when, at what point of which session, doing what; oldest first."""
    found = [
        each
        for each in context.store.firings(session_id=parameters.session, inbox=parameters.inbox)
        if parameters.rule in {None, each.rule}
    ]
    return FiringList.cut(found, parameters.cursor, parameters.limit)


def _state(inbox: Inbox, rule: str) -> RuleState:
    states = {state.rule.id: state for state in inbox.director.rules()}
    if rule not in states:
        cure = nearest(rule, states) or "GET /api/rules lists what there is"
        raise ProblemError(NOT_FOUND, f"there is no rule {rule!r}", cure=cure)
    return states[rule]


def _of_inbox(prefix: str) -> tuple[Operation, ...]:
    unfit = (INVALID_SCENARIO,)
    return (
        operation("GET", f"{prefix}/rules", list_rules, InInbox, RuleList),
        change("POST", f"{prefix}/rules", add_rule, InInbox, AddRule, RuleItem, status=201, problems=unfit),
        operation("GET", f"{prefix}/rules/{{id}}", read_rule, OneRule, RuleItem),
        operation("DELETE", f"{prefix}/rules/{{id}}", remove_rule, OneRule, RuleItem),
    )


OPERATIONS = (
    *_of_inbox("/api"),
    operation("GET", "/api/firings", list_firings, ListFirings, FiringList),
    *_of_inbox("/api/inboxes/{inbox}"),
)
