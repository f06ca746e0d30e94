"""smtplib: those that were refused are what `send_message` returns."""

import json
import os
import smtplib
import sys
import time
from email.message import EmailMessage
from email.utils import formatdate, make_msgid


def compose() -> EmailMessage:
    """Write a message."""
    message = EmailMessage()
    message["From"] = "ann@example.com"
    message["To"] = os.environ["SMTP_TO"].replace(",", ", ")
    message["Subject"] = "Hello from smtplib"
    message["Date"] = formatdate()
    message["Message-ID"] = make_msgid(domain="example.com")
    message.set_content("A line of text, of about the length that people write in their mails.\n" * 1500)
    return message


def main() -> bool:
    """Send, and say how it went."""
    error = ""
    refused: dict[str, tuple[int, bytes]] = {}
    try:
        with smtplib.SMTP(os.environ["SMTP_HOST"], int(os.environ["SMTP_PORT"]), timeout=4) as server:
            if os.environ["SMTP_USER"]:
                server.starttls()
                server.login(os.environ["SMTP_USER"], os.environ["SMTP_PASSWORD"])
            for number in range(int(os.environ["SMTP_MESSAGES"])):
                if number:
                    time.sleep(float(os.environ["SMTP_PAUSE"]))
                refused |= server.send_message(compose())
    except smtplib.SMTPRecipientsRefused as problem:
        error, refused = "all recipients were refused", problem.recipients
    except (smtplib.SMTPException, OSError) as problem:
        error = f"{type(problem).__name__}: {problem}"
    sent = not error and not refused
    words = {address: f"{code} {text.decode(errors='replace')}" for address, (code, text) in refused.items()}
    json.dump({"sent": sent, "error": error, "refused": words}, sys.stdout)
    return sent


sys.exit(0 if main() else 1)
