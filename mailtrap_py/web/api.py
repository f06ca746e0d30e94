"""The native API as a table of operations: what a route is, how it is served, and what documents it are one thing.

An operation says its method, path, parameters, body and answer; its endpoint is a function of the context and of those,
already read and checked. A plain function runs in a thread, because the store blocks; a coroutine runs on the loop and
is ended when its client goes away. To add a route, add an operation to the table of one of the `api_*` files.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from mailtrap_py.web.bodies import Answer
from mailtrap_py.web.parameters import B, Body, P, Parameters, read_body, read_parameters

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterable

    from starlette.requests import Request

    from mailtrap_py.web.context import Context
    from mailtrap_py.web.problems import Kind


_UNREAD = Response(status_code=204)
"""What is answered when nobody is there any more."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one path. `answer` is the model of a JSON answer, or the media type of another one.

    `endpoint` is called with the context, the parameters, and the body where there is one; it gives an `Answer` or a
    `Response`, or raises `ProblemError`. Its docstring describes it to users, too. `problems` are those beside the ones
    that every operation has: bad parameters, bad bodies, and nothing there where the path names something.
    """

    method: str
    path: str
    endpoint: Callable[..., object]
    parameters: type[Parameters]
    body: type[Body] | None
    answer: type[Answer] | str
    status: int
    problems: tuple[Kind, ...]


def operation(  # noqa: PLR0913 - the columns of a table
    method: str,
    path: str,
    endpoint: Callable[[Context, P], object],
    parameters: type[P],
    answer: type[Answer] | str,
    *,
    problems: tuple[Kind, ...] = (),
) -> Operation:
    """Describe an operation without a body. What a client sends anyhow is not read (RFC 9110, section 9.3.1)."""
    return Operation(method, path, endpoint, parameters, None, answer, 200, problems)


def change(  # noqa: PLR0913, PLR0917 - the columns of a table
    method: str,
    path: str,
    endpoint: Callable[[Context, P, B], object],
    parameters: type[P],
    body: type[B],
    answer: type[Answer] | str,
    *,
    status: int = 200,
    problems: tuple[Kind, ...] = (),
) -> Operation:
    """Describe an operation with a body; `Body` itself stands for one that has nothing to say."""
    return Operation(method, path, endpoint, parameters, body, answer, status, problems)


def respond(answer: Answer, status: int = 200) -> Response:
    """Write an answer as JSON; it is true now and may be otherwise a moment later, so nobody is to keep it."""
    return Response(answer.model_dump_json(by_alias=True), status, {"Cache-Control": "no-store"}, "application/json")


def routes(context: Context, operations: Iterable[Operation]) -> list[Route]:
    """Make the routes of a table: one for each path, in the order of the table, with all its methods."""
    paths: dict[str, dict[str, Operation]] = {}
    for each in operations:
        paths.setdefault(each.path, {})[each.method] = each
    return [Route(path, _serve(context, methods), methods=list(methods)) for path, methods in paths.items()]


def _serve(context: Context, methods: dict[str, Operation]) -> Callable[[Request], Coroutine[Any, Any, Response]]:
    async def endpoint(request: Request) -> Response:
        called = methods["GET" if request.method == "HEAD" else request.method]
        arguments: list[object] = [context, read_parameters(called.parameters, request)]
        if called.body is not None:
            try:
                arguments.append(await read_body(called.body, request))
            except ClientDisconnect:
                return _UNREAD
        if inspect.iscoroutinefunction(called.endpoint):
            result = await _while_connected(request, called.endpoint(*arguments))
        else:
            result = await run_in_threadpool(called.endpoint, *arguments)
        if isinstance(result, Answer):
            return respond(result, called.status)
        assert isinstance(result, Response)  # noqa: S101 - the table says that an endpoint gives one or the other
        if request.method == "HEAD" and isinstance(result, StreamingResponse):
            return StreamingResponse((), result.status_code, result.headers)  # the stream itself may have no end
        return _unless_known(request, result)

    return endpoint


def _unless_known(request: Request, response: Response) -> Response:
    """Leave the content out when the client has it already (RFC 9110, section 13.1.2)."""
    tag = response.headers.get("etag")
    known = {each.strip().removeprefix("W/") for each in request.headers.get("if-none-match", "").split(",")}
    return Response(status_code=304, headers={"ETag": tag}) if tag and known & {tag, "*"} else response


async def _while_connected(request: Request, work: Coroutine[Any, Any, object]) -> object:
    """Do the work, or stop it when the client goes away."""
    working, leaving = asyncio.ensure_future(work), asyncio.ensure_future(_gone(request))
    try:
        await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
        return working.result() if working.done() else _UNREAD
    finally:
        working.cancel()
        leaving.cancel()
        await asyncio.gather(working, leaving, return_exceptions=True)


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
