"""Mailpit's views and its websocket; the latter on a real server, by a client that nobody here wrote."""

from __future__ import annotations

import json
import smtplib
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from websockets.sync.client import connect

from mailtrap_py import Mailtrap
from mailtrap_py.settings import Settings
from tests.compared import NUMBER, TEXT, differences
from tests.served import RICH, Served, mail
from tests.test_web_compat_mailpit import SUMMARY

INLINE = (
    b"Content-Type: multipart/related; boundary=x\r\n\r\n--x\r\nContent-Type: text/html\r\n\r\n"
    b'<img src="cid:a"><img src="cid:b"><script>x()</script>\r\n'
    b"--x\r\nContent-Type: image/png\r\nContent-ID: <a>\r\nContent-Transfer-Encoding: base64\r\n\r\niVBO\r\n--x--\r\n"
)


@pytest.fixture
def served() -> Iterator[Served]:
    with Served.open() as served:
        yield served


def test_the_html_stands_alone_with_its_own_images_and_may_do_nothing(served: Served) -> None:
    [name] = served.keep(mail(INLINE))

    answer = served.ask("GET", f"/view/{name}.html")

    assert answer.text.startswith(f'<img src="/api/v1/message/{name}/part/2"><img src="cid:b">')
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("sandbox; default-src 'none'")
    assert "script" not in policy
    assert served.ask("GET", f"/api/v1/message/{name}/part/2").headers["content-type"] == "image/png"
    assert served.ask("GET", "/api/v1/messages").json()["unread"] == 0


def test_the_text_stands_alone(served: Served) -> None:
    [name] = served.keep(mail(RICH))

    answer = served.ask("GET", f"/view/{name}.txt")

    assert answer.text.startswith("Your code is 482913")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert served.ask("GET", "/view/latest.txt").text == answer.text


def test_html_that_is_not_there_is_404(served: Served) -> None:
    [name] = served.keep(mail())

    assert served.ask("GET", f"/view/{name}.html").text == "This message does not contain a HTML part"
    assert served.ask("GET", "/view/nothing.html").text == "404 page not found"


@pytest.mark.parametrize(
    ("path", "target"),
    [
        ("/view/m", "/messages/m"),
        ("/view/latest", "/view/m"),
        ("/view/latest?query=nothing", "/"),
        ("/view/nothing", "/"),
        ("/search?q=from:ann%20%26x", "/?search=from%3Aann%20%26x"),
    ],
)
def test_pages_lead_to_ours(served: Served, path: str, target: str) -> None:
    served.keep(mail(name="m"))

    answer = served.ask("GET", path)

    assert (answer.status_code, answer.headers["location"]) == (302, target)


EVENTS: dict[str, Any] = {
    "new": SUMMARY,
    "update": ({"ID": TEXT, "Read": bool}, {"ID": TEXT, "Tags": [TEXT]}),
    "delete": {"ID": TEXT},
    "prune": None,
    "truncate": None,
    "stats": {"Total": NUMBER, "Unread": NUMBER, "Version": TEXT},
}


def test_everything_that_happens_comes_over_the_websocket() -> None:
    private = Settings(host=("127.0.0.1",), smtp_port=0, smtps_port=None, http_port=0, store="sqlite://")
    with Mailtrap(private) as server, httpx.Client(base_url=f"{server.url}/api/v1", trust_env=False) as http:
        seen: list[dict[str, Any]] = []
        with connect(f"{server.url.replace('http', 'ws')}/api/events", proxy=None) as socket:

            def until(kind: str) -> dict[str, Any]:
                while True:
                    event: dict[str, Any] = json.loads(socket.recv(timeout=30))
                    assert list(event) == ["Type", "Data"]
                    assert differences(event["Data"], EVENTS[event["Type"]]) == []
                    seen.append(event)
                    if event["Type"] == kind:
                        return event

            with smtplib.SMTP(server.host, server.port, timeout=30) as client:
                client.sendmail("a@example.com", ["b@example.com"], RICH)
            name = until("new")["Data"]["ID"]
            assert until("stats")["Data"] == {"Total": 1, "Unread": 1, "Version": "v1.30.5"}
            http.get(f"/message/{name}")
            assert until("update")["Data"] == {"ID": name, "Read": True}
            http.put("/tags", json={"IDs": [name], "Tags": ["x"]})
            assert until("update")["Data"] == {"ID": name, "Tags": ["x"]}
            http.request("DELETE", "/messages", json={"IDs": [name]})
            assert until("delete")["Data"] == {"ID": name}
            server.trap.store.clear("default")
            until("prune")
            server.trap.store.clear()
            until("truncate")


def test_the_websocket_ends_with_the_server() -> None:
    private = Settings(host=("127.0.0.1",), smtp_port=0, smtps_port=None, http_port=0, store="sqlite://")
    with Mailtrap(private) as server:
        socket = connect(f"{server.url.replace('http', 'ws')}/api/events", proxy=None)

    with socket:
        assert list(socket) == []
