"""The pytest plugin: the `mailtrap` fixture, with no configuration.

pytest imports this in every run of everybody who has the package installed. So nothing of `mailtrap_py` is imported
here: that happens when a test asks for a fixture.

One server serves the whole run, on ports that do not change, because many an application is told only once where its
mail server is; `mailtrap` makes it as new for each test.
"""

# ruff: noqa: PLC0415 - the imports wait for a test that needs them

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from pathlib import Path

    from mailtrap_py import Mailtrap, Settings

_IN_USE = pytest.StashKey["Mailtrap"]()
_MOST_LINES = 100  # of one session, in a report
_MOST_SESSIONS = 20


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker."""
    config.addinivalue_line(
        "markers",
        "mailtrap(scenario, **params): let the mail server of this test fail as a scenario says: one of the library by "
        "its name, or a YAML file beside the test; params are the scenario's.",
    )


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Refuse a marker without effect."""
    if item.get_closest_marker("mailtrap") and "mailtrap" not in getattr(item, "fixturenames", ()):
        pytest.fail("marked with 'mailtrap', but without the fixture: add 'mailtrap' to its arguments", pytrace=False)


@pytest.fixture(scope="session")
def mailtrap_settings() -> Settings:
    """Override this to give the mail trap other settings: free ports of 127.0.0.1, the record in memory."""
    from mailtrap_py.handle import PRIVATE

    return PRIVATE


class _Servers:
    """Running traps, one for each settings that a test asked for."""

    def __init__(self) -> None:
        self._closing = contextlib.ExitStack()
        self._running: list[Mailtrap] = []

    def with_settings(self, settings: Settings) -> Mailtrap:
        from mailtrap_py import Mailtrap

        for server in self._running:
            if server.trap.settings == settings:
                return server
        server = self._closing.enter_context(Mailtrap(settings))
        self._running.append(server)
        return server

    def close(self) -> None:
        self._closing.close()


@pytest.fixture(scope="session")
def _mailtrap_servers() -> Iterator[_Servers]:
    servers = _Servers()
    yield servers
    servers.close()


@pytest.fixture(scope="session")
def mailtrap_server(_mailtrap_servers: _Servers, mailtrap_settings: Settings) -> Mailtrap:
    """Give the mail trap of the whole run, for fixtures that start an application once: its ports never change."""
    return _mailtrap_servers.with_settings(mailtrap_settings)


@pytest.fixture
def mailtrap(
    request: pytest.FixtureRequest, _mailtrap_servers: _Servers, mailtrap_settings: Settings
) -> Iterator[Mailtrap]:
    """Give a mail trap as new: no mail, no session and no rule of another test."""
    server = _mailtrap_servers.with_settings(mailtrap_settings)
    server.reset()
    request.node.stash[_IN_USE] = server
    if (marker := request.node.get_closest_marker("mailtrap")) is not None:
        _play(server, request.path.parent, *marker.args, **marker.kwargs)
    yield server
    del request.node.stash[_IN_USE]
    server.reset()  # ends what the test left behind: clients that wait for a reply would wait on


def _play(server: Mailtrap, folder: Path, scenario: object = None, /, **params: object) -> None:
    """Start the scenario of a marker."""
    scenario = params.pop("scenario", scenario)
    if not isinstance(scenario, str):
        pytest.fail(
            "the marker names no scenario: write @pytest.mark.mailtrap('greylisting', wait='1s')", pytrace=False
        )
    beside = folder / scenario
    server.scenario(beside if beside.is_file() else scenario, **params)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Put the SMTP conversation into the report of a test that failed."""
    report = yield
    if report.failed and _IN_USE in item.stash:
        report.sections.append(("mailtrap", "\n".join(_describe(item.stash[_IN_USE]))))
    return report


def _describe(server: Mailtrap) -> Iterator[str]:
    """Tell what happened, in the order in which one looks for it: what arrived, what was said, what rules did."""
    messages = server.messages
    yield f"{_many(len(messages), 'message')} arrived at {server.host}:{server.port}"
    yield from (f"  {message!r}" for message in messages)
    sessions = server.sessions
    for session in sessions[-_MOST_SESSIONS:]:
        facts = session.facts
        yield f"session {facts.number} from {facts.client}:{facts.client_port}, {session.ending or 'still open'}"
        lines = session.transcript.splitlines()
        yield from lines[:_MOST_LINES]
        if len(lines) > _MOST_LINES:
            yield f"... and {len(lines) - _MOST_LINES} lines more"
    inbox = server.inbox
    rules = inbox.director.rules()
    if rules:
        yield f"rules of scenario {inbox.director.scenario.name!r}, seed {inbox.seed}"
    for state in rules:
        what = f"fired {_many(state.fired, 'time')}" if state.fired else f"never fired: {state.nearest_miss}"
        yield f"  {state.rule.id} {what}"


def _many(number: int, thing: str) -> str:
    return f"{number or 'no'} {thing}{'' if number == 1 else 's'}"
