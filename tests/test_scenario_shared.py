"""What several programs count together, each with an inbox of its own that shares one ledger."""

from __future__ import annotations

import logging

import pytest

from mailtrap_py.events import Event, Point
from mailtrap_py.inbox import Inbox
from mailtrap_py.scenario import from_data, make_rule
from tests.ledgers import Book

BUSY = {"reply": "450 4.2.0 Busy"}


def mail(client: str = "192.0.2.1") -> Event:
    return Event(point=Point.MAIL, client=client, reverse_path="ann@example.com")


def two(book: Book, *rules: dict[str, object], **more: object) -> tuple[Inbox, Inbox]:
    """Give two inboxes that share; the first puts the scenario on."""
    one, other = Inbox(), Inbox()
    one.use(from_data({"name": "shared", "rules": list(rules), **more}))
    one.share(book)
    other.share(book)
    return one, other


def numbers(inboxes: str, one: Inbox, other: Inbox, **event: str) -> list[int]:
    """Ask the inboxes in that order; 0 is nothing, else the number of the firing."""
    decisions = [{"1": one, "2": other}[which].director.decide(mail(**event)) for which in inboxes]
    return [0 if decision is None else decision.number for decision in decisions]


def test_the_first_two_are_two_in_all() -> None:
    one, other = two(Book(), {"id": "busy", "at": "mail", "count": {"times": 2}, "do": BUSY})
    assert numbers("2112", one, other) == [1, 2, 0, 0]
    for inbox in (one, other):
        (state,) = inbox.director.rules()
        assert (state.asked, state.matched, state.fired, state.nearest_miss) == (4, 4, 2, "")


def test_every_client_has_its_counter_and_its_window_everywhere() -> None:
    one, other = two(
        Book(),
        {"at": "mail", "count": {"limit": {"n": 2, "window": "1h"}, "per": "client"}, "do": BUSY},
    )
    assert numbers("1212", one, other, client="192.0.2.1") == [0, 0, 1, 2]
    assert numbers("21", one, other, client="192.0.2.2") == [0, 0]
    assert numbers("21", one, other, client="192.0.2.2") == [3, 4]


def test_what_is_dealt_exactly_is_dealt_once() -> None:
    one, other = two(Book(), {"at": "mail", "count": {"chance": "5 of 20"}, "do": BUSY})
    assert sum(map(bool, numbers("12" * 20, one, other))) == 10


def test_the_story_goes_on_everywhere() -> None:
    one, other = two(
        Book(),
        {"at": "mail", "when": {"state": "second"}, "do": BUSY},
        {"at": "mail", "do": [{"set": {"state": "second"}}]},
        state="first",
    )
    assert numbers("12", one, other) == [1, 1]
    assert other.director.rules()[0].fired == 1


def test_a_rule_is_added_and_removed_everywhere_and_the_others_keep_their_counts() -> None:
    book = Book()
    one, other = two(book, {"id": "busy", "at": "mail", "count": {"times": 2}, "do": BUSY})
    assert numbers("2", one, other) == [1]
    other.director.add(make_rule({"id": "new", "at": "mail", "when": {"client": "192.0.2.9"}, "do": BUSY}))
    assert numbers("1", one, other, client="192.0.2.9") == [1]
    assert [state.rule.id for state in one.director.rules()] == ["new", "busy"]
    one.director.remove("new")
    other.look()
    assert [state.rule.id for state in other.director.rules()] == ["busy"]
    assert numbers("212", one, other) == [2, 0, 0]
    other.director.remove("busy")
    one.look()
    assert one.director.rules() == ()
    assert book.changes == 4


def test_rules_that_are_changed_in_two_places_are_all_there() -> None:
    one, other = two(Book(), {"id": "busy", "at": "mail", "do": BUSY})
    before = other.director
    one.director.add(make_rule({"id": "one", "at": "rcpt", "do": BUSY}))
    before.add(make_rule({"id": "other", "at": "rcpt", "do": BUSY}))
    before.remove("busy")
    for inbox in (one, other):
        assert [state.rule.id for state in inbox.director.rules()] == ["other", "one"]


def test_a_rule_that_comes_last_is_for_one_program_alone() -> None:
    one, other = two(Book(), {"id": "busy", "at": "rcpt", "do": BUSY})
    one.director.add(make_rule({"id": "last", "at": "mail", "do": BUSY}), first=False)
    assert numbers("12", one, other) == [1, 0]


def test_a_reset_of_the_director_is_everywhere() -> None:
    one, other = two(Book(), {"id": "busy", "at": "mail", "count": {"times": 1, "per": "client"}, "do": BUSY})
    assert numbers("12", one, other) == [1, 0]
    other.director.reset()
    assert one.director.rules()[0].fired == 0
    assert numbers("12", one, other) == [1, 0]


def test_where_no_rule_acts_nobody_is_asked() -> None:
    book = Book()
    one, other = two(book, {"at": "rcpt", "do": BUSY})
    book.lost = True
    assert numbers("12", one, other) == [0, 0]


def test_out_of_reach_everybody_counts_on_from_what_was_known_last(caplog: pytest.LogCaptureFixture) -> None:
    book = Book()
    one, other = two(book, {"at": "mail", "count": {"times": 2}, "do": BUSY})
    assert numbers("1", one, other) == [1]
    book.lost = True
    with caplog.at_level(logging.ERROR):
        assert numbers("1122", one, other) == [2, 0, 1, 2]
    assert "cannot be reached" in caplog.text
    assert one.director.rules()[0].fired == 2
