"""How commands are written: a conversation that shows each finding, and one that does not."""

from __future__ import annotations

import pytest

from tests.recorded import Recording, deliver

HELLO = "S: 220 mx.example ready\nC: EHLO client.example\nS: 250-mx.example | 250-SIZE 1000 | 250 smtputf8"
BYE = "C: QUIT\nS: 221 2.0.0 Bye"


def mail(argument: str, reply: str = "250 Ok") -> str:
    return f"{HELLO}\nC: MAIL {argument}\nS: {reply}\n{BYE}"


@pytest.mark.parametrize(
    ("kind", "told", "lines", "detail"),
    [
        ("not-understood", f"{HELLO}\nC: MALI x\nS: 500 What?\n{BYE}", (4,), ": MALI (500)"),
        ("not-understood", mail("FROM:<a@x> FOO=1", "555 No"), (4,), ": MAIL (555)"),
        ("parameter-not-offered", mail("FROM:<a@x> BODY=8BITMIME"), (4,), ": BODY"),
        ("parameter-not-offered", mail("FROM:<a@x> SIZE=1 ret=FULL"), (4,), ": RET"),
        ("parameter-not-offered", f"{HELLO}\nC: RCPT TO:<a@x> NOTIFY=NEVER\nS: 555 No\n{BYE}", (4,), ": NOTIFY"),
        ("no-brackets", mail("FROM:a@x"), (4,), ": a@x"),
        ("space-after-colon", mail("FROM: <a@x>"), (4,), ""),
        ("source-route", mail("FROM:<@relay.x:a@x>"), (4,), ": <@relay.x:a@x>"),
        ("utf8-address-not-declared", mail("FROM:<é@x>"), (4,), ""),
        (
            "utf8-address-not-declared",
            f"{HELLO}\nC: MAIL FROM:<a@x>\nS: 250 Ok\nC: RCPT TO:<é@x>\nS: 553 No\n{BYE}",
            (6,),
            "",
        ),
        ("command-ends-in-lf", f"{HELLO}\nB: NOOP\\n\nS: 250 Ok\n{BYE}", (4,), ""),
        ("command-too-long", f"{HELLO}\nC: NOOP {'x' * 600}\nS: 250 Ok\n{BYE}", (4,), ": NOOP of 607"),
        ("command-too-long", mail(f"FROM:<{'x' * 600}@x> SIZE=1", "501 No"), (4,), ": MAIL of 616"),
        (
            "recipient-named-twice",
            deliver(["bob@example.com", "bob@EXAMPLE.com"]),
            (8,),
            ": <bob@EXAMPLE.com>",
        ),
    ],
)
def test_what_a_conversation_shows(kind: str, told: str, lines: tuple[int, ...], detail: str) -> None:
    finding = Recording().session(told).findings()[kind]

    assert finding.lines == lines
    assert finding.text.endswith(detail)


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("not-understood", f"{HELLO}\nC: NOOP\nS: 250 Ok\n{BYE}"),
        ("parameter-not-offered", mail("FROM:<a@x> SIZE=1 SMTPUTF8 X-OWN=1")),
        ("no-brackets", mail('FROM:<"a>b"@x>')),
        ("no-brackets", mail("whatever", "501 What?")),
        ("space-after-colon", mail("FROM:<a@x>")),
        ("source-route", mail("FROM:<a@x>")),
        ("utf8-address-not-declared", mail("FROM:<é@x> SMTPUTF8")),
        ("command-ends-in-lf", f"{HELLO}\nC: NOOP\nS: 250 Ok\n{BYE}"),
        ("command-too-long", mail(f"FROM:<a@x> ENVID={'x' * 600}")),
        ("command-too-long", f"{HELLO}\nC: AUTH PLAIN {'x' * 600}\nS: 535 No\n{BYE}"),
        ("recipient-named-twice", deliver(["bob@example.com", "Bob@example.com"])),
    ],
)
def test_what_a_conversation_does_not_show(kind: str, told: str) -> None:
    assert kind not in Recording().session(told).findings()


def test_a_500_of_a_rule_is_not_the_clients_fault() -> None:
    run = Recording().session(f"{HELLO}\nC: NOOP\nS: 500 What?\n{BYE}")
    run.say_by_rule(b"500 What?\r\n")

    assert "not-understood" not in run.findings()
