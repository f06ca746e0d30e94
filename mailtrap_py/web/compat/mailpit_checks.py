"""Mailpit's two checks of a message: of its links, which are asked; of its HTML, for which there is no data here."""

from __future__ import annotations

import concurrent.futures
import http.client
import ipaddress
import socket
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit

from mailtrap_py.web.compat.wire import BareError

if TYPE_CHECKING:
    from collections.abc import Iterable

_PATIENCE = 10.0  # seconds for a link, as Mailpit has them
_AT_ONCE = 5
_HOPS = 10
_BLOCKED = (451, "Blocked private/reserved address")


def check_html(html: str) -> dict[str, Any]:
    """Refuse: what mail programs support is data that this program does not have."""
    if not html.strip():
        raise BareError("message does not contain HTML")
    raise BareError("the HTML check is not available: there is no data here on what mail programs support")


def check_links(links: Iterable[str], *, follow: bool) -> dict[str, Any]:
    """Ask for every link with HEAD, a few at a time. Addresses of private networks are not asked."""
    web = [link for link in links if link.lower().startswith(("http://", "https://"))]
    with concurrent.futures.ThreadPoolExecutor(_AT_ONCE) as pool:
        found = list(pool.map(lambda link: ask(link, follow=follow), web))
    listed = [
        {"URL": link, "StatusCode": code, "Status": words} for link, (code, words) in zip(web, found, strict=True)
    ]
    bad = sum(code == 0 or code >= HTTPStatus.BAD_REQUEST for code, _ in found)
    return {"Errors": bad, "Links": listed}


def ask(link: str, *, follow: bool) -> tuple[int, str]:
    """Ask for one link: its status code and what it means; 0 when nobody answered."""
    for _ in range(_HOPS if follow else 1):
        try:
            status, target = _head(link)
        except PermissionError:
            return _BLOCKED
        except (OSError, ValueError, http.client.HTTPException) as error:
            return 0, str(error) or type(error).__name__
        if not (follow and target):
            return status, http.client.responses.get(status, str(status))
        link = urljoin(link, target)
    return 0, f"stopped after {_HOPS} redirects"


def _head(link: str) -> tuple[int, str]:
    parts = urlsplit(link)
    secure = parts.scheme.lower() == "https"
    port = parts.port or (443 if secure else 80)
    address = _public_address(parts.hostname or "", port)
    kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
    connection = kind(parts.hostname or "", port, timeout=_PATIENCE)
    # The address that was looked at, and no other: a name may have another one a moment later.
    connection._create_connection = lambda _, *rest: socket.create_connection((address, port), *rest)  # type: ignore[attr-defined]  # noqa: SLF001 - there is no other way
    try:
        path = parts._replace(scheme="", netloc="", fragment="").geturl() or "/"
        connection.request("HEAD", path, headers={"User-Agent": "mailtrap_py"})
        reply = connection.getresponse()
        redirected = reply.status in {301, 302, 303, 307, 308}
        return reply.status, (reply.getheader("Location") or "") if redirected else ""
    finally:
        connection.close()


def _public_address(host: str, port: int) -> str:
    addresses = [str(each[4][0]) for each in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
    for each in addresses:
        if not ipaddress.ip_address(each.partition("%")[0]).is_global:
            raise PermissionError
    return addresses[0]
