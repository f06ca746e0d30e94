"""Both homes of a handle: a trap in this process, and one that is asked over HTTP. What holds in one holds in both."""

from __future__ import annotations

import contextlib
import smtplib
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from mailtrap_py import Mailtrap
from tests.connected import PATIENCE

ANN, BOB, EVE = "ann@example.com", "bob@example.com", "eve@example.com"
BUSY = "450 4.2.0 Busy"


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[Mailtrap]:
    """Give a server whose address is all that is used of it."""
    with Mailtrap() as server:
        yield server


@pytest.fixture(params=["here", "elsewhere"])
def trap(request: pytest.FixtureRequest) -> Iterator[Mailtrap]:
    """Give a handle in each of its homes."""
    home = Mailtrap() if request.param == "here" else Mailtrap.at(request.getfixturevalue("elsewhere").url)
    with home as handle:
        yield handle


def send(
    trap: Mailtrap, *to: str, sender: str = ANN, subject: str = "Hello", text: str = "Hello", fields: str = ""
) -> dict[str, tuple[int, bytes]]:
    """Send a message as an application does."""
    with smtplib.SMTP(trap.host, trap.port, local_hostname="app", timeout=PATIENCE) as client:
        mail = f"From: {sender}\nSubject: {subject}\n{fields}\n{text}\n"
        return client.sendmail(sender, to or (BOB,), mail)


def fates(trap: Mailtrap, number: int, *to: str) -> list[int]:
    """Send so many messages; tell how each was answered: 250, or the code of the refusal, 0 for a lost connection."""

    def once() -> int:
        try:
            send(trap, *to)
        except smtplib.SMTPRecipientsRefused as refused:
            return next(iter(refused.recipients.values()))[0]
        except smtplib.SMTPResponseException as refused:
            return refused.smtp_code
        except (smtplib.SMTPServerDisconnected, ConnectionError):
            return 0
        return 250

    return [once() for _ in range(number)]


@contextlib.contextmanager
def in_background(work: Callable[[], object]) -> Iterator[Future[object]]:
    """Do it on a thread; what it raises is raised at the end."""
    with ThreadPoolExecutor(1) as pool:
        doing = pool.submit(work)
        yield doing
        doing.result(PATIENCE)


def until(condition: Callable[[], object]) -> None:
    """Wait for what has no event of its own."""
    never = threading.Event()
    for _ in range(int(PATIENCE / 0.001)):
        if condition():
            return
        never.wait(0.001)
    pytest.fail("it never came to that")
