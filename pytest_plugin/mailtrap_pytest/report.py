"""What is told of a test that failed: what arrived, what was said, what rules did."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    import pytest

    from mailtrap_py import Mailtrap
    from mailtrap_py.handle import Message

_MOST_LINES = 100  # of one session, in a report
_MOST_SESSIONS = 20
_MOST_ATTACHED = 20  # messages

_RESET, _DIM, _RED, _GREEN, _YELLOW, _CYAN = (f"\x1b[{code}m" for code in (0, 2, 31, 32, 33, 36))
_MAGENTA = "\x1b[1;35m"
_LINE = re.compile(r"(?P<time> *[0-9]+\.[0-9]{3}) (?P<who>C:|S:|--) (?P<said>.*?)(?P<rule>   \[[^]]+\])?")
_MORE = re.compile(r" {12}(?P<said>[2-5][0-9]{2}[ -].*?)(?P<rule>   \[[^]]+\])?")
_REPLIES = {"2": _GREEN, "3": _GREEN, "4": _YELLOW, "5": _RED}


def describe(server: Mailtrap, *, judged: bool = False) -> Iterator[str]:
    """Tell what happened, in the order in which one looks for it; what was expected only if it was not judged yet."""
    messages = server.messages
    yield f"{_many(len(messages), 'message')} arrived at {server.host}:{server.port}"
    yield from (f"  {message!r}" for message in messages)
    sessions = server.sessions
    if len(sessions) > _MOST_SESSIONS:
        yield f"... {_many(len(sessions) - _MOST_SESSIONS, 'session')} before"
    for session in sessions[-_MOST_SESSIONS:]:
        facts = session.facts
        yield f"session {facts.number} from {facts.client}:{facts.client_port}, {session.ending or 'still open'}"
        lines = session.transcript.splitlines()
        yield from lines[:_MOST_LINES]
        if len(lines) > _MOST_LINES:
            yield f"... and {len(lines) - _MOST_LINES} lines more"
    scenario, seed = server.home.playing
    rules = server.rules
    if rules:
        yield f"rules of scenario {scenario.name!r}, seed {seed}"
    for rule in rules:
        what = f"fired {_many(rule.fired, 'time')}" if rule.fired else f"never fired: {rule.nearest_miss}"
        yield f"  {rule.id} {what}"
    if failures := [] if judged else server.expect.failures():
        yield "expected, and not so:"
        yield from (f"  {line}" for failure in failures for line in failure.splitlines())


def _many(number: int, thing: str) -> str:
    return f"{number or 'no'} {thing}{'' if number == 1 else 's'}"


def coloured(text: str) -> str:
    """Colour a description for a terminal: who spoke, how it was answered, and which rule made it so."""
    return "\n".join(map(_paint, text.splitlines()))


def _paint(line: str) -> str:
    if found := _LINE.fullmatch(line):
        said, who = found["said"], found["who"]
        colour = _CYAN if who == "C:" else _DIM if who == "--" else _REPLIES.get(said[:1], "")
        return f"{_DIM}{found['time']}{_RESET} {colour}{who} {said}{_RESET}{_rule(found['rule'])}"
    if found := _MORE.fullmatch(line):
        return f"{' ' * 12}{_REPLIES[found['said'][0]]}{found['said']}{_RESET}{_rule(found['rule'])}"
    if line.startswith(("expected,", "  FAIL ")) or " never fired: " in line:
        return f"{_RED}{line}{_RESET}"
    return line


def _rule(text: str | None) -> str:
    return f"{_MAGENTA}{text}{_RESET}" if text else ""


def differences(left: object, right: object) -> list[str] | None:
    """Say how two messages differ, for the explanation of an assertion; None if they are no messages of ours."""
    from mailtrap_py.handle import Message  # noqa: PLC0415 - only for who compares them

    if not isinstance(left, Message) or not isinstance(right, Message):
        return None
    return [f"{left!r} == {right!r}", "", *left.differences(right)]


def attach(item: pytest.Item, report: pytest.TestReport, text: str, servers: Sequence[Mailtrap]) -> None:
    """Give the conversation and the mail to pytest-html and to Allure, where they write a report."""
    messages = [message for server in servers for message in server.messages][:_MOST_ATTACHED]
    if getattr(item.config.option, "htmlpath", None):
        _attach_to_html(report, text, messages)
    if getattr(item.config.option, "allure_report_dir", None):
        _attach_to_allure(text, messages)


def _attach_to_html(report: pytest.TestReport, text: str, messages: Sequence[Message]) -> None:
    from pytest_html import extras  # noqa: PLC0415 - for who has it

    attached = cast("list[object]", getattr(report, "extras", []))
    attached.append(extras.text(text, name="SMTP"))
    for number, message in enumerate(messages, 1):
        raw = message.raw.decode("utf-8", "replace")
        attached.append(extras.text(raw, name=f"mail {number}: {message.subject}"))
    report.extras = attached  # type: ignore[attr-defined]  # pytest-html's own


def _attach_to_allure(text: str, messages: Sequence[Message]) -> None:
    import allure  # noqa: PLC0415 - for who has it

    allure.attach(text, name="SMTP", attachment_type=allure.attachment_type.TEXT, extension="txt")
    for number, message in enumerate(messages, 1):
        name = f"mail {number}: {message.subject}"
        allure.attach(message.raw, name=name, attachment_type="message/rfc822", extension="eml")
