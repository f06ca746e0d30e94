"""The check of links, against a server on this machine; that it asks none on its own is part of it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from mailtrap_py.web.compat import mailpit_checks as module
from mailtrap_py.web.compat.mailpit_checks import check_html, check_links
from mailtrap_py.web.compat.wire import BareError


class Answers(BaseHTTPRequestHandler):
    """Answers HEAD as the path says: `/404`, or `/302/200` for a redirect to `/200`."""

    def do_HEAD(self) -> None:
        status, _, target = self.path.strip("/").partition("/")
        self.send_response(int(status.partition("?")[0]))
        if target:
            self.send_header("Location", f"/{target}" if target != "ever" else self.path)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def site() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def public(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let this machine count as a public one."""
    monkeypatch.setattr(module, "_public_address", lambda host, _: host)


@pytest.mark.usefixtures("public")
def test_links_are_asked_for_and_told(site: str) -> None:
    links = [f"{site}/200?a=b", f"{site}/404", f"{site}/302/200", "mailto:ann@example.com"]

    assert check_links(links, follow=False) == {
        "Errors": 1,
        "Links": [
            {"URL": links[0], "StatusCode": 200, "Status": "OK"},
            {"URL": links[1], "StatusCode": 404, "Status": "Not Found"},
            {"URL": links[2], "StatusCode": 302, "Status": "Found"},
        ],
    }


@pytest.mark.usefixtures("public")
def test_redirects_are_followed_but_not_for_ever(site: str) -> None:
    followed, round_and_round = check_links([f"{site}/302/301/200", f"{site}/302/ever"], follow=True)["Links"]

    assert (followed["StatusCode"], followed["Status"]) == (200, "OK")
    assert (round_and_round["StatusCode"], round_and_round["Status"]) == (0, "stopped after 10 redirects")


@pytest.mark.usefixtures("public")
@pytest.mark.parametrize("link", ["http://127.0.0.1:1/", "http://[", "http://127.0.0.1:99999/", "https://127.0.0.1:1"])
def test_a_link_that_nobody_answers_has_no_status(link: str) -> None:
    checked = check_links([link], follow=False)

    assert (checked["Errors"], checked["Links"][0]["StatusCode"]) == (1, 0)
    assert checked["Links"][0]["Status"]


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "10.0.0.1", "169.254.169.254", "[::1]", "[fe80::1]"])
def test_addresses_of_private_networks_are_not_asked(host: str) -> None:
    assert check_links([f"http://{host}:1/"], follow=False) == {
        "Errors": 1,
        "Links": [{"URL": f"http://{host}:1/", "StatusCode": 451, "Status": "Blocked private/reserved address"}],
    }


@pytest.mark.parametrize(("html", "words"), [("", "message does not contain HTML"), ("<p>", "is not available")])
def test_html_is_not_judged(html: str, words: str) -> None:
    with pytest.raises(BareError, match=words):
        check_html(html)
