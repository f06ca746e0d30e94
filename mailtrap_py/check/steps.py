"""The conversation of a check: each step from the connection to QUIT, and a plain verdict on it.

A step that fails ends the check, politely where that is possible, because what comes after it would only tell of the
same trouble again. Credentials and mail are not sent over a connection that is not what was asked for.
"""

from __future__ import annotations

import base64
import contextlib
import datetime as dt
import hmac
import re
import socket
import ssl
import time
from email.utils import format_datetime, make_msgid
from typing import TYPE_CHECKING

from mailtrap_py.check.model import Options, Security, Status, Step
from mailtrap_py.check.trust import context, judged, no_tls
from mailtrap_py.check.verdict import Asked, judge
from mailtrap_py.check.wire import Answer, Wire, readable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_IMPLICIT = {465, 1465}  # where TLS begins with the first octet (RFC 8314), and where this project's trap has it
_MECHANISMS = ("PLAIN", "LOGIN", "CRAM-MD5")
_OK, _GO_ON = 2, 3  # first digits of replies
_CLOSING, _LOGIN_FIRST = 421, 530
_NO_EHLO = dict.fromkeys((500, 502, 504), "the server knows no extensions, HELO follows")
_CLOSED = {_LOGIN_FIRST: "the server wants a login first, and there was no --user"}


def check(options: Options, tell: Callable[[Step], None] = lambda _: None) -> list[Step]:
    """Check a server; `tell` hears of each step as soon as it is done. Raises `SettingError` for a bad `ca_file`."""
    checked = _Check(options, tell)
    checked.run()
    return checked.steps


class _Stop(Exception):  # noqa: N818 - not an error: the check has seen enough
    """A step failed, and those after it make no sense."""


class _Check:
    _wire: Wire  # from the first connection on

    def __init__(self, options: Options, tell: Callable[[Step], None]) -> None:
        self.steps: list[Step] = []
        self._options = options
        self._tell = tell
        self._name = options.name or options.host
        self._helo = options.helo or own_name()
        self._contexts = {verify: context(options.ca_file, verify=verify) for verify in (True, False)}
        self._connected = False
        self._greeted = False  # so that there is somebody to say QUIT to
        self._offered: dict[str, str] = {}

    def run(self) -> None:
        try:
            with contextlib.suppress(_Stop):
                self._begin()
                self._login()
                self._mail()
            with contextlib.suppress(_Stop):
                if self._greeted:
                    self._exchange("QUIT", "QUIT")
        finally:
            if self._connected:
                self._wire.close()

    # What every step goes through.

    def _add(self, step: Step) -> None:
        self.steps.append(step)
        self._tell(step)
        if step.status is Status.FAILED:
            raise _Stop

    def _failed(self, name: str, verdict: str, do: str = "", *, why: str = "", seconds: float | None = None) -> None:
        self._add(Step(name=name, status=Status.FAILED, verdict=verdict, do=do, why=why, seconds=seconds))

    def _exchange(
        self, name: str, line: str, *, said: str = "", expect: int = _OK, excused: Mapping[int, str] | None = None
    ) -> Answer:
        """Send a command, and tell what came of it; `said` is shown in place of what is secret or long."""
        asked, answer = self._ask(name, line, said=said, expect=expect, excused=excused)
        self._add(judge(asked, answer))
        return answer

    def _ask(
        self, name: str, line: str, *, said: str = "", expect: int = _OK, excused: Mapping[int, str] | None = None
    ) -> tuple[Asked, Answer]:
        data = line.encode("utf-8", "surrogateescape")
        unasked = self._wire.unasked()
        answer = self._heard(self._wire.ask(data))
        return Asked(
            name=name, said=said or readable(data), expect=expect, excused=excused or {}, unasked=unasked
        ), answer

    def _heard(self, answer: Answer) -> Answer:
        # RFC 5321, section 3.8: after 421 the server closes. And who does not answer will not answer QUIT.
        if answer.ended or answer.code in {0, _CLOSING}:
            self._greeted = False
        return answer

    # The connection, the greeting, EHLO and TLS.

    @property
    def _implicit(self) -> bool:
        tls = self._options.tls
        return tls is Security.IMPLICIT or (tls is Security.AUTO and self._options.port in _IMPLICIT)

    def _begin(self) -> None:
        self._connect()
        if self._implicit:
            self._secure()
        self._greeted = True  # also by a 5yz: RFC 5321, section 3.1, the server then waits for QUIT
        cure = "" if self._implicit else "If TLS begins with the first octet on this port, say --tls implicit."
        self._add(judge(Asked(name="greeting", cure=cure), self._heard(self._wire.hear())))
        self._hello()
        if self._implicit or self._options.tls is Security.OFF:
            return
        if "STARTTLS" in self._offered:
            self._exchange("STARTTLS", "STARTTLS")
            if unasked := self._wire.unasked():
                # RFC 3207, section 6: what is in the clear must not be taken for what came after the handshake.
                do = "Do not trust this connection: somebody on the way may have put it in."
                self._greeted = False
                self._failed("TLS", "there is more behind the reply to STARTTLS", do, why=" / ".join(unasked))
            self._secure()
            self._hello()
        elif self._options.tls is Security.STARTTLS:
            self._failed(
                "STARTTLS", "not offered", "Do not go on in the clear: somebody on the way may have removed it."
            )
        else:
            verdict = "not offered: what follows is in the clear"
            self._add(Step(name="STARTTLS", status=Status.NOTE, verdict=verdict))

    def _connect(self) -> None:
        began = time.monotonic()
        try:
            self._wire = Wire.open(self._options.host, self._options.port, self._options.timeout)
            self._connected = True
        except OSError as error:
            self._failed("connect", *unreachable(error, self._options), seconds=time.monotonic() - began)
        verdict = f"to {self._wire.peer}, port {self._options.port}"
        self._add(Step(name="connect", status=Status.OK, verdict=verdict, seconds=time.monotonic() - began))

    def _hello(self) -> None:
        """Say EHLO; and HELO to who does not know that (RFC 5321, section 3.2)."""
        asked, answer = self._ask("EHLO", f"EHLO {self._helo}", excused=_NO_EHLO)
        # The first line is the server's name. "AUTH=LOGIN" is an old way to write it.
        words = (text[4:].replace("=", " ", 1).split(maxsplit=1) for text in answer.texts[1:])
        self._offered = {each[0].upper(): each[1] if each[1:] else "" for each in words if each}
        self._add(judge(asked, answer, self._offered))
        if answer.code in _NO_EHLO:
            self._offered = {}
            self._exchange("HELO", f"HELO {self._helo}")

    def _secure(self) -> None:
        """Begin TLS, and judge the certificate; one that is not trusted is looked at over another connection."""
        distrust, began = "", time.monotonic()
        greeted, self._greeted = self._greeted, False
        try:
            self._wire.start_tls(self._contexts[True], self._name)
        except ssl.SSLCertVerificationError as error:
            distrust = error.verify_message
            try:
                began = self._again()
            except OSError as second:
                why = f"and a second connection, to look at the certificate, failed: {second}"
                self._failed("certificate", f"not trusted: {distrust}", why=why)
        except OSError as error:
            self._failed("TLS", *no_tls(error, self._options), seconds=time.monotonic() - began)
        self._greeted = greeted
        version, cipher = self._wire.tls
        facts = {"version": version, "cipher": cipher}
        seconds = time.monotonic() - began
        self._add(Step(name="TLS", status=Status.OK, verdict=f"{version}, {cipher}", seconds=seconds, facts=facts))
        self._add(judged(self._wire.certificate, self._name, distrust, insecure=self._options.insecure))

    def _again(self) -> float:
        """Connect once more, and trust anybody; give the time at which the handshake began. Raises `OSError`."""
        self._wire.close()
        self._wire = Wire.open(self._options.host, self._options.port, self._options.timeout)
        for line in () if self._implicit else ("", f"EHLO {self._helo}", "STARTTLS"):
            answer = self._wire.ask(line.encode()) if line else self._wire.hear()
            if answer.code // 100 != _OK:
                raise OSError(answer.problem or f"{line or 'connecting'} was answered by {answer.texts[-1]}")
        began = time.monotonic()
        self._wire.start_tls(self._contexts[False], self._name)
        return began

    # The login and the mail.

    def _login(self) -> None:
        user, password = self._options.user, self._options.password
        offered = self._offered.get("AUTH", "").upper().split()
        if not user:
            verdict = f"offered ({', '.join(offered)}), not tried without --user" if offered else "not offered"
            self._add(Step(name="AUTH", status=Status.SKIPPED, verdict=verdict))
            return
        if not self._wire.tls[0] and self._options.tls is not Security.OFF:
            do = "Use a server with TLS; to send the password in the clear all the same, say --tls off."
            self._failed("AUTH", "not tried: the password would go in the clear", do)
        mechanism = next((each for each in _MECHANISMS if each in offered), "")
        if not mechanism:
            verdict = f"only {', '.join(offered)} is offered" if offered else "not offered"
            self._failed("AUTH", verdict, f"This check knows {', '.join(_MECHANISMS)}.")
        if mechanism == "PLAIN":
            plain = _base64(f"\0{user}\0{password}")
            self._exchange("AUTH", f"AUTH PLAIN {plain}", said="AUTH PLAIN ********")
            return
        challenge = self._exchange("AUTH", f"AUTH {mechanism}", expect=_GO_ON)
        if mechanism == "LOGIN":
            self._exchange("AUTH", _base64(user), said=f"{user} (in base64)", expect=_GO_ON)
            self._exchange("AUTH", _base64(password), said="********")
            return
        try:
            question = base64.b64decode(challenge.lines[-1][4:], validate=True)
        except ValueError:
            self._failed("AUTH", "the challenge is not base64", why=challenge.texts[-1])
        digest = hmac.digest(password.encode(), question, "md5").hex()  # RFC 2195, section 2
        self._exchange("AUTH", _base64(f"{user} {digest}"), said=f"{user} and a digest (in base64)")

    def _mail(self) -> None:
        options = self._options
        # Who wants to send is not content to hear that a login is missing.
        excused = {} if options.user or options.send else _CLOSED
        sender = options.sender if options.sender is not None else options.user if "@" in options.user else ""
        # RFC 5321, section 4.5.1: every server has to take mail to this one.
        recipients = options.recipients or ("postmaster",)
        utf8 = "" if all(each.isascii() for each in (sender, *recipients)) else " SMTPUTF8"
        if self._exchange("MAIL", f"MAIL FROM:<{sender}>{utf8}", excused=excused).code == _LOGIN_FIRST:
            return
        taken = []
        for recipient in recipients:
            # One that is refused does not keep the others from being tried.
            with contextlib.suppress(_Stop):
                answer = self._exchange("RCPT", f"RCPT TO:<{recipient}>", excused=excused)
                taken += [recipient] if answer.code // 100 == _OK else []
            if not self._greeted:
                return
        if not options.send:
            self._add(Step(name="DATA", status=Status.SKIPPED, verdict="nothing is sent without --send"))
        elif taken:
            self._exchange("DATA", "DATA", expect=_GO_ON)
            message = _message(self._helo, sender, recipients)
            self._exchange("message", f"{message}.", said=f"{len(message.encode())} octets of message")


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def own_name() -> str:
    """Name this machine as EHLO wants it: by a domain, or by an address (RFC 5321, section 4.1.4)."""
    name = socket.gethostname()
    return name if re.fullmatch(r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+", name) else "[127.0.0.1]"


def unreachable(error: OSError, options: Options) -> tuple[str, str]:
    """Say why there is no connection, and what to do."""
    if isinstance(error, socket.gaierror):
        return f"nobody has the name {options.host}", "Look at the spelling, and at the DNS."
    if isinstance(error, ConnectionRefusedError):
        return f"nobody listens on port {options.port}", "Look at the port, and whether the server runs."
    if isinstance(error, TimeoutError):
        return f"no answer within {options.timeout:g} s", "Look at the address and the port; a firewall may drop it."
    return f"not reachable: {error.strerror or error}", "Look at the address and at the network."


def _message(helo: str, sender: str, recipients: tuple[str, ...]) -> str:
    """Write a message that says what it is. No line of it begins with a dot."""
    lines = [
        f"From: <{sender or f'postmaster@{helo}'}>",
        f"To: {', '.join(f'<{each}>' for each in recipients)}",
        f"Date: {format_datetime(dt.datetime.now(dt.UTC))}",
        f"Message-ID: {make_msgid(domain=helo.strip('[]'))}",
        "Subject: mailtrap-py check",
        "Auto-Submitted: auto-generated",
        "MIME-Version: 1.0",
        "Content-Type: text/plain; charset=utf-8",
        "",
        "This message was sent by mailtrap-py check --send, to see whether the server takes it.",
    ]
    return "".join(f"{line}\r\n" for line in lines)
