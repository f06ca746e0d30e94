"""Flags made of the settings: each field of `Settings` becomes an option of a command, none is written twice."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Annotated

import typer

from mailtrap_py.settings import entries

if TYPE_CHECKING:
    from collections.abc import Callable, Container

    from mailtrap_py.settings import Entry

Flag = str | list[str] | None  # as typer found it on the command line; `None` when it was not given


def with_settings(*, only: Container[str] | None = None) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command a flag for every setting, or for some, in place of its `**flags`.

    The values arrive as text: `Settings.load` reads them, so that flags and variables are read and refused alike.
    """

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        own = [
            parameter
            for parameter in inspect.signature(command, eval_str=True).parameters.values()
            if parameter.kind is not inspect.Parameter.VAR_KEYWORD
        ]
        flags = [_parameter(entry) for entry in entries() if only is None or entry.name in only]
        # typer reads a command's signature; this is the only way to hand it one that was not typed by hand
        vars(command)["__signature__"] = inspect.Signature([*own, *flags])
        command.__annotations__ = {parameter.name: parameter.annotation for parameter in (*own, *flags)}
        return command

    return decorate


def _parameter(entry: Entry) -> inspect.Parameter:
    option = typer.Option(
        entry.flag,
        metavar=entry.metavar,
        help=f"{entry.help} [default: {entry.default}]",
        show_default=False,
    )
    annotation: object = Annotated[list[str] | None if entry.several else str | None, option]
    return inspect.Parameter(entry.name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation)
