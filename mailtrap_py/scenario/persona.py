"""How real servers talk when all is well, as data: one file of `personas/` each, read when a persona is first named.

A persona is the greeting, the capabilities in their order, the words of the normal replies, and limits; every text
and every number with its source. What a server has no source for is said in the trap's own words.

To add one: a file in `personas/`, named as people will write it. To add a reply that can be worded: a member of
`Meaning`, and where `smtp/wording.py` meets it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Annotated, Any

from pydantic import PlainSerializer, PlainValidator, WithJsonSchema

from mailtrap_py.events import Reply
from mailtrap_py.scenario.mistakes import Mistake, nearest, unknown_key
from mailtrap_py.scenario.values import Value

FOLDER = Path(__file__).with_name("personas")


class Meaning(StrEnum):
    """What a normal reply says, whatever its words."""

    GREETING = "greeting"
    HELO = "helo"
    EHLO = "ehlo"
    HELLO_SYNTAX = "hello-syntax"
    SYNTAX = "syntax"
    STARTTLS = "starttls"
    STARTTLS_UNAVAILABLE = "starttls-unavailable"
    TLS_ACTIVE = "tls-active"
    AUTH = "auth"
    AUTH_FAILED = "auth-failed"
    AUTH_REQUIRED = "auth-required"
    AUTH_UNAVAILABLE = "auth-unavailable"
    AUTH_MECHANISM_UNKNOWN = "auth-mechanism-unknown"
    AUTH_IN_TRANSACTION = "auth-in-transaction"
    AUTH_TWICE = "auth-twice"
    MAIL = "mail"
    NESTED_MAIL = "nested-mail"
    NEED_HELLO = "need-hello"
    BAD_SENDER = "bad-sender"
    UNSUPPORTED_PARAMETER = "unsupported-parameter"
    MESSAGE_TOO_BIG = "message-too-big"
    TOO_MANY_MESSAGES = "too-many-messages"
    RCPT = "rcpt"
    NEED_MAIL = "need-mail"
    BAD_RECIPIENT = "bad-recipient"
    TOO_MANY_RECIPIENTS = "too-many-recipients"
    DATA = "data"
    DATA_BEFORE_MAIL = "data-before-mail"
    NEED_RCPT = "need-rcpt"
    NO_RECIPIENTS = "no-recipients"
    QUEUED = "queued"
    CONTENT_TOO_BIG = "content-too-big"
    NOT_STORED = "not-stored"
    RSET = "rset"
    NOOP = "noop"
    VRFY = "vrfy"
    EXPN = "expn"
    HELP = "help"
    QUIT = "quit"
    UNKNOWN_COMMAND = "unknown-command"
    TIMEOUT = "timeout"
    TOO_MANY_ERRORS = "too-many-errors"


@dataclass(frozen=True, slots=True)
class Sourced:
    """A reply as a real server says it, with what stands for `${hostname}` and the like; and how that is known."""

    reply: Reply
    source: str


@dataclass(frozen=True, slots=True)
class Limits:
    """What a server takes: octets of a message, recipients of one, messages of a connection, errors before 421."""

    size: int | None = None
    recipients: int | None = None
    messages: int | None = None
    errors: int | None = None


@dataclass(frozen=True, slots=True)
class Persona:
    """A real server. `clear` and `tls` are the lines of its EHLO reply before and under TLS; `None`: not known."""

    name: str
    summary: str
    replies: Mapping[Meaning, Sourced]
    clear: tuple[str, ...] | None
    tls: tuple[str, ...] | None
    limits: Limits
    stays_open: frozenset[Meaning]
    """The replies with 421 after which it does not close, against RFC 5321, section 3.8."""
    sources: Mapping[str, str]


def names() -> tuple[str, ...]:
    """List the personas by name."""
    return tuple(sorted(path.stem for path in FOLDER.glob("*.yaml")))


def find(name: str) -> Persona:
    """Give the persona of that name. Raises `Mistake`, with the nearest name, when there is none."""
    known = names()
    if name not in known:
        cure = nearest(name, known) or f"the personas are: {', '.join(known)}"
        raise Mistake(f"there is no persona {name!r}", cure)
    return _read(name)


@cache
def _read(name: str) -> Persona:
    import yaml  # noqa: PLC0415 - for who names a persona

    data: dict[str, Any] = yaml.safe_load((FOLDER / f"{name}.yaml").read_text("utf-8"))
    sources: dict[str, str] = data["sources"]
    offered = data.get("capabilities", {})
    return Persona(
        name=name,
        summary=data["summary"],
        replies={Meaning(key): _sourced(said, sources) for key, said in data["replies"].items()},
        clear=tuple(offered["clear"]) if offered else None,
        tls=tuple(offered["tls"]) if offered else None,
        limits=Limits(**{key: next(iter(said.values())) for key, said in data.get("limits", {}).items()}),
        stays_open=frozenset(map(Meaning, data.get("stays_open", ()))),
        sources=sources,
    )


def _sourced(said: Mapping[str, str | list[str]], sources: Mapping[str, str]) -> Sourced:
    ((source, text),) = said.items()
    return Sourced(Reply.parse("\n".join([text] if isinstance(text, str) else text)), sources[source])


class PersonaSpec(Value):
    """Which persona. With `lie` it offers in EHLO what this server cannot honour too."""

    name: str
    lie: bool = False


def _read_spec(value: object) -> PersonaSpec:
    if isinstance(value, PersonaSpec):
        return value
    if isinstance(value, Mapping):
        for key in value:
            if key not in {"name", "lie"}:
                raise unknown_key(str(key), "a persona", ("name", "lie"), (str(key),))
        name, lie = value.get("name"), value.get("lie", False)
        if not isinstance(lie, bool):
            raise Mistake(f"{lie!r} is not a yes or no", "write true or false", ("lie",))
    else:
        name, lie = value, False
    if not isinstance(name, str):
        raise Mistake(f"{name!r} is not the name of a persona", f"the personas are: {', '.join(names())}")
    find(name)
    return PersonaSpec(name=name, lie=lie)


PersonaName = Annotated[
    PersonaSpec,
    PlainValidator(_read_spec),
    PlainSerializer(lambda spec: {"name": spec.name, "lie": True} if spec.lie else spec.name),
    WithJsonSchema(
        {
            "anyOf": [
                {"enum": list(names())},
                {
                    "type": "object",
                    "properties": {
                        "name": {"enum": list(names())},
                        "lie": {"type": "boolean", "description": "Offer what cannot be honoured here too."},
                    },
                    "required": ["name"],
                    "additionalProperties": False,
                },
            ]
        }
    ),
]
"""`gmail`, or `{name: gmail, lie: true}`."""
