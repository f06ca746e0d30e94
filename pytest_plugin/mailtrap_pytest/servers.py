"""The servers of a run: one for each settings that a test asks for, or the one behind the URL."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import TYPE_CHECKING

from mailtrap_py.handle import PRIVATE, Mailtrap

if TYPE_CHECKING:
    from mailtrap_py import Settings
    from mailtrap_pytest.options import Options


class Servers:
    """Running servers; they go on to the end of the run, because a start costs more than all else that they do."""

    def __init__(self, options: Options) -> None:
        """Start none yet."""
        self.options = options
        self._closing = contextlib.ExitStack()
        self._main: list[tuple[Settings, Mailtrap]] = []
        self._idle: list[tuple[Settings, Mailtrap]] = []

    def main(self, settings: Settings) -> Mailtrap:
        """Give the server with these settings that every test uses.

        The one behind the URL has its own settings: for others there is a server in this process all the same.
        """
        for known, server in self._main:
            if known == settings:
                return server
        options = self.options
        there = options.url and settings == PRIVATE
        server = Mailtrap.at(options.url, smtp=options.smtp, worker=options.worker) if there else Mailtrap(settings)
        self._main.append((settings, self._start(server)))
        return server

    def another(self, settings: Settings) -> Mailtrap:
        """Give a server of these settings that nobody uses."""
        for number, (idle, server) in enumerate(self._idle):
            if idle == settings:
                del self._idle[number]
                return server
        return self._start(Mailtrap(settings))

    def take_back(self, settings: Settings, server: Mailtrap) -> None:
        """Keep a server for the next test that wants such a one."""
        server.reset()
        self._idle.append((settings, server))

    def _start(self, server: Mailtrap) -> Mailtrap:
        self._closing.enter_context(server)
        server.patience = self.options.timeout
        return server

    def close(self) -> None:
        """End them all."""
        self._closing.close()


class Factory:
    """Gives more mail traps: `mailtrap_factory(auth="required")`; what is not said is as in `mailtrap_settings`."""

    def __init__(self, servers: Servers, settings: Settings, note: Callable[[Mailtrap], None]) -> None:
        """Give them from these servers."""
        self._servers = servers
        self._settings = settings
        self._note = note
        self._given: list[tuple[Settings, Mailtrap]] = []

    @property
    def given(self) -> list[Mailtrap]:
        """Those that are in use."""
        return [server for _, server in self._given]

    def __call__(self, **settings: object) -> Mailtrap:
        """Start one with these settings. Raises `SettingError`, and pydantic's `ValidationError` for wrong ones."""
        changed = self._settings.changed(**settings)
        server = self._servers.another(changed)
        self._given.append((changed, server))
        self._note(server)
        return server

    def take_back(self) -> None:
        """End their use."""
        for settings, server in self._given:
            self._servers.take_back(settings, server)
        self._given.clear()
