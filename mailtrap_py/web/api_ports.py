"""The API's ports: how parallel tests share one server. A port of its own leads to an inbox of its own.

What the application sends to such a port goes to that inbox, under its scenario, without the application's knowing
anything; and a port can lead to another inbox for the next test, so that an application is told its port only once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field
from starlette.concurrency import run_in_threadpool

from mailtrap_py.clock import ManualClock
from mailtrap_py.errors import SettingError
from mailtrap_py.inbox import DEFAULT
from mailtrap_py.scenario import ListenerHow
from mailtrap_py.web.api import change, operation
from mailtrap_py.web.api_scenario import find_inbox
from mailtrap_py.web.bodies import Answer, Listing
from mailtrap_py.web.parameters import Body, Parameters
from mailtrap_py.web.problems import CONFLICT, NOT_FOUND, ProblemError

if TYPE_CHECKING:
    from mailtrap_py.web.context import Context, Ports

MOST_PORTS = 1000


class OnePort(Parameters):
    """Which port."""

    port: int = Field(examples=[2600], description="Its number.")


class OneInbox(Parameters):
    """Which inbox."""

    inbox: str = Field(examples=["worker-1"], description="Its name.")


class WhoWaits(OneInbox):
    """Which inbox, and under which name its sessions stall."""

    name: str = Field("", examples=["gate"], description="The name of the stall; all, if none is given.")


class OpenPort(Body):
    """The port to open, and the inbox that it leads to."""

    inbox: str = Field(DEFAULT, min_length=1, examples=["worker-1"], description="The inbox; made if it is not there.")
    protocol: Literal["smtp", "smtps"] = Field(
        "smtp", examples=["smtp"], description="smtps: TLS from the first octet."
    )


class LeadPort(Body):
    """Where a port leads to from now on."""

    inbox: str = Field(min_length=1, examples=["worker-1"], description="The inbox; made if it is not there.")


class ShutPorts(Body):
    """What becomes of the ports that lead to an inbox."""

    listener: ListenerHow = Field(examples=["refuse"], description="refuse, pause or resume.")


class PortItem(Answer):
    """A port of an inbox."""

    port: int
    protocol: str
    inbox: str


class PortList(Listing[PortItem]):
    """The ports that were opened for inboxes."""


class Waiting(Answer):
    """The sessions of an inbox that are open; of these, who stalls, and who waits for a clock that is moved by hand."""

    open_sessions: int
    stalled: int
    sleepers: int


class Removed(Answer):
    """An inbox that is gone, with how many sessions had to be ended for it."""

    inbox: str
    sessions: int


def list_ports(context: Context, _: Parameters) -> PortList:
    """List the ports that were opened for inboxes."""
    return PortList.whole([_item(context, number) for number in _ports(context).opened])


async def open_port(context: Context, _: Parameters, body: OpenPort) -> PortItem:
    """Open a port whose mail goes to this inbox."""
    ports = _ports(context)
    if len(ports.opened) >= MOST_PORTS:
        raise ProblemError(
            CONFLICT, f"there are {MOST_PORTS} ports already", cure="DELETE /api/ports/{port} closes one"
        )
    context.inboxes.create(body.inbox)
    try:
        number = await ports.open(body.protocol, body.inbox)
    except SettingError as error:
        raise ProblemError(CONFLICT, error.problem, cure=error.cure) from None
    return _item(context, number)


def lead_port(context: Context, parameters: OnePort, body: LeadPort) -> PortItem:
    """Let who connects to this port from now on come to another inbox."""
    _opened(context, parameters.port)
    context.inboxes.lead(parameters.port, context.inboxes.create(body.inbox).name)
    return _item(context, parameters.port)


async def close_port(context: Context, parameters: OnePort) -> PortItem:
    """Close a port that was opened for an inbox; sessions that came by it go on."""
    _opened(context, parameters.port)
    item = _item(context, parameters.port)
    await _ports(context).close(parameters.port)
    return item


async def shut_ports(context: Context, parameters: OneInbox, body: ShutPorts) -> PortList:
    """Refuse connections on the ports that lead to an inbox, or let them hang, or take them again."""
    inbox = find_inbox(context, parameters.inbox)
    await _ports(context).shut(body.listener, inbox)
    return PortList.whole(
        [item for number in _ports(context).opened if (item := _item(context, number)).inbox == inbox.name]
    )


def who_waits(context: Context, parameters: WhoWaits) -> Waiting:
    """Count the open sessions of an inbox, and those of them that a scenario keeps waiting."""
    inbox = find_inbox(context, parameters.inbox)
    clock = inbox.clock
    return Waiting(
        open_sessions=inbox.open_sessions,
        stalled=inbox.stalled(parameters.name),
        sleepers=clock.sleepers if isinstance(clock, ManualClock) else 0,
    )


async def remove_inbox(context: Context, parameters: OneInbox) -> Removed:
    """Remove an inbox: its sessions are ended, its mail and its record are gone, its ports lead to `default`."""
    inbox = find_inbox(context, parameters.inbox)
    if inbox.name == DEFAULT:
        raise ProblemError(CONFLICT, "the inbox 'default' is always there", cure="POST /api/reset empties it")
    inbox.clear()
    sessions = await _ports(context).end_sessions(inbox)
    context.inboxes.remove(inbox.name)
    await run_in_threadpool(context.store.clear, inbox.name)
    return Removed(inbox=inbox.name, sessions=sessions)


def _ports(context: Context) -> Ports:
    if context.ports is None:
        raise ProblemError(CONFLICT, "this server has no ports", cure="it was started for its pages only")
    return context.ports


def _opened(context: Context, number: int) -> None:
    if number not in _ports(context).opened:
        cure = "GET /api/ports lists what there is"
        raise ProblemError(NOT_FOUND, f"no port {number} was opened for an inbox", cure=cure)


def _item(context: Context, number: int) -> PortItem:
    protocol = _ports(context).opened[number]
    return PortItem(port=number, protocol=protocol, inbox=context.inboxes.at(number).name)


OPERATIONS = (
    operation("GET", "/api/ports", list_ports, Parameters, PortList),
    change("POST", "/api/ports", open_port, Parameters, OpenPort, PortItem, status=201, problems=(CONFLICT,)),
    change("PUT", "/api/ports/{port}", lead_port, OnePort, LeadPort, PortItem, problems=(CONFLICT,)),
    operation("DELETE", "/api/ports/{port}", close_port, OnePort, PortItem, problems=(CONFLICT,)),
    operation("GET", "/api/inboxes/{inbox}/waiting", who_waits, WhoWaits, Waiting),
    change("POST", "/api/inboxes/{inbox}/listener", shut_ports, OneInbox, ShutPorts, PortList, problems=(CONFLICT,)),
    operation("DELETE", "/api/inboxes/{inbox}", remove_inbox, OneInbox, Removed, problems=(CONFLICT,)),
)
