"""Ports that are opened while the server runs, each leading to an inbox: what parallel tests share a server by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from mailtrap_py import ports
from mailtrap_py.errors import SettingError

if TYPE_CHECKING:
    import socket

    from mailtrap_py.inbox import Inbox, Inboxes
    from mailtrap_py.scenario import ListenerHow
    from mailtrap_py.smtp.server import Server


class InboxPorts:
    """Opens and closes them. It belongs to the server's event loop."""

    def __init__(self, server: Server, inboxes: Inboxes, hosts: Sequence[str], numbers: Sequence[int]) -> None:
        """Open none yet; `numbers` are those to choose from, any that is free if there are none."""
        self._server = server
        self._inboxes = inboxes
        self._hosts = hosts
        self._numbers = numbers
        self._opened: dict[int, str] = {}

    @property
    def opened(self) -> Mapping[int, str]:
        """Their numbers, and what is spoken there: `smtp` or `smtps`."""
        return self._opened

    async def open(self, protocol: str, inbox: str) -> int:
        """Open one that leads to an inbox. Raises `SettingError` when none is free."""
        sockets = self._bind()
        try:
            number = int(sockets[0].getsockname()[1])
            self._inboxes.lead(number, inbox)  # before the first client can come
            await self._server.listen(sockets, implicit_tls=protocol == "smtps")
        except BaseException:
            for one in sockets:
                one.close()
            raise
        self._opened[number] = protocol
        return number

    def _bind(self) -> list[socket.socket]:
        if not self._numbers:
            return ports.bind(self._hosts, 0, purpose="inbox-ports")
        for number in self._numbers:
            if number not in self._opened:
                try:
                    return ports.bind(self._hosts, number, purpose="inbox-ports")
                except SettingError:
                    continue  # another program has it
        raise SettingError(
            f"all ports from {self._numbers[0]} to {self._numbers[-1]} are taken",
            cure="close some that are not needed, or give more with --inbox-ports or MAILTRAP_INBOX_PORTS",
        )

    async def close(self, number: int) -> None:
        """Close one; its sessions go on."""
        del self._opened[number]
        self._inboxes.lead_nowhere(number)
        await self._server.stop_listening(number)

    async def shut(self, how: ListenerHow, inbox: Inbox) -> None:
        """Refuse connections on the ports that lead to an inbox, or let them hang, or take them again."""
        await self._server.shut(how, inbox)

    async def end_sessions(self, inbox: Inbox) -> int:
        """End the open sessions of an inbox; tell how many there were."""
        return await self._server.end_sessions(inbox)
