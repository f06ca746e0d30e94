"""Durations and sizes: what is read, and that what is written is read as the same."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailtrap_py.quantities import format_duration, format_size, octets, seconds


@pytest.mark.parametrize(
    ("text", "value"),
    [("500ms", 0.5), ("2s", 2.0), (" 1.5 m ", 90.0), ("1h", 3600.0), ("2d", 172800.0), ("0s", 0.0)],
)
def test_a_duration(text: str, value: float) -> None:
    assert seconds(text) == pytest.approx(value)


@pytest.mark.parametrize("text", ["", "5", "5M", "5S", "-1s", "1e3s", "5 minutes", "s", "9" * 16 + "s", "5s\x00"])
def test_what_is_no_duration(text: str) -> None:
    assert seconds(text) is None


@pytest.mark.parametrize(
    ("text", "value"),
    [("500", 500), ("500B", 500), ("10kb", 10240), (" 1.5 MB ", 1572864), ("2Gb", 2147483648), ("0", 0)],
)
def test_a_size(text: str, value: int) -> None:
    assert octets(text) == value


@pytest.mark.parametrize("text", ["", "KB", "-1", "1e3", "5TB", "5K", "9" * 16, "1,5MB"])
def test_what_is_no_size(text: str) -> None:
    assert octets(text) is None


@pytest.mark.parametrize(
    ("value", "text"), [(0, "0s"), (0.5, "500ms"), (1.5, "1.5s"), (60, "1m"), (3600, "1h"), (172800, "2d"), (90, "90s")]
)
def test_a_duration_is_written_in_the_largest_unit(value: float, text: str) -> None:
    assert format_duration(value) == text


@pytest.mark.parametrize(
    ("value", "text"), [(0, "0"), (500, "500"), (1024, "1KB"), (1536, "1536"), (5 * 1024**2, "5MB"), (1024**3, "1GB")]
)
def test_a_size_is_written_in_the_largest_unit(value: int, text: str) -> None:
    assert format_size(value) == text


@given(st.integers(0, 10**14))
def test_what_is_written_is_read_as_the_same(value: int) -> None:
    assert octets(format_size(value)) == value
    assert seconds(format_duration(value / 1000)) == pytest.approx(value / 1000)
