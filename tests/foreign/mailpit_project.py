"""Tests of an application as its authors would write them with pytest-mailpit; test_web_pytest_mailpit.py runs them."""

# ruff: noqa: ANN401 - the fixtures are those of a plugin that is not in the environment of these tests

from __future__ import annotations

import asyncio
import smtplib
import threading
from collections.abc import Sequence
from email.message import EmailMessage
from typing import Any

import pytest
from pytest_mailpit import MailpitAPIError, MailpitAssertionError


def send(  # noqa: PLR0913 - all of a mail
    smtp: Any,
    to: str,
    subject: str = "Confirm your account",
    *,
    sender: str = "Jane <jane@example.com>",
    cc: Sequence[str] = (),
    bcc: Sequence[str] = (),
    **headers: str,
) -> None:
    message = EmailMessage()
    message["From"] = sender
    message["To"] = to
    if cc:
        message["Cc"] = ", ".join(cc)
    message["Subject"] = subject
    message["Message-ID"] = "<172153.1@app.example.com>"
    for name, value in headers.items():
        message[name.replace("_", "-")] = value
    message.set_content("Hi Bob,\nyour code is 482913.\nhttps://example.com/confirm?t=1&u=2\n")
    message.add_alternative(
        "<p>Hi <b>Bob</b> <a href='https://example.com/confirm?t=1&amp;u=2'>Go</a></p>", subtype="html"
    )
    message.add_attachment(b"%PDF terms", maintype="application", subtype="pdf", filename="terms.pdf")
    with smtplib.SMTP(smtp.host, smtp.port) as client:
        client.send_message(message, to_addrs=[to, *cc, *bcc])


def test_a_message_arrives(mailpit: Any, mailpit_smtp: Any, mailpit_inbox: Any) -> None:
    send(
        mailpit_smtp,
        mailpit_inbox.address,
        cc=["carl@example.com"],
        bcc=["eve@example.com"],
        Reply_To="Help <help@example.com>",
        List_Unsubscribe="<https://example.com/u/1>, <mailto:u@example.com>",
        List_Unsubscribe_Post="List-Unsubscribe=One-Click",
    )

    message = mailpit_inbox.wait_for_message(subject="confirm", sender="jane@example.com")

    assert str(message.sender) == "Jane <jane@example.com>"
    assert [each.address for each in message.to] == [mailpit_inbox.address]
    assert [each.address for each in message.cc] == ["carl@example.com"]
    assert [each.address for each in message.bcc] == ["eve@example.com"]
    assert [str(each) for each in message.reply_to] == ["Help <help@example.com>"]
    assert message.return_path == "jane@example.com"
    assert message.message_id == "172153.1@app.example.com"
    assert message.text.startswith("Hi Bob,\r\nyour code is 482913.")
    assert message.code() == "482913"
    assert message.link("confirm") == "https://example.com/confirm?t=1&u=2"
    assert message.unsubscribe_link(one_click=True) == "https://example.com/u/1"
    attachment = message.attachment("terms.pdf")
    assert (attachment.content_type, attachment.size) == ("application/pdf", 10)
    assert sorted(attachment.checksums) == ["MD5", "SHA1", "SHA256"]
    assert mailpit.get_attachment(attachment) == b"%PDF terms"
    assert mailpit.get_raw(message.id).startswith(b"From: Jane <jane@example.com>\r\n")
    assert mailpit.get_headers(message.id)["Reply-To"] == ["Help <help@example.com>"]


def test_lists_say_what_mailpit_says(mailpit: Any, mailpit_smtp: Any, mailpit_inbox: Any) -> None:
    send(mailpit_smtp, mailpit_inbox.address)

    [summary] = mailpit_inbox.messages()

    assert (summary.subject, summary.attachments, summary.read) == ("Confirm your account", 1, False)
    assert summary.snippet.startswith("Hi Bob, your code is 482913.")
    assert summary.created.tzinfo is not None
    mailpit.get_message(summary.id)
    assert mailpit_inbox.messages()[0].read
    mailpit.mark_read([summary.id], read=False)
    assert not mailpit_inbox.messages()[0].read
    listed = mailpit.messages(limit=1)
    assert (listed.messages[0].id, listed.total >= 1, listed.unread >= 1) == (summary.id, True, True)


def test_waits_end_with_what_comes(mailpit_inbox: Any, mailpit_smtp: Any) -> None:
    def send_two() -> None:
        for number in (1, 2):
            send(mailpit_smtp, mailpit_inbox.address, f"No {number}")

    later = threading.Timer(0.2, send_two)
    later.start()

    messages = mailpit_inbox.wait_for_messages(2)

    assert [each.subject for each in messages] == ["No 1", "No 2"]
    mailpit_inbox.assert_no_message(subject="No 3", within=0.1)


def test_a_wait_in_vain_says_what_came(mailpit_inbox: Any, mailpit_smtp: Any) -> None:
    send(mailpit_smtp, mailpit_inbox.address)

    with pytest.raises(MailpitAssertionError, match="Confirm your account"):
        mailpit_inbox.wait_for_message(subject="Welcome", timeout=0)


def test_each_address_is_an_inbox(mailpit_inbox_factory: Any, mailpit_smtp: Any) -> None:
    one, other = mailpit_inbox_factory(), mailpit_inbox_factory()
    send(mailpit_smtp, one.address, bcc=[other.address])

    assert len(one.messages()) == len(other.messages()) == 1
    other.clear()
    assert one.messages() == []


def test_searches(mailpit: Any, mailpit_smtp: Any, mailpit_inbox: Any) -> None:
    send(mailpit_smtp, mailpit_inbox.address, "Größe 42")
    me = f"addressed:{mailpit_inbox.address}"

    def count(query: str) -> Any:
        return mailpit.search(f"{me} {query}").messages_count

    assert [
        count(query) for query in ('subject:"größe 42"', "482913", '"your code"', "has:attachment", "terms.pdf")
    ] == [1] * 5
    assert [
        count(query) for query in ("-482913", "!subject:42", "from:bob", "is:read", "larger:1M", "before:2020-01-01")
    ] == [0] * 6
    assert [
        count(query) for query in ("message-id:172153.1@app", "smaller:1M", "after:2020-01-01", "is:unread", "cc:x")
    ] == [1, 1, 1, 1, 0]
    assert mailpit.get_message("latest").subject == "Größe 42"
    mailpit.delete_search(f"{me} subject:42")
    assert count("") == 0


def test_tags(mailpit: Any, mailpit_smtp: Any, mailpit_inbox: Any) -> None:
    send(mailpit_smtp, mailpit_inbox.address, X_Tags="news, sign-up")
    [summary] = mailpit_inbox.messages()

    assert summary.tags == ("news", "sign-up")
    mailpit.set_tags([summary.id], ["failed test[1]", "b"])
    assert mailpit_inbox.messages()[0].tags == ("b", "failed test 1")
    assert mailpit.search('tag:"failed test 1"').messages_count == 1


def test_chaos_is_real_and_gone_afterwards(mailpit_chaos: Any, mailpit_smtp: Any, mailpit_inbox: Any) -> None:
    mailpit_chaos.reject_senders(452)
    with pytest.raises(smtplib.SMTPSenderRefused) as refused:
        send(mailpit_smtp, mailpit_inbox.address)
    assert (refused.value.smtp_code, refused.value.smtp_error) == (452, b"Chaos sender error")
    mailpit_chaos.reset()

    mailpit_chaos.reject_recipients(550)
    with pytest.raises(smtplib.SMTPRecipientsRefused) as nobody:
        send(mailpit_smtp, mailpit_inbox.address)
    assert nobody.value.recipients == {mailpit_inbox.address: (550, b"Chaos recipient error")}
    assert (mailpit_chaos.triggers.recipient.error_code, mailpit_chaos.triggers.recipient.probability) == (550, 100)
    mailpit_chaos.reset()

    mailpit_chaos.reject_authentication()
    with smtplib.SMTP(mailpit_smtp.host, mailpit_smtp.port) as client, pytest.raises(smtplib.SMTPAuthenticationError):
        client.login("ann", "secret")
    mailpit_chaos.reset()
    send(mailpit_smtp, mailpit_inbox.address)
    assert len(mailpit_inbox.messages()) == 1
    mailpit_chaos.reject_senders(probability=30)


def test_the_chaos_of_the_test_before_is_over(mailpit: Any) -> None:
    assert not mailpit.chaos().sender.active


def test_async_fixtures(mailpit_async: Any, mailpit_async_inbox: Any, mailpit_smtp: Any) -> None:
    async def main() -> Any:
        sending = asyncio.get_running_loop().run_in_executor(None, send, mailpit_smtp, mailpit_async_inbox.address)
        message = await mailpit_async_inbox.wait_for_message(subject="Confirm")
        await sending
        return message, await mailpit_async.info()

    message, info = asyncio.run(main())

    assert (message.code(), info.version) == ("482913", "v1.30.5")


@pytest.mark.usefixtures("mailpit_django")
def test_django_sends_here(mailpit_inbox: Any) -> None:
    from django.core.mail import send_mail  # noqa: PLC0415 - it wants its settings first

    send_mail("From Django", "Hello", "app@example.com", [mailpit_inbox.address])

    assert mailpit_inbox.wait_for_message(subject="Django").text.startswith("Hello")


def test_a_message_that_is_not_there(mailpit: Any) -> None:
    with pytest.raises(MailpitAPIError) as error:
        mailpit.get_message("nothing")
    assert error.value.status_code == 404


def test_the_server(mailpit: Any, mailpit_config: Any) -> None:
    assert mailpit.is_ready()
    assert mailpit.server_time().tzinfo is not None
    assert mailpit_config.domain == "example.com" or mailpit_config.domain
