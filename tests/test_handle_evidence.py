from __future__ import annotations

from mailtrap_py import Mailtrap
from mailtrap_py.events import Ending
from mailtrap_py.handle.evidence import evidence_of
from tests.homes import BUSY, elsewhere, fates, send, trap

__all__ = ["elsewhere", "trap"]  # fixtures


def test_the_record_is_evidence(trap: Mailtrap) -> None:
    trap.fail("rcpt", BUSY, times=1)
    assert fates(trap, 1) == [450]
    send(trap, fields="Message-ID: <1@example.com>\n")
    trap.home.settle(5.0)

    evidence = evidence_of(trap.home.record, trap.home.inbox, trap.home.now())

    assert [session.ending for session in evidence.sessions] == [Ending.QUIT, Ending.QUIT]
    assert [copy.key for copy in evidence.messages] == ["<1@example.com>"]
    assert [firing.rule for firing in evidence.firings] == ["added-1"]
    assert evidence.until >= evidence.began
