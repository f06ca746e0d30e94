"""aiosmtplib: those that were refused are what `send_message` returns."""

import asyncio
import json
import os
import sys
from email.message import EmailMessage
from email.utils import formatdate, make_msgid

import aiosmtplib


def compose() -> EmailMessage:
    """Write a message."""
    message = EmailMessage()
    message["From"] = "ann@example.com"
    message["To"] = os.environ["SMTP_TO"].replace(",", ", ")
    message["Subject"] = "Hello from aiosmtplib"
    message["Date"] = formatdate()
    message["Message-ID"] = make_msgid(domain="example.com")
    message.set_content("A line of text, of about the length that people write in their mails.\n" * 1500)
    return message


async def main() -> bool:
    """Send, and say how it went."""
    error = ""
    refused: dict[str, aiosmtplib.SMTPResponse | aiosmtplib.SMTPRecipientRefused] = {}
    try:
        client = aiosmtplib.SMTP(
            hostname=os.environ["SMTP_HOST"],
            port=int(os.environ["SMTP_PORT"]),
            start_tls=True if os.environ["SMTP_USER"] else None,
            username=os.environ["SMTP_USER"] or None,
            password=os.environ["SMTP_PASSWORD"] or None,
            timeout=4,
        )
        async with client:
            for number in range(int(os.environ["SMTP_MESSAGES"])):
                if number:
                    await asyncio.sleep(float(os.environ["SMTP_PAUSE"]))
                responses, _ = await client.send_message(compose())
                refused.update(responses)
    except aiosmtplib.SMTPRecipientsRefused as problem:
        error = "all recipients were refused"
        refused.update({each.recipient: each for each in problem.recipients})
    except (aiosmtplib.SMTPException, OSError) as problem:
        error = f"{type(problem).__name__}: {problem}"
    sent = not error and not refused
    words = {address: f"{reply.code} {reply.message}" for address, reply in refused.items()}
    json.dump({"sent": sent, "error": error, "refused": words}, sys.stdout)
    return sent


sys.exit(0 if asyncio.run(main()) else 1)
