"""Which events a rule is about, and why not."""

from __future__ import annotations

from typing import Any

import pytest

from mailtrap_py.errors import ScenarioError
from mailtrap_py.events import Event, Point, Reply
from mailtrap_py.scenario import When, make_rule
from mailtrap_py.scenario.match import difference
from tests.scenario_data import MESSAGE, REFUSE, message, rcpt

BODY = b"Subject: Hi\r\nContent-Type: text/html\r\n\r\n<p>Pay <b>now</b></p>\r\n"


def when(**matchers: object) -> When:
    return When.model_validate({name.rstrip("_"): value for name, value in matchers.items()})


def mail(**parameters: str) -> Event:
    return Event(point=Point.MAIL, reverse_path="ann@example.com", mail_parameters=parameters)


MATCHING: list[tuple[dict[str, Any], Event]] = [
    ({"from_": "ann@EXAMPLE.com"}, rcpt()),
    ({"from_": ""}, rcpt(reverse_path="")),
    ({"from_": "<>"}, rcpt(reverse_path="")),
    ({"from_": "<ann@example.com>"}, rcpt()),
    ({"to": "*@example.com"}, rcpt("bob@EXAMPLE.COM")),
    ({"to": ["ann@*", "/^bob@/"]}, rcpt()),
    ({"to": "u@[127.0.0.1]"}, rcpt("u@[127.0.0.1]")),
    ({"to": "zoe@*"}, message(recipients=("bob@example.com", "zoe@example.com"))),
    ({"helo": "CLIENT"}, rcpt(helo="client.example.com")),
    ({"user": "ann@example.com"}, rcpt(user="ann@Example.com")),
    ({"mechanism": "plain"}, rcpt(mechanism="PLAIN")),
    ({"mechanism": "xoauth?"}, rcpt(mechanism="XOAUTH2")),
    ({"verb": ["noop", "/^R/"]}, rcpt()),
    ({"client": "127.0.0.0/8"}, rcpt()),
    ({"client": ["::1", "127.0.0.1"]}, rcpt()),
    ({"client": "127.0.0.1"}, rcpt(client="::ffff:127.0.0.1")),
    ({"client": "::/0"}, rcpt(client="fe80::1%lo")),
    ({"inbox": "default"}, rcpt()),
    ({"port": [25, 465]}, rcpt(port=465)),
    ({"tls": True}, rcpt(tls="TLSv1.3")),
    ({"tls": False}, rcpt()),
    ({"tls": "1.3"}, rcpt(tls="TLSv1.3")),
    ({"tls": ["TLS1.0", "TLSv1.*"]}, rcpt(tls="TLSv1.2")),
    ({"sni": "mail.*"}, Event(point=Point.TLS, sni="mail.example.com")),
    ({"state": ""}, rcpt()),
    ({"idle": "10s"}, Event(point=Point.IDLE, silent=10.0)),
    ({"line": "> 2"}, Event(point=Point.CONTENT, lines=3)),
    ({"size": 5}, Event(point=Point.CONTENT, content=b"12345")),
    ({"upstream": {"code": ["2xx", 451]}}, rcpt(upstream_reply=Reply(451))),
    ({"upstream": {"code": "45x"}}, rcpt(upstream_reply=Reply(452))),
    ({"index": 1}, rcpt()),
    ({"index": "> 2"}, rcpt(index=3)),
    ({"index": [2, 5]}, rcpt(index=5)),
    ({"recipients": ">= 1"}, rcpt(recipients=("ann@example.com",))),
    ({"message_number": "!= 1"}, rcpt(message_number=2)),
    ({"session_number": 1}, rcpt()),
    ({"size": "< 1KB"}, message()),
    ({"size": "> 1MB"}, mail(SIZE="2000000")),
    ({"subject": "INVOICE"}, message()),
    ({"subject": "your *"}, message()),
    ({"header": {"MESSAGE-ID": "1@example.com"}}, message()),
    ({"header": {"Subject": "*", "From": "ann"}}, message()),
    ({"header": {"X-Tag": "two"}}, message(b"X-Tag: one\r\nx-tag: two\r\n\r\n")),
    ({"body": "hello bob"}, message()),
    ({"body": "pay now"}, message(BODY)),
    ({"body": "<b>now</b>"}, message(BODY)),
    ({"not_": {"to": "postmaster@*"}}, rcpt()),
    ({"any_": [{"to": "ann@*"}, {"from": "ann@*"}]}, rcpt()),
    ({"all_": [{"to": "bob@*"}, {"from": "ann@*"}]}, rcpt()),
    ({"to": "bob@*", "index": 1, "verb": "RCPT"}, rcpt()),
]


@pytest.mark.parametrize(("matchers", "event"), MATCHING)
def test_what_matches(matchers: dict[str, Any], event: Event) -> None:
    assert difference(when(**matchers), event) == ""


MISSING: list[tuple[dict[str, Any], Event, str]] = [
    ({"from_": "ann@*"}, rcpt(reverse_path="bob@example.com"), "from is 'bob@example.com', not 'ann@*'"),
    ({"from_": "*"}, Event(point=Point.EHLO), "from is not known"),
    ({"to": ["ann@*", "zoe@*"]}, rcpt(), "to is 'bob@example.com', not 'ann@*' or 'zoe@*'"),
    ({"to": "Bob@example.com"}, rcpt(), "to is 'bob@example.com', not 'Bob@example.com'"),
    ({"to": "zoe@*"}, message(recipients=("a@x", "b@x")), "to is 'a@x', 'b@x', not 'zoe@*'"),
    ({"to": "zoe@*"}, Event(point=Point.DATA), "to is not known"),
    ({"mechanism": "plain"}, rcpt(mechanism="XPLAIN"), "mechanism is 'XPLAIN', not 'plain'"),
    ({"client": "10.0.0.0/8"}, rcpt(), "client is '127.0.0.1', not 10.0.0.0/8"),
    ({"client": ["10.0.0.0/8", "::1"]}, rcpt(client="?"), "client is '?', not 10.0.0.0/8 or ::1/128"),
    ({"index": "> 2"}, rcpt(), "index is 1, not > 2"),
    ({"tls": True}, rcpt(), "tls is not there"),
    ({"tls": False}, rcpt(tls="TLSv1.3"), "tls is TLSv1.3"),
    ({"tls": [1.2, "1.0"]}, rcpt(tls="TLSv1.3"), "tls is TLSv1.3, not 'TLSv1.2' or 'TLSv1'"),
    ({"state": ["up", "down"]}, rcpt(), "state is '', not 'up' or 'down'"),
    ({"idle": "1m"}, Event(point=Point.IDLE, silent=2.5), "it was silent for 2.5s, not for 1m"),
    ({"line": 3}, Event(point=Point.CONTENT), "line is 0, not 3"),
    ({"upstream": {"code": "4xx"}}, rcpt(upstream_reply=Reply(250)), "upstream said 250, not 4xx"),
    ({"upstream": {"code": [451, "5xx"]}}, rcpt(), "upstream has said nothing"),
    ({"index": 0}, Event(point=Point.EHLO), "index is not known"),
    ({"size": "> 1MB"}, message(b"x" * 10), "size is 10, not > 1048576"),
    ({"size": "> 1MB"}, mail(), "size is not known"),
    ({"size": "> 0"}, mail(SIZE="²"), "size is not known"),
    ({"size": "> 0"}, mail(SIZE="9" * 5000), "size is not known"),
    ({"subject": "/INVOICE/"}, message(), "subject is 'Your invoice', not '/INVOICE/'"),
    ({"header": {"X-Tag": "*"}}, message(), "there is no header X-Tag"),
    ({"header": {"X-Tag": "3"}}, message(b"X-Tag: 1\r\nX-Tag: 2\r\n\r\n"), "header X-Tag is '1', '2', not '3'"),
    ({"body": "goodbye"}, message(), "the body has no 'goodbye'"),
    ({"not_": {"to": "bob@*", "index": [1, 2]}}, rcpt(), "it is what 'not' leaves out: {to: bob@*, index: [1, 2]}"),
    ({"not_": {"from": ""}}, rcpt(reverse_path=""), "it is what 'not' leaves out: {from: ''}"),
    ({"any_": [{"to": "ann@*"}, {"index": 9}]}, rcpt(),
     "not any of them: to is 'bob@example.com', not 'ann@*'; index is 1, not 9"),
    ({"all_": [{"to": "bob@*"}, {"index": 9}]}, rcpt(), "index is 1, not 9"),
]  # fmt: skip


@pytest.mark.parametrize(("matchers", "event", "why"), MISSING)
def test_why_it_does_not_match(matchers: dict[str, Any], event: Event, why: str) -> None:
    assert difference(when(**matchers), event) == why


def test_without_a_when_everything_matches() -> None:
    assert difference(None, Event(point=Point.CONNECT)) == ""


def test_cheap_matchers_are_asked_before_the_message_is_read() -> None:
    wanted = when(subject="nothing", from_="nobody@*")

    assert difference(wanted, message(MESSAGE)) == "from is 'ann@example.com', not 'nobody@*'"


def test_an_empty_when_is_a_mistake() -> None:
    with pytest.raises(ScenarioError, match="nothing is asked for, so it always matches"):
        make_rule({"at": "rcpt", "when": {}, "do": {"reply": REFUSE}})
