"""Errors over HTTP: one envelope for all of them, that of RFC 9457, with a `cure` where there is one.

A route raises `ProblemError` with one of the kinds below; what it does not foresee becomes one of them too. The name of
a kind ends its `type` and stays as it is, because programs compare it; titles and details are for people.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import ConfigDict
from starlette.exceptions import HTTPException
from starlette.responses import Response

from mailtrap_py.errors import MailtrapError, ScenarioError, SettingError, UpstreamError
from mailtrap_py.web.bodies import Answer

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from starlette.requests import Request
    from starlette.types import ExceptionHandler

MEDIA_TYPE = "application/problem+json"

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of problem: the last part of its type, its status code and its title."""

    name: str
    status: int
    title: str

    @property
    def type(self) -> str:
        """The `type` of RFC 9457, section 3.1.1: a name, not an address to fetch."""
        return f"urn:mailtrap-py:{self.name}"


BAD_PARAMETER = Kind("bad-parameter", 400, "A parameter cannot be used")
BAD_BODY = Kind("bad-body", 400, "The body cannot be read")
UNAUTHORIZED = Kind("unauthorized", 401, "Only for those who may")
CROSS_SITE = Kind("cross-site", 403, "Another site's page may not do this")
NOT_FOUND = Kind("not-found", 404, "There is no such thing")
WRONG_METHOD = Kind("wrong-method", 405, "This cannot be done here")
CONFLICT = Kind("conflict", 409, "Not in this state")
TOO_MANY = Kind("too-many", 409, "More came than was waited for")
TOO_LARGE = Kind("too-large", 413, "The body is too large")
NOT_JSON = Kind("not-json", 415, "The body is not JSON")
WRONG_HOST = Kind("wrong-host", 421, "Not the name of this server")
INVALID_BODY = Kind("invalid-body", 422, "The body says something that cannot be")
INVALID_SCENARIO = Kind("invalid-scenario", 422, "The scenario cannot be used")
INTERNAL = Kind("internal", 500, "A fault of this program")
UPSTREAM = Kind("upstream", 502, "The real server failed")
NOT_READY = Kind("not-ready", 503, "Not ready")
# Not 408: browsers, OkHttp and others repeat a request by themselves when they are told 408, and would wait twice.
NOTHING_CAME = Kind("nothing-came", 504, "It did not come in time")

KINDS = {kind.name: kind for kind in list(vars().values()) if isinstance(kind, Kind)}

_BY_STATUS = {kind.status: kind for kind in (NOT_FOUND, WRONG_METHOD)}


class Fault(Answer):
    """One thing that is wrong with a parameter or a body, and what to write instead."""

    where: str
    detail: str
    cure: str = ""


class Miss(Answer):
    """A message that came but was not the one waited for, and why; or one too many."""

    id: str
    why: str


class Problem(Answer):
    """What every error is answered with (RFC 9457): `type`, `title`, `status` and `detail`, and what is known beside.

    `cure` says what to write or do instead; `where` names the place in a scenario; `errors` lists all that is wrong
    with a request; `misses` lists the mail that a wait has seen but did not take.
    """

    model_config = ConfigDict(json_schema_serialization_defaults_required=False)

    type: str
    title: str
    status: int
    detail: str
    cure: str | None = None
    where: str | None = None
    errors: list[Fault] | None = None
    misses: list[Miss] | None = None


class ProblemError(Exception):
    """Answer a request with a problem. Raised by routes, caught by the application."""

    def __init__(  # noqa: PLR0913 - the members of the envelope
        self,
        kind: Kind,
        detail: str,
        *,
        cure: str = "",
        where: str = "",
        errors: Sequence[Fault] = (),
        misses: Sequence[Miss] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Say what is wrong; what is left empty is left out of the answer."""
        super().__init__(detail)
        self.headers = headers
        self.problem = Problem(
            type=kind.type,
            title=kind.title,
            status=kind.status,
            detail=detail,
            cure=cure or None,
            where=where or None,
            errors=list(errors) or None,
            misses=list(misses) if kind in {NOTHING_CAME, TOO_MANY} else None,
        )

    def response(self) -> Response:
        """Write the envelope."""
        content = self.problem.model_dump_json(exclude_none=True).encode()
        headers = {"Cache-Control": "no-store", **(self.headers or {})}
        return Response(content, self.problem.status, headers, MEDIA_TYPE)


def _raised(_: Request, error: Exception) -> Response:
    if not isinstance(error, ProblemError):
        raise error
    return error.response()


def _not_routed(request: Request, error: Exception) -> Response:
    """Answer for the router: no such path, or a method that the path does not know."""
    if not isinstance(error, HTTPException):
        raise error
    kind = _BY_STATUS.get(error.status_code, Kind("http", error.status_code, error.detail))
    detail, cure = error.detail, ""
    path = request.url.path
    if kind is NOT_FOUND:
        detail, cure = f"nothing is at {path}", "/api/openapi.json lists what there is"
        if path != "/" and path.endswith("/"):
            cure = f"leave out the last slash: {path.rstrip('/')}"
    elif kind is WRONG_METHOD:
        allowed = (error.headers or {}).get("Allow", "")
        detail, cure = f"{request.method} means nothing at {path}", f"use {allowed}"
    return ProblemError(kind, detail, cure=cure, headers=error.headers).response()


def _for_people(_: Request, error: Exception) -> Response:
    if isinstance(error, ScenarioError):
        return ProblemError(INVALID_SCENARIO, error.problem, where=error.where, cure=error.cure).response()
    if isinstance(error, UpstreamError):
        return ProblemError(UPSTREAM, error.problem, cure=error.cure).response()
    if isinstance(error, SettingError):
        return ProblemError(INVALID_BODY, error.problem, cure=error.cure).response()
    raise error


def _unforeseen(request: Request, error: Exception) -> Response:
    _log.error("%s %s failed", request.method, request.url.path, exc_info=error)
    detail = f"{request.method} {request.url.path} failed: {type(error).__name__}"
    return ProblemError(INTERNAL, detail, cure="the log of the server has the details; please report them").response()


def handlers() -> dict[type[Exception], ExceptionHandler]:
    """Give what the application does with exceptions, by their class."""
    return {
        ProblemError: _raised,
        HTTPException: _not_routed,
        MailtrapError: _for_people,
        Exception: _unforeseen,
    }
