"""A session's conversation as the findings look at it: each command with what was known when it was sent."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType

from mailtrap_py.scenario.conversation import Exchange
from mailtrap_py.scenario.evidence import Session
from mailtrap_py.scenario.findings.kinds import Spot

_PATH = re.compile(
    r"(?:FROM|TO):(?P<space>\s*)(?P<path><(?:\"(?:[^\"\\]|\\.)*\"|[^>\"])*>|\S+)(?P<rest>.*)", re.IGNORECASE | re.DOTALL
)


@dataclass(frozen=True, slots=True)
class Turn:
    """An exchange with what was known when it began: what EHLO offered (None: no EHLO yet), whether HELO was said."""

    exchange: Exchange
    offered: Mapping[str, str] | None
    greeted: bool
    before: Exchange | None

    @property
    def spot(self) -> Spot:
        """The command as a place."""
        return Spot(self.exchange.lines[:1])

    def offers(self, extension: str) -> bool:
        """Say whether the server had offered an extension."""
        return self.offered is not None and extension in self.offered


@dataclass(frozen=True, slots=True)
class PathArgument:
    """The argument of MAIL or RCPT as it was written; `octets` counts what stands behind the path."""

    space: str
    path: str
    parameters: tuple[str, ...]
    octets: int


class Talk:
    """A session's conversation, with the state that each command met."""

    def __init__(self, session: Session) -> None:
        """Take the session."""
        self.session = session

    @cached_property
    def turns(self) -> tuple[Turn, ...]:
        """Everything that the client said."""
        found = []
        offered: Mapping[str, str] | None = None
        greeted = False
        before: Exchange | None = None
        for exchange in self.session.exchanges:
            if exchange.request is None:
                continue
            found.append(Turn(exchange, offered, greeted, before))
            before = exchange
            if exchange.failed or not exchange.code:
                continue
            if exchange.verb == "STARTTLS":
                offered, greeted = None, False
            elif exchange.verb in {"EHLO", "HELO", "LHLO"}:
                offered, greeted = capabilities(exchange), True
        return tuple(found)

    def of(self, *verbs: str) -> Iterator[Turn]:
        """Give the commands with one of these verbs."""
        return (turn for turn in self.turns if turn.exchange.verb in verbs and not turn.exchange.step)

    def paths(self) -> Iterator[tuple[Turn, PathArgument]]:
        """Give the MAIL and RCPT commands with their arguments, as far as they are such."""
        for turn in self.of("MAIL", "RCPT"):
            found = _PATH.fullmatch(turn.exchange.argument)
            if found is not None:
                rest = found["rest"]
                octets = len(rest.encode("utf-8", "surrogateescape"))
                yield turn, PathArgument(found["space"], found["path"], tuple(rest.split()), octets)


def capabilities(exchange: Exchange) -> Mapping[str, str]:
    """Read what an EHLO reply offers: keywords in upper case, each with its parameters. HELO offers nothing."""
    if exchange.verb not in {"EHLO", "LHLO"} or exchange.reply is None:
        return MappingProxyType({})
    lines = exchange.reply.data.decode("ascii", "replace").splitlines()[1:]
    words = (line[4:].partition(" ") for line in lines)
    return {keyword.strip().upper(): parameters.strip() for keyword, _, parameters in words}
