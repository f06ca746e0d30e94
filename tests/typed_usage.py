"""Everything that a test says to the handle, as type checkers see it: mypy and pyright have nothing against any line.

It is checked, not run (`tests/test_typed_usage.py`). What ought not to be accepted says so: a checker that lets it pass
then finds an ignored error that is none.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable
from pathlib import Path
from typing import assert_type

import pytest

from mailtrap_py import Mailtrap, MailtrapError, Message, NotReceivedError, Rule, Settings
from mailtrap_py.handle import (
    Barrier,
    ExpectationError,
    Limits,
    Outage,
    Playing,
    Session,
    Transactions,
    Turns,
    UnexpectedMessageError,
    Wanted,
)


@pytest.fixture(scope="session")
def mailtrap_settings(mailtrap_settings: Settings) -> Settings:
    return mailtrap_settings.changed(auth="required", users={"ann": "secret"})


def test_capture(mailtrap: Mailtrap) -> None:
    message = mailtrap.wait_for(to="bob@example.com", from_="app@*", subject="Welcome", timeout="2s")
    assert_type(message, Message)
    assert_type(message.links, list[str])
    assert_type(message.link("/confirm"), str)
    assert_type(message.code(), str)
    assert_type(message.attachment("*.pdf").data, bytes)
    assert_type(message.headers, list[tuple[str, str]])
    assert_type(message.envelope.recipients, tuple[str, ...])
    assert_type(message.session, Session)
    assert_type(message.session.transcript, str)
    assert_type((message.raw, message.size, message.tls, message.user), tuple[bytes, int, str, str])
    assert_type(mailtrap.wait_for_all(3, header={"X-Order": "4711"}, after=message), list[Message])
    mailtrap.assert_none(body="secret", match=lambda mail: mail.size > 10, within=0.5)
    assert_type(mailtrap.messages, list[Message])
    assert_type(mailtrap.transactions(to="*@example.com"), Transactions)
    wanted: Wanted = {"to": "bob@example.com"}
    assert_type(mailtrap.find(**wanted), list[Message])


def test_faults(mailtrap: Mailtrap) -> None:
    rule = mailtrap.rule(at="rcpt", to="*@example.com", times=2).reply("450 4.2.0 Busy")
    assert_type(rule, Rule)
    assert_type(rule.fired, int)
    assert_type(rule.sessions, list[Session])
    if rule.last is not None:
        assert_type(rule.last.actions, tuple[str, ...])
    mailtrap.rule(at=["mail", "rcpt"], from_="a@*", size="> 1MB", for_="10s", optional=True).delay("2s").close("reset")
    mailtrap.rule(at="any", not_={"verb": "QUIT"}, per=["session", "to"], nth=[1, 3], chance="1 of 3").stall(max="5s")
    mailtrap.rule(at="tls").tls("expired")
    mailtrap.rule(at="message", header={"X-Order": ["1", "2"]}, recipients=[1, 2]).accept().lose_reply()
    mailtrap.fail("rcpt", {"delay": "2s"}, "550 5.1.1 No such user", to=["bob@*", "ann@*"])
    assert_type(mailtrap.sequence(["450", None, {"close": "reset"}, "250"], at="data"), Turns)
    limits: Limits = {"to": "bob@*", "times": 1}
    with mailtrap.hold("message", **limits) as barrier:
        assert_type(barrier, Barrier)
        barrier.wait(2, timeout="1s")
        assert_type(barrier.release(), int)
    with mailtrap.down() as outage:
        assert_type(outage, Outage)
    with mailtrap.scenario("greylisting", wait="1s", seed=7, clock="manual") as playing:
        assert_type(playing, Playing)
    mailtrap.scenario(Path("mine.yaml"))
    mailtrap.scenario({"name": "mine", "rules": []}, clock=60.0)
    mailtrap.clock.advance("5m", sleepers=1)
    mailtrap.clock.advance(300)


def test_judging(mailtrap: Mailtrap) -> None:
    mailtrap.expect.delivered_once(to="bob@example.com")
    mailtrap.expect.retried(after="4xx", not_before="1s", at_most=3)
    mailtrap.expect.not_retried()
    mailtrap.expect.ends_with_quit()
    mailtrap.expect.no_plaintext("auth")
    mailtrap.expect.no_findings("warning", but=("no-date",))
    assert_type([finding.kind for finding in mailtrap.findings], list[str])
    with pytest.raises((ExpectationError, NotReceivedError, UnexpectedMessageError, MailtrapError)):
        mailtrap.expect.check()


async def test_async(mailtrap: Mailtrap) -> None:
    assert_type(await mailtrap.async_.wait_for(to="bob@example.com"), Message)
    assert_type(await mailtrap.async_.wait_for_all(2, timeout=1), list[Message])
    await mailtrap.async_.assert_none(subject="News", within="10ms")


def test_fixtures(
    mailtrap_server: Mailtrap, mailtrap_ssl_context: ssl.SSLContext, mailtrap_factory: Callable[..., Mailtrap]
) -> None:
    assert_type(mailtrap_server.port, int)
    assert_type(mailtrap_server.smtps_port, int | None)
    assert_type(mailtrap_factory(auth="off"), Mailtrap)
    assert_type(mailtrap_ssl_context, ssl.SSLContext)
    with Mailtrap() as here, Mailtrap.at("http://localhost:8025") as there:
        assert_type((here, there), tuple[Mailtrap, Mailtrap])


def test_mistakes(mailtrap: Mailtrap) -> None:
    mailtrap.rule(at="rctp").reply("450")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    mailtrap.rule(at="rcpt", too="bob@*")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    mailtrap.rule(at="rcpt", times="2")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    mailtrap.rule(at="quit").close("softly")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    mailtrap.wait_for(form_="app@*")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    mailtrap.expect.not_early("helo")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
