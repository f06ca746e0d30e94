"""What a normal reply means, so that a persona can say it in other words.

The replies are told by their values, not by where they are said: a reply that is added means nothing here until it gets
its line, and is said by every persona as it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from mailtrap_py.events import Reply
from mailtrap_py.scenario.persona import Meaning
from mailtrap_py.smtp import refusals

TOO_MANY_MESSAGES: Final = Reply(421, "4.7.0", ("Error: too many messages in this connection",))
TOO_MANY_ERRORS: Final = Reply(421, "4.7.0", ("Error: too many errors",))

_BY_REPLY: Final[Mapping[Reply, Meaning]] = {
    refusals.UNKNOWN_COMMAND: Meaning.UNKNOWN_COMMAND,
    refusals.NEED_HELO: Meaning.NEED_HELLO,
    refusals.NEED_AUTH: Meaning.AUTH_REQUIRED,
    refusals.NEED_RCPT: Meaning.NEED_RCPT,
    refusals.NESTED_MAIL: Meaning.NESTED_MAIL,
    refusals.NO_RECIPIENTS: Meaning.NO_RECIPIENTS,
    refusals.BAD_SENDER: Meaning.BAD_SENDER,
    refusals.BAD_RECIPIENT: Meaning.BAD_RECIPIENT,
    refusals.TLS_NOT_OFFERED: Meaning.STARTTLS_UNAVAILABLE,
    refusals.TLS_ACTIVE: Meaning.TLS_ACTIVE,
    refusals.AUTH_NOT_OFFERED: Meaning.AUTH_UNAVAILABLE,
    refusals.AUTH_IN_TRANSACTION: Meaning.AUTH_IN_TRANSACTION,
    refusals.NOT_STORED: Meaning.NOT_STORED,
    refusals.TOO_MANY_RECIPIENTS: Meaning.TOO_MANY_RECIPIENTS,
    TOO_MANY_MESSAGES: Meaning.TOO_MANY_MESSAGES,
    TOO_MANY_ERRORS: Meaning.TOO_MANY_ERRORS,
}
_BY_VERB: Final[Mapping[tuple[str, int], Meaning]] = {
    ("", 220): Meaning.GREETING,
    ("HELO", 250): Meaning.HELO,
    ("EHLO", 250): Meaning.EHLO,
    ("HELO", 501): Meaning.HELLO_SYNTAX,
    ("EHLO", 501): Meaning.HELLO_SYNTAX,
    ("STARTTLS", 220): Meaning.STARTTLS,
    ("AUTH", 235): Meaning.AUTH,
    ("AUTH", 535): Meaning.AUTH_FAILED,
    ("AUTH", 504): Meaning.AUTH_MECHANISM_UNKNOWN,
    ("AUTH", 503): Meaning.AUTH_TWICE,
    ("MAIL", 250): Meaning.MAIL,
    ("MAIL", 552): Meaning.MESSAGE_TOO_BIG,
    ("MAIL", 555): Meaning.UNSUPPORTED_PARAMETER,
    ("RCPT", 250): Meaning.RCPT,
    ("RCPT", 555): Meaning.UNSUPPORTED_PARAMETER,
    ("DATA", 354): Meaning.DATA,
    ("DATA", 552): Meaning.CONTENT_TOO_BIG,
    ("BDAT", 552): Meaning.CONTENT_TOO_BIG,
    ("RSET", 250): Meaning.RSET,
    ("NOOP", 250): Meaning.NOOP,
    ("VRFY", 252): Meaning.VRFY,
    ("EXPN", 502): Meaning.EXPN,
    ("HELP", 214): Meaning.HELP,
    ("QUIT", 221): Meaning.QUIT,
}
_SYNTAX: Final = refusals.syntax_error("").lines[0]
_QUEUED: Final = "Ok: queued as "
_TIMEOUT: Final = (421, "4.4.2")


def meaning_of(reply: Reply, verb: str) -> Meaning | None:
    """Tell what a normal reply to this command means; "" is the greeting. `None`: nothing that a persona could say."""
    if reply == refusals.NEED_MAIL:
        return Meaning.DATA_BEFORE_MAIL if verb == "DATA" else Meaning.NEED_MAIL
    if (reply.code, reply.enhanced) == _TIMEOUT:
        return Meaning.TIMEOUT
    if reply.code == 250 and reply.lines[0].startswith(_QUEUED):  # noqa: PLR2004 - 250: done
        return Meaning.QUEUED
    found = _BY_REPLY.get(reply) or _BY_VERB.get((verb, reply.code))
    if found is None and reply.lines[0].startswith(_SYNTAX):
        return Meaning.SYNTAX
    return found
