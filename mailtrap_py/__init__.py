"""A mail trap for tests: captures what an application sends, and fails the way real mail servers fail.

The map of the house, in the order in which a byte travels:

- `smtp/` turns bytes into events and actions into bytes; the only sockets that speak mail.
- `scenario/` turns events into actions: what should happen. Pure data and logic.
- `store/` keeps the record: sessions, transcripts, transactions, messages.
- `message` reads a captured message; `web/` shows it over HTTP; `handle` gives all of it to a test.
- `trap` puts the pieces together; `cli` and the pytest plugin start it.

The public names are imported when they are first used, so that importing the package costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mailtrap_py.errors import MailtrapError, ScenarioError, SettingError, UpstreamError
    from mailtrap_py.handle import Mailtrap, Message, NotReceivedError, Rule
    from mailtrap_py.settings import Settings
    from mailtrap_py.trap import Trap

__all__ = [
    "Mailtrap",
    "MailtrapError",
    "Message",
    "NotReceivedError",
    "Rule",
    "ScenarioError",
    "SettingError",
    "Settings",
    "Trap",
    "UpstreamError",
]
__version__ = "0.1.0"

_HOMES = {
    "MailtrapError": "errors",
    "Mailtrap": "handle",
    "Message": "handle",
    "NotReceivedError": "handle",
    "Rule": "handle",
    "ScenarioError": "errors",
    "SettingError": "errors",
    "Settings": "settings",
    "Trap": "trap",
    "UpstreamError": "errors",
}


def __getattr__(name: str) -> object:
    """Import a public name from its home (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
