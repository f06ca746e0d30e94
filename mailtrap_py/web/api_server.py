"""The API of the server itself: health, status, inboxes, the certificate of its authority, and a clean slate."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field
from starlette.responses import Response

from mailtrap_py.store import Query
from mailtrap_py.web.api import change, operation
from mailtrap_py.web.api_scenario import InInbox, find_inbox
from mailtrap_py.web.bodies import Answer, Health, Listing, Status
from mailtrap_py.web.parameters import Body, Parameters
from mailtrap_py.web.problems import BAD_PARAMETER, NOT_READY, ProblemError

if TYPE_CHECKING:
    from mailtrap_py.inbox import Inbox
    from mailtrap_py.web.context import Context


class NewInbox(Body):
    """The inbox to make."""

    name: str = Field(min_length=1, examples=["worker-1"], description="Its name.")


class Reset(InInbox):
    """What to begin again: one inbox, or all of them, in so many words."""

    all: bool = Field(default=False, examples=[True], description="All inboxes.")


class InboxItem(Answer):
    """An inbox: the name of its scenario, the seed of its dice, and how much it holds."""

    name: str
    scenario: str
    seed: int
    messages: int
    sessions: int


class InboxList(Listing[InboxItem]):
    """The inboxes, oldest first."""


def live(_: Context, __: Parameters) -> Health:
    """Answer: the process is there and serves."""
    return Health()


def ready(context: Context, _: Parameters) -> Health:
    """Answer when mail can come in and be read."""
    if context.bus.closed or not context.status().get("ready", True):
        raise ProblemError(NOT_READY, "the server is starting or shutting down", cure="ask again in a moment")
    context.store.flush()
    return Health()


def read_status(context: Context, _: Parameters) -> Status:
    """Say what the trap is: its version, its addresses, and what else it knows of itself."""
    return Status(**context.status())


def read_authority(context: Context, _: Parameters) -> Response:
    """Give the certificate of the trap's own authority, for clients that are to trust its TLS."""
    headers = {"Content-Disposition": 'attachment; filename="mailtrap-authority.pem"', "Cache-Control": "no-store"}
    return Response(context.authority_pem(), headers=headers, media_type="application/x-pem-file")


def list_inboxes(context: Context, _: Parameters) -> InboxList:
    """List the inboxes, oldest first."""
    return InboxList.whole([_inbox(context, inbox) for inbox in context.inboxes])


def make_inbox(context: Context, _: Parameters, body: NewInbox) -> InboxItem:
    """Make an inbox, or find the one of that name."""
    return _inbox(context, context.inboxes.create(body.name))


def reset(context: Context, parameters: Reset, _: Body) -> InboxList:
    """Begin again: nothing recorded, counters at zero, added rules gone, stalls over; the scenario stays."""
    if parameters.all and "inbox" in parameters.model_fields_set:
        cure = "leave out all=true to begin that inbox again, or the inbox to begin all"
        raise ProblemError(BAD_PARAMETER, "all=true and an inbox contradict each other", cure=cure)
    chosen = list(context.inboxes) if parameters.all else [find_inbox(context, parameters.inbox)]
    for inbox in chosen:
        inbox.reset()
    context.store.clear(None if parameters.all else parameters.inbox)
    return InboxList.whole([_inbox(context, inbox) for inbox in chosen])


def _inbox(context: Context, inbox: Inbox) -> InboxItem:
    return InboxItem(
        name=inbox.name,
        scenario=inbox.director.scenario.name,
        seed=inbox.seed,
        messages=context.store.messages(Query(inbox=inbox.name), limit=0).total,
        sessions=context.store.sessions(inbox=inbox.name, limit=0).total,
    )


OPERATIONS = (
    operation("GET", "/api/inboxes", list_inboxes, Parameters, InboxList),
    change("POST", "/api/inboxes", make_inbox, Parameters, NewInbox, InboxItem),
    change("POST", "/api/reset", reset, Reset, Body, InboxList),
    operation("GET", "/api/status", read_status, Parameters, Status),
    operation("GET", "/api/tls/authority.pem", read_authority, Parameters, "application/x-pem-file"),
    operation("GET", "/livez", live, Parameters, Health),
    operation("GET", "/readyz", ready, Parameters, Health, problems=(NOT_READY,)),
)
