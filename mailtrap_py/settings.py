"""The settings of a trap, as one list: the fields of `Settings`.

The flags of the command line, the `MAILTRAP_*` variables, the help texts and the table in the docs all come from these
fields. To add a setting, add a field with its type, its default and its description: nothing else knows a setting by
name but the code that uses it.
"""

from __future__ import annotations

import difflib
import ipaddress
import re
import shlex
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, ValidationInfo, field_validator

from mailtrap_py.errors import SettingError

PREFIX = "MAILTRAP_"

# Not settings of a trap, and too near to some to be taken for a slip of the pen: MAILTRAP_URL is what `run` tells its
# command and what the pytest plugin will listen to, MAILTRAP_USER belongs to programs that use mailtrap.io.
_OTHERS = frozenset({"MAILTRAP_URL", "MAILTRAP_USER"})
_SLIP = 0.75  # how alike two names are (difflib) when one is taken for a misspelling of the other

_LAST_PORT = 65535
_UNITS_OF_TIME = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_UNITS_OF_SIZE = {"": 1, "B": 1, "KB": 1024, "MB": 1024**2, "GB": 1024**3}
_QUANTITY = re.compile(r"([0-9]+(?:\.[0-9]+)?) ?([a-zA-Z]*)\Z")
_HOSTNAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?\Z|\[[0-9A-Za-z:.]+\]\Z")
_ORIGIN = re.compile(r"https?://[A-Za-z0-9.\[\]:-]+\Z", re.IGNORECASE)  # RFC 6454, section 6.1
_DATABASES = ("sqlite", "postgresql")


class _UnfitError(ValueError):
    """A value that cannot be used: what is wrong with it, and what to write instead."""

    def __init__(self, problem: str, cure: str) -> None:
        super().__init__(f"{problem}; {cure}")
        self.problem = problem
        self.cure = cure


# How a value is written. Each function takes the text of a flag or a variable, or the value itself from Python.


def _port(value: object) -> object:
    number = int(value) if isinstance(value, str) and value.isdecimal() else value
    if not isinstance(number, int) or not 0 <= number <= _LAST_PORT:
        raise _UnfitError(f"{value!r} is not a port", f"write a number from 0 to {_LAST_PORT}; 0 picks a free one")
    return number


def _or_off(read: Callable[[object], object]) -> Callable[[object], object]:
    def read_or_off(value: object) -> object:
        return None if value is None or (isinstance(value, str) and value.lower() == "off") else read(value)

    return read_or_off


def _whole(value: object) -> object:
    number = int(value) if isinstance(value, str) and value.isdecimal() else value
    if not isinstance(number, int) or isinstance(number, bool) or number < 1:
        raise _UnfitError(f"{value!r} is not a number", "write a whole number from 1, or off")
    return number


def _quantity(value: object, units: Mapping[str, float]) -> float | None:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value if value >= 0 else None
    found = _QUANTITY.match(value) if isinstance(value, str) else None
    unit = None if found is None else {unit.lower(): size for unit, size in units.items()}.get(found[2].lower())
    return None if found is None or unit is None else float(found[1]) * unit


def _seconds(value: object) -> object:
    seconds = _quantity(value, _UNITS_OF_TIME)
    if not seconds:
        raise _UnfitError(f"{value!r} is not a duration", "write a number and a unit, as in 500ms, 30s, 5m or 1h")
    return seconds


def _octets(value: object) -> object:
    octets = _quantity(value, _UNITS_OF_SIZE)
    if not octets:
        raise _UnfitError(
            f"{value!r} is not a size", "write a number of octets, or one with a unit, as in 500KB or 50MB"
        )
    return int(octets)


def _addresses(value: object) -> object:
    texts = [value] if isinstance(value, str) else list(value) if isinstance(value, Iterable) else []
    addresses: list[str] = []
    for text in texts or [value]:
        if text == "localhost":
            addresses += ["127.0.0.1", "::1"]
            continue
        try:
            addresses.append(str(ipaddress.ip_address(str(text))))
        except ValueError:
            cure = "write an address of this machine, as in 127.0.0.1 or ::1; 0.0.0.0 and :: stand for all of them"
            raise _UnfitError(f"{text!r} is not an IP address", cure) from None
    return tuple(dict.fromkeys(addresses))


def _pairs(separator: str, what: str, example: str) -> Callable[[object], object]:
    def read(value: object) -> object:
        if isinstance(value, Mapping):
            return dict(value)
        pairs: dict[str, str] = {}
        for text in [value] if isinstance(value, str) else value if isinstance(value, Iterable) else [value]:
            name, found, content = str(text).partition(separator)
            if not name or not found:
                raise _UnfitError(f"{text!r} is not {what}", f"write {example}")
            pairs[name] = content
        return pairs

    return read


def _integer(value: object) -> object:
    if isinstance(value, str):
        try:
            return int(value)
        except ValueError:
            raise _UnfitError(f"{value!r} is not a number", "write a whole number, such as 42") from None
    return value


def _speed(value: object) -> object:
    if value is None or value in ("real", "manual"):
        return value
    text = value.removesuffix("x") if isinstance(value, str) else value
    try:
        speed = float(text)  # type: ignore[arg-type]  # whatever it is, float() says whether it is a number
    except (TypeError, ValueError):
        speed = 0.0
    if not 0 < speed < float("inf"):
        raise _UnfitError(f"{value!r} is not a clock", "write real, manual, or how many times as fast, as in 60")
    return speed


def _one_of(*words: str) -> Callable[[object], object]:
    def read(value: object) -> object:
        if value not in words:
            near = difflib.get_close_matches(str(value), words, 1)
            cure = f"did you mean {near[0]}?" if near else f"write {', '.join(words[:-1])} or {words[-1]}"
            raise _UnfitError(f"{value!r} is not one of {', '.join(words)}", cure)
        return value

    return read


def address(text: str) -> tuple[str, int]:
    """Take `host:port` apart; an IPv6 address stands in brackets. Raises `ValueError` when it is neither."""
    host, _, port = text.rpartition(":")
    bare = host.removeprefix("[").removesuffix("]")
    if not bare or (":" in bare) != (host != bare) or not port.isdecimal() or not 0 < int(port) <= _LAST_PORT:
        raise _UnfitError(f"{text!r} is not a host and a port", "write both, as in smtp.example:587 or [::1]:25")
    return bare, int(port)


def _upstream(value: object) -> object:
    if value:
        address(str(value))
    return value


def _database(value: object) -> object:
    if not isinstance(value, str) or not value:
        return value
    scheme, found, _ = value.partition("://")
    if not found:
        return f"sqlite:///{value}"
    if scheme.partition("+")[0] not in _DATABASES:
        raise _UnfitError(
            f"{value!r} is not a database", "write the name of a file, or a URL as in postgresql://user@host/name"
        )
    return value


def _range(value: object) -> object:
    if value:
        found = re.fullmatch(r"([0-9]{1,5})-([0-9]{1,5})", str(value))
        if found is None or not 0 < int(found[1]) <= int(found[2]) <= _LAST_PORT:
            raise _UnfitError(f"{value!r} is no range of ports", "write the first and the last, as in 2600-2650")
    return value


def _hostname(value: object) -> object:
    if not isinstance(value, str) or not _HOSTNAME.match(value):
        raise _UnfitError(
            f"{value!r} is not a host name", "write letters, digits, dots and hyphens, as in mail.example.com"
        )
    return value


def _names(value: object) -> object:
    texts = [value] if isinstance(value, str) else list(value) if isinstance(value, Iterable) else [value]
    return tuple(dict.fromkeys(str(_hostname(text)).lower() for text in texts))


def _origins(value: object) -> object:
    texts = [value] if isinstance(value, str) else list(value) if isinstance(value, Iterable) else [value]
    for text in texts:
        if not isinstance(text, str) or not _ORIGIN.match(text):
            raise _UnfitError(f"{text!r} is not an origin", "write scheme and host, as in https://app.example.com")
    return tuple(dict.fromkeys(str(text).lower() for text in texts))


# How a value is shown.


def _show_seconds(value: float) -> str:
    return f"{value / 60:g}m" if value % 60 == 0 else f"{value:g}s"


def _show_octets(value: int) -> str:
    return f"{value // 1024**2}MB" if value % 1024**3 else f"{value // 1024**3}GB"


@dataclass(frozen=True, slots=True)
class _Text:
    """How the value of a setting is written: its name in usage lines, and how a default is shown."""

    metavar: str
    show: Callable[[Any], str] = str
    flag: str = ""  # where the name of the field, a plural, would read badly for a flag that is repeated
    several: bool = False


Port = Annotated[int, BeforeValidator(_port), _Text("PORT")]
OptionalPort = Annotated[int | None, BeforeValidator(_or_off(_port)), _Text("PORT|off")]
Seconds = Annotated[float, BeforeValidator(_seconds), _Text("TIME", _show_seconds)]
Octets = Annotated[int, BeforeValidator(_octets), _Text("SIZE", _show_octets)]


class Settings(BaseModel):
    """What a trap is told when it starts. Frozen; one that exists is valid.

    From Python, values may be given as themselves or as they are written on a command line: `command_timeout=30` and
    `command_timeout="30s"` are the same. A wrong one raises pydantic's `ValidationError`; `load` raises `SettingError`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)

    host: Annotated[
        tuple[str, ...], BeforeValidator(_addresses), _Text("ADDRESS", " and ".join, flag="--host", several=True)
    ] = Field(default=("127.0.0.1", "::1"), description="Address to listen on; 0.0.0.0 and :: let others in.")
    smtp_port: Port = Field(default=1025, description="Port for SMTP, with STARTTLS on offer; 0 picks a free one.")
    smtps_port: OptionalPort = Field(default=1465, description="Port for SMTP inside TLS; off closes it.")
    http_port: OptionalPort = Field(default=8025, description="Port for the page and the HTTP API; off closes it.")
    http_users: Annotated[
        dict[str, str],
        BeforeValidator(_pairs(":", "a user", "a name and a password, as in ann:secret")),
        _Text("NAME:PASSWORD", lambda _: "anybody", flag="--http-user", several=True),
    ] = Field(default_factory=dict, description="Who may use the page and the API; health checks are for anybody.")
    http_token: Annotated[str, _Text("TOKEN", lambda _: "none")] = Field(
        default="", description="A bearer token for the API; browsers take it as the password of any name."
    )
    http_names: Annotated[
        tuple[str, ...],
        BeforeValidator(_names),
        _Text("NAME", lambda _: "none", flag="--http-name", several=True),
    ] = Field(default=(), description="Another name that HTTP may be asked under, as behind a reverse proxy.")
    http_origins: Annotated[
        tuple[str, ...],
        BeforeValidator(_origins),
        _Text("ORIGIN", lambda _: "none", flag="--http-origin", several=True),
    ] = Field(default=(), description="A site whose pages may use the API (CORS), as in https://app.example.com.")
    compat: Annotated[
        Literal["mailpit", "mailhog"],
        BeforeValidator(_one_of("mailpit", "mailhog")),
        _Text("mailpit|mailhog"),
    ] = Field(default="mailpit", description="Whose API is at /api/v1; MailHog's is at /api/v2 in any case.")
    inbox_ports: Annotated[str, BeforeValidator(_range), _Text("FIRST-LAST", lambda _: "any")] = Field(
        default="", description="Ports to choose from for inboxes that get one of their own; any free one, if not said."
    )
    store: Annotated[str, BeforeValidator(_database), _Text("FILE|URL", lambda _: "gone at the end")] = Field(
        default="", description="Where the record is kept: an SQLite file, or the URL of a database."
    )
    keep_messages: Annotated[int | None, BeforeValidator(_or_off(_whole)), _Text("NUMBER|off")] = Field(
        default=100_000, description="So many messages are kept of each inbox; the oldest go first."
    )
    keep_bytes: Annotated[int | None, BeforeValidator(_or_off(_octets)), _Text("SIZE|off", _show_octets)] = Field(
        default=10 * 1024**3, description="Messages of so much together are kept of each inbox."
    )
    keep_age: Annotated[float | None, BeforeValidator(_or_off(_seconds)), _Text("TIME|off", lambda _: "off")] = Field(
        default=None, description="Messages are kept for so long."
    )
    scenario: Annotated[str, _Text("NAME|FILE", lambda _: "none")] = Field(
        default="", description="What goes wrong: a scenario of the library, or a YAML file."
    )
    params: Annotated[
        dict[str, object],
        BeforeValidator(_pairs("=", "a parameter", "its name and its value, as in wait=30s")),
        _Text("NAME=VALUE", lambda _: "those of the scenario", flag="--param", several=True),
    ] = Field(default_factory=dict, description="A parameter of the scenario.")
    seed: Annotated[int | None, BeforeValidator(_integer), _Text("NUMBER", lambda _: "drawn")] = Field(
        default=None, description="Seed of the scenario's dice: the same seed deals the same faults."
    )
    clock: Annotated[
        Literal["real", "manual"] | float | None,
        BeforeValidator(_speed),
        _Text("real|manual|SPEED", lambda _: "real"),
    ] = Field(
        default=None, description="Clock of the scenario's waits; a number speeds it up: 60 makes a minute a second."
    )
    persona: Annotated[str, _Text("NAME", lambda _: "none")] = Field(
        default="",
        description="Real server to talk like, where the scenario names none: postfix, gmail, ses and nine more.",
    )
    fail_addresses: Annotated[Literal["on", "off"], BeforeValidator(_one_of("on", "off")), _Text("on|off")] = Field(
        default="on", description="Whether addresses at fail.test fail as their names say, as in 450x2@fail.test."
    )
    upstream: Annotated[str, BeforeValidator(_upstream), _Text("HOST:PORT", lambda _: "none")] = Field(
        default="", description="A real server to stand in front of: what is accepted here is handed on to it."
    )
    upstream_timeout: Seconds = Field(default=30.0, description="How long the real server may take for an answer.")
    hostname: Annotated[str, BeforeValidator(_hostname), _Text("NAME")] = Field(
        default="mailtrap.localhost", description="Name that the server gives itself, in its greeting and certificate."
    )
    auth: Annotated[
        Literal["optional", "required", "off"],
        BeforeValidator(_one_of("optional", "required", "off")),
        _Text("optional|required|off"),
    ] = Field(default="optional", description="Whether AUTH is on offer, or asked for before any mail.")
    users: Annotated[
        dict[str, str],
        BeforeValidator(_pairs(":", "a user", "a name and a password, as in ann:secret")),
        _Text("NAME:PASSWORD", lambda _: "any", flag="--user", several=True),
    ] = Field(default_factory=dict, description="A user who may log in; without one, any name and password will do.")
    max_message_size: Octets = Field(default=50 * 1024**2, description="Largest message taken (the SIZE of EHLO).")
    command_timeout: Seconds = Field(default=300.0, description="How long a client may be silent before it is cut off.")
    tls_cert: Annotated[str, _Text("FILE", lambda _: "generated")] = Field(
        default="", description="Certificate chain in PEM, the server's own first."
    )
    tls_key: Annotated[str, _Text("FILE", lambda _: "generated")] = Field(
        default="", description="Private key of the certificate, in PEM."
    )

    @field_validator("tls_key", mode="after")
    @classmethod
    def _belongs_to_a_certificate(cls, value: str, info: ValidationInfo) -> str:
        if bool(value) != bool(info.data.get("tls_cert")):
            raise _UnfitError(
                "a certificate without its key" if not value else "a key without its certificate",
                "give both --tls-cert and --tls-key, or neither for generated ones",
            )
        return value

    @property
    def upstream_address(self) -> tuple[str, int] | None:
        """Host and port of the real server; `None` when there is none."""
        return address(self.upstream) if self.upstream else None

    @property
    def inbox_port_numbers(self) -> range:
        """The ports for inboxes; empty for any free one."""
        first, _, last = self.inbox_ports.partition("-")
        return range(int(first), int(last) + 1) if first else range(0)

    def changed(self, **values: object) -> Self:
        """Give the same settings but for these. Raises pydantic's `ValidationError`."""
        return self.model_validate({**dict(self), **values})

    @classmethod
    def load(cls, flags: Mapping[str, object], environ: Mapping[str, str]) -> Self:
        """Build the settings from flags, else variables, else defaults.

        `flags` has the names of fields; `None` and empty sequences count as not given, an empty variable does too.
        Raises `SettingError` for a value that cannot be used, naming the flag and the variable, and for a variable
        that is one of ours misspelt.
        """
        if unknown := flags.keys() - cls.model_fields.keys():
            message = f"no such settings: {', '.join(sorted(unknown))}"
            raise TypeError(message)
        _refuse_misspelt(environ)
        values: dict[str, object] = {}
        origins: dict[str, str] = {}
        for entry in entries():
            flag, variable = flags.get(entry.name), environ.get(entry.variable)
            origins[entry.name] = f"{entry.flag} (or {entry.variable})"
            if flag is not None and flag not in ((), []):
                values[entry.name] = flag
            elif variable:
                values[entry.name] = _split(entry, variable) if entry.several else variable
                origins[entry.name] = f"{entry.variable} (or {entry.flag})"
        try:
            return cls.model_validate(values)
        except ValidationError as invalid:
            raise _explain(invalid, origins) from None


@dataclass(frozen=True, slots=True)
class Entry:
    """A setting as people meet it."""

    name: str
    flag: str
    variable: str
    metavar: str
    default: str
    help: str
    several: bool


def entries() -> tuple[Entry, ...]:
    """Give the settings in the order of the model: what flags, variables, help and docs are made of."""
    found = []
    for name, field in Settings.model_fields.items():
        text = next(extra for extra in field.metadata if isinstance(extra, _Text))
        default = field.get_default(call_default_factory=True, validated_data={})
        found.append(
            Entry(
                name=name,
                flag=text.flag or f"--{name.replace('_', '-')}",
                variable=f"{PREFIX}{name.upper()}",
                metavar=text.metavar,
                default=text.show(default),
                help=field.description or "",
                several=text.several,
            )
        )
    return tuple(found)


def strangers(environ: Mapping[str, str]) -> tuple[str, ...]:
    """Name the `MAILTRAP_*` variables that are not settings, for whoever wants to tell the user."""
    known = {entry.variable for entry in entries()} | _OTHERS
    return tuple(sorted(name for name in environ if name.startswith(PREFIX) and name not in known))


def _refuse_misspelt(environ: Mapping[str, str]) -> None:
    """Refuse what looks like a setting and is none.

    Others share the prefix, so not every stranger is a mistake: programs that use mailtrap.io, and Kubernetes, which
    gives every container MAILTRAP_SERVICE_HOST and the like when a Service is called `mailtrap`.
    """
    bare = {entry.variable.removeprefix(PREFIX): entry.variable for entry in entries()}
    for name in strangers(environ):
        if near := difflib.get_close_matches(name.removeprefix(PREFIX), bare, 1, _SLIP):
            raise SettingError(f"{name} is not a setting", cure=f"did you mean {bare[near[0]]}?")


def _split(entry: Entry, text: str) -> list[str]:
    words = shlex.shlex(text, posix=True, punctuation_chars="")
    words.whitespace += ","
    words.whitespace_split = True
    words.commenters = ""
    try:
        return list(words)
    except ValueError:
        raise SettingError(
            f"{entry.variable} (or {entry.flag}): {text!r} has a quote that is not closed",
            cure=f"write {entry.metavar}, several separated by blanks or commas, quotes in pairs",
        ) from None


def _explain(invalid: ValidationError, origins: Mapping[str, str]) -> SettingError:
    first = invalid.errors(include_url=False)[0]
    unfit = first.get("ctx", {}).get("error")
    problem, cure = (unfit.problem, unfit.cure) if isinstance(unfit, _UnfitError) else (first["msg"], "")
    return SettingError(f"{origins[str(first['loc'][0])]}: {problem}", cure=cure)
