"""The pytest plugin: the `mailtrap` fixture, with no configuration.

pytest imports this in every run of everybody who has the package installed. So nothing of `mailtrap_py` is imported
here, and nothing of the plugin's other files: that happens when a test asks for a fixture.

    options    what was said on the command line, in the environment and in the ini file
    marks      what the markers of a test say, and the scenarios to run it under
    servers    the servers of a run, here or behind a URL
    judging    what is held against a test that passed
    report     what is told of a test that failed

One server serves the whole run, on ports that do not change, because many an application is told only once where its
mail server is; `mailtrap` makes it as new for each test.
"""

# ruff: noqa: PLC0415 - the imports wait for a test that needs them

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    import ssl
    from collections.abc import Generator, Iterator

    from mailtrap_py import Mailtrap, Settings
    from mailtrap_pytest.servers import Factory, Servers

_USED = pytest.StashKey["list[Mailtrap]"]()
_TOLD = pytest.StashKey[str]()
_PASSED = pytest.StashKey[bool]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options: on the command line, in the environment, in the ini file, in this order."""
    group = parser.getgroup("mailtrap", "mail trap")
    group.addoption(
        "--mailtrap-url",
        metavar="URL",
        help="Use the mail trap that runs there, as in http://localhost:8025, instead of one in this process; each "
        "test has an inbox of its own. Also MAILTRAP_URL, or mailtrap_url in the ini file.",
    )
    group.addoption(
        "--mailtrap-smtp",
        metavar="HOST:PORT",
        help="Where that mail trap takes mail, if not where it says. Also MAILTRAP_SMTP.",
    )
    parser.addini("mailtrap_url", "the mail trap to use, instead of one in this process")
    parser.addini("mailtrap_strict", "whether rules that never fired fail their test", type="bool", default=True)
    parser.addini("mailtrap_findings", "what found in a client fails a test: off, info, warning, error", default="off")
    parser.addini("mailtrap_timeout", "how long a wait takes at most, as in 500ms or 5s", default="5s")


def pytest_configure(config: pytest.Config) -> None:
    """Register the markers."""
    config.addinivalue_line(
        "markers",
        "mailtrap(scenario, **params): let the mail server of this test fail as a scenario says: one of the library by "
        "its name, or a YAML file beside the test, or a list of them to run the test under each; params are the "
        "scenario's. Also: inbox=, strict=, expect=, findings=, seed=, clock=.",
    )
    config.addinivalue_line(
        "markers",
        "mailtrap_gauntlet(*selection, **marker): run this test under every scenario of the library that is meant: "
        "names, globs, class:legal, at:rcpt; all of them if nothing is said.",
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Make a test of each scenario that a marker names."""
    if "mailtrap_scenario" in metafunc.fixturenames and metafunc.definition.get_closest_marker("mailtrap_gauntlet"):
        from mailtrap_pytest.marks import gauntlet

        meant = gauntlet(metafunc.definition)
        metafunc.parametrize("mailtrap_scenario", meant, ids=meant, indirect=True)
    elif "mailtrap_scenario" in metafunc.fixturenames and metafunc.definition.get_closest_marker("mailtrap"):
        from mailtrap_pytest.marks import scenarios

        if found := scenarios(metafunc.definition):
            names, each = zip(*found, strict=True)
            metafunc.parametrize("mailtrap_scenario", each, ids=names, indirect=True)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Refuse a marker without effect."""
    for marker in ("mailtrap_gauntlet", "mailtrap"):
        found = item.get_closest_marker(marker)
        # One for the whole file may say what its tests are held to, and leave some without mail.
        if found and "mailtrap" not in getattr(item, "fixturenames", ()) and found in item.own_markers:
            words = f"marked with {marker!r}, but without the fixture: add 'mailtrap' to its arguments"
            pytest.fail(words, pytrace=False)


@pytest.fixture(scope="session")
def mailtrap_settings() -> Settings:
    """Override this to give the mail trap other settings: free ports of 127.0.0.1, the record in memory."""
    from mailtrap_py.handle import PRIVATE

    return PRIVATE


@pytest.fixture(scope="session")
def _mailtrap_servers(pytestconfig: pytest.Config) -> Iterator[Servers]:
    from mailtrap_pytest.options import Options
    from mailtrap_pytest.servers import Servers

    servers = Servers(Options.of(pytestconfig))
    yield servers
    servers.close()


@pytest.fixture(scope="session")
def mailtrap_server(_mailtrap_servers: Servers, mailtrap_settings: Settings) -> Mailtrap:
    """Give the mail trap of the whole run, for fixtures that start an application once: its ports never change."""
    return _mailtrap_servers.main(mailtrap_settings)


@pytest.fixture(scope="session")
def mailtrap_ssl_context(mailtrap_server: Mailtrap) -> ssl.SSLContext:
    """Give a client's TLS context that trusts the mail trap of the run, for STARTTLS and for SMTPS."""
    return mailtrap_server.ssl_context()


@pytest.fixture
def mailtrap_scenario(request: pytest.FixtureRequest) -> object:
    """Give the scenario that this run of the test is under, None without one: what a marker with several sets."""
    return getattr(request, "param", None)


@pytest.fixture
def mailtrap(
    request: pytest.FixtureRequest,
    _mailtrap_servers: Servers,
    mailtrap_settings: Settings,
    mailtrap_scenario: object,
) -> Iterator[Mailtrap]:
    """Give a mail trap as new: no mail, no session and no rule of another test. At the end the client is judged."""
    from mailtrap_pytest.judging import judge
    from mailtrap_pytest.marks import Mark

    options, node = _mailtrap_servers.options, request.node
    mark = Mark.of(node, options, mailtrap_scenario)
    server = _mailtrap_servers.main(mailtrap_settings)
    server.reset()
    mark.apply(server, request.path.parent)
    used = node.stash.setdefault(_USED, [])
    used.insert(0, server)  # what is told of it is told first
    try:
        yield server
        problems = judge(server, mark) if node.stash.get(_PASSED, False) else []
        if problems:
            _tell(node, judged=True)
    finally:
        used.remove(server)
        server.reset()  # ends what the test left behind: clients that wait for a reply would wait on
    if problems:
        pytest.fail("\n".join(problems), pytrace=False)


@pytest.fixture
def mailtrap_factory(
    request: pytest.FixtureRequest, _mailtrap_servers: Servers, mailtrap_settings: Settings
) -> Iterator[Factory]:
    """Start more mail traps with other settings: `mailtrap_factory(auth="required")`. They live as long as the test."""
    from mailtrap_pytest.judging import judge
    from mailtrap_pytest.marks import Mark
    from mailtrap_pytest.servers import Factory

    node = request.node
    mark = Mark.of(node, _mailtrap_servers.options, None)
    used = node.stash.setdefault(_USED, [])
    factory = Factory(_mailtrap_servers, mailtrap_settings, used.append)
    problems: list[str] = []
    try:
        yield factory
        if node.stash.get(_PASSED, False):
            problems = [problem for server in factory.given for problem in judge(server, mark)]
        if problems:
            _tell(node, judged=True)
    finally:
        for server in factory.given:
            used.remove(server)
        factory.take_back()
    if problems:
        pytest.fail("\n".join(problems), pytrace=False)


@pytest.fixture
def mailtrap_django(mailtrap: Mailtrap) -> Iterator[Mailtrap]:
    """Give `mailtrap`, with Django's mail going there, and not into a list as its own tests have it."""
    from django.test import override_settings

    with override_settings(
        EMAIL_BACKEND="django.core.mail.backends.smtp.EmailBackend",
        EMAIL_HOST=mailtrap.host,
        EMAIL_PORT=mailtrap.port,
        EMAIL_HOST_USER="",
        EMAIL_HOST_PASSWORD="",
        EMAIL_USE_TLS=False,
        EMAIL_USE_SSL=False,
    ):
        yield mailtrap


def _tell(node: pytest.Item, *, judged: bool = False) -> None:
    """Write down what is to be told of a test: its servers are about to forget it."""
    from mailtrap_pytest.report import describe

    node.stash[_TOLD] = "\n".join(line for server in node.stash[_USED] for line in describe(server, judged=judged))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Put the SMTP conversation into the report of a test that failed."""
    report = yield
    if call.when == "call":
        item.stash[_PASSED] = report.passed
    used: list[Mailtrap] = item.stash.get(_USED, [])
    if report.failed and (used or _TOLD in item.stash):
        from mailtrap_pytest.report import attach

        if _TOLD not in item.stash:
            _tell(item)
        report.sections.append(("mailtrap", item.stash[_TOLD]))
        attach(item, report, item.stash[_TOLD], used)
        del item.stash[_TOLD]
    return report


class _Painter:
    """Colours the conversation for the terminal, when everybody else has read it."""

    @pytest.hookimpl(trylast=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        for number, (title, text) in enumerate(report.sections):
            if title == "mailtrap":
                from mailtrap_pytest.report import coloured

                report.sections[number] = (title, coloured(text))


@pytest.hookimpl(trylast=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    """Use colours where the terminal does; a worker of xdist has none, and leaves them to who shows its reports."""
    terminal = session.config.pluginmanager.get_plugin("terminalreporter")
    if terminal is not None and terminal.hasmarkup:
        session.config.pluginmanager.register(_Painter(), "mailtrap-painter")


def pytest_report_header(config: pytest.Config) -> str | None:
    """Say where the mail trap is, when it is not in this process."""
    from mailtrap_pytest.options import url_of

    url = url_of(config)
    return f"mailtrap: {re.sub('//[^/]*@', '//', url)}" if url else None  # without a password


def pytest_assertrepr_compare(op: str, left: object, right: object) -> list[str] | None:
    """Show how two messages differ."""
    if op != "==" or not (type(left).__name__ == type(right).__name__ == "Message"):
        return None  # quick, and without an import, for everybody else's comparisons
    from mailtrap_pytest.report import differences

    return differences(left, right)
