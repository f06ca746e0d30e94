"""TLS and credentials: a conversation that shows each finding, and one that does not."""

from __future__ import annotations

import pytest

from tests.recorded import Recording

READY = "S: 220 mx.example ready"
HELLO = f"{READY}\nC: EHLO client.example\nS: 250-mx.example | 250-STARTTLS | 250 AUTH PLAIN LOGIN"
WITHOUT = f"{READY}\nC: EHLO client.example\nS: 250-mx.example | 250 AUTH PLAIN LOGIN"
TLS = "C: STARTTLS\nS: 220 Go"
BYE = "C: QUIT\nS: 221 2.0.0 Bye"
PLAIN = "C: AUTH PLAIN AGFubgBwYXNz\nS: {} Well"
LOGIN = "C: AUTH LOGIN\nS: 334 x\nX: YW5u\nS: 334 y\nX: cGFzcw==\nS: {} Well"
MAIL = "C: MAIL FROM:<a@x.y>\nS: 250 Ok"


@pytest.mark.parametrize(
    ("kind", "told", "lines", "detail"),
    [
        ("credentials-in-clear", f"{HELLO}\n{PLAIN.format(235)}\n{BYE}", (4,), ""),
        ("credentials-in-clear", f"{HELLO}\n{LOGIN.format(235)}\n{BYE}", (6, 8), ""),
        ("mail-in-clear", f"{HELLO}\n{MAIL}\n{BYE}", (4,), ""),
        ("no-ehlo-after-starttls", f"{HELLO}\n{TLS}\n{MAIL}\n{BYE}", (6,), ": MAIL came instead"),
        (
            "plaintext-behind-starttls",
            f"{HELLO}\n{TLS}\nN: thrown away: 6 octets sent in clear after STARTTLS\nC: EHLO x.y\nS: 250 mx\n{BYE}",
            (6,),
            "",
        ),
        ("auth-repeated", f"{HELLO}\n{PLAIN.format(535)}\n{PLAIN.format(535)}\n{BYE}", (6,), ": PLAIN"),
        ("auth-repeated", f"{HELLO}\n{LOGIN.format(535)}\n{LOGIN.format(235)}\n{BYE}", (10,), ": LOGIN"),
    ],
)
def test_what_a_conversation_shows(kind: str, told: str, lines: tuple[int, ...], detail: str) -> None:
    finding = Recording().session(told).findings()[kind]

    assert finding.lines == lines
    assert finding.text.endswith(detail)


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("credentials-in-clear", f"{WITHOUT}\n{PLAIN.format(235)}\n{BYE}"),
        (
            "credentials-in-clear",
            f"{HELLO}\n{TLS}\nC: EHLO x.y\nS: 250-mx | 250 AUTH PLAIN\n{PLAIN.format(235)}\n{BYE}",
        ),
        ("credentials-in-clear", f"{HELLO}\nC: AUTH LOGIN\nS: 538 TLS first\n{BYE}"),
        ("mail-in-clear", f"{WITHOUT}\n{MAIL}\n{BYE}"),
        ("mail-in-clear", f"{HELLO}\n{TLS}\nC: EHLO x.y\nS: 250 mx\n{MAIL}\n{BYE}"),
        ("no-ehlo-after-starttls", f"{HELLO}\n{TLS}\nC: EHLO x.y\nS: 250 mx\n{MAIL}\n{BYE}"),
        ("no-ehlo-after-starttls", f"{HELLO}\nC: STARTTLS\nS: 454 Not now\n{MAIL}\n{BYE}"),
        ("no-ehlo-after-starttls", f"{HELLO}\n{TLS}\n{BYE}"),
        ("plaintext-behind-starttls", f"{HELLO}\n{TLS}\nN: TLSv1.3\nC: EHLO x.y\nS: 250 mx\n{BYE}"),
        ("auth-repeated", f"{HELLO}\n{LOGIN.format(535)}\n{PLAIN.format(535)}\n{BYE}"),
        ("auth-repeated", f"{HELLO}\n{PLAIN.format(454)}\n{PLAIN.format(235)}\n{BYE}"),
    ],
)
def test_what_a_conversation_does_not_show(kind: str, told: str) -> None:
    assert kind not in Recording().session(told).findings()


def test_a_port_for_implicit_tls_hides_all() -> None:
    run = Recording().session(f"{HELLO}\n{PLAIN.format(235)}\n{MAIL}\n{BYE}", protocol="smtps")

    assert not {"credentials-in-clear", "mail-in-clear", "no-ehlo-after-starttls"} & run.findings().keys()
