"""Two servers on one PostgreSQL are one server, also when one of them is killed."""

from __future__ import annotations

import json
import os
import re
import signal
import smtplib
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from mailtrap_py.store import Store
from tests.postgresql import Databases

pytestmark = pytest.mark.slow

READY = re.compile(r"ready: smtp://127\.0\.0\.1:(\d+) +(http://\S+)/")


@dataclass
class Server:
    """A server, a process of its own."""

    process: subprocess.Popen[str]
    port: int
    url: str

    def send(self, number: int = 0, client: str = "bob") -> int:
        """Send a message; give the code of the reply that decided about it."""
        with smtplib.SMTP("127.0.0.1", self.port, timeout=30) as smtp:
            try:
                smtp.sendmail("ann@example.com", f"{client}@example.com", f"Subject: {number}\r\n\r\nHello\r\n")
            except smtplib.SMTPRecipientsRefused as refused:
                return next(iter(refused.recipients.values()))[0]
        return 250

    def ask(self, method: str, path: str, body: object = None) -> Any:  # noqa: ANN401 - JSON
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, {"Content-Type": "application/json"}, method=method)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)


@contextmanager
def serving(store: str, *words: str) -> Iterator[Server]:
    command = [sys.executable, "-m", "mailtrap_py", "serve", "--host", "127.0.0.1", "--store", store]
    command += ["--smtp-port", "0", "--smtps-port", "off", "--http-port", "0", *words]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env=os.environ | {"PYTHONPATH": ":".join(sys.path)}
    ) as process:
        assert process.stdout is not None
        try:
            for line in process.stdout:
                if ready := READY.search(line):
                    yield Server(process, int(ready[1]), ready[2])
                    break
        finally:
            process.kill()


@pytest.fixture
def url(postgresql: Databases) -> str:
    return postgresql()


@pytest.fixture
def two(url: str) -> Iterator[tuple[Server, Server]]:
    with serving(url) as one, serving(url) as other:
        yield one, other


def test_the_first_two_are_two_in_all_wherever_they_come(url: str) -> None:
    words = ("--scenario", "greylisting", "--param", "wait=1h")
    with serving(url, *words) as one, serving(url, *words) as other:
        assert [one.send(), other.send()] == [450, 450]
    with serving(url) as one, serving(url) as other:
        rule = {"id": "busy", "at": "rcpt", "count": {"times": 2}, "do": [{"reply": "450 4.2.0 Busy"}]}
        one.ask("POST", "/api/rules", rule)
        assert [other.send(), one.send(), other.send(), one.send()] == [450, 450, 250, 250]
        for server in (one, other):
            (state,) = server.ask("GET", "/api/rules")["items"]
            assert (state["id"], state["fired"]) == ("busy", 2)


def test_greylisting_remembers_who_was_at_the_other(url: str) -> None:
    words = ("--scenario", "greylisting", "--param", "wait=1s")
    with serving(url, *words) as one, serving(url, *words) as other:
        assert one.send() == 450
        deadline = time.monotonic() + 30
        while (code := other.send()) != 250:
            assert code == 450
            assert time.monotonic() < deadline


def test_a_wait_at_one_returns_for_mail_at_the_other(two: tuple[Server, Server]) -> None:
    one, other = two
    came: list[Any] = []

    def wait() -> None:
        came.append(one.ask("GET", "/api/messages/wait?to=bob@example.com&timeout=30s"))

    waiting = threading.Thread(target=wait)
    waiting.start()
    assert other.send(7) == 250
    waiting.join()
    assert [message["subject"] for message in came[0]["items"]] == ["7"]
    assert one.ask("GET", "/api/messages")["total"] == other.ask("GET", "/api/messages")["total"] == 1


def test_an_event_at_the_other_is_heard_at_once(two: tuple[Server, Server]) -> None:
    one, other = two
    with urllib.request.urlopen(f"{one.url}/api/events", timeout=30) as events:
        while next(events) != b": listening\n":
            pass
        assert other.send(7) == 250
        while next(events) != b"event: message\n":
            pass
        heard = [next(events) for _ in range(2)][1]
        assert json.loads(heard.removeprefix(b"data: "))["id"] == other.ask("GET", "/api/messages")["items"][0]["id"]


def test_whoever_answers_http_answers_for_both(two: tuple[Server, Server]) -> None:
    one, other = two
    scenario = {"name": "down", "rules": [{"at": "rcpt", "do": [{"reply": "421 4.3.2 Down"}]}]}
    one.ask("PUT", "/api/scenario", {"scenario": scenario})
    assert other.send() == 421
    assert other.ask("GET", "/api/scenario")["name"] == "down"
    other.ask("DELETE", "/api/scenario")
    assert one.send() == 250
    other.ask("DELETE", "/api/messages?all=true")
    assert one.ask("GET", "/api/messages")["total"] == 0


def test_a_server_that_is_killed_loses_nothing_that_it_acknowledged(url: str) -> None:
    acknowledged: list[str] = []

    def send(server: Server, name: int) -> None:
        try:
            with smtplib.SMTP("127.0.0.1", server.port, timeout=30) as smtp:
                for number in range(1000):
                    subject = f"{name}-{number}"
                    smtp.sendmail("ann@example.com", "bob@example.com", f"Subject: {subject}\r\n\r\n{'x' * 5000}\r\n")
                    acknowledged.append(subject)
        except (OSError, smtplib.SMTPException):
            pass

    with ExitStack() as stack:
        servers = [stack.enter_context(serving(url)) for _ in range(2)]
        threads = [threading.Thread(target=send, args=(servers[name % 2], name)) for name in range(4)]
        for thread in threads:
            thread.start()
        while len(acknowledged) < 100:
            assert all(thread.is_alive() for thread in threads)
        servers[0].process.send_signal(signal.SIGKILL)
        servers[0].process.wait()
        after = len(acknowledged) + 50
        while len(acknowledged) < after:  # the other goes on
            assert threads[1].is_alive()
        servers[1].process.send_signal(signal.SIGKILL)
        for thread in threads:
            thread.join()
    with closing(Store(url)) as store:
        found = store.messages(limit=10_000).items
        assert set(acknowledged) <= {message.subject for message in found}
        for message in found:
            raw = store.raw(message.id)
            assert raw == f"Subject: {message.subject}\r\n\r\n{'x' * 5000}\r\n".encode()
