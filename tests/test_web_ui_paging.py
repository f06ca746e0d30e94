"""Going back in a list, on lists with holes of every size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailtrap_py.web.ui_paging import newer, page_before


@dataclass(frozen=True)
class Item:
    position: int


class Items:
    """A list as the record gives it, and how much was asked of it."""

    def __init__(self, positions: Sequence[int]) -> None:
        self.items = [Item(position) for position in sorted(positions, reverse=True)]
        self.most = 0

    def read(self, before: int | None, limit: int) -> list[Item]:
        self.most = max(self.most, limit)
        return [item for item in self.items if before is None or item.position < before][:limit]


@given(st.sets(st.integers(1, 5000), max_size=60), st.integers(0, 5001), st.integers(1, 10))
def test_the_next_newer_are_given(positions: set[int], position: int, count: int) -> None:
    found = newer(Items(list(positions)).read, position, count)

    assert [item.position for item in found] == sorted(each for each in positions if each > position)[:count][::-1]


@given(st.sets(st.integers(1, 2000), min_size=1, max_size=60), st.integers(1, 7))
def test_every_part_is_met_again_on_the_way_back(positions: set[int], count: int) -> None:
    items = Items(list(positions))
    parts, before = [], None
    while part := items.read(before, count):
        parts.append(part)
        before = part[-1].position

    for part, last in zip(parts[1:], parts, strict=False):
        back = page_before(items.read, part[0].position, count)
        assert back is not None
        assert items.read(back if isinstance(back, int) else None, count) == last


@pytest.mark.parametrize(("position", "before"), [(3, None), (2, ""), (1, 4)])
def test_where_the_part_before_begins(position: int, before: int | str | None) -> None:
    assert page_before(Items([1, 2, 3]).read, position, 2) == before


def test_nothing_has_nothing_before_it() -> None:
    assert page_before(Items([]).read, 0, 2) is None


def test_a_long_list_is_not_read_to_its_end() -> None:
    items = Items(range(1, 10_000))

    newer(items.read, 5000, 50)

    assert items.most == 64
