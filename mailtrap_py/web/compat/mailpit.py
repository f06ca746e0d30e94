"""Mailpit's API at /api/v1 (version 1.30), over the record: so that its clients work unchanged."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from mailtrap_py.message import view
from mailtrap_py.store import Query
from mailtrap_py.web.compat.mailpit_chaos import Chaos
from mailtrap_py.web.compat.mailpit_checks import check_html, check_links
from mailtrap_py.web.compat.mailpit_search import parse, read_date
from mailtrap_py.web.compat.mailpit_send import read_draft
from mailtrap_py.web.compat.mailpit_shapes import headers_json, message_json, summary_json
from mailtrap_py.web.compat.wire import BareError, answer, json_body, not_found, number, ok, served, string, strings
from mailtrap_py.web.compose import submit
from mailtrap_py.web.files import SANDBOX, file, media_type

if TYPE_CHECKING:
    from starlette.requests import Request

    from mailtrap_py.store import MessageSummary
    from mailtrap_py.web.compat.mailbox import Mailbox
    from mailtrap_py.web.context import Context

VERSION = "v1.30.5"
"""Whose API this is: clients read it to know what they may ask."""

_LATEST = "latest"
# A JPEG of one grey pixel, for what is no image.
_BLANK = bytes.fromhex(
    "ffd8ffe000104a46494600010100000100010000ffdb004300080606070605080707070909080a0c140d0c0b0b0c1912130f141d1a1f1e1d1a"
    "1c1c20242e2720222c231c1c2837292c30313434341f27393d38323c2e333432ffc0000b080001000101011100ffc40014000100000000000000"
    "000000000000000009ffc40014100100000000000000000000000000000000ffda0008010100003f0054bfffd9"
)


class Mailpit:
    """The routes of Mailpit's API."""

    def __init__(self, context: Context, mailbox: Mailbox) -> None:
        """Serve this mailbox."""
        self._context = context
        self._box = mailbox
        self._chaos = Chaos(context.inboxes)

    def routes(self, *, lists: bool) -> list[Route]:
        """Make the routes; `lists` is off when /api/v1/messages is MailHog's."""
        one = "/api/v1/message/{id}"
        table: list[tuple[str, dict[str, Any]]] = [
            ("/api/v1/search", {"GET": self.search, "DELETE": self.delete_search}),
            ("/api/v1/send", {"POST": self.send}),
            (one, {"GET": self.message}),
            (f"{one}/headers", {"GET": self.headers}),
            (f"{one}/raw", {"GET": self.raw}),
            (f"{one}/part/{{part}}", {"GET": self.part}),
            (f"{one}/part/{{part}}/thumb", {"GET": self.thumb}),
            (f"{one}/release", {"POST": self.release}),
            (f"{one}/html-check", {"GET": self.html_check}),
            (f"{one}/link-check", {"GET": self.link_check}),
            ("/api/v1/tags", {"GET": self.tags, "PUT": self.set_tags}),
            ("/api/v1/tags/{tag}", {"PUT": self.rename_tag, "DELETE": self.delete_tag}),
            ("/api/v1/info", {"GET": self.info}),
            ("/api/v1/webui", {"GET": self.web_ui}),
            ("/api/v1/chaos", {"GET": self.chaos, "PUT": self.set_chaos}),
        ]
        if lists:
            table.append(("/api/v1/messages", {"GET": self.messages, "PUT": self.mark, "DELETE": self.delete}))
        return [Route(path, by_method(methods), methods=list(methods)) for path, methods in table]

    # Lists

    def messages(self, request: Request) -> Response:
        """List messages, newest first; `limit` 0 means all."""
        start, limit = number(request, "start", 0), number(request, "limit", 50)
        before = read_date(request.query_params.get("before", ""))
        found = self._box.page(start, limit or None, before=before)
        total, unread = self._box.total(), self._box.unread()
        return self._listed(found, start=start, total=total, unread=unread, matching=(total, unread))

    def search(self, request: Request) -> Response:
        """List the messages that fit a query, newest first; `limit` 0 means none."""
        start, limit = number(request, "start", 0), number(request, "limit", 50)
        before = read_date(request.query_params.get("before", ""))
        found = [each for each in self._found(request) if before is None or each.at < before]
        unread = sum(not self._box.is_read(each) for each in found)
        return self._listed(
            found[start : start + limit],
            start=start,
            total=self._box.total(),
            unread=self._box.unread(),
            matching=(len(found), unread),
        )

    def _found(self, request: Request) -> list[MessageSummary]:
        query = request.query_params.get("query", "").strip()
        if not query:
            raise BareError("Error: no search query")
        return list(self._box.search(parse(query, request.query_params.get("tz", ""))))

    def _listed(
        self, found: list[MessageSummary], *, start: int, total: int, unread: int, matching: tuple[int, int]
    ) -> Response:
        messages = [self.summary(each) for each in found]
        return answer(
            {
                "total": total,
                "unread": unread,
                "count": len(found),
                "messages_count": matching[0],
                "messages_unread": matching[1],
                "start": start,
                "tags": list(self._box.all_tags(read=False)),
                "messages": messages,
            }
        )

    def summary(self, message: MessageSummary) -> dict[str, Any]:
        """Make the MessageSummary of a message."""
        box = self._box
        return summary_json(message, box.digest(message), read=box.is_read(message), tags=box.tags(message))

    def mark(self, request: Request) -> Response:
        """Mark messages as read or not: those named, those that a search finds, or else all."""
        body = json_body(request)
        ids, query = strings(body, "ids"), string(body, "search")
        if ids and query:
            raise BareError("you may specify either IDs or a search query, not both")
        if query:
            ids = [each.id for each in self._box.search(parse(query, request.query_params.get("tz", "")))]
        elif not ids:
            ids = [each.id for each in self._box.all()]
        self._box.marks.set_read(ids, read=bool(body.get("read")))
        return ok()

    def delete(self, request: Request) -> Response:
        """Delete the messages that are named; everything, when none is, or the body cannot be read: so does Mailpit."""
        try:
            ids = strings(json_body(request), "ids")
        except BareError:
            ids = []
        if ids:
            for each in dict.fromkeys(ids):
                self._context.store.delete_message(each)
        else:
            self._context.store.delete_messages(Query())
        return ok()

    def delete_search(self, request: Request) -> Response:
        """Delete the messages that fit a query."""
        for found in self._found(request):
            self._context.store.delete_message(found.id)
        return ok()

    # One message

    def one(self, request: Request) -> tuple[MessageSummary, bytes]:
        """Find the message of a path; `latest` is the newest, or the newest that fits `query`. Raises `BareError`."""
        name = request.path_params["id"]
        if name == _LATEST:
            query = request.query_params.get("query", "").strip()
            found = self._box.search(parse(query, request.query_params.get("tz", ""))) if query else self._box.all()
            message = next(iter(found), None)
            if message is None:
                raise BareError("Message not found", 404)
        else:
            message = self._context.store.message(name)
        raw = None if message is None else self._context.store.raw(message.id)
        if message is None or raw is None:
            raise not_found()
        return message, raw

    def message(self, request: Request) -> Response:
        """Show a message, and mark it as read."""
        message, raw = self.one(request)
        self._box.marks.set_read([message.id], read=True)
        return answer(message_json(message, raw, tags=self._box.tags(message)))

    def headers(self, request: Request) -> Response:
        """Give every field of the header, by name."""
        return answer(headers_json(self.one(request)[1]))

    def raw(self, request: Request) -> Response:
        """Give the octets of a message."""
        message, raw = self.one(request)
        if request.query_params.get("dl") == "1":
            return file(message.id, raw, "text/plain; charset=utf-8", f"{message.id}.eml")
        return Response(raw, headers={"Content-Type": "text/plain; charset=utf-8", "Content-Security-Policy": SANDBOX})

    def part(self, request: Request) -> Response:
        """Give what a part carries."""
        message, raw = self.one(request)
        name = request.path_params["part"]
        for part in view(raw).parts:
            if str(part.index) == name:
                tag = f"{message.id}-{part.index}"
                return file(tag, part.data, media_type(part), part.filename, disposition="inline")
        raise not_found()

    def thumb(self, request: Request) -> Response:
        """Give a part that is a JPEG as it is, and a blank image for every other."""
        _, raw = self.one(request)
        name = request.path_params["part"]
        data = next(
            (part.data for part in view(raw).parts if str(part.index) == name and part.content_type == "image/jpeg"),
            _BLANK,
        )
        return Response(data, media_type="image/jpeg", headers={"Content-Security-Policy": SANDBOX})

    def release(self, request: Request) -> Response:
        """Refuse: no relay is configured, as with a Mailpit that has none."""
        self.one(request)
        raise BareError("SMTP relay is not configured")

    def html_check(self, request: Request) -> Response:
        """Count the HTML; there is no data here on what mail programs support."""
        return answer(check_html(view(self.one(request)[1]).html))

    def link_check(self, request: Request) -> Response:
        """Ask for every link, because somebody asked for that; and mark the message as read."""
        if request.headers.get("sec-fetch-site", "none") not in {"none", "same-origin"}:
            raise BareError("Blocked due to CORS violation", 403)  # no other site's page has links opened from here
        message, raw = self.one(request)
        self._box.marks.set_read([message.id], read=True)
        follow = request.query_params.get("follow") in {"true", "1"}
        return answer(check_links(view(raw).links, follow=follow))

    # Sending

    def send(self, request: Request) -> Response:
        """Submit a message; the only route of Mailpit whose errors are JSON."""
        try:
            written = json.loads(request.state.body)
            headers = next((value for key, value in written.items() if key.lower() == "headers"), None) or {}
            raw, sender, recipients = read_draft(json_body(request), headers, hostname=self._context.settings.hostname)
        except BareError as error:
            return JSONResponse({"Error": error.text}, error.status)
        except (ValueError, AttributeError) as error:
            return JSONResponse({"Error": str(error)}, 400)
        return answer({"ID": submit(self._context.store, raw, reverse_path=sender, recipients=recipients).id})

    # Tags

    def tags(self, _: Request) -> Response:
        """List the tags."""
        return answer(list(self._box.all_tags()))

    def set_tags(self, request: Request) -> Response:
        """Give messages these tags, and no others."""
        body = json_body(request)
        ids, tags = strings(body, "ids"), strings(body, "tags")
        for each in ids:
            self._box.marks.set_tags(each, tags)
        return ok()

    def rename_tag(self, request: Request) -> Response:
        """Call a tag otherwise."""
        old, new = self._tag(request), string(json_body(request), "name")
        if not new.strip():
            raise BareError(f"invalid tag name: {new}")
        if new.lower() != old.lower() and new in self._box.all_tags():
            raise BareError(f"tag already exists: {new}")
        self._box.marks.rename_tag(old, new)
        return ok()

    def delete_tag(self, request: Request) -> Response:
        """Take a tag off all messages."""
        self._box.marks.rename_tag(self._tag(request), "")
        return ok()

    def _tag(self, request: Request) -> str:
        name: str = request.path_params["tag"]
        if name not in self._box.all_tags():
            raise BareError(f"tag not found: {name}")
        return name

    # The server

    def info(self, _: Request) -> Response:
        """Say what is here."""
        status, tally, box = self._context.status(), self._context.tally, self._box
        uptime = status.get("uptime", 0)
        accepted = sum(tally.of("messages").values())
        return answer(
            {
                "Version": VERSION,
                "LatestVersion": VERSION,
                "Database": self._context.settings.store or "mailtrap_py",
                "DatabaseSize": 0,
                "Messages": box.total(),
                "Unread": box.unread(),
                "Tags": box.all_tags(),
                "RuntimeStats": {
                    "Uptime": int(uptime) if isinstance(uptime, int | float) else 0,
                    "Memory": _memory(),
                    "MessagesDeleted": box.marks.deleted,
                    "SMTPAccepted": accepted,
                    "SMTPAcceptedSize": sum(tally.of("octets").values()),
                    "SMTPRejected": max(0, sum(tally.of("transactions").values()) - accepted),
                    "SMTPIgnored": 0,
                },
            }
        )

    def web_ui(self, _: Request) -> Response:
        """Say what Mailpit's own page may offer."""
        return answer(
            {
                "Label": "",
                "MessageRelay": {
                    "Enabled": False,
                    "SMTPServer": "",
                    "ReturnPath": "",
                    "AllowedRecipients": "",
                    "BlockedRecipients": "",
                    "OverrideFrom": "",
                    "PreserveMessageIDs": False,
                    "RecipientAllowlist": "",
                },
                "SpamAssassin": False,
                "ChaosEnabled": True,
                "DuplicatesIgnored": False,
                "HideDeleteAllButton": False,
            }
        )

    def chaos(self, _: Request) -> Response:
        """Give the triggers."""
        return answer(self._chaos.state())

    def set_chaos(self, request: Request) -> Response:
        """Set the triggers, all of them."""
        self._chaos.set(json_body(request))
        return answer(self._chaos.state())


def by_method(methods: dict[str, Any]) -> Any:  # noqa: ANN401 - an endpoint of Starlette
    """Make one endpoint of the functions for each method of a path."""
    endpoints = {method: served(work) for method, work in methods.items()}

    async def endpoint(request: Request) -> Response:
        return await endpoints["GET" if request.method == "HEAD" else request.method](request)

    return endpoint


def _memory() -> int:
    """Count the octets of memory that this program holds; 0 where the system does not say."""
    try:
        with open("/proc/self/statm", encoding="ascii") as file:  # noqa: PTH123 - a file of the kernel
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return 0
