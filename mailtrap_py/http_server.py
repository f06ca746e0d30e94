"""HTTP on sockets that are already bound: uvicorn without its signals, and with an end that waits for nobody."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Generator
from typing import Any

import uvicorn
from starlette.applications import Starlette

from mailtrap_py.web.app import close

PATIENCE = 1
"""Seconds that a request which is under way gets when the trap stops."""


def _websocket(**handed_on: Any) -> asyncio.Protocol:  # noqa: ANN401 - what uvicorn gives its protocols
    """Speak websockets with a client that asks for them; what does it is imported only then."""
    from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol  # noqa: PLC0415

    return WebSocketsSansIOProtocol(**handed_on)


class _Server(uvicorn.Server):
    """uvicorn's server, which says when it is up, and leaves signals to the program."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.up = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        self.up.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        yield


class HttpServer:
    """Serves an application until it is stopped."""

    def __init__(self, app: Starlette, sockets: list[socket.socket]) -> None:
        """Take sockets that listen; they are closed at the end."""
        self._app = app
        self._sockets = sockets
        self._server = _Server(
            uvicorn.Config(
                app,
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                ws=_websocket,  # type: ignore[arg-type]  # a class is wanted, and only called
                timeout_graceful_shutdown=PATIENCE,
            )
        )
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Return when requests are answered. Raises what kept the server from starting."""
        self._task = asyncio.create_task(self._server.serve(sockets=self._sockets))
        self._task.add_done_callback(lambda _: self._server.up.set())
        await self._server.up.wait()
        if self._task.done():
            ended, self._task = self._task, None  # so that `stop` does not raise it again
            await ended

    async def stop(self) -> None:
        """End long polls and event streams, then the server."""
        close(self._app)
        self._server.should_exit = True
        if self._task is not None:
            await self._task
