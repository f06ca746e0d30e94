"""Orders whose confirmation is mailed by a worker."""

import os
import smtplib
from email.message import EmailMessage

from celery import Celery

BROKER = os.environ["BROKER_FOLDER"]

app = Celery("orders", broker="filesystem://")
app.conf.update(
    broker_transport_options={
        "data_folder_in": BROKER,
        "data_folder_out": BROKER,
        "control_folder": f"{BROKER}/control",
    },
    worker_hijack_root_logger=False,
)


@app.task(
    bind=True,
    acks_late=True,
    autoretry_for=(smtplib.SMTPException, OSError),
    dont_autoretry_for=(smtplib.SMTPDataError,),
    retry_backoff=1,
    retry_jitter=False,
    max_retries=4,
)
def confirm(self, order: int, address: str) -> None:
    """Mail that an order has come; a try that failed is made again, with the same Message-ID."""
    mail = EmailMessage()
    mail["From"] = "orders@example.com"
    mail["To"] = address
    mail["Subject"] = f"Order {order}"
    mail["Message-ID"] = f"<order-{order}@example.com>"
    mail.set_content("We have your order.")
    with smtplib.SMTP(os.environ["SMTP_HOST"], int(os.environ["SMTP_PORT"]), timeout=10) as smtp:
        smtp.send_message(mail)
