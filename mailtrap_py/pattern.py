"""How people name the mail they mean: one small pattern language for scenarios, searches, waits and tests.

=================  =======================================  ==============================================
written            for an address                           for a text (subject, header, body, helo name)
=================  =======================================  ==============================================
``plain``          the whole address, domain in any case    contained in it, letters in any case
``*@example.com``  the whole, ``*`` any run, ``?`` any one  the whole, letters in any case
``/regex/``        found anywhere in it, case as written    the same
=================  =======================================  ==============================================

Only ``*`` and ``?`` are special: ``[`` is not, because address literals such as ``u@[127.0.0.1]`` contain it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal

_WILD = re.compile(r"[*?]")
_SHORTEST_REGEX = 2  # the two slashes

Kind = Literal["address", "text"]


@lru_cache(maxsize=256)  # the rules of a scenario all ask about the same few addresses
def fold_domain(address: str) -> str:
    """Give the address with its domain in lower case; local parts keep their case (RFC 5321, section 2.4)."""
    local, at, domain = address.rpartition("@")
    return f"{local}{at}{domain.lower()}" if at else address


def _glob(text: str) -> str:
    return "".join({"*": ".*", "?": "."}.get(char, re.escape(char)) for char in text)


@dataclass(frozen=True, slots=True)
class Pattern:
    """A compiled pattern. Raises `ValueError` at once if its regular expression is not one."""

    text: str
    kind: Kind = "text"
    _compiled: re.Pattern[str] | None = field(init=False, repr=False, compare=False, default=None)
    _plain: str = field(init=False, repr=False, compare=False, default="")
    _around: tuple[str, str] | None = field(init=False, repr=False, compare=False, default=None)

    def __post_init__(self) -> None:
        """Compile, so that a pattern that exists can be used."""
        text = self.text
        compiled: re.Pattern[str] | None = None
        if len(text) > _SHORTEST_REGEX and text.startswith("/") and text.endswith("/"):
            try:
                compiled = re.compile(text[1:-1])
            except re.error as error:
                message = f"{text} is not a regular expression: {error}"
                raise ValueError(message) from error
        elif _WILD.search(text):
            folded = fold_domain(text) if self.kind == "address" else text
            flags = re.DOTALL if self.kind == "address" else re.DOTALL | re.IGNORECASE
            compiled = re.compile(rf"\A(?:{_glob(folded)})\Z", flags)
            if self.kind == "address" and text.count("*") == 1 and "?" not in text:
                before, _, after = folded.partition("*")
                object.__setattr__(self, "_around", (before, after))
        object.__setattr__(self, "_compiled", compiled)
        object.__setattr__(self, "_plain", fold_domain(text) if self.kind == "address" else text.casefold())

    @property
    def exact(self) -> str | None:
        """What is compared when nothing in the pattern is special: the address or text, folded. Else None."""
        return self._plain if self._compiled is None else None

    @property
    def group_names(self) -> tuple[str, ...]:
        """The names of what a regular expression picks out, as in `/^(?P<code>[0-9]+)@/`."""
        return tuple(self._compiled.groupindex) if self._compiled else ()

    def groups(self, value: str) -> dict[str, str]:
        """Give what the named groups pick out of a value; nothing, if it does not match."""
        folded = fold_domain(value) if self.kind == "address" else value
        found = self._compiled.search(folded) if self._compiled else None
        return found.groupdict("") if found else {}

    def matches(self, value: str) -> bool:
        """Say whether the value is one of those meant."""
        if self.kind == "address":
            folded = fold_domain(value)
            if self._compiled is None:
                return folded == self._plain
            if self._around is None:
                return bool(self._compiled.search(folded))
            before, after = self._around  # by far the most patterns have one star: four times as fast as the expression
            return folded.startswith(before) and folded.endswith(after) and len(folded) >= len(before) + len(after)
        if self._compiled is None:
            return self._plain in value.casefold()
        return bool(self._compiled.search(value))
