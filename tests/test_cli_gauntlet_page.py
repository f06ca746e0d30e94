"""The gauntlet as a page: complete, harmless whatever others wrote, and readable in a browser."""

from __future__ import annotations

from collections.abc import Iterator
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Browser, sync_playwright

from mailtrap_py.cli.gauntlet.page import as_html
from mailtrap_py.cli.gauntlet.reports import Outcome
from mailtrap_py.cli.gauntlet.run import Require, Run
from mailtrap_py.scenario.verdict import Grade
from tests.gauntlet_runs import ran, spoilt

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Need

_VOID = {"meta"}


class Elements(HTMLParser):
    """Reads a page, and holds it to closing what it opens."""

    def __init__(self, page: bytes) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page.decode())
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in _VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture(scope="module")
def runs() -> tuple[Run, ...]:
    return (ran("no-such-user"), ran("tls-expired"), ran("greeting-554", "raise SystemExit(1)"))


def outcome(*runs: Run) -> Outcome:
    return Outcome(command=("./send", "<to>"), require=Require.HONEST, runs=runs)


def test_the_page_has_everything(runs: tuple[Run, ...]) -> None:
    page = Elements(as_html(outcome(*runs)))
    details = {attributes["id"]: attributes for tag, attributes in page.tags if tag == "details"}
    assert list(details) == [run.scenario for run in runs]
    assert [name for name, attributes in details.items() if "open" in attributes] == ["no-such-user"]
    links = [attributes["href"] for tag, attributes in page.tags if tag == "a"]
    assert links == [f"#{run.scenario}" for run in runs]
    for words in ("./send '<to>'", "FAILED (honest): 1 bad grade", "550 5.1.1 <cy@example.com>", " rule unknown-user"):
        assert words in page.text
    for words in ("pass ends_with: quit", "Mail in clear", "mail-in-clear", "No client connected.", "(none)"):
        assert words in page.text
    for grade in Grade:
        assert grade.meaning in page.text


def test_the_page_loads_nothing_and_runs_nothing(runs: tuple[Run, ...]) -> None:
    tags = Elements(as_html(outcome(spoilt(runs[0])))).tags
    assert {"script", "img", "link", "iframe"}.isdisjoint(tag for tag, _ in tags)
    assert {"src", "onerror", "style"}.isdisjoint(name for _, attributes in tags for name in attributes)
    assert {"default-src 'none'; style-src 'unsafe-inline'"} <= {attributes.get("content") for _, attributes in tags}


def test_a_page_of_nothing_is_a_page() -> None:
    assert "passed (honest): 0 scenarios" in Elements(as_html(outcome())).text


@pytest.fixture(scope="module")
def browser(need: Need) -> Iterator[Browser]:
    program = need("chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=program, args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        )
        yield browser
        browser.close()


@pytest.mark.parametrize("width", [1280, 380])
def test_a_browser_shows_it(browser: Browser, runs: tuple[Run, ...], tmp_path: Path, width: int) -> None:
    path = tmp_path / "gauntlet.html"
    path.write_bytes(as_html(outcome(spoilt(runs[0]), *runs[1:])))
    told: list[str] = []
    asked: list[str] = []
    page = browser.new_page(viewport={"width": width, "height": 800})
    page.on("console", lambda message: told.append(message.text))
    page.on("dialog", lambda dialog: told.append(dialog.message))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(path.as_uri())

    talk = page.locator("#tls-expired .talk")
    assert not talk.is_visible()
    page.locator("#tls-expired summary").click()
    assert talk.is_visible()
    assert page.locator(".badge.bad").first.inner_text() == "silent"
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    page.emulate_media(color_scheme="light")
    light = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.emulate_media(color_scheme="dark")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != light
    assert (told, asked) == ([], [path.as_uri()])
    page.close()
