"""Waiting over HTTP: a long poll that ends with the commit, and says what came in place of what it waited for."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from mailtrap_py.events import Ending, SessionEnded
from mailtrap_py.web.app import close
from tests.served import RICH, Served, mail, started

ORDER = b"From: a@example.com\r\nX-Order: 4711\r\nX-Order: 4712\r\nSubject: Hello\r\n\r\n"


@pytest.fixture
def served() -> Iterator[Served]:
    with Served.open() as served:
        yield served


def test_what_is_there_is_not_waited_for(served: Served) -> None:
    ids = served.keep(mail(), mail(to="eve@example.com"), mail())

    answer = served.ask("GET", "/api/messages/wait?to=bob@example.com&timeout=0s").json()

    assert [item["id"] for item in answer["items"]] == [ids[0], ids[2]]
    assert (answer["total"], answer["next_cursor"]) == (2, answer["items"][1]["cursor"])


def test_a_wait_ends_with_the_commit(served: Served) -> None:
    async def main() -> None:
        path = "/api/messages/wait?to=bob@example.com&timeout=10m"
        waiting = asyncio.create_task(served.ask_async("GET", path))
        await served.somebody_waits()
        await served.store.commit(mail(to="eve@example.com"))
        message = mail()
        await served.store.commit(message)

        answer = await asyncio.wait_for(waiting, 10)

        assert [item["id"] for item in answer.json()["items"]] == [message.id]

    asyncio.run(main())


def test_a_wait_for_several_ends_with_the_last(served: Served) -> None:
    async def main() -> None:
        first = mail()
        await served.store.commit(first)
        waiting = asyncio.create_task(served.ask_async("GET", "/api/messages/wait?count=3&timeout=10m"))
        await served.somebody_waits()
        second, third = mail(), mail()
        await served.store.commit(second)
        await served.somebody_waits()
        assert not waiting.done()
        await served.store.commit(third)

        answer = await asyncio.wait_for(waiting, 10)

        assert [item["id"] for item in answer.json()["items"]] == [first.id, second.id, third.id]

    asyncio.run(main())


def test_a_wait_begins_after_a_cursor(served: Served) -> None:
    async def main() -> None:
        await served.store.commit(mail())
        cursor = (await served.ask_async("GET", "/api/messages/wait")).json()["next_cursor"]
        waiting = asyncio.create_task(served.ask_async("GET", f"/api/messages/wait?after={cursor}&timeout=10m"))
        await served.somebody_waits()
        message = mail()
        await served.store.commit(message)

        answer = await asyncio.wait_for(waiting, 10)

        assert [item["id"] for item in answer.json()["items"]] == [message.id]

    asyncio.run(main())


def test_what_is_deleted_while_others_are_waited_for_does_not_count(served: Served) -> None:
    async def main() -> None:
        first = mail()
        await served.store.commit(first)
        waiting = asyncio.create_task(served.ask_async("GET", "/api/messages/wait?count=2&timeout=10m"))
        await served.somebody_waits()
        await asyncio.to_thread(served.store.delete_message, first.id)
        second, third = mail(), mail()
        await served.store.commit(second)
        await served.somebody_waits()
        assert not waiting.done()
        await served.store.commit(third)

        answer = await asyncio.wait_for(waiting, 10)

        assert [item["id"] for item in answer.json()["items"]] == [second.id, third.id]

    asyncio.run(main())


def test_a_wait_that_was_left_behind_looks_again(served: Served) -> None:
    async def main() -> None:
        waiting = asyncio.create_task(served.ask_async("GET", "/api/messages/wait?to=bob@example.com&timeout=10m"))
        await served.somebody_waits()
        message = mail()
        served.store.add(message)
        # More in one commit than the bus remembers; the loop does not run in between.
        for number in range(1500):
            served.store.add(SessionEnded(id=f"s{number}", inbox="default", at=0, clock=0, ending=Ending.QUIT))
        served.store.flush()

        answer = await asyncio.wait_for(waiting, 10)

        assert [item["id"] for item in answer.json()["items"]] == [message.id]

    asyncio.run(main())


def test_a_wait_that_ends_in_vain_tells_the_nearest_misses(served: Served) -> None:
    far, near = served.keep(mail(RICH, to="eve@example.com"), mail())

    answer = served.ask("GET", "/api/messages/wait?to=bob@example.com&subject=Welcome&timeout=0s")

    problem = answer.json()
    assert (answer.status_code, problem["type"]) == (504, "urn:mailtrap-py:nothing-came")
    assert problem["detail"] == "no messages with to 'bob@example.com', subject 'Welcome' came within 0s"
    assert problem["cure"] == "the nearest of 2: subject is 'Hello', not 'Welcome'"
    assert problem["misses"] == [
        {"id": near, "why": "subject is 'Hello', not 'Welcome'"},
        {"id": far, "why": "recipient is 'eve@example.com', not 'bob@example.com'; subject is 'Grüße', not 'Welcome'"},
    ]


def test_a_wait_for_more_than_came_tells_how_many_did(served: Served) -> None:
    served.keep(mail())

    problem = served.ask("GET", "/api/messages/wait?from=bounce@example.com&count=2&timeout=1ms").json()

    assert problem["detail"] == "1 message with from 'bounce@example.com' came within 1ms, not 2"
    assert problem["misses"] == []
    assert problem["cure"] == "all that came is in GET /api/messages"


def test_a_wait_tells_that_nobody_came(served: Served) -> None:
    problem = served.ask("GET", "/api/messages/wait?timeout=0s").json()

    assert problem["detail"] == "no messages came within 0s"
    assert problem["cure"] == "no client has connected: is this the server that the application sends to?"


def test_a_wait_tells_that_sessions_brought_nothing(served: Served) -> None:
    served.store.add(started())

    problem = served.ask("GET", "/api/messages/wait?timeout=0s").json()

    assert problem["cure"] == "1 session brought no message: GET /api/sessions says why"


def test_a_wait_may_not_outlive_a_run(served: Served) -> None:
    problem = served.ask("GET", "/api/messages/wait?timeout=11m").json()

    assert problem["detail"] == "timeout: 11m is too long: write 10m at most"


def test_a_wait_ends_with_the_server(served: Served) -> None:
    async def main() -> None:
        waiting = asyncio.create_task(served.ask_async("GET", "/api/messages/wait?timeout=10m"))
        await served.somebody_waits()

        close(served.app)

        answer = await asyncio.wait_for(waiting, 10)
        assert (answer.status_code, answer.json()["type"]) == (503, "urn:mailtrap-py:not-ready")

    asyncio.run(main())


# By header


@pytest.mark.parametrize("wanted", ["X-Order", "x-order: 4712", "x-order:47", "X-Order: 4711&header=subject: hell"])
def test_a_wait_asks_for_fields_of_the_header(served: Served, wanted: str) -> None:
    _, message = served.keep(mail(), mail(ORDER))

    answer = served.ask("GET", f"/api/messages/wait?header={wanted}&timeout=0s").json()

    assert [item["id"] for item in answer["items"]] == [message]


def test_a_wait_for_a_field_ends_with_the_commit(served: Served) -> None:
    async def main() -> None:
        waiting = asyncio.create_task(served.ask_async("GET", "/api/messages/wait?header=X-Order&timeout=10m"))
        await served.somebody_waits()
        await served.store.commit(mail())
        message = mail(ORDER)
        await served.store.commit(message)

        answer = await asyncio.wait_for(waiting, 10)

        assert [item["id"] for item in answer.json()["items"]] == [message.id]

    asyncio.run(main())


def test_a_wait_for_a_field_tells_the_nearest_misses(served: Served) -> None:
    other, near = served.keep(mail(to="eve@example.com"), mail(ORDER))

    path = "/api/messages/wait?to=bob@example.com&header=X-Order: 9&timeout=0s"
    problem = served.ask("GET", path).json()

    assert problem["detail"] == "no messages with to 'bob@example.com', header 'X-Order: 9' came within 0s"
    assert problem["misses"] == [
        {"id": near, "why": "X-Order is '4711' or '4712', not '9'"},
        {"id": other, "why": "recipient is 'eve@example.com', not 'bob@example.com'; it has no X-Order"},
    ]


@pytest.mark.parametrize("header", [": 4711", "", "X Order: 1", "X-Order: /[/"])
def test_what_names_no_field_is_refused(served: Served, header: str) -> None:
    answer = served.ask("GET", "/api/messages/wait", params={"header": header})

    assert (answer.status_code, answer.json()["errors"][0]["where"]) == (400, "header.0")


# By what stands in it


def test_a_wait_looks_into_the_messages(served: Served) -> None:
    async def main() -> None:
        await served.store.commit(mail())
        path = "/api/messages/wait?search=CODE is 482913&timeout=10m"
        waiting = asyncio.create_task(served.ask_async("GET", path))
        await served.somebody_waits()
        await served.store.commit(mail())
        message = mail(RICH)
        await served.store.commit(message)

        answer = await asyncio.wait_for(waiting, 10)

        assert [item["id"] for item in answer.json()["items"]] == [message.id]

    asyncio.run(main())


def test_a_wait_tells_that_a_text_is_nowhere(served: Served) -> None:
    other, near = served.keep(mail(to="eve@example.com"), mail())

    problem = served.ask("GET", "/api/messages/wait?to=bob@example.com&search=goodbye&timeout=0s").json()

    assert problem["misses"] == [
        {"id": near, "why": "'goodbye' is nowhere in it"},
        {"id": other, "why": "recipient is 'eve@example.com', not 'bob@example.com'"},
    ]


# So many and no more


def test_exactly_so_many_are_waited_for_and_looked_after(served: Served) -> None:
    first, second = served.keep(mail(), mail())

    answer = served.ask("GET", "/api/messages/wait?exactly=2&settle=1ms&timeout=10m").json()

    assert [item["id"] for item in answer["items"]] == [first, second]


def test_none_within_a_time_is_what_was_asked_for(served: Served) -> None:
    [other] = served.keep(mail(to="eve@example.com"))
    cursor = served.store.messages().items[0].position

    answer = served.ask("GET", "/api/messages/wait?to=bob@example.com&exactly=0&timeout=1ms")
    later = served.ask("GET", f"/api/messages/wait?exactly=0&timeout=1ms&after={cursor}")

    assert answer.json() == {"items": [], "next_cursor": None, "total": 0}
    assert later.json()["next_cursor"] == str(cursor), other


@pytest.mark.parametrize(("exactly", "words"), [(0, "none"), (1, "1")])
def test_one_too_many_ends_the_wait_at_once(served: Served, exactly: int, words: str) -> None:
    async def main() -> None:
        await asyncio.to_thread(served.keep, *(mail() for _ in range(exactly)))
        path = f"/api/messages/wait?to=bob@example.com&exactly={exactly}&settle=10m&timeout=10m"
        waiting = asyncio.create_task(served.ask_async("GET", path))
        await served.somebody_waits()
        message = mail()
        await served.store.commit(message)

        answer = await asyncio.wait_for(waiting, 10)

        problem = answer.json()
        assert (answer.status_code, problem["type"]) == (409, "urn:mailtrap-py:too-many")
        came = f"{exactly + 1} message{'s' if exactly else ''}"
        assert problem["detail"] == f"{came} with to 'bob@example.com' came, not {words}"
        assert problem["misses"] == [{"id": message.id, "why": "'Hello' to bob@example.com came, too"}]

    asyncio.run(main())


def test_too_few_are_not_exactly_so_many(served: Served) -> None:
    served.keep(mail())

    problem = served.ask("GET", "/api/messages/wait?exactly=2&timeout=1ms").json()

    assert problem["detail"] == "1 message came within 1ms, not 2"


def test_what_is_deleted_while_it_is_looked_after_does_not_count(served: Served) -> None:
    async def main() -> None:
        [message] = await asyncio.to_thread(served.keep, mail())
        await asyncio.to_thread(served.store.flush)
        path = "/api/messages/wait?exactly=1&settle=10m&timeout=10m"
        waiting = asyncio.create_task(served.ask_async("GET", path))
        await served.somebody_waits()
        await asyncio.to_thread(served.store.delete_message, message)
        await served.somebody_waits()
        others = mail(), mail()
        await served.store.commit(others[0])
        await served.somebody_waits()
        await served.store.commit(others[1])

        answer = await asyncio.wait_for(waiting, 10)

        assert answer.json()["detail"] == "2 messages came, not 1"
        assert [each["id"] for each in answer.json()["misses"]] == [others[1].id]

    asyncio.run(main())


def test_so_many_or_more_and_so_many_contradict_each_other(served: Served) -> None:
    assert served.ask("GET", "/api/messages/wait?exactly=1&count=1").status_code == 400
