"""What is held against a test that passed: rules that never fired, and what its client did not do."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mailtrap_py import Mailtrap
    from mailtrap_pytest.marks import Mark

_RELAX = "(it may: rule(..., optional=True), or @pytest.mark.mailtrap(strict=False); docs/pytest.md, 'At the end')"


def judge(server: Mailtrap, mark: Mark) -> list[str]:
    """Say what is wrong, each as a paragraph; nothing when all is well."""
    expect = server.expect
    if mark.findings != "off":
        expect.no_findings(mark.findings)
    if mark.expect:
        for playing in server.played:
            expect.all_of(playing.scenario)
    problems = [] if mark.strict is False else _unfired(server, of_scenarios=mark.strict)
    failures = expect.failures()
    if failures:
        problems += ["the client did not do what is expected of it:", *(_indented(each) for each in failures)]
    return problems


def _unfired(server: Mailtrap, *, of_scenarios: bool | None) -> list[str]:
    """Name the rules that never fired, though they had to: what they are for was not tried."""
    found = [f"rule {name} never fired: {why}" for name, why in server.unfired(of_scenarios=of_scenarios)]
    return [*found, _RELAX] if found else []


def _indented(text: str) -> str:
    return "\n".join(f"  {line}" for line in text.splitlines())
