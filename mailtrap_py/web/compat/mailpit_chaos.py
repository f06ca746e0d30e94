"""Mailpit's Chaos as what it is here: rules, so that every error shows in the record, with the rule that made it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mailtrap_py.scenario.load import make_rule
from mailtrap_py.web.compat.wire import BareError

if TYPE_CHECKING:
    from mailtrap_py.inbox import Inbox, Inboxes

_CLOSING = 421
_ALWAYS = 100


@dataclass(frozen=True, slots=True)
class Trigger:
    """One kind of error: its name in Mailpit's JSON, where it strikes, and its usual code."""

    name: str
    point: str
    code: int
    words: str

    @property
    def rule(self) -> str:
        """The id of its rule."""
        return f"chaos-{self.name.lower()}"


TRIGGERS = (
    Trigger("Sender", "mail", 451, "Chaos sender error"),
    Trigger("Recipient", "rcpt", 451, "Chaos recipient error"),
    Trigger("Authentication", "auth", 535, "Chaos authentication error"),
)


@dataclass(slots=True)
class Chaos:
    """The triggers as they were set last. They hold in every inbox that is there when they are set."""

    inboxes: Inboxes
    _codes: dict[str, int] = field(default_factory=lambda: {each.name: each.code for each in TRIGGERS})
    _chances: dict[str, int] = field(default_factory=lambda: {each.name: 0 for each in TRIGGERS})

    def state(self) -> dict[str, Any]:
        """Give all three; one whose rule is gone, because the scenario was reset, is off."""
        rules = {state.rule.id for inbox in self.inboxes for state in inbox.director.rules()}
        return {
            each.name: {
                "ErrorCode": self._codes[each.name],
                "Probability": self._chances[each.name] if each.rule in rules else 0,
            }
            for each in TRIGGERS
        }

    def set(self, body: dict[str, Any]) -> None:
        """Set all three; what is left out is off, as with Mailpit. Raises `BareError`, and changes nothing then."""
        wanted = {each.name: _read(each, body.get(each.name.lower())) for each in TRIGGERS}
        for each in TRIGGERS:
            self._codes[each.name], self._chances[each.name] = wanted[each.name]
            for inbox in self.inboxes:
                _arm(inbox, each, *wanted[each.name])


def _read(trigger: Trigger, said: object) -> tuple[int, int]:
    if said is None:
        return trigger.code, 0
    if not isinstance(said, dict):
        raise BareError(f"json: cannot unmarshal {trigger.name} into Go value of type chaos.Trigger")
    code, chance = said.get("errorcode") or trigger.code, said.get("probability") or 0
    for each in (code, chance):
        if not isinstance(each, int) or isinstance(each, bool):
            raise BareError(f"json: cannot unmarshal {trigger.name} into Go value of type int")
    if not 400 <= code <= 599:  # noqa: PLR2004 - replies that refuse
        raise BareError("error code must be between 400 and 599")
    if not 0 <= chance <= _ALWAYS:
        raise BareError("probability must be between 0 and 100")
    return code, chance


def _arm(inbox: Inbox, trigger: Trigger, code: int, chance: int) -> None:
    replace_rule(
        inbox,
        trigger.rule,
        {
            "at": trigger.point,
            "do": {"reply": f"{code} {trigger.words}", **({"stay": True} if code == _CLOSING else {})},
            **({"count": {"chance": chance / _ALWAYS}} if chance < _ALWAYS else {}),
        }
        if chance
        else None,
    )


def replace_rule(inbox: Inbox, name: str, rule: dict[str, Any] | None) -> None:
    """Put a rule in place of the one of that name; None takes it out."""
    if any(state.rule.id == name for state in inbox.director.rules()):
        inbox.director.remove(name)
    if rule is not None:
        inbox.director.add(make_rule({"id": name, "optional": True, **rule}))
