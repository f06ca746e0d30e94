"""The settings of a trap, as one list: the fields of `Settings`.

The flags of the command line, the `MAILTRAP_*` variables, the help texts and the table in the docs all come from these
fields. To add a setting, add a field with its type, its default and its description: nothing else knows a setting by
name but the code that uses it.
"""

from __future__ import annotations

import difflib
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, ValidationInfo, field_validator

from mailtrap_py import written
from mailtrap_py.errors import SettingError
from mailtrap_py.quantities import format_duration, format_size

PREFIX = "MAILTRAP_"

# Not settings of a trap, and too near to some to be taken for a slip of the pen: MAILTRAP_URL is what `run` tells its
# command and what the pytest plugin will listen to, MAILTRAP_USER belongs to programs that use mailtrap.io.
_OTHERS = frozenset({"MAILTRAP_URL", "MAILTRAP_USER"})
_MECHANISMS = ("LOGIN", "PLAIN", "CRAM-MD5", "XOAUTH2", "OAUTHBEARER")
_SLIP = 0.75  # how alike two names are (difflib) when one is taken for a misspelling of the other


@dataclass(frozen=True, slots=True)
class _Text:
    """How the value of a setting is written: its name in usage lines, and how a default is shown."""

    metavar: str
    show: Callable[[Any], str] = str
    flag: str = ""  # where the name of the field, a plural, would read badly for a flag that is repeated
    several: bool = False


Port = Annotated[int, BeforeValidator(written.port), _Text("PORT")]
OptionalPort = Annotated[
    int | None, BeforeValidator(written.or_off(written.port)), _Text("PORT|off", written.show_number)
]
Seconds = Annotated[float, BeforeValidator(written.seconds), _Text("TIME", format_duration)]
Limit = Annotated[int | None, BeforeValidator(written.or_off(written.whole)), _Text("NUMBER|off", written.show_number)]
OnOff = Literal["on", "off"]
Octets = Annotated[int, BeforeValidator(written.octets), _Text("SIZE", format_size)]


class Settings(BaseModel):
    """What a trap is told when it starts. Frozen; one that exists is valid.

    From Python, values may be given as themselves or as they are written on a command line: `command_timeout=30` and
    `command_timeout="30s"` are the same. A wrong one raises pydantic's `ValidationError`; `load` raises `SettingError`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)

    host: Annotated[
        tuple[str, ...], BeforeValidator(written.addresses), _Text("ADDRESS", " and ".join, flag="--host", several=True)
    ] = Field(default=("127.0.0.1", "::1"), description="Address to listen on; 0.0.0.0 and :: let others in.")
    smtp_port: Port = Field(default=1025, description="Port for SMTP, with STARTTLS on offer; 0 picks a free one.")
    smtps_port: OptionalPort = Field(default=1465, description="Port for SMTP inside TLS; off closes it.")
    lmtp_port: OptionalPort = Field(default=None, description="Port for LMTP, where each recipient gets a reply.")
    lmtp_socket: Annotated[str, _Text("FILE", lambda _: "none")] = Field(
        default="", description="A unix socket for LMTP; the file is made, and removed at the end."
    )
    http_port: OptionalPort = Field(default=8025, description="Port for the page and the HTTP API; off closes it.")
    http_users: Annotated[
        dict[str, str],
        BeforeValidator(written.pairs(":", "a user", "a name and a password, as in ann:secret")),
        _Text("NAME:PASSWORD", lambda _: "anybody", flag="--http-user", several=True),
    ] = Field(default_factory=dict, description="Who may use the page and the API; health checks are for anybody.")
    http_token: Annotated[str, _Text("TOKEN", lambda _: "none")] = Field(
        default="", description="A bearer token for the API; browsers take it as the password of any name."
    )
    http_names: Annotated[
        tuple[str, ...],
        BeforeValidator(written.names),
        _Text("NAME", lambda _: "none", flag="--http-name", several=True),
    ] = Field(default=(), description="Another name that HTTP may be asked under, as behind a reverse proxy.")
    http_origins: Annotated[
        tuple[str, ...],
        BeforeValidator(written.origins),
        _Text("ORIGIN", lambda _: "none", flag="--http-origin", several=True),
    ] = Field(default=(), description="A site whose pages may use the API (CORS), as in https://app.example.com.")
    compat: Annotated[
        Literal["mailpit", "mailhog"],
        BeforeValidator(written.one_of("mailpit", "mailhog")),
        _Text("mailpit|mailhog"),
    ] = Field(default="mailpit", description="Whose API is at /api/v1; MailHog's is at /api/v2 in any case.")
    inbox_ports: Annotated[str, BeforeValidator(written.port_range), _Text("FIRST-LAST", lambda _: "any")] = Field(
        default="", description="Ports to choose from for inboxes that get one of their own; any free one, if not said."
    )
    store: Annotated[str, BeforeValidator(written.database), _Text("FILE|URL", lambda _: "gone at the end")] = Field(
        default="", description="Where the record is kept: an SQLite file, or the URL of a database."
    )
    keep_messages: Annotated[int | None, BeforeValidator(written.or_off(written.whole)), _Text("NUMBER|off")] = Field(
        default=100_000, description="So many messages are kept of each inbox; the oldest go first."
    )
    keep_bytes: Annotated[
        int | None, BeforeValidator(written.or_off(written.octets)), _Text("SIZE|off", format_size)
    ] = Field(default=10 * 1024**3, description="Messages of so much together are kept of each inbox.")
    keep_age: Annotated[
        float | None, BeforeValidator(written.or_off(written.seconds)), _Text("TIME|off", lambda _: "off")
    ] = Field(default=None, description="Messages are kept for so long.")
    scenario: Annotated[str, _Text("NAME|FILE", lambda _: "none")] = Field(
        default="", description="What goes wrong: a scenario of the library, or a YAML file."
    )
    params: Annotated[
        dict[str, object],
        BeforeValidator(written.pairs("=", "a parameter", "its name and its value, as in wait=30s")),
        _Text("NAME=VALUE", lambda _: "those of the scenario", flag="--param", several=True),
    ] = Field(default_factory=dict, description="A parameter of the scenario.")
    seed: Annotated[int | None, BeforeValidator(written.integer), _Text("NUMBER", lambda _: "drawn")] = Field(
        default=None, description="Seed of the scenario's dice: the same seed deals the same faults."
    )
    clock: Annotated[
        Literal["real", "manual"] | float | None,
        BeforeValidator(written.speed),
        _Text("real|manual|SPEED", lambda _: "real"),
    ] = Field(
        default=None, description="Clock of the scenario's waits; a number speeds it up: 60 makes a minute a second."
    )
    persona: Annotated[str, _Text("NAME", lambda _: "none")] = Field(
        default="",
        description="Real server to talk like, where the scenario names none: postfix, gmail, ses and nine more.",
    )
    fail_addresses: Annotated[Literal["on", "off"], BeforeValidator(written.one_of("on", "off")), _Text("on|off")] = (
        Field(
            default="on", description="Whether addresses at fail.test fail as their names say, as in 450x2@fail.test."
        )
    )
    upstream: Annotated[str, BeforeValidator(written.upstream), _Text("HOST:PORT", lambda _: "none")] = Field(
        default="", description="A real server to stand in front of: what is accepted here is handed on to it."
    )
    upstream_timeout: Seconds = Field(default=30.0, description="How long the real server may take for an answer.")
    hostname: Annotated[str, BeforeValidator(written.hostname), _Text("NAME")] = Field(
        default="mailtrap.localhost", description="Name that the server gives itself, in its greeting and certificate."
    )
    auth: Annotated[
        Literal["optional", "required", "off"],
        BeforeValidator(written.one_of("optional", "required", "off")),
        _Text("optional|required|off"),
    ] = Field(default="optional", description="Whether AUTH is on offer, or asked for before any mail.")
    users: Annotated[
        dict[str, str],
        BeforeValidator(written.pairs(":", "a user", "a name and a password, as in ann:secret")),
        _Text("NAME:PASSWORD", lambda _: "any", flag="--user", several=True),
    ] = Field(default_factory=dict, description="A user who may log in; without one, any name and password will do.")
    users_file: Annotated[str, _Text("FILE", lambda _: "none")] = Field(
        default="", description="A file of more users, NAME:PASSWORD on each line."
    )
    auth_mechanisms: Annotated[
        tuple[str, ...],
        BeforeValidator(written.some_of(*_MECHANISMS)),
        _Text("NAME", " ".join, flag="--auth-mechanism", several=True),
    ] = Field(default=_MECHANISMS, description="A mechanism of AUTH that is on offer.")
    require_tls: Annotated[
        Literal["off", "auth", "mail"],
        BeforeValidator(written.one_of("off", "auth", "mail")),
        _Text("off|auth|mail"),
    ] = Field(default="off", description="What has to wait for TLS: nothing, AUTH, or AUTH and mail.")
    max_message_size: Octets = Field(default=50 * 1024**2, description="Largest message taken (the SIZE of EHLO).")
    spool_over: Octets = Field(
        default=16 * 1024**2,
        description="Over this size a message goes to disk while it comes.",
    )
    line_endings: Annotated[
        Literal["strict", "lenient"],
        BeforeValidator(written.one_of("strict", "lenient")),
        _Text("strict|lenient"),
    ] = Field(default="strict", description="Whether only CRLF.CRLF ends the content, or a dot between bare LFs too.")
    proxy_protocol: Annotated[
        tuple[str, ...], BeforeValidator(written.networks), _Text("NETWORK", lambda _: "none", several=True)
    ] = Field(default=(), description="A network whose connections begin with a header of the PROXY protocol.")
    xclient: Annotated[
        tuple[str, ...], BeforeValidator(written.networks), _Text("NETWORK", lambda _: "none", several=True)
    ] = Field(default=(), description="A network whose clients may say by XCLIENT that they are somebody else.")
    max_recipients: Annotated[int, BeforeValidator(written.whole), _Text("NUMBER")] = Field(
        default=1000, description="Most recipients of a message; the next one gets 452."
    )
    max_sessions: Annotated[int, BeforeValidator(written.whole), _Text("NUMBER")] = Field(
        default=10_000, description="Most sessions at once; the next one gets 421."
    )
    max_sessions_per_client: Limit = Field(default=None, description="Most sessions at once from one address.")
    max_errors: Limit = Field(
        default=100, description="Most refusals in a session, those of a scenario not counted, before it gets 421."
    )
    command_timeout: Seconds = Field(default=300.0, description="How long a client may be silent before it is cut off.")
    tls_cert: Annotated[str, _Text("FILE", lambda _: "generated")] = Field(
        default="", description="Certificate chain in PEM, the server's own first."
    )
    tls_key: Annotated[str, _Text("FILE", lambda _: "generated")] = Field(
        default="", description="Private key of the certificate, in PEM."
    )

    tls_client_ca: Annotated[str, _Text("FILE", lambda _: "none")] = Field(
        default="", description="Authorities in PEM; clients are asked for a certificate of one of them."
    )

    @field_validator("tls_key", mode="after")
    @classmethod
    def _belongs_to_a_certificate(cls, value: str, info: ValidationInfo) -> str:
        if bool(value) != bool(info.data.get("tls_cert")):
            raise written.UnfitError(
                "a certificate without its key" if not value else "a key without its certificate",
                "give both --tls-cert and --tls-key, or neither for generated ones",
            )
        return value

    @property
    def upstream_address(self) -> tuple[str, int] | None:
        """Host and port of the real server; `None` when there is none."""
        return written.address(self.upstream) if self.upstream else None

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
    problem, cure = (unfit.problem, unfit.cure) if isinstance(unfit, written.UnfitError) else (first["msg"], "")
    return SettingError(f"{origins[str(first['loc'][0])]}: {problem}", cure=cure)
