"""Real clients deliver a mail in the clear, by STARTTLS and by SMTPS; over TLS they verify the certificate.

smtplib, aiosmtplib, curl and smtp-source are handed the bytes to send; swaks and nodemailer compose a mail themselves
and tell what they sent. Either way those bytes are stored, and the envelope is the one that was asked for. smtp-source
knows no TLS, so it comes in the clear only.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import smtplib
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, cast

import aiosmtplib
import pytest

from mailtrap_py.smtp.listening import turns

if TYPE_CHECKING:
    from mailtrap_py import Mailtrap
    from tests.conftest import Missing, Need
    from tests.interop.conftest import Letter

Security = Literal["plain", "starttls", "smtps"]
PATIENCE = 60  # seconds


@dataclass(frozen=True)
class Place:
    """Where a client delivers to; `authority` is the file with the certificate to trust."""

    host: str
    port: int
    security: Security
    authority: Path


@pytest.fixture(params=["plain", "starttls", "smtps"])
def place(request: pytest.FixtureRequest, mailtrap: Mailtrap, tmp_path: Path) -> Place:
    security = cast("Security", request.param)
    port = mailtrap.smtps_port if security == "smtps" else mailtrap.port
    assert port
    authority = tmp_path / "authority.pem"
    authority.write_bytes(mailtrap.authority_pem)
    return Place(mailtrap.host, port, security, authority)


def assert_arrived(mailtrap: Mailtrap, place: Place, letter: Letter, sent: bytes) -> None:
    """Check that exactly this mail is there: bytes, envelope, encryption, and what people see of it."""
    message = mailtrap.wait_for(subject=letter.subject)
    assert mailtrap.messages == [message]
    assert message.raw == sent
    assert message.envelope.reverse_path == letter.reverse_path
    assert message.envelope.recipients == letter.recipients
    assert bool(message.tls) == (place.security != "plain")
    assert message.text.splitlines() == letter.text.splitlines()
    assert [attachment.data for attachment in message.attachments] == [letter.attachment]


def run(*command: str, environment: dict[str, str] | None = None) -> bytes:
    done = subprocess.run(
        command, check=False, capture_output=True, timeout=PATIENCE, env={**os.environ, **(environment or {})}
    )
    assert done.returncode == 0, f"{command}:\n{done.stdout.decode()}\n{done.stderr.decode()}"
    return done.stdout


def test_smtplib(mailtrap: Mailtrap, place: Place, letter: Letter) -> None:
    if place.security == "smtps":
        client: smtplib.SMTP = smtplib.SMTP_SSL(place.host, place.port, context=mailtrap.ssl_context())
    else:
        client = smtplib.SMTP(place.host, place.port)
    with client:
        if place.security == "starttls":
            client.starttls(context=mailtrap.ssl_context())
        client.sendmail(letter.reverse_path, letter.recipients, letter.raw)

    assert_arrived(mailtrap, place, letter, letter.raw)


def test_aiosmtplib(mailtrap: Mailtrap, place: Place, letter: Letter) -> None:
    async def send() -> None:
        client = aiosmtplib.SMTP(
            hostname=place.host,
            port=place.port,
            use_tls=place.security == "smtps",
            start_tls=place.security == "starttls",
            tls_context=mailtrap.ssl_context(),
        )
        async with client:
            await client.sendmail(letter.reverse_path, letter.recipients, letter.raw)
            transport = client.transport
        # Under TLS it takes both sides to close, and the loop ends before the other one has.
        if isinstance(transport, asyncio.WriteTransport):
            transport.abort()
        await turns()

    asyncio.run(send())

    assert_arrived(mailtrap, place, letter, letter.raw)


def test_curl(mailtrap: Mailtrap, place: Place, letter: Letter, tmp_path: Path, need: Need) -> None:
    (tmp_path / "letter.eml").write_bytes(letter.raw)
    scheme = "smtps" if place.security == "smtps" else "smtp"
    recipients = [flag for recipient in letter.recipients for flag in ("--mail-rcpt", recipient)]

    run(
        *(need("curl"), "--silent", "--show-error", "--cacert", str(place.authority)),
        *(["--ssl-reqd"] if place.security == "starttls" else []),
        *("--mail-from", letter.reverse_path, *recipients, "--upload-file", str(tmp_path / "letter.eml")),
        f"{scheme}://{place.host}:{place.port}/client.example",
    )

    assert_arrived(mailtrap, place, letter, letter.raw)


def test_swaks(mailtrap: Mailtrap, place: Place, letter: Letter, tmp_path: Path, need: Need) -> None:
    (tmp_path / "text").write_text(letter.text, encoding="utf-8")
    (tmp_path / "attachment").write_bytes(letter.attachment)
    tls = {"plain": [], "starttls": ["--tls"], "smtps": ["--tls-on-connect"]}[place.security]

    transcript = run(
        *(need("swaks"), "--server", place.host, "--port", str(place.port), "--helo", "client.example"),
        *([*tls, "--tls-verify", "--tls-ca-path", str(place.authority)] if tls else []),
        *("--from", letter.reverse_path, "--to", ",".join(letter.recipients)),
        *("--header", f"Subject: =?utf-8?B?{base64.b64encode(letter.subject.encode()).decode()}?="),
        *("--body", f"@{tmp_path / 'text'}", "--attach-name", "letter.bin", "--attach", f"@{tmp_path / 'attachment'}"),
    )

    assert_arrived(mailtrap, place, letter, sent_by_swaks(transcript))


def sent_by_swaks(transcript: bytes) -> bytes:
    """Take the mail out of what swaks says that it sent (in the clear ` -> `, over TLS ` ~> `), and its dots off."""
    lines = transcript.split(b"\n")
    start = next(number for number, line in enumerate(lines) if line[4:].startswith(b"354")) + 1
    said = [line[4:].removesuffix(b"\r") for line in lines[start:] if line[:4] in {b" -> ", b" ~> "}]
    return b"".join(line.removeprefix(b".") + b"\r\n" for line in said[: said.index(b".")])


@pytest.fixture(scope="session")
def node_modules(need: Need, missing: Missing, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Fetch nodemailer once."""
    need("node")
    folder = tmp_path_factory.mktemp("npm")
    command = [need("npm"), "install", "--no-save", "--no-audit", "--no-fund", "--prefix", str(folder), "nodemailer"]
    fetched = subprocess.run(command, check=False, capture_output=True, text=True, timeout=PATIENCE)
    if fetched.returncode != 0:
        missing(f"npm could not install nodemailer: {fetched.stderr.strip()}")
    return folder / "node_modules"


def test_nodemailer(mailtrap: Mailtrap, place: Place, letter: Letter, node_modules: Path, need: Need) -> None:
    mail = {
        "from": letter.reverse_path,
        "to": letter.recipients,
        "subject": letter.subject,
        "text": letter.text,
        "attachment": base64.b64encode(letter.attachment).decode(),
    }

    sent = run(
        *(need("node"), str(Path(__file__).with_name("nodemailer.js"))),
        *(place.host, str(place.port), place.security, str(place.authority), json.dumps(mail)),
        environment={"NODE_PATH": str(node_modules)},
    )

    assert_arrived(mailtrap, place, letter, sent)


@pytest.mark.parametrize("place", ["plain"], indirect=True)
def test_smtp_source(mailtrap: Mailtrap, place: Place, letter: Letter, tmp_path: Path, need: Need) -> None:
    (tmp_path / "letter.eml").write_bytes(letter.raw.replace(b"\r\n", b"\n"))  # it adds the CR

    run(
        *(need("smtp-source"), "-M", "client.example", "-f", letter.reverse_path, "-t", letter.recipients[0]),
        *("-r", "3", "-F", str(tmp_path / "letter.eml"), f"{place.host}:{place.port}"),
    )

    message = mailtrap.wait_for(subject=letter.subject)
    assert message.raw == letter.raw + b"\r\n"  # it ends every mail with an empty line
    assert message.envelope.reverse_path == letter.reverse_path
    # It makes more recipients of one by a number, and counts down.
    assert message.envelope.recipients == ("3bob@example.com", "2bob@example.com", "bob@example.com")
