"""What the markers say."""

from __future__ import annotations

import pytest

from mailtrap_py.handle import select
from tests.homes import elsewhere
from tests.inner_runs import imported, inner

__all__ = ["elsewhere", "imported", "inner"]  # fixtures

pytest_plugins = ["pytester"]

BUSY = "name: busy\nparams: {code: 450}\nrules: [{at: rcpt, do: [{reply: '${code} 4.2.0 Busy'}]}]\n"


def test_a_list_of_scenarios_is_a_test_of_each(inner: pytest.Pytester) -> None:
    (inner.path / "mine.yaml").write_text(BUSY)
    inner.makepyfile("""
        import pytest
        import smtplib
        from app import send

        @pytest.mark.mailtrap(["mailbox-busy", "mine", "mine.yaml", {"name": "mapped", "rules": []}])
        def test_it(mailtrap, mailtrap_scenario):
            try:
                send(mailtrap)
            except smtplib.SMTPRecipientsRefused:
                assert mailtrap_scenario != {"name": "mapped", "rules": []}
            else:
                assert mailtrap_scenario["name"] == "mapped"
    """)
    result = inner.runpytest("-v")
    result.assert_outcomes(passed=4)
    result.stdout.fnmatch_lines(
        [f"*::test_it[[]{name}[]] PASSED*" for name in ("mailbox-busy", "mine0", "mine1", "mapped")]
    )


def test_the_fixture_can_be_parametrised_by_hand(inner: pytest.Pytester) -> None:
    inner.makepyfile("""
        import pytest

        @pytest.mark.parametrize("mailtrap_scenario", ["greylisting", "lost-250", None])
        def test_it(mailtrap, mailtrap_scenario):
            assert [each.scenario.name for each in mailtrap.played] == [mailtrap_scenario] * bool(mailtrap_scenario)
    """)
    inner.runpytest().assert_outcomes(passed=3)


def test_a_gauntlet_is_a_test_of_each_scenario_that_is_meant(inner: pytest.Pytester) -> None:
    inner.makepyfile("""
        import pytest

        @pytest.mark.mailtrap_gauntlet("mailbox-*", "class:legal", clock="manual")
        def test_it(mailtrap, mailtrap_scenario):
            assert mailtrap.played[0].scenario.name == mailtrap_scenario
            mailtrap.clock.advance("1s")

        @pytest.mark.mailtrap_gauntlet()
        def test_all(mailtrap):
            pass
    """)
    result = inner.runpytest("-k", "test_it", "-v")
    result.assert_outcomes(passed=len(select(["mailbox-*", "class:legal"])), deselected=len(select(())))
    result.stdout.fnmatch_lines(["*::test_it[[]mailbox-busy[]] PASSED*"])


def test_a_gauntlet_that_means_nothing_is_a_mistake(inner: pytest.Pytester) -> None:
    inner.makepyfile("""
        import pytest

        @pytest.mark.mailtrap_gauntlet("zzz*")
        def test_it(mailtrap):
            pass
    """)
    result = inner.runpytest()
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*test_it: no scenario is meant by zzz[*]*"])


def test_a_gauntlet_without_the_fixture_is_a_mistake(inner: pytest.Pytester) -> None:
    inner.makepyfile("""
        import pytest

        @pytest.mark.mailtrap_gauntlet("mailbox-*")
        def test_it():
            pass
    """)
    result = inner.runpytest()
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*marked with 'mailtrap_gauntlet', but without the fixture*"])


def test_what_is_nearer_to_the_test_is_said_again(inner: pytest.Pytester) -> None:
    (inner.path / "busy.yaml").write_text(BUSY)
    inner.makepyfile("""
        import pytest
        import smtplib
        from app import send

        pytestmark = pytest.mark.mailtrap("busy", code=451, seed=7)

        def refused(mailtrap):
            try:
                send(mailtrap)
            except smtplib.SMTPRecipientsRefused as refused:
                return refused.recipients["bob@example.com"][0]

        def test_of_the_file(mailtrap):
            assert refused(mailtrap) == 451
            assert mailtrap.played[0].seed == 7

        @pytest.mark.mailtrap(code=452, seed=8)
        class TestOfAClass:
            def test_it(self, mailtrap):
                assert (refused(mailtrap), mailtrap.played[0].seed) == (452, 8)

            @pytest.mark.mailtrap("busy")
            def test_with_a_scenario_of_its_own(self, mailtrap):
                assert (refused(mailtrap), mailtrap.played[0].seed) == (450, 8)

            @pytest.mark.mailtrap("busy", params={"code": 453})
            def test_with_params_by_name(self, mailtrap):
                assert refused(mailtrap) == 453

            @pytest.mark.mailtrap(None)
            def test_with_none(self, mailtrap):
                assert refused(mailtrap) is None
    """)
    inner.runpytest().assert_outcomes(passed=5)


def test_two_scenarios_that_are_no_list_are_a_mistake(inner: pytest.Pytester) -> None:
    inner.makepyfile("""
        import pytest

        @pytest.mark.mailtrap("greylisting", "lost-250")
        def test_it(mailtrap):
            pass
    """)
    result = inner.runpytest()
    result.stdout.fnmatch_lines(["*the marker names several scenarios: write *, or a list of names*"])


def test_an_inbox_has_a_name_and_a_login(inner: pytest.Pytester) -> None:
    inner.makepyfile("""
        import pytest
        import smtplib
        from app import send

        @pytest.mark.mailtrap(inbox="shop", clock="manual")
        def test_it(mailtrap):
            mailtrap.clock.advance("1m")
            send(mailtrap)
            with smtplib.SMTP(mailtrap.host, mailtrap.port) as client:
                client.login(mailtrap.user, mailtrap.password)
                client.sendmail("a@example.com", "b@example.com", "Subject: Hello\\n\\n")
            assert mailtrap.user == "shop"
            assert [message.summary.inbox for message in mailtrap.messages] == ["shop", "shop"]

        def test_after(mailtrap):
            assert mailtrap.user != "shop"
            send(mailtrap)
            assert len(mailtrap.messages) == 1
    """)
    inner.runpytest().assert_outcomes(passed=2)
