from __future__ import annotations

import asyncio
import smtplib
import threading

import pytest

from mailtrap_py import Mailtrap
from mailtrap_py.clock import Clock, ManualClock, RealClock, ScaledClock
from mailtrap_py.errors import SettingError
from mailtrap_py.events import Event, Point
from mailtrap_py.handle import PRIVATE
from mailtrap_py.inbox import DEFAULT, Inbox, Inboxes, make_clock
from mailtrap_py.scenario import Rule, Scenario, from_data, make_rule
from mailtrap_py.scenario.model import ClockSpec
from tests.connected import PATIENCE, looped, until
from tests.ledgers import Book, Shelf

REFUSE_ONCE = {"id": "once", "at": "mail", "count": {"times": 1}, "do": [{"reply": "450 later"}]}
COIN = {"at": "mail", "count": {"chance": 0.5}, "do": [{"reply": "450 tails"}]}


def scenario(*rules: object, **other: object) -> Scenario:
    return from_data({"name": "test", "rules": list(rules), **other})


def mails(inbox: Inbox, number: int) -> list[bool]:
    """Ask the scenario so many times; tell which were refused."""
    return [inbox.director.decide(Event(point=Point.MAIL)) is not None for _ in range(number)]


@pytest.mark.parametrize(("spec", "kind"), [("real", RealClock), ("manual", ManualClock), (60.0, ScaledClock)])
def test_a_scenario_gets_the_clock_it_asks_for(spec: ClockSpec, kind: type[Clock]) -> None:
    clock = make_clock(spec)

    assert type(clock) is kind
    assert not isinstance(clock, ScaledClock) or clock.speed == (60 if spec == 60 else 1)


def test_a_new_inbox_lets_everything_pass() -> None:
    inbox = Inbox()

    assert inbox.name == DEFAULT == "default"
    assert isinstance(inbox.clock, RealClock)
    assert not any(inbox.director.listens(point) for point in Point)


def test_the_rules_of_a_scenario_act_and_are_counted() -> None:
    inbox = Inbox()
    inbox.use(scenario(REFUSE_ONCE, clock="manual"))

    assert mails(inbox, 3) == [True, False, False]
    assert isinstance(inbox.clock, ManualClock)


def test_reset_begins_again_and_takes_added_rules_away() -> None:
    inbox = Inbox()
    inbox.use(scenario(REFUSE_ONCE))
    clock = inbox.clock
    inbox.director.add(make_rule({"at": "rcpt", "do": "close"}))
    assert mails(inbox, 2) == [True, False]

    inbox.reset()

    assert mails(inbox, 2) == [True, False]
    assert not inbox.director.listens(Point.RCPT)
    assert inbox.clock is clock


def test_clear_goes_back_to_no_scenario() -> None:
    inbox = Inbox()
    inbox.use(scenario(REFUSE_ONCE, clock="manual"))

    inbox.clear()

    assert mails(inbox, 1) == [False]
    assert inbox.director.scenario.name == "none"
    assert isinstance(inbox.clock, RealClock)


def test_the_same_seed_deals_the_same_faults() -> None:
    inbox = Inbox()
    inbox.use(scenario(COIN))
    dealt = mails(inbox, 64)
    assert len(set(dealt)) == 2

    inbox.reset()
    assert mails(inbox, 64) == dealt

    other = Inbox()
    other.use(scenario(COIN), seed=inbox.seed)
    assert mails(other, 64) == dealt


@pytest.mark.parametrize(("given", "used"), [(None, 7), (0, 0), (9, 9)])
def test_a_seed_that_is_given_goes_before_that_of_the_scenario(given: int | None, used: int) -> None:
    inbox = Inbox()

    inbox.use(scenario(seed=7), seed=given)

    assert inbox.seed == used


def test_a_seed_is_drawn_when_nobody_gave_one() -> None:
    inbox = Inbox()
    seeds = set()
    for _ in range(5):
        inbox.use(scenario())
        seeds.add(inbox.seed)

    assert len(seeds) > 1
    assert all(0 <= seed < 2**32 for seed in seeds)


def test_a_clock_that_is_given_goes_before_that_of_the_scenario() -> None:
    clock = ManualClock()
    inbox = Inbox()

    inbox.use(scenario({"at": "mail", "count": {"for": "5m"}, "do": [{"reply": "450 x"}]}), clock=clock)

    assert inbox.clock is clock
    assert mails(inbox, 2) == [True, True]
    clock.advance(300)
    assert mails(inbox, 1) == [False]


def test_rules_on_call_act_from_their_call_to_the_next_scenario() -> None:
    calls = 0

    def on_call() -> tuple[Rule, ...]:
        nonlocal calls
        calls += 1
        return (
            make_rule({**REFUSE_ONCE, "count": {"times": 9}}),
            make_rule({"id": "other", "at": "rcpt", "do": "close"}),
        )

    inbox = Inboxes(on_call=on_call).create("ann")
    assert (mails(inbox, 1), calls) == ([False], 0)

    inbox.call_up()
    inbox.call_up()
    assert (mails(inbox, 2), calls) == ([True, True], 1)

    inbox.use(scenario(REFUSE_ONCE))
    assert mails(inbox, 2) == [True, False]
    inbox.call_up()
    assert [state.rule.id for state in inbox.director.rules()] == ["once", "other"]  # its own goes first, and stays
    assert mails(inbox, 1) == [False]

    nobody = Inbox()
    nobody.call_up()
    assert nobody.director.rules() == ()


def test_open_sessions_are_counted() -> None:
    inbox = Inbox()
    inbox.enter()
    inbox.enter()
    inbox.leave()
    assert inbox.open_sessions == 1

    inbox.clear()
    assert inbox.open_sessions == 1


def test_sessions_are_numbered_anew_by_a_new_scenario_and_not_by_reset() -> None:
    inbox = Inbox()
    assert [inbox.enter() for _ in range(3)] == [1, 2, 3]

    inbox.reset()
    assert inbox.enter() == 4

    inbox.use(scenario())
    assert inbox.enter() == 1


@looped
async def test_a_stall_is_released_by_its_name() -> None:
    inbox = Inbox()
    first, second = asyncio.create_task(inbox.stall("a")), asyncio.create_task(inbox.stall("b"))
    await until(lambda: inbox.stalled() == 2)
    assert (inbox.stalled("a"), inbox.stalled("c")) == (1, 0)

    assert inbox.release("a") == 1

    assert await first is True
    assert (inbox.stalled(), inbox.release("a"), inbox.release("c")) == (1, 0, 0)
    assert inbox.release() == 1
    assert await second is True


@pytest.mark.parametrize("end", [Inbox.reset, Inbox.clear])
@looped
async def test_a_reset_ends_stalls(end: object) -> None:
    inbox = Inbox()
    stalled = asyncio.create_task(inbox.stall("a"))
    await until(inbox.stalled)

    assert callable(end)
    end(inbox)

    assert await stalled is False
    assert inbox.stalled() == 0


@looped
async def test_a_stall_of_a_scenario_that_is_over_does_not_begin() -> None:
    inbox = Inbox()
    before = inbox.director
    inbox.reset()

    assert await inbox.stall("a", of=before) is False
    stalled = asyncio.create_task(inbox.stall("a", of=inbox.director))
    await until(inbox.stalled)
    inbox.release()
    assert await stalled is True


@looped
async def test_who_leaves_a_stall_is_not_counted_any_more() -> None:
    inbox = Inbox()
    stalled = asyncio.create_task(inbox.stall("a"))
    await until(inbox.stalled)

    stalled.cancel()
    await asyncio.wait([stalled])

    assert (inbox.stalled(), inbox.release()) == (0, 0)


@looped
async def test_who_is_cancelled_between_release_and_waking_stays_cancelled() -> None:
    inbox = Inbox()
    stalled = asyncio.create_task(inbox.stall("a"))
    await until(inbox.stalled)

    inbox.release()
    stalled.cancel()
    await asyncio.wait([stalled])

    assert stalled.cancelled()


@looped
async def test_stalls_are_released_from_another_thread() -> None:
    inbox = Inbox()
    stalled = asyncio.create_task(inbox.stall("a"))
    await until(inbox.stalled)

    other = threading.Thread(target=inbox.release)
    other.start()
    assert await stalled is True
    other.join()


def test_stalls_of_a_loop_that_is_closed_are_forgotten() -> None:
    inbox = Inbox()

    async def leave_stalled() -> None:
        asyncio.get_running_loop().create_task(inbox.stall("a"))
        await until(inbox.stalled)

    loop = asyncio.new_event_loop()
    loop.run_until_complete(leave_stalled())
    (task,) = asyncio.all_tasks(loop)
    loop.close()

    assert inbox.release() == 1
    assert inbox.stalled() == 0
    task.get_coro().close()
    task._log_destroy_pending = False  # type: ignore[attr-defined]  # noqa: SLF001 - it is left on purpose


@looped
async def test_who_waits_on_the_clock_of_a_scenario_that_ends_goes_on() -> None:
    inbox = Inbox()
    inbox.use(scenario(clock="manual"))
    waiting = asyncio.create_task(inbox.clock.sleep(300))
    clock = inbox.clock
    assert isinstance(clock, ManualClock)
    await until(lambda: clock.sleepers)

    inbox.use(scenario(), clock=clock)
    assert clock.sleepers == 1

    inbox.clear()  # nobody can move that clock from now on

    await waiting


def test_inboxes_are_found_by_name() -> None:
    inboxes = Inboxes()
    ann = inboxes.create("ann@example.com")

    assert inboxes.create("ann@example.com") is ann
    assert inboxes.get("ann@example.com") is ann
    assert inboxes.get().name == "default"
    assert [inbox.name for inbox in inboxes] == ["default", "ann@example.com"]
    assert "default" in inboxes
    assert "bob" not in inboxes
    with pytest.raises(KeyError):
        inboxes.get("bob")


@pytest.mark.parametrize("name", ["", "a b", "a/b", "a?b", "a#b", "a\nb", "\x00"])
def test_a_name_that_cannot_stand_in_a_url_is_refused(name: str) -> None:
    with pytest.raises(SettingError, match="cannot be the name of an inbox"):
        Inboxes().create(name)


def test_addresses_that_fail_need_no_scenario() -> None:
    with Mailtrap() as trap, smtplib.SMTP(trap.host, trap.port, timeout=30) as smtp:
        assert trap.inbox.director.rules() == ()
        for _ in range(2):
            with pytest.raises(smtplib.SMTPRecipientsRefused):
                smtp.sendmail("ann@example.com", ["450x2@fail.test"], "text")
        assert smtp.sendmail("ann@example.com", ["450x2@fail.test", "550@fail.test"], "text").keys() == {
            "550@fail.test"
        }
        assert {state.rule.id: state.fired for state in trap.inbox.director.rules()}["fail-address-recipient"] == 3


def test_addresses_that_fail_can_be_switched_off() -> None:
    off = PRIVATE.changed(fail_addresses="off")
    with Mailtrap(off) as trap, smtplib.SMTP(trap.host, trap.port, timeout=30) as smtp:
        assert smtp.sendmail("ann@example.com", ["550@fail.test"], "text") == {}


def test_addresses_that_fail_join_the_scenario_that_is_on_and_leave_with_it() -> None:
    with Mailtrap() as trap, smtplib.SMTP(trap.host, trap.port, timeout=30) as smtp:
        with trap.scenario("fail-addresses"), pytest.raises(smtplib.SMTPRecipientsRefused):
            smtp.sendmail("ann@example.com", ["550@fail.test"], "text")
        assert trap.inbox.director.rules() == ()


@looped
async def test_stalls_can_be_waited_for() -> None:
    inbox = Inbox()
    waiting = asyncio.ensure_future(asyncio.to_thread(inbox.wait_for_stalls, "gate", 1, PATIENCE))
    other, stalling = asyncio.ensure_future(inbox.stall("other")), asyncio.ensure_future(inbox.stall("gate"))

    assert await waiting == 1
    assert inbox.wait_for_stalls("gate", 2, 0.0) == 1

    inbox.release()
    assert [await stalling, await other] == [True, True]


@looped
async def test_what_is_released_for_good_does_not_stall_again_until_a_reset() -> None:
    inbox = Inbox()

    assert inbox.release("gate", for_good=True) == 0
    assert await inbox.stall("gate") is True

    inbox.reset()
    stalling = asyncio.ensure_future(inbox.stall("gate"))
    await until(inbox.stalled)
    inbox.release()
    await stalling


def test_a_port_leads_to_an_inbox() -> None:
    inboxes = Inboxes()
    inboxes.create("other")
    assert inboxes.at(2525).name == "default"
    assert inboxes.at(2525, "other").name == "other"

    inboxes.lead(2525, "other")

    assert inboxes.at(2525).name == "other"
    assert inboxes.at(2526).name == "default"
    with pytest.raises(KeyError):
        inboxes.lead(2525, "none")


def test_an_inbox_that_is_removed_leaves_its_ports_to_the_default() -> None:
    inboxes = Inboxes()
    inboxes.create("other")
    inboxes.create("third")
    for port, name in ((2525, "other"), (2526, "third")):
        inboxes.lead(port, name)

    inboxes.remove("other")
    inboxes.lead_nowhere(2527)

    assert [inboxes.at(port).name for port in (2525, 2526)] == ["default", "third"]
    inboxes.lead_nowhere(2526)
    assert inboxes.at(2526).name == "default"
    for name in ("other", "default"):
        with pytest.raises(KeyError):
            inboxes.remove(name)


# -- Shared with other programs


def test_a_scenario_is_put_on_everywhere() -> None:
    book = Book()
    one, other = Inbox(), Inbox()
    one.share(book)
    other.share(book)
    one.use(scenario(REFUSE_ONCE, clock={"speed": 60}), seed=7)
    other.look()
    assert other.director.scenario.name == "test"
    assert (other.seed, other.began_at) == (7, one.began_at)
    assert isinstance(other.clock, ScaledClock)
    assert mails(other, 2) == [True, False]
    assert mails(one, 1) == [False]
    one.reset()
    assert mails(other, 2) == [True, False]
    other.clear()
    assert mails(one, 1) == [False]
    assert one.director.scenario.name == "none"


def test_who_comes_later_takes_what_is_on() -> None:
    book = Book()
    one, other = Inbox(), Inbox()
    one.use(scenario(REFUSE_ONCE))
    one.share(book)
    assert mails(one, 1) == [True]
    other.use(scenario(COIN))
    other.share(book)
    assert mails(other, 1) == [False]
    assert other.director.scenario == one.director.scenario


def test_a_clock_that_is_moved_by_hand_lets_go_of_all_when_another_is_put_on_elsewhere() -> None:
    book = Book()
    one, other = Inbox(), Inbox()
    one.use(scenario(REFUSE_ONCE, clock="manual"))
    one.share(book)
    other.share(book)
    clock = other.clock
    assert isinstance(clock, ManualClock)
    one.clear()
    other.look()
    assert isinstance(other.clock, RealClock)


def test_sessions_are_numbered_through() -> None:
    book = Book()
    one, other = Inbox(), Inbox()
    one.share(book)
    other.share(book)
    assert [one.enter(), other.enter(), one.enter()] == [1, 2, 3]
    book.lost = True
    assert one.enter() == 1  # better than none


def test_inboxes_are_there_for_everybody() -> None:
    books: dict[str, Book] = {}
    one, other, late = Inboxes(), Inboxes(), Inboxes()
    shelves = Shelf(books), Shelf(books)
    one.share(shelves[0])
    other.share(shelves[1])
    one.create("ann").use(scenario(REFUSE_ONCE))
    assert "ann" not in other
    for watcher in shelves[1].watchers:
        watcher("ann")
    assert mails(other.get("ann"), 1) == [True]
    late.share(Shelf(books))
    assert mails(late.get("ann"), 1) == [False]
    books["ann"].lost = True
    for watcher in shelves[1].watchers:
        watcher("ann")


def test_an_inbox_that_shares_nothing_has_nothing_to_look_at() -> None:
    inbox = Inbox()
    inbox.look()
    assert inbox.enter() == 1


def test_a_user_belongs_to_the_inbox_that_knows_the_password_else_to_the_one_of_that_name() -> None:
    inboxes = Inboxes()
    shop, ann = inboxes.create("shop"), inboxes.create("ann")
    assert (inboxes.of_user("ann"), inboxes.of_user("bob")) == (ann, None)

    shop.users = {"ann": "secret", "bob": "secret"}

    assert (inboxes.of_user("ann"), inboxes.of_user("bob")) == (shop, shop)
