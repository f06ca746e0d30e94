"""A server that is killed a hundred times while mail comes in: every message that got a 250 is there, and is whole."""

from __future__ import annotations

import itertools
import random
import signal
import smtplib
import threading
from contextlib import closing
from pathlib import Path

import pytest

from mailtrap_py.store import Query, Store
from tests.test_replicas import Server, serving

KILLS = 100
CLIENTS = 4


class Sender:
    """A client that sends one message after the other, and notes which got a 250."""

    def __init__(self, name: int) -> None:
        """Begin with nothing sent."""
        self._name = name
        self._numbers = itertools.count(1)
        self.sent: set[str] = set()
        self.acknowledged: set[str] = set()

    def send(self, server: Server, some: threading.Semaphore) -> None:
        """Send until the server is gone."""
        try:
            with smtplib.SMTP("127.0.0.1", server.port, timeout=30) as smtp:
                for number in self._numbers:
                    subject = f"{self._name}-{number}"
                    self.sent.add(subject)
                    smtp.sendmail("ann@example.com", "bob@example.com", content(subject))
                    self.acknowledged.add(subject)
                    some.release()
        except (OSError, smtplib.SMTPException):
            some.release(CLIENTS)  # nobody is to wait for this one any more


def content(subject: str) -> str:
    return f"Subject: {subject}\r\n\r\n{f'{subject} ' * 400}\r\n"


def check(url: str, senders: list[Sender]) -> None:
    acknowledged = set().union(*(sender.acknowledged for sender in senders))
    sent = set().union(*(sender.sent for sender in senders))
    with closing(Store(url)) as store:
        found = store.messages(limit=1_000_000).items
        subjects = {message.subject for message in found}
        assert acknowledged <= subjects <= sent
        assert len(subjects) == len(found)
        for message in found:
            assert store.raw(message.id) == content(message.subject).encode()
        for subject in random.sample(sorted(acknowledged), 10):
            (one,) = store.messages(Query(text=f"{subject} {subject}")).items
            assert one.subject == subject


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_server_that_is_killed_a_hundred_times_loses_nothing_it_acknowledged(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'mail.db'}"
    dice = random.Random(9)
    senders = [Sender(name) for name in range(CLIENTS)]
    for kill in range(1, KILLS + 1):
        with serving(url, "--keep-messages", "off") as server:
            some = threading.Semaphore(0)
            threads = [threading.Thread(target=sender.send, args=(server, some)) for sender in senders]
            for thread in threads:
                thread.start()
            for _ in range(dice.randint(1, 60)):
                some.acquire()
            server.process.send_signal(signal.SIGKILL)
            for thread in threads:
                thread.join()
        if kill % 25 == 0:
            check(url, senders)
