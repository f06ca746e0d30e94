"""The listening ports and the sessions that are open on them."""

from __future__ import annotations

import asyncio
import logging
import socket
import weakref
from collections.abc import Sequence
from concurrent.futures import CancelledError
from contextlib import suppress
from dataclasses import replace

from mailtrap_py.errors import SettingError
from mailtrap_py.events import Reply
from mailtrap_py.inbox import Inbox
from mailtrap_py.scenario import Director, ListenerHow
from mailtrap_py.smtp import refusals
from mailtrap_py.smtp.conversation import Conversation
from mailtrap_py.smtp.doorway import Doorway
from mailtrap_py.smtp.listening import Listening, turns
from mailtrap_py.smtp.lmtp import LmtpSession
from mailtrap_py.smtp.persona import PersonaSession
from mailtrap_py.smtp.proxy import ProxySession
from mailtrap_py.smtp.service import Port, Service
from mailtrap_py.smtp.session import Session
from mailtrap_py.smtp.upstream import Upstream
from mailtrap_py.smtp.wire import break_off

log = logging.getLogger("mailtrap_py.smtp")

PATIENCE = 0.5
"""Seconds that sessions get to say 421 when the server stops; after that their connections are broken."""


_BEGINNING = 5.0  # seconds in which a port is surely closed

_PATIENT = 30.0  # seconds for the real server of an inbox, where there is no other that would say how many

_PORT = "a closed port"  # what its wait is called, among the inbox's stalls


class Server:
    """Takes connections on any number of sockets and makes a session of each."""

    def __init__(self, service: Service) -> None:
        """Serve nothing yet."""
        self._service = replace(service, listener=self.control, admit=self.admit)
        self._kind = ProxySession if service.upstream is not None else Session
        self._lmtp_kind = LmtpSession
        self._listeners: list[Listening] = []
        self._closing: dict[str, asyncio.Task[None]] = {}  # by the inbox whose ports are closed
        self._beginnings: set[asyncio.Task[None]] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._sessions: set[Conversation] = set()
        self._all_over = asyncio.Event()
        self._all_over.set()
        # Also those that are over and whose connection is not: it takes both sides to end it in order.
        self._connections: weakref.WeakSet[Conversation] = weakref.WeakSet()

    async def listen(self, sockets: Sequence[socket.socket], *, implicit_tls: bool = False, lmtp: bool = False) -> Port:
        """Begin to take connections on sockets that listen; they share one port number."""
        name = sockets[0].getsockname()
        port = Port(0 if isinstance(name, str) else int(name[1]), implicit_tls, lmtp)

        def open_session() -> Doorway:
            session = self._session(port)
            self._sessions.add(session)
            self._all_over.clear()
            self._connections.add(session)
            return session.doorway

        for listener in sockets:
            listening = Listening(listener, open_session)
            self._listeners.append(listening)
            await listening.take()
        self._loop = asyncio.get_running_loop()
        inbox = self._service.inboxes.at(port.number, self._service.inbox)
        inbox.watch(self._begins)
        await self._begin(inbox)
        return port

    def _begins(self, inbox: Inbox) -> None:
        """Let a scenario begin that says what becomes of the port; whoever uses it from a thread of his own waits."""
        loop = self._loop
        if loop is None or not loop.is_running():
            return
        try:
            here = asyncio.get_running_loop() is loop
        except RuntimeError:
            here = False
        beginning = asyncio.run_coroutine_threadsafe(self._begin_in_time(inbox), loop)
        if not here:
            with suppress(CancelledError):  # the server closed meanwhile
                beginning.result(_BEGINNING)

    async def _begin_in_time(self, inbox: Inbox) -> None:
        beginning = asyncio.ensure_future(self._begin(inbox))
        self._beginnings.add(beginning)
        try:
            await beginning
        finally:
            self._beginnings.discard(beginning)

    async def _begin(self, inbox: Inbox) -> None:
        begin = inbox.director.scenario.begin
        if begin is None or not self._of(inbox):
            return
        before = self._closing.pop(inbox.name, None)
        if before is not None:  # what it would open again is to be closed now
            before.cancel()
            await asyncio.wait([before])
        await self.shut(begin.listener, inbox)
        self.control(begin.listener, begin.for_, inbox)

    def _session(self, port: Port) -> Conversation:
        service, ended = self._service, self._is_over
        if port.lmtp:
            return self._lmtp_kind(service, port, ended=ended)
        inbox = service.inboxes.at(port.number, service.inbox)
        if inbox.upstream:
            behind = Upstream.parse(inbox.upstream, timeout=service.upstream.timeout if service.upstream else _PATIENT)
            return ProxySession(replace(service, upstream=behind), port, ended=ended)
        persona = inbox.director.scenario.persona or service.persona
        if persona is None or service.upstream is not None:  # what a real server says is said in its own words
            return self._kind(service, port, ended=ended)
        return PersonaSession(service, port, ended=ended, persona=persona)

    def _is_over(self, session: Conversation) -> None:
        self._sessions.discard(session)
        if not self._sessions:
            self._all_over.set()

    def admit(self, client: str) -> Reply | None:
        """Give the reply to a client that is one too many, and `None` to all others."""
        service = self._service
        if len(self._sessions) > service.max_sessions:
            return refusals.too_many_sessions(service.hostname)
        limit = service.max_sessions_per_client
        if limit is not None and sum(each.facts.client == client for each in self._sessions) > limit:
            return refusals.too_many_sessions(service.hostname, client)
        return None

    async def stop_listening(self, number: int) -> None:
        """Close a port for good; its sessions go on."""
        for listening in [each for each in self._listeners if each.number == number]:
            self._listeners.remove(listening)
            async with listening.turn:
                await listening.refuse()

    def control(self, how: ListenerHow, seconds: float | None, inbox: Inbox) -> None:
        """Close the ports that lead to this inbox, or open them again. Open sessions go on.

        A closed port opens again after `seconds` on the inbox's clock, and when the inbox is reset.
        """
        if inbox.name in self._closing:
            self._closing[inbox.name].cancel()
        self._closing[inbox.name] = asyncio.ensure_future(self._control(how, seconds, inbox, inbox.director))

    async def shut(self, how: ListenerHow, inbox: Inbox) -> None:
        """Close the ports that lead to this inbox, or open them again; when this returns, it is so.

        They open again when told, or by `open_again`.
        """
        for listening in self._of(inbox):
            async with listening.turn:
                match how:
                    case ListenerHow.REFUSE:
                        await listening.refuse()
                    case ListenerHow.PAUSE:
                        await listening.pause()
                    case ListenerHow.BLACKHOLE:
                        await listening.swallow()
                    case ListenerHow.RESUME:
                        await listening.take()

    def _of(self, inbox: Inbox) -> list[Listening]:
        """Give the ports that lead to an inbox, so that what is done to one inbox is not done to another."""
        service = self._service
        return [each for each in self._listeners if service.inboxes.at(each.number, service.inbox) is inbox]

    async def open_again(self) -> None:
        """Take connections on all ports, whatever closed them."""
        await self._stop_closing()
        for listening in self._listeners:
            async with listening.turn:
                await listening.take()

    async def _stop_closing(self) -> None:
        tasks = [*self._closing.values(), *self._beginnings]
        self._closing.clear()
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    async def _control(self, how: ListenerHow, seconds: float | None, inbox: Inbox, wanted_by: Director) -> None:
        if how is not ListenerHow.RESUME:
            await self.shut(how, inbox)
            await _end_of(inbox, seconds, wanted_by)
        try:
            await self.shut(ListenerHow.RESUME, inbox)
        except SettingError as error:  # nobody waits for this task who could be told
            log.error("the port cannot be opened again: %s", error)  # noqa: TRY400 - it is no bug of ours

    @property
    def sessions(self) -> int:
        """How many sessions are open."""
        return len(self._sessions)

    async def settle(self, seconds: float) -> bool:
        """Wait until the ends of all sessions are in the record, or so many seconds; tell whether they are."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._all_over.wait()
        return self._all_over.is_set()

    async def close(self) -> None:
        """Stop: no new connections, 421 to those that are open, and no waiting for clients that do not go."""
        await self._stop_closing()
        for listening in self._listeners:
            async with listening.turn:
                await listening.refuse()
        self._listeners.clear()
        await self.end_sessions()

    async def end_sessions(self, inbox: Inbox | None = None) -> int:
        """End the open sessions, of one inbox or all, and go on taking connections; tell how many there were."""
        await turns()
        meant = [session for session in self._connections if inbox is None or session.inbox is inbox]
        open_ = sum(session in self._sessions for session in meant)
        tasks = [session.task for session in meant if hasattr(session, "task") and not session.task.done()]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=PATIENCE)
        for session in [session for session in meant if hasattr(session, "wire")]:
            break_off(session.wire.transport)
        await asyncio.sleep(0)  # so that the sockets are closed when this returns
        return open_


async def _end_of(inbox: Inbox, seconds: float | None, wanted_by: Director) -> None:
    """Wait so long on the inbox's clock, for ever if there is no time, but no longer than until the inbox is reset."""
    waits = {asyncio.ensure_future(inbox.stall(_PORT, of=wanted_by))}
    if seconds is not None:
        waits.add(asyncio.ensure_future(_after(inbox, seconds)))
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()


async def _after(inbox: Inbox, seconds: float) -> bool:
    await inbox.clock.sleep(seconds)
    return True
