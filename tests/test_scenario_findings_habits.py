"""What several attempts show together: runs that show each finding, and runs that do not."""

from __future__ import annotations

from mailtrap_py.events import Transaction
from tests.recorded import Recording, deliver

HELLO = "S: 220 mx.example ready\nC: EHLO client.example\nS: 250 mx.example"
BYE = "C: QUIT\nS: 221 2.0.0 Bye"
REFUSED = f"{HELLO}\nC: MAIL FROM:<ann@example.com>\nS: 250 Ok\nC: RCPT TO:<bob@example.com>\nS: 550 5.1.1 No\n{BYE}"
DEFERRED = REFUSED.replace("550 5.1.1", "450 4.2.0")
LOST_250 = deliver(quit_=False).replace("S: 250 2.0.0 Ok", "store")


def test_refused_and_retried() -> None:
    finding = Recording().session(REFUSED).wait(60).session(REFUSED).findings()["refused-and-retried"]

    assert finding.session_id == "session-2"
    assert finding.lines == (4,)
    assert finding.text.endswith(": after 550")
    assert "refused-and-retried" not in Recording().session(DEFERRED).wait(60).session(DEFERRED).findings()


def test_retried_at_once() -> None:
    finding = Recording().session(DEFERRED).wait(0.5).session(deliver()).findings()["retried-at-once"]

    assert finding.session_id == "session-2"
    assert finding.text.endswith(": 0.500s after 450")
    assert "retried-at-once" not in Recording().session(DEFERRED).wait(1.0).session(deliver()).findings()
    assert "retried-at-once" not in Recording().session(DEFERRED).findings()


def test_who_goes_on_elsewhere_when_a_connection_has_had_its_share_did_not_retry() -> None:
    full = deliver(quit_=False) + "\nC: MAIL FROM:<ann@example.com>\nS: 421 Max message per connection reached"
    other = deliver(key="2")
    assert "retried-at-once" not in Recording().session(full, "server-closed").session(other).findings()
    deferred = full.replace("421 Max", "451 Max")
    assert "retried-at-once" in Recording().session(deferred, "server-closed").session(other).findings()


def test_delivered_twice() -> None:
    finding = Recording().session(LOST_250, "server-reset").wait(5).session(deliver()).findings()["delivered-twice"]

    assert finding.session_id == "session-2"
    assert finding.lines == (4,)
    assert finding.text.endswith(": <1@example.com> for <bob@example.com>")
    other = Recording().session(deliver()).session(deliver(["cyd@example.com"]))
    assert "delivered-twice" not in other.findings()


def test_delivered_twice_by_who_knows_which_transaction() -> None:
    run = Recording().session(deliver()).session(deliver())
    run.forget(Transaction)

    finding = run.findings()["delivered-twice"]

    assert finding.session_id == "session-2"
    assert finding.lines == ()


def test_new_message_id() -> None:
    run = Recording().session(LOST_250, "server-reset").wait(5).session(deliver(key="2"))

    finding = run.findings()["new-message-id"]

    assert finding.session_id == "session-2"
    assert finding.text.endswith(": <2@example.com>")


def test_the_same_words_in_another_mail_are_no_copy() -> None:
    after_success = Recording().session(deliver()).session(deliver(key="2"))
    to_somebody_else = Recording().session(LOST_250, "server-reset").session(deliver(["cyd@example.com"], key="2"))
    with_the_same_key = Recording().session(LOST_250, "server-reset").session(deliver())

    for run in (after_success, to_somebody_else, with_the_same_key, Recording().session(DEFERRED)):
        assert "new-message-id" not in run.findings()


def test_connection_per_message() -> None:
    run = Recording().session(deliver(key="1")).session(deliver(key="2"))
    assert "connection-per-message" not in run.findings()

    finding = run.session(deliver(key="3")).findings()["connection-per-message"]

    assert finding.session_id == "session-3"
    assert finding.text.endswith(": 3 connections")


def test_connections_at_the_same_time_are_no_such_habit() -> None:
    slow = deliver().replace("C: QUIT", "+ 9\nC: QUIT")
    at_once = Recording().session(slow).wait(-9).session(slow).wait(-9).session(deliver(key="2"))
    after_trouble = Recording().session(deliver()).session(DEFERRED).session(deliver(key="2")).session(deliver(key="3"))

    assert "connection-per-message" not in at_once.findings()
    assert "connection-per-message" not in after_trouble.findings()


def test_copy_per_recipient() -> None:
    run = Recording().session(deliver(["bob@example.com"])).session(deliver(["cyd@example.com"]))
    assert run.findings()["copy-per-recipient"].text.endswith(": <1@example.com>")

    both = deliver(["bob@example.com", "cyd@example.com"]).replace(
        "C: RCPT TO:<cyd@example.com>\nS: 250 2.1.5 Ok", "C: RCPT TO:<cyd@example.com>\nS: 450 Later"
    )
    assert "copy-per-recipient" not in Recording().session(both).session(deliver(["cyd@example.com"])).findings()
