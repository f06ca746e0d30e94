"""What reply codes and enhanced status codes mean, in plain English: `codes.json`, read when somebody first asks.

The data has every reply code of RFC 5321, RFC 4954 and the extensions that SMTP servers use, and IANA's registry of
enhanced status codes (RFC 5248) as it was on 2024-12-06. A code that is not in it is explained by its digits, which is
how a client has to take it (RFC 5321, section 4.3.2).
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

FILE = Path(__file__).with_name("codes.json")

_ENHANCED = r"[245]\.[0-9]{1,3}\.[0-9]{1,3}(?![.0-9])"
# Anywhere in a text: a server's own line, a line of a log, or an exception such as (550, b'5.1.1 No such user').
_CODES = re.compile(
    rf"(?<![.:\w-])(?:(?P<reply>[2-5][0-9]{{2}})(?![\w.:])(?:(?:[ -]|,? *b?[\"']) *(?P<with>{_ENHANCED}))?"
    rf"|(?P<alone>{_ENHANCED}))"
)
_LINE = re.compile(rf"(?P<reply>[2-5][0-9]{{2}})(?:(?P<more>-)|[ \r\n]|\Z)(?:(?P<enhanced>{_ENHANCED}))?")


@dataclass(frozen=True, slots=True)
class Meaning:
    """What one code means: `verdict` in two or three words, `means` as a sentence, `do` what a client should do.

    `do` is empty for an enhanced code: it is the reply code that says what to do. `known` is false for a code that no
    registry has; it is explained by its digits.
    """

    code: str
    verdict: str
    means: str
    source: str
    do: str = ""
    known: bool = True


@dataclass(frozen=True, slots=True)
class Explanation:
    """What a reply means, by the codes in it. `caution` is a sentence when the two codes contradict each other."""

    reply: Meaning | None
    enhanced: Meaning | None
    do: str
    caution: str = ""

    @property
    def codes(self) -> str:
        """The codes, as in `550 5.7.1`."""
        return " ".join(each.code for each in (self.reply, self.enhanced) if each is not None)

    @property
    def verdict(self) -> str:
        """The shortest way to say it: that of the reply code, and of an enhanced code that says more."""
        reply, enhanced = self.reply, self.enhanced
        if reply is None or enhanced is None:
            return next((each.verdict for each in (reply, enhanced) if each is not None), "")
        vague = not enhanced.known or enhanced.code.endswith(".0") or enhanced.code.startswith("2")
        same = enhanced.verdict in reply.verdict
        return reply.verdict if vague or same else f"{reply.verdict}, {enhanced.verdict}"


def explain(text: str) -> Explanation:
    """Explain the first reply in a text: `550`, `4.2.2`, `550 5.7.1`, a line that a server sent, or an exception.

    Raises `ValueError` when there is no code in it.
    """
    found = find(text)
    if found is None:
        message = f"there is no reply code in {text!r}: write one of three digits, as in 550, or 5.7.1, or both"
        raise ValueError(message)
    return explanation(*found)


def find(text: str) -> tuple[str, str] | None:
    """Find the reply code in a text and the enhanced code behind it; either may be empty, not both.

    Where several numbers could be one, as in `port 587: 535 5.7.8 No`, it is the first that has both; else the first.
    """
    found = [(each["reply"] or "", each["with"] or each["alone"] or "") for each in _CODES.finditer(text)]
    return next((each for each in found if all(each)), found[0] if found else None)


def of_reply(lines: Sequence[str]) -> Explanation | None:
    """Explain the lines of a reply as a server sent them; `None` for what is no reply, or not all of one."""
    found = [_LINE.match(line) for line in lines]
    last = found[-1] if found else None
    if last is None or last["more"]:
        return None
    return explanation(last["reply"], next((each["enhanced"] for each in found if each and each["enhanced"]), ""))


@lru_cache(maxsize=1024)  # pages ask for the same few again and again; codes come from servers, so there is a limit
def explanation(reply: str, enhanced: str = "") -> Explanation:
    """Explain a reply by its code of three digits and its enhanced code; one of the two may be empty."""
    of_reply = reply_meaning(reply) if reply else None
    of_enhanced = enhanced_meaning(enhanced) if enhanced else None
    first = reply[:1] or enhanced[:1]
    caution = ""
    if reply and enhanced and reply[0] != enhanced[0]:
        caution = (
            f"The codes contradict each other: {reply} begins with {reply[0]}, {enhanced} with {enhanced[0]}. "
            f"The first digit of {reply} is what counts (RFC 5321, section 4.3.2)."
        )
    do = of_reply.do if of_reply is not None else _table("digits")[first].do
    return Explanation(of_reply, of_enhanced, do, caution)


def reply_meaning(code: str | int) -> Meaning:
    """Say what a reply code means. Raises `ValueError` for what cannot be one: it is a number from 200 to 599."""
    text = str(code)
    if not re.fullmatch(r"[2-5][0-9]{2}", text, re.ASCII):
        message = f"{text!r} is not a reply code: that has three digits, and the first is 2, 3, 4 or 5"
        raise ValueError(message)
    of_digit = _table("digits")[text[0]]
    known = _table("replies").get(text)
    if known is not None:
        return Meaning(text, known.verdict, known.means, known.source, known.do or of_digit.do)
    group = _table("groups").get(text[1])
    means = f"{of_digit.means} {group.means}" if group else of_digit.means
    return Meaning(text, of_digit.verdict, means, of_digit.source, of_digit.do, known=False)


def enhanced_meaning(code: str) -> Meaning:
    """Say what an enhanced status code such as `5.7.1` means. Raises `ValueError` for what cannot be one."""
    if not re.fullmatch(_ENHANCED, code, re.ASCII):
        message = f"{code!r} is not an enhanced status code: that is 2, 4 or 5 and two numbers, as in 5.7.1"
        raise ValueError(message)
    digit, subject, detail = code.split(".")
    of_class = _table("classes")[digit]
    known = _table("enhanced").get(f"X.{int(subject)}.{int(detail)}")
    if known is not None:
        return Meaning(code, known.verdict, known.means, known.source)
    about = _table("subjects").get(str(int(subject)))
    means = f"{of_class.means} It is about {about.means}." if about else of_class.means
    verdict = f"something about {about.means}" if about else "not in the registry"
    return Meaning(code, verdict, means, of_class.source, known=False)


def known_replies() -> tuple[str, ...]:
    """List the reply codes of the data, in their order."""
    return tuple(_table("replies"))


def known_enhanced() -> tuple[str, ...]:
    """List the enhanced codes of the data as the registry writes them, `X.7.1`, in their order."""
    return tuple(_table("enhanced"))


def registered(code: str) -> Meaning:
    """Give what the registry has for a code as it writes it, `X.7.1`. Raises `KeyError` when it has none."""
    return _table("enhanced")[code]


@cache
def _table(name: str) -> Mapping[str, Meaning]:
    """Read one table of the data: every entry by its code."""
    entries = _data()[name]
    return {
        each["code"]: Meaning(each["code"], each.get("verdict", ""), each["means"], each["source"], each.get("do", ""))
        for each in entries
    }


@cache
def _data() -> Mapping[str, list[dict[str, str]]]:
    data: Mapping[str, list[dict[str, str]]] = json.loads(FILE.read_text("utf-8"))
    return data
