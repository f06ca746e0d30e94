"""The servers of a run."""

from __future__ import annotations

import threading

import pytest

from mailtrap_py import Mailtrap
from tests.homes import elsewhere
from tests.inner_runs import imported, inner

__all__ = ["elsewhere", "imported", "inner"]  # fixtures

pytest_plugins = ["pytester"]


def test_a_factory_gives_more_with_other_settings(inner: pytest.Pytester) -> None:
    inner.makepyfile("""
        import smtplib
        import pytest
        from app import send

        ports = []

        @pytest.mark.parametrize("time", [1, 2])
        def test_it(mailtrap, mailtrap_factory, time):
            strict, lax, another = mailtrap_factory(auth="required"), mailtrap_factory(), mailtrap_factory()
            assert len({mailtrap.port, strict.port, lax.port, another.port}) == 4
            with pytest.raises(smtplib.SMTPSenderRefused, match="530"):
                send(strict)
            assert another.messages == strict.messages == []
            lax.fail("auth", "535 5.7.8 No", optional=True)
            send(lax)
            ports.append({strict.port, lax.port, another.port})

        def test_they_are_used_again():
            assert ports[0] == ports[1]
    """)
    inner.runpytest().assert_outcomes(passed=3)


def test_settings_that_are_none_are_refused(inner: pytest.Pytester) -> None:
    inner.makepyfile("""
        import pytest

        def test_it(mailtrap_factory):
            with pytest.raises(ValueError, match="auth"):
                mailtrap_factory(auth="perhaps")
    """)
    inner.runpytest().assert_outcomes(passed=1)


def test_a_context_that_trusts_the_server(inner: pytest.Pytester) -> None:
    inner.makepyfile("""
        import smtplib

        def test_it(mailtrap, mailtrap_ssl_context):
            with smtplib.SMTP(mailtrap.host, mailtrap.port) as client:
                client.starttls(context=mailtrap_ssl_context)
                client.sendmail("a@example.com", "b@example.com", "Subject: Hello\\n\\n")
            with smtplib.SMTP_SSL(mailtrap.host, mailtrap.smtps_port, context=mailtrap_ssl_context) as client:
                client.sendmail("a@example.com", "b@example.com", "Subject: Hello\\n\\n")
            assert [message.tls[:3] for message in mailtrap.messages] == ["TLS", "TLS"]
    """)
    inner.runpytest().assert_outcomes(passed=1)


def test_other_settings_are_of_a_server_in_this_process(inner: pytest.Pytester) -> None:
    inner.makepyfile("""
        import pytest

        @pytest.fixture(scope="session")
        def mailtrap_settings(mailtrap_settings):
            return mailtrap_settings.changed(hostname="mine.example")

        def test_it(mailtrap):
            assert mailtrap.trap.settings.hostname == "mine.example"
    """)
    inner.runpytest().assert_outcomes(passed=1)


def test_nothing_is_left_running_nor_logged(inner: pytest.Pytester, caplog: pytest.LogCaptureFixture) -> None:
    inner.makepyfile("""
        import smtplib
        from app import send

        client = None

        def test_it(mailtrap, mailtrap_factory):
            global client
            client = smtplib.SMTP(mailtrap.host, mailtrap.port)
            client.ehlo()
            send(mailtrap)
            send(mailtrap_factory(auth="off"))
            mailtrap.rule(at="data").stall()
            client.mail("a@example.com")
            client.rcpt("b@example.com")
            client.putcmd("data")

        def test_without_mail():
            client.close()
    """)
    before = set(threading.enumerate())

    result = inner.runpytest("-W", "error", "-o", "mailtrap_strict=false")

    result.assert_outcomes(passed=2)
    assert [thread.name for thread in set(threading.enumerate()) - before if thread.name.startswith("mailtrap")] == []
    assert [record for record in caplog.records if record.name.startswith(("mailtrap", "asyncio"))] == []
    assert "mailtrap" not in result.stderr.str()


def test_workers_share_a_server_and_see_their_own(inner: pytest.Pytester, elsewhere: Mailtrap) -> None:
    """What xdist does, in one process: two runs at once, each with a name."""
    inner.makepyfile("""
        from app import send

        def test_it(mailtrap_server, mailtrap):
            before = mailtrap.port
            send(mailtrap)
            mailtrap.reset()
            assert mailtrap.port == before
            assert mailtrap_server is mailtrap
            assert mailtrap.messages == []
    """)
    with Mailtrap.at(elsewhere.url, worker="gw1") as other:
        inner.runpytest("--mailtrap-url", elsewhere.url).assert_outcomes(passed=1)
        assert other.messages == []
    assert [inbox.name for inbox in elsewhere.trap.inboxes] == ["default"]
