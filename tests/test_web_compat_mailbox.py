from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest

from mailtrap_py.store import Store
from mailtrap_py.web.compat import mailbox as module
from mailtrap_py.web.compat.mailbox import Mailbox
from mailtrap_py.web.compat.mailpit_search import parse
from mailtrap_py.web.compat.marks import Marks
from tests.served import RICH, mail


@pytest.fixture
def box() -> Iterator[Mailbox]:
    with contextlib.closing(Store()) as store:
        yield Mailbox(store, Marks(store.subscribe))


def keep(box: Mailbox, *names: str) -> None:
    for name in names:
        box.store.add(mail(name=name, inbox=name[:1]))


def test_all_inboxes_are_one_mailbox_newest_first(box: Mailbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_PAGE", 2)
    keep(box, "a1", "b1", "a2", "b2", "a3")

    assert [each.id for each in box.all()] == ["a3", "b2", "a2", "b1", "a1"]
    assert [each.id for each in box.page(1, 2)] == ["b2", "a2"]
    assert [each.id for each in box.page(3, None)] == ["b1", "a1"]
    assert box.page(0, None, before=0.0) == []


def test_little_of_each_message_is_remembered_of_many_not_all(box: Mailbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_REMEMBERED", 1)
    keep(box, "a1", "a2")
    newer, older = box.all()

    assert box.digest(newer) is box.digest(newer)
    first = box.digest(newer)
    box.digest(older)
    assert box.digest(newer) is not first


def test_lists_do_not_read_messages_for_their_tags(box: Mailbox) -> None:
    box.store.add(mail(b"X-Tags: a\r\n\r\n", to="bob+b@example.com"))
    box.store.add(mail(b"X-Tags: a\r\n\r\n"))
    newer, _ = box.all()

    assert box.all_tags(read=False) == {"b": 1}
    box.tags(newer)
    assert box.all_tags(read=False) == {"a": 1, "b": 1}
    assert box.all_tags() == {"a": 2, "b": 1}


def test_a_message_that_is_gone_has_an_empty_digest(box: Mailbox) -> None:
    keep(box, "a1")
    [message] = box.all()
    box.store.clear()

    assert box.digest(message).snippet == ""


@pytest.mark.parametrize("word", ["grüße", "482913", "Code is", "ann@example.com", "hidden@", "€", "a"])
def test_words_are_found_in_all_that_people_see(box: Mailbox, word: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_PAGE", 1)
    box.store.add(mail(RICH, to="hidden@example.com", name="m1"))
    box.store.add(mail(RICH, to="hidden@example.com", name="m2"))
    keep(box, "x")

    assert {"m1", "m2"} <= box.having(word)
    assert len(box.having("482913")) == 2
    assert [each.id for each in box.search(parse(f'"{word}" 482913'))] == ["m2", "m1"]
