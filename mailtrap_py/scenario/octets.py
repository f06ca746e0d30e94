"""Octets, written as text: a character up to U+00FF is the octet of that number, so that an escape can write each."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from mailtrap_py.scenario.mistakes import Mistake
from mailtrap_py.scenario.values import Text

_LAST = 0xFF


def check_octets(text: str) -> str:
    """Give the text, if every character of it is an octet, and there is one. Raises `Mistake`."""
    if not text:
        raise Mistake("'' is not a text", "write something")
    if wide := next((char for char in text if ord(char) > _LAST), ""):
        octets = "".join(f"\\x{octet:02x}" for octet in wide.encode("utf-8", "surrogatepass"))
        raise Mistake(f"raw is octets, and {wide!r} is not one", f'write "{octets}"')
    return text


def to_bytes(text: str) -> bytes:
    """Give the bytes to send. What was filled in and is no octet is sent as UTF-8."""
    return b"".join(
        char.encode("latin-1") if ord(char) <= _LAST else char.encode("utf-8", "surrogateescape") for char in text
    )


Octets = Annotated[Text, AfterValidator(check_octets), Field(json_schema_extra={"minLength": 1})]
"""Octets as they are written after `raw`; at least one."""
