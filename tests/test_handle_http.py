"""The client of the API, against a server that answers what it is told."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Iterator
from typing import ClassVar

import pytest

from mailtrap_py.errors import ScenarioError, SettingError
from mailtrap_py.handle.http import Client, Connection, RefusedError, at, part


class Answering(http.server.BaseHTTPRequestHandler):
    """Answers with what stands ready, and writes down what was asked."""

    protocol_version = "HTTP/1.1"
    ready: ClassVar[list[tuple[int, bytes]]] = []
    asked: ClassVar[list[tuple[str, str, bytes, str]]] = []
    hang_up: ClassVar[bool] = False

    def answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", "0")))
        self.asked.append((self.command, self.path, body, self.headers.get("authorization", "")))
        status, content = self.ready.pop(0) if self.ready else (200, b"{}")
        self.send_response(status)
        self.send_header("content-length", str(len(content)))
        self.send_header("location", "/elsewhere")
        self.end_headers()
        self.wfile.write(content)
        self.close_connection = self.hang_up

    do_GET = do_POST = do_DELETE = answer  # noqa: N815 - the names that the base class calls

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def server() -> Iterator[type[Answering]]:
    Answering.ready.clear()
    Answering.asked.clear()
    Answering.hang_up = False
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answering) as listening:
        listening.daemon_threads = True
        thread = threading.Thread(target=listening.serve_forever, args=(0.01,))
        thread.start()
        Answering.url = f"http://127.0.0.1:{listening.server_port}"  # type: ignore[attr-defined]  # for the tests
        yield Answering
        listening.shutdown()
        thread.join()


@pytest.fixture
def client(server: type[Answering]) -> Iterator[Client]:
    client = Client(server.url)  # type: ignore[attr-defined]  # set above
    yield client
    client.close()


def test_what_is_asked_is_sent(server: type[Answering], client: Client) -> None:
    server.ready += [(200, b'{"a": 1}'), (201, b'{"b": 2}'), (200, b"x\0y")]

    assert client.get("/api/things", from_="a b", none=None, limit=5) == {"a": 1}
    assert client.send("POST", "/api/things", {"c": [3]}) == {"b": 2}
    assert client.content("/raw") == b"x\0y"
    client.send("POST", "/api/begin")
    client.send("DELETE", "/api/things/1")

    assert [(method, path, body) for method, path, body, _ in server.asked] == [
        ("GET", "/api/things?from=a+b&limit=5", b""),
        ("POST", "/api/things", b'{"c": [3]}'),
        ("GET", "/raw", b""),
        ("POST", "/api/begin", b"{}"),
        ("DELETE", "/api/things/1", b""),
    ]


def test_names_are_written_as_urls_want_them() -> None:
    assert at("/x") == "/x"
    assert part("a/b?c d") == "a%2Fb%3Fc%20d"


def test_a_login_in_the_address_is_used_and_not_shown(server: type[Answering]) -> None:
    url = server.url.replace("//", "//ann:s%20cret@")  # type: ignore[attr-defined]  # set above
    connection = Connection(url)
    connection.ask("GET", "/")
    connection.close()

    assert server.asked[0][3] == "Basic YW5uOnMgY3JldA=="


@pytest.mark.parametrize(
    ("status", "content", "kind", "text"),
    [
        (404, {"type": "urn:mailtrap-py:not-found", "detail": "there is none"}, RefusedError, "404 there is none"),
        (422, {"type": "urn:mailtrap-py:invalid-scenario", "detail": "bad", "cure": "do"}, ScenarioError, "bad\ndo"),
        (409, {"type": "urn:mailtrap-py:conflict", "detail": "no"}, ScenarioError, "no"),
        (500, {"title": "Broken"}, RefusedError, "500 Broken"),
        (500, [], RefusedError, "500 without a reason"),
        (502, "a gateway's page", RefusedError, "502 a gateway's page"),
    ],
)
def test_problems_are_errors(client: Client, status: int, content: object, kind: type[Exception], text: str) -> None:
    Answering.ready.append((status, content.encode() if isinstance(content, str) else json.dumps(content).encode()))

    with pytest.raises(kind) as caught:
        client.get("/")

    assert str(caught.value) == text


def test_no_redirect_is_followed(server: type[Answering], client: Client) -> None:
    server.ready.append((302, b"{}"))

    client.get("/here")

    assert len(server.asked) == 1


def test_a_connection_that_the_server_closed_is_opened_again(server: type[Answering], client: Client) -> None:
    server.hang_up = True
    for _ in range(3):
        client.get("/")

    assert len(server.asked) == 3


def test_nobody_there_is_said_with_a_cure() -> None:
    client = Client("http://ann:secret@127.0.0.1:1")

    with pytest.raises(SettingError, match=r"no mail trap answers at http://127\.0\.0\.1:1: .*\n.*--mailtrap-url"):
        client.get("/")
    client.close()


def test_what_is_no_address_is_refused() -> None:
    with pytest.raises(SettingError, match="is no URL"):
        Connection("localhost:8025")


def test_a_secure_address_is_asked_in_tls() -> None:
    assert type(Connection("https://localhost")._http).__name__ == "HTTPSConnection"  # noqa: SLF001 - without a server


def test_breaking_off_what_is_not_asked_is_harmless(server: type[Answering]) -> None:
    connection = Connection(server.url)  # type: ignore[attr-defined]  # set above
    connection.ask("GET", "/")
    connection.cancel()
    connection.cancel()
    connection.close()
    with pytest.raises(SettingError, match="cancelled"):
        connection.ask("GET", "/")
