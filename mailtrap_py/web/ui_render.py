"""How a page is made: the templates, the words for times and sizes, and the headers under which it goes out."""

from __future__ import annotations

import hashlib
import re
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import Response

from mailtrap_py import codes
from mailtrap_py.message import addresses
from mailtrap_py.web.bodies import writable
from mailtrap_py.web.filters import LAST_POSITION

if TYPE_CHECKING:
    from starlette.requests import Request

    from mailtrap_py.web.context import Context

_HOME = Path(__file__).parent
STATIC = _HOME / "static"

# The pages run their own script and nothing else: captured text that slipped through as markup could do nothing.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; frame-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'self'"
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}

_UNITS = (("year", 31_557_600), ("month", 2_629_800), ("day", 86_400), ("hour", 3600), ("min", 60), ("s", 1))
_KILO = 1000
_CODE = re.compile(r"`([^`]+)`")
_HOST = re.compile(r"[A-Za-z0-9._-]+")


def iso(seconds: float) -> str:
    """Write a time in UTC, as in `2026-07-20T04:51:26.123Z`."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def ago(seconds: float) -> str:
    """Say how long ago that was, as in `5 min ago`."""
    passed = time.time() - seconds
    for unit, length in _UNITS:
        if passed >= length:
            number = int(passed / length)
            plural = "s" if number > 1 and unit not in {"min", "s"} else ""
            return f"{number} {unit}{plural} ago"
    return "just now"


def octets(number: float) -> str:
    """Write a size for people, as in `1.5 kB`."""
    for unit in ("B", "kB", "MB"):
        if number < _KILO:
            return f"{number:.0f} {unit}" if unit == "B" or number >= 100 else f"{number:.1f} {unit}"  # noqa: PLR2004
        number /= _KILO
    return f"{number:.1f} GB"


def duration(seconds: float) -> str:
    """Write a length of time, as in `12 ms`, `1.50 s` or `3 min 5 s`."""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    minutes, rest = divmod(seconds, 60)
    return f"{minutes:.0f} min {rest:.0f} s" if minutes else f"{rest:.2f} s"


def people(field: str) -> str:
    """Name the mailboxes of an address field, by name where there is one."""
    return ", ".join(name or address for name, address in addresses(field)) or field


def position(request: Request) -> int | None:
    """Read from the query of a URL before which position of the record a list is to go on; None for its beginning."""
    before = request.query_params.get("before", "")
    return min(int(before), LAST_POSITION) if before.isdecimal() and before.isascii() else None


def marked(text: str) -> list[tuple[str, bool]]:
    """Cut a text at what stands between backquotes: each piece, and whether it is code."""
    return [(piece, bool(number % 2)) for number, piece in enumerate(_CODE.split(text)) if piece]


def query(**values: object) -> str:
    """Write the query of a URL, without what is empty; nothing at all if everything is."""
    given = {name.rstrip("_"): value for name, value in values.items() if value not in {None, ""}}
    return f"?{urlencode(given, errors='replace')}" if given else ""


class Pages:
    """The templates over a context, and what every page shows of it."""

    def __init__(self, context: Context) -> None:
        """Read the templates when they are first asked for."""
        self.context = context
        self._templates = Environment(
            loader=FileSystemLoader(_HOME / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.filters |= {
            "ago": ago,
            "duration": duration,
            "explained": codes.of_reply,
            "iso": iso,
            "marked": marked,
            "octets": octets,
            "people": people,
        }
        self._templates.globals["query"] = query
        digest = hashlib.sha256(b"".join(file.read_bytes() for file in sorted(STATIC.iterdir())))
        self._version = digest.hexdigest()[:12]

    def host(self, request: Request) -> str:
        """Say by which name this machine was reached, in brackets if it is an IPv6 address: SMTP is there, too."""
        host = request.url.hostname or ""
        return f"[{host}]" if ":" in host else host if _HOST.fullmatch(host) else "localhost"

    @property
    def smtp_port(self) -> object:
        """The port to send mail to."""
        return self.context.status().get("smtp_port", self.context.settings.smtp_port)

    def page(self, request: Request, template: str, /, **values: object) -> Response:
        """Render a page. Octets in it that are no text become U+FFFD."""
        return self._respond(request, template, values, 200)

    def missing(self, request: Request, what: str) -> Response:
        """Say that there is no such thing (any more)."""
        return self._respond(request, "missing.html", {"what": what}, 404)

    def _respond(self, request: Request, template: str, values: dict[str, object], status: int) -> Response:
        known = self.context.status()
        inbox = request.query_params.get("inbox", "")
        inboxes = list(self.context.inboxes)
        active = [
            (each.name, each.director.scenario.name)
            for each in inboxes
            if each.director.rules() and inbox in {"", each.name}
        ]
        html = self._templates.get_template(template).render(
            {
                "path": request.url.path,
                "version": self._version,
                "program_version": known.get("version", ""),
                "host": self.host(request),
                "smtp_port": self.smtp_port,
                "smtps_port": known.get("smtps_port"),
                "upstream": known.get("upstream", ""),
                "inbox": inbox,
                "inboxes": [each.name for each in inboxes],
                "active": active,
                **values,
            }
        )
        return Response(writable(html).encode(), status, _HEADERS, "text/html")
