"""The API of the server itself: health, status, inboxes, the certificate of its authority, and a clean slate."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import AfterValidator, Field
from starlette.responses import Response

from mailtrap_py.errors import SettingError
from mailtrap_py.settings import Settings
from mailtrap_py.store import Query
from mailtrap_py.web.api import change, operation
from mailtrap_py.web.api_scenario import InInbox, find_inbox
from mailtrap_py.web.bodies import Answer, Health, Listing, Status
from mailtrap_py.web.parameters import Body, Parameters
from mailtrap_py.web.problems import BAD_PARAMETER, NOT_READY, ProblemError

if TYPE_CHECKING:
    from mailtrap_py.inbox import Inbox
    from mailtrap_py.web.context import Context


def _upstream(text: str) -> str:
    try:
        Settings.load({"upstream": text}, {})
    except SettingError as error:
        message = error.problem.partition(": ")[2]
        raise ValueError(message) from None
    return text


class ChangeInbox(Body):
    """What is to be otherwise with an inbox; what is left out stays as it is."""

    users: dict[str, str] | None = Field(
        None,
        examples=[{"ann": "secret"}],
        description="Passwords of the users who come to it when they log in, on whatever port.",
    )
    upstream: Annotated[str, AfterValidator(_upstream)] | None = Field(
        None,
        examples=["smtp.example:587"],
        description="The real server behind the ports that lead to it; empty for that of the settings.",
    )


class NewInbox(ChangeInbox):
    """The inbox to make."""

    name: str = Field(min_length=1, examples=["worker-1"], description="Its name.")


class Reset(InInbox):
    """What to begin again: one inbox, or all of them, in so many words."""

    all: bool = Field(default=False, examples=[True], description="All inboxes.")


class InboxItem(Answer):
    """An inbox: the name of its scenario, the seed of its dice, its users, the real server, and how much it holds."""

    name: str
    scenario: str
    seed: int
    users: list[str]
    upstream: str
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
    """Make an inbox, or find the one of that name; who logs in to it, and the real server behind it."""
    return _changed(context, context.inboxes.create(body.name), body)


def read_inbox(context: Context, parameters: InInbox) -> InboxItem:
    """Show an inbox."""
    return _inbox(context, find_inbox(context, parameters.inbox))


def change_inbox(context: Context, parameters: InInbox, body: ChangeInbox) -> InboxItem:
    """Say who logs in to an inbox, and which real server stands behind it."""
    return _changed(context, find_inbox(context, parameters.inbox), body)


def _changed(context: Context, inbox: Inbox, body: ChangeInbox) -> InboxItem:
    if body.users is not None:
        inbox.users = dict(body.users)
    if body.upstream is not None:
        inbox.upstream = body.upstream
    return _inbox(context, inbox)


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
        users=sorted(inbox.users),
        upstream=inbox.upstream,
        messages=context.store.messages(Query(inbox=inbox.name), limit=0).total,
        sessions=context.store.sessions(inbox=inbox.name, limit=0).total,
    )


OPERATIONS = (
    operation("GET", "/api/inboxes", list_inboxes, Parameters, InboxList),
    change("POST", "/api/inboxes", make_inbox, Parameters, NewInbox, InboxItem),
    operation("GET", "/api/inboxes/{inbox}", read_inbox, InInbox, InboxItem),
    change("PUT", "/api/inboxes/{inbox}", change_inbox, InInbox, ChangeInbox, InboxItem),
    change("POST", "/api/reset", reset, Reset, Body, InboxList),
    operation("GET", "/api/status", read_status, Parameters, Status),
    operation("GET", "/api/tls/authority.pem", read_authority, Parameters, "application/x-pem-file"),
    operation("GET", "/livez", live, Parameters, Health),
    operation("GET", "/readyz", ready, Parameters, Health, problems=(NOT_READY,)),
)
