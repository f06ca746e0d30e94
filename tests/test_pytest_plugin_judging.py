"""What is held against a test that passed."""

from __future__ import annotations

import pytest

from tests.homes import elsewhere
from tests.inner_runs import imported, inner

__all__ = ["elsewhere", "imported", "inner"]  # fixtures

pytest_plugins = ["pytester"]


def test_a_rule_that_never_fired_fails_the_test(inner: pytest.Pytester) -> None:
    inner.makepyfile("""
        from app import send

        def test_it(mailtrap):
            mailtrap.rule(at="rcpt", to="eve@*").reply("450 4.2.0 Busy")
            mailtrap.fail("auth", "535 5.7.8 No", optional=True)
            send(mailtrap)
    """)
    result = inner.runpytest()
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(
        [
            "*ERROR at teardown of test_it*",
            "rule added-1 never fired: to is 'bob@example.com', not 'eve[@][*]'",
            "(it may: rule(..., optional=True), or @pytest.mark.mailtrap(strict=False)*",
            "*- mailtrap -*",
            "1 message arrived at *",
        ]
    )


def test_it_can_be_let_pass(inner: pytest.Pytester) -> None:
    inner.makepyfile(
        test_one="""
        import pytest

        @pytest.mark.mailtrap(strict=False)
        def test_it(mailtrap):
            mailtrap.fail("rcpt", "450 4.2.0 Busy")
        """,
        test_file="""
        import pytest

        pytestmark = pytest.mark.mailtrap(strict=False)

        def test_it(mailtrap):
            mailtrap.fail("rcpt", "450 4.2.0 Busy")

        @pytest.mark.mailtrap(strict=None)
        def test_that_says_otherwise(mailtrap):
            mailtrap.fail("rcpt", "450 4.2.0 Busy")

        def test_without_mail():
            pass
        """,
    )
    inner.runpytest().assert_outcomes(passed=4, errors=1)


def test_a_whole_run_can_be_relaxed(inner: pytest.Pytester) -> None:
    inner.makepyfile("""
        def test_it(mailtrap):
            mailtrap.fail("rcpt", "450 4.2.0 Busy")
    """)
    inner.runpytest("-o", "mailtrap_strict=false").assert_outcomes(passed=1)


def test_what_failed_by_itself_keeps_its_error(inner: pytest.Pytester) -> None:
    inner.makepyfile("""
        import pytest

        def test_fails(mailtrap):
            mailtrap.fail("rcpt", "450 4.2.0 Busy")
            mailtrap.expect.delivered_once(to="eve@*")
            raise ValueError("mine")

        def test_skips(mailtrap):
            mailtrap.fail("rcpt", "450 4.2.0 Busy")
            pytest.skip("not today")

        @pytest.mark.xfail
        def test_is_known_to_fail(mailtrap):
            mailtrap.fail("rcpt", "450 4.2.0 Busy")
            assert False
    """)
    result = inner.runpytest("-rf")
    result.assert_outcomes(failed=1, skipped=1, xfailed=1)
    result.stdout.fnmatch_lines(["E *ValueError: mine", "*added-1 never fired: no session came to rcpt"])


def test_expectations_are_judged_when_the_fixtures_have_ended(inner: pytest.Pytester) -> None:
    inner.makepyfile("""
        import pytest
        import smtplib
        from app import send

        @pytest.fixture
        def client(mailtrap):
            client = smtplib.SMTP(mailtrap.host, mailtrap.port)
            yield client
            client.quit()

        def test_says_goodbye(mailtrap, client):
            mailtrap.expect.ends_with_quit()

        def test_does_not(mailtrap):
            mailtrap.expect.delivered_once()
            mailtrap.expect.retried(after="4xx")
            mailtrap.sequence(["450"])
            try:
                send(mailtrap)
            except smtplib.SMTPRecipientsRefused:
                pass
    """)
    result = inner.runpytest()
    result.assert_outcomes(passed=2, errors=1)
    result.stdout.fnmatch_lines(
        [
            "the client did not do what is expected of it:",
            "  FAIL delivered: *",
            "  FAIL retried: {after: 4xx}",
            "*450*",
        ]
    )


def test_findings_are_failures_from_a_level_on(inner: pytest.Pytester) -> None:
    inner.makepyfile("""
        import pytest
        from app import send

        def test_as_usual(mailtrap):
            send(mailtrap)

        @pytest.mark.mailtrap(findings="info")
        def test_held_to_all(mailtrap):
            send(mailtrap)

        @pytest.mark.mailtrap(findings="off")
        def test_held_to_nothing(mailtrap):
            send(mailtrap)

        @pytest.mark.mailtrap(findings="bad")
        def test_no_level(mailtrap):
            pass
    """)
    result = inner.runpytest()
    result.assert_outcomes(passed=3, errors=2)
    result.stdout.fnmatch_lines_random(
        ["* no-date: *", "*the marker's findings is 'bad', not one of off, info, warning, error"]
    )
    inner.runpytest("-o", "mailtrap_findings=info").assert_outcomes(passed=3, errors=3)


def test_a_scenario_can_be_held_against_the_client_and_the_test(inner: pytest.Pytester) -> None:
    inner.makepyfile("""
        import pytest
        from app import send

        RULE = {"id": "never", "at": "auth", "do": [{"reply": "535 5.7.8 No"}]}
        STRICT = {"name": "s", "strict": True, "rules": [RULE]}
        LAX = {**STRICT, "strict": False}

        @pytest.mark.mailtrap("service-unavailable", expect=True)
        def test_gives_up(mailtrap):
            with pytest.raises(Exception, match="421"):
                send(mailtrap)

        @pytest.mark.mailtrap(scenario=STRICT)
        def test_never_met(mailtrap):
            send(mailtrap)

        @pytest.mark.mailtrap(scenario=LAX, strict=True)
        def test_never_met_either(mailtrap):
            send(mailtrap)

        @pytest.mark.mailtrap(scenario=STRICT, strict=False)
        def test_lets_it_pass(mailtrap):
            send(mailtrap)

        @pytest.mark.mailtrap(scenario=LAX)
        def test_lets_it_pass_too(mailtrap):
            send(mailtrap)
    """)
    result = inner.runpytest("-rE")
    result.assert_outcomes(passed=5, errors=3)
    result.stdout.fnmatch_lines_random(["  FAIL *", "rule never never fired: no session came to auth"])


def test_more_servers_are_judged_too(inner: pytest.Pytester) -> None:
    inner.makepyfile("""
        def test_it(mailtrap, mailtrap_factory):
            mailtrap_factory().fail("rcpt", "450 4.2.0 Busy")
    """)
    result = inner.runpytest()
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["rule added-1 never fired: no session came to rcpt"])
