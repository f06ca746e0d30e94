from __future__ import annotations

import dataclasses

import pytest

from mailtrap_py.inbox import Inbox, Inboxes
from mailtrap_py.scenario import ListenerHow
from mailtrap_py.settings import Settings
from mailtrap_py.smtp.service import AuthPolicy, Port, Service
from tests.connected import Book


def test_a_service_as_nobody_asked_for_anything_else() -> None:
    service = Service(record=Book(), inboxes=Inboxes())

    assert (service.hostname, service.auth, dict(service.users), service.inbox) == (
        "mailtrap.localhost",
        AuthPolicy.OPTIONAL,
        {},
        "default",
    )
    assert (service.tls, service.upstream) == (None, None)
    # RFC 5321, section 4.5.3.2.7: "at least 5 minutes"; section 4.5.3.1.7: 64K octets, and what is usual is more.
    assert service.command_timeout >= 300
    assert service.max_message_size >= 65536


def test_the_defaults_are_those_of_the_settings() -> None:
    service, settings = Service(record=Book(), inboxes=Inboxes()), Settings()

    assert (service.hostname, service.max_message_size, service.command_timeout, service.auth) == (
        settings.hostname,
        settings.max_message_size,
        settings.command_timeout,
        settings.auth,
    )


def test_where_nobody_listens_a_scenario_may_close_the_port() -> None:
    Service(record=Book(), inboxes=Inboxes()).listener(ListenerHow.REFUSE, 1.0, Inbox())


def test_a_service_does_not_change() -> None:
    service = Service(record=Book(), inboxes=Inboxes())
    with pytest.raises(dataclasses.FrozenInstanceError):
        service.hostname = "other"  # type: ignore[misc]


@pytest.mark.parametrize(("port", "protocol"), [(Port(25), "smtp"), (Port(465, implicit_tls=True), "smtps")])
def test_a_port_has_a_word_for_its_protocol(port: Port, protocol: str) -> None:
    assert port.protocol == protocol
