"""Whether a server can be trusted, in words."""

from __future__ import annotations

import datetime as dt
import socket
import ssl
from pathlib import Path

import pytest
import trustme

from mailtrap_py.check.model import Options, Security, Status
from mailtrap_py.check.trust import context, judged, no_tls
from mailtrap_py.errors import SettingError

NOW = dt.datetime.now(dt.UTC)
DAY = dt.timedelta(days=1)


def der(*names: str, begins: dt.datetime | None = None, ends: dt.datetime | None = None) -> bytes:
    issued = trustme.CA().issue_cert(*names, not_before=begins, not_after=ends)
    return ssl.PEM_cert_to_DER_cert(issued.cert_chain_pems[0].bytes().decode())


def test_a_good_certificate() -> None:
    step = judged(der("mx.example.com", ends=NOW + 60.5 * DAY), "mx.example.com", "", insecure=False)

    assert (step.status, step.verdict) == (Status.OK, "trusted, for mx.example.com, 60 days left")
    assert step.facts["trust"] == "yes"
    assert step.facts["name"] == "mx.example.com: matches"
    assert step.facts["valid"].endswith("(60 days left)")


def test_one_that_ends_soon_is_worth_a_note() -> None:
    step = judged(der("mx.example.com", ends=NOW + 1.5 * DAY), "mx.example.com", "", insecure=False)

    assert (step.status, step.verdict) == (Status.NOTE, "trusted, for mx.example.com, 1 day left")


@pytest.mark.parametrize(
    ("begins", "ends", "host", "distrust", "verdict"),
    [
        (None, NOW - DAY, "mx.example.com", "certificate has expired", f"expired on {NOW - DAY:%Y-%m-%d}"),
        (NOW + DAY, None, "mx.example.com", "not yet valid", f"not valid until {NOW + DAY:%Y-%m-%d}"),
        (None, None, "mx.example.com", "self-signed certificate", "not trusted: self-signed certificate"),
        (None, None, "other.example", "", "not for other.example, but for mx.example.com"),
        (None, None, "other.example", "x", "not trusted: x; not for other.example, but for mx.example.com"),
    ],
)
def test_a_bad_certificate_fails_unless_it_is_to_be_taken(
    begins: dt.datetime | None, ends: dt.datetime | None, host: str, distrust: str, verdict: str
) -> None:
    bad = der("mx.example.com", begins=begins, ends=ends)
    for insecure, status in ((False, Status.FAILED), (True, Status.NOTE)):
        step = judged(bad, host, distrust, insecure=insecure)
        assert (step.status, step.verdict) == (status, verdict)
        assert "--ca-file" in step.do
        assert ("--insecure" in step.do) is not insecure


def test_names_in_a_certificate_do_nothing_to_a_terminal() -> None:
    issued = trustme.CA().issue_cert("mx.example.com", common_name="evil\x1b[2J")
    evil = ssl.PEM_cert_to_DER_cert(issued.cert_chain_pems[0].bytes().decode())

    assert "evil\\x1b[2J" in judged(evil, "mx.example.com", "", insecure=False).facts["subject"]


def test_what_is_no_certificate_fails() -> None:
    step = judged(b"", "mx.example.com", "", insecure=True)

    assert step.status is Status.FAILED
    assert step.verdict.startswith("it cannot be read")


def test_the_context_verifies_the_chain_and_leaves_the_name_to_us(tmp_path: Path) -> None:
    authority = tmp_path / "authority.pem"
    trustme.CA().cert_pem.write_to_path(str(authority))
    strict, open_to_all = context(str(authority), verify=True), context("", verify=False)

    assert (strict.verify_mode, open_to_all.verify_mode) == (ssl.CERT_REQUIRED, ssl.CERT_NONE)
    assert len(strict.get_ca_certs()) == 1
    assert not strict.check_hostname


@pytest.mark.parametrize("content", ["", "no certificate"])
def test_a_file_that_has_no_authorities_is_refused(tmp_path: Path, content: str) -> None:
    file = tmp_path / "authority.pem"
    if content:
        file.write_text(content)
    with pytest.raises(SettingError, match="cannot be read"):
        context(str(file), verify=True)


def _alert(reason: str) -> ssl.SSLError:
    error = ssl.SSLError(1, reason)
    error.reason = reason
    return error


@pytest.mark.parametrize(
    ("error", "verdict", "do"),
    [
        (_alert("WRONG_VERSION_NUMBER"), "the server does not speak TLS here", "Use --tls starttls"),
        (_alert("TLSV1_ALERT_PROTOCOL_VERSION"), "the server speaks only TLS before 1.2", "Let it speak TLS 1.2"),
        (_alert("HANDSHAKE_FAILURE"), "the handshake failed: handshake failure", "log"),
        (ssl.SSLEOFError(8, "EOF occurred"), "the server ended the connection in the handshake", "log"),
        (ConnectionResetError(104, "reset"), "the server ended the connection in the handshake", "log"),
        (TimeoutError("timed out"), "the handshake was not done within 10 s", "log"),
        (OSError(5, "Input/output error"), "the handshake failed: [Errno 5] Input/output error", "log"),
    ],
)
def test_why_there_is_no_tls(error: OSError, verdict: str, do: str) -> None:
    said, advice = no_tls(error, Options(host="mx.example.com"))

    assert said.startswith(verdict)
    assert do in advice


def test_who_asked_for_starttls_is_not_told_to_use_it() -> None:
    assert no_tls(_alert("WRONG_VERSION_NUMBER"), Options(host="x", tls=Security.STARTTLS))[1] == ""


def test_a_real_handshake_with_who_speaks_in_the_clear_is_recognized() -> None:
    near, far = socket.socketpair()
    with near, far:
        far.sendall(b"220 mx.example.com ESMTP\r\n")
        with pytest.raises(ssl.SSLError) as failed:
            context("", verify=False).wrap_socket(near, server_hostname="mx.example.com")

    assert no_tls(failed.value, Options(host="mx.example.com"))[0] == "the server does not speak TLS here"
