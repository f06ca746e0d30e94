"""What is behind grades that surprise, found by reading transcripts and the clients' sources.

A note holds for clients under scenarios while they have the grade that it explains: when a new version does better, the
page leaves that out by itself, and the generator tells.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Note:
    """Why these clients have this grade under these scenarios."""

    clients: tuple[str, ...]
    grade: str
    scenarios: tuple[str, ...]
    why: str


_ONE_OF_SEVERAL_REFUSED = (
    "fail-addresses",
    "no-such-user",
    "odd-octets-in-reply",
    "too-many-recipients",
    "too-many-recipients-552",
)
_SILENCE_BEHIND_THE_DOT = ("lost-250-silent", "timeout-final-dot")
_BAD_CERTIFICATE = ("tls-expired", "tls-not-yet-valid", "tls-self-signed", "tls-untrusted", "tls-wrong-host")
_NO_221 = ("quit-reset", "quit-without-221")
_QUIT = ("quit-421", "quit-refused", "quit-silent", *_NO_221)

NOTES: tuple[Note, ...] = (
    Note(
        ("Django",),
        "silent",
        _ONE_OF_SEVERAL_REFUSED,
        "`send_mail` drops what `smtplib` returns: the recipients that were refused.",
    ),
    Note(
        ("swaks",),
        "silent",
        _ONE_OF_SEVERAL_REFUSED,
        "It prints the refusal, and ends with exit code 0 when at least one recipient was accepted.",
    ),
    Note(
        ("PHPMailer",),
        "hung",
        (*_SILENCE_BEHIND_THE_DOT, "duplicate-250", "garbled-reply", "timeout-greeting", "unterminated-reply"),
        "`Timeout` is for connecting. For a reply it waits `Timelimit`, 300 seconds, a property of its `SMTP` object.",
    ),
    Note(
        ("PHPMailer", "swaks"),
        "hung",
        ("stops-reading", "tls-silent"),
        "The time-out counts for replies, and neither for writing nor for the TLS handshake.",
    ),
    Note(("msmtp",), "hung", ("tls-silent",), "Its time-out does not count for the TLS handshake."),
    Note(
        ("Go net/smtp",),
        "hung",
        (
            *_SILENCE_BEHIND_THE_DOT,
            "dripped-too-slowly",
            "stops-reading",
            "timeout-greeting",
            "tls-silent",
            "unterminated-reply",
        ),
        "`smtp.SendMail` takes no time-out, and waits for as long as the connection lasts.",
    ),
    Note(
        ("Go net/smtp",),
        "hung",
        ("mixed-codes",),
        "A last line with another code than the first does not end the reply: it waits for one that does.",
    ),
    Note(
        ("curl",),
        "hung",
        _SILENCE_BEHIND_THE_DOT,
        "`--max-time` does not count behind the final dot, where it blocks until the reply comes (curl issue 8555).",
    ),
    Note(
        ("smtplib",),
        "mistaken",
        ("quit-421", "quit-refused"),
        "The end of the `with` block raises when the answer to QUIT is not 221.",
    ),
    Note(("Ruby Net::SMTP",), "mistaken", _QUIT, "`start` with a block raises what goes wrong with QUIT."),
    Note(("Go net/smtp",), "mistaken", _QUIT, "`smtp.SendMail` returns what goes wrong with QUIT."),
    Note(("swaks",), "mistaken", _NO_221, "It ends with exit code 6 when the connection ends before the 221."),
    Note(
        ("smtplib", "aiosmtplib", "Django", "PHPMailer", "Go net/smtp", "curl", "msmtp", "swaks"),
        "mistaken",
        ("unknown-success-code",),
        "Only 250 is a success to them. RFC 5321, section 4.3.2 wants unknown codes to be read by their first digit.",
    ),
    Note(
        ("smtplib", "aiosmtplib", "Django", "PHPMailer", "Ruby Net::SMTP", "Go net/smtp", "Perl Net::SMTP"),
        "partial",
        ("blank-line",),
        "They take the empty line in front of the 250 for the reply, and do not come to the second message.",
    ),
    Note(("msmtp",), "mistaken", ("blank-line",), "It takes the empty line in front of the 250 for the reply."),
    Note(
        ("smtplib", "aiosmtplib", "Django", "Ruby Net::SMTP", "Go net/smtp", "Perl Net::SMTP", "curl"),
        "partial",
        ("duplicate-250",),
        "They take the second 250 for the answer to their next command, and are one reply behind from then on.",
    ),
    Note(
        ("smtplib", "Django", "nodemailer", "PHPMailer", "Ruby Net::SMTP", "Perl Net::SMTP", "msmtp"),
        "hung",
        ("dripped-too-slowly",),
        "Their time-out begins anew with each octet: it is one for a read, and not for a reply.",
    ),
    Note(
        ("smtplib", "aiosmtplib", "Django", "PHPMailer", "Ruby Net::SMTP", "Perl Net::SMTP"),
        "partial",
        ("idle-421", "idle-closed", "idle-reset", "idle-451", "session-lifetime", "messages-per-connection"),
        "They report the lost connection, and leave it to the application to open another one. nodemailer's pool does.",
    ),
    Note(
        ("Go net/smtp", "curl"),
        "delivered",
        ("connection-unanswered",),
        "They wait long enough for TCP to ask again, 7 seconds after its first try. Go has no time-out for it at all.",
    ),
    Note(
        ("smtplib",),
        "insecure",
        _BAD_CERTIFICATE,
        "`starttls()` looks at no certificate, unless it is handed `context=ssl.create_default_context()`.",
    ),
    Note(("swaks",), "insecure", _BAD_CERTIFICATE, "It looks at certificates only with `--tls-verify`."),
    Note(("msmtp",), "insecure", ("tls-old-version",), "It takes TLS 1.1, which RFC 8996 forbids."),
    Note(
        ("Go net/smtp",),
        "insecure",
        ("starttls-stripped",),
        "`smtp.SendMail` takes STARTTLS when it is offered, and is silent when it is not. Its `PlainAuth` refuses to "
        "send a password in clear, but not on this machine; a mail without password goes in clear anywhere.",
    ),
    Note(
        ("Perl Net::SMTP", "swaks"),
        "crashed",
        ("early-rejection-abrupt", "tls-closed"),
        "Writing to a closed connection raises SIGPIPE, which ends a Perl program that does not ignore it. It is a "
        "matter of chance: when the end is read before the next write, a failure is reported.",
    ),
    Note(
        ("PHPMailer", "swaks"),
        "honest",
        ("starttls-injection",),
        "They take the injected line for the answer to EHLO under TLS, as `not_early` shows, and fail only because it "
        "offers no AUTH.",
    ),
    Note(
        ("Go net/smtp", "msmtp", "swaks"),
        "honest",
        ("bare-code",),
        "They do not take a reply without a text. RFC 5321, section 4.2 says that they must.",
    ),
    Note(("swaks",), "honest", ("recipient-forwarded",), "Only 250 accepts a recipient to it, and 251 does not."),
    Note(
        ("nodemailer",),
        "honest",
        ("shutting-down",),
        "The 421 is lost: the end of the connection right behind it is handled first.",
    ),
    Note(
        ("smtplib", "Django", "Ruby Net::SMTP", "Go net/smtp", "curl", "msmtp", "swaks"),
        "delivered",
        ("ehlo-421-stays-open",),
        "They answer the 421 with HELO, and go on as if nothing had been said.",
    ),
    Note(
        ("smtplib", "Django", "PHPMailer"),
        "delivered",
        ("truncated-250",),
        "They take half a line, `250 2.0.`, for a reply. The other half might have been lost with the message.",
    ),
)
