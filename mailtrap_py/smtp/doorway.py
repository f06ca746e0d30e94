"""A session as the event loop sees it: what is told of a connection, and where its octets go."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from mailtrap_py.smtp.conversation import Conversation

_TOLD: Final = (
    "connection_made",
    "connection_lost",
    "get_buffer",
    "buffer_updated",
    "eof_received",
    "pause_writing",
    "resume_writing",
)
"""What an event loop tells a protocol."""


class Doorway(asyncio.BufferedProtocol):
    """A session as the event loop sees it.

    Not the session itself: that is one of aiosmtpd's protocols too, which uvloop brings octets to in another way.
    """

    def __init__(self, session: Conversation) -> None:
        """Lead into a session."""
        self.session = session
        # The session's own methods, so that no octet takes a step more than it must.
        vars(self).update({name: getattr(session, name) for name in _TOLD})
