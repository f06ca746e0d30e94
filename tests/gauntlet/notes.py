"""What is behind grades that surprise, found by reading transcripts and sources. `page` puts it under the tables.

A note holds for the grade that stands before it: when a new version of the client does better, it is left out.
"""

from __future__ import annotations

_GO = "`smtp.SendMail` takes no time-out; it waits for as long as the server keeps the connection."
_PHPMAILER = (
    "`Timeout` is for the connection. For a reply its `SMTP` class waits `Timelimit`, 300 seconds, which only "
    "`getSMTPInstance()->Timelimit` changes."
)
_DJANGO = "`send_mail` drops what `smtplib` returns, the recipients that were refused."
_SWAKS = "It shows the refusal among what was said, and ends with exit code 0 when at least one recipient was accepted."

NOTES: dict[tuple[str, str], tuple[str, str]] = {
    ("no-such-user", "Django"): ("silent", _DJANGO),
    ("no-such-user", "swaks"): ("silent", _SWAKS),
    ("shutting-down", "nodemailer"): (
        "honest",
        "The 421 is lost: the end of the connection, right behind it, is handled before it.",
    ),
    ("timeout-final-dot", "PHPMailer"): ("hung", _PHPMAILER),
    ("timeout-final-dot", "Go net/smtp"): ("hung", _GO),
    ("timeout-final-dot", "curl"): (
        "hung",
        "`--max-time` does not count behind the final dot: it blocks until the reply comes (curl issue 8555).",
    ),
    ("timeout-greeting", "PHPMailer"): ("hung", _PHPMAILER),
    ("timeout-greeting", "Go net/smtp"): ("hung", _GO),
    ("too-many-recipients", "Django"): ("silent", _DJANGO),
    ("too-many-recipients", "swaks"): ("silent", _SWAKS),
}
"""By scenario and client: the grade that is explained, and why it is so."""
