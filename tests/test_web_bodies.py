"""Answers: read off any value with such attributes, and always writable."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
from pydantic import ValidationError

from mailtrap_py.store import Page
from mailtrap_py.web.bodies import Answer, HeaderItem, HeaderList, Listing, MessageItem, SessionItem, moment, writable


class Said(Answer):
    text: str
    more: dict[str, list[str]]


@dataclass
class Source:
    text: str
    more: dict[str, tuple[str, ...]]
    other: int = 1


def test_an_answer_is_read_off_a_value() -> None:
    said = Said.model_validate(Source("hello", {"a": ("b",)}))

    assert json.loads(said.model_dump_json()) == {"text": "hello", "more": {"a": ["b"]}}


def test_a_lone_surrogate_is_replaced_wherever_it_is() -> None:
    said = Said.model_validate(Source("a\udcffb", {"\ud800": ("x\udfff", "\U0001f600")}))

    assert json.loads(said.model_dump_json()) == {"text": "a\ufffdb", "more": {"\ufffd": ["x\ufffd", "\U0001f600"]}}


@pytest.mark.parametrize(
    ("text", "written"), [("plain", "plain"), ("\udcff", "\ufffd"), ("\ud83d\ude00", "\ufffd\ufffd"), ("é😀", "é😀")]
)
def test_writable_text_can_be_encoded(text: str, written: str) -> None:
    assert writable(text) == written
    assert writable(text).encode().decode() == written


def test_an_answer_says_no_more_than_is_documented() -> None:
    with pytest.raises(ValidationError):
        Said.model_validate({"text": "a", "more": {}, "other": 1})


def test_a_listing_of_everything_ends_here() -> None:
    listing = HeaderList.whole([HeaderItem(name="a", value="b")])

    assert json.loads(listing.model_dump_json()) == {
        "items": [{"name": "a", "value": "b"}],
        "next_cursor": None,
        "total": 1,
    }


@pytest.mark.parametrize(("following", "cursor"), [(7, "7"), (None, None), (0, "0")])
def test_a_part_of_a_listing_says_what_follows(following: int | None, cursor: str | None) -> None:
    listing = HeaderList.part(Page((HeaderItem(name="a", value="b"),), following, 9))

    assert (listing.next_cursor, listing.total, len(listing.items)) == (cursor, 9, 1)


def test_a_moment_has_its_zone() -> None:
    assert moment(0.25) == datetime(1970, 1, 1, 0, 0, 0, 250_000, UTC)


@pytest.mark.parametrize("model", [MessageItem, SessionItem, HeaderList])
def test_every_field_is_always_there(model: type[Answer]) -> None:
    schema = model.model_json_schema(mode="serialization")

    assert schema["required"] == list(schema["properties"])


def test_every_listing_has_the_same_three_keys() -> None:
    def below(model: type[Answer]) -> list[type[Answer]]:
        return [each for child in model.__subclasses__() for each in (child, *below(child))]

    lists = [model for model in below(Listing) if model.__name__.isidentifier()]
    assert len(lists) >= 8
    assert {tuple(model.model_fields) for model in lists} == {("items", "next_cursor", "total")}
