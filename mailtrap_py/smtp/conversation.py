"""The life of one session, whatever its commands do: bytes in, the scenario first, replies out by one door, the end.

Verdict before state: a command is read, the scenario is asked, and only when nothing refused it does the command's own
method run (`smtp_MAIL` and so on, in `session`). So what the client is told and what is true never disagree.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from typing import Any, ClassVar, Final, NoReturn, cast

from mailtrap_py.events import Ending, Event, Point, Reply, replace
from mailtrap_py.inbox import Inbox
from mailtrap_py.scenario import Decision, Ehlo, Listener, Tls
from mailtrap_py.smtp import refusals
from mailtrap_py.smtp.chronicle import Chronicle
from mailtrap_py.smtp.doorway import Doorway
from mailtrap_py.smtp.path import Path, parse_path
from mailtrap_py.smtp.perform import Stage, perform
from mailtrap_py.smtp.prompt_task import PromptTask
from mailtrap_py.smtp.reader import ClientGone, LineTooLong
from mailtrap_py.smtp.sasl import user_of
from mailtrap_py.smtp.script import play
from mailtrap_py.smtp.service import Port, Service
from mailtrap_py.smtp.transaction import OpenTransaction
from mailtrap_py.smtp.wire import SessionOver, Wire

log = logging.getLogger("mailtrap_py.smtp")

FAILING: Final = "@fail.test"
"""Who sends to such an address, or from one, wants what its name says (RFC 6761: `test` is nobody's)."""

NEGATIVE: Final = 400
"""The first code of those that say no (RFC 5321, section 4.2.1)."""

POINTS: Final = {
    "EHLO": Point.EHLO,
    "HELO": Point.EHLO,
    "LHLO": Point.EHLO,
    "AUTH": Point.AUTH,
    "MAIL": Point.MAIL,
    "RCPT": Point.RCPT,
    "DATA": Point.DATA,
    "QUIT": Point.QUIT,
    "STARTTLS": Point.STARTTLS,
    "RSET": Point.RSET,
    "NOOP": Point.NOOP,
    "VRFY": Point.VRFY,
}
"""The point of each verb; EXPN is met by rules at `any` alone, and what is no command at all by those at `unknown`."""


class Conversation:
    """One session. It begins when the connection is made, and calls `ended` when its end is recorded.

    The last reply leaves after that, and a client that does not go has the connection for a while longer.
    """

    verbs: ClassVar[frozenset[str]] = frozenset()
    wire: Wire
    task: asyncio.Task[None]

    def __init__(self, service: Service, port: Port, *, ended: Callable[[Conversation], None]) -> None:
        """Stand ready for a connection."""
        self.service = service
        self.doorway = Doorway(self)
        self.facts = Chronicle(record=service.record, inbox=service.inboxes.at(port.number, service.inbox), port=port)
        self.came_to = self.facts.inbox
        self.transaction: OpenTransaction | None = None
        self.content_due: OpenTransaction | None = None
        self.messages = 0
        self.errors = 0
        self.verb, self.argument, self.command = "", "", b""
        self.path: Path | None = None
        self.path_error = ""
        self.attempted_mechanism = self.attempted_user = ""
        self._ended = ended
        self._transactions = 0
        self._answered = False
        self._words: tuple[Reply, str] | None = None
        self.shut_out = False
        self.goodbye_said = False
        self.goes_under_tls = False

    @property
    def inbox(self) -> Inbox:
        """The inbox that this session's mail goes to."""
        return self.facts.inbox

    # -- asyncio's side: bytes come in, the connection goes

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        both_ways = cast("asyncio.Transport", transport)  # uvloop's has all of it, and is no subclass
        self.wire = Wire(
            both_ways,
            session_id=self.facts.id,
            record=self.service.record,
            inbox=self.inbox,
            outbox=self.service.outbox,
        )
        self.wire.patience = self.service.command_timeout
        if self.facts.port.implicit_tls:
            self.wire.hold()  # the first bytes belong to TLS
        prompt = PromptTask(self._live())
        self.task = prompt.home
        self.task.add_done_callback(lambda _: self._ended(self))  # also of one that is cancelled before it has begun
        self.wire.input.hurry = prompt.hurry

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002 - asyncio's signature
        """Lend the place where the next octets go; it is emptied before anybody else's come, so all share one.

        A protocol that takes octets as they are makes asyncio set up a new place of 256 KB for each command.
        """
        appetite = self.wire.input.appetite
        return self.service.landing[:appetite] if appetite else self.service.landing

    def buffer_updated(self, nbytes: int) -> None:
        """Take what came."""
        self.data_received(self.service.landing[:nbytes])

    def data_received(self, data: bytes | memoryview) -> None:
        """Take what came."""
        self.wire.feed(data)

    def eof_received(self) -> bool:
        """Keep the way out open: a client that closed its side still gets its replies. TLS has no half of it."""
        self.wire.client_closed()
        # Not `tls_version`: that is known a turn after the handshake, and who refuses the certificate leaves before.
        return not self.goes_under_tls

    def connection_lost(self, exc: Exception | None) -> None:
        """End, whatever was going on."""
        self.wire.connection_lost(reset=exc is not None)

    def pause_writing(self) -> None:
        """Stop sending."""
        self.wire.pause_writing()

    def resume_writing(self) -> None:
        """Send on."""
        self.wire.resume_writing()

    # -- from the first moment to the last

    async def _live(self) -> None:
        try:
            over = await self._to_the_end()
            if over.then is not None:
                with contextlib.suppress(SessionOver, ClientGone):
                    await over.then()
        except Exception:  # the record fails; what is left to do is to let go
            log.exception("the end of session %s was not recorded", self.facts.id)
        finally:
            self.wire.let_go()
            self.clean_up()

    async def _to_the_end(self) -> SessionOver:
        try:
            over = await self._talk()
            try:
                self.end_transaction(over.reason or f"the session ended: {over.ending}")
            finally:
                self.facts.ended(over.ending, over.reason)
            return over
        finally:
            self.inbox.leave()
            self._ended(self)

    async def _talk(self) -> SessionOver:
        try:
            return await self._until_over()
        except SessionOver as over:
            return over
        except ClientGone as gone:
            return SessionOver(Ending.CLIENT_RESET if gone.reset else Ending.CLIENT_CLOSED)
        except asyncio.CancelledError:
            # RFC 5321, section 3.8: a server that must shut down says 421 "in response to any command".
            self.wire.reply(Reply(421, "4.3.2", (f"{self.service.hostname} Service shutting down",)))
            return SessionOver(Ending.SHUTDOWN)
        except Exception as error:  # one broken session must not touch another
            log.exception("session %s failed", self.facts.id)
            self.wire.reply(Reply(421, "4.3.0", (f"{self.service.hostname} Internal error, closing the connection",)))
            # In order, because what waits unread would make an RST of it.
            why = f"internal error: {type(error).__name__}: {error}"
            return SessionOver(Ending.SERVER_CLOSED, why, then=self.wire.close)

    async def _until_over(self) -> SessionOver:
        try:
            self.facts.started(self.wire.peer, str(self.service.upstream or ""))
            await self.open()
            while True:
                await self._next_command()
        except SessionOver as over:
            await self.wire.send_pieces()  # it takes a while, in which the client may leave: that is another end
            return over

    async def open(self) -> None:
        """Greet the client, if the scenario lets it come in."""
        self.verb, self.command = "", b""
        if (refusal := self.service.admit(self.facts.client)) is not None:
            self.wire.reply(refusal)
            raise SessionOver(Ending.SERVER_CLOSED, "there were too many sessions", then=self.wire.close)
        if (script := self.inbox.director.scenario.script) is not None:
            await play(script, self.wire, self.service.command_timeout)
        if not await self.scenario_answers(Point.CONNECT):
            await self.greet()

    async def greet(self) -> None:
        """Say the greeting (RFC 5321, section 4.2)."""
        self.say(Reply(220, "", (f"{self.service.hostname} ESMTP mailtrap_py",)))

    def clean_up(self) -> None:
        """Let go of what the session held besides its client."""

    async def _next_command(self) -> None:
        if self.service.max_errors is not None and self.errors >= self.service.max_errors:
            self.wire.reply(refusals.too_many_errors(self.service.hostname))
            raise SessionOver(Ending.SERVER_CLOSED, "too many errors", then=self.wire.close)
        try:
            if self.inbox.director.listens(Point.IDLE):
                line = await self._line_unless_silent()
            else:
                line = await self.wire.line(self.service.command_timeout)
        except LineTooLong:
            self.say(refusals.LINE_TOO_LONG)
        except TimeoutError:
            await self.time_out()
        else:
            await self._command(line)

    async def _line_unless_silent(self) -> bytes:
        """Read a command, and tell the scenario of the silence before it."""
        line = asyncio.ensure_future(self.wire.line(self.service.command_timeout))
        try:
            silent = 0.0
            for limit in self.inbox.director.idle_limits():
                if not await self._silent(line, limit - silent):
                    break
                silent = limit
                await self.scenario_answers(Point.IDLE, silent=silent)
                await self.wire.flush()
            return await line
        finally:
            line.cancel()

    async def _silent(self, line: asyncio.Future[bytes], seconds: float) -> bool:
        """Wait so long on the scenario's clock; tell whether no command came meanwhile."""
        waiting = asyncio.ensure_future(self.inbox.clock.sleep(seconds))
        try:
            await asyncio.wait((line, waiting), return_when=asyncio.FIRST_COMPLETED)
        finally:
            waiting.cancel()
        return not line.done()

    async def time_out(self) -> NoReturn:
        """Close on a client that is silent for too long, and say so (RFC 5321, section 4.5.3.2.7)."""
        self.say(Reply(421, "4.4.2", (f"{self.service.hostname} Error: timeout exceeded",)))
        why = f"the client was silent for {self.service.command_timeout:g} s"
        raise SessionOver(Ending.TIMEOUT, why, then=self.wire.close)

    async def _command(self, line: bytes) -> None:
        # RFC 5321, section 4.1.1: "receivers SHOULD tolerate trailing white space before the terminating <CRLF>".
        verb, _, argument = line.rstrip(b" \t\r\n").partition(b" ")
        self.command = line
        self.verb = verb.upper().decode("ascii", "replace")
        self.argument = argument.strip().decode("utf-8", "surrogateescape")
        self.path, self.path_error = None, ""
        if self.verb in {"MAIL", "RCPT"}:
            try:
                self.path = parse_path(self.argument)
            except ValueError as error:
                self.path_error = str(error)
            else:
                if self.path.address.lower().endswith(FAILING):
                    self.inbox.call_up()
        elif self.verb == "AUTH":
            mechanism, _, response = self.argument.partition(" ")
            self.attempted_mechanism = mechanism.upper()
            self.attempted_user = user_of(self.attempted_mechanism, response.strip(), first=True)
        elif self.verb == "BDAT" and self.takes_chunks():
            await self.take_chunk()
            return
        point = POINTS.get(self.verb, Point.ANY) if self.verb in self.verbs else Point.UNKNOWN
        if not (self.facts.inbox.director.listens(point) and await self.scenario_answers(point)):
            await self.take_effect()
        if self.content_due is not None:
            # Not earlier: what a rule at DATA does after its 354 comes before the content.
            transaction, self.content_due = self.content_due, None
            await self.take_content(transaction)
        if self.goodbye_said:
            # Not earlier: how the connection ends after its 221 is for a rule at QUIT to say.
            raise SessionOver(Ending.QUIT, then=self.wire.close)

    async def take_effect(self) -> None:
        """Run the command's own method: nothing refused it."""
        if self.shut_out and self.verb != "QUIT":
            # RFC 5321, section 3.1: after a 554 greeting "503 bad sequence of commands" answers all but QUIT.
            self.say(refusals.NO_MAIL_TAKEN)
        elif self.verb in self.verbs:
            await getattr(self, f"smtp_{self.verb}")(self.argument or None)
        else:
            await self.unknown()

    async def take_content(self, transaction: OpenTransaction) -> None:
        """Take the content that DATA asked for, and decide about the message."""

    def takes_chunks(self) -> bool:
        """Tell whether BDAT is understood here."""
        return False

    async def take_chunk(self) -> None:
        """Take the octets that BDAT announced, and answer it."""

    async def unknown(self) -> None:
        """Answer a command that nobody knows, and stay (RFC 5321, section 4.2.4); a rule may know it."""
        reply, rule = self._words or (refusals.UNKNOWN_COMMAND, "")
        self.say(reply, rule)

    # -- the scenario

    async def scenario_answers(self, point: Point, **known: Any) -> bool:  # noqa: ANN401 - fields of an event
        """Ask the scenario and do as it says; tell whether the client was answered."""
        decision = self.decide(point, **known)
        if decision is None:
            return False
        self._answered = False
        answer = self._remark if point is Point.IDLE else self._answer
        return await perform(decision, self.stage(answer))

    def stage(self, answer: Callable[[Reply, str], Awaitable[None]]) -> Stage:
        """Lend what actions need where there is no message to accept."""
        return Stage(self.wire, self.inbox, answer, _no_message, _no_message_either, self.bend)

    async def _remark(self, reply: Reply, rule: str) -> None:
        """Say what no command asked for."""
        self.wire.reply(reply, rule=rule)

    def bend(self, action: Tls | Ehlo | Listener) -> None:
        """Change the session itself, or the port that it came by."""

    def decide(self, point: Point, content: bytes = b"", **known: Any) -> Decision | None:  # noqa: ANN401 - an event's
        """Ask the scenario what to do here, and write down the rule that acts; `known` are more fields of the event."""
        director = self.inbox.director
        if not director.listens(point):
            return None
        event = self._event(point, content)
        if known:
            event = replace(event, **known)
        decision = director.decide(event)
        if decision is not None:
            self.facts.fired(point, decision, self.transaction.id if self.transaction else "")
        return decision

    def _event(self, point: Point, content: bytes) -> Event:
        facts, transaction, path = self.facts, self.transaction, self.path
        mail = path if self.verb == "MAIL" else None
        recipient = path if self.verb == "RCPT" else None
        return Event(
            point=point,
            session_id=facts.id,
            inbox=facts.inbox.name,
            client=facts.client,
            port=facts.port.number,
            session_number=facts.number,
            message_number=self.messages + 1,
            tls=facts.tls_version,
            sni=facts.sni,
            helo=self.argument if point is Point.EHLO else facts.helo,
            user=self.attempted_user if point is Point.AUTH else facts.user,
            mechanism=self.attempted_mechanism if point is Point.AUTH else facts.mechanism,
            verb=self.verb,
            line=self.command,
            reverse_path=mail.address if mail else transaction.reverse_path if transaction else None,
            mail_parameters=mail.parameters if mail else transaction.parameters if transaction else {},
            recipient=recipient.address if recipient else None,
            index=len(transaction.recipients) + 1 if recipient and transaction else 0,
            recipients=tuple(accepted.address for accepted in transaction.accepted) if transaction else (),
            rcpt_parameters=recipient.parameters if recipient else {},
            content=content,
            open_sessions=self.inbox.open_sessions,
        )

    async def _answer(self, reply: Reply, rule: str) -> None:
        """Say a scenario's reply. The first one decides: a positive one lets the command take effect in its words."""
        if self._answered:
            self.wire.reply(reply, rule=rule)
            return
        self._answered = True
        if not self.command:  # the greeting; an empty line is a command too
            self.shut_out = not reply.positive
            self.wire.reply(reply, rule=rule)
        elif self.stands_for(reply):
            self._words = (reply, rule)
            await self.take_effect()
            self._words = None
        else:
            self.refuse(reply, rule)

    def stands_for(self, reply: Reply) -> bool:
        """Tell whether with this reply of the scenario the command takes effect."""
        return reply.positive

    # -- replies and the transaction

    @property
    def words(self) -> tuple[Reply, str] | None:
        """What the scenario wants said in place of a positive reply, and the rule that wants it."""
        return self._words

    def say(self, reply: Reply, rule: str = "") -> None:
        """Send a reply: the one door out. A positive one goes in the scenario's words, if it has any."""
        if reply.code >= NEGATIVE and not rule:
            self.errors += 1
        if self._words is not None and reply.positive:
            (reply, rule), self._words = self._words, None
        self.wire.reply(reply, rule=rule)

    def refuse(self, reply: Reply, rule: str = "") -> None:
        """Send a refusal, and write it down in the transaction. The state stays as it was."""
        if not rule:
            self.errors += 1
        self.refused(reply, rule)
        self.wire.reply(reply, rule=rule)

    def refused(self, reply: Reply, rule: str) -> None:
        """Write a refusal down in the transaction that it concerns."""
        transaction, path = self.transaction, self.path
        if self.verb == "MAIL" and path is not None and transaction is None:
            self.begin_transaction(path).refuse(reply, rule)
            self.end_transaction()
        elif self.verb == "RCPT" and path is not None and transaction is not None:
            transaction.add(path, reply, rule)
        elif self.verb == "DATA" and transaction is not None:
            transaction.refuse(reply, rule)

    def begin_transaction(self, path: Path) -> OpenTransaction:
        """Open a transaction."""
        self._transactions += 1
        self.transaction = OpenTransaction(
            path, session_id=self.facts.id, number=self._transactions, inbox=self.inbox.name, clock=self.inbox.clock
        )
        return self.transaction

    def end_transaction(self, reason: str = "") -> None:
        """Put the open transaction into the record, if there is one."""
        if self.transaction is not None:
            self.service.record.add(self.transaction.end(reason))
            self.transaction = None


async def _no_message() -> None:
    """Stand for `accept` where there is no message; the loader refuses such a scenario."""


def _no_message_either() -> None:
    """Stand for `discard` where there is no message."""
