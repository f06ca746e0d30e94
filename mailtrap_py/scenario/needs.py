"""What it takes to meet a fault: some faults only show to a client that does more than send one message to one person.

`run` and `gauntlet` tell a command of it, so that it can do as much: `environment` says in which words.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Final

from pydantic import Field

from mailtrap_py.quantities import format_duration
from mailtrap_py.scenario.quantities import Duration
from mailtrap_py.scenario.values import OneOrMore, Text, Value

ONE = ("bob@example.com",)
"""To whom a command sends when a scenario needs nobody in particular."""


class Needs(Value):
    """What a client has to do to meet the fault; what is not said is one message, to one recipient, at once."""

    recipients: Annotated[tuple[Text, ...], Field(min_length=1), OneOrMore()] = Field(
        default=ONE, description="To whom it has to send: so many as are told apart."
    )
    messages: Annotated[int, Field(ge=1, le=1000, strict=True)] = Field(
        default=1, description="So many messages, one after the other, over one connection if it can."
    )
    pause: Duration = Field(default=0.0, description="So long between two of them, with the connection open.")
    connections: Annotated[int, Field(ge=1, le=100, strict=True)] = Field(
        default=1, description="So many connections open at once, each with its messages."
    )

    @property
    def environment(self) -> Mapping[str, str]:
        """The variables that tell a command: SMTP_TO, SMTP_MESSAGES, SMTP_PAUSE (seconds) and SMTP_CONNECTIONS."""
        return {
            "SMTP_TO": ",".join(self.recipients),
            "SMTP_MESSAGES": str(self.messages),
            "SMTP_PAUSE": f"{self.pause:g}",
            "SMTP_CONNECTIONS": str(self.connections),
        }

    def describe(self) -> str:
        """Say what is more than usual: `3 messages with pauses of 3s (SMTP_MESSAGES, SMTP_PAUSE)`; else nothing."""
        parts, names = zip(*self._parts(), strict=True) if list(self._parts()) else ((), ())
        return f"{' '.join(parts)} ({', '.join(names)})" if parts else ""

    def _parts(self) -> Iterator[tuple[str, str]]:
        if self.messages > 1:
            yield f"{self.messages} messages over one connection", "SMTP_MESSAGES"
        if self.pause:
            yield f"with pauses of {format_duration(self.pause)}", "SMTP_PAUSE"
        if self.connections > 1:
            yield (
                f"{'on each of ' if self.messages > 1 else ''}{self.connections} connections at once",
                "SMTP_CONNECTIONS",
            )
        if len(self.recipients) > 1:
            more = self.messages > 1 or self.pause or self.connections > 1
            yield f"{'' if more else 'a message '}to {len(self.recipients)} recipients", "SMTP_TO"


NOTHING: Final = Needs()
"""What most scenarios need."""
