"""The judges of what became of the mail: `delivered`, `retried`, `not_retried`, `only_retried`."""

from __future__ import annotations

from collections.abc import Iterator

from mailtrap_py.quantities import format_duration
from mailtrap_py.scenario.attempts import Attempt, Failure
from mailtrap_py.scenario.expectation import Delivered, NotRetried, Retried
from mailtrap_py.scenario.verdict.case import TOLERANCE, Case, Ruling, count


def delivered(expected: Delivered, case: Case) -> Ruling:
    """Judge `delivered`: for each message that is meant and each of its recipients, so many stored copies.

    A recipient that was refused for good counts only if it was stored all the same. One that was deferred, or whose
    connection was lost, and that nobody sent to again, has 0 copies. With no message and nobody waiting for one, it
    holds only where 0 copies are right. `match: {to: …}` picks recipients, the other keys pick messages. A message that
    a command was asked for, and that never came, has 0 copies.
    """
    meant = [fate for fate in case.fates if fate.matches(expected.match) and (fate.copies or not fate.refused)]
    wrong = [fate for fate in meant if not expected.copies.matches(len(fate.copies))]
    if not meant:
        which = "no message that matches" if expected.match else "no message"
        return Ruling(expected.copies.matches(0), (f"{which} was stored",))
    if not wrong and case.absent and expected.match is None and not expected.copies.matches(0):
        return Ruling(passed=False, evidence=(case.absent,))
    if not wrong:
        messages, recipients = count(len({fate.key for fate in meant}), "message"), count(len(meant), "recipient")
        times = " or ".join(_copies(copies) for copies in sorted({len(fate.copies) for fate in meant}))
        return Ruling(passed=True, evidence=(f"{messages} for {recipients}, {times}",))
    lines: list[str] = []
    for fate in wrong:
        lines.append(f"{fate.describe()}: {_copies(len(fate.copies))}, not {expected.copies}")
        lines += [f"{case.evidence.when(copy.clock)} stored as {copy.id}" for copy in fate.copies]
    return Ruling(passed=False, evidence=tuple(lines))


def _copies(copies: int) -> str:
    return {0: "never stored", 1: "stored once", 2: "stored twice"}.get(copies, f"stored {copies} times")


def retried(expected: Retried, case: Case) -> Ruling:
    """Judge `retried`: each mail that failed so came again.

    `within` bounds the time from the failure to the next attempt; `not_before` is the least time from each failure to
    the attempt after it; `at_most` bounds the new attempts of a mail. Attempts after the first that did not fail so are
    not counted. A mail need not be tried until it succeeds: that is what `delivered` asks.
    """
    rows = case.setbacks(expected.after)
    if not rows:
        return Ruling(
            passed=False, evidence=(f"nothing failed with {expected.after}, so nothing could be tried again",)
        )
    wrong: list[str] = []
    right: list[str] = []
    for attempt, setback, again in rows:
        chain = _until_success(again, expected.after)
        faults = list(_faults(expected, setback.failure, chain, case))
        shown = [case.show_failure(attempt, setback.failure), *map(case.show_start, chain)]
        if faults:
            wrong += [*shown, *faults]
        else:
            right += shown
    return Ruling(not wrong, tuple(wrong or right))


def _until_success(again: tuple[Attempt, ...], after: str) -> tuple[Attempt, ...]:
    ends = (position for position, attempt in enumerate(again, 1) if attempt.setback(after) is None)
    return again[: next(ends, len(again))]


def _faults(expected: Retried, failure: Failure, chain: tuple[Attempt, ...], case: Case) -> Iterator[str]:
    if not chain:
        yield f"it never came again (watched for {case.evidence.until - failure.clock:.3f}s)"
        return
    first = chain[0].began - failure.clock
    if expected.within is not None and first > expected.within + TOLERANCE:
        yield f"it came again after {first:.3f}s, later than {format_duration(expected.within)}"
    if expected.not_before is not None:
        for attempt in chain:
            gap = max(0.0, attempt.began - failure.clock)
            if gap < expected.not_before - TOLERANCE:
                yield f"it came again after {gap:.3f}s, sooner than {format_duration(expected.not_before)}"
            setback = attempt.setback(expected.after)
            failure = setback.failure if setback else failure
    if expected.at_most is not None and len(chain) > expected.at_most:
        yield f"it came again {count(len(chain), 'time')}, more than {expected.at_most}"


def not_retried(expected: NotRetried, case: Case) -> Ruling:
    """Judge `not_retried`: no mail that failed so came again, to a recipient that failed so.

    `within` looks only so far behind each failure. What happens after the run was over is not known; the evidence says
    when it was watched for a shorter time than asked.
    """
    lines: list[str] = []
    watched = expected.within if expected.within is not None else 0.0
    shortest = watched
    rows = case.setbacks(expected.after)
    for attempt, setback, again in rows:
        failure = setback.failure
        soon = [each for each in again if expected.within is None or each.began - failure.clock <= watched + TOLERANCE]
        shortest = min(shortest, case.evidence.until - failure.clock)
        if soon:
            lines += [case.show_failure(attempt, failure), *map(case.show_start, soon)]
    if lines:
        return Ruling(passed=False, evidence=tuple(lines))
    note = f"{count(len(rows), 'mail')} failed with {expected.after}, none came again"
    if shortest < watched - TOLERANCE:
        note += f" (watched for {shortest:.3f}s of {format_duration(watched)})"
    return Ruling(passed=True, evidence=(note,))


def only_retried(expected: str, case: Case) -> Ruling:
    """Judge `only_retried: refused`: no recipient is sent a message again that the client was told is taken.

    After a lost reply the client was told nothing, so that sending again is right. An attempt whose content was not
    seen is taken for another mail unless it names a recipient that was refused.
    """
    lines: list[str] = []
    again = 0
    for position, attempt in enumerate(case.attempts):
        if not attempt.taken:
            continue
        for later in case.attempts[position + 1 :]:
            if not attempt.same_mail(later) or not (later.key or later.addresses & set(attempt.refused)):
                continue
            again += 1
            if twice := attempt.taken & later.addresses:
                lines += [case.show_start(attempt), case.show_start(later)]
                lines.append(f"sent again to {', '.join(f'<{address}>' for address in sorted(twice))}")
    if lines:
        return Ruling(passed=False, evidence=tuple(lines))
    return Ruling(
        passed=True, evidence=(f"{count(again, 'new attempt')}, none to a recipient that was not {expected}",)
    )
