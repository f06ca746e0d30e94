"""The page of the scenario in force: its rules and what became of them, and the library to choose another one from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from mailtrap_py.clock import ManualClock, ScaledClock
from mailtrap_py.inbox import DEFAULT
from mailtrap_py.web.api_scenario import shipped

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from mailtrap_py.clock import Clock
    from mailtrap_py.scenario import Rule
    from mailtrap_py.web.ui_render import Pages


class ScenarioPages:
    """The page of the scenario."""

    def __init__(self, pages: Pages) -> None:
        """Show it on these pages."""
        self._pages = pages

    def show(self, request: Request) -> Response:
        """Show the scenario of an inbox, and those that could take its place."""
        inboxes = self._pages.context.inboxes
        name = request.query_params.get("inbox") or DEFAULT
        if name not in inboxes:
            return self._pages.missing(request, "inbox")
        inbox = inboxes.get(name)
        director = inbox.director
        return self._pages.page(
            request,
            "scenario.html",
            shown=inbox,
            scenario=director.scenario,
            rules=[(state, written(state.rule)) for state in director.rules()],
            expectations=[words(each) for each in director.scenario.as_data().get("expect", ())],
            clock=clock_words(inbox.clock),
            now=inbox.clock.now(),
            library=shipped(),
        )


def written(rule: Rule) -> dict[str, str]:
    """Give the parts of a rule as a scenario file says them."""
    data = rule.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    return {name: words(data.get(name, "")) for name in ("when", "count")}


def words(value: object) -> str:
    """Write plain data on one line, as in YAML, without its outermost brackets."""
    if isinstance(value, Mapping):
        return ", ".join(f"{key}: {_inner(each)}" for key, each in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(map(_inner, value))
    return str(value).lower() if isinstance(value, bool) else str(value)


def _inner(value: object) -> str:
    if isinstance(value, Mapping):
        return f"{{{words(value)}}}"
    if isinstance(value, list | tuple):
        return words(value) if len(value) == 1 else f"[{words(value)}]"  # one needs no list, as in the file
    return words(value)


def clock_words(clock: Clock) -> str:
    """Say how the clock runs."""
    if isinstance(clock, ManualClock):
        return "moved by hand"
    speed = clock.speed if isinstance(clock, ScaledClock) else 1.0
    return "real" if speed == 1.0 else f"{speed:g} times as fast as real"
