"""What it takes to meet a fault."""

from __future__ import annotations

from typing import Any

import pytest

from mailtrap_py.errors import ScenarioError
from mailtrap_py.scenario.load import from_data
from mailtrap_py.scenario.needs import ONE, Needs


def needs(**data: Any) -> Needs:  # noqa: ANN401 - what a file may say
    return from_data({"needs": data}).needs


def test_nothing_is_needed_where_nothing_is_said() -> None:
    nothing = from_data({}).needs
    assert nothing == Needs()
    assert nothing.recipients == ONE
    assert nothing.describe() == ""
    assert nothing.environment == {
        "SMTP_TO": "bob@example.com",
        "SMTP_MESSAGES": "1",
        "SMTP_PAUSE": "0",
        "SMTP_CONNECTIONS": "1",
    }


def test_a_command_is_told_in_its_environment() -> None:
    told = needs(recipients=["ann@x", "bob@x"], messages=3, pause="1500ms", connections=4).environment
    assert told == {"SMTP_TO": "ann@x,bob@x", "SMTP_MESSAGES": "3", "SMTP_PAUSE": "1.5", "SMTP_CONNECTIONS": "4"}


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"messages": 2}, "2 messages over one connection (SMTP_MESSAGES)"),
        (
            {"messages": 2, "pause": "3s"},
            "2 messages over one connection with pauses of 3s (SMTP_MESSAGES, SMTP_PAUSE)",
        ),
        ({"connections": 4}, "4 connections at once (SMTP_CONNECTIONS)"),
        ({"recipients": ["a@x", "b@x"]}, "a message to 2 recipients (SMTP_TO)"),
        (
            {"messages": 2, "recipients": ["a@x", "b@x"]},
            "2 messages over one connection to 2 recipients (SMTP_MESSAGES, SMTP_TO)",
        ),
        ({"recipients": "a@x"}, ""),
    ],
)
def test_people_are_told_in_words(data: dict[str, Any], words: str) -> None:
    assert needs(**data).describe() == words


@pytest.mark.parametrize(
    "data", [{"messages": 0}, {"connections": 101}, {"recipients": []}, {"pause": 3}, {"mesages": 2}]
)
def test_what_nobody_can_do_is_a_mistake(data: dict[str, Any]) -> None:
    with pytest.raises(ScenarioError):
        needs(**data)


def test_what_is_written_out_can_be_read_again() -> None:
    scenario = from_data({"needs": {"messages": 2, "pause": "3s"}})
    assert from_data(scenario.as_data()) == scenario
