"""The gauntlet as one page of HTML, to keep with a build: nothing is loaded from elsewhere, and nothing is run.

All text goes through `html.escape` in `_element`; clients and commands have written much of it.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator
from html import escape
from importlib.resources import files
from typing import TYPE_CHECKING

from mailtrap_py.cli.gauntlet.run import NOT_MET
from mailtrap_py.cli.gauntlet.table import count
from mailtrap_py.scenario.verdict import Grade

if TYPE_CHECKING:
    from mailtrap_py.cli.gauntlet.reports import Outcome
    from mailtrap_py.cli.gauntlet.run import Heard, Require, Run

_NOTHING = "default-src 'none'; style-src 'unsafe-inline'"  # Content-Security-Policy: only the style that is in it


class _Html(str):
    """Text that is HTML already."""

    __slots__ = ()


def as_html(outcome: Outcome) -> bytes:
    """Write the page."""
    runs = outcome.runs
    head = [
        _Html('<meta charset="utf-8">'),
        _Html('<meta name="viewport" content="width=device-width, initial-scale=1">'),
        _Html(f'<meta http-equiv="Content-Security-Policy" content="{_NOTHING}">'),
        _element("title", f"Gauntlet: {outcome.conclusion}"),
        _Html(f"<style>{files(__package__).joinpath('page.css').read_text('utf-8')}</style>"),
    ]
    body = [
        _element("h1", "Gauntlet"),
        _element("p", _element("code", shlex.join(outcome.command))),
        _element("p", outcome.conclusion, css=f"conclusion {'good' if outcome.passed else 'bad'}"),
        *_totals(runs),
        _element("h2", "Scenarios"),
        _element(
            "table",
            _element("thead", _row("th", "grade", "scenario", "class", "what the client did", "why")),
            _element("tbody", *(_summary(run, outcome.require) for run in runs)),
            css="runs",
        ),
        _element("h2", "What happened"),
        *(_story(run, outcome.require) for run in runs),
        _element("h2", "The grades"),
        _element("dl", *_grades()),
    ]
    page = _element("html", _element("head", *head), _element("body", _element("main", *body)), lang="en")
    return f"<!DOCTYPE html>\n{page}\n".encode("utf-8", "replace")


def _element(name: str, *content: str, css: str = "", **attributes: str) -> _Html:
    """Write an element; what is not HTML yet is escaped."""
    written = "".join(
        f' {key}="{escape(value)}"' for key, value in ({"class": css} | attributes).items() if value or key != "class"
    )
    inside = "".join(part if isinstance(part, _Html) else escape(part) for part in content)
    return _Html(f"<{name}{written}>{inside}</{name}>")


def _row(cell: str, *content: str) -> _Html:
    return _element("tr", *(_element(cell, part) for part in content))


def _totals(runs: Iterable[Run]) -> Iterator[_Html]:
    """Write the totals: a row for each class, a column for each grade that was given."""
    counts = count(runs)
    words = [word for word in (*map(str, Grade), NOT_MET) if any(word in counter for counter in counts.values())]
    yield _element("h2", "Totals")
    yield _element(
        "table",
        _element("thead", _row("th", "class", *words)),
        _element(
            "tbody",
            *(_row("td", class_, *(str(counter[word] or "") for word in words)) for class_, counter in counts.items()),
        ),
        css="totals",
    )


def _badge(run: Run, require: Require) -> _Html:
    kind = "bad" if run.falls_short(require) else "off" if run.word == NOT_MET else "good" if run.passed else "doubt"
    return _element("span", run.word, css=f"badge {kind}")


def _summary(run: Run, require: Require) -> _Html:
    link = _element("a", run.scenario, href=f"#{run.scenario}")
    return _row("td", _badge(run, require), link, run.class_, run.did, run.why)


def _story(run: Run, require: Require) -> _Html:
    """Tell all about one scenario: open when it is what the reader has come for, else folded."""
    imitates = f" Imitates {run.imitates}." if run.imitates else ""
    content = [
        _element("summary", _badge(run, require), " ", _element("b", run.scenario), f" {run.did}"),
        _element("p", f"{run.summary}{imitates}"),
        _element(
            "p",
            f"{run.grade}: {run.grade.meaning}. Class {run.class_}, seed {run.seed}, {run.seconds:.1f} s.",
            css="soft",
        ),
    ]
    if run.expectations or run.unfired:
        results = [
            _element("li", _element("pre", str(result)), css="held" if result.passed else "failed")
            for result in run.expectations
        ]
        content += [
            _element("h3", "Expected of a client"),
            _element("ul", *results, *(_element("li", each, css="failed") for each in run.unfired)),
        ]
    if run.findings:
        content += [
            _element("h3", "Findings"),
            _element(
                "ul",
                *(_element("li", f"{level}: {text} ", _element("code", kind)) for level, kind, text in run.findings),
            ),
        ]
    content += [_element("h3", "Conversation"), *(map(_conversation, run.sessions) if run.sessions else [_NOBODY])]
    content += [_element("h3", "Output of the command"), _element("pre", run.output or "(none)")]
    attributes = {"open": ""} if run.falls_short(require) else {}
    return _element("details", *content, id=run.scenario, **attributes)


def _conversation(heard: Heard) -> _Html:
    lines = (
        _element(
            "span", line.text, *([_element("i", f" rule {line.rule}")] if line.rule else []), "\n", css=line.source
        )
        for line in heard.lines
    )
    return _Html(
        _element("p", f"Session {heard.number}, {heard.protocol}, ended: {heard.ending}", css="soft")
        + _element("pre", *lines, css="talk")
    )


def _grades() -> Iterator[_Html]:
    for grade in Grade:
        yield _element("dt", grade)
        yield _element("dd", grade.meaning + (" (bad)" if grade.bad else ""))
    yield _element("dt", NOT_MET)
    yield _element("dd", "the client never came to where the server fails, so there is nothing to judge")


_NOBODY = _element("p", "No client connected.", css="soft")
