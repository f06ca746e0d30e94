"""The record of a server that runs elsewhere, read over HTTP."""

from __future__ import annotations

import json
import time
from collections import deque
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from mailtrap_py.errors import SettingError
from mailtrap_py.handle import answers
from mailtrap_py.handle.http import RefusedError, at, part
from mailtrap_py.store import Page, Query

if TYPE_CHECKING:
    from mailtrap_py.events import Firing, Line, Transaction
    from mailtrap_py.handle.http import Client
    from mailtrap_py.store import MessageSummary, SessionView

_MOST_AT_ONCE = 1000  # the API's own limit
_LONGEST_WAIT = 60.0  # of one request; a longer wait takes several

_ALL = Query()


class RemoteRecord:
    """Reads what `Store` reads, in the same words."""

    def __init__(self, client: Client) -> None:
        """Read what a server has."""
        self._client = client

    def messages(self, query: Query = _ALL, *, limit: int = 50, before: int | None = None) -> Page[MessageSummary]:
        """Give the messages that are meant, newest first."""
        answer = self._client.get(
            "/api/messages", **asked(query), limit=max(1, min(limit, _MOST_AT_ONCE)), cursor=before
        )
        found = tuple(map(answers.message, answer["items"][:limit]))
        later = tuple(each for each in found if query.after is None or each.position > query.after)
        cursor = answer["next_cursor"] if len(later) == len(found) and limit else None
        return Page(later, None if cursor is None else int(cursor), answer["total"])

    def raw(self, id: str) -> bytes | None:  # noqa: A002 - the word is the field's
        """Give the exact octets of a message, None when it is gone."""
        return self._unless_gone(f"/api/messages/{part(id)}/raw")

    def sessions(self, *, inbox: str | None = None, limit: int = 50, before: int | None = None) -> Page[SessionView]:
        """Give the sessions, newest first."""
        answer = self._client.get("/api/sessions", inbox=inbox, limit=min(limit, _MOST_AT_ONCE), cursor=before)
        cursor = answer["next_cursor"]
        found = tuple(map(answers.session, answer["items"]))
        return Page(found, None if cursor is None else int(cursor), answer["total"])

    def session(self, id: str) -> SessionView | None:  # noqa: A002 - the word is the field's
        """Give one session, None when it is gone."""
        detail = self._detail(id)
        return None if detail is None else answers.session(detail)

    def transcript(self, session_id: str) -> list[Line]:
        """Give all that was said in a session."""
        detail = self._detail(session_id)
        return [] if detail is None else [answers.line(session_id, item) for item in detail["transcript"]]

    def firings(self, *, session_id: str | None = None, inbox: str | None = None) -> list[Firing]:
        """Give the firings of rules, oldest first."""
        return [answers.firing(item) for item in self._whole("/api/firings", session=session_id, inbox=inbox)]

    def transactions(self, query: Query = _ALL, *, session_id: str | None = None) -> list[Transaction]:
        """Give the transactions that are meant, oldest first, with what came in those that brought no message."""
        wanted = {**asked(query), "session": session_id or query.session_id}
        return [answers.transaction(item, self._content(item)) for item in self._whole("/api/transactions", **wanted)]

    def _content(self, item: answers.Item) -> bytes:
        if item["message_id"] or not item["octets"]:
            return b""
        return self._unless_gone(f"/api/sessions/{part(item['session_id'])}/transactions/{item['number']}/raw") or b""

    def _detail(self, session_id: str) -> Any:  # noqa: ANN401 - what JSON is
        try:
            return self._client.get(f"/api/sessions/{part(session_id)}", secrets="true")
        except RefusedError as refusal:
            if refusal.kind == "not-found":
                return None
            raise

    def _unless_gone(self, path: str) -> bytes | None:
        try:
            return self._client.content(path)
        except RefusedError as refusal:
            if refusal.kind == "not-found":
                return None
            raise

    def _whole(self, path: str, **wanted: object) -> list[answers.Item]:
        found: list[answers.Item] = []
        cursor = None
        while True:
            answer = self._client.get(path, **wanted, limit=_MOST_AT_ONCE, cursor=cursor)
            found += answer["items"]
            if (cursor := answer["next_cursor"]) is None:
                return found


class RemoteWatch:
    """Long polls, one after the other, on a connection of their own."""

    def __init__(self, client: Client, query: Query) -> None:
        """Ask for nothing yet."""
        self._connection = client.connect()
        self._query = query
        self._seen = query.after
        self._found: deque[MessageSummary] = deque()
        self._cancelled = False

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Hang up."""
        self._connection.close()

    def next(self, timeout: float) -> MessageSummary | None:
        """Give the next message that fits, waiting so many seconds for it."""
        deadline = time.monotonic() + timeout
        while not self._found:
            left = max(0.0, deadline - time.monotonic())
            if self._cancelled or (not self._ask(min(left, _LONGEST_WAIT)) and left <= _LONGEST_WAIT):
                return None
        found = self._found.popleft()
        self._seen = found.position
        return found

    def _ask(self, seconds: float) -> bool:
        path = at("/api/messages/wait", **asked(self._query), after=self._seen, timeout=f"{seconds * 1000:.0f}ms")
        try:
            answer = self._connection.ask("GET", path, timeout=seconds)
        except RefusedError as refusal:
            if refusal.kind != "nothing-came":
                raise
            return False
        except SettingError:
            if self._cancelled:  # it was us who hung up
                return False
            raise
        self._found.extend(map(answers.message, json.loads(answer)["items"]))
        return True

    def cancel(self) -> None:
        """Break off."""
        self._cancelled = True
        self._connection.cancel()


def asked(query: Query) -> dict[str, object]:
    """Write a query as parameters; `after` is said elsewhere, where it can be."""
    return {
        "inbox": query.inbox,
        "to": query.to,
        "from_": query.from_,
        "subject": query.subject,
        "session": query.session_id,
    }
