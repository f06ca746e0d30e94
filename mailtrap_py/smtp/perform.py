"""Carries out what the scenario decided: actions become waits, bytes and endings.

The one place that knows what each action does to a connection. What a command or a message means is the session's
business; it lends two functions: `answer` says a reply (and, if it is a positive one, lets the command take effect),
`accept` stores the message.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import NoReturn

from mailtrap_py.events import Ending, Reply
from mailtrap_py.inbox import Inbox
from mailtrap_py.scenario import (
    Accept,
    Action,
    Before,
    Close,
    CloseHow,
    Decision,
    Delay,
    Director,
    Discard,
    Drip,
    Duplicate,
    Ehlo,
    Hold,
    LineEnd,
    Listener,
    Note,
    Pass,
    Raw,
    Read,
    SendReply,
    SetState,
    Split,
    Stall,
    Tls,
    Truncate,
)
from mailtrap_py.smtp import travel
from mailtrap_py.smtp.wire import SessionOver, Wire

SERVICE_CLOSING = 421
HALF_CLOSE_LIMIT = 600.0
"""Seconds a half-closed connection is read: the longest time-out of a client (RFC 5321, section 4.5.3.2.6)."""


@dataclass(slots=True)
class Stage:
    """Where actions are carried out: the connection, the inbox with its clock, and what the session lends."""

    wire: Wire
    inbox: Inbox
    answer: Callable[[Reply, str], Awaitable[None]]
    accept: Callable[[], Awaitable[None]]
    discard: Callable[[], None]
    bend: Callable[[Tls | Ehlo | Listener], None]
    director: Director = field(init=False)
    """The one that decided; another may be on by the time that an action has its turn."""

    def __post_init__(self) -> None:
        """Remember who decided."""
        self.director = self.inbox.director


async def perform(decision: Decision, stage: Stage) -> bool:
    """Carry out the actions in order, and tell whether the client was answered (if not, all goes on as usual).

    Raises `SessionOver` when an action ends the connection, and `ClientGone` when the client leaves during a wait.
    """
    answered = False
    for action in decision.actions:
        answered = await _act(action, decision.rule, stage) or answered
    return answered


async def _act(action: Action, rule: str, stage: Stage) -> bool:  # noqa: C901, PLR0912 - one branch an action
    match action:
        case SendReply():
            await stage.answer(action.reply, rule)
            if action.reply.code == SERVICE_CLOSING and not action.stay:
                raise SessionOver(Ending.SERVER_CLOSED, f"rule {rule} replied 421", then=stage.wire.close)
            return True
        case Raw():
            await stage.answer(raw_reply(action.data), rule)
            return True
        case Delay():
            await stage.wire.unless_lost(stage.inbox.clock.sleep(_seconds(action)))
        case Stall():
            await _stall(action, rule, stage)
        case Close():
            await end_connection(action.close, f"rule {rule} closed the connection ({action.close})", stage.wire)
        case Accept():
            await stage.accept()
        case Discard():
            stage.discard()
        case Drip() | Split() | LineEnd() | Truncate() | Duplicate() | Before():
            stage.wire.next_reply(_manner(action))
        case Hold():
            stage.wire.hold_reply()
        case Read():
            stage.wire.read_at(0.0 if action.read == "stop" else action.read.rate)
        case Tls() | Ehlo() | Listener():
            stage.bend(action)
        case Note():
            stage.wire.note(action.note, rule=rule)
        case Pass() | SetState():
            pass  # the director's business
        case _:
            raise TypeError(f"nobody knows how to carry out {action!r}")
    return False


def _manner(action: Drip | Split | LineEnd | Truncate | Duplicate | Before) -> travel.Manner:
    match action:
        case Drip():
            return travel.Dripped(action.drip.octets, action.drip.every)
        case Split():
            return travel.Split(action.split.at)
        case LineEnd():
            return travel.LineEnded(action.line_end)
        case Truncate():
            return travel.Truncated(action.truncate.at)
        case Duplicate():
            return travel.Duplicated()
        case Before():
            return travel.Preceded(action.data)


def _seconds(action: Delay) -> float:
    if not isinstance(action.delay, float | int):
        raise TypeError(f"a wait that was not drawn: {action.describe()}")
    return action.delay


def raw_reply(data: bytes) -> Reply:
    """Read bytes as a client does that looks at the first digits; no digits at all refuse the command."""
    digits = data[:3].decode("ascii", "replace")
    number = "".join(char for char in digits if char in "0123456789")
    return Reply(int(number.ljust(3, "0")) if number and digits.startswith(number) else 0, raw=data)


async def _stall(action: Stall, rule: str, stage: Stage) -> None:
    stage.wire.note("says nothing more", rule=rule)

    async def limit() -> bool:
        await stage.inbox.clock.sleep(action.stall.max)
        return False

    async def released_in_time() -> bool:
        # Two clocks' worth of waiting: a barrier that somebody opens, and the limit that ends every stall.
        waits = {
            asyncio.ensure_future(limit()),
            asyncio.ensure_future(stage.inbox.stall(action.stall.name, of=stage.director)),
        }
        try:
            done, _ = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            return done.pop().result()
        finally:
            for wait in waits:
                wait.cancel()
            await asyncio.gather(*waits, return_exceptions=True)

    if not await stage.wire.unless_lost(released_in_time(), or_closed=True):
        raise SessionOver(Ending.SERVER_CLOSED, f"rule {rule} stalled to its end", then=stage.wire.close)


async def end_connection(how: CloseHow, reason: str, wire: Wire) -> NoReturn:
    """End the connection in that way. Raises `SessionOver`, for the reason given."""
    match how:
        case CloseHow.FIN:
            raise SessionOver(Ending.SERVER_CLOSED, reason, then=wire.close)
        case CloseHow.HALF:  # it is read on, and over when the client leaves
            await wire.close_half(HALF_CLOSE_LIMIT)
            raise SessionOver(Ending.SERVER_CLOSED, reason)
        case CloseHow.ABORT:
            raise SessionOver(Ending.SERVER_CLOSED, reason, then=wire.abort)
        case CloseHow.RESET:
            raise SessionOver(Ending.SERVER_RESET, reason, then=wire.reset)
