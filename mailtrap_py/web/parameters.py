"""Requests, read strictly: every parameter and every key is known, or the answer says which one it might have been.

A parameter stands in the path when the path names it, in the header of the request when its field says so, and else in
the query. Nothing is ignored and nothing is guessed: a filter that is misspelt would otherwise mean everything.
"""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn, TypeVar, get_origin

from pydantic import BaseModel, ConfigDict, ValidationError

from mailtrap_py.scenario.mistakes import Mistake, nearest
from mailtrap_py.web.problems import BAD_BODY, BAD_PARAMETER, INVALID_BODY, NOT_JSON, TOO_LARGE, Fault, ProblemError

if TYPE_CHECKING:
    from collections.abc import Collection

    from pydantic_core import ErrorDetails
    from starlette.requests import Request

    from mailtrap_py.web.problems import Kind

LARGEST_BODY = 10 * 1024 * 1024
"""The most octets of a request's body that are read."""

_MOST_LISTENED_TO = 10 * LARGEST_BODY

IN_HEADER = {"in": "header"}
"""What a field of `Parameters` says in `json_schema_extra` when it stands in the header of the request."""

P = TypeVar("P", bound="Parameters")
B = TypeVar("B", bound="Body")


class Parameters(BaseModel):
    """The parameters of a request; the base serves routes that take none.

    `name_something`: what they name in the query may not be there (404), as an inbox.
    """

    name_something: ClassVar[bool] = False
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


class Body(BaseModel):
    """The body of a request, a JSON object; the base serves routes that take none."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


def places(model: type[Parameters], path: Collection[str]) -> dict[str, str]:
    """Say where each parameter stands, by the name it is written with: `path`, `header` or `query`."""
    found = {}
    for name, field in model.model_fields.items():
        written = field.alias or name
        found[written] = "path" if written in path else "header" if field.json_schema_extra == IN_HEADER else "query"
    return found


def read_parameters(model: type[P], request: Request) -> P:
    """Read the parameters of a request. Raises `ProblemError` that names all that are wrong."""
    where = places(model, request.path_params)
    query = [name for name, place in where.items() if place == "query"]
    given = request.query_params.multi_items()
    faults = [_unknown(name, query, "parameter") for name, _ in given if name not in query]
    several = _several(model)
    faults += [
        Fault(where=name, detail=f"{name} is given {times} times", cure="give it once")
        for name, times in Counter(name for name, _ in given).items()
        if times > 1 and name in query and name not in several
    ]
    if faults:
        raise _problem(BAD_PARAMETER, faults)
    headers = {
        name: request.headers[name] for name, place in where.items() if place == "header" and name in request.headers
    }
    try:
        lists = {name: request.query_params.getlist(name) for name in several if name in request.query_params}
        return model.model_validate({**dict(given), **lists, **headers, **request.path_params})
    except ValidationError as invalid:
        raise _problem(BAD_PARAMETER, [_fault(model, error) for error in _errors(invalid)]) from None


def _several(model: type[Parameters]) -> set[str]:
    """Give the names of the parameters that may be given more than once: those that are lists."""
    return {field.alias or name for name, field in model.model_fields.items() if get_origin(field.annotation) is list}


async def read_body(model: type[B], request: Request) -> B:
    """Read the body of a request, at most `LARGEST_BODY` octets. Raises `ProblemError` that names all that is wrong."""
    content = await _content(request)
    data = _json_object(content, request.headers.get("content-type", "")) if content.strip() else {}
    try:
        return model.model_validate(data)
    except ValidationError as invalid:
        raise _problem(INVALID_BODY, [_fault(model, error) for error in _errors(invalid)]) from None


async def _content(request: Request) -> bytes:
    content, size = bytearray(), 0
    # Who asks before it sends (RFC 9110, section 10.1.1) is told at once. Everybody else is listened to for a while:
    # most clients read no answer while they are still sending, and would only see the connection break.
    asks, declared = request.headers.get("expect"), request.headers.get("content-length", "")
    if not (asks and declared.isdecimal() and int(declared) > LARGEST_BODY):
        async for chunk in request.stream():
            size += len(chunk)
            if size > _MOST_LISTENED_TO:
                break
            if size <= LARGEST_BODY:
                content += chunk
        else:
            if size <= LARGEST_BODY:
                return bytes(content)
    raise ProblemError(
        TOO_LARGE,
        f"a body may have up to {LARGEST_BODY} octets",
        cure="send less",
        headers={"Connection": "close"},  # what was not read is in the way of the next request
    )


def _json_object(content: bytes, content_type: str) -> dict[str, Any]:
    if content_type.partition(";")[0].strip().lower() != "application/json":
        said = content_type or "nothing"
        raise ProblemError(
            NOT_JSON, f"the Content-Type says {said}", cure="send JSON, and the header Content-Type: application/json"
        )
    try:
        data = json.loads(content, object_pairs_hook=_no_doubled_keys, parse_constant=_no_constant)
        # A lone surrogate ("\ud800") is a string that nothing can write down again.
        json.dumps(data, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise ProblemError(BAD_BODY, f"the body is not JSON: {error}", cure="send one JSON object in UTF-8") from None
    if not isinstance(data, dict):
        raise ProblemError(BAD_BODY, "the body is JSON, but not an object", cure='write {"name": value}')
    return data


def _no_doubled_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    data = dict(pairs)
    if len(data) < len(pairs):
        doubled = next(key for key, times in Counter(key for key, _ in pairs).items() if times > 1)
        message = f"the key {doubled!r} is there twice"
        raise ValueError(message)
    return data


def _no_constant(name: str) -> NoReturn:
    message = f"{name} is no number of JSON"
    raise ValueError(message)


# What is wrong, in words


def _unknown(name: str, known: Collection[str], what: str) -> Fault:
    cure = nearest(name, known) or (f"there are {', '.join(known)}" if known else "leave it out")
    return Fault(where=name, detail=f"there is no {what} {name!r} here", cure=cure)


_WORDS = {
    "missing": "{name} is missing",
    "string_too_short": "{name} is empty",
    "int_parsing": "{name} is {input!r}, which is no whole number",
    "int_type": "{name} is {input!r}, which is no whole number",
    "bool_parsing": "{name} is {input!r}, which is neither true nor false",
    "greater_than_equal": "{name} is {input}; the least is {ge:g}",
    "less_than_equal": "{name} is {input}; the most is {le:g}",
    "value_error": "{name}: {error}",
}


def _errors(invalid: ValidationError) -> list[ErrorDetails]:
    return invalid.errors(include_url=False)


def _fault(model: type[BaseModel], error: ErrorDetails) -> Fault:
    fields = {field.alias or name: field for name, field in model.model_fields.items()}
    place = [str(part) for part in error["loc"]]
    name = ".".join(place) or "the body"
    if error["type"] == "extra_forbidden":
        return _unknown(name, list(fields) if len(place) == 1 else [], "key")
    context = error.get("ctx", {})
    if isinstance(mistake := context.get("error"), Mistake):
        return Fault(where=name, detail=f"{name}: {mistake.problem}", cure=mistake.cure)
    words = _WORDS.get(error["type"], "{name}: {message}")
    detail = words.format(name=name, input=error["input"], message=error["msg"], **context)
    field = fields.get(place[0]) if place else None
    example = next(iter(field.examples or ()), None) if field else None
    return Fault(where=name, detail=detail, cure="" if example is None else f"write it as in {_spelt(example)}")


def _spelt(example: object) -> str:
    return example if isinstance(example, str) else json.dumps(example)


def _problem(kind: Kind, faults: list[Fault]) -> ProblemError:
    more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
    return ProblemError(kind, faults[0].detail + more, cure=faults[0].cure, errors=faults)
