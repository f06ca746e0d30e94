"""What to think of an answer: the step that it makes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mailtrap_py import codes
from mailtrap_py.check.model import Status, Step

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mailtrap_py.check.wire import Answer

_FAILURE = 4  # the first digit from which on a reply is a refusal


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the server was asked: the name of the step, and what was said, without secrets.

    `expect` is the first digit of a good reply. `excused` has codes that do not count against the server, each with the
    sentence that says why. `unasked` is what the server had said before, to nobody's question. `cure` is what to do
    when there is no reply at all.
    """

    name: str
    said: str = ""
    expect: int = 2
    excused: Mapping[int, str] = field(default_factory=dict)
    unasked: tuple[str, ...] = ()
    cure: str = ""


def judge(asked: Asked, answer: Answer, facts: Mapping[str, str] | None = None) -> Step:
    """Judge an answer by the first digit of its code, as RFC 5321, section 4.2.1, wants clients to."""
    notes = answer.odd
    if asked.unasked:
        notes += (f"before it the server said what nobody had asked for: {' / '.join(asked.unasked)}",)
    explained = codes.of_reply(answer.texts) if answer.code else None
    verdict, why, do = answer.problem, "", ""
    if explained is not None:
        verdict, why = f"{explained.codes}: {explained.verdict}", explained.caution
    status = Status.NOTE if notes else Status.OK
    if answer.code in asked.excused:
        status, why = Status.NOTE, asked.excused[answer.code]
    elif answer.code // 100 != asked.expect:
        status = Status.FAILED
        if 0 < answer.code // 100 < _FAILURE:
            why = f"a reply to this has to begin with {asked.expect}"
        else:
            do = explained.do if explained is not None else "" if answer.lines or answer.ended else asked.cure
    return Step(
        name=asked.name,
        status=status,
        verdict=verdict,
        said=asked.said,
        lines=answer.texts,
        code=answer.code,
        enhanced=explained.enhanced.code if explained is not None and explained.enhanced is not None else "",
        seconds=answer.seconds,
        why=why,
        do=do,
        notes=notes,
        facts=facts or {},
    )
