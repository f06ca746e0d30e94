"""Proxy mode: a session whose commands go on to a real server, and whose replies are that server's, to the byte.

The scenario is asked first, as ever: what it refuses the real server never sees. STARTTLS is answered here; what cannot
be passed on is withheld from the EHLO reply, and refused when it is used all the same.
"""

from __future__ import annotations

import re
from typing import Final, NoReturn

from mailtrap_py.errors import UpstreamError
from mailtrap_py.events import Ending, Point, Reply
from mailtrap_py.smtp import refusals
from mailtrap_py.smtp.delivery import Delivery
from mailtrap_py.smtp.path import Path
from mailtrap_py.smtp.perform import SERVICE_CLOSING, perform
from mailtrap_py.smtp.sasl import user_of
from mailtrap_py.smtp.session import Session
from mailtrap_py.smtp.transaction import OpenTransaction
from mailtrap_py.smtp.upstream import Connection
from mailtrap_py.smtp.wire import SessionOver

WITHHELD: Final = frozenset({"STARTTLS", "XCLIENT", "XFORWARD", "BURL", "ETRN", "ATRN"})
"""Capabilities that are not passed on: TLS ends here, the rest changes who is talking."""
REFUSED: Final = frozenset({"BDAT", "XCLIENT", "XFORWARD", "BURL", "ETRN", "ATRN"})
"""The commands of those, and BDAT where CHUNKING is not offered."""
_LINE: Final = re.compile(rb"[^\n]*\n")
_ABANDONED = "the connection to it was given up, because a message that had begun must not arrive"


class ProxySession(Session):
    """A session in front of a real server. Every session has a connection of its own."""

    _upstream: Connection | None = None
    _lost = ""
    _told: tuple[Reply, str] | None = None
    _late = False
    _leaving = False
    _chunking = False

    async def greet(self) -> None:
        """Greet in the real server's words."""
        greeting = (await self._connection()).greeting
        self._told = await self.after_upstream(greeting, "")
        self.say(greeting)
        await self._follow()

    def clean_up(self) -> None:
        """Close the connection to the real server with the session."""
        self._give_up()

    async def take_effect(self) -> None:
        """Answer what belongs to this side of the proxy; all else goes on."""
        if self.verb in REFUSED:
            self.say(refusals.UNKNOWN_COMMAND)
        else:
            await super().take_effect()
        await self._follow()

    async def _follow(self) -> None:
        """Close when the real server says that it does (RFC 5321, section 4.2.3: "closing transmission channel")."""
        if self._leaving:
            raise SessionOver(Ending.SERVER_CLOSED, "the real server replied 421", then=self.wire.close)

    # -- the real server

    async def _connection(self) -> Connection:
        if self._lost:
            await self._fail(UpstreamError(self._lost))
        if self._upstream is None:
            address = self.service.upstream
            if address is None:
                raise TypeError("a proxy needs an upstream")
            try:
                connecting = Connection.connect(address, hostname=self.service.hostname)
                self._upstream = await self.wire.unless_lost(connecting)
            except UpstreamError as error:
                await self._fail(error)
        return self._upstream

    async def _forward(self, line: bytes) -> Reply:
        connection = await self._connection()
        try:
            return await self.wire.unless_lost(connection.command(line))
        except UpstreamError as error:
            await self._fail(error)

    async def _pass_on(self) -> Reply:
        """Send the command on as it came, and give the reply; a rule may have something else said in its place."""
        reply = await self._forward(self.command)
        self._told = await self.after_upstream(reply, self.verb)
        return reply

    async def after_upstream(self, reply: Reply, verb: str) -> tuple[Reply, str] | None:
        """Ask the scenario about a reply of the real server; give what was said in its place, and by which rule.

        What the real server did stays done: only its answer is changed, delayed or lost. It is said here, because what
        the rule does next may end the connection.
        """
        told: list[tuple[Reply, str]] = []

        async def instead(other: Reply, rule: str) -> None:
            told.append((other, rule))
            self.wire.reply(other, rule=rule)

        decision = self.decide(Point.UPSTREAM, upstream_reply=reply, verb=verb)
        if decision is not None:
            await perform(decision, self.stage(instead))
        if not told:
            self._leaving = reply.code == SERVICE_CLOSING
        return told[0] if told else None

    def say(self, reply: Reply, rule: str = "") -> None:
        """Send a reply of the real server's, if a rule has not said something in its place."""
        if self._told is None:
            super().say(reply, rule)
        self._told = None

    def refuse(self, reply: Reply, rule: str = "") -> None:
        """Send a refusal of the real server's, if a rule has not said something in its place."""
        if self._told is None:
            super().refuse(reply, rule)
        else:
            self.refused(*self._told)
            self._told = None

    async def _fail(self, error: UpstreamError) -> NoReturn:
        """Tell the client that the service is not available, and the record why (RFC 5321, section 3.8)."""
        self.wire.note(f"upstream: {error}")
        self.refuse(Reply(421, "4.4.2", (f"{self.service.hostname} Service not available: {error}",)))
        raise SessionOver(Ending.SERVER_CLOSED, f"upstream: {error}", then=self.wire.close)

    def _give_up(self, why: str = "") -> None:
        if self._upstream is not None:
            self._upstream.close()
            self._upstream = None
        self._lost = self._lost or why

    # -- commands

    async def unknown(self) -> None:
        """Let the real server say what it thinks of the command."""
        self.say(await self._pass_on())

    async def smtp_HELO(self, hostname: str | None) -> None:
        """Introduce the client."""
        reply = await self._pass_on()
        if reply.positive:
            self.introduced(hostname or "", extended=False)
        self.say(reply)

    async def smtp_EHLO(self, hostname: str | None) -> None:
        """Introduce the client, and pass on the capabilities that can be honoured."""
        reply = await self._pass_on()
        if reply.positive:
            self.introduced(hostname or "", extended=True)
            self._chunking = "CHUNKING" in (line.upper().strip() for line in reply.lines[1:])
            reply, withheld = honourable(reply, starttls=self.service.tls is not None and not self.facts.tls_version)
            if withheld:
                self.wire.note(f"withheld from the EHLO reply: {', '.join(withheld)}")
        self.say(reply)

    async def smtp_AUTH(self, arg: str | None) -> None:
        """Pass the exchange on, step by step, whatever the mechanism (RFC 4954, section 4)."""
        reply = await self._pass_on()
        steps = 0
        while reply.code == 334:  # noqa: PLR2004 - RFC 4954: the server wants the next step
            self.say(reply)
            self.command = await self.client_step()
            steps += 1
            step = self.command.decode("ascii", "replace").strip()
            self.attempted_user = self.attempted_user or user_of(self.attempted_mechanism, step, first=steps == 1)
            if await self.scenario_answers(Point.AUTH, verb=""):
                await self._forward(b"*\r\n")
                return
            reply = await self._pass_on()
        if reply.code // 100 == 2:  # noqa: PLR2004 - 2yz: done
            self.authenticated()
        self.say(reply)

    async def smtp_MAIL(self, arg: str | None) -> None:
        """Begin a transaction, if the real server does."""
        reply = await self._pass_on()
        if not reply.positive:
            self.refuse(reply)
            return
        self.end_transaction("MAIL ended it")
        self.begin_transaction(self.path or _verbatim(arg))
        self.say(reply)

    async def smtp_RCPT(self, arg: str | None) -> None:
        """Add a recipient, if the real server does."""
        reply = await self._pass_on()
        self.path = self.path or _verbatim(arg)
        if not reply.positive or self.transaction is None:
            self.refuse(reply)
            return
        said, rule = self._told or self.words or (reply, "")
        self.transaction.add(self.path, said, rule)
        self.say(reply)

    async def smtp_DATA(self, arg: str | None) -> None:
        """Ask for the content, in the real server's words where it is asked now.

        DATA itself goes on at once, so that its reply is the real server's. Only if the scenario has a rule for the
        message it waits until that has spoken: a message that was begun cannot be taken back without closing.
        """
        transaction = self.transaction
        ready = transaction is not None and transaction.accepted != () and transaction.chunks is None
        self._late = ready and self.inbox.director.listens(Point.MESSAGE)
        reply = Reply(354, "", ("End data with <CR><LF>.<CR><LF>",)) if self._late else await self._pass_on()
        if reply.code // 100 != 3 or transaction is None:  # noqa: PLR2004 - only 3yz asks for the content
            self.refuse(reply)
            return
        refused = self._told is not None and self._told[0].code // 100 != 3  # noqa: PLR2004 - the client sends none
        self.say(reply)
        if refused:
            self._give_up(_ABANDONED)
        else:
            self.content_due = transaction

    async def take_content(self, transaction: OpenTransaction) -> None:
        """Take the content, and give it to the real server when the scenario let it through."""
        content = await self.receive(transaction)
        relay = _Relay(self, transaction, bytes(content.wire) if content is not None else b"", late=self._late)
        if content is not None:
            raw = transaction.content
            await self.deliver(Delivery(transaction, raw, wire=self.wire, chronicle=self.facts, behind=relay))
        await self._follow()
        await relay.settle()

    def takes_chunks(self) -> bool:
        """Tell whether the real server takes them."""
        return self._chunking

    async def chunk_taken(self, transaction: OpenTransaction, size: int) -> Reply:
        """Pass the chunk on, unless the scenario has a rule for the message: then all wait until that has spoken."""
        chunks = transaction.chunks
        if chunks is None or self.inbox.director.listens(Point.MESSAGE):
            return await super().chunk_taken(transaction, size)
        reply = await self._forward(_chunk(bytes(chunks.octets[chunks.passed_on :])))
        chunks.passed_on = len(chunks.octets)
        self._told = await self.after_upstream(reply, "BDAT")
        return reply

    async def take_last_chunk(self, transaction: OpenTransaction, size: int) -> None:
        """Pass the last chunk on, with those that waited, when the scenario let the message through."""
        raw = transaction.content
        rest = raw[transaction.chunks.passed_on if transaction.chunks is not None else 0 :]
        relay = _Relay(self, transaction, _chunk(rest, last=True), late=False, chunked=True)
        await self.deliver(Delivery(transaction, raw, wire=self.wire, chronicle=self.facts, behind=relay))
        await self._follow()
        await relay.settle()

    async def give_chunks_up(self) -> None:
        """End the transaction on both sides."""
        self.end_transaction()
        await self._forward(b"RSET\r\n")

    async def smtp_RSET(self, arg: str | None) -> None:
        """Give the transaction up on both sides."""
        reply = await self._pass_on()
        if reply.positive:
            self.end_transaction("RSET ended it")
        self.say(reply)

    async def smtp_NOOP(self, arg: str | None) -> None:
        """Do nothing, there."""
        self.say(await self._pass_on())

    async def smtp_VRFY(self, arg: str | None) -> None:
        """Ask there."""
        self.say(await self._pass_on())

    async def smtp_EXPN(self, arg: str | None) -> None:
        """Ask there."""
        self.say(await self._pass_on())

    async def smtp_HELP(self, arg: str | None) -> None:
        """Ask there."""
        self.say(await self._pass_on())

    async def smtp_QUIT(self, arg: str | None) -> None:
        """Say goodbye on both sides."""
        reply = await self._pass_on()
        self.say(reply)
        if reply.positive:
            self.end_transaction("QUIT ended it")
            self.goodbye_said = True


class _Relay:
    """The way of one message's content to the real server, and what is owed to that server afterwards."""

    def __init__(
        self, session: ProxySession, transaction: OpenTransaction, content: bytes, *, late: bool, chunked: bool = False
    ) -> None:
        self._session = session
        self._transaction = transaction
        self._content = content
        self._late = late
        self._begun = not (late or chunked)  # until its last chunk a message is taken back by RSET
        self._given = False

    async def forward(self) -> Reply:
        """Give the message to the real server, dots and all; its reply, or 451 when it broke off."""
        session = self._session
        try:
            connection = await session._connection()  # noqa: SLF001 - two halves of one thing
            if self._late:
                reply = await connection.command(b"DATA\r\n")
                if reply.code // 100 != 3:  # noqa: PLR2004 - only 3yz asks for the content
                    return reply
                self._begun = True
            self._given = True
            return await connection.command(self._content)
        except UpstreamError as error:
            session.wire.note(f"upstream: {error}")
            session._give_up(str(error))  # noqa: SLF001
            # RFC 5321, section 3.8: a lost connection counts as if 451 had been received.
            return Reply(451, "4.4.2", (f"Error: the message may be lost: {error}",))

    async def told(self, reply: Reply) -> tuple[Reply, str] | None:
        """Ask the scenario about that reply."""
        return await self._session.after_upstream(reply, ".")

    async def settle(self) -> None:
        """Bring the real server back to where the client believes it is."""
        session = self._session
        if self._given or session._lost:  # noqa: SLF001
            return
        if self._begun:
            session._give_up(_ABANDONED)  # noqa: SLF001
        else:
            await session._forward(b"RSET\r\n")  # noqa: SLF001


def honourable(reply: Reply, *, starttls: bool) -> tuple[Reply, tuple[str, ...]]:
    """Take out of an EHLO reply what the proxy cannot honour, and put STARTTLS in if it is answered here.

    Returns the reply and the keywords that were taken out. All other lines stay as they are, to the byte.
    """
    kept: list[bytes] = []
    withheld: list[str] = []
    for number, line in enumerate(_LINE.findall(reply.raw)):
        keyword = line[4:].split(maxsplit=1)[0].decode("ascii", "replace").upper() if line[4:].split() else ""
        if number and keyword in WITHHELD:
            withheld.append(keyword)
        else:
            kept.append(line)
    if starttls:
        kept.append(b"250 STARTTLS\r\n")
    raw = b"".join([*(_marked(line, b"-") for line in kept[:-1]), _marked(kept[-1], b" ")])
    text = tuple(line[4:].decode("utf-8", "surrogateescape").rstrip("\r\n") for line in kept)
    return Reply(reply.code, reply.enhanced, text, raw=raw), tuple(withheld)


def _marked(line: bytes, mark: bytes) -> bytes:
    """Let more follow, or nothing; a line that says so already, and one that is only a code, stay as they are."""
    if (line[3:4] == b"-") == (mark == b"-"):
        return line
    return line[:3] + mark + (line[4:] if line[3:4] in {b" ", b"-"} else line[3:])


def _chunk(octets: bytes, *, last: bool = False) -> bytes:
    """Write a BDAT command with its octets (RFC 3030, section 2)."""
    return b"BDAT %d%b\r\n%b" % (len(octets), b" LAST" if last else b"", octets)


def _verbatim(argument: str | None) -> Path:
    """Keep an address that only the real server understands."""
    return Path((argument or "").partition(":")[2].strip(" <>"))
