"""What is expected of the client, in both homes."""

from __future__ import annotations

import contextlib
import smtplib
from collections.abc import Callable

import pytest

from mailtrap_py import Mailtrap
from mailtrap_py.errors import ScenarioError
from mailtrap_py.handle import ExpectationError
from mailtrap_py.handle.expecting import Expect
from mailtrap_py.scenario import load
from mailtrap_py.scenario.expectation import Expectation
from tests.homes import BOB, BUSY, EVE, elsewhere, fates, send, trap

__all__ = ["elsewhere", "trap"]  # fixtures

METHODS = {"delivered": "delivered", "only_retried": "only_retried_refused", "ends_with": "ends_with_quit"}


def test_every_expectation_has_a_method() -> None:
    keys = [key for key in Expectation.model_fields if key != "client_said"]  # a test has no exit code

    assert [key for key in keys if not callable(getattr(Expect, METHODS.get(key, key), None))] == []


@pytest.mark.parametrize(
    ("expect", "said"),
    [
        (lambda expect: expect.delivered_once(), "delivered: exactly-once"),
        (lambda expect: expect.delivered_once(to=BOB), "delivered: {match: {to: "),
        (lambda expect: expect.delivered(), "delivered: "),
        (lambda expect: expect.never_delivered(from_=BOB), "delivered: {match: {from: "),
        (lambda expect: expect.retried(), "retried: {after: 4xx}"),
        (lambda expect: expect.retried(within="1s", at_most=2), "retried: {after: 4xx, within: "),
        (lambda expect: expect.not_retried(), "not_retried: {after: 5xx}"),
        (lambda expect: expect.only_retried_refused(), "only_retried: refused"),
        (lambda expect: expect.reconnected(), "reconnected: {after: 421}"),
        (lambda expect: expect.not_reused(), "not_reused: {after: error}"),
        (lambda expect: expect.gave_up("1s"), "gave_up: {within: "),
        (lambda expect: expect.waited("1s"), "waited: {at_least: "),
        (lambda expect: expect.ends_with_quit(), "ends_with: quit"),
        (lambda expect: expect.not_early("greeting", "data"), "not_early: [greeting, data]"),
        (lambda expect: expect.no_plaintext(), "no_plaintext: [auth, mail]"),
        (lambda expect: expect.no_plaintext("auth"), "no_plaintext: auth"),
        (lambda expect: expect.fired({"added-1": "> 1"}), "fired: {added-1: "),
    ],
)
def test_an_expectation_is_that_of_yaml(expect: Callable[[Expect], None], said: str) -> None:
    with Mailtrap() as trap:
        expect(trap.expect)

        assert not trap.expect.nothing
        (described,) = trap.expect.words
        assert described.startswith(said)


def test_what_makes_no_sense_is_refused(trap: Mailtrap) -> None:
    with pytest.raises(ScenarioError):
        trap.expect.retried("often")
    with pytest.raises(ScenarioError):
        trap.expect.that("deliverd", "exactly-once")

    assert trap.expect.nothing


def test_a_good_client_passes(trap: Mailtrap) -> None:
    expect = trap.expect
    expect.delivered_once(to=BOB)
    expect.never_delivered(to=EVE)
    expect.ends_with_quit()
    expect.retried(after="4xx", at_most=1)
    expect.not_retried()
    trap.fail("rcpt", BUSY, times=1)
    fates(trap, 2)

    assert expect.failures() == []
    expect.check()
    assert expect.nothing


def test_a_bad_client_is_told_what_it_did(trap: Mailtrap) -> None:
    trap.rule("message", times=1).lose_reply()
    for _ in range(2):
        with contextlib.suppress(OSError):
            send(trap, fields="Message-ID: <1@example.com>\n")
    trap.expect.delivered_once()
    trap.expect.not_retried("4xx")

    with pytest.raises(ExpectationError) as caught:
        trap.expect.check()

    text = str(caught.value)
    assert "FAIL delivered: exactly-once" in text
    assert "FAIL not_retried: {after: 4xx}" in text
    trap.expect.check()  # what was judged is not judged again


def test_a_whole_scenario_can_be_expected(trap: Mailtrap) -> None:
    trap.scenario("mailbox-busy")
    trap.expect.all_of(load("mailbox-busy"))
    fates(trap, 1)

    assert any("FAIL retried" in failure for failure in trap.expect.failures())


def test_a_session_that_is_about_to_end_is_waited_for(trap: Mailtrap) -> None:
    trap.expect.ends_with_quit()
    client = smtplib.SMTP(trap.host, trap.port)
    client.ehlo()
    client.close()

    assert any("FAIL ends_with: quit" in failure for failure in trap.expect.failures())


def test_findings_can_be_failures(trap: Mailtrap) -> None:
    send(trap)
    kinds = {finding.kind: finding.level for finding in trap.findings}
    assert "no-date" in kinds

    trap.expect.no_findings(kinds["no-date"])
    assert any("no-date: " in failure for failure in trap.expect.failures())

    with pytest.raises(ValueError, match="'bad' is not one of info, warning, error"):
        trap.expect.no_findings("bad")
    trap.expect.clear()
    trap.expect.no_findings("info", but=tuple(kinds))
    assert trap.expect.failures() == []
