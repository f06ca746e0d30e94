"""The commands of SMTP, on aiosmtpd's protocol class, mended.

What is mended of the stock class (version 1.4.6), each with a test that fails on it: it inspects its own class for
every connection and shares its command limits among all of them; the null reverse-path is kept as `<>`; parameters lose
their case; addresses that it cannot parse raise; lines over 1000 octets lose the message; an exception leaks its text,
and the recipients into the next transaction; AUTH wants upper case and hides behind implicit TLS; an idle client is
dropped without 421; a client that closes its side early loses its replies.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, ClassVar

from aiosmtpd.smtp import SMTP
from aiosmtpd.smtp import Session as EngineState

from mailtrap_py.events import Ending, Point, Reply
from mailtrap_py.inbox import Inbox
from mailtrap_py.scenario import Ehlo, Listener, Tls, TlsFault
from mailtrap_py.smtp import refusals
from mailtrap_py.smtp.authentication import authenticate
from mailtrap_py.smtp.capabilities import Capabilities
from mailtrap_py.smtp.conversation import Conversation
from mailtrap_py.smtp.handshake import INJECTED, listen_first, shake_hands
from mailtrap_py.smtp.path import Path
from mailtrap_py.smtp.proxy_protocol import learn_client
from mailtrap_py.smtp.reader import LineTooLong
from mailtrap_py.smtp.receiving import Receiving
from mailtrap_py.smtp.service import AuthPolicy, Port, Service, TlsPolicy
from mailtrap_py.smtp.transaction import OpenTransaction
from mailtrap_py.smtp.trust import is_among
from mailtrap_py.smtp.wire import SessionOver
from mailtrap_py.smtp.xclient import become


class State(EngineState):
    """The engine's session state. Its `login_data` logs a warning each time that the engine itself sets it."""

    login_data = None  # an attribute in place of a property, on purpose


class Session(Receiving, SMTP):
    """A session that captures mail."""

    verbs: ClassVar[frozenset[str]] = frozenset(
        {"HELO", "EHLO", "STARTTLS", "AUTH", "MAIL", "RCPT", "DATA", "RSET", "NOOP", "VRFY", "EXPN", "HELP", "QUIT"}
    )

    def __init__(self, service: Service, port: Port, *, ended: Callable[[Conversation], None]) -> None:
        """Set what the engine's methods look at. Its own constructor is not called: it inspects the class each time."""
        Conversation.__init__(self, service, port, ended=ended)
        self.loop = asyncio.get_running_loop()
        self.session: State = State(self.loop)
        self._capabilities = Capabilities()
        self._honoured_under = None
        self._tls_fault: TlsFault | None = None
        self._may_be_another = False
        self._handle_hooks: dict[str, Any] = {}

    async def open(self) -> None:
        """On a port with implicit TLS the handshake comes before all (RFC 8314, section 3.3)."""
        if self.service.proxy_protocol:
            await learn_client(self)
        self._may_be_another = is_among(self.facts.client, self.service.xclient)
        if self.facts.port.implicit_tls:
            await self._handshake()
        await super().open()

    def stands_for(self, reply: Reply) -> bool:
        """Only 3yz lets DATA ask for the content; what AUTH says ends it there and then."""
        match self.verb:
            case "DATA":
                return reply.code // 100 == 3  # noqa: PLR2004 - 3yz: go on
            case "AUTH":
                if reply.code // 100 == 2:  # noqa: PLR2004 - 2yz: done
                    self.authenticated()
                return False
            case _:
                return reply.positive

    # -- HELO, EHLO, TLS, AUTH

    async def smtp_HELO(self, hostname: str | None) -> None:
        """Begin without extensions (RFC 5321, section 4.1.1.1)."""
        if self._hello(hostname, extended=False):
            self.say(Reply(250, "", (self.service.hostname,)))

    async def smtp_EHLO(self, hostname: str | None) -> None:
        """Begin with extensions; a transaction that is open ends, as by RSET (RFC 5321, section 4.1.4)."""
        if self._hello(hostname, extended=True):
            self.say(Reply(250, "", (self.service.hostname, *self._capabilities.offered(self._usual()))))

    def _hello(self, hostname: str | None, *, extended: bool) -> bool:
        if not hostname:
            self.say(refusals.syntax_error(f"{self.verb} hostname"))
            return False
        self.introduced(hostname, extended=extended)
        return True

    def introduced(self, hostname: str, *, extended: bool) -> None:
        """Know the client's name; a transaction that was open is over."""
        self.end_transaction(f"{self.verb} ended it")
        self.session.host_name = self.facts.helo = hostname
        self.session.extended_smtp = self.facts.esmtp = extended
        self.facts.updated()

    async def smtp_STARTTLS(self, arg: str | None) -> None:
        """Go on under TLS, knowing nothing of what was said before it (RFC 3207, section 4.2)."""
        if not self.honours("STARTTLS") and not self.facts.tls_version:
            self.say(refusals.TLS_NOT_OFFERED)
        elif self.facts.tls_version:
            self.say(refusals.TLS_ACTIVE)
        elif arg:
            self.say(refusals.syntax_error("STARTTLS"))
        else:
            self.say(Reply(220, "2.0.0", ("Ready to start TLS",)))
            if self._tls_fault is TlsFault.INJECT:
                self.wire.reply(Reply(250, raw=INJECTED))
            self.end_transaction("STARTTLS ended it")
            await self.wire.flush()
            injected = self.wire.input.discard()
            if injected:
                # RFC 3207, section 6, and CVE-2011-0411: what came in clear must not be obeyed under TLS.
                self.wire.note(f"thrown away: {len(injected)} octets sent in clear after STARTTLS")
            await self._handshake()
            self.forget()
            self.facts.updated()

    def forget(self) -> None:
        """Know nothing of what the client has said of itself."""
        self.session = State(self.loop)
        self.facts.helo = self.facts.user = self.facts.mechanism = ""
        self.facts.esmtp = False
        self._go_to(self.came_to)

    async def unknown(self) -> None:
        """Be told by XCLIENT who the client is, if who tells it is trusted."""
        if self.verb == "XCLIENT" and self._may_be_another and self.words is None:
            await become(self, self.argument)
        else:
            await super().unknown()

    async def _handshake(self) -> None:
        if self.service.tls is None:
            raise SessionOver(Ending.SERVER_CLOSED, "the port wants TLS, and there is no certificate")
        came = b""
        if self.inbox.director.listens(Point.TLS):
            self.wire.unhold()  # a rule may wait, and who leaves meanwhile is only noticed by who reads
        if self.inbox.director.asks_for_sni():
            came, self.facts.sni = await listen_first(self.wire)
        await self.scenario_answers(Point.TLS)
        self.goes_under_tls = True
        secured = await shake_hands(self.wire, self.doorway, self.service.tls, self._tls_fault, came)
        self.transport = secured.transport
        self.facts.tls_version, self.facts.tls_cipher = secured.version, secured.cipher
        self.facts.sni = secured.name
        self.facts.updated()

    def bend(self, action: Tls | Ehlo | Listener) -> None:
        """Let the next handshake go wrong, offer other extensions, or close the port."""
        match action:
            case Tls():
                self._tls_fault = action.tls
            case Ehlo():
                self._capabilities.bend(action)
            case Listener():
                self.service.listener(action.listener, action.for_, self.inbox)

    async def smtp_AUTH(self, arg: str | None) -> None:
        """Find out who the client is (RFC 4954, section 4)."""
        await authenticate(self, arg or "")

    def authenticated(self) -> None:
        """Know who the client is, and go on in the inbox where the user belongs, if there is one."""
        self.session.authenticated = True
        self.facts.user, self.facts.mechanism = self.attempted_user, self.attempted_mechanism
        if (inbox := self.service.inboxes.of_user(self.facts.user)) is not None:
            self._go_to(inbox)
        self.facts.updated()

    def _go_to(self, inbox: Inbox) -> None:
        self.facts.move(inbox)
        self.wire.inbox = self.facts.inbox

    async def client_step(self) -> bytes:
        """Read a line of an AUTH exchange: no command, but credentials."""
        try:
            return await self.wire.line(self.service.command_timeout, secret=True)
        except LineTooLong:
            # RFC 4954, section 4: "If the server is unable to accept it, 500", with 5.5.6 of section 6.
            self.say(Reply(500, "5.5.6", ("Authentication exchange line is too long",)))
            raise SessionOver(Ending.SERVER_CLOSED, "an AUTH line was too long", then=self.wire.close) from None
        except TimeoutError:
            await self.time_out()

    # -- the transaction

    async def smtp_MAIL(self, arg: str | None) -> None:
        """Begin a transaction (RFC 5321, section 4.1.1.2)."""
        refusal = self._mail_refusal()
        if refusal is not None and refusal.code in {501, 503}:
            self.say(refusal)  # not a transaction that was refused: a command that cannot begin one
        elif refusal is not None:
            self.refuse(refusal)
        elif self.path is not None:
            self.begin_transaction(self.path)
            self.say(Reply(250, "2.1.0", ("Ok",)))

    def _mail_refusal(self) -> Reply | None:
        if not self.session.host_name:
            return refusals.NEED_HELO
        if self.service.require_tls is TlsPolicy.MAIL and not self.facts.tls_version:
            return refusals.NEED_TLS
        if self.service.auth is AuthPolicy.REQUIRED and not self.session.authenticated:
            return refusals.NEED_AUTH
        if self.transaction is not None:
            return refusals.NESTED_MAIL
        if self.path is None or self.argument[:5].upper() != "FROM:":
            return refusals.BAD_PARAMETER if self.path_error == "parameter" else refusals.BAD_SENDER
        return refusals.of_mail_parameters(self.path, self._honoured(), self.size_limit())

    async def smtp_RCPT(self, arg: str | None) -> None:
        """Add a recipient (RFC 5321, section 4.1.1.3)."""
        transaction, path = self.transaction, self.path
        if transaction is None:
            self.say(refusals.NEED_MAIL)
        elif transaction.chunks is not None:
            self.say(refusals.AFTER_BDAT)
        elif path is None or self.argument[:3].upper() != "TO:":
            self.say(refusals.BAD_PARAMETER if self.path_error == "parameter" else refusals.BAD_RECIPIENT)
        elif len(transaction.recipients) >= self.service.max_recipients and self._full(transaction):
            self.refuse(refusals.TOO_MANY_RECIPIENTS)
        elif refusal := self._rcpt_refusal(path, transaction):
            self.refuse(refusal)
        else:
            reply, rule = self.words or (Reply(250, "2.1.5", ("Ok",)), "")
            transaction.add(path, reply, rule)
            self.say(reply, rule)

    def _full(self, transaction: OpenTransaction) -> bool:
        return len(transaction.accepted) >= self.service.max_recipients

    def _rcpt_refusal(self, path: Path, transaction: OpenTransaction) -> Reply | None:
        honoured = self._honoured() if path.parameters else ()
        return refusals.of_recipient(path, honoured, utf8="SMTPUTF8" in transaction.parameters)
