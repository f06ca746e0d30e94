"""Rules in Python, in both homes."""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Callable
from typing import get_args

import pytest

from mailtrap_py import Mailtrap
from mailtrap_py.errors import ScenarioError
from mailtrap_py.events import Point
from mailtrap_py.handle import Rule
from mailtrap_py.scenario import TlsFault
from mailtrap_py.scenario.actions import ACTIONS
from tests.connected import PATIENCE
from tests.homes import ANN, BOB, BUSY, EVE, elsewhere, fates, in_background, send, trap

__all__ = ["elsewhere", "trap"]  # fixtures

METHODS = {"pass": "pass_", "set": "set_state"}  # where a word is Python's own


def test_every_action_has_a_method() -> None:
    assert [key for key in ACTIONS if not callable(getattr(Rule, METHODS.get(key, key), None))] == []


def test_every_tls_fault_is_typed() -> None:
    assert set(get_args(get_type(Rule.tls, "fault"))) == set(TlsFault)


def get_type(method: Callable[..., object], name: str) -> object:
    from typing import Literal, get_type_hints  # noqa: PLC0415 - the names of the annotation

    hints = {"Firing": object, "Literal": Literal, "Self": object}
    return get_type_hints(method, localns=hints)[name]


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda rule: rule.reply(BUSY), [{"reply": BUSY}]),
        (lambda rule: rule.reply("450-4.2.0 One", "450 4.2.0 Two"), [{"reply": ["450-4.2.0 One", "450 4.2.0 Two"]}]),
        (lambda rule: rule.reply("421 4.3.2 Bye", stay=True), [{"reply": "421 4.3.2 Bye", "stay": True}]),
        (lambda rule: rule.delay("2s").reply(BUSY), [{"delay": "2s"}, {"reply": BUSY}]),
        (lambda rule: rule.delay({"uniform": ["1s", "2s"]}), [{"delay": {"uniform": ["1s", "2s"]}}]),
        (lambda rule: rule.stall(), [{"stall": {"max": "10m"}}]),
        (lambda rule: rule.stall(max="1s", name="gate"), [{"stall": {"max": "1s", "name": "gate"}}]),
        (lambda rule: rule.close("reset"), [{"close": "reset"}]),
        (lambda rule: rule.lose_reply(), [{"close": "reset"}]),
        (lambda rule: rule.raw("25"), [{"raw": "25"}]),
        (lambda rule: rule.drip("1s", octets=2), [{"drip": {"bytes": 2, "every": "1s"}}]),
        (lambda rule: rule.split(1, 3), [{"split": {"at": [1, 3]}}]),
        (lambda rule: rule.line_end("lf"), [{"line_end": "lf"}]),
        (lambda rule: rule.truncate(5), [{"truncate": {"at": 5}}]),
        (lambda rule: rule.duplicate(), ["duplicate"]),
        (lambda rule: rule.hold(), ["hold"]),
        (lambda rule: rule.before("250 What"), [{"before": "250 What"}]),
        (lambda rule: rule.ehlo(remove="STARTTLS"), [{"ehlo": {"remove": ["STARTTLS"]}}]),
        (lambda rule: rule.ehlo(set=[], lie=True), [{"ehlo": {"set": []}, "lie": True}]),
        (lambda rule: rule.ehlo(add=["SIZE 9"]), [{"ehlo": {"add": ["SIZE 9"]}}]),
        (lambda rule: rule.listener("pause"), [{"listener": "pause"}]),
        (lambda rule: rule.listener("refuse", for_="1s"), [{"listener": "refuse", "for": "1s"}]),
        (lambda rule: rule.note("look"), [{"note": "look"}]),
        (lambda rule: rule.pass_(), ["pass"]),
        (lambda rule: rule.set_state("down"), [{"set": {"state": "down"}}]),
        (lambda rule: rule.do("duplicate", BUSY), ["duplicate", {"reply": BUSY}]),
    ],
)
def test_what_is_said_is_what_yaml_says(make: Callable[[Rule], Rule], said: list[object]) -> None:
    with Mailtrap() as trap:
        assert make(trap.rule("rcpt")).data["do"] == said


@pytest.mark.parametrize(
    ("at", "make", "said"),
    [
        ("message", lambda rule: rule.lose_reply(), ["accept", {"close": "reset"}]),
        ("message", lambda rule: rule.accept().close(), ["accept", {"close": "fin"}]),
        ("message", lambda rule: rule.discard(), ["discard"]),
        ("data", lambda rule: rule.read(), [{"read": "stop"}]),
        ("data", lambda rule: rule.read("1KB/s"), [{"read": {"rate": "1KB/s"}}]),
        (["tls", "starttls"], lambda rule: rule.tls("expired"), [{"tls": "expired"}]),
    ],
)
def test_what_belongs_to_one_point(at: str, make: Callable[[Rule], Rule], said: list[object]) -> None:
    with Mailtrap() as trap:
        assert make(trap.rule(at)).data["do"] == said  # type: ignore[arg-type]  # a list of points, too


def test_a_rule_acts_and_is_a_spy(trap: Mailtrap) -> None:
    rule = trap.rule(at="rcpt", to="*@example.com", times=2).reply(BUSY)
    assert (rule.fired, rule.last, rule.sessions) == (0, None, [])
    assert rule.nearest_miss == "no session came to rcpt"

    assert fates(trap, 3) == [450, 450, 250]

    assert rule.fired == 2
    assert rule.nearest_miss == ""
    assert [session.helo for session in rule.sessions] == ["app", "app"]
    assert rule.last is not None
    assert (rule.last.point, rule.last.number, rule.last.actions) == (Point.RCPT, 2, (f"reply: {BUSY}",))
    assert [firing.number for firing in rule.firings] == [1, 2]
    assert repr(rule).startswith("<Rule added-1 {'id': 'added-1', ")


def test_nothing_happens_before_the_first_action(trap: Mailtrap) -> None:
    rule = trap.rule(at="rcpt")

    assert fates(trap, 1) == [250]
    assert (rule.fired, rule.nearest_miss, trap.rules) == (0, "", ())
    assert dict(trap.unfired()) == {"added-1": "it does nothing; say what, as in .reply('450 4.2.1 Busy')"}


def test_a_further_action_is_one_more(trap: Mailtrap) -> None:
    rule = trap.rule(at="rcpt").delay("1ms")
    assert fates(trap, 1) == [250]

    rule.reply(BUSY)

    assert fates(trap, 1) == [450]
    assert rule.fired == 2


def test_what_makes_no_sense_changes_nothing(trap: Mailtrap) -> None:
    rule = trap.rule(at="rcpt").reply(BUSY)
    wrongs: list[Callable[[], object]] = [
        lambda: rule.delay("soon"),
        rule.accept,
        lambda: trap.rule(at="rcpt", times=0).close(),
    ]
    for wrong in wrongs:
        with pytest.raises(ScenarioError):
            wrong()

    assert rule.data["do"] == [{"reply": BUSY}]
    assert [view.id for view in trap.rules] == ["added-1"]


def test_a_name_that_is_taken_is_refused(trap: Mailtrap) -> None:
    trap.fail("rcpt", BUSY, id="busy")

    with pytest.raises(ScenarioError, match="there is a rule 'busy' already"):
        trap.fail("mail", BUSY, id="busy")


def test_the_latest_rule_is_asked_first(trap: Mailtrap) -> None:
    trap.fail("rcpt", BUSY)
    with trap.fail("rcpt", "550 5.1.1 No", to=BOB):
        assert fates(trap, 1) == [550]

    assert fates(trap, 1) == [450]


def test_what_a_rule_did_stays_known_when_it_is_gone(trap: Mailtrap) -> None:
    with trap.fail("rcpt", BUSY) as rule:
        fates(trap, 2)
    assert (rule.fired, len(rule.sessions)) == (2, 2)
    rule.remove()

    trap.reset()

    assert rule.fired == 2


def test_rules_outlive_a_scenario(trap: Mailtrap) -> None:
    rule = trap.fail("rcpt", BUSY, to=EVE)
    assert fates(trap, 1, EVE) == [450]

    with trap.scenario({"name": "full", "rules": [{"at": "mail", "do": [{"reply": "452 4.3.1 Full"}]}]}):
        assert fates(trap, 1, EVE) == [452]

    assert fates(trap, 1, EVE) == [450]
    assert rule.fired == 2
    assert [*trap.unfired()] == []


def test_rules_that_never_fired_are_named(trap: Mailtrap) -> None:
    trap.fail("rcpt", BUSY, to="eve@*")
    trap.fail("auth", "535 5.7.8 No", optional=True)
    send(trap)
    trap.home.remove_rule("gone")
    trap.fail("quit", "250 2.0.0 Hm", id="gone")
    trap.home.remove_rule("gone")

    assert dict(trap.unfired()) == {
        "added-1": "to is 'bob@example.com', not 'eve@*'",
        "gone": "it was taken away",
    }


def test_a_lost_reply_is_of_a_message_that_is_stored(trap: Mailtrap) -> None:
    trap.rule("message", times=1).lose_reply()

    assert fates(trap, 2) == [0, 250]

    assert len(trap.messages) == 2
    assert [each.acknowledged for each in trap.transactions()] == [False, True]


def test_a_bad_certificate(trap: Mailtrap) -> None:
    trap.rule("starttls").tls("expired")

    with (
        smtplib.SMTP(trap.host, trap.port, timeout=PATIENCE) as client,
        pytest.raises(ssl.SSLCertVerificationError, match="expired"),
    ):
        client.starttls(context=trap.ssl_context())


def test_other_extensions(trap: Mailtrap) -> None:
    trap.rule("ehlo").ehlo(remove=["STARTTLS"], add="SIZE 100")

    with smtplib.SMTP(trap.host, trap.port, timeout=PATIENCE) as client:
        client.ehlo()
        assert not client.has_extn("starttls")
        assert client.esmtp_features["size"] == "100"


def test_a_delay_runs_on_the_clock(trap: Mailtrap) -> None:
    trap.clock.manual()
    rule = trap.rule("data", from_=ANN).delay("5m")

    with in_background(lambda: send(trap)) as sending:
        trap.clock.advance("5m", sleepers=1)

    assert sending.done()
    assert rule.fired == 1
