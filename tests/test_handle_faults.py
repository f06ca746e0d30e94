"""Sequences, barriers and outages, in both homes."""

from __future__ import annotations

import socket

import pytest

from mailtrap_py import Mailtrap
from mailtrap_py.errors import ScenarioError
from mailtrap_py.handle.faults import spelt_out
from mailtrap_py.scenario import make_rule
from tests.homes import BOB, EVE, elsewhere, fates, in_background, send, trap

__all__ = ["elsewhere", "trap"]  # fixtures


def test_a_bare_code_gets_its_words() -> None:
    for code in (421, 450, 451, 452, 454, 500, 501, 503, 530, 535, 550, 551, 552, 553, 554):
        said = spelt_out(str(code))
        assert isinstance(said, str)
        assert said.startswith(f"{code} {code // 100}.")
        make_rule({"at": "rcpt", "do": [{"reply": said}]})
    assert [spelt_out(each) for each in ("250", None, "250 2.0.0 Yes", "499", {"close": "fin"})] == [
        "pass",
        "pass",
        "250 2.0.0 Yes",
        "499",
        {"close": "fin"},
    ]


def test_one_thing_after_the_other(trap: Mailtrap) -> None:
    sequence = trap.sequence(["450", "451 4.3.0 Hm", {"close": "reset"}, "250"])
    assert (sequence.fired, sequence.left) == (0, 4)

    assert fates(trap, 5) == [450, 451, 0, 250, 250]

    assert (sequence.fired, sequence.left, len(sequence.sessions)) == (4, 0, 4)


def test_a_sequence_is_about_what_it_says(trap: Mailtrap) -> None:
    sequence = trap.sequence(["450", "550"], at="mail", helo="app")
    with trap.sequence(["554"], at="message", to=EVE):
        assert fates(trap, 3, EVE) == [450, 550, 554]

    assert fates(trap, 1, EVE) == [250]
    sequence.remove()


def test_a_sequence_that_was_not_used_up_names_its_turns(trap: Mailtrap) -> None:
    sequence = trap.sequence(["450", "450"])
    fates(trap, 1)

    assert sequence.left == 1
    assert [name for name, _ in trap.unfired()] == ["sequence-1.2"]


def test_a_sequence_has_its_own_counts(trap: Mailtrap) -> None:
    with pytest.raises(ScenarioError, match="a sequence takes no 'times'"):
        trap.sequence(["450"], times=2)


def test_a_barrier_holds_and_lets_go(trap: Mailtrap) -> None:
    barrier = trap.hold("message", to=BOB)
    with in_background(lambda: send(trap)) as sending:
        barrier.wait()
        assert barrier.held == 1
        assert not sending.done()
        assert trap.messages == []
        send(trap, EVE)

        assert barrier.release() == 1

    assert [message.envelope.recipients for message in trap.messages] == [(EVE,), (BOB,)]
    assert fates(trap, 1) == [250]
    assert barrier.fired == 1


def test_a_barrier_ends_with_its_block(trap: Mailtrap) -> None:
    with in_background(lambda: None), trap.hold("rcpt") as barrier, in_background(lambda: send(trap)) as sending:
        barrier.wait(timeout="30s")
        barrier.__exit__(None, None, None)
        assert sending.result(30) == {}


def test_nobody_at_a_barrier_is_said(trap: Mailtrap) -> None:
    barrier = trap.hold("message")
    with pytest.raises(TimeoutError, match=r"nobody came to the barrier hold-1 within 0\.01 s, not 1: no session came"):
        barrier.wait(timeout="10ms")
    barrier.remove()
    with pytest.raises(TimeoutError, match=r"nobody came to the barrier hold-1 within 0 s, not 2$"):
        barrier.wait(2, timeout=0)


def test_a_server_that_is_down(trap: Mailtrap) -> None:
    with trap.down():
        assert fates(trap, 1) == [0]
    assert fates(trap, 1) == [250]

    outage = trap.down("pause")
    with socket.create_connection((trap.host, trap.port), timeout=0.05) as waiting, pytest.raises(TimeoutError):
        waiting.recv(1)  # the kernel has taken the connection, and nobody speaks
    outage.end()
    assert fates(trap, 1) == [250]


def test_a_reset_ends_an_outage(trap: Mailtrap) -> None:
    trap.down()

    trap.reset()

    assert fates(trap, 1) == [250]
