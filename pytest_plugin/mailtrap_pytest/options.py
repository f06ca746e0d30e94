"""What was said about the mail trap of a run: on the command line, else in the environment, else in the ini file."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import pytest

if TYPE_CHECKING:
    from collections.abc import Mapping

LEVELS = ("off", "info", "warning", "error")
_DURATION = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*(ms|s|m)?")
_SECONDS: Mapping[str | None, float] = {None: 1.0, "ms": 0.001, "s": 1.0, "m": 60.0}


@dataclass(frozen=True, slots=True)
class Options:
    """The options of a run. `timeout` is in seconds, `smtp` is empty where the server is to say it itself."""

    url: str
    smtp: str
    strict: bool
    findings: str
    timeout: float
    worker: str

    @classmethod
    def of(cls, config: pytest.Config) -> Self:
        """Read them. Raises `pytest.UsageError`."""
        smtp = config.getoption("--mailtrap-smtp") or os.environ.get("MAILTRAP_SMTP", "")
        if smtp and not re.fullmatch(r"\S+:[0-9]{1,5}", smtp):
            raise pytest.UsageError(f"--mailtrap-smtp (or MAILTRAP_SMTP): {smtp!r} is no HOST:PORT")
        return cls(
            url=url_of(config),
            smtp=smtp,
            strict=bool(config.getini("mailtrap_strict")),
            findings=_findings(str(config.getini("mailtrap_findings"))),
            timeout=_timeout(str(config.getini("mailtrap_timeout"))),
            worker=os.environ.get("PYTEST_XDIST_WORKER", ""),
        )


def url_of(config: pytest.Config) -> str:
    """Give the address of a server that runs elsewhere; empty without one. Raises `pytest.UsageError`."""
    origins = {
        "--mailtrap-url": config.getoption("--mailtrap-url"),
        "MAILTRAP_URL": os.environ.get("MAILTRAP_URL"),
        "mailtrap_url": config.getini("mailtrap_url"),
    }
    for origin, url in origins.items():
        if url:
            if not re.match(r"https?://[^/\s]+", str(url)):
                raise pytest.UsageError(f"{origin}: {url!r} is no URL; write it as in http://localhost:8025")
            return str(url).rstrip("/")
    return ""


def _findings(level: str) -> str:
    if level not in LEVELS:
        raise pytest.UsageError(f"mailtrap_findings: {level!r} is not one of {', '.join(LEVELS)}")
    return level


def _timeout(text: str) -> float:
    found = _DURATION.fullmatch(text.strip())
    if found is None:
        raise pytest.UsageError(f"mailtrap_timeout: {text!r} is no duration; write it as in 500ms or 5s")
    return float(found[1]) * _SECONDS[found[2]]
