"""Every page in both colour schemes and at two widths: axe finds nothing, nothing overflows, no script fails."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from msgspec.structs import replace
from playwright.sync_api import Browser, Page, sync_playwright

from mailtrap_py import Mailtrap
from mailtrap_py.settings import Settings
from tests.fetched import PATIENCE, run
from tests.served import RICH, accepted, mail, rejected, started

if TYPE_CHECKING:
    from tests.conftest import Missing, Need

ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
PAGES = (
    "/",
    "/?subject=nothing",
    "/?search=code",
    "/messages/m1",
    "/messages/m1/text",
    "/messages/m1/headers",
    "/messages/m1/source",
    "/messages/m1/attachments",
    "/messages/m1/session",
    "/sessions",
    "/sessions/s1",
    "/scenario",
    "/api/docs",
)


@pytest.fixture(scope="module")
def axe(need: Need, missing: Missing, tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("axe")
    try:
        run(need("npm"), "install", "--no-audit", "--no-fund", "axe-core@4", folder=folder)
    except subprocess.CalledProcessError:
        missing("axe-core cannot be fetched")
    return Path(folder, "node_modules", "axe-core", "axe.min.js").read_text("utf-8")


@pytest.fixture(scope="module")
def server() -> Iterator[Mailtrap]:
    private = Settings(host=("127.0.0.1",), smtp_port=0, smtps_port=None, http_port=0, store="sqlite://")
    with Mailtrap(private) as server:
        message = mail(RICH, name="m1")
        for event in (started(), message, accepted(message), replace(rejected(mail()), number=2)):
            server.trap.store.add(event)
        body = {"name": "greylisting"}
        httpx.put(f"{server.url}/api/scenario", json=body, trust_env=False).raise_for_status()
        yield server


@pytest.fixture(scope="module")
def browser(need: Need) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=need("chromium"), args=ARGUMENTS)
        yield browser
        browser.close()


def violations(page: Page, axe: str) -> list[Any]:
    page.evaluate(axe)
    found = page.evaluate("axe.run(document, {iframes: false})")["violations"]
    return [(each["id"], [node["html"][:200] for node in each["nodes"]]) for each in found]


@pytest.mark.slow
@pytest.mark.timeout(2 * PATIENCE)
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_everybody_can_read_every_page(scheme: Any, width: int, server: Mailtrap, browser: Browser, axe: str) -> None:  # noqa: ANN401 - of playwright
    # The policy of the pages would keep axe out; that they obey it, their own tests say.
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme, bypass_csp=True)
    page, said = context.new_page(), []
    page.on("pageerror", lambda error: said.append(str(error)))
    for path in PAGES:
        page.goto(f"{server.url}{path}", wait_until="load")
        overflow = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")

        # The reference is long, and made of the same parts throughout: axe sees it once.
        once = path != "/api/docs" or (scheme, width) == ("light", 1280)
        found = violations(page, axe) if once else []

        assert (path, json.dumps(found), overflow, said) == (path, "[]", 0, [])
    context.close()
