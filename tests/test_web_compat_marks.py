from __future__ import annotations

import asyncio

import pytest

from mailtrap_py.store import Announcement
from mailtrap_py.web.compat.marks import Marks, tag_of
from tests.connected import looped


def marks() -> Marks:
    return Marks(lambda _: lambda: None)


@pytest.mark.parametrize(
    ("text", "tag"),
    [
        (" sign-up ", "sign-up"),
        ("a/b[c]", "a b c"),
        ("ü", ""),
        ("", ""),
        ("x" * 200, "x" * 100),
        ("a_b.c@d", "a_b.c@d"),
    ],
)
def test_a_tag_is_what_mailpit_makes_of_it(text: str, tag: str) -> None:
    assert tag_of(text) == tag


def test_a_message_has_its_own_tags_until_others_are_set() -> None:
    made = marks()
    assert made.tags("1", ("b", "A")) == ["A", "b"]

    made.set_tags("1", ["c", "c", "!"])

    assert (made.tags("1", ("b",)), made.tags("2", ("b",))) == (["c"], ["b"])


def test_a_tag_is_called_otherwise_everywhere() -> None:
    made = marks()
    made.set_tags("1", ["old", "x"])

    made.rename_tag("old", "new")
    made.rename_tag("new", "newer")

    assert (made.tags("1", ()), made.tags("2", ("old",))) == (["newer", "x"], ["newer"])
    made.rename_tag("newer", "")
    assert (made.tags("1", ()), made.tags("2", ("old", "y"))) == (["x"], ["y"])
    made.set_tags("3", ["newer"])
    assert made.tags("3", ()) == ["newer"]


def test_what_is_deleted_is_forgotten() -> None:
    made = marks()
    made.set_read(["1", "2", "3"], read=True)
    made.set_tags("1", ["a"])

    made.forget(Announcement("message", "default", "9"))
    made.forget(Announcement("deleted", "default", "1"))
    assert (made.is_read("1"), made.is_read("2"), made.tags("1", ()), made.deleted) == (False, True, [], 1)

    made.forget(Announcement("deleted", "default", ""))
    assert made.doubtful
    made.keep(["3"])
    assert (made.read(), made.doubtful) == (["3"], False)

    made.forget(Announcement("deleted", "", ""))
    assert made.read() == []


@looped
async def test_changes_are_told_to_who_listens() -> None:
    made = marks()
    made.set_read(["0"], read=True)
    with made.listening() as changes:
        await asyncio.to_thread(made.set_read, ["0", "1"], read=True)
        await asyncio.to_thread(made.set_tags, "1", ["b", "A"])
        told = [await changes.get(), await changes.get()]

    made.set_read(["2"], read=True)
    assert told == [{"ID": "1", "Read": True}, {"ID": "1", "Tags": ["A", "b"]}]
    assert changes.empty()


def test_a_listener_whose_loop_is_gone_harms_nobody() -> None:
    made = marks()

    async def main() -> None:
        context = made.listening()
        context.__enter__()  # and is never left

    asyncio.run(main())
    made.set_read(["1"], read=True)

    assert made.is_read("1")
