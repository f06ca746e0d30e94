"""The shipped scenarios: each one loads, keeps to the schema, explains itself, and does what it says."""

from __future__ import annotations

import random
import re
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]  # it ships no types

from mailtrap_py.events import Event, Point
from mailtrap_py.scenario import Director, ScenarioClass, library, load, schema
from mailtrap_py.scenario.quantities import parse_duration
from tests.scenario_data import message, rcpt

NAMES = library.names()
DIALOGS = Path(__file__).with_name("dialogs")
VALIDATOR = Draft202012Validator(schema())
MAIL = Event(point=Point.MAIL, reverse_path="ann@example.com", client="127.0.0.1", verb="MAIL")
DATA = Event(point=Point.DATA, reverse_path="ann@example.com", recipients=("bob@example.com",), verb="DATA")
AUTH = Event(point=Point.AUTH, verb="AUTH", mechanism="PLAIN")
CONNECT = Event(point=Point.CONNECT, client="127.0.0.1")


class Play:
    """A shipped scenario at work, with a clock that the test moves."""

    def __init__(self, name: str, **params: object) -> None:
        self.now = 0.0
        scenario = load(name, params=params)
        self.director = Director(scenario, now=lambda: self.now, dice=random.Random(1))

    def does(self, event: Event) -> list[str]:
        decision = self.director.decide(event)
        return [action.describe() for action in decision.actions] if decision else []

    def says(self, *events: Event) -> list[str]:
        """Give what is answered to each, up to the code of a reply."""
        return [" ".join(self.does(event))[: len("reply: 450")] for event in events]


def text_of(name: str) -> str:
    return library.path_of(name).read_text("utf-8")


@pytest.mark.parametrize("name", NAMES)
def test_it_loads_under_its_name(name: str) -> None:
    scenario = load(name)

    assert scenario.name == name
    assert scenario.summary.endswith(".")
    assert scenario.imitates
    assert scenario.class_ in ScenarioClass
    assert "class_" in scenario.model_fields_set, "legal, seen or hostile: it is for the author to say"
    assert scenario.rules or scenario.begin
    assert scenario.expect


@pytest.mark.parametrize("name", NAMES)
def test_it_keeps_to_the_schema(name: str) -> None:
    # PyYAML's own reader, not ours: what any editor would see.
    VALIDATOR.validate(yaml.safe_load(text_of(name)))


@pytest.mark.parametrize("name", NAMES)
def test_it_begins_with_words_for_people(name: str) -> None:
    comment = re.match(r"(?:#.*\n)+", text_of(name))

    assert comment is not None
    for words in ("The client sees ", "Who does this: ", "A correct client "):
        assert f"# {words}" in comment[0]


@pytest.mark.parametrize("name", NAMES)
def test_its_rules_have_names(name: str) -> None:
    assert not [rule.id for rule in load(name).rules if re.fullmatch(r"rule-\d+", rule.id)]


@pytest.mark.parametrize("name", NAMES)
def test_its_comment_is_about_it(name: str) -> None:
    # RFC 5321 is what makes a client a correct one; a scenario that judges names the section.
    text = text_of(name)

    assert re.search(r"RFC \d+, sections? \d", text.replace("\n# ", " "))
    assert len(text.splitlines()) >= 15
    assert max(map(len, text.splitlines())) <= 120


@pytest.mark.parametrize("name", NAMES)
def test_a_dialog_shows_it_on_the_wire(name: str) -> None:
    # Played by tests/test_dialogs.py, which also holds the dialog against what the scenario expects.
    head = (DIALOGS / f"library-{name}.txt").read_text("utf-8").partition("\n---\n")[0]

    assert yaml.safe_load(head)["library"] == name


def test_there_are_many() -> None:
    assert len(NAMES) >= 50


def test_every_class_is_there() -> None:
    assert {load(name).class_ for name in NAMES} == set(ScenarioClass)


@pytest.mark.parametrize("name", NAMES)
def test_every_param_can_be_set(name: str) -> None:
    scenario = load(name)

    assert load(name, params=scenario.params) == scenario


@pytest.mark.parametrize("name", NAMES)
def test_its_waits_are_short(name: str) -> None:
    waits = [value for value in map(str, load(name).params.values()) if re.fullmatch(r"\d+(ms|[smhd])", value)]

    assert all(parse_duration(wait) <= 30 for wait in waits), "minutes are for the comment"


def test_service_unavailable() -> None:
    play = Play("service-unavailable")

    assert play.says(CONNECT, CONNECT, CONNECT) == ["reply: 421", "reply: 421", ""]


def test_shutting_down() -> None:
    play = Play("shutting-down")

    assert play.says(MAIL, rcpt(), DATA, DATA) == ["", "", "reply: 421", ""]
    assert Play("shutting-down", command="any").says(MAIL, MAIL) == ["reply: 421", ""]


def test_mailbox_busy() -> None:
    play = Play("mailbox-busy", recipient="bob@*")
    zoe = rcpt("zoe@example.com")

    assert play.says(rcpt(), zoe, rcpt(), rcpt()) == ["reply: 450", "", "reply: 450", ""]


def test_insufficient_storage() -> None:
    assert Play("insufficient-storage").says(MAIL, MAIL, MAIL) == ["reply: 452", "reply: 452", ""]


def test_too_many_recipients() -> None:
    play = Play("too-many-recipients")
    accepted: tuple[str, ...] = ()
    said = []
    for number in range(4):
        answer = play.does(rcpt(f"{number}@example.com", recipients=accepted, index=number + 1))
        said.append(bool(answer))
        accepted += () if answer else (f"{number}@example.com",)

    assert said == [False, False, True, True]


def test_no_such_user() -> None:
    assert Play("no-such-user").says(rcpt(index=1), rcpt(index=2), rcpt(index=3)) == ["", "reply: 550", ""]
    by_address = Play("no-such-user", recipient="bob@*", nth=">= 1")
    assert by_address.says(rcpt("zoe@example.com"), rcpt()) == ["", "reply: 550"]


def test_greylisting() -> None:
    play = Play("greylisting", wait="5m")

    assert play.says(rcpt(), rcpt("postmaster@example.com")) == ["reply: 450", ""]
    play.now = 299.0
    assert play.says(rcpt(), rcpt("zoe@example.com")) == ["reply: 450", "reply: 450"]
    play.now = 300.0
    assert play.says(rcpt(), rcpt("zoe@example.com")) == ["", "reply: 450"]


def test_timeout_greeting() -> None:
    play = Play("timeout-greeting")

    assert play.does(CONNECT) == ["stall: {max: 30s, name: greeting}"]
    assert play.does(CONNECT) == []


def test_timeout_final_dot() -> None:
    play = Play("timeout-final-dot")

    assert play.does(message()) == ["stall: {max: 30s, name: final-dot}"]
    assert play.does(message()) == []


def test_reset_during_data() -> None:
    play = Play("reset-during-data")

    assert play.does(message()) == ["close: reset"]
    assert play.does(message()) == []


def test_lost_250() -> None:
    play = Play("lost-250")

    assert play.does(message()) == ["accept", "close: reset"]
    assert play.does(message()) == []


def test_bad_credentials() -> None:
    assert Play("bad-credentials").says(AUTH, AUTH, AUTH) == ["reply: 535"] * 3


def test_auth_unavailable() -> None:
    play = Play("auth-unavailable", wait="10s")

    assert play.says(AUTH, AUTH) == ["reply: 454", "reply: 454"]
    play.now = 10.0
    assert play.says(AUTH) == [""]


def test_content_rejected() -> None:
    assert Play("content-rejected").says(message(), message(b"")) == ["reply: 554", "reply: 554"]
    assert Play("content-rejected", subject="spam").says(message()) == [""]


def test_slow_replies() -> None:
    play = Play("slow-replies", median="1s")

    for event in (CONNECT, MAIL, rcpt(), DATA, message(), Event(point=Point.QUIT)):
        [delay] = play.does(event)
        assert delay.startswith("delay: ")


def test_hammering() -> None:
    play = Play("hammering", tries=2, wait="1s", window="30s")

    assert play.says(MAIL, MAIL, MAIL) == ["reply: 421", "reply: 421", "reply: 553"]
    patient = Play("hammering", tries=2, wait="1s", window="30s")
    assert patient.says(MAIL) == ["reply: 421"]
    patient.now = 1.0
    assert patient.says(MAIL) == [""]


def test_mixed_chaos_deals_exactly() -> None:
    play = Play("mixed-chaos", busy="1 of 100", deferred="3 of 100", lost="1 of 100")

    assert sum("421" in said for said in play.says(*[CONNECT] * 300)) == 3
    assert sum("451" in said for said in play.says(*[rcpt()] * 300)) == 9
    assert sum(said[0] == "accept" for said in map(play.does, [message()] * 300)) == 3


def test_idle_451_begins_anew_with_the_next_connection() -> None:
    play = Play("idle-451", after="10s")

    assert play.does(Event(point=Point.IDLE, silent=9.0)) == []
    assert play.does(Event(point=Point.IDLE, silent=10.0)) == ["set: {state: stale}"]
    assert play.does(MAIL)[1].startswith("reply: 451 4.4.2 ")
    assert play.does(MAIL) == []


def test_rolling_restart_ends_with_the_first_that_can_connect() -> None:
    play = Play("rolling-restart")
    noop = Event(point=Point.NOOP, verb="NOOP")

    assert play.does(DATA)[1] == "listener: refuse (for 1s)"
    assert play.says(noop, noop) == ["reply: 421", "reply: 421"]
    assert play.does(CONNECT) == ["set: {state: up}"]
    assert play.says(noop, DATA) == ["", ""]
