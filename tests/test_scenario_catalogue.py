"""What real servers say."""

from __future__ import annotations

import re

import pytest

from mailtrap_py.errors import ScenarioError
from mailtrap_py.events import Point, Reply
from mailtrap_py.scenario import make_rule
from mailtrap_py.scenario.catalogue import ID_PATTERN, KnownReply, Truth, entries, find
from mailtrap_py.scenario.mistakes import Mistake

KNOWN = tuple(entries().values())


def test_there_are_many_and_each_is_there_once() -> None:
    assert len(KNOWN) == len(entries()) >= 90
    assert len({known.reply for known in KNOWN}) == len(KNOWN)


@pytest.mark.parametrize("known", KNOWN, ids=entries())
def test_each_can_be_used_where_it_is_said(known: KnownReply) -> None:
    when = {"when": {"idle": "1s"}} if known.point is Point.IDLE else {}
    rule = make_rule({"at": known.point.value, "do": {"reply": known.id}, **when})

    assert re.fullmatch(ID_PATTERN, known.id)
    assert rule.do[0].texts() == known.reply.lines
    assert make_rule(rule.model_dump(mode="json", by_alias=True, exclude_none=True)) == rule


@pytest.mark.parametrize("known", KNOWN, ids=entries())
def test_its_class_fits_its_code(known: KnownReply) -> None:
    temporary = {4: {Truth.TEMPORARY, Truth.DEAD_END}, 5: {Truth.PERMANENT, Truth.DEFERRAL}}

    assert known.class_ in temporary[known.reply.code // 100]
    assert re.fullmatch(r"\w[^\[]*(\[[SDFIM]\])*", known.source)


def test_a_reply_of_several_lines() -> None:
    reply = find("gmail-over-quota")

    assert (reply.code, reply.enhanced, len(reply.lines)) == (452, "4.2.2", 2)
    assert reply.wire().startswith(b"452-4.2.2 The email account that you tried to reach is over quota.")


def test_one_of_one_line() -> None:
    assert find("ses-too-long") == Reply(552, "", ("Message is too long.",))


@pytest.mark.parametrize(
    ("name", "cure"),
    [
        ("gmail-no-such-usr", "did you mean 'gmail-no-such-user'?"),
        ("stalwart-xxxxxxxx", "of stalwart there are: stalwart-greylisted"),
        ("zzz-zzz", "write a code and a text"),
    ],
)
def test_a_name_that_is_not_there(name: str, cure: str) -> None:
    with pytest.raises(Mistake) as caught:
        find(name)

    assert (caught.value.problem, caught.value.cure) == (f"there is no reply {name!r} in the catalogue", cure)


def test_a_reply_at_a_point_that_cannot_know_it() -> None:
    with pytest.raises(ScenarioError, match=r"\$\{to\} is not known at mail"):
        make_rule({"at": "mail", "do": {"reply": "postfix-no-such-user"}})
