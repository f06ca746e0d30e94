"""A session that talks like a certain real server: its greeting, its capabilities, its words, its limits.

Only who wants a persona gets such a session, so that it costs the others nothing. The persona is that of the greeting:
it stays for the whole session, like the server that it stands for.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Final, NoReturn

from mailtrap_py.events import Ending, Reply
from mailtrap_py.scenario.persona import Meaning, PersonaSpec, find
from mailtrap_py.scenario.replies import filled
from mailtrap_py.smtp import wording
from mailtrap_py.smtp.capabilities import keyword_of
from mailtrap_py.smtp.conversation import Conversation
from mailtrap_py.smtp.delivery import Delivery
from mailtrap_py.smtp.service import Port, Service
from mailtrap_py.smtp.session import Session
from mailtrap_py.smtp.wire import SessionOver

_EMPTY: Final = frozenset({"OK", "VRFY"})
"""What promises nothing, or only that there is an answer."""
_CLOSING: Final = 421
_NEGATIVE: Final = 400


class PersonaSession(Session):
    """A session with a persona. Capabilities that this server cannot honour are withheld, unless it is to lie."""

    def __init__(
        self, service: Service, port: Port, *, ended: Callable[[Conversation], None], persona: PersonaSpec
    ) -> None:
        """Take the persona on, and its limits where they are lower than the server's."""
        self._persona = find(persona.name)
        self._lie = persona.lie
        self._greeted_as_lie = False
        self._errors = 0
        size, recipients = self._persona.limits.size, self._persona.limits.recipients
        if size is not None and not 0 < service.max_message_size < size:
            service = replace(service, max_message_size=size)
        if recipients is not None and recipients < service.max_recipients:
            service = replace(service, max_recipients=recipients)
        super().__init__(service, port, ended=ended)

    # -- words

    def say(self, reply: Reply, rule: str = "") -> None:
        """Send a reply, in the persona's words if it is one of this server's own."""
        scenario_speaks = rule or (self._words is not None and reply.positive)
        self._count(reply)
        super().say(reply if scenario_speaks else self.worded(reply), rule)

    def refuse(self, reply: Reply, rule: str = "") -> None:
        """Send a refusal, in the persona's words if it is one of this server's own."""
        self._count(reply)
        super().refuse(reply if rule else self.worded(reply), rule)

    def worded(self, reply: Reply) -> Reply:
        """Give a normal reply as the persona says it."""
        meaning, persona = wording.meaning_of(reply, self.verb), self._persona
        said = persona.replies.get(meaning) if meaning is not None else None
        if said is None and meaning is Meaning.DATA_BEFORE_MAIL:
            said = persona.replies.get(Meaning.NEED_MAIL)
        if said is None:
            # No source, no other words. But enhanced codes are for who offers them (RFC 2034, section 3).
            offers = persona.clear is None or any(keyword_of(line) == "ENHANCEDSTATUSCODES" for line in persona.clear)
            return reply if offers else Reply(reply.code, "", reply.lines, reply.raw)
        words = filled(said.reply, self._names(reply, meaning))
        if meaning is Meaning.EHLO:
            return Reply(words.code, words.enhanced, (*words.lines, *reply.lines[1:]))
        return words

    def _names(self, reply: Reply, meaning: Meaning | None) -> dict[str, str]:
        path, text = self.path, reply.lines[0]
        now = self.inbox.clock.now()
        return {
            "hostname": self.service.hostname,
            "client": self.facts.client,
            "helo": self.argument if self.verb in {"HELO", "EHLO"} else self.facts.helo,
            "verb": self.verb,
            "command": self.command.decode("utf-8", "replace").strip(),
            "argument": self.argument,
            "mechanism": self.attempted_mechanism,
            "from": path.address if path else "",
            "to": path.address if path else "",
            "id": text.rpartition(" ")[2] if meaning is Meaning.QUEUED else self.facts.id,
            "limit": str(self.service.max_message_size),
            "parameter": self._written(text.rpartition(" ")[2]),
            "syntax": text.partition(": ")[2],
            "date": format_datetime(datetime.fromtimestamp(now, UTC)),
            "time": str(int(now)),
        }

    def _written(self, parameter: str) -> str:
        """Give a parameter with its value, as the client wrote it."""
        words = self.argument.split()
        return next((word for word in words if word.partition("=")[0].upper() == parameter.upper()), parameter)

    # -- capabilities

    def _usual(self) -> list[str]:
        usual = super()._usual()
        lines = self._persona.tls if self.facts.tls_version else self._persona.clear
        if lines is None:
            return usual
        if self._lie and self._greeted_as_lie:
            return list(lines)
        honoured = {keyword_of(line): line for line in usual}
        return [shown for line in lines if (shown := self._shown(line, honoured))]

    def _shown(self, line: str, honoured: dict[str, str]) -> str:
        """Give a line of the persona's EHLO reply as far as it can be honoured; empty, if it cannot."""
        keyword = keyword_of(line)
        if keyword == "HELP":
            return line if Meaning.HELP in self._persona.replies else ""
        if keyword in _EMPTY:
            return line
        if keyword == "SIZE":
            return f"SIZE {self.service.max_message_size}"
        if keyword.partition("=")[0] == "AUTH":
            if "AUTH" not in honoured:
                return ""
            first, *rest = line.replace("=", " =", 1).split() if "=" in keyword else line.split()
            mechanisms = [each for each in rest if each.lstrip("=") in self.service.mechanisms]
            return f"{first} {' '.join(mechanisms)}".replace(" =", "=", 1)
        return line if keyword in honoured else ""

    async def smtp_EHLO(self, hostname: str | None) -> None:
        """Offer what the persona offers; here, and only here, it may lie."""
        self._greeted_as_lie = True
        try:
            await super().smtp_EHLO(hostname)
        finally:
            self._greeted_as_lie = False

    async def smtp_HELP(self, arg: str | None) -> None:
        """Help, where the persona does."""
        if Meaning.HELP in self._persona.replies:
            await super().smtp_HELP(arg)
        else:
            await self.unknown()

    # -- limits

    def _count(self, reply: Reply) -> None:
        self._errors += reply.code >= _NEGATIVE

    async def _next_command(self) -> None:
        limit = self._persona.limits.errors
        if limit is not None and self._errors >= limit:
            # As Postfix does: unasked, behind the reply to the command that was one too many.
            self.say(wording.TOO_MANY_ERRORS)
            self._close("too many errors")
        await super()._next_command()

    async def smtp_MAIL(self, arg: str | None) -> None:
        """Begin a transaction, unless the connection has brought enough."""
        limit = self._persona.limits.messages
        if limit is None or self.messages < limit or self._mail_refusal() is not None:
            await super().smtp_MAIL(arg)
            return
        self.refuse(wording.TOO_MANY_MESSAGES)
        said = self._persona.replies.get(Meaning.TOO_MANY_MESSAGES)
        closes = said is None or said.reply.code == _CLOSING
        if closes and Meaning.TOO_MANY_MESSAGES not in self._persona.stays_open:
            self._close("too many messages in this connection")

    def _close(self, why: str) -> NoReturn:
        raise SessionOver(Ending.SERVER_CLOSED, why, then=self.wire.close)

    async def smtp_RCPT(self, arg: str | None) -> None:
        """Add a recipient, in the persona's words."""
        if self._words is None:
            # The words of a recipient's reply are kept with the recipient, so they are settled before it is added.
            self._words = (self.worded(Reply(250, "2.1.5", ("Ok",))), "")
        await super().smtp_RCPT(arg)
        self._words = None

    # -- the message

    async def deliver(self, delivery: Delivery) -> None:
        """Say in the persona's words what became of a message."""
        delivery.worded = self.worded
        await super().deliver(delivery)
