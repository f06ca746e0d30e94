"""The listening ports and the sessions that are open on them."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence
from contextlib import suppress

from mailtrap_py.smtp.conversation import Conversation
from mailtrap_py.smtp.proxy import ProxySession
from mailtrap_py.smtp.service import Port, Service
from mailtrap_py.smtp.session import Session

PATIENCE = 0.5
"""Seconds that sessions get to say 421 when the server stops; after that their connections are broken."""


class Server:
    """Takes connections on any number of sockets and makes a session of each."""

    def __init__(self, service: Service) -> None:
        """Serve nothing yet."""
        self._service = service
        self._kind = ProxySession if service.upstream is not None else Session
        self._listeners: list[asyncio.Server] = []
        self._sessions: set[Conversation] = set()

    async def listen(self, sockets: Sequence[socket.socket], *, implicit_tls: bool = False) -> Port:
        """Begin to take connections on sockets that listen; they share one port number."""
        port = Port(int(sockets[0].getsockname()[1]), implicit_tls)
        loop = asyncio.get_running_loop()

        def open_session() -> Conversation:
            session = self._kind(self._service, port, ended=self._sessions.discard)
            self._sessions.add(session)
            return session

        for listener in sockets:
            self._listeners.append(await loop.create_server(open_session, sock=listener))
        return port

    @property
    def sessions(self) -> int:
        """How many sessions are open."""
        return len(self._sessions)

    async def close(self) -> None:
        """Stop: no new connections, 421 to those that are open, and no waiting for clients that do not go."""
        for listener in self._listeners:
            listener.close()
        self._listeners.clear()
        await self.end_sessions()

    async def end_sessions(self) -> None:
        """End the open sessions, and go on taking connections."""
        open_sessions = [session for session in self._sessions if hasattr(session, "task")]
        for session in open_sessions:
            session.task.cancel()
        if open_sessions:
            with suppress(TimeoutError):
                async with asyncio.timeout(PATIENCE):
                    await asyncio.gather(*(session.task for session in open_sessions), return_exceptions=True)
        for session in open_sessions:
            session.wire.transport.abort()
