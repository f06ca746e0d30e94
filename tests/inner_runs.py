"""Inner runs of pytest, with our plugin and no other, on an application that sends mail; in both homes."""

from __future__ import annotations

import smtplib

import pytest

from mailtrap_py import Mailtrap

APP = """
import smtplib

def send(trap, to="bob@example.com", subject="Welcome", sender="app@example.com"):
    with smtplib.SMTP(trap.host, trap.port) as smtp:
        return smtp.sendmail(sender, to, f"From: {sender}\\nSubject: {subject}\\n\\nHello\\n")
"""


@pytest.fixture(scope="module")
def imported() -> None:
    """Import all that a trap imports late: pytester forgets what an inner run imported, and extension modules mind."""
    with Mailtrap() as trap, Mailtrap.at(trap.url) as remote:
        for each in (trap, remote):
            each.scenario({"name": "nothing", "rules": []})
            each.ssl_context()
            with smtplib.SMTP(each.host, each.port) as smtp:
                smtp.sendmail("app@example.com", "bob@example.com", "Hello")
            each.wait_for(match=lambda _: True)
            each.find(subject="none")
            each.findings  # noqa: B018 - for what it imports


@pytest.fixture(params=["here", pytest.param("elsewhere", marks=pytest.mark.slow)])
def inner(
    request: pytest.FixtureRequest,
    pytester: pytest.Pytester,
    monkeypatch: pytest.MonkeyPatch,
    imported: None,  # noqa: ARG001 - for what it does
) -> pytest.Pytester:
    """Give an empty project with an application that sends mail, and no plugin but ours, installed or not.

    Its mail trap is in the same process, or behind a URL; that is slow, and what handles do there is tested anyhow.
    """
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)
    monkeypatch.delenv("MAILTRAP_URL", raising=False)
    if request.param == "elsewhere":
        monkeypatch.setenv("MAILTRAP_URL", request.getfixturevalue("elsewhere").url)
    pytester.makepyfile(app=APP)
    pytester.makeini("[pytest]\naddopts = -p mailtrap_pytest -p no:cacheprovider --strict-markers -W error")
    return pytester
