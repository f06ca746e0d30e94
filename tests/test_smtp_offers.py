"""What EHLO offers; `capabilities` has what a scenario makes of it."""

from __future__ import annotations

from typing import Any

import pytest

from mailtrap_py.smtp.service import AuthPolicy
from mailtrap_py.smtp.tls import Authority
from tests.connected import house, looped

AUTH = "AUTH LOGIN PLAIN CRAM-MD5 XOAUTH2 OAUTHBEARER"
AUTHORITY = Authority(("localhost", "127.0.0.1"))


@pytest.mark.parametrize(
    ("settings", "offered"),
    [
        ({}, [AUTH]),
        ({"auth": AuthPolicy.OFF}, []),
        ({"auth": AuthPolicy.REQUIRED, "tls": AUTHORITY.context}, ["STARTTLS", AUTH]),
    ],
)
@looped
async def test_ehlo_offers_what_can_be_honoured(settings: dict[str, Any], offered: list[str]) -> None:
    async with house(**settings, max_message_size=1000, hostname="mx.test") as built:
        client = await built.greeted()

        assert (await client.ask("EHLO c")).split("\r\n") == [
            "250-mx.test",
            "250-PIPELINING",
            "250-SIZE 1000",
            "250-8BITMIME",
            "250-SMTPUTF8",
            "250-ENHANCEDSTATUSCODES",
            "250-DSN",
            "250-CHUNKING",
            "250-BINARYMIME",
            f"250{'-' if offered else ' '}LIMITS RCPTMAX=1000",
            *[f"250{' ' if word is offered[-1] else '-'}{word}" for word in offered],
        ]
        assert await client.ask("HELO c") == "250 mx.test"
