"""The compatible APIs over a real record, and what shows whether an answer has every field of the reference."""

from __future__ import annotations

from typing import Any

Shape = Any
"""A type, a tuple of types, a list of one shape, or a mapping of names to shapes."""

TEXT, NUMBER, FLAG = str, int, bool


def differences(value: object, shape: Shape, place: str = "answer") -> list[str]:
    """Say where an answer has other fields, or fields of another type, than the reference has."""
    if isinstance(shape, dict):
        if not isinstance(value, dict):
            return [f"{place} is {value!r}"]
        found = [f"{place} has no {name}" for name in shape if name not in value]
        found += [f"{place} has {name}, too" for name in value if name not in shape]
        return found + [
            each for name in shape if name in value for each in differences(value[name], shape[name], f"{place}.{name}")
        ]
    if isinstance(shape, list):
        if not isinstance(value, list):
            return [f"{place} is {value!r}, not a list"]
        return [each for number, one in enumerate(value) for each in differences(one, shape[0], f"{place}[{number}]")]
    if isinstance(shape, tuple):
        fits = any(not differences(value, each, place) for each in shape)
    else:
        fits = type(value) is shape or value is shape is None
    return [] if fits else [f"{place} is {value!r}, not {shape}"]
