"""What is checked, and what comes of it: the options of a check, and its steps."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from mailtrap_py.errors import SettingError


class Security(StrEnum):
    """How TLS is to begin. `auto`: at once on port 465, else by STARTTLS where it is offered."""

    AUTO = "auto"
    STARTTLS = "starttls"
    IMPLICIT = "implicit"
    OFF = "off"


class Status(StrEnum):
    """How a step went; only `FAILED` counts against the server."""

    OK = "ok"
    NOTE = "note"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What is to be checked, and as whom. `timeout` is in seconds, for each step.

    Empty texts and `None` stand for: the host as the name of the certificate, the system's authorities, this machine's
    name, no login, the null reverse-path (or the user, when that is an address).
    """

    host: str
    port: int = 25
    tls: Security = Security.AUTO
    timeout: float = 10.0
    name: str = ""
    ca_file: str = ""
    insecure: bool = False
    helo: str = ""
    user: str = ""
    password: str = ""
    sender: str | None = None
    recipients: tuple[str, ...] = ()
    send: bool = False

    def __post_init__(self) -> None:
        """Refuse what would break the conversation. Raises `SettingError`."""
        for word in (self.helo, self.sender or "", *self.recipients):
            if re.search(r"[\0-\x20\x7f<>]", word):
                raise SettingError(f"{word!r} has a character that an address or a name cannot have")
        if "\0" in self.user + self.password:
            raise SettingError("the user or the password has a character that AUTH cannot carry (NUL)")
        for name in (self.host, self.name or self.host):
            try:
                name.encode("idna")  # as the look-up will do; a label may be empty or too long
            except UnicodeError:
                raise SettingError(f"{name!r} is not the name of a host") from None
            if not name.strip(".") or name.startswith("."):
                raise SettingError(f"{name!r} is not the name of a host")
        if self.password and not self.user:
            raise SettingError("there is a password, but no user", cure="give the name with --user")

    @property
    def target(self) -> str:
        """Where it is, as in `[::1]:25`."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step: what was said to the server (secrets masked), what it answered, and what to think of it.

    `verdict` is short and begins with the codes where there was a reply; `why` is a sentence about a failure, `do` what
    to do about it. `facts` are what was found, by name. `seconds` is `None` for what is not an exchange.
    """

    name: str
    status: Status
    verdict: str
    said: str = ""
    lines: tuple[str, ...] = ()
    code: int = 0
    enhanced: str = ""
    seconds: float | None = None
    why: str = ""
    do: str = ""
    notes: tuple[str, ...] = ()
    facts: Mapping[str, str] = field(default_factory=dict)
