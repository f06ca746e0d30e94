"""What every page and every API route is given: the rooms they read from, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mailtrap_py.inbox import Inbox, Inboxes
    from mailtrap_py.scenario import ListenerHow
    from mailtrap_py.settings import Settings
    from mailtrap_py.store import Store
    from mailtrap_py.web.live import Bus
    from mailtrap_py.web.metrics import Tally


class Ports(Protocol):
    """Opens ports for inboxes, while the server runs. Its coroutines belong to the server's event loop."""

    @property
    def opened(self) -> Mapping[int, str]:
        """Their numbers, and what is spoken there: `smtp` or `smtps`."""

    async def open(self, protocol: str, inbox: str) -> int:
        """Open one that leads to an inbox. Raises `SettingError` when none is free."""

    async def close(self, number: int) -> None:
        """Close one."""

    async def shut(self, how: ListenerHow, inbox: Inbox) -> None:
        """Refuse connections on the ports that lead to an inbox, or let them hang, or take them again."""

    async def end_sessions(self, inbox: Inbox) -> int:
        """End the open sessions of an inbox."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """The one value handed to `routes(context)` of the API, of the pages and of what is still to come.

    `authority_pem` gives the certificate of the trap's own authority, PEM encoded; `status` gives what only the trap
    knows (version, addresses, and whether it is ready), as JSON values.
    """

    store: Store
    inboxes: Inboxes
    settings: Settings
    authority_pem: Callable[[], bytes]
    status: Callable[[], dict[str, object]]
    bus: Bus
    ports: Ports | None = None
    tally: Tally
