"""An event as matchers and counters read it; what is costly to find out is found out once, and only if asked."""

from __future__ import annotations

import hashlib
import ipaddress
from functools import lru_cache
from typing import TYPE_CHECKING

from mailtrap_py.events import Event
from mailtrap_py.message import View, view
from mailtrap_py.pattern import fold_domain

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mailtrap_py.scenario.counting import Scope

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


@lru_cache(maxsize=256)
def _address(text: str) -> Address | None:
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found


class Facts:
    """One event, for as long as it is decided about."""

    __slots__ = ("_view", "event", "groups", "state")

    def __init__(self, event: Event, state: str = "") -> None:
        """Look at nothing yet. `state` is that of the scenario."""
        self.event = event
        self.state = state
        self.groups: Mapping[str, str] = {}
        """What the named groups of the rule at hand picked out."""
        self._view: View | None = None

    @property
    def view(self) -> View:
        """The message, read once."""
        if self._view is None:
            self._view = view(self.event.content)
        return self._view

    @property
    def client(self) -> Address | None:
        """The client's address; one of IPv4 inside IPv6 is one of IPv4."""
        return _address(self.event.client)

    @property
    def to(self) -> tuple[str, ...]:
        """The recipient at hand, or all of them where the message is."""
        recipient = self.event.recipient
        return self.event.recipients if recipient is None else (recipient,)

    def scope(self, scope: Scope) -> object:
        """Say whose counter it is."""
        return _SCOPES[scope](self)

    @property
    def message_id(self) -> str:
        """The Message-ID, or a hash of the content: the same mail, sent again, has the same."""
        return self.view.message_id or hashlib.sha256(self.event.content).hexdigest()


_SCOPES: Mapping[str, Callable[[Facts], object]] = {
    "session": lambda facts: facts.event.session_id,
    "client": lambda facts: facts.event.client,
    "from": lambda facts: fold_domain(facts.event.reverse_path or ""),
    "to": lambda facts: tuple(map(fold_domain, facts.to)),
    "user": lambda facts: facts.event.user,
    "message_id": lambda facts: facts.message_id,
}
