"""Rules in Python: everything that YAML can say, typed; and each is a spy on what it did."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Self

from mailtrap_py.captured import Session
from mailtrap_py.events import Point
from mailtrap_py.handle.home import RuleView
from mailtrap_py.handle.limits import Action, At, Duration, Limits, Wait, as_data
from mailtrap_py.scenario import make_rule

if TYPE_CHECKING:
    from mailtrap_py.events import Firing
    from mailtrap_py.handle.home import Home


class RuleBook:
    """The rules that a test made in Python: they come before the scenario's, and outlive a change of it."""

    def __init__(self, home: Home) -> None:
        """Keep the rules of a home."""
        self._home = home
        self._rules: list[Rule] = []
        self._idle: list[Rule] = []
        self._numbers: dict[str, itertools.count[int]] = {}

    def name(self, kind: str) -> str:
        """Find a name that no rule of this test has had: `added-1`."""
        return f"{kind}-{next(self._numbers.setdefault(kind, itertools.count(1)))}"

    def begin(self, rule: Rule) -> None:
        """Keep in mind a rule that does nothing yet."""
        self._idle.append(rule)

    def add(self, rule: Rule) -> None:
        """Put a rule in force, in place of what it was before."""
        made = make_rule(rule.data)
        if rule in self._idle:
            self._idle.remove(rule)
        if rule in self._rules:
            self.remove(rule)
        self._home.add_rule(made)
        self._rules.append(rule)

    def remove(self, rule: Rule) -> None:
        """Put a rule out of force; what it did stays known."""
        if rule in self._rules:
            self._keep([rule])
            self._rules.remove(rule)
            self._home.remove_rule(rule.id)

    def begin_again(self) -> None:
        """Forget all rules: those of the next test are others."""
        self._keep(self._rules)
        self._rules.clear()
        self._idle.clear()
        self._numbers.clear()

    def put_away(self) -> None:
        """Note what the rules did: the scenario is about to change, and their counters go with it."""
        self._keep(self._rules)

    def put_back(self) -> None:
        """Put the rules in force again."""
        for rule in self._rules:
            self._home.add_rule(make_rule(rule.data))

    def _keep(self, rules: Sequence[Rule]) -> None:
        if not rules:
            return
        views = {view.id: view for view in self._home.rules()}
        for rule in rules:
            rule.fired_before = rule.total(views.get(rule.id))

    def view(self, rule: Rule) -> RuleView | None:
        """Give what became of a rule; None when it is not in force."""
        if rule not in self._rules:
            return None
        return next((view for view in self._home.rules() if view.id == rule.id), None)

    def firings(self, rule: Rule) -> list[Firing]:
        """Give the firings of a rule, oldest first."""
        return [each for each in self._home.record.firings(inbox=self._home.inbox) if each.rule == rule.id]

    def sessions(self, ids: Sequence[str]) -> list[Session]:
        """Give sessions by their names, each once."""
        record = self._home.record
        found = (record.session(name) for name in dict.fromkeys(ids))
        return [Session(each, record) for each in found if each is not None]

    def unfired(self) -> Iterator[tuple[str, str]]:
        """Give the name of each rule that had to fire and never did, and why."""
        views = {view.id: view for view in self._home.rules()}
        for rule in self._rules:
            view = views.get(rule.id)
            if not rule.optional and not rule.total(view):
                yield rule.id, view.nearest_miss if view else "it was taken away"
        for rule in self._idle:
            yield rule.id, "it does nothing; say what, as in .reply('450 4.2.1 Busy')"

    def release(self, rule: Rule) -> int:
        """Let go whom a rule holds, for good."""
        return self._home.release(rule.id, for_good=True)

    def held(self, rule: Rule, at_least: int = 0, timeout: float = 0.0) -> int:
        """Count whom a rule holds."""
        return self._home.stalled(rule.id, at_least=at_least, timeout=timeout)

    def shut(self, how: str) -> None:
        """Close the ports, or open them."""
        self._home.shut(how)


class Rule:
    """A rule of a test, and a spy on it. It acts from its first action on; each further action is one more to do.

    mailtrap.rule(at="rcpt", to="bob@*", times=2).delay("200ms").reply("450 4.2.1 Busy")
    """

    def __init__(self, book: RuleBook, at: At, limits: Limits, *, kind: str = "added") -> None:
        """Describe a rule; it does nothing yet."""
        self._book = book
        self._at = at
        self._limits: dict[str, Any] = {**limits}
        self._limits.setdefault("id", book.name(kind))
        self._actions: list[Action] = []
        self.fired_before = 0
        book.begin(self)

    @property
    def id(self) -> str:
        """Its name in the record."""
        return str(self._limits["id"])

    @property
    def data(self) -> dict[str, Any]:
        """The rule as YAML would say it."""
        return as_data(self._at, self._actions, self._limits)

    @property
    def optional(self) -> bool:
        """Whether the test may end without its firing."""
        return bool(self._limits.get("optional"))

    # -- what it does

    def do(self, *actions: Action) -> Self:
        """Do these, too: replies, bare words, or actions as in YAML."""
        before = self._actions
        self._actions = [*before, *actions]
        try:
            self._book.add(self)
        except BaseException:
            self._actions = before
            raise
        return self

    def reply(self, *lines: str, stay: bool = False) -> Self:
        """Answer with this instead of the normal reply; after a 421 that is told to `stay`, the connection stays."""
        said: object = lines[0] if len(lines) == 1 else list(lines)
        return self.do({"reply": said, "stay": True} if stay else {"reply": said})

    def delay(self, wait: Wait) -> Self:
        """Wait first."""
        return self.do({"delay": wait})

    def stall(self, *, max: Duration = "10m", name: str = "") -> Self:  # noqa: A002 - the scenario's word
        """Say nothing more until the client leaves, the limit, or a release."""
        return self.do({"stall": {"max": max, **({"name": name} if name else {})}})

    def close(self, how: Literal["fin", "half", "abort", "reset"] = "fin") -> Self:
        """End the connection."""
        return self.do({"close": how})

    def lose_reply(self) -> Self:
        """Let the command happen, and its reply never arrive: a message is stored, and nobody is told."""
        at = [self._at] if isinstance(self._at, str) else self._at
        stored: list[Action] = ["accept"] if [*at] == [Point.MESSAGE] else []
        return self.do(*stored, {"close": "reset"})

    def raw(self, data: str) -> Self:
        """Send exactly this, no line end added."""
        return self.do({"raw": data})

    def accept(self) -> Self:
        """Store the message."""
        return self.do("accept")

    def discard(self) -> Self:
        """Do not store the message, and say 250."""
        return self.do("discard")

    def drip(self, every: Duration, *, octets: int = 1) -> Self:
        """Send the reply so many octets at a time."""
        return self.do({"drip": {"bytes": octets, "every": every}})

    def split(self, *at: int) -> Self:
        """Send the reply in several segments, cut after so many octets."""
        return self.do({"split": {"at": [*at]}})

    def line_end(self, end: Literal["lf", "cr", "crcrlf", "none"]) -> Self:
        """End the lines of the reply so."""
        return self.do({"line_end": end})

    def truncate(self, at: int) -> Self:
        """Send only so many octets of the reply."""
        return self.do({"truncate": {"at": at}})

    def duplicate(self) -> Self:
        """Send the reply twice."""
        return self.do("duplicate")

    def hold(self) -> Self:
        """Send the reply together with the next one."""
        return self.do("hold")

    def before(self, text: str) -> Self:
        """Say something that nobody asked for, and then the reply."""
        return self.do({"before": text})

    def read(self, rate: str = "stop") -> Self:
        """Take the message in at this rate (`1KB/s`), or not at all."""
        return self.do({"read": rate if rate == "stop" else {"rate": rate}})

    def tls(
        self,
        fault: Literal[
            "expired",
            "not-yet-valid",
            "wrong-host",
            "self-signed",
            "untrusted",
            "old-version",
            "garbage",
            "drop",
            "stall",
            "inject",
        ],
    ) -> Self:
        """Let the TLS handshake go wrong."""
        return self.do({"tls": fault})

    def ehlo(
        self,
        *,
        add: str | Sequence[str] = (),
        remove: str | Sequence[str] = (),
        set: str | Sequence[str] | None = None,  # noqa: A002 - the scenario's word
        lie: bool = False,
    ) -> Self:
        """Offer other extensions from now on."""
        changes = {"add": _listed(add), "remove": _listed(remove), "set": None if set is None else _listed(set)}
        said = {name: lines for name, lines in changes.items() if lines or (name == "set" and lines is not None)}
        return self.do({"ehlo": said, "lie": True} if lie else {"ehlo": said})

    def listener(self, how: Literal["refuse", "pause", "resume"], *, for_: Duration | None = None) -> Self:
        """Close the port, or open it again."""
        return self.do({"listener": how} if for_ is None else {"listener": how, "for": for_})

    def set_state(self, state: str) -> Self:
        """Go on to another state of the story."""
        return self.do({"set": {"state": state}})

    def note(self, text: str) -> Self:
        """Write a line into the transcript."""
        return self.do({"note": text})

    def pass_(self) -> Self:
        """Do nothing, and let no other rule act."""
        return self.do("pass")

    # -- what it did

    @property
    def fired(self) -> int:
        """How often it acted."""
        return self.total(self._book.view(self))

    def total(self, view: RuleView | None) -> int:
        """Count its firings, also those under other scenarios."""
        return self.fired_before + (view.fired if view else 0)

    @property
    def nearest_miss(self) -> str:
        """Why it never acted: what came closest, and what differed."""
        view = self._book.view(self)
        return view.nearest_miss if view else ""

    @property
    def firings(self) -> list[Firing]:
        """Each time it acted: in which session, at which point, when, and what it did."""
        return self._book.firings(self)

    @property
    def last(self) -> Firing | None:
        """The last time it acted; None if it never did."""
        found = self.firings
        return found[-1] if found else None

    @property
    def sessions(self) -> list[Session]:
        """The sessions in which it acted."""
        return self._book.sessions([each.session_id for each in self.firings])

    def remove(self) -> None:
        """Let it act no more; harmless when it is gone, as after a reset, even if another has its name by now."""
        self._book.remove(self)

    def __enter__(self) -> Self:
        """Change nothing: it acts already."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Take it away."""
        self.remove()

    def __repr__(self) -> str:
        """Show it as YAML would, and what became of it."""
        return f"<Rule {self.id} {self.data!r}, fired {self.fired}>"


def _listed(value: str | Sequence[str]) -> list[str]:
    return [value] if isinstance(value, str) else [*value]
