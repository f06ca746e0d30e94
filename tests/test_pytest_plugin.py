"""The pytest plugin, on inner test files that send real mail."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from mailtrap_py import Mailtrap
from mailtrap_py.captured import Message
from mailtrap_py.handle import Rule
from mailtrap_py.handle.asynchronous import AsyncWaits
from mailtrap_py.handle.clock import HandleClock
from mailtrap_py.handle.expecting import Expect
from tests.homes import elsewhere
from tests.inner_runs import imported, inner

__all__ = ["elsewhere", "imported", "inner"]  # fixtures

pytest_plugins = ["pytester"]

DOCS = Path(__file__).parents[1] / "docs" / "pytest.md"
BUSY = """
name: busy
rules:
  - id: busy
    at: rcpt
    count: {times: "${times}"}
    do: [{reply: "450 4.2.0 Busy"}]
params: {times: 1}
"""


def test_a_test_needs_no_configuration(inner: pytest.Pytester) -> None:
    inner.makepyfile("""
        from app import send

        def test_it(mailtrap):
            assert mailtrap.host == "127.0.0.1"
            send(mailtrap)
            message = mailtrap.wait_for(to="bob@example.com", subject="welcome")
            assert message.text.strip() == "Hello"
            assert mailtrap.transactions().outcomes == ["accepted"]
    """)
    inner.runpytest().assert_outcomes(passed=1)


def test_one_bad_recipient(inner: pytest.Pytester) -> None:
    inner.makepyfile("""
        from app import send

        def test_one_bad_recipient(mailtrap):
            refused = mailtrap.fail("rcpt", "550 5.1.1 No such user", to="bob@*", times=1)
            assert send(mailtrap, ["ann@example.com", "bob@example.com"]) == {
                "bob@example.com": (550, b"5.1.1 No such user")
            }
            assert refused.fired == 1
    """)
    inner.runpytest().assert_outcomes(passed=1)


def test_each_test_begins_anew_on_the_ports_of_the_run(inner: pytest.Pytester) -> None:
    inner.makepyfile("""
        import pytest
        from app import send

        @pytest.fixture(scope="session")
        def application(mailtrap_server):
            return mailtrap_server.port

        def test_one(mailtrap):
            mailtrap.fail("rcpt", "550 5.1.1 No such user", to="eve@*", optional=True)
            mailtrap.scenario({"name": "deaf", "rules": [{"at": "auth", "do": [{"reply": "535 5.7.8 No"}]}]})
            send(mailtrap)
            assert len(mailtrap.messages) == len(mailtrap.sessions) == 1

        def test_two(mailtrap, application):
            assert mailtrap.messages == mailtrap.sessions == mailtrap.transactions() == []
            assert mailtrap.rules == ()
            assert mailtrap.port == application
    """)
    inner.runpytest().assert_outcomes(passed=2)


def test_mail_sent_between_two_tests_is_not_seen(inner: pytest.Pytester) -> None:
    inner.makepyfile("""
        from app import send

        def test_one(mailtrap_server):
            send(mailtrap_server)

        def test_two(mailtrap):
            assert mailtrap.messages == []
    """)
    inner.runpytest().assert_outcomes(passed=2)


def test_a_client_that_still_waits_is_let_go_when_its_test_ends(inner: pytest.Pytester) -> None:
    inner.makepyfile("""
        import smtplib
        import threading
        import pytest
        from app import send

        failures = []

        def wait(trap):
            try:
                send(trap)
            except smtplib.SMTPException as error:
                failures.append(error)

        thread = None

        def test_one(mailtrap):
            global thread
            barrier = mailtrap.hold("data")
            thread = threading.Thread(target=wait, args=[mailtrap])
            thread.start()
            barrier.wait()

        def test_two():
            thread.join()
            assert len(failures) == 1
    """)
    inner.runpytest().assert_outcomes(passed=2)


def test_settings_can_be_overridden_for_one_module(inner: pytest.Pytester) -> None:
    inner.makepyfile(
        test_a="""
        import smtplib
        import pytest
        from app import send

        @pytest.fixture(scope="session")
        def mailtrap_settings(mailtrap_settings):
            return mailtrap_settings.changed(auth="required", hostname="strict.example")

        def test_refused(mailtrap):
            with pytest.raises(smtplib.SMTPSenderRefused, match="530"):
                send(mailtrap)

        def test_the_same_server_again(mailtrap, mailtrap_server):
            assert mailtrap is mailtrap_server
        """,
        test_b="""
        from app import send

        def test_accepted(mailtrap):
            send(mailtrap)
            assert len(mailtrap.messages) == 1
        """,
    )
    inner.runpytest().assert_outcomes(passed=3)


def test_a_marker_starts_a_scenario_beside_the_test(inner: pytest.Pytester) -> None:
    folder = inner.mkpydir("deep")
    (folder / "busy.yaml").write_text(BUSY)
    (folder / "test_marked.py").write_text("""
import smtplib, sys
import pytest
from app import send

def refused(mailtrap):
    count = 0
    while True:
        try:
            send(mailtrap)
        except smtplib.SMTPRecipientsRefused:
            count += 1
        else:
            return count

@pytest.mark.mailtrap("busy.yaml")
def test_by_position(mailtrap):
    assert refused(mailtrap) == 1

@pytest.mark.mailtrap(scenario="busy.yaml", times=3)
class TestWithParams:
    def test_it(self, mailtrap):
        assert refused(mailtrap) == 3
        assert [playing.scenario.name for playing in mailtrap.played] == ["busy"]

def test_without(mailtrap):
    assert refused(mailtrap) == 0
""")
    inner.runpytest().assert_outcomes(passed=3)


def test_a_marker_without_effect_is_refused(inner: pytest.Pytester) -> None:
    inner.makepyfile("""
        import pytest

        @pytest.mark.mailtrap("greylisting")
        def test_no_fixture():
            pass

        @pytest.mark.mailtrap(wait="1s")
        def test_no_scenario(mailtrap):
            pass

        @pytest.mark.mailtrap("graylistin")
        def test_no_such_scenario(mailtrap):
            pass
    """)
    result = inner.runpytest()
    result.assert_outcomes(errors=3)
    result.stdout.fnmatch_lines_random(
        [
            "*without the fixture: add 'mailtrap' to its arguments*",
            "*names no scenario that could take wait: write @pytest.mark.mailtrap('greylisting', wait='1s')*",
            "*ScenarioError: there is no scenario 'graylistin'*",
        ]
    )


def test_the_report_of_a_failure_has_the_conversation_and_the_mail(inner: pytest.Pytester) -> None:
    inner.makepyfile("""
        from app import send

        def test_it(mailtrap):
            mailtrap.expect.never_delivered()
            mailtrap.fail("rcpt", "550 5.1.1 No such user", to="ann@*")
            mailtrap.fail("auth", "535 5.7.8 No")
            send(mailtrap, ["ann@example.com", "bob@example.com"])
            raise AssertionError("look at the report")
    """)
    result = inner.runpytest()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "*- mailtrap -*",
            "1 message arrived at 127.0.0.1:*",
            "  <Message 'Welcome' from 'app@example.com' to bob@example.com>",
            "session 1 from 127.0.0.1:*, *",
            "*0.* S: 220 mailtrap.localhost*",
            "*0.* C: mail [Ff][Rr][Oo][Mm]:<app@example.com>*",
            "*0.* S: 550 5.1.1 No such user *added-1?",
            "*0.* C: (* octets of content)",
            "rules of scenario 'none', seed *",
            "  added-2 never fired: no session came to auth",
            "  added-1 fired 1 time",
            "expected, and not so:",
            "  FAIL delivered: never",
        ]
    )


def test_a_long_conversation_is_cut(inner: pytest.Pytester) -> None:
    inner.makepyfile("""
        import smtplib

        def test_it(mailtrap):
            with smtplib.SMTP(mailtrap.host, mailtrap.port) as smtp:
                for _ in range(100):
                    smtp.noop()
                raise AssertionError("look at the report")
    """)
    result = inner.runpytest()
    result.stdout.fnmatch_lines(["no messages arrived at *", "session 1 *", "... and 10? lines more"])


def test_other_reports_have_no_conversation(inner: pytest.Pytester) -> None:
    inner.makepyfile("""
        from app import send

        def test_passes(mailtrap):
            send(mailtrap)

        def test_fails_without_mail():
            raise AssertionError("no mail here")
    """)
    result = inner.runpytest()
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.no_fnmatch_line("*- mailtrap -*")


def test_a_wait_in_vain_says_what_came_instead(inner: pytest.Pytester) -> None:
    inner.makepyfile("""
        from app import send

        def test_it(mailtrap):
            send(mailtrap, subject="Goodbye")
            mailtrap.wait_for(to="bob@example.com", subject="Welcome", timeout=0.01)
    """)
    result = inner.runpytest()
    result.stdout.fnmatch_lines(
        [
            "*no message with to 'bob@example.com', subject 'Welcome' came within 0.01 s*",
            "*subject is 'Goodbye', not 'Welcome'*",
        ]
    )


def test_it_serves_unittest(inner: pytest.Pytester) -> None:
    inner.makepyfile("""
        import unittest
        import pytest
        from app import send

        class WelcomeTest(unittest.TestCase):
            @pytest.fixture(autouse=True)
            def _trap(self, mailtrap):
                self.mailtrap = mailtrap

            def test_one(self):
                send(self.mailtrap)
                self.assertEqual(len(self.mailtrap.messages), 1)

            def test_two(self):
                self.assertEqual(self.mailtrap.messages, [])
                self.fail("look at the report")
    """)
    result = inner.runpytest()
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["*- mailtrap -*", "no messages arrived at 127.0.0.1:*"])


def test_it_serves_anyio_on_asyncio_and_on_trio(inner: pytest.Pytester) -> None:
    pytest.importorskip("trio", reason="trio is not installed")
    inner.makepyfile("""
        import anyio
        import pytest
        from app import send

        pytestmark = pytest.mark.anyio

        async def test_it(mailtrap):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(anyio.to_thread.run_sync, send, mailtrap)
                message = await mailtrap.async_.wait_for(to="bob@example.com", timeout="5s")
            assert message.subject == "Welcome"
            with anyio.move_on_after(0.01) as scope:
                await mailtrap.async_.wait_for(subject="never", timeout="10m")
            assert scope.cancelled_caught
    """)
    result = inner.runpytest("-p", "anyio.pytest_plugin", "-W", "default")
    result.assert_outcomes(passed=2)


@pytest.mark.slow
def test_workers_of_xdist_have_a_server_each(inner: pytest.Pytester) -> None:
    pytest.importorskip("xdist", reason="pytest-xdist is not installed")
    inner.makepyfile("""
        import pytest
        from app import send

        @pytest.mark.parametrize("number", range(6))
        def test_it(mailtrap, number):
            send(mailtrap, f"{number}@example.com")
            assert [message.envelope.recipients for message in mailtrap.messages] == [(f"{number}@example.com",)]
    """)
    inner.runpytest("-p", "xdist", "-n2").assert_outcomes(passed=6)


def test_every_block_of_the_docs_is_a_file_and_every_test_in_them_passes(inner: pytest.Pytester) -> None:
    blocks = re.findall(r"^```python\n# (\w+\.py).*\n((?s:.*?))^```", DOCS.read_text("utf-8"), re.MULTILINE)
    assert len(blocks) == DOCS.read_text("utf-8").count("```python")
    for name, code in blocks:
        (inner.path / name).write_text(code)
    tests = sum(code.count("def test_") for _, code in blocks)
    assert tests > 15
    outcomes = inner.runpytest("--durations=4").parseoutcomes()
    assert [*outcomes] == ["passed"]
    assert outcomes["passed"] > tests  # some under several scenarios


def test_the_docs_name_everything_that_the_fixture_has() -> None:
    text = DOCS.read_text("utf-8")
    things = (Mailtrap, Message, Rule, Expect, HandleClock, AsyncWaits)
    names = [name for thing in things for name in vars(thing) if not name.startswith("_")]
    unsaid = {"start", "close", "id", "view", "summary", "at", "of"}  # for whoever does without the fixture
    unsaid |= {"total", "words", "nothing", "clear", "failures", "check"}  # for whoever reads the code
    assert [name for name in names if name not in unsaid and not re.search(rf"`(\w+\.)*{name}\b", text)] == []


def test_the_plugin_imports_nothing_of_its_own_until_a_fixture_is_used() -> None:
    code = """
import sys, pytest
before = set(sys.modules)
import mailtrap_pytest
print(*sorted(set(sys.modules) - before))
"""
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.split() == ["mailtrap_pytest"]
