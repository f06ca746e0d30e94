"""The page of a message, and the frame in which its HTML is shown. Captured HTML is hostile: it is never on a page."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.responses import Response

from mailtrap_py.message import addresses, decode, embed_images, pieces, remote_references, view, visible
from mailtrap_py.pattern import fold_domain
from mailtrap_py.store import Query
from mailtrap_py.web.bodies import writable
from mailtrap_py.web.ui_paging import newer
from mailtrap_py.web.ui_sessions import outcome, rows

if TYPE_CHECKING:
    from starlette.requests import Request

    from mailtrap_py.events import Recipient, Transaction
    from mailtrap_py.message import View
    from mailtrap_py.store import MessageSummary, SessionView, Store
    from mailtrap_py.web.ui_render import Pages

TABS = ("text", "html", "headers", "source", "attachments", "session")
_MOST_SHOWN = 256 * 1024  # octets of a source, characters of a text; the rest is there to be saved

# Nothing runs, nothing is sent, nothing is fetched. A link opens in a tab of its own, and only when somebody clicks it.
_SANDBOX = "sandbox allow-popups allow-popups-to-escape-sandbox"
_NOTHING_REMOTE = f"{_SANDBOX}; default-src 'none'; img-src data:; style-src 'unsafe-inline'; font-src data:"
_REMOTE = (
    f"{_SANDBOX}; default-src 'none'; img-src data: http: https:; style-src 'unsafe-inline' http: https:; "
    "font-src data: http: https:; media-src http: https:"
)
_ALWAYS = "; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
_DOCTYPE = re.compile(r"\s*<!doctype[^>]*>", re.IGNORECASE)
_IN_A_TAB = '<base target="_blank">'
_THUMBNAILS = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})


@dataclass(frozen=True, slots=True)
class Addressee:
    """A recipient of the envelope: whether the header names it, too, and what the client was told about it."""

    address: str
    in_header: bool
    recipient: Recipient | None


class MessagePages:
    """The pages of one message."""

    def __init__(self, pages: Pages) -> None:
        """Show them on these pages."""
        self._pages = pages

    def show(self, request: Request) -> Response:
        """Show a message: under one of its tabs, or under the one that people want first."""
        store = self._pages.context.store
        summary, raw = _read(store, request.path_params["id"])
        tab = request.path_params.get("tab")
        if summary is None or raw is None or tab not in {*TABS, None}:
            return self._pages.missing(request, "message")
        mail = view(raw)
        tab = tab or ("html" if mail.html else "text")
        inbox = request.query_params.get("inbox") or None
        session = store.session(summary.session_id)
        transactions = store.transactions(session_id=summary.session_id)
        transaction = next((each for each in transactions if each.id == summary.transaction_id), None)
        return self._pages.page(
            request,
            f"message_{tab}.html",
            tab=tab,
            message=summary,
            mail=mail,
            session=session,
            transaction=transaction,
            outcome=outcome(transaction) if transaction else None,
            addressees=addressees(summary, mail, transaction),
            older=next(iter(store.messages(Query(inbox), limit=1, before=summary.position).items), None),
            newer=_newer(store, inbox, summary.position),
            **self._tab(request, tab, mail, session),
        )

    def _tab(self, request: Request, tab: str, mail: View, session: SessionView | None) -> dict[str, object]:
        if tab == "text":
            text = mail.text[:_MOST_SHOWN].rstrip()
            return {"pieces": list(pieces(text)) if text else [], "cut": len(mail.text) > _MOST_SHOWN}
        if tab == "html":
            remote = remote_references(mail.html)
            return {"remote": remote, "allowed": request.query_params.get("remote") == "1"}
        if tab == "source":
            return {"source": source(mail.raw[:_MOST_SHOWN]), "cut": len(mail.raw) > _MOST_SHOWN}
        if tab == "attachments":
            return {"thumbnails": _THUMBNAILS}
        if tab == "session" and session is not None:
            store = self._pages.context.store
            return {"rows": rows(session, store.transcript(session.id), store.firings(session_id=session.id))}
        return {}

    def frame(self, request: Request) -> Response:
        """Give the HTML of a message for its frame: its own images in place, and a policy that lets it do nothing."""
        raw = self._pages.context.store.raw(request.path_params["id"])
        if raw is None:
            return self._pages.missing(request, "message")
        mail = view(raw)
        html = embed_images(mail.html, mail.parts)
        doctype = _DOCTYPE.match(html)
        at = doctype.end() if doctype else 0
        policy = _REMOTE if request.query_params.get("remote") == "1" else _NOTHING_REMOTE
        return Response(
            writable(html[:at] + _IN_A_TAB + html[at:]).encode(),
            headers={
                "Content-Security-Policy": policy + _ALWAYS,
                "Referrer-Policy": "no-referrer",
                "X-Content-Type-Options": "nosniff",
                "Cache-Control": "no-store",
            },
            media_type="text/html",
        )


def _read(store: Store, message_id: str) -> tuple[MessageSummary | None, bytes | None]:
    return store.message(message_id), store.raw(message_id)


def _newer(store: Store, inbox: str | None, position: int) -> MessageSummary | None:
    """Find the next newer message."""
    query = Query(inbox, after=position)
    found = newer(lambda before, limit: store.messages(query, limit=limit, before=before).items, position, 1)
    return found[0] if found else None


def addressees(summary: MessageSummary, mail: View, transaction: Transaction | None) -> list[Addressee]:
    """Give everybody the client named in RCPT, the refused ones too, in order."""
    fields = {"to", "cc", "bcc", "resent-to", "resent-cc"}
    named = {
        fold_domain(mailbox.address)
        for name, value in mail.headers
        if name.lower() in fields
        for mailbox in addresses(value)
    }
    recipients = transaction.recipients if transaction else ()
    if recipients:
        return [Addressee(each.address, fold_domain(each.address) in named, each) for each in recipients]
    return [Addressee(address, fold_domain(address) in named, None) for address in summary.recipients]


def source(raw: bytes) -> str:
    """Show the octets of a message as text, control characters as the pictures that Unicode has of them."""
    return "\n".join(visible(decode(line.removesuffix(b"\r"))[0]) for line in raw.split(b"\n"))
