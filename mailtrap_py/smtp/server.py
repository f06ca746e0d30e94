"""The listening ports and the sessions that are open on them."""

from __future__ import annotations

import asyncio
import socket
import weakref
from collections.abc import Sequence
from contextlib import suppress

from mailtrap_py.smtp.conversation import Conversation
from mailtrap_py.smtp.proxy import ProxySession
from mailtrap_py.smtp.service import Port, Service
from mailtrap_py.smtp.session import Session

BACKLOG = 1024
"""Connections that may wait to be taken: a burst of clients must not wait for TCP to try again."""

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
        # Also those that are over and whose connection is not: under TLS it takes both sides to end it.
        self._connections: weakref.WeakSet[Conversation] = weakref.WeakSet()

    async def listen(self, sockets: Sequence[socket.socket], *, implicit_tls: bool = False) -> Port:
        """Begin to take connections on sockets that listen; they share one port number."""
        port = Port(int(sockets[0].getsockname()[1]), implicit_tls)
        loop = asyncio.get_running_loop()

        def open_session() -> Conversation:
            session = self._kind(self._service, port, ended=self._sessions.discard)
            self._sessions.add(session)
            self._connections.add(session)
            return session

        for listener in sockets:
            self._listeners.append(await loop.create_server(open_session, sock=listener, backlog=BACKLOG))
        return port

    @property
    def sessions(self) -> int:
        """How many sessions are open."""
        return len(self._sessions)

    async def close(self) -> None:
        """Stop: no new connections, 421 to those that are open, and no waiting for clients that do not go."""
        loop = asyncio.get_running_loop()
        for listening in [listening for listener in self._listeners for listening in listener.sockets]:
            # A connection that asyncio has half taken when its server closes is lost, and its socket stays open. So
            # first no more are taken, then those have their turns to begin.
            with suppress(NotImplementedError):
                loop.remove_reader(listening.fileno())
        await _turns()
        for listener in self._listeners:
            listener.close()
        self._listeners.clear()
        await self.end_sessions()

    async def end_sessions(self) -> None:
        """End the open sessions, and go on taking connections."""
        await _turns()
        tasks = [session.task for session in self._sessions if hasattr(session, "task")]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=PATIENCE)
        for session in [session for session in self._connections if hasattr(session, "wire")]:
            session.wire.transport.abort()
        await asyncio.sleep(0)  # so that the sockets are closed when this returns


async def _turns() -> None:
    """Let the event loop turn as often as it takes from a connection that it was told of to its session's beginning."""
    for _ in range(3):
        await asyncio.sleep(0)
