"""Replies as they are written in a scenario: one line, several, or in parts. The reply is what the author wrote."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated

from pydantic import PlainSerializer, PlainValidator, WithJsonSchema

from mailtrap_py.events import Reply
from mailtrap_py.scenario import catalogue
from mailtrap_py.scenario.mistakes import Mistake, unknown_key
from mailtrap_py.scenario.points import PLACEHOLDER, fill
from mailtrap_py.scenario.values import as_text, listed

_PARTS = ("code", "enhanced", "lines")
_ID = re.compile(catalogue.ID_PATTERN)
_ENHANCED = re.compile(r"[245]\.[0-9]{1,3}\.[0-9]{1,3}")
_FIRST, _LAST = 200, 599  # RFC 5321, section 4.2: the first digit is 2 to 5, and 1yz is not used in SMTP
BLANK_CODE = 0
"""The code of a reply whose code is only known when the rule fires, as in `${code} 4.2.0 Busy`."""

_NO_CODE = Reply(451, "4.3.0", ("The scenario has a reply whose code is none",))
_BREAKS = str.maketrans("\r\n", "  ")
_AS_IN = "as in '450 4.2.1 Mailbox busy'"


def read_reply(value: object) -> Reply:
    """Read a reply. Raises `Mistake`.

    Several lines, as a YAML block or as a list, each begin with the code; the hyphens are set here. Where the enhanced
    code differs from line to line, or stands on some only, the lines stay as they were written.
    """
    if isinstance(value, Reply):
        return value
    if isinstance(value, Mapping):
        return _from_parts(value)
    if isinstance(value, str) and _ID.fullmatch(value):
        return catalogue.find(value)
    lines = [line for each in listed(value) for line in _split(as_text(each))]
    if not lines:
        raise Mistake("a reply has at least one line", f"write a code and a text, {_AS_IN}")
    if any(PLACEHOLDER.match(line) for line in lines):
        return Reply(BLANK_CODE, "", tuple(lines), "\n".join(lines).encode("utf-8", "surrogateescape"))
    replies = [_read_line(line) for line in lines]
    codes = {reply.code for reply in replies}
    if len(codes) > 1:
        raise Mistake("the lines of a reply have one code", f"these have {', '.join(map(str, sorted(codes)))}")
    enhanced = {reply.enhanced for reply in replies}
    if len(enhanced) == 1:
        return Reply(codes.pop(), enhanced.pop(), tuple(reply.text for reply in replies))
    return Reply(codes.pop(), "", tuple(line[4:] for line in lines))


def filled(reply: Reply, names: Mapping[str, str]) -> Reply:
    """Fill in `${to}` and its like. What a client sent cannot end a line of the reply."""
    if not any("${" in line for line in reply.lines):
        return reply
    if reply.code == BLANK_CODE:
        try:
            return read_reply([fill(line, names) for line in reply.lines])
        except Mistake:
            return _NO_CODE
    safe = {name: value.translate(_BREAKS) for name, value in names.items()}
    return Reply(reply.code, reply.enhanced, tuple(fill(line, safe) for line in reply.lines))


def _split(text: str) -> list[str]:
    return text.rstrip("\r\n").replace("\r\n", "\n").split("\n")


def _read_line(line: str) -> Reply:
    try:
        reply = Reply.parse(line)
    except ValueError:
        raise Mistake(f"{line!r} is not a reply", f"write a code of three digits and a text, {_AS_IN}") from None
    _check_code(reply.code)
    return reply


def _check_code(code: int, path: tuple[str, ...] = ()) -> None:
    if not _FIRST <= code <= _LAST:
        cure = f"a code is {_FIRST} to {_LAST}; 'raw' sends anything else"
        raise Mistake(f"{code} is not the code of a reply", cure, path)


def _from_parts(parts: Mapping[object, object]) -> Reply:
    for key in parts:
        if key not in _PARTS:
            raise unknown_key(str(key), "a reply", _PARTS, (str(key),))
    code = parts.get("code")
    if isinstance(code, bool) or not isinstance(code, int):
        raise Mistake("a reply has a code", f"write 'code: 450', not {code!r}", ("code",) if "code" in parts else ())
    _check_code(code, ("code",))
    enhanced = as_text(parts.get("enhanced", ""))
    if enhanced and not _ENHANCED.fullmatch(enhanced):
        raise Mistake(f"{enhanced!r} is not an enhanced code", "write three numbers, as in 4.2.1", ("enhanced",))
    lines = tuple(line for each in listed(parts.get("lines", "")) for line in _split(as_text(each)))
    if not lines:
        raise Mistake("a reply has at least one line", "write its text, or leave 'lines' out", ("lines",))
    return Reply(code, enhanced, lines)


def _write(reply: Reply) -> str | list[str]:
    lines = str(reply).split("\r\n")
    return lines[0] if len(lines) == 1 else lines


_ID_SCHEMA = {"type": "string", "pattern": f"^{catalogue.ID_PATTERN}$", "description": "An id of the catalogue."}
_LINE = {"type": "string", "pattern": r"^([2-5][0-9]{2}([ -]|$)|[^\n]*\$\{)"}
_CODE = {"type": "integer", "minimum": _FIRST, "maximum": _LAST}

ReplyText = Annotated[
    Reply,
    PlainValidator(read_reply),
    PlainSerializer(_write),
    WithJsonSchema(
        {
            "anyOf": [
                _LINE,
                _CODE,
                _ID_SCHEMA,
                {"type": "array", "items": {"anyOf": [_LINE, _CODE]}, "minItems": 1},
                {
                    "type": "object",
                    "properties": {
                        "code": _CODE | {"description": "Three digits."},
                        "enhanced": {
                            "type": "string",
                            "pattern": rf"^({_ENHANCED.pattern})?$",
                            "description": "The enhanced status code, as in 4.2.1 (RFC 3463).",
                        },
                        "lines": {
                            "anyOf": [
                                {"type": "string"},
                                {"type": "array", "items": {"type": "string"}, "minItems": 1},
                            ],
                            "description": "The text, one line or several.",
                        },
                    },
                    "required": ["code"],
                    "additionalProperties": False,
                },
            ],
            "description": "A reply: '450 4.2.1 Mailbox busy', such lines, {code, enhanced, lines}, or an id.",
            "examples": ["450 4.2.1 Mailbox busy", {"code": 450, "enhanced": "4.2.1", "lines": ["Mailbox", "busy"]}],
        }
    ),
]
