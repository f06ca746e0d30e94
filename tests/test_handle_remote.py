"""A server elsewhere, where it is not the same as one in process; the rest is tested in both homes."""

from __future__ import annotations

import smtplib
import socket
from typing import NoReturn

import pytest

from mailtrap_py import Mailtrap
from mailtrap_py.errors import ScenarioError, SettingError
from mailtrap_py.handle import remote
from mailtrap_py.handle.http import RefusedError
from mailtrap_py.handle.remote import RemoteHome
from tests.connected import PATIENCE
from tests.homes import ANN, BOB, BUSY, elsewhere, fates, send

__all__ = ["elsewhere"]  # a fixture


def inboxes(server: Mailtrap) -> list[str]:
    return [inbox.name for inbox in server.trap.inboxes]


def test_each_has_an_inbox_and_a_port_of_its_own(elsewhere: Mailtrap) -> None:
    with Mailtrap.at(elsewhere.url) as one, Mailtrap.at(elsewhere.url) as other:
        assert len({one.port, other.port, elsewhere.port, one.smtps_port, other.smtps_port}) == 5
        one.fail("rcpt", BUSY)
        with one.down():
            send(other)
        assert fates(one, 1) == [450]
        assert (len(one.sessions), len(other.messages), one.messages) == (1, 1, [])
        assert other.user == other.home.inbox

    assert inboxes(elsewhere) == ["default"]


def test_a_reset_is_a_new_inbox_on_the_same_port(elsewhere: Mailtrap) -> None:
    with Mailtrap.at(elsewhere.url) as trap:
        port, before = trap.port, trap.home.inbox
        with smtplib.SMTP(trap.host, trap.port, timeout=PATIENCE) as late:
            late.ehlo()

            trap.reset()

            assert late.getreply()[0] == 421  # who came before does not stay
            late.close()
        assert (trap.port, trap.sessions, trap.messages) == (port, [], [])
        assert trap.home.inbox != before
        assert before not in inboxes(elsewhere)


def test_a_named_inbox_is_entered_and_left(elsewhere: Mailtrap) -> None:
    with Mailtrap.at(elsewhere.url) as trap:
        trap.enter("mine")
        send(trap)
        assert (trap.user, [message.summary.inbox for message in trap.messages]) == ("mine", ["mine"])
        trap.enter("mine")
        assert len(trap.messages) == 1

        trap.reset()

        assert "mine" not in inboxes(elsewhere)


def test_without_a_port_of_its_own_it_is_the_default_inbox(elsewhere: Mailtrap) -> None:
    with Mailtrap.at(elsewhere.url, smtp=f"{elsewhere.host}:{elsewhere.port}") as trap:
        assert (trap.port, trap.home.inbox) == (elsewhere.port, "default")
        trap.fail("rcpt", BUSY)
        assert fates(trap, 1) == [450]

        trap.reset()

        assert fates(trap, 1) == [250]
        assert len(trap.messages) == 1
        with pytest.raises(ScenarioError, match="cannot be closed for it"):
            trap.down()


def test_of_several_without_ports_each_has_a_login(elsewhere: Mailtrap) -> None:
    smtp = f"{elsewhere.host}:{elsewhere.port}"
    with (
        Mailtrap.at(elsewhere.url, smtp=smtp, worker="gw0") as one,
        Mailtrap.at(elsewhere.url, smtp=smtp, worker="gw1") as other,
    ):
        with smtplib.SMTP(one.host, one.port, timeout=PATIENCE) as client:
            client.login(one.user, one.password)
            client.sendmail(ANN, BOB, "Subject: Hello\n\n")
        assert (len(one.messages), other.messages) == (1, [])
        one.reset()
        assert one.messages == []


def test_ports_that_cannot_be_reached_are_given_back(elsewhere: Mailtrap, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote, "_answers", lambda *_: False)
    with Mailtrap.at(elsewhere.url) as trap:
        assert (trap.port, trap.smtps_port) == (elsewhere.port, elsewhere.smtps_port)


def test_a_server_that_has_no_ports_to_give_is_used_all_the_same(
    elsewhere: Mailtrap, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mailtrap_py.web import api_ports  # noqa: PLC0415 - the server's side

    monkeypatch.setattr(api_ports, "MOST_PORTS", 1)
    with Mailtrap.at(elsewhere.url) as trap:
        assert trap.port == elsewhere.port


def test_whether_a_port_answers() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        address = listening.getsockname()
        assert remote._answers(*address)  # noqa: SLF001 - what the fallback hangs on

    assert not remote._answers(*address)  # noqa: SLF001 - the same


def test_a_rule_that_cannot_be_removed_is_said(elsewhere: Mailtrap, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> NoReturn:
        raise RuntimeError("out of order")

    with Mailtrap.at(elsewhere.url) as trap:
        trap.home.remove_rule("none")
        with monkeypatch.context() as patched:
            patched.setattr(elsewhere.trap.inboxes, "get", broken)
            with pytest.raises(RefusedError, match="500"):
                trap.home.remove_rule("none")


def test_nobody_there_is_said() -> None:
    with pytest.raises(SettingError, match="no mail trap answers"):
        Mailtrap.at("http://127.0.0.1:1").start()


def test_before_the_start_and_after_the_end_there_is_nothing_to_ask(elsewhere: Mailtrap) -> None:
    trap = Mailtrap.at(elsewhere.url)
    trap.close()
    for use in (lambda: trap.messages, lambda: trap.port, lambda: trap.wait_for(timeout=0), trap.reset):
        with pytest.raises(RuntimeError, match="not running"):
            use()
    trap.start()
    trap.start()
    trap.close()
    with pytest.raises(RuntimeError, match="not running"):
        trap.reset()


def test_a_server_that_goes_before_us_is_no_error() -> None:
    with Mailtrap() as server:
        trap = Mailtrap.at(server.url).start()
    trap.close()


def test_an_inbox_that_somebody_else_removed_is_no_error(elsewhere: Mailtrap) -> None:
    with Mailtrap.at(elsewhere.url) as trap:
        home = trap.home
        assert isinstance(home, RemoteHome)
        elsewhere.trap.inboxes.remove(home.inbox)

        trap.reset()

        send(trap)
        assert len(trap.messages) == 1


def test_what_is_in_another_process_cannot_be_had(elsewhere: Mailtrap) -> None:
    with Mailtrap.at(elsewhere.url) as trap:
        for get in (lambda: trap.trap, lambda: trap.inbox):
            with pytest.raises(RuntimeError, match="is in another process"):
                get()
        assert repr(trap) == f"<Mailtrap at 127.0.0.1:{trap.port}>"
        assert trap.url == elsewhere.url
        assert trap.authority_pem == elsewhere.authority_pem
