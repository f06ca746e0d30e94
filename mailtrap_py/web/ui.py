"""The pages, over the same record as the API. They only read: what changes something, their script asks of the API."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from mailtrap_py.store import Query
from mailtrap_py.web.ui_message import MessagePages
from mailtrap_py.web.ui_paging import page_before
from mailtrap_py.web.ui_reference import ReferencePages
from mailtrap_py.web.ui_render import STATIC, Pages, position, query
from mailtrap_py.web.ui_scenario import ScenarioPages
from mailtrap_py.web.ui_sessions import SessionPages

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import BaseRoute

    from mailtrap_py.web.context import Context

_PAGE = 50
_AS_WRITTEN = re.compile(r"/.*/|.*[*?].*", re.DOTALL)


def routes(context: Context, describe: Callable[[], dict[str, Any]]) -> list[BaseRoute]:
    """Make the routes of all pages, and of what they are styled and run with; `describe` gives the API's document."""
    pages = Pages(context)
    messages, sessions, scenario = MessagePages(pages), SessionPages(pages), ScenarioPages(pages)
    return [
        Route("/", MailPages(pages).index),
        Route("/messages/{id}", messages.show),
        Route("/messages/{id}/{tab}", messages.show),
        Route("/frames/{id}", messages.frame),
        Route("/sessions", sessions.index),
        Route("/sessions/{id}", sessions.show),
        Route("/scenario", scenario.show),
        Route("/api/docs", ReferencePages(pages, describe).show),
        Mount("/static", StaticFiles(directory=STATIC)),
    ]


@dataclass(frozen=True, slots=True)
class Filter:
    """What was typed above the list. A plain word is meant as a part, in any case; patterns are taken as patterns."""

    to: str
    from_: str
    subject: str
    inbox: str
    search: str

    @classmethod
    def of(cls, request: Request) -> Filter:
        """Read it from the query of a URL."""
        names = ("to", "from", "subject", "inbox", "search")
        return cls(*(request.query_params.get(name, "").strip() for name in names))

    @property
    def given(self) -> bool:
        """Whether it leaves anything out but other inboxes."""
        return bool(self.to or self.from_ or self.subject or self.search)

    @property
    def patterns(self) -> dict[str, str]:
        """The same as the parameters of the API's list, for those that are given."""
        found = {
            "to": _part(self.to),
            "from": _part(self.from_),
            "subject": self.subject,
            "inbox": self.inbox,
            "search": self.search,
        }
        return {name: pattern for name, pattern in found.items() if pattern}

    def query(self) -> Query:
        """Ask the store for it. Raises `ValueError` for a regular expression that is none."""
        given = self.patterns
        return Query(
            given.get("inbox"), given.get("to"), given.get("from"), given.get("subject"), text=given.get("search")
        )


def _part(text: str) -> str:
    """Make a pattern of a part of an address; in the pattern language a plain word would be the whole of it."""
    return text if not text or _AS_WRITTEN.fullmatch(text) else f"/(?i){re.escape(text)}/"


def first_mail(host: str, port: object) -> list[tuple[str, str]]:
    """Give commands that send a first mail, each with the name of what it needs."""
    words = r"Subject: Hello\n\nIt works."
    send = f"smtplib.SMTP('{host.strip('[]')}', {port}).sendmail('me@example.com', ['you@example.com'], '{words}')"
    curl = f"curl smtp://{host}:{port} --mail-from me@example.com --mail-rcpt you@example.com -T -"
    return [("Python", f'python3 -c "import smtplib; {send}"'), ("curl", f"printf '{words}\\n' | {curl}")]


class MailPages:
    """The list of captured mail."""

    def __init__(self, pages: Pages) -> None:
        """Show it on these pages."""
        self._pages = pages

    def index(self, request: Request) -> Response:
        """List the messages, newest first."""
        store = self._pages.context.store
        wanted, problem, page, newer = Filter.of(request), "", None, None
        before = position(request)
        try:
            asked = wanted.query()
            page = store.messages(asked, limit=_PAGE, before=before)
            if before is not None and page.items:
                newer = page_before(
                    lambda before, limit: store.messages(asked, limit=limit, before=before).items,
                    page.items[0].position,
                    _PAGE,
                )
        except ValueError as error:
            problem = str(error)
        delete = query(**wanted.patterns) if wanted.given else query(all="true", inbox=wanted.inbox)
        return self._pages.page(
            request,
            "mail.html",
            wanted=wanted,
            page=page,
            problem=problem,
            before=before,
            newer=newer,
            delete_url=f"/api/messages{delete}",
            commands=first_mail(self._pages.host(request), self._pages.smtp_port),
            sessions=store.sessions(inbox=wanted.inbox or None, limit=0).total,
        )
