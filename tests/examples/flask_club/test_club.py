"""The tests of the club: the application is made once, and told once where its mail server is."""

import pytest
from club import create_app


@pytest.fixture(scope="session")
def app(mailtrap_server):
    # Without TESTING: with it, Flask-Mail would not send anything.
    return create_app(MAIL_SERVER=mailtrap_server.host, MAIL_PORT=mailtrap_server.port)


@pytest.fixture
def invite(app, mailtrap):
    def send(*members):
        return app.test_client().post("/invite", json={"members": members}).json

    return send


def test_everybody_gets_an_invitation(invite, mailtrap):
    assert invite("ann@example.com", "bob@example.com") == {"failed": []}

    messages = mailtrap.wait_for_all(2, subject="You are invited")

    assert [message.envelope.recipients for message in messages] == [("ann@example.com",), ("bob@example.com",)]
    assert messages[0].attachment("club.ics").data.startswith(b"BEGIN:VCALENDAR")
    assert len(mailtrap.sessions) == 1
    mailtrap.expect.ends_with_quit()


def test_who_could_not_be_invited_is_told_and_the_others_are(invite, mailtrap):
    refused = mailtrap.rule(at="rcpt", to="ann@*").reply("550 5.1.1 No such user")

    assert invite("ann@example.com", "bob@example.com") == {"failed": ["ann@example.com"]}

    assert refused.last.number == 1
    assert mailtrap.wait_for_all(1)[0].envelope.recipients == ("bob@example.com",)
