"""A server at home, where it is not the same as elsewhere; the rest is tested in both homes, and by the handle."""

from __future__ import annotations

import smtplib
import threading
from collections.abc import Iterator

import pytest

from mailtrap_py import Mailtrap
from mailtrap_py.handle import PRIVATE
from mailtrap_py.handle.local import LocalHome
from mailtrap_py.store import Query
from tests.connected import PATIENCE
from tests.homes import send, until


@pytest.fixture
def trap() -> Iterator[Mailtrap]:
    with Mailtrap() as trap:
        yield trap


def test_a_named_inbox_is_where_the_ports_lead_to(trap: Mailtrap) -> None:
    trap.enter("mine")
    send(trap)
    with smtplib.SMTP_SSL(trap.host, trap.smtps_port or 0, context=trap.ssl_context()) as client:
        client.sendmail("ann@example.com", "bob@example.com", "Subject: SMTPS\n\n")

    assert [message.summary.inbox for message in trap.messages] == ["mine", "mine"]
    assert (trap.inbox.name, trap.user) == ("mine", "mine")
    trap.reset()
    assert (trap.inbox.name, trap.user, trap.password) == ("default", "default", "secret")


def test_without_smtps_there_is_one_port_to_lead() -> None:
    with Mailtrap(PRIVATE.changed(smtps_port=None)) as trap:
        trap.enter("mine")
        send(trap)
        assert trap.messages[0].summary.inbox == "mine"


def test_a_user_of_the_settings_may_log_in() -> None:
    with Mailtrap(PRIVATE.changed(users={"ann": "geheim"}, auth="required")) as trap:
        with smtplib.SMTP(trap.host, trap.port) as client:
            client.login(trap.user, trap.password)
        assert (trap.user, trap.password) == ("ann", "geheim")


def test_settling_waits_for_the_last_to_leave(trap: Mailtrap) -> None:
    client = smtplib.SMTP(trap.host, trap.port, timeout=PATIENCE)
    client.ehlo()
    assert not trap.home.settle(0.01)
    settled: list[bool] = []
    waiting = threading.Thread(target=lambda: settled.append(trap.home.settle(PATIENCE)))
    waiting.start()

    client.quit()
    waiting.join(PATIENCE)

    assert settled == [True]
    assert trap.sessions[0].ending == "quit"


def test_a_watch_gives_each_message_once(trap: Mailtrap) -> None:
    for subject in ("one", "two"):
        send(trap, subject=subject)
    with trap.home.watch(Query()) as watch:
        send(trap, subject="three")
        found = [watch.next(PATIENCE) for _ in range(3)]
        assert [one.subject for one in found if one is not None] == ["one", "two", "three"]
        assert watch.next(0.0) is None
        watch.cancel()
        assert watch.next(600) is None


def test_a_cancelled_wait_ends(trap: Mailtrap) -> None:
    found: list[object] = []
    with trap.home.watch(Query()) as watch:
        waiting = threading.Thread(target=lambda: found.append(watch.next(600)))
        waiting.start()
        until(waiting.is_alive)
        watch.cancel()
        waiting.join(PATIENCE)

    assert found == [None]


def test_it_is_at_home(trap: Mailtrap) -> None:
    assert isinstance(trap.home, LocalHome)
    assert trap.home.clock is trap.inbox.clock
