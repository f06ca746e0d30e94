"""News by mail, sent in the background of a request."""

import asyncio
import os
from email.utils import make_msgid

from aiosmtplib import SMTPException
from fastapi import BackgroundTasks, FastAPI
from fastapi_mail import ConnectionConfig, FastMail, MessageSchema, MessageType
from fastapi_mail.errors import ConnectionErrors
from pydantic import BaseModel, EmailStr

app = FastAPI()


class Subscription(BaseModel):
    """Who wants the news."""

    email: EmailStr


def mailer() -> FastMail:
    """Make what sends mail, as the environment says."""
    return FastMail(
        ConnectionConfig(
            MAIL_SERVER=os.environ["SMTP_HOST"],
            MAIL_PORT=int(os.environ["SMTP_PORT"]),
            MAIL_USERNAME="",
            MAIL_PASSWORD="",
            MAIL_FROM="news@example.com",
            MAIL_STARTTLS=False,
            MAIL_SSL_TLS=False,
            USE_CREDENTIALS=False,
        )
    )


async def send(email: str) -> None:
    """Send the first news; a server that is busy is tried again."""
    message = MessageSchema(
        subject="The news",
        recipients=[email],
        body="There is none.",
        subtype=MessageType.plain,
        headers={"Message-ID": make_msgid(domain="example.com")},  # the same for each try: else it is other mail
    )
    for attempt in range(5):
        try:
            await mailer().send_message(message)
        except (ConnectionErrors, SMTPException):
            await asyncio.sleep(0.05 * 2**attempt)
        else:
            return


@app.post("/subscribe", status_code=202)
async def subscribe(subscription: Subscription, background: BackgroundTasks) -> dict[str, str]:
    """Take a subscription, and send the mail later."""
    background.add_task(send, subscription.email)
    return {"subscribed": subscription.email}
