"""A scenario as a fixed conversation."""

from __future__ import annotations

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]  # it ships no types

from mailtrap_py.errors import ScenarioError
from mailtrap_py.scenario import CloseHow, Scenario, from_data, loads, schema
from mailtrap_py.scenario.script import End, Expected, Listen, ScriptPlayer, Send, Sleep, Step

EXAMPLE = r"""
script:
  - S: "220-mx.example ESMTP"
  - sleep: 2s
  - S: |
      220-mx.example
      220 ready
  - C: "/^EHLO /"
  - S: ["250-mx.example", "250 SIZE 1000"]
  - C: "MAIL FROM:<*>*"
  - S: {raw: "250 2.1.0 Ok\n\xff"}
  - C: data
  - C: {until: .}
  - close: reset
"""
VALIDATOR = Draft202012Validator(schema())


def player(*script: object) -> ScriptPlayer:
    steps = from_data({"script": list(script)}).script
    assert steps is not None
    return ScriptPlayer(steps)


def test_a_conversation() -> None:
    script = loads(EXAMPLE).script
    assert script is not None
    play = ScriptPlayer(script)

    assert play.turn() == Send(b"220-mx.example ESMTP\r\n")
    assert play.turn() == Sleep(2.0)
    assert play.turn() == Send(b"220-mx.example\r\n220 ready\r\n")
    assert play.turn() == play.turn() == Listen(Expected("/^EHLO /"))
    assert play.hear(b"HELO client\r\n") == "step 4 of the script expects '/^EHLO /', and the client said 'HELO client'"
    assert play.hear(b"EHLO client\r\n") == ""
    assert play.turn() == Send(b"250-mx.example\r\n250 SIZE 1000\r\n")
    assert play.hear(b"mail from:<a@x> SIZE=1\r\n") == ""
    assert play.turn() == Send(b"250 2.1.0 Ok\n\xff")
    assert play.hear(b"DATA\n") == ""
    assert [play.hear(line) for line in (b"Subject: x\r\n", b"\r\n", b"..\r\n")] == ["", "", ""]
    assert play.turn() == Listen(Expected(".", until=True))
    assert play.hear(b".\r\n") == ""
    assert play.turn() == play.turn() == End(CloseHow.RESET)


def test_behind_the_last_step_the_connection_ends() -> None:
    play = player({"S": 220})

    assert [play.turn(), play.turn()] == [Send(b"220\r\n"), End(CloseHow.FIN)]


def test_it_is_told_a_line_only_when_it_listens() -> None:
    with pytest.raises(ValueError, match="step 0 of the script does not listen"):
        player({"close": "fin"}).hear(b"x\r\n")


@pytest.mark.parametrize(
    ("text", "line", "matches"),
    [
        ("DATA", "data", True),
        ("DATA", "DATA now", False),
        ("MAIL FROM:<a/b@x>", "MAIL FROM:<a/b@x> SIZE=1", False),
        ("RCPT*", "rcpt to:<x>", True),
        ("/^QUIT$/", "QUIT", True),
        ("/^QUIT$/", "quit", False),
        ("", "", True),
    ],
)
def test_what_a_line_must_be(text: str, line: str, matches: bool) -> None:  # noqa: FBT001 - a parameter of the test
    assert Expected(text).matches(line) is matches


def test_it_can_be_made_in_python() -> None:
    step = Step(S=b"220 ready\r\n")

    assert Scenario(script=(step, Step(C=Expected("QUIT")))).script == (step, Step(C=Expected("QUIT")))


def test_it_says_what_it_expects() -> None:
    assert [str(Expected("DATA")), str(Expected(".", until=True))] == ["'DATA'", "anything until '.'"]


def test_it_survives_the_journey_through_plain_data() -> None:
    scenario = loads(EXAMPLE)

    assert from_data(scenario.as_data()) == scenario
    assert VALIDATOR.is_valid(scenario.as_data())


@pytest.mark.parametrize(
    ("script", "where", "problem"),
    [
        ([], "script", "an empty list is not enough"),
        ([{}], "script[0]", "a step is one thing, and this is none"),
        ([{"S": "220", "C": "EHLO"}], "script[0]", "a step is one thing, and this is S and C"),
        ([{"s": "220"}], "script[0].s", "unknown key 's' in 'script'"),
        ([{"S": []}], "script[0].S", "an empty list is not enough"),
        ([{"S": {"row": "x"}}], "script[0].S", "S is a line, a list of lines, or {raw: ...}"),
        ([{"S": {"raw": ""}}], "script[0].S", "'' is not a text"),
        ([{"S": "250 ${client}"}], "script[0].S", "nothing is filled in for ${client} in a script"),
        ([{"C": {"till": "."}}], "script[0].C", "C is a line or {until: ...}"),
        ([{"C": "/(/"}], "script[0].C", "/(/ is not a regular expression"),
        ([{"sleep": 2}], "script[0].sleep", "2 has no unit"),
        ([{"close": "rst"}], "script[0].close", "'rst' is none of the values of 'close'"),
        ([{"close": "fin"}, {"S": "250"}], "script[1]", "the connection is over by then"),
    ],
)
def test_mistakes(script: list[object], where: str, problem: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        from_data({"script": script})

    assert caught.value.where == where
    assert problem in str(caught.value)


def test_rules_or_a_script() -> None:
    with pytest.raises(ScenarioError, match="a scenario has rules or a script"):
        from_data({"rules": [{"at": "rcpt", "do": "close"}], "script": [{"S": "220"}]})
