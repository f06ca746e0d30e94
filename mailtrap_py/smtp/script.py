"""Plays a scenario that is a fixed conversation: its player says what comes next, the wire does it."""

from __future__ import annotations

from typing import NoReturn

from mailtrap_py.events import Ending, Reply
from mailtrap_py.scenario.script import Listen, ScriptPlayer, Send, Sleep, Step
from mailtrap_py.smtp.perform import end_connection
from mailtrap_py.smtp.reader import LineTooLong
from mailtrap_py.smtp.wire import SessionOver, Wire


async def play(script: tuple[Step, ...], wire: Wire, patience: float) -> NoReturn:
    """Go through the steps to the end of the connection, waiting so many seconds for each line of the client.

    A client that leaves the script is not answered: what it said goes into the transcript, and the connection ends.
    Raises `SessionOver` at the end, and `ClientGone` when the client leaves before it.
    """
    player = ScriptPlayer(script)
    while True:
        match player.turn():
            case Send(data):
                wire.reply(Reply(0, raw=data))
            case Sleep(seconds):
                await wire.unless_lost(wire.inbox.clock.sleep(seconds))
            case Listen():
                if why := await _hear(player, wire, patience):
                    wire.note(why)
                    raise SessionOver(Ending.SERVER_CLOSED, why, then=wire.close)
            case end:
                await end_connection(end.how, f"the script closed the connection ({end.how})", wire)


async def _hear(player: ScriptPlayer, wire: Wire, patience: float) -> str:
    try:
        return player.hear(await wire.line(patience))
    except LineTooLong:
        return "the script expects no line that long"
    except TimeoutError:
        why = f"the client was silent for {patience:g} s"
        raise SessionOver(Ending.TIMEOUT, why, then=wire.close) from None
