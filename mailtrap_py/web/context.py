"""What every page and every API route is given: the rooms they read from, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from mailtrap_py.inbox import Inboxes
    from mailtrap_py.settings import Settings
    from mailtrap_py.store import Store
    from mailtrap_py.web.live import Bus
    from mailtrap_py.web.metrics import Tally


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
    tally: Tally
