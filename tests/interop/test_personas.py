"""A persona beside the server that it stands for: the same dialog, line by line the same replies."""

from __future__ import annotations

import re
import socket
from typing import TYPE_CHECKING

import pytest

from mailtrap_py import Mailtrap, Settings

if TYPE_CHECKING:
    from tests.interop.conftest import StartPostfix

pytestmark = pytest.mark.slow  # it starts a Postfix

SETTINGS = {
    "smtpd_banner": "$myhostname ESMTP $mail_name (Debian/GNU)",  # as Debian's package sets it
    "smtpd_helo_required": "yes",
    "virtual_mailbox_domains": "static:all",
    "virtual_mailbox_maps": "static:all/",
    "smtpd_recipient_limit": "1000",
}
DIALOG = """
FOO
MAIL FROM:<ann@example.com>
HELO
EHLO
HELO client.example
RSET
RSET now
NOOP
NOOP now
HELP
VRFY bob
EXPN list
RCPT TO:<bob@example.com>
DATA
MAIL FROM:<ann@example.com> FOO=1
MAIL FROM:<
MAIL FROM:<ann@example.com>
MAIL FROM:<ann@example.com>
DATA
RCPT TO:<
RCPT TO:<bob@example.com>
DATA now
DATA
Subject: hello

.
QUIT
""".strip().split("\n")
LIMITED = ["EHLO client.example", "MAIL FROM:<ann@example.com> SIZE=10240001", "QUIT"]
FAILING = ["EHLO client.example", *["FOO"] * 20]


def talk(port: int, dialog: list[str]) -> list[str]:
    """Have a dialog, and give what the server said: to each command, and unasked to the last."""
    said = []
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection, connection.makefile("rb") as file:

        def hear() -> str:
            lines = [file.readline()]
            while lines[-1][3:4] == b"-":
                lines.append(file.readline())
            return b"".join(lines).decode()

        said.append(hear())
        content = False
        for line in dialog:
            connection.sendall(f"{line}\r\n".encode())
            content = content and line != "."
            if not content:
                said.append(f"{line}: {hear()}")
                content = said[-1].startswith("DATA: 354")
        said.append(file.read().decode())
    return said


def known(reply: str) -> str:
    """Take out what differs each time, and what this server does not offer."""
    reply = re.sub(r"queued as \w+", "queued as ID", reply)
    return re.sub(r"250-(ETRN|STARTTLS|AUTH [A-Z ]+)\r\n", "", reply)


@pytest.mark.parametrize("dialog", [DIALOG, LIMITED, FAILING], ids=["all replies", "the size", "too many errors"])
def test_it_talks_like_a_real_postfix(start_postfix: StartPostfix, dialog: list[str]) -> None:
    postfix = start_postfix({**SETTINGS, "smtpd_soft_error_limit": "100"})
    settings = Settings(
        host=("127.0.0.1",), smtp_port=0, smtps_port=None, http_port=None, store="sqlite://", hostname="postfix.example"
    )
    with Mailtrap(settings.changed(persona="postfix")) as mailtrap:
        ours = talk(mailtrap.port, dialog)
    theirs = talk(postfix.port, dialog)

    assert list(map(known, ours)) == list(map(known, theirs))
