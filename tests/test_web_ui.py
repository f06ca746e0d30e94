"""The list of mail over ASGI; and all pages in a real browser, before a real trap that gets real mail."""

from __future__ import annotations

import re
import shlex
import smtplib
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Route, expect, sync_playwright

from mailtrap_py.handle import Mailtrap
from mailtrap_py.web.ui import first_mail
from tests.conftest import Need
from tests.served import RICH, Served, mail, started

pytestmark = pytest.mark.slow  # each opens a browser; what the pages say is tested in test_web_ui_*.py without one

HOSTILE = Path(__file__).parent / "messages" / "hostile.eml"
IMAGES = HOSTILE.with_stem("inline-images")
SECONDS = 10_000  # milliseconds that a browser may take for anything; it takes a hundredth of that

# The list


def subjects(page: str) -> list[str]:
    return re.findall(r'<a class="goto"[^>]*><bdi>(.*?)</bdi>', page)


def test_mail_is_listed_newest_first() -> None:
    with Served.open() as served:
        served.keep(mail(name="old"), mail(RICH, name="new", to="bob@example.com"))
        page = served.ask("GET", "/").text
        assert subjects(page) == ["Grüße", "Hello"]
        assert 'href="/messages/new"' in page
        assert "<bdi>Ann</bdi>" in page
        assert "2 files" in page
        assert "<strong>2</strong> messages" in page
        assert 'data-url="/api/messages?all=true"' in page
        assert 'title="2026-10-01T09:00:00.500Z"' in page


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["second", "first"]),
        ("to=BOB", ["first"]),
        ("to=bob@example.com", ["first"]),
        ("to=*@example.org", ["second"]),
        ("to=/^carol@/", ["second"]),
        ("to=a.b", []),
        ("from=BOUNCE@", ["second", "first"]),
        ("from=nobody", []),
        ("subject=SEC", ["second"]),
        ("subject=first&to=carol", []),
        ("inbox=other", ["second"]),
        ("search=SUBJECT:+sec", ["second"]),
        ("search=carol@example.org&subject=first", []),
    ],
)
def test_mail_is_filtered(query: str, found: list[str]) -> None:
    with Served.open() as served:
        served.context.inboxes.create("other")
        served.keep(
            mail(b"Subject: first\r\n\r\n"), mail(b"Subject: second\r\n\r\n", to="carol@example.org", inbox="other")
        )
        page = served.ask("GET", f"/?{query}").text
        assert subjects(page) == found
        assert ("Nothing matches" in page) is not bool(found)


@pytest.mark.parametrize(
    ("query", "url"),
    [
        ("to=bob", "/api/messages?to=%2F%28%3Fi%29bob%2F"),
        ("to=bob@*&subject=a&inbox=x", "/api/messages?to=bob%40%2A&amp;subject=a&amp;inbox=x"),
        ("inbox=x", "/api/messages?all=true&amp;inbox=x"),
        ("search=subject:+a", "/api/messages?search=subject%3A+a"),
    ],
)
def test_what_is_shown_is_what_would_be_deleted(query: str, url: str) -> None:
    with Served.open() as served:
        served.keep(
            mail(b"Subject: a\r\n\r\n", inbox="x"), mail(b"Subject: b\r\n\r\n", to="ann@example.com", inbox="y")
        )
        page = served.ask("GET", f"/?{query}").text
        assert f'data-url="{url}"' in page
        assert served.ask("DELETE", url.replace("&amp;", "&")).json() == {"deleted": 1}
        assert subjects(served.ask("GET", "/").text) == ["b"]


def test_a_pattern_that_is_none_is_said_to_be_one() -> None:
    with Served.open() as served:
        page = served.ask("GET", "/?to=/[/")
        assert page.status_code == 200
        assert "/[/ is not a regular expression" in page.text
        assert 'value="/[/"' in page.text


def test_a_long_list_comes_in_parts() -> None:
    with Served.open() as served:
        served.keep(*(mail(f"Subject: n{number}\r\n\r\n".encode()) for number in range(120)))
        path, found = "/?to=bob", []
        while path:
            page = served.ask("GET", path).text
            found += subjects(page)
            following = re.search(r'href="([^"]*)" rel="next"', page)
            path = following[1].replace("&amp;", "&") if following else ""
        back, path = [], page
        while path:
            back.append(subjects(page)[0])
            before = re.search(r'href="([^"]*)" rel="prev"', page)
            path = before[1].replace("&amp;", "&") if before else ""
            page = served.ask("GET", path).text if path else ""
        assert back == ["n19", "n69", "n119"]
        assert found == [f"n{number}" for number in reversed(range(120))]
        assert subjects(served.ask("GET", "/?before=nonsense").text)[0] == "n119"


def test_of_what_a_search_finds_only_so_many_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mailtrap_py.store.reads.MOST_COUNTED", 2)
    with Served.open() as served:
        served.keep(*[mail() for _ in range(3)])
        page = served.ask("GET", "/?search=subject").text
        assert "<strong>2+</strong> matching messages" in page
        assert "Delete 2+ matching messages?" in page


def test_without_mail_there_is_a_hint_how_to_send_one() -> None:
    with Served.open() as served:
        page = served.ask("GET", "/").text
        assert "No mail yet" in page
        assert "smtplib.SMTP(&#39;localhost&#39;, 1025)" in page
        served.store.add(started())
        assert "1 session brought no message" in served.ask("GET", "/").text


def test_several_inboxes_can_be_chosen_from() -> None:
    with Served.open() as served:
        assert 'name="inbox"' not in served.ask("GET", "/").text
        served.context.inboxes.create("worker-1")
        served.keep(mail(inbox="worker-1"))
        page = served.ask("GET", "/?inbox=worker-1").text
        assert "<option selected>worker-1</option>" in page
        assert re.search(r'href="/messages/[^"]*\?inbox=worker-1"', page)
        assert '<span class="tag">worker-1</span>' in served.ask("GET", "/").text


# In a browser


@pytest.fixture
def trap() -> Iterator[Mailtrap]:
    trap = Mailtrap().start()
    yield trap
    # Playwright's synchronous interface keeps a loop running on this thread, where no other can then be run to its end.
    closing = threading.Thread(target=trap.close)
    closing.start()
    closing.join()


@pytest.fixture(scope="module")
def browser(need: Need) -> Iterator[Browser]:
    program = need("chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=program, args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        )
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser, trap: Mailtrap) -> Iterator[Page]:
    """Open a page that may go nowhere but to the trap; what it breaks fails the test."""
    context = browser.new_context(base_url=trap.url, viewport={"width": 1280, "height": 800})
    context.set_default_timeout(SECONDS)
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = context.new_page()
    broken: list[str] = []
    page.on("pageerror", lambda error: broken.append(str(error)))
    yield page
    context.close()
    assert broken == []


def send(trap: Mailtrap, raw: bytes, *, to: tuple[str, ...] = ("bob@example.com",)) -> None:
    with smtplib.SMTP(trap.host, trap.port) as client:
        client.sendmail("ann@example.com", to, raw)


def hello(trap: Mailtrap, subject: str, to: str = "bob@example.com") -> None:
    send(trap, f"From: ann@example.com\r\nTo: {to}\r\nSubject: {subject}\r\n\r\nHello\r\n".encode(), to=(to,))


def test_the_commands_for_a_first_mail_work(trap: Mailtrap, need: Need) -> None:
    python, curl = (command for _, command in first_mail(trap.host, trap.port))
    subprocess.run([sys.executable, *shlex.split(python)[1:]], check=True, timeout=30)
    need("curl")
    subprocess.run(["/bin/sh", "-c", curl], check=True, timeout=30, capture_output=True)
    assert [message.subject for message in trap.messages] == ["Hello", "Hello"]
    assert [message.text.strip() for message in trap.messages] == ["It works.", "It works."]


def test_new_mail_appears_by_itself(page: Page, trap: Mailtrap) -> None:
    page.goto("/")
    expect(page.get_by_role("heading", name="No mail yet")).to_be_visible()
    expect(page.locator("#live.on")).to_be_visible()
    hello(trap, "one")
    expect(page.locator("a.goto")).to_have_text(["one"])
    hello(trap, "two")
    expect(page.locator("a.goto")).to_have_text(["two", "one"])
    expect(page).to_have_title("2 messages · mailtrap")


def test_the_filter_works_while_typing_and_holds_for_new_mail(page: Page, trap: Mailtrap) -> None:
    hello(trap, "for bob")
    hello(trap, "for carol", to="carol@example.com")
    page.goto("/")
    page.keyboard.press("/")
    page.keyboard.type("carol")
    expect(page.locator("a.goto")).to_have_text(["for carol"])
    expect(page).to_have_url(re.compile(r"/\?search=carol$"))
    hello(trap, "not for her")
    hello(trap, "for her", to="carol@example.com")
    expect(page.locator("a.goto")).to_have_text(["for her", "for carol"])


def test_keys_lead_through_the_mail(page: Page, trap: Mailtrap) -> None:
    for subject in ("first", "second", "third"):
        hello(trap, subject)
    page.goto("/")
    page.keyboard.press("j")
    page.keyboard.press("j")
    expect(page.locator("tr.chosen a.goto")).to_have_text("second")
    page.keyboard.press("k")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="second")).to_be_visible()
    page.keyboard.press("j")
    expect(page.get_by_role("heading", name="first")).to_be_visible()
    page.keyboard.press("k")
    expect(page.get_by_role("heading", name="second")).to_be_visible()
    page.keyboard.press("6")
    expect(page.locator(".tabs [aria-current]")).to_have_text("Session")
    expect(page.locator(".transcript")).to_contain_text("354 ")
    page.keyboard.press("u")
    expect(page.locator("a.goto")).to_have_count(3)
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog", name="Keys")).to_be_hidden()


def test_deleting_asks_first(page: Page, trap: Mailtrap) -> None:
    for subject in ("first", "second", "third"):
        hello(trap, subject)
    page.goto("/")
    page.keyboard.press("j")
    page.keyboard.press("#")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Delete “third”?")
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    assert len(trap.messages) == 3

    page.keyboard.press("#")
    dialog.get_by_role("button", name="Delete").click()
    expect(page.locator("a.goto")).to_have_text(["second", "first"])

    page.get_by_role("link", name="second").click()
    page.get_by_role("button", name="Delete", exact=True).click()
    dialog.get_by_role("button", name="Delete").click()
    expect(page.locator("a.goto")).to_have_text(["first"])

    page.get_by_role("button", name="Delete all").click()
    expect(dialog).to_contain_text("Delete 1 message?")
    page.keyboard.press("Enter")  # the safe answer is the one that is chosen
    expect(dialog).to_be_hidden()
    assert len(trap.messages) == 1
    page.get_by_role("button", name="Delete all").click()
    dialog.get_by_role("button", name="Delete").click()
    expect(page.get_by_role("heading", name="No mail yet")).to_be_visible()
    assert len(trap.messages) == 0


def test_a_scenario_is_turned_on_only_after_a_question(page: Page, trap: Mailtrap) -> None:
    page.goto("/scenario")
    card = page.locator(".library li", has=page.get_by_role("heading", name="mailbox-busy"))
    card.get_by_role("button").click()
    expect(page.get_by_role("dialog")).to_contain_text("Use mailbox-busy?")
    page.keyboard.press("Escape")
    expect(page.get_by_role("heading", name="No scenario")).to_be_visible()
    assert trap.trap.inboxes.get().director.scenario.name == "none"

    card.get_by_role("button").click()
    page.get_by_role("button", name="Use mailbox-busy").click()
    expect(page.get_by_role("heading", name="mailbox-busy", level=1)).to_be_visible()
    fired = page.locator(".rules tbody tr").first.locator("strong")
    expect(fired).to_have_text("0")
    with pytest.raises(smtplib.SMTPRecipientsRefused):
        hello(trap, "refused")
    expect(fired).to_have_text("1")

    page.get_by_role("button", name="Begin again").click()
    page.get_by_role("dialog").get_by_role("button", name="Begin again").click()
    expect(fired).to_have_text("0")
    page.get_by_role("button", name="Turn it off").click()
    page.get_by_role("button", name="Turn off").click()
    expect(page.get_by_role("heading", name="No scenario")).to_be_visible()


def test_what_the_server_objects_to_is_said(page: Page, trap: Mailtrap) -> None:
    hello(trap, "gone")
    page.goto("/")
    page.route("**/api/messages/*", lambda route: route.continue_(url=f"{trap.url}/api/messages/none"))
    page.get_by_role("button", name="\u00d7").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.locator("#toast")).to_have_text("there is no message 'none'")
    expect(page.locator("a.goto")).to_have_text(["gone"])


def test_a_session_is_followed_while_it_goes_on(page: Page, trap: Mailtrap) -> None:
    with smtplib.SMTP(trap.host, trap.port) as client:
        client.ehlo("app.example")
        page.goto("/sessions")
        page.locator("a.goto").click()
        expect(page.locator(".transcript")).to_contain_text("ehlo app.example")
        expect(page.get_by_text("still open")).to_be_visible()
        client.sendmail("ann@example.com", ["bob@example.com"], b"Subject: followed\r\n\r\n")
        expect(page.get_by_role("link", name="followed")).to_be_visible()
        expect(page.get_by_text("still open")).to_be_visible()
    expect(page.locator(".verdict", has_text="quit")).to_be_visible()


def test_copying(page: Page, trap: Mailtrap) -> None:
    send(trap, b"Subject: code\r\n\r\nYour code is 482913.\r\n")
    page.goto("/")
    page.get_by_role("button", name="SMTP").click()
    expect(page.locator("#toast")).to_have_text("Copied.")
    assert page.evaluate("navigator.clipboard.readText()") == f"{trap.host}:{trap.port}"
    page.get_by_role("link", name="code").click()
    page.get_by_role("button", name="Copy the code 482913").click()
    assert page.evaluate("navigator.clipboard.readText()") == "482913"


def test_hostile_html_runs_nothing_and_fetches_nothing(page: Page, trap: Mailtrap) -> None:
    asked: list[str] = []

    def pass_on(route: Route) -> None:
        asked.append(route.request.url)
        route.continue_()

    page.context.route("**/*", pass_on)
    popups: list[str] = []
    page.context.on("page", lambda popup: popups.append(popup.url))
    send(trap, HOSTILE.read_bytes())
    page.goto("/")
    page.locator("a.goto").click()
    frame = page.frame_locator("iframe.frame")
    expect(frame.get_by_text("visible")).to_be_visible()
    expect(page).to_have_title('<script>alert("subject")</script> · mailtrap')
    assert frame.locator("body").get_attribute("id") is None
    frame.locator("#send").click()
    frame.locator("#link").click()
    page.wait_for_load_state("networkidle")
    expect(frame.get_by_text("visible")).to_be_visible()
    assert frame.locator("body").get_attribute("id") is None
    assert "hacked" not in page.title()
    assert {url for url in asked if not url.startswith(f"{trap.url}/")} == set()
    assert not any("/frames/x" in url for url in asked)
    assert set(popups) <= {"about:blank", ""}


def test_remote_images_are_fetched_when_the_button_is_pressed(page: Page, trap: Mailtrap) -> None:
    asked: list[str] = []

    def serve(route: Route) -> None:
        asked.append(route.request.url)
        route.fulfill(body="", content_type="image/gif")

    page.context.route("http://evil.test/**", serve)
    send(trap, HOSTILE.read_bytes())
    page.goto("/")
    page.locator("a.goto").click()
    expect(page.frame_locator("iframe.frame").get_by_text("visible")).to_be_visible()
    assert asked == []
    with page.context.expect_event("request", lambda request: request.url.endswith("/pixel.gif")):
        page.get_by_role("link", name="Load remote content").click()
    expect(page.frame_locator("iframe.frame").get_by_text("visible")).to_be_visible()
    page.wait_for_load_state("networkidle")
    assert "http://evil.test/pixel.gif" in asked
    assert not {"http://evil.test/fetch", "http://evil.test/form", "http://evil.test/frame"} & set(asked)
    assert page.frame_locator("iframe.frame").locator("body").get_attribute("id") is None
    page.get_by_role("link", name="Stop loading").click()
    expect(page.get_by_role("link", name="Load remote content")).to_be_visible()


def test_an_image_of_the_mail_is_shown_in_its_html(page: Page, trap: Mailtrap) -> None:
    send(trap, IMAGES.read_bytes())
    page.goto("/")
    page.locator("a.goto").click()
    image = page.frame_locator("iframe.frame").locator("img").first
    expect(image).to_have_js_property("naturalWidth", 16)
    page.get_by_role("button", name="Phone").click()
    expect(page.locator("iframe.frame")).to_have_js_property("offsetWidth", 390)
    page.get_by_role("link", name="Attachments").click()
    expect(page.locator(".files img")).to_have_js_property("naturalWidth", 16)


@pytest.mark.parametrize("width", [400, 1280])
def test_nothing_is_wider_than_the_window(page: Page, trap: Mailtrap, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    long = "x" * 300
    send(
        trap,
        f"From: {long}@example.com\r\nTo: {long}\r\nSubject: {long}\r\n{long}: {long}\r\n\r\n{long}".encode(),
        to=tuple(f"{number}{'y' * 50}@example.com" for number in range(30)),
    )
    send(trap, IMAGES.read_bytes())
    page.goto("/")
    links = [link.get_attribute("href") or "" for link in page.locator("a.goto").all()]
    tabs = ("text", "html", "headers", "source", "attachments", "session")
    session = trap.sessions[0].id
    for path in ("/", "/?to=none", "/sessions", f"/sessions/{session}", "/scenario", "/messages/none"):
        page.goto(path)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
    for path in (f"{link}/{tab}" for link in links for tab in tabs):
        page.goto(path)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path


def test_what_is_needed_works_without_scripts(browser: Browser, trap: Mailtrap) -> None:
    hello(trap, "plain")
    context = browser.new_context(base_url=trap.url, java_script_enabled=False)
    page = context.new_page()
    page.goto("/")
    expect(page.get_by_role("button", name="Delete all")).to_be_hidden()
    page.get_by_label("Subject").fill("nothing like it")
    page.get_by_role("button", name="Filter").click()
    expect(page.get_by_role("heading", name="Nothing matches")).to_be_visible()
    page.get_by_role("link", name="Show everything").click()
    page.get_by_role("link", name="plain").click()
    page.get_by_role("link", name="Session", exact=True).click()
    expect(page.locator(".transcript")).to_contain_text("QUIT")
    context.close()
