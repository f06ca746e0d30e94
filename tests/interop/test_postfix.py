"""A real Postfix on both sides: the server behind the proxy, and the client that has to cope with a bad server."""

from __future__ import annotations

import smtplib
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from mailtrap_py import Mailtrap, Settings

if TYPE_CHECKING:
    from tests.interop.conftest import Letter, Postfix, StartPostfix

pytestmark = pytest.mark.slow  # each starts a Postfix of its own, and some wait for it to try again

RECEIVES = {"virtual_mailbox_domains": "static:all", "virtual_mailbox_maps": "static:all/"}
"""It takes mail for every address and puts it into files."""


def retries(port: int) -> dict[str, str]:
    """Hand everything on to this port, and try again every three seconds.

    One second would be too soon: the queue manager may meet a message again before the delivery agent has let go of it
    ("skipped, still being delivered"), and then leaves it alone until it is started anew.
    """
    return {
        "relayhost": f"[127.0.0.1]:{port}",
        "queue_run_delay": "1s",
        "minimal_backoff_time": "3s",
        "maximal_backoff_time": "3s",
    }


Proxy = Callable[["Postfix"], Mailtrap]


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    """Put a trap in front of a Postfix."""
    with ExitStack() as stack:

        def start(postfix: Postfix) -> Mailtrap:
            settings = Settings(
                host=("127.0.0.1",),
                smtp_port=0,
                smtps_port=None,
                http_port=None,
                store="sqlite://",
                upstream=f"127.0.0.1:{postfix.port}",
            )
            return stack.enter_context(Mailtrap(settings))

        yield start


def as_delivered(raw: bytes) -> tuple[list[bytes], bytes]:
    """Take the trace that Postfix puts on top off a delivered file; give the names of its fields, and the mail."""
    names: list[bytes] = []
    lines = raw.split(b"\n")
    while lines[0].startswith((b"Return-Path:", b"X-Original-To:", b"Delivered-To:", b"Received:", b"\t")):
        line = lines.pop(0)
        if not line.startswith(b"\t"):
            names.append(line.split(b":")[0])
    return names, b"\n".join(lines)


def test_what_passes_the_proxy_reaches_the_real_server(
    start_postfix: StartPostfix, proxy: Proxy, letter: Letter
) -> None:
    postfix = start_postfix(RECEIVES)
    mailtrap = proxy(postfix)
    raw = letter.raw + b"8 bit: \xfc\xff\r\n" + b"a long line" * 90 + b"\r\n.\r\n..\r\nbye\r\n"

    with smtplib.SMTP() as client:
        greeting = client.connect(mailtrap.host, mailtrap.port)
        client.ehlo("client.example")
        client.mail(letter.reverse_path, ["BODY=8BITMIME"])
        for recipient in letter.recipients:
            assert client.rcpt(recipient) == (250, b"2.1.5 Ok")
        code, words = client.data(raw)

    assert greeting == (220, b"postfix.example ESMTP Postfix")
    # The words are Postfix's own: they name the queue file, and so does its log.
    queued = postfix.wait_for(r"cleanup\[\d+\]: (\w+): message-id=<letter@example.com>")[1]
    assert (code, words) == (250, f"2.0.0 Ok: queued as {queued}".encode())
    for _ in letter.recipients:
        postfix.wait_for(rf"{queued}: to=<.*status=sent")
    copies = postfix.deliveries()
    assert len(copies) == len(letter.recipients)
    for copy in copies:
        trace, content = as_delivered(copy)
        assert trace == [b"Return-Path", b"X-Original-To", b"Delivered-To", b"Received"]
        assert content == raw.replace(b"\r\n", b"\n")
    assert [message.raw for message in mailtrap.messages] == [raw]
    assert mailtrap.messages[0].envelope == (letter.reverse_path, letter.recipients)


def test_a_refusal_at_the_final_dot_never_reaches_the_real_server(
    start_postfix: StartPostfix, proxy: Proxy, letter: Letter
) -> None:
    postfix = start_postfix(RECEIVES)
    mailtrap = proxy(postfix)
    refused = mailtrap.fail("message", "554 5.7.1 Not this one", subject="Grüße*")

    with smtplib.SMTP(mailtrap.host, mailtrap.port) as client:
        with pytest.raises(smtplib.SMTPDataError, match="Not this one"):
            client.sendmail(letter.reverse_path, letter.recipients, letter.raw)
        client.sendmail(letter.reverse_path, ["bob@example.com"], b"Message-ID: <second@example.com>\r\n\r\nHello\r\n")

    assert refused.fired == 1
    # What was refused came before; had it been queued, the log would say so by now.
    postfix.wait_for(r"to=<bob@example.com>.*status=sent")
    assert [line for line in postfix.log if "message-id=<letter@example.com>" in line] == []
    assert len([line for line in postfix.log if "message-id=" in line]) == 1
    assert [as_delivered(copy)[1] for copy in postfix.deliveries()] == [b"Message-ID: <second@example.com>\n\nHello\n"]
    assert mailtrap.transactions().outcomes == ["rejected", "accepted"]


def test_a_refusal_of_the_real_server_reaches_the_client_word_for_word(
    start_postfix: StartPostfix, proxy: Proxy, letter: Letter
) -> None:
    checks = "check_recipient_access inline:{{nobody@example.com = 550 5.1.1 Nobody lives here}}"
    postfix = start_postfix({**RECEIVES, "smtpd_recipient_restrictions": checks})
    mailtrap = proxy(postfix)

    with smtplib.SMTP(mailtrap.host, mailtrap.port) as client:
        refused = client.sendmail(letter.reverse_path, ["nobody@example.com", "bob@example.com"], letter.raw)

    assert refused == {
        "nobody@example.com": (550, b"5.1.1 <nobody@example.com>: Recipient address rejected: Nobody lives here")
    }
    assert mailtrap.messages[0].envelope.recipients == ("bob@example.com",)
    postfix.wait_for("to=<bob@example.com>.*status=sent")
    assert len(postfix.deliveries()) == 1


def test_a_greylisted_postfix_comes_back_and_delivers_once(
    mailtrap: Mailtrap, start_postfix: StartPostfix, letter: Letter
) -> None:
    postfix = start_postfix(retries(mailtrap.port))

    with mailtrap.scenario("greylisting", wait="2s"):
        with smtplib.SMTP("127.0.0.1", postfix.port) as client:
            client.sendmail(letter.reverse_path, ["bob@example.com"], letter.raw)
        postfix.wait_for(r"to=<bob@example.com>.*status=deferred \(.*Greylisted")
        postfix.wait_for(r"to=<bob@example.com>.*status=sent")
        postfix.wait_for("removed")

    transactions = mailtrap.transactions(to="bob@example.com")
    *deferred, delivered = transactions.outcomes
    assert set(deferred) == {"rejected"}
    assert delivered == "accepted"
    assert transactions[-1].ended_clock - transactions[0].started_clock >= 2
    (message,) = mailtrap.messages
    assert message.raw.endswith(letter.raw)  # it puts its Received on top, as every relay does
    assert message.message_id == "letter@example.com"


def test_a_lost_250_makes_postfix_deliver_twice(
    mailtrap: Mailtrap, start_postfix: StartPostfix, letter: Letter
) -> None:
    postfix = start_postfix(retries(mailtrap.port))

    with mailtrap.scenario("lost-250"):
        with smtplib.SMTP("127.0.0.1", postfix.port) as client:
            client.sendmail(letter.reverse_path, ["bob@example.com"], letter.raw)
        postfix.wait_for(r"status=deferred \(lost connection .* while sending end of data")
        postfix.wait_for("status=sent")

    assert [message.message_id for message in mailtrap.messages] == ["letter@example.com"] * 2
    told = [(transaction.outcome, transaction.acknowledged) for transaction in mailtrap.transactions()]
    assert told == [("accepted", False), ("accepted", True)]
