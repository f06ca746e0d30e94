"""What the readers give; how they are met as flags and variables is in `test_settings`."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from mailtrap_py import written


@pytest.mark.parametrize(
    ("read", "text", "value"),
    [
        (written.networks, "10.1.2.3", ("10.1.2.3/32",)),
        (written.networks, ["10.1.2.3/8", "fd00::/8"], ("10.0.0.0/8", "fd00::/8")),
        (written.some_of("A", "B"), "a", ("A",)),
        (written.some_of("A", "B"), ["b", "A", "B"], ("B", "A")),
        (written.whole, "7", 7),
        (written.whole, 7, 7),
        (written.or_off(written.whole), "OFF", None),
        (written.or_off(written.whole), None, None),
        (written.or_off(written.whole), "3", 3),
    ],
)
def test_what_is_written(read: Callable[[object], object], text: object, value: object) -> None:
    assert read(text) == value


@pytest.mark.parametrize(
    ("read", "text", "words"),
    [
        (written.networks, "mail.example", "is no network"),
        (written.networks, 7.5, "is no network"),
        (written.some_of("PLAIN", "LOGIN"), "plane", "did you mean PLAIN"),
        (written.some_of("PLAIN", "LOGIN"), 7, "is not one of"),
        (written.whole, "0", "whole number from 1"),
        (written.whole, True, "not a number"),
        (written.or_off(written.whole), "none", "not a number"),
    ],
)
def test_what_cannot_be_used(read: Callable[[object], object], text: object, words: str) -> None:
    with pytest.raises(written.UnfitError, match=words):
        read(text)
