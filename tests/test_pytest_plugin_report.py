"""What is told of a test that failed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from mailtrap_pytest.report import coloured, differences

from mailtrap_py import Mailtrap
from tests.homes import elsewhere, send, trap
from tests.inner_runs import imported, inner

__all__ = ["elsewhere", "imported", "inner", "trap"]  # fixtures

pytest_plugins = ["pytester"]

FAILS = """
    from app import send

    def test_it(mailtrap):
        mailtrap.fail("rcpt", "550 5.1.1 No such user", to="ann@*")
        send(mailtrap, ["ann@example.com", "bob@example.com"])
        raise AssertionError("look at the report")
"""


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("   0.001 C: rcpt TO:<a@b>", "\x1b[2m   0.001\x1b[0m \x1b[36mC: rcpt TO:<a@b>\x1b[0m"),
        ("   0.001 S: 250 Ok", "\x1b[2m   0.001\x1b[0m \x1b[32mS: 250 Ok\x1b[0m"),
        ("   0.001 S: 354 Go", "\x1b[2m   0.001\x1b[0m \x1b[32mS: 354 Go\x1b[0m"),
        ("   0.001 S: 450 No", "\x1b[2m   0.001\x1b[0m \x1b[33mS: 450 No\x1b[0m"),
        (
            " 100.001 S: 550 No   [added-1]",
            "\x1b[2m 100.001\x1b[0m \x1b[31mS: 550 No\x1b[0m\x1b[1;35m   [added-1]\x1b[0m",
        ),
        ("   0.001 S: garbage", "\x1b[2m   0.001\x1b[0m S: garbage\x1b[0m"),
        ("   0.001 -- gone", "\x1b[2m   0.001\x1b[0m \x1b[2m-- gone\x1b[0m"),
        ("            250-SIZE", "            \x1b[32m250-SIZE\x1b[0m"),
        ("  added-1 never fired: no", "\x1b[31m  added-1 never fired: no\x1b[0m"),
        ("  added-1 fired 1 time", "  added-1 fired 1 time"),
        ("1 message arrived at [::1]:25", "1 message arrived at [::1]:25"),
    ],
)
def test_who_spoke_and_how_it_was_answered_has_a_colour(line: str, shown: str) -> None:
    assert coloured(line) == shown


def test_colours_are_for_terminals(inner: pytest.Pytester) -> None:
    inner.makepyfile(FAILS)

    inner.runpytest().stdout.no_fnmatch_line("*\x1b*")
    text = inner.runpytest("--color=yes").stdout.str()

    assert "\x1b[31mS: 550 5.1.1 No such user\x1b[0m\x1b[1;35m   [added-1]\x1b[0m" in text


def test_how_messages_differ_is_told(inner: pytest.Pytester) -> None:
    inner.makepyfile("""
        from app import send

        def test_it(mailtrap):
            send(mailtrap, subject="one")
            send(mailtrap, subject="two")
            assert mailtrap.messages[0] == mailtrap.messages[1]
    """)
    inner.runpytest().stdout.fnmatch_lines(
        ["E *<Message 'one' from *> == <Message 'two' from *>", "E *- Subject: one", "E *+ Subject: two"]
    )


def test_other_things_of_that_name_are_left_alone(trap: Mailtrap) -> None:
    class Message:
        pass

    send(trap)

    assert differences(Message(), Message()) is None
    assert differences(trap.messages[0], Message()) is None


def test_many_sessions_are_cut(inner: pytest.Pytester) -> None:
    inner.makepyfile("""
        from app import send

        def test_it(mailtrap):
            for _ in range(22):
                send(mailtrap)
            raise AssertionError("look at the report")
    """)
    inner.runpytest().stdout.fnmatch_lines(["22 messages arrived at *", "... 2 sessions before", "session 3 from *"])


def test_all_servers_of_the_test_are_told_of(inner: pytest.Pytester) -> None:
    inner.makepyfile("""
        from app import send

        def test_it(mailtrap_factory, mailtrap):
            send(mailtrap_factory())
            send(mailtrap, subject="of the usual")
            raise AssertionError("look at the report")
    """)
    inner.runpytest().stdout.fnmatch_lines(["1 message arrived at *", "*'of the usual'*", "1 message arrived at *"])


def test_it_is_attached_to_pytest_html(inner: pytest.Pytester) -> None:
    pytest.importorskip("pytest_html", reason="pytest-html is not installed")
    inner.makepyfile(FAILS)

    inner.runpytest("-p", "pytest_metadata.plugin", "-p", "pytest_html.plugin", "--html=report.html", "--color=yes")

    page = (inner.path / "report.html").read_text("utf-8")
    assert "550 5.1.1 No such user" in page
    assert "mail 1: Welcome" in page
    assert "\x1b[" not in page
    assert "SMTP" in page


@pytest.mark.slow
def test_it_is_attached_to_allure(inner: pytest.Pytester) -> None:
    pytest.importorskip("allure_pytest", reason="allure-pytest is not installed")
    inner.makepyfile(FAILS)

    inner.runpytest_subprocess("-p", "allure_pytest.plugin", "--alluredir=allure")

    (result,) = (inner.path / "allure").glob("*-result.json")
    attached = {each["name"]: each for each in attachments(json.loads(result.read_text()))}
    assert (inner.path / "allure" / attached["SMTP"]["source"]).read_text().startswith("1 message arrived at ")
    mail = attached["mail 1: Welcome"]
    assert (mail["type"], Path(mail["source"]).suffix) == ("message/rfc822", ".eml")


def attachments(result: dict[str, list[dict[str, str]]]) -> list[dict[str, str]]:
    return result.get("attachments", [])


def test_without_a_report_of_theirs_nothing_is_attached(inner: pytest.Pytester) -> None:
    pytest.importorskip("pytest_html", reason="pytest-html is not installed")
    inner.makepyfile(FAILS)

    result = inner.runpytest("-p", "pytest_metadata.plugin", "-p", "pytest_html.plugin")

    result.assert_outcomes(failed=1)
