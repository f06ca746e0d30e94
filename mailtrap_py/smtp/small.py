"""The small commands of SMTP: those that ask for nothing, or give up."""

from __future__ import annotations

from typing import Final

from mailtrap_py.events import Reply
from mailtrap_py.smtp import refusals
from mailtrap_py.smtp.conversation import Conversation

_OK: Final = Reply(250, "2.0.0", ("Ok",))


class SmallCommands(Conversation):
    """A session that knows them."""

    async def smtp_RSET(self, arg: str | None) -> None:
        """Give the transaction up (RFC 5321, section 4.1.1.5)."""
        if arg:
            self.say(refusals.syntax_error("RSET"))
            return
        self.end_transaction("RSET ended it")
        self.say(_OK)

    async def smtp_NOOP(self, arg: str | None) -> None:
        """Do nothing (RFC 5321, section 4.1.1.9)."""
        self.say(_OK)

    async def smtp_VRFY(self, arg: str | None) -> None:
        """Neither confirm nor deny (RFC 5321, section 3.5.3)."""
        # Nothing is said back that a client could take for the end of the line.
        shown = arg if arg and arg.isprintable() else "Cannot verify that"
        self.say(Reply(252, "2.0.0", (shown,)) if arg else refusals.syntax_error("VRFY address"))

    async def smtp_EXPN(self, arg: str | None) -> None:
        """Know no lists (RFC 5321, section 3.5.2)."""
        self.say(refusals.NO_EXPN)

    async def smtp_HELP(self, arg: str | None) -> None:
        """Name the commands (RFC 5321, section 4.1.1.8)."""
        self.say(Reply(214, "2.0.0", (f"Commands: {' '.join(sorted(self.verbs | {'BDAT'}))}",)))

    async def smtp_QUIT(self, arg: str | None) -> None:
        """Say goodbye and close (RFC 5321, section 4.1.1.10)."""
        if arg:
            self.say(refusals.syntax_error("QUIT"))
            return
        self.end_transaction("QUIT ended it")
        self.say(Reply(221, "2.0.0", ("Bye",)))
        self.goodbye_said = True
