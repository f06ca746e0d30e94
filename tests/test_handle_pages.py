from __future__ import annotations

from mailtrap_py import Mailtrap
from mailtrap_py.handle.pages import all_sessions, oldest_first
from mailtrap_py.store import Page
from tests.homes import elsewhere, send, trap

__all__ = ["elsewhere", "trap"]  # fixtures


def test_pages_are_read_to_the_end() -> None:
    pages = {None: Page((3, 2), 2, 3), 2: Page((1,), None, 3)}

    assert oldest_first(lambda before: pages[before]) == [1, 2, 3]


def test_sessions_are_those_of_the_inbox(trap: Mailtrap) -> None:
    for _ in range(2):
        send(trap)

    assert [session.number for session in all_sessions(trap.home.record, trap.home.inbox)] == [1, 2]
    assert all_sessions(trap.home.record, "none") == []
