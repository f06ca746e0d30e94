"""MailHog's Jim, who makes trouble by chance, as rules: so what he did shows in the record, and a seed repeats it.

Where he was wrong he is right here: his dice are not thrown anew every second, what an update leaves out stays as it
was, and his speeds are octets in a second.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mailtrap_py.web.compat.mailpit_chaos import replace_rule
from mailtrap_py.web.compat.wire import BareError

if TYPE_CHECKING:
    from mailtrap_py.inbox import Inboxes

USUAL: dict[str, float] = {
    "DisconnectChance": 0.005,
    "AcceptChance": 0.99,
    "LinkSpeedAffect": 0.1,
    "LinkSpeedMin": 1024,
    "LinkSpeedMax": 10240,
    "RejectSenderChance": 0.05,
    "RejectRecipientChance": 0.05,
    "RejectAuthChance": 0.05,
}
_SPEEDS = ("LinkSpeedMin", "LinkSpeedMax")


@dataclass(slots=True)
class Jim:
    """Jim, who is there or not."""

    inboxes: Inboxes
    settings: dict[str, float] | None = None
    _rules: tuple[str, ...] = field(default=("accept", "disconnect", "sender", "recipient", "auth", "speed"))

    def invite(self, body: dict[str, Any]) -> None:
        """Let him come. Raises `BareError` when he is there already, or for what he cannot be told."""
        if self.settings is not None:
            raise BareError("")
        self._set({**USUAL, **_read(body)})

    def change(self, body: dict[str, Any]) -> None:
        """Tell him otherwise. Raises `BareError` when he is not there, or for what he cannot be told."""
        self._set({**self.there(), **_read(body)})

    def leave(self) -> None:
        """Send him away. Raises `BareError` when he is not there."""
        self.there()
        self.settings = None
        for name in self._rules:
            for inbox in self.inboxes:
                replace_rule(inbox, f"jim-{name}", None)

    def there(self) -> dict[str, float]:
        """Give what he does. Raises `BareError` when he is not there."""
        if self.settings is None:
            raise BareError("", 404)
        return self.settings

    def _set(self, settings: dict[str, float]) -> None:
        self.settings = settings
        speed = (settings["LinkSpeedMin"] + settings["LinkSpeedMax"]) / 2
        made: dict[str, tuple[float, dict[str, Any]]] = {
            "accept": (1 - settings["AcceptChance"], {"at": "connect", "do": {"close": "abort"}}),
            "disconnect": (settings["DisconnectChance"], {"at": "any", "do": {"close": "abort"}}),
            "sender": (settings["RejectSenderChance"], _reply("mail", "550 Invalid sender ${from}")),
            "recipient": (settings["RejectRecipientChance"], _reply("rcpt", "550 Invalid recipient ${to}")),
            "auth": (settings["RejectAuthChance"], _reply("auth", "500 Unrecognised command")),
            "speed": (
                settings["LinkSpeedAffect"] if speed else 0,
                {"at": "data", "do": {"read": {"rate": f"{max(1, round(speed))}B/s"}}},
            ),
        }
        for name in self._rules:
            chance, rule = made[name]
            counted = (
                {**rule, **({"count": {"chance": round(chance, 9)}} if chance < 1 else {})} if chance > 0 else None
            )
            for inbox in self.inboxes:
                replace_rule(inbox, f"jim-{name}", counted)


def _reply(point: str, words: str) -> dict[str, Any]:
    return {"at": point, "do": {"reply": words}}


def _read(body: dict[str, Any]) -> dict[str, float]:
    names = {name.lower(): name for name in USUAL}
    found = {names[key]: value for key, value in body.items() if key in names}
    for name, value in found.items():
        most = float("inf") if name in _SPEEDS else 1
        if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value <= most:
            raise BareError(f"{name} is {value!r}: write a number{'' if name in _SPEEDS else ' from 0 to 1'}")
    return found
