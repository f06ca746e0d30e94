"""An event as matchers and counters read it."""

from __future__ import annotations

import ipaddress

import pytest

from mailtrap_py.events import Event, Point
from mailtrap_py.scenario.counting import Scope
from mailtrap_py.scenario.facts import Facts
from tests.scenario_data import message, rcpt


def test_the_message_is_read_once() -> None:
    facts = Facts(message())

    assert facts.view is facts.view
    assert facts.view.subject == "Your invoice"


@pytest.mark.parametrize(
    ("written", "address"),
    [
        ("10.1.2.3", "10.1.2.3"),
        ("::ffff:10.1.2.3", "10.1.2.3"),
        ("::1", "::1"),
    ],
)
def test_the_client_as_an_address(written: str, address: str) -> None:
    assert Facts(rcpt(client=written)).client == ipaddress.ip_address(address)


def test_a_client_that_is_no_address() -> None:
    assert Facts(rcpt(client="unix:/run/socket")).client is None


@pytest.mark.parametrize(
    ("scope", "of"),
    [
        (Scope.SESSION, "s1"),
        (Scope.CLIENT, "127.0.0.1"),
        (Scope.FROM, "Ann@example.com"),
        (Scope.TO, ("bob@example.com",)),
        (Scope.USER, "ann"),
    ],
)
def test_scopes(scope: Scope, of: object) -> None:
    event = rcpt("bob@EXAMPLE.com", session_id="s1", reverse_path="Ann@Example.COM", user="ann")

    assert Facts(event).scope(scope) == of


def test_the_scope_of_all_recipients() -> None:
    assert Facts(message(recipients=("a@X", "b@x"))).scope(Scope.TO) == ("a@x", "b@x")


def test_no_sender_is_as_the_null_sender() -> None:
    assert Facts(Event(point=Point.EHLO)).scope(Scope.FROM) == ""


def test_a_message_is_known_by_its_id_or_else_by_its_content() -> None:
    one, same, other = (Facts(message(content)).scope(Scope.MESSAGE_ID) for content in (b"a", b"a", b"b"))

    assert Facts(message()).scope(Scope.MESSAGE_ID) == "1@example.com"
    assert one == same != other
