"""`mailtrap-py check` against a real Postfix."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import trustme

from mailtrap_py.check import Options, Status, Step, check

if TYPE_CHECKING:
    from tests.interop.conftest import Postfix, StartPostfix

pytestmark = pytest.mark.slow


@pytest.fixture
def postfix(start_postfix: StartPostfix, tmp_path: Path) -> Postfix:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "authority.pem"))
    issued = authority.issue_cert("127.0.0.1", "postfix.example")
    issued.private_key_and_cert_chain_pem.write_to_path(str(tmp_path / "server.pem"))
    return start_postfix(
        {
            "smtpd_tls_chain_files": str(tmp_path / "server.pem"),
            "smtpd_tls_security_level": "may",
            "virtual_mailbox_domains": "inside.example",
            "virtual_mailbox_maps": "static:inbox/",
            "smtpd_recipient_restrictions": "permit_mynetworks",
            "smtpd_sender_restrictions": "check_sender_access inline:{{nobody@example.com=550 5.7.1 Not you}}",
        }
    )


def failures(steps: list[Step]) -> list[str]:
    return [f"{step.name}: {step.verdict}" for step in steps if step.status is Status.FAILED]


def test_a_message_goes_through_by_starttls(postfix: Postfix, tmp_path: Path) -> None:
    options = Options(
        host="127.0.0.1",
        port=postfix.port,
        ca_file=str(tmp_path / "authority.pem"),
        sender="ann@example.com",
        recipients=("bob@inside.example",),
        send=True,
    )
    steps = check(options)

    assert failures(steps) == []
    assert [step.code for step in steps if step.code] == [220, 250, 220, 250, 250, 250, 354, 250, 221]
    assert next(step for step in steps if step.name == "TLS").verdict.startswith("TLSv1.")
    assert next(step for step in steps if step.name == "EHLO").facts.keys() >= {"PIPELINING", "SIZE", "STARTTLS"}
    postfix.wait_for("status=sent")


def test_its_refusals_are_understood(postfix: Postfix, tmp_path: Path) -> None:
    options = Options(
        host="127.0.0.1", port=postfix.port, ca_file=str(tmp_path / "authority.pem"), name="other.example"
    )
    assert failures(check(options)) == ["certificate: not for other.example, but for postfix.example, 127.0.0.1"]

    options = Options(
        host="127.0.0.1",
        port=postfix.port,
        ca_file=str(tmp_path / "authority.pem"),
        sender="nobody@example.com",
        recipients=("bob@inside.example",),
    )
    assert failures(check(options)) == ["RCPT: 550 5.7.1: refused, not authorized"]
