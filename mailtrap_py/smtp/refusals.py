"""Why a server that works refuses a command: each reply with its words, which are stable because people assert on them.

The wording is Postfix's where it has one, since that is what clients were tested with.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Final

from mailtrap_py.events import Reply
from mailtrap_py.smtp import dsn
from mailtrap_py.smtp.path import Path

LINE_TOO_LONG: Final = Reply(500, "5.5.2", ("Error: line too long",))
UNKNOWN_COMMAND: Final = Reply(500, "5.5.2", ("Error: command not recognized",))
NO_MAIL_TAKEN: Final = Reply(503, "5.5.1", ("Error: the server takes no mail",))
NEED_HELO: Final = Reply(503, "5.5.1", ("Error: send HELO/EHLO first",))
NEED_AUTH: Final = Reply(530, "5.7.0", ("Authentication required",))
NEED_MAIL: Final = Reply(503, "5.5.1", ("Error: need MAIL command",))
NEED_RCPT: Final = Reply(503, "5.5.1", ("Error: need RCPT command",))
NESTED_MAIL: Final = Reply(503, "5.5.1", ("Error: nested MAIL command",))
NO_RECIPIENTS: Final = Reply(554, "5.5.1", ("Error: no valid recipients",))
AFTER_BDAT: Final = Reply(503, "5.5.1", ("Error: the message has begun with BDAT",))
NOT_BY_DATA: Final = Reply(503, "5.5.1", ("Error: this message must come by BDAT",))
CHUNK_REFUSED: Final = Reply(503, "5.5.1", ("Error: a chunk before this one was refused, send RSET",))
BAD_SENDER: Final = Reply(501, "5.1.7", ("Bad sender address syntax",))
BAD_RECIPIENT: Final = Reply(501, "5.1.3", ("Bad recipient address syntax",))
BAD_PARAMETER: Final = Reply(501, "5.5.4", ("Error: bad parameter syntax",))
UNDECLARED_UTF8: Final = Reply(553, "5.6.7", ("Must declare SMTPUTF8 to send unicode address",))
TLS_NOT_OFFERED: Final = Reply(502, "5.5.1", ("Error: STARTTLS is not offered",))
TLS_ACTIVE: Final = Reply(503, "5.5.1", ("Error: TLS is active already",))
AUTH_NOT_OFFERED: Final = Reply(502, "5.5.1", ("Error: AUTH is not offered",))
AUTH_IN_TRANSACTION: Final = Reply(503, "5.5.1", ("Error: AUTH is not permitted during a mail transaction",))
NEED_EHLO: Final = Reply(503, "5.5.1", ("Error: send EHLO first",))
AUTH_NEEDS_EHLO: Final = Reply(500, "5.5.2", ("Error: command 'AUTH' not recognized",))
AUTH_TWICE: Final = Reply(503, "5.5.1", ("Already authenticated",))
AUTH_WITHOUT_MECHANISM: Final = Reply(501, "5.5.4", ("Not enough value",))
AUTH_WITH_TOO_MUCH: Final = Reply(501, "5.5.4", ("Too many values",))
AUTH_CANCELLED: Final = Reply(501, "5.7.0", ("Authentication aborted",))
UNKNOWN_MECHANISM: Final = Reply(504, "5.5.4", ("Unrecognized authentication type",))
BAD_CREDENTIALS: Final = Reply(535, "5.7.8", ("Authentication credentials invalid",))
NEED_TLS: Final = Reply(530, "5.7.0", ("Must issue a STARTTLS command first",))
NEED_TLS_FOR_AUTH: Final = Reply(538, "5.7.11", ("Encryption required for requested authentication mechanism",))
TOO_MANY_RECIPIENTS: Final = Reply(452, "4.5.3", ("Error: too many recipients",))
XCLIENT_IN_TRANSACTION: Final = Reply(503, "5.5.1", ("Error: MAIL transaction in progress",))
NO_EXPN: Final = Reply(502, "5.5.1", ("EXPN not implemented",))
NOT_STORED: Final = Reply(451, "4.3.0", ("Error: the message could not be stored",))
_EXTENSIONS: Final = {
    "SIZE": "SIZE",
    "BODY": "8BITMIME",
    "SMTPUTF8": "SMTPUTF8",
    "AUTH": "AUTH",
    **dict.fromkeys((*dsn.OF_MAIL, *dsn.OF_RCPT), "DSN"),
}
"""The extension that each parameter of MAIL and RCPT belongs to."""
_BODIES: Final = {"7BIT": "8BITMIME", "8BITMIME": "8BITMIME", "BINARYMIME": "BINARYMIME"}
"""The extension that each kind of body belongs to (RFC 6152, RFC 3030)."""


def syntax_error(command: str) -> Reply:
    """Say how the command is written."""
    return Reply(501, "5.5.4", (f"Syntax: {command}",))


def too_many_errors(hostname: str) -> Reply:
    """End a session that has made nothing but errors."""
    return Reply(421, "4.7.0", (f"{hostname} Error: too many errors",))


def too_many_sessions(hostname: str, client: str = "") -> Reply:
    """Turn a client away (RFC 5321, section 3.8): it, or all together, have too many sessions."""
    whose = f" from {client}" if client else ""
    return Reply(421, "4.7.0", (f"{hostname} Error: too many connections{whose}",))


def too_big(limit: int) -> Reply:
    """Refuse a message for its size (RFC 1870, section 6.1)."""
    return Reply(552, "5.3.4", (f"Message size exceeds the limit of {limit} octets",))


def unsupported(parameter: str) -> Reply:
    """Refuse a parameter that was not offered (RFC 5321, section 4.1.1.11: "555 MAIL FROM/RCPT TO parameters")."""
    return Reply(555, "5.5.4", (f"Unsupported option: {parameter}",))


def misspelt(parameter: str) -> Reply:
    """Refuse a parameter that is not written as its extension wants it."""
    return Reply(501, "5.5.4", (f"Error: bad {parameter} parameter syntax",))


def of_mail_parameters(path: Path, honoured: Sequence[str], limit: int) -> Reply | None:
    """Tell what is wrong with the parameters of a MAIL command, if anything is.

    `honoured` are the lines of the EHLO reply that hold, `limit` the size that a message may have.
    """
    parameters = path.parameters
    if parameters:
        known = {"SIZE", "BODY", "SMTPUTF8", "AUTH", *dsn.OF_MAIL}
        offered = _keywords(honoured)
        if stranger := _not_offered(parameters, known, offered):
            return unsupported(stranger)
        size = parameters.get("SIZE", "0")
        if not (size.isascii() and size.isdigit()) or parameters.get("SMTPUTF8", ""):
            return BAD_PARAMETER
        if int(size[:20]) > limit > 0:
            return too_big(limit)
        if _BODIES.get(parameters.get("BODY", "7BIT").upper()) not in {*offered, "8BITMIME"}:
            return BAD_PARAMETER
        # AUTH tells who first submitted it (RFC 4954, section 5): kept, not judged.
        if wrong := dsn.misspelt(parameters, dsn.OF_MAIL):
            return misspelt(wrong)
    return UNDECLARED_UTF8 if path.unicode and "SMTPUTF8" not in parameters else None


def of_recipient(path: Path, honoured: Sequence[str], *, utf8: bool) -> Reply | None:
    """Tell what is wrong with a recipient, if anything is; `utf8` says whether MAIL declared SMTPUTF8."""
    if not path.address:
        return BAD_RECIPIENT
    if path.parameters:
        if stranger := _not_offered(path.parameters, dsn.OF_RCPT.keys(), _keywords(honoured)):
            return unsupported(stranger)
        if wrong := dsn.misspelt(path.parameters, dsn.OF_RCPT):
            return misspelt(wrong)
    return UNDECLARED_UTF8 if path.unicode and not utf8 else None


def _keywords(honoured: Sequence[str]) -> set[str]:
    return {line.split(maxsplit=1)[0].upper() for line in honoured if line.split()}


def _not_offered(parameters: Mapping[str, str], known: Collection[str], offered: Collection[str]) -> str:
    """Name the first parameter that nobody knows here, or whose extension is not offered; "" if there is none."""
    return next((name for name in parameters if name not in known or _EXTENSIONS[name] not in offered), "")
