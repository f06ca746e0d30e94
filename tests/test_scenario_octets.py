"""Octets, written as text."""

from __future__ import annotations

import pytest
from pydantic import TypeAdapter, ValidationError

from mailtrap_py.scenario.octets import Octets, to_bytes

ADAPTER: TypeAdapter[str] = TypeAdapter(Octets)


@pytest.mark.parametrize("octets", [b"25", bytes(range(256))])
def test_every_octet_can_be_written(octets: bytes) -> None:
    assert to_bytes(ADAPTER.validate_python(octets.decode("latin-1"))) == octets


def test_what_was_filled_in_is_sent_as_it_came() -> None:
    assert to_bytes("zo\u20ac\udcff") == b"zo\xe2\x82\xac\xff"


@pytest.mark.parametrize(
    ("text", "problem"),
    [("250 \u20ac", r'is not one; write "\\xe2\\x82\\xac"'), ("", "'' is not a text; write something")],
)
def test_what_is_no_octets(text: str, problem: str) -> None:
    with pytest.raises(ValidationError, match=problem):
        ADAPTER.validate_python(text)
