"""A server elsewhere: a container, or a program on this machine, driven over its HTTP API.

Every test has an inbox of its own. What leads there is a port of its own, which the server opens when the run begins;
so the application is told its port once, and neither mail nor faults of parallel tests are ever mixed. Where such a
port cannot be reached, as in a container that publishes one port only, a run in one process uses the inbox `default`,
and one in several the login of its inbox (`user`, `password`).
"""

from __future__ import annotations

import contextlib
import itertools
import secrets
import socket
import time
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from mailtrap_py.errors import MailtrapError, ScenarioError
from mailtrap_py.handle.answers import moment
from mailtrap_py.handle.home import Home, Login, RuleView, Watch
from mailtrap_py.handle.http import Client, RefusedError, part
from mailtrap_py.handle.local import MAKE_IT_MANUAL, NOT_MANUAL
from mailtrap_py.handle.playing import NONE
from mailtrap_py.handle.remote_record import RemoteRecord, RemoteWatch
from mailtrap_py.inbox import DEFAULT
from mailtrap_py.quantities import format_duration

if TYPE_CHECKING:
    from collections.abc import Callable

    from mailtrap_py.captured import Reader
    from mailtrap_py.scenario import Rule, Scenario
    from mailtrap_py.scenario.model import ClockSpec
    from mailtrap_py.store import Query

_REACHABLE = 1.0  # seconds in which a port has to answer, or it is not published
_GLANCE = 0.01  # seconds between two looks at what the API does not announce: who stalls, who sleeps


class RemoteHome(Home):
    """A server behind a URL."""

    inbox: str

    def __init__(self, url: str, *, smtp: str = "", worker: str = "") -> None:
        """Take the address of the API; `smtp` is where mail goes if the server cannot say, `worker` names this run.

        With a `worker` there are others, so the inbox `default` is not for this one alone.
        """
        self._client = Client(url)
        self._record = RemoteRecord(self._client)
        self._host, _, self._told = smtp.rpartition(":")
        self._worker = worker
        run = f"test-{secrets.token_hex(4)}-{worker or 'main'}"  # nobody else's name
        self._names = (f"{run}-{number}" for number in itertools.count(1))
        self._own: dict[str, int] = {}
        self._shared: dict[str, int | None] = {}
        self._playing: tuple[Scenario, int] = (NONE, 0)
        self._shut = False
        self.inbox = DEFAULT

    # -- its life

    def start(self) -> None:
        """Find out where mail goes, and get a port. Raises `SettingError` when nobody answers."""
        if self._shared:
            return
        status = self._client.get("/api/status")
        self._host = self._host or urlsplit(self._client.url).hostname or ""
        self._shared = {"smtp": int(self._told or status["smtp_port"]), "smtps": status["smtps_port"]}
        if not self._told:
            self._open_ports()
        self._move_to(self._next_inbox())

    def _next_inbox(self) -> str:
        return next(self._names) if self._own or self._worker else DEFAULT

    def _open_ports(self) -> None:
        inbox = next(self._names)  # to try them on
        try:
            for protocol in [protocol for protocol, number in self._shared.items() if number is not None]:
                body = {"protocol": protocol, "inbox": inbox}
                self._own[protocol] = self._client.send("POST", "/api/ports", body)["port"]
            reachable = _answers(self._host, self._own["smtp"])
        except ScenarioError:  # it has none to give
            reachable = False
        if not reachable:
            self._close_ports()
        self._leave(inbox)

    def _close_ports(self) -> None:
        for number in self._own.values():
            self._client.send("DELETE", f"/api/ports/{number}")
        self._own.clear()

    def close(self) -> None:
        """Give back the ports and the inbox."""
        if not self._shared:
            return
        with contextlib.suppress(MailtrapError, RefusedError):  # a server that is gone has nothing of ours any more
            self._close_ports()
            self._leave(self.inbox)
        self._client.close()
        self._shared.clear()

    def reset(self) -> None:
        """Go on in a new inbox, and remove the one before with all that is in it."""
        self._started()
        if self._shut:
            self.shut("resume")
        before = self.inbox
        self._move_to(self._next_inbox())
        if before != self.inbox:
            self._leave(before)

    def _leave(self, inbox: str) -> None:
        if inbox != DEFAULT:
            with contextlib.suppress(RefusedError):  # somebody else has removed it
                self._client.send("DELETE", f"/api/inboxes/{part(inbox)}")

    def enter(self, inbox: str) -> None:
        """Go on in this inbox, emptied."""
        if inbox and inbox != self.inbox:
            before = self.inbox
            self._move_to(inbox)
            self._leave(before)
            self._client.send("POST", f"/api/reset?inbox={part(inbox)}")

    def _move_to(self, inbox: str) -> None:
        self._client.send("POST", "/api/inboxes", {"name": inbox})
        for number in self._own.values():
            self._client.send("PUT", f"/api/ports/{number}", {"inbox": inbox})
        self.inbox = inbox
        self._playing = (NONE, 0)
        if inbox == DEFAULT:
            self._client.send("DELETE", self._path("scenario"))
            self._client.send("POST", f"/api/reset?inbox={DEFAULT}")

    def _started(self) -> None:
        if not self._shared:
            raise RuntimeError("the trap is not running")

    def _path(self, rest: str) -> str:
        return f"/api/inboxes/{part(self.inbox)}/{rest}"

    def settle(self, timeout: float) -> bool:
        """Look until no session is open."""
        return _until(lambda: 1 - min(1, self._client.get(self._path("waiting"))["open_sessions"]), 1, timeout) == 1

    # -- where it is

    @property
    def host(self) -> str:
        """Where the API is, mail is too."""
        return self._host

    @property
    def port(self) -> int:
        """The port of its own, else the server's."""
        self._started()
        return self._own.get("smtp") or self._shared["smtp"] or 0

    @property
    def smtps_port(self) -> int | None:
        """The port of its own, else the server's."""
        return self._own.get("smtps") or self._shared.get("smtps")

    @property
    def url(self) -> str:
        """What was given."""
        return self._client.url

    @property
    def login(self) -> Login:
        """The name of the inbox leads there."""
        return Login(self.inbox, "secret")

    @property
    def authority_pem(self) -> bytes:
        """The certificate that the server gives."""
        return self._client.content("/api/tls/authority.pem")

    # -- what came

    @property
    def record(self) -> Reader:
        """The server's record."""
        self._started()
        return self._record

    def watch(self, query: Query) -> Watch:
        """Ask in long polls."""
        self._started()
        return RemoteWatch(self._client, query)

    # -- what goes wrong

    @property
    def playing(self) -> tuple[Scenario, int]:
        """What was put on from here, and the seed that the server told."""
        return self._playing

    def play(self, scenario: Scenario, *, seed: int | None = None, clock: ClockSpec | None = None) -> None:
        """Send it whole: files are here, beside the test."""
        spoken: object = {"speed": clock} if isinstance(clock, float | int) else clock
        body = {"scenario": scenario.as_data(), "seed": seed, "clock": spoken}
        said = {name: value for name, value in body.items() if value is not None}
        answer = self._client.send("PUT", self._path("scenario"), said)
        self._playing = (scenario, int(answer["seed"]))

    def add_rule(self, rule: Rule) -> None:
        """Send it."""
        self._client.send(
            "POST", self._path("rules"), rule.model_dump(mode="json", by_alias=True, exclude_defaults=True)
        )

    def remove_rule(self, rule_id: str) -> None:
        """Take it out."""
        try:
            self._client.send("DELETE", self._path(f"rules/{part(rule_id)}"))
        except RefusedError as refusal:
            if refusal.kind != "not-found":
                raise

    def rules(self) -> tuple[RuleView, ...]:
        """Ask for them."""
        return tuple(
            RuleView(
                id=item["id"],
                asked=item["asked"],
                matched=item["matched"],
                fired=item["fired"],
                nearest_miss=item["nearest_miss"],
                optional=item["rule"].get("optional", False),
            )
            for item in self._client.get(self._path("rules"))["items"]
        )

    def shut(self, how: str) -> None:
        """Close the ports of its own. Raises `ScenarioError` where there are none: they are others', too."""
        if not self._own:
            raise ScenarioError(
                f"port {self.port} of {self.host} is not for this test alone, so it cannot be closed for it",
                cure="let the server have ports for inboxes that can be reached from here (--inbox-ports)",
            )
        self._client.send("POST", self._path("listener"), {"listener": how})
        self._shut = how != "resume"

    def stalled(self, name: str, *, at_least: int = 0, timeout: float = 0.0) -> int:
        """Look until there are so many."""
        return _until(lambda: int(self._client.get(self._path("waiting"), name=name)["stalled"]), at_least, timeout)

    def release(self, name: str, *, for_good: bool) -> int:
        """Tell the server."""
        body = {"name": name, "for_good": for_good}
        return int(self._client.send("POST", self._path("scenario/release"), body)["released"])

    # -- time

    def now(self) -> float:
        """Ask for the time."""
        return moment(self._client.get(self._path("scenario"))["clock"]["now"])

    def advance(self, seconds: float) -> None:
        """Tell the server."""
        self._must_be_manual()
        self._client.send("POST", self._path("clock/advance"), {"by": format_duration(seconds)})

    def sleepers(self, *, at_least: int = 0, timeout: float = 0.0) -> int:
        """Look until there are so many."""
        self._must_be_manual()
        return _until(lambda: int(self._client.get(self._path("waiting"))["sleepers"]), at_least, timeout)

    def _must_be_manual(self) -> None:
        if self._client.get(self._path("scenario"))["clock"]["clock"] != "manual":
            raise ScenarioError(NOT_MANUAL, cure=MAKE_IT_MANUAL)


def _answers(host: str, number: int) -> bool:
    try:
        socket.create_connection((host, number), _REACHABLE).close()
    except OSError:
        return False
    return True


def _until(count: Callable[[], int], at_least: int, timeout: float) -> int:
    deadline = time.monotonic() + timeout
    while (number := count()) < at_least and time.monotonic() < deadline:
        time.sleep(_GLANCE)
    return number
