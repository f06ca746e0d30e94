"""What a correct client does about a scenario: the models of `expect`, one class for what each keyword says.

In YAML each is a mapping of one key, `- retried: {after: 4xx, not_before: 5s}`; `Expectation` is that mapping, with one
of its fields set. What each of them means to the second is in `verdict.py`, which judges them.

A new expectation is a class here, a field of `Expectation`, a function and a line of the table in `verdict.py`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import (
    BeforeValidator,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    WithJsonSchema,
    model_serializer,
    model_validator,
)

from mailtrap_py.scenario.mistakes import Mistake, nearest
from mailtrap_py.scenario.patterns import Addresses, Texts
from mailtrap_py.scenario.quantities import Comparison, Duration
from mailtrap_py.scenario.values import Value, listed

LOST = 451
"""The code that a lost connection counts as: "as if a 451 response had been received" (RFC 5321, section 3.8)."""

_AFTER = re.compile(r"error|lost|[45](?:xx|[0-9]x|[0-9]{2})")
_COPIES: dict[str, Comparison] = {
    "exactly-once": Comparison("=", (1,)),
    "at-least-once": Comparison(">=", (1,)),
    "never": Comparison("=", (0,)),
}


def _read_after(value: object) -> str:
    text = str(value)
    if isinstance(value, int | str) and _AFTER.fullmatch(text):
        return text
    raise Mistake(f"{value!r} is not a failure", "write a code (421), a class (45x, 4xx, 5xx), 'error' or 'lost'")


After = Annotated[
    str,
    BeforeValidator(_read_after),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "integer", "minimum": 400, "maximum": 599},
                {"type": "string", "pattern": rf"^({_AFTER.pattern})$"},
            ],
            "description": "The failure: a code (421), a class (4xx, 5xx, 45x), 'error' (any), or 'lost' (no reply).",
            "examples": ["4xx", 421, "error", "lost"],
        }
    ),
]


def after_matches(after: str, code: int, *, lost: bool = False) -> bool:
    """Say whether a failure is one of those meant.

    `error` is any of them; `lost` is a connection that ended with a reply still owed, which also counts as its code
    (`LOST`) does; an `x` stands for any digit.
    """
    if after == "lost":
        return lost
    digits = f"{code:03d}"
    return after == "error" or all(wanted in {digit, "x"} for wanted, digit in zip(after, digits, strict=False))


def _hide_null(schema: dict[str, Any]) -> None:
    """Leave out of a JSON Schema that a field which may be absent is `None` in Python: nobody should write null."""
    for part in schema.get("properties", {}).values():
        if "default" in part and part["default"] is None:
            del part["default"]
        kinds = [kind for kind in part.get("anyOf", []) if kind != {"type": "null"}]
        if len(kinds) == 1:
            del part["anyOf"]
            part.update(kinds[0] | part)


class _Part(Value):
    """The manners of all: nothing is written out that was not said."""

    model_config = ConfigDict(json_schema_extra=_hide_null)

    @model_serializer(mode="wrap")
    def _without_none(self, handler: SerializerFunctionWrapHandler) -> object:
        return self._shorten({key: value for key, value in handler(self).items() if value is not None})

    def _shorten(self, data: dict[str, Any]) -> object:
        return data


class MessageMatch(_Part):
    """Which messages are meant; several keys are joined by *and*."""

    to: Addresses | None = Field(default=None, description="Any envelope recipient.")
    from_: Addresses | None = Field(default=None, alias="from", description="The reverse-path.")
    subject: Texts | None = Field(default=None, description="The decoded Subject field.")
    message_id: Texts | None = Field(default=None, description="The Message-ID field.")


def _word_or_mapping(schema: dict[str, Any]) -> None:
    _hide_null(schema)
    mapping = {key: schema.pop(key) for key in ("type", "properties", "additionalProperties")}
    schema["anyOf"] = [{"type": "string", "enum": list(_COPIES)}, mapping]


class Delivered(_Part):
    """`exactly-once`, `at-least-once`, `never`, or how many copies of each message that matches."""

    model_config = ConfigDict(json_schema_extra=_word_or_mapping)

    match: MessageMatch | None = Field(default=None, description="Which messages; without it, all.")
    copies: Comparison = Field(default=Comparison("=", (1,)), json_schema_extra={"default": 1})

    @model_validator(mode="before")
    @classmethod
    def _read_word(cls, value: object) -> object:
        if not isinstance(value, Mapping | Delivered):
            if str(value) not in _COPIES:
                cure = f"write one of {', '.join(_COPIES)}; or {{match: ..., copies: 1}}"
                raise Mistake(f"{value!r} does not say how often", cure)
            return {"copies": _COPIES[str(value)]}
        return value

    def _shorten(self, data: dict[str, Any]) -> object:
        words = [word for word, copies in _COPIES.items() if copies == self.copies]
        return words[0] if words and self.match is None else data


class Retried(_Part):
    """Mail that failed came again, and no sooner, later or more often than this."""

    after: After = "4xx"
    not_before: Duration | None = Field(default=None, description="Each attempt is at least this long after the last.")
    within: Duration | None = Field(default=None, description="The first new attempt is no longer after the failure.")
    at_most: Annotated[int, Field(ge=1)] | None = Field(default=None, description="So many new attempts at most.")


class NotRetried(_Part):
    """Mail that was refused did not come again."""

    after: After = "5xx"
    within: Duration | None = Field(default=None, description="Only new attempts this soon after the failure count.")


class Reconnected(_Part):
    """After the failure the client opened another connection."""

    after: After = "421"
    within: Duration | None = Field(default=None, description="It did so no longer after the failure.")


class NotReused(_Part):
    """After the failure the client used the connection for QUIT only."""

    after: After = "error"


class GaveUp(_Part):
    """The client left a silent server, and no later than this."""

    within: Duration


class Waited(_Part):
    """The client did not leave a slow server sooner than this."""

    at_least: Duration


def _one_of_the_keys(schema: dict[str, Any]) -> None:
    _hide_null(schema)
    schema.update(minProperties=1, maxProperties=1)


_Early = Annotated[
    tuple[Literal["greeting", "ehlo", "starttls", "auth", "data", "message"], ...],
    Field(min_length=1),
    BeforeValidator(listed),
]
_Plaintext = Annotated[tuple[Literal["auth", "mail"], ...], Field(min_length=1), BeforeValidator(listed)]


class Expectation(_Part):
    """One expectation: exactly one of these keys, and what is expected of it."""

    model_config = ConfigDict(json_schema_extra=_one_of_the_keys)

    delivered: Delivered | None = Field(
        default=None, description="Every message was stored so many times for each of its recipients."
    )
    retried: Retried | None = Field(
        default=None, description="Mail that was deferred came again, in time, and not too often."
    )
    not_retried: NotRetried | None = Field(
        default=None, description="Mail that was refused for good did not come again."
    )
    only_retried: Literal["refused"] | None = Field(
        default=None, description="Only recipients that were not accepted were sent to again."
    )
    reconnected: Reconnected | None = Field(
        default=None, description="After the failure the client came back on a new connection."
    )
    not_reused: NotReused | None = Field(
        default=None, description="After the failure the client asked nothing more of the connection than QUIT."
    )
    not_early: _Early | None = Field(
        default=None, description="The client said nothing more before it had the whole reply to these."
    )
    gave_up: GaveUp | None = Field(default=None, description="The client left a silent server before its deadline.")
    waited: Waited | None = Field(default=None, description="The client was patient with a slow server.")
    ends_with: Literal["quit"] | None = Field(
        default=None, description="Connections that were the client's to end were ended by QUIT."
    )
    no_plaintext: _Plaintext | None = Field(
        default=None,
        description="No credentials (auth) or no envelope (mail) went over the wire before TLS, or over TLS made bad.",
    )
    client_said: Literal["failure", "success", "truth"] | None = Field(
        default=None, description="The command's exit code says so, or what the client was told of its mail."
    )
    fired: Annotated[Mapping[str, Comparison], Field(min_length=1)] | None = Field(
        default=None, description="Rules fired so many times."
    )

    @model_validator(mode="before")
    @classmethod
    def _one_key(cls, value: object) -> object:
        if not isinstance(value, Mapping) or len(value) != 1:
            count = f", and this has {len(value)}" if isinstance(value, Mapping) else ""
            raise Mistake(f"an expectation is a mapping of one key{count}", "write each as '- delivered: exactly-once'")
        key, said = next(iter(value.items()))
        if key not in cls.model_fields:
            cure = nearest(str(key), cls.model_fields) or f"write one of {', '.join(cls.model_fields)}"
            raise Mistake(f"there is no expectation {key!r}", cure)
        if said is None:
            raise Mistake(f"nothing is expected of {key!r}", f"write what, or '{key}: {{}}' for its defaults")
        return value

    @property
    def key(self) -> str:
        """The keyword of the expectation, as in `retried`."""
        return next(key for key in type(self).model_fields if getattr(self, key) is not None)

    def describe(self) -> str:
        """Give the words of the scenario, as in `retried: {after: 4xx, not_before: 5s}`; no default is spelt out."""
        return _flow(self.model_dump(by_alias=True, exclude_unset=True))[1:-1]


def _flow(value: object) -> str:
    """Write plain data as YAML writes it on one line."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {_flow(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list | tuple) and len(value) == 1:
        return _flow(value[0])
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_flow(each) for each in value) + "]"
    text = str(value)
    return f'"{text}"' if re.search(r"[\s{}\[\],:*&#?|<>=!%@`'\"]", text) else text
