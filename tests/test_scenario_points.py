"""What is known where."""

from __future__ import annotations

from mailtrap_py.events import Event, Point
from mailtrap_py.scenario.match import When
from mailtrap_py.scenario.points import COMMANDS, KNOWN, NAMES, fill, names_of
from tests.scenario_data import message, rcpt


def test_every_point_is_described() -> None:
    assert set(KNOWN) == set(Point)


def test_every_matcher_is_known_somewhere() -> None:
    matchers = {field.alias or name for name, field in When.model_fields.items()} - {"all", "any", "not"}

    assert set().union(*KNOWN.values()) == matchers | {"message_id"}


def test_any_knows_what_some_command_knows() -> None:
    assert KNOWN[Point.ANY] == frozenset().union(*(KNOWN[point] for point in COMMANDS - {Point.ANY}))


def test_names_at_a_recipient() -> None:
    event = rcpt(
        helo="client.example.com", user="ann", mechanism="PLAIN", session_number=2, message_number=3,
        recipients=("zoe@example.com",), mail_parameters={"SIZE": "1000"},
    )  # fmt: skip

    assert names_of(event) == {
        "client": "127.0.0.1",
        "inbox": "default",
        "session_number": "2",
        "verb": "RCPT",
        "helo": "client.example.com",
        "user": "ann",
        "mechanism": "PLAIN",
        "message_number": "3",
        "from": "ann@example.com",
        "size": "1000",
        "to": "bob@example.com",
        "index": "1",
        "recipients": "1",
    }


def test_names_where_little_is_known() -> None:
    names = names_of(Event(point=Point.CONNECT))

    assert set(names) == set(NAMES)
    assert (names["from"], names["to"], names["size"]) == ("", "", "")


def test_names_at_a_message() -> None:
    names = names_of(message(b"12345", recipients=("a@x", "b@x")))

    assert (names["to"], names["size"]) == ("a@x, b@x", "5")


def test_what_is_not_given_stays_as_written() -> None:
    assert fill("${to} ${other} $to ${}", {"to": "bob@x"}) == "bob@x ${other} $to ${}"
