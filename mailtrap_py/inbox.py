"""Inboxes: named places with a scenario, its counters, its clock and its dice of their own.

The scenario room knows neither time nor chance; here they are made and handed in. Everything may be called from any
thread; sessions wait on their own event loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import random
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol, cast

from mailtrap_py.clock import Clock, ManualClock, RealClock, ScaledClock
from mailtrap_py.errors import ScenarioError, SettingError
from mailtrap_py.scenario import Director, Rule, Scenario
from mailtrap_py.scenario.model import ClockSpec
from mailtrap_py.scenario.shared import Ledger, SharedDirector, Turn

DEFAULT = "default"
OnCall = Callable[[], Sequence[Rule]]
_SEED_BITS = 32


def make_clock(spec: ClockSpec) -> Clock:
    """Make the clock that a scenario asks for: `real`, `manual`, or a speed as a number."""
    if spec == "real":
        return RealClock()
    if spec == "manual":
        return ManualClock()
    return ScaledClock(float(spec))


def _written(clock: Clock) -> ClockSpec:
    """Write down a clock as `make_clock` reads it."""
    if isinstance(clock, ManualClock):
        return "manual"
    return clock.speed if isinstance(clock, ScaledClock) and not isinstance(clock, RealClock) else "real"


class Replicas(Protocol):
    """The other programs that are this server, too."""

    def ledger(self, inbox: str) -> Ledger:
        """Give what is remembered together of an inbox."""

    def inboxes(self) -> list[str]:
        """Name the inboxes of which anything is remembered."""

    def watch(self, watcher: Callable[[str], None]) -> None:
        """Have it called with the name of an inbox that another program changed."""


class Inbox:
    """One inbox. `seed` is the one in use, drawn when nobody gave one: print it, and a run can be repeated."""

    director: Director
    clock: Clock
    seed: int
    began_at: float
    """When the scenario was put on or reset, on the wall clock: what came before is not for its verdict."""

    def __init__(self, name: str = DEFAULT, *, on_call: OnCall | None = None) -> None:
        """Begin with no scenario: everything is accepted, time is real. `on_call` are the rules of `call_up`."""
        self.name = name
        self._on_call = on_call
        self._called_up = False
        self.users: dict[str, str] = {}
        """Passwords of the users who come here when they log in, on whatever port."""
        self.upstream = ""
        """The real server, as `HOST:PORT`, behind the ports that lead here; that of the settings, if it is empty."""
        self.open_sessions = 0
        self._sessions = itertools.count(1)
        self._ledger: Ledger | None = None
        self._lock = threading.Condition()  # told of every stall that begins
        self._open_for_good: set[str] = set()
        self._stalls: dict[asyncio.Future[bool], tuple[str, asyncio.AbstractEventLoop]] = {}
        self._watchers: list[Callable[[Inbox], None]] = []
        self.clock = RealClock()
        self.use(Scenario.model_construct(name="none"))

    def use(self, scenario: Scenario, *, seed: int | None = None, clock: Clock | None = None) -> None:
        """Make this the scenario, with fresh counters; sessions that are open follow it from their next command on."""
        if seed is None:
            seed = scenario.seed
        self.seed = secrets.randbits(_SEED_BITS) if seed is None else seed
        before, self.clock = self.clock, clock or make_clock(scenario.clock)
        self._sessions = itertools.count(1)
        self._arm(scenario)
        if isinstance(before, ManualClock) and before is not self.clock:
            before.release()  # nobody will move it on any more, and every wait has an end

    def watch(self, watcher: Callable[[Inbox], None]) -> None:
        """Tell whoever carries out what a scenario begins with, each time that one begins that has something to do."""
        if watcher not in self._watchers:
            self._watchers.append(watcher)

    def reset(self) -> None:
        """Begin the scenario again: counters at zero, the dice at their seed, added rules gone, stalls over."""
        self._arm(self.director.scenario)

    def clear(self) -> None:
        """Go back to no scenario."""
        self.use(Scenario.model_construct(name="none"))

    def share(self, ledger: Ledger) -> None:
        """Share the scenario and its counters with others: take theirs, or, when there are none yet, give them these.

        From now on a scenario that is put on here is put on everywhere. Clocks are not moved together, and stalls are
        released where they are.
        """
        self._ledger = ledger
        with ledger.turn() as turn:
            if turn.data:
                self._follow(turn)
            else:
                self._begin(self.director.scenario)
                self._publish(turn)

    def look(self) -> None:
        """Take over what another has changed."""
        if self._ledger is not None:
            with self._ledger.turn() as turn:
                self._newest(turn)

    def _newest(self, turn: Turn) -> SharedDirector:
        if not isinstance(self.director, SharedDirector) or self.director.generation != turn.data["generation"]:
            return self._follow(turn)
        return self.director

    def _follow(self, turn: Turn) -> SharedDirector:
        from mailtrap_py.scenario.load import from_data, make_rule  # noqa: PLC0415 - yaml is for who has a scenario

        data = turn.data
        scenario = from_data(data["scenario"])
        if data["began_at"] != self.began_at:
            self.seed = data["seed"]
            before, self.clock = self.clock, make_clock(data["clock"])
            self._begin(scenario)
            self.began_at = data["began_at"]
            if isinstance(before, ManualClock):
                before.release()
        director = cast("SharedDirector", self._direct(scenario))
        for rule in data["added"]:
            Director.add(director, make_rule(rule))  # as here, not as what this one says to the others
        for rule_id in data["removed"]:
            with contextlib.suppress(ScenarioError):
                Director.remove(director, rule_id)
        self._called_up = False
        self.director = director
        director.generation = data["generation"]
        return director

    def _publish(self, turn: Turn) -> None:
        generation = turn.data.get("generation", 0) + 1
        turn.forget()
        turn.data = {
            "generation": generation,
            "scenario": self.director.scenario.as_data(),
            "seed": self.seed,
            "clock": _written(self.clock),
            "began_at": self.began_at,
            "added": [],
            "removed": [],
            "sessions": 0,
            "state": self.director.state,
            "rules": {},
        }
        turn.changed = True
        if isinstance(self.director, SharedDirector):
            self.director.generation = generation

    def _direct(self, scenario: Scenario) -> Director:
        dice = random.Random(self.seed)  # noqa: S311 - repeatable on purpose: the same seed deals the same faults
        if self._ledger is None:
            return Director(scenario, now=self.clock.now, dice=dice)
        return SharedDirector(scenario, now=self.clock.now, dice=dice, ledger=self._ledger, newest=self._newest)

    def _number(self, ledger: Ledger) -> int:
        try:
            with ledger.turn() as turn:
                self._newest(turn)
                turn.data["sessions"] += 1
                return int(turn.data["sessions"])
        except ConnectionError:
            return next(self._sessions)

    def _arm(self, scenario: Scenario) -> None:
        if self._ledger is None:
            self._begin(scenario)
            return
        with self._ledger.turn() as turn:  # nobody asks the new director before the others know of it
            self._begin(scenario)
            self._publish(turn)

    def _begin(self, scenario: Scenario) -> None:
        self.director = self._direct(scenario)
        self.began_at = time.time()
        self._called_up = False
        self._end_stalls(go_on=False)
        self._open_for_good.clear()
        if scenario.begin is not None:
            for watcher in self._watchers:
                watcher(self)

    def call_up(self) -> None:
        """Let the rules on call act too, after those of the scenario: somebody uses an address that is made to fail.

        Not before, because rules that nobody needs cost time at every command.
        """
        if self._on_call is None or self._called_up:
            return
        self._called_up = True
        known = {state.rule.id for state in self.director.rules()}
        for rule in self._on_call():
            if rule.id not in known:
                self.director.add(rule, first=False)

    def enter(self) -> int:
        """Count a session in, and number it, from 1; a new scenario numbers anew."""
        self.open_sessions += 1
        return next(self._sessions) if self._ledger is None else self._number(self._ledger)

    def leave(self) -> None:
        """Count a session out."""
        self.open_sessions -= 1

    async def stall(self, name: str, *, of: Director | None = None) -> bool:
        """Wait for `release` (True: go on) or for a reset (False: the session is over).

        `of` is the director that wanted it: when that is not on any more, the reset has been already.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[bool] = loop.create_future()
        with self._lock:
            if of is not None and of is not self.director:
                return False
            if name in self._open_for_good:
                return True
            self._stalls[future] = (name, loop)
            self._lock.notify_all()
        try:
            return await future
        finally:
            with self._lock:
                self._stalls.pop(future, None)

    def stalled(self, name: str = "") -> int:
        """Count the sessions that stall, under this name if one is given."""
        with self._lock:
            return self._count(name)

    def wait_for_stalls(self, name: str, at_least: int, timeout: float) -> int:
        """Count the sessions that stall under this name, waiting up to `timeout` seconds until there are so many."""
        with self._lock:
            self._lock.wait_for(lambda: self._count(name) >= at_least, timeout)
            return self._count(name)

    def _count(self, name: str) -> int:
        return sum(not name or name == other for other, _ in self._stalls.values())

    def release(self, name: str = "", *, for_good: bool = False) -> int:
        """Let stalled sessions go on, all or those of one name; tell how many there were.

        With `for_good` those that come later do not stall under that name either, until the next reset.
        """
        if for_good:
            with self._lock:
                self._open_for_good.add(name)
        return self._end_stalls(go_on=True, name=name)

    def _end_stalls(self, *, go_on: bool, name: str = "") -> int:
        with self._lock:
            ended = [(future, loop) for future, (other, loop) in self._stalls.items() if not name or name == other]
            for future, _ in ended:
                del self._stalls[future]
        for future, loop in ended:
            if not loop.is_closed():
                loop.call_soon_threadsafe(_settle, future, go_on)
        return len(ended)


def _settle(future: asyncio.Future[bool], go_on: bool) -> None:  # noqa: FBT001 - call_soon passes arguments by position
    if not future.done():
        future.set_result(go_on)


class Inboxes:
    """All inboxes by name; the one called `default` is always there."""

    def __init__(self, *, on_call: OnCall | None = None) -> None:
        """Make the default inbox; `on_call` gives the rules that join when an address asks for them."""
        self._on_call = on_call
        self._inboxes = {DEFAULT: Inbox(DEFAULT, on_call=on_call)}
        self._by_port: dict[int, str] = {}
        self._replicas: Replicas | None = None

    def get(self, name: str = DEFAULT) -> Inbox:
        """Find an inbox. Raises `KeyError` when there is none of that name."""
        return self._inboxes[name]

    def create(self, name: str) -> Inbox:
        """Find an inbox or make it. Raises `SettingError` for a name that could not stand in a URL."""
        if not name or not name.isprintable() or set(name) & set("/?# "):
            raise SettingError(f"{name!r} cannot be the name of an inbox", cure="use letters, digits, '-', '.', '@'")
        inbox = self._inboxes.get(name)
        if inbox is None:
            inbox = self._inboxes.setdefault(name, Inbox(name, on_call=self._on_call))
            if self._replicas is not None:
                inbox.share(self._replicas.ledger(name))
        return inbox

    def share(self, replicas: Replicas) -> None:
        """Be one server with other programs: their inboxes are here, too, with one scenario and one set of counters."""
        self._replicas = replicas
        for inbox in self:
            inbox.share(replicas.ledger(inbox.name))
        for name in replicas.inboxes():
            self.create(name)
        replicas.watch(self._look)

    def _look(self, name: str) -> None:
        with contextlib.suppress(ConnectionError):  # then it looks when a session comes
            self.create(name).look()

    def of_user(self, user: str) -> Inbox | None:
        """Give the inbox where a user belongs: the one that knows the password, else the one of that name."""
        return next((each for each in self if user in each.users), self._inboxes.get(user))

    def lead(self, port: int, name: str) -> None:
        """Let who connects to this port from now on come to this inbox. Raises `KeyError` when there is none such."""
        self._by_port[port] = self.get(name).name

    def lead_nowhere(self, port: int) -> None:
        """Forget where a port leads to: who still comes there comes to the default inbox."""
        self._by_port.pop(port, None)

    def remove(self, name: str) -> None:
        """Forget an inbox; the ports that lead to it lead to `default`. Raises `KeyError` for that, and for none."""
        if name == DEFAULT:
            raise KeyError(name)
        del self._inboxes[name]
        self._by_port = {port: other for port, other in self._by_port.items() if other != name}

    def at(self, port: int, otherwise: str = DEFAULT) -> Inbox:
        """Give the inbox that a port leads to: where nothing else was said, the one named `otherwise`."""
        return self._inboxes[self._by_port.get(port, otherwise)]

    def __contains__(self, name: object) -> bool:
        """Tell whether there is an inbox of that name."""
        return name in self._inboxes

    def __iter__(self) -> Iterator[Inbox]:
        """Go through the inboxes, oldest first."""
        return iter(tuple(self._inboxes.values()))
