"""Django: messages by `send_mail`, which adds a Message-ID and a Date."""

import json
import os
import smtplib
import sys
import time

from django.conf import settings
from django.core.mail import get_connection, send_mail

settings.configure(
    EMAIL_HOST=os.environ["SMTP_HOST"],
    EMAIL_PORT=int(os.environ["SMTP_PORT"]),
    EMAIL_TIMEOUT=4,
    EMAIL_USE_TLS=bool(os.environ["SMTP_USER"]),
    EMAIL_HOST_USER=os.environ["SMTP_USER"],
    EMAIL_HOST_PASSWORD=os.environ["SMTP_PASSWORD"],
)


def main() -> bool:
    """Send, and say how it went."""
    error, refused = "", {}
    try:
        with get_connection() as connection:
            for number in range(int(os.environ["SMTP_MESSAGES"])):
                if number:
                    time.sleep(float(os.environ["SMTP_PAUSE"]))
                send_mail(
                    subject="Hello from Django",
                    message="A line of text, of about the length that people write in their mails.\n" * 1500,
                    from_email="ann@example.com",
                    recipient_list=os.environ["SMTP_TO"].split(","),
                    connection=connection,
                )
    except smtplib.SMTPRecipientsRefused as problem:
        error, refused = "all recipients were refused", problem.recipients
    except (smtplib.SMTPException, OSError) as problem:
        error = f"{type(problem).__name__}: {problem}"
    words = {address: f"{code} {text.decode(errors='replace')}" for address, (code, text) in refused.items()}
    json.dump({"sent": not error, "error": error, "refused": words}, sys.stdout)
    return not error


sys.exit(0 if main() else 1)
