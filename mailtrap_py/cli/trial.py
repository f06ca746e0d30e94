"""A trial: a trap under a scenario, a program that sends mail to it, and the verdict on that program.

Slow to import, for it needs the whole server: `run` imports it when it is about to begin.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mailtrap_py.cli.process import Finished, execute
from mailtrap_py.events import Recorded
from mailtrap_py.handle import Mailtrap
from mailtrap_py.scenario import RuleState, Scenario
from mailtrap_py.scenario.evidence import CommandResult, Evidence
from mailtrap_py.scenario.needs import NOTHING
from mailtrap_py.scenario.verdict import Grade, Verdict, judge
from mailtrap_py.settings import Settings
from mailtrap_py.store import Store

if TYPE_CHECKING:
    from collections.abc import Awaitable
    from typing import IO

_GOODBYE = 1.0  # seconds that the server gets to see that the program has gone


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What was tried, what happened, and what to think of it."""

    scenario: Scenario
    seed: int
    command: tuple[str, ...]
    finished: Finished
    evidence: Evidence
    rules: tuple[RuleState, ...]
    verdict: Verdict

    @property
    def unfired(self) -> tuple[RuleState, ...]:
        """The rules of a strict scenario that never fired, though they had to: what they are for was not tried."""
        if not self.scenario.strict:
            return ()
        return tuple(state for state in self.rules if not state.fired and not state.rule.optional)

    @property
    def met(self) -> bool:
        """Whether the program came to where the server fails: a rule acted, and not only one that is optional."""
        optional = {state.rule.id for state in self.rules if state.rule.optional}
        return not self.scenario.rules or any(each.rule not in optional for each in self.evidence.firings)

    @property
    def passed(self) -> bool:
        """Whether the program came to an end of its own, and everything that was expected of it holds."""
        ended = not self.finished.timed_out and self.verdict.grade is not Grade.CRASHED
        return self.verdict.passed and ended and not self.unfired


def hold(
    settings: Settings,
    command: Sequence[str],
    *,
    timeout: float,
    output: IO[bytes] | None = None,
    surroundings: Callable[[Mailtrap], Mapping[str, str]] | None = None,
) -> Trial:
    """Start a trap, run the command against it, and judge the command by the scenario of the settings.

    The command finds the trap in its environment (SMTP_HOST, SMTP_PORT, SMTP_URL, MAILTRAP_URL), and beside it the
    authority to trust for TLS (SMTP_CA_FILE) and what it takes to meet the fault (`Needs.environment`); or it has
    `{host}`, `{port}` and `{to}` in its arguments. `surroundings` gives it more variables. What it prints passes
    through, or goes into the file `output`. `timeout` is in seconds. Only the main thread can hold a trial. Raises
    `SettingError` and `ScenarioError` for what cannot start.
    """
    with (
        tempfile.TemporaryDirectory(prefix="mailtrap-") as folder,
        contextlib.closing(Witness(settings.store or "sqlite://")) as witness,
        Mailtrap(settings, store=witness) as server,
    ):
        inbox = server.inbox
        authority = Path(folder) / "authority.pem"
        authority.write_bytes(server.authority_pem)
        usual = NOTHING.environment
        needs = {
            name: value for name, value in inbox.director.scenario.needs.environment.items() if value != usual[name]
        }
        # Where a scenario needs nobody in particular, whom the user named before stays.
        environment = {
            **usual,
            **os.environ,
            "SMTP_HOST": server.host,
            "SMTP_PORT": str(server.port),
            "SMTP_URL": f"smtp://{server.host}:{server.port}",
            "SMTP_CA_FILE": str(authority),
            "MAILTRAP_URL": server.url,
            **needs,
        }
        if surroundings is not None:
            environment.update(surroundings(server))
        places = {"{host}": server.host, "{port}": str(server.port), "{to}": environment["SMTP_TO"]}
        finished = execute([_filled(word, places) for word in command], environment, timeout=timeout, output=output)
        server.home.settle(_GOODBYE)  # a program that ends takes its connections with it
    evidence = Evidence.gather(
        witness.events,
        until=inbox.clock.now(),
        command=CommandResult(
            exit_code=finished.exit_code if finished.exit_code >= 0 else None,
            signal=max(0, -finished.exit_code),
            timed_out=finished.timed_out,
        ),
    )
    return Trial(
        scenario=inbox.director.scenario,
        seed=inbox.seed,
        command=tuple(command),
        finished=finished,
        evidence=evidence,
        rules=inbox.director.rules(),
        verdict=judge(inbox.director.scenario, evidence),
    )


def _filled(word: str, places: Mapping[str, str]) -> str:
    for place, value in places.items():
        word = word.replace(place, value)
    return word


class Witness(Store):
    """A record that also remembers what it was told, in order, as a judge wants to hear it."""

    def __init__(self, url: str) -> None:
        """Open the record."""
        super().__init__(url)
        self.events: list[Recorded] = []

    def add(self, event: Recorded) -> None:
        """Remember, and write down."""
        self.events.append(event)
        super().add(event)

    def commit(self, event: Recorded) -> Awaitable[None]:
        """Remember, and write down for good."""
        self.events.append(event)
        return super().commit(event)
