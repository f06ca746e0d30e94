"""The tests of the shop: its mail goes through a real SMTP server, not into a list."""

import pytest
from django.contrib.auth.models import User
from django.core import mail

pytestmark = pytest.mark.django_db


def test_the_link_in_the_mail_wakes_the_account(client, mailtrap_django):
    assert client.post("/sign-up", {"email": "bob@example.com"}).status_code == 202
    message = mailtrap_django.wait_for(to="bob@example.com", subject="Welcome to the shop")
    assert message.envelope.reverse_path == "shop@example.com"
    assert not User.objects.get().is_active

    client.get(message.link("/confirm/"))

    assert User.objects.get().is_active
    assert mail.outbox == []


def test_an_address_that_does_not_exist_makes_no_account(client, mailtrap_django):
    mailtrap_django.fail("rcpt", "550 5.1.1 No such user", to="bob@*")

    answer = client.post("/sign-up", {"email": "bob@example.com"})

    assert answer.status_code == 503
    assert "No such user" in answer.json()["reason"]
    assert not User.objects.exists()
    mailtrap_django.assert_none()


def test_no_mail_server_is_no_server_error(client, mailtrap_django):
    with mailtrap_django.down():
        assert client.post("/sign-up", {"email": "bob@example.com"}).status_code == 503


@pytest.mark.mailtrap_gauntlet("mailbox-busy", "no-such-user", "service-unavailable", "content-rejected")
def test_whatever_the_server_says_account_and_mail_agree(client, mailtrap_django):
    client.post("/sign-up", {"email": "bob@example.com"})

    assert User.objects.count() == len(mailtrap_django.messages)
