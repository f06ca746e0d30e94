from __future__ import annotations

import asyncio

from mailtrap_py.smtp.conversation import Conversation
from mailtrap_py.smtp.doorway import Doorway
from tests.connected import house, looped


@looped
async def test_all_that_a_loop_tells_reaches_the_session() -> None:
    async with house() as built:
        await built.greeted()
        (session,) = built.server._sessions  # noqa: SLF001 - the only way to it

        doorway = session.wire.transport.get_protocol()

        assert isinstance(doorway, Doorway)
        assert doorway.session is session
        told = {**vars(asyncio.BaseProtocol), **vars(asyncio.BufferedProtocol)}
        names = [name for name in told if not name.startswith("_")]
        assert [name for name in names if getattr(doorway, name) != getattr(session, name)] == []
        assert isinstance(session, Conversation)
        assert doorway.get_buffer(-1) == session.service.landing
