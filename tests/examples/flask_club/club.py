"""A club that invites its members by mail."""

import smtplib

from flask import Flask, jsonify, request
from flask_mail import Mail, Message

mail = Mail()


def create_app(**config):
    """Make the application; `config` goes before what is usual."""
    app = Flask(__name__)
    app.config.update(MAIL_SERVER="localhost", MAIL_PORT=25, MAIL_DEFAULT_SENDER="club@example.com")
    app.config.update(config)
    mail.init_app(app)

    @app.post("/invite")
    def invite():
        """Invite everybody, over one connection, and tell who could not be."""
        failed = []
        with mail.connect() as connection:
            for address in request.json["members"]:
                message = Message("You are invited", recipients=[address])
                message.body = "Come on Friday."
                message.attach("club.ics", "text/calendar", b"BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n")
                try:
                    connection.send(message)
                except smtplib.SMTPRecipientsRefused:
                    failed.append(address)
        return jsonify(failed=failed)

    return app
