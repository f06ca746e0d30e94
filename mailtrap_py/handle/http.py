"""A client of the HTTP API: one connection a thread, kept open; no redirects, no proxies, nothing but what is asked."""

from __future__ import annotations

import base64
import json
import select
import socket
import threading
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPException, HTTPSConnection, RemoteDisconnected
from typing import Any
from urllib.parse import quote, unquote, urlencode, urlsplit

from mailtrap_py.errors import ScenarioError, SettingError

PATIENCE = 30.0
"""Seconds that an answer may take that nobody waits for on purpose."""

_TOO_HIGH = 400


class RefusedError(Exception):
    """The server answered with a problem (RFC 9457)."""

    def __init__(self, status: int, problem: Mapping[str, Any]) -> None:
        """Take its status and what it says."""
        super().__init__(f"{status} {problem.get('detail') or problem.get('title') or 'without a reason'}")
        self.kind = str(problem.get("type", "")).rpartition(":")[2]
        self.detail = str(problem.get("detail", ""))
        self.cure = str(problem.get("cure", ""))

    def for_people(self) -> Exception:
        """Give the error that the same mistake makes in process."""
        if self.kind in {"invalid-scenario", "conflict"}:
            return ScenarioError(self.detail, cure=self.cure)
        return self


class Connection:
    """One connection to the server, opened when it is needed; for one thread at a time, but for `cancel`."""

    def __init__(self, url: str) -> None:
        """Take the address of the server; a name and a password in it are used as they are in browsers."""
        parts = urlsplit(url)
        if not parts.hostname:
            raise SettingError(f"{url!r} is no URL", cure="write it as in http://localhost:8025")
        kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
        self._http = kind(parts.hostname, parts.port, timeout=PATIENCE)
        self._url = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
        self._base = parts.path.rstrip("/")
        self._headers = {"Accept": "application/json"}
        if parts.username is not None:
            login = f"{unquote(parts.username)}:{unquote(parts.password or '')}".encode()
            self._headers["Authorization"] = f"Basic {base64.b64encode(login).decode()}"
        self._cancelled = False

    def ask(self, method: str, path: str, body: Mapping[str, object] | None = None, *, timeout: float = 0.0) -> bytes:
        """Ask, and give the body of the answer; `timeout` are the seconds that it may take beyond the usual.

        Raises `RefusedError` for a problem, and `SettingError` when there is no such server.
        """
        http = self._http
        if http.sock is not None and select.select([http.sock], [], [], 0)[0]:
            http.close()  # the server hung up meanwhile: nothing else could be there to read
        content = None if body is None else json.dumps(body).encode()
        headers = self._headers if body is None else {**self._headers, "Content-Type": "application/json"}
        used_before = http.sock is not None
        try:
            try:
                status, data = self._exchange(method, path, content, headers, timeout)
            except (ConnectionResetError, RemoteDisconnected, BrokenPipeError):
                # It hung up while we began to speak. What may be said twice is (RFC 9110, section 9.2.2).
                if not used_before or method == "POST" or self._cancelled:
                    raise
                http.close()
                status, data = self._exchange(method, path, content, headers, timeout)
        except (OSError, HTTPException) as error:
            http.close()
            raise SettingError(
                f"no mail trap answers at {self._url}: {str(error) or type(error).__name__}",
                cure="start one there with 'mailtrap-py', or leave out --mailtrap-url and MAILTRAP_URL",
            ) from error
        if status >= _TOO_HIGH:
            raise RefusedError(status, _problem(data))
        return data

    def _exchange(
        self, method: str, path: str, content: bytes | None, headers: Mapping[str, str], timeout: float
    ) -> tuple[int, bytes]:
        http = self._http
        if http.sock is None:
            http.connect()  # without Nagle's algorithm, as http.client always does
        if self._cancelled:  # before there was anything to break off
            raise ConnectionAbortedError("cancelled")
        _socket_of(http).settimeout(PATIENCE + timeout)
        http.request(method, f"{self._base}{path}", content, headers)
        answer = http.getresponse()
        return answer.status, answer.read()

    def cancel(self) -> None:
        """Break off what is asked, and ask nothing more; from any thread."""
        self._cancelled = True
        if self._http.sock is not None:
            try:
                self._http.sock.shutdown(socket.SHUT_RDWR)
            except OSError:  # it is over already
                return

    def close(self) -> None:
        """Hang up."""
        self._http.close()


def _socket_of(http: HTTPConnection) -> socket.socket:
    found: socket.socket = http.sock
    return found


def _problem(data: bytes) -> Mapping[str, Any]:
    try:
        problem = json.loads(data)
    except ValueError:
        return {"detail": data[:200].decode("utf-8", "replace")}
    return problem if isinstance(problem, dict) else {}


class Client:
    """The server, for any number of threads."""

    def __init__(self, url: str) -> None:
        """Take its address."""
        self.url = url
        self._mine = threading.local()
        self._all: list[Connection] = []

    def connect(self) -> Connection:
        """Make a connection of its own."""
        return Connection(self.url)

    def get(self, path: str, **parameters: object) -> Any:  # noqa: ANN401 - what JSON is
        """Ask for JSON; parameters that are None are left out."""
        return json.loads(self.content(path, **parameters))

    def content(self, path: str, **parameters: object) -> bytes:
        """Ask for content."""
        return self._ask("GET", at(path, **parameters), None)

    def send(self, method: str, path: str, body: Mapping[str, object] | None = None) -> Any:  # noqa: ANN401 - as above
        """Change something. Raises `ScenarioError` for what a scenario cannot say."""
        return json.loads(self._ask(method, path, {} if body is None and method != "DELETE" else body))

    def _ask(self, method: str, path: str, body: Mapping[str, object] | None) -> bytes:
        connection = getattr(self._mine, "connection", None)
        if connection is None:
            connection = self._mine.connection = self.connect()
            self._all.append(connection)
        try:
            answer: bytes = connection.ask(method, path, body)
        except RefusedError as refusal:
            raise refusal.for_people() from None
        return answer

    def close(self) -> None:
        """Hang up on every thread's connection."""
        while self._all:
            self._all.pop().close()
        self._mine = threading.local()


def at(path: str, **parameters: object) -> str:
    """Write a path with its query; `from_` is `from`, and what is None is left out."""
    named = {name.removesuffix("_"): value for name, value in parameters.items() if value is not None}
    return f"{path}?{urlencode(named)}" if named else path


def part(name: str) -> str:
    """Write a name as a part of a path."""
    return quote(name, safe="")
