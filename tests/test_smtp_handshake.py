"""Handshakes that go wrong, as a client meets them: on the port with implicit TLS, and after STARTTLS."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import trustme

from mailtrap_py import Mailtrap, Settings
from mailtrap_py.scenario import TlsFault
from mailtrap_py.smtp.handshake import GARBAGE, INJECTED
from mailtrap_py.smtp.tls import Authority, BadTls
from tests import homes
from tests.connected import PATIENCE, house, looped, until

READY = b"220 2.0.0 Ready to start TLS\r\n"
REASONS = {
    BadTls.EXPIRED: "certificate has expired",
    BadTls.NOT_YET_VALID: "certificate is not yet valid",
    BadTls.WRONG_HOST: "Hostname mismatch",
    BadTls.SELF_SIGNED: "self-signed certificate",
    BadTls.UNTRUSTED: "unable to get local issuer certificate",
    BadTls.OLD_VERSION: "PROTOCOL_VERSION",  # its alert, not only the end of the connection
}


@pytest.fixture(scope="module")
def server() -> Iterator[Mailtrap]:
    with Mailtrap() as mailtrap:
        yield mailtrap


@pytest.fixture
def trap(server: Mailtrap) -> Mailtrap:
    server.reset()
    return server


@contextmanager
def before_the_handshake(trap: Mailtrap, *, implicit: bool) -> Iterator[socket.socket]:
    """Connect, up to where TLS begins."""
    port = trap.smtps_port if implicit else trap.port
    with socket.create_connection(("127.0.0.1", port or 0), timeout=30) as client:
        if not implicit:
            assert client.recv(1000).startswith(b"220 ")
            client.sendall(b"EHLO c\r\n")
            client.recv(1000)
            client.sendall(b"STARTTLS\r\n")
            assert client.recv(len(READY)) == READY
        yield client


@pytest.mark.parametrize("implicit", [True, False])
@pytest.mark.parametrize("fault", list(BadTls))
def test_bad_certificates_and_old_versions(trap: Mailtrap, fault: BadTls, *, implicit: bool) -> None:
    rule = trap.fail("tls", {"tls": fault.value})
    with before_the_handshake(trap, implicit=implicit) as client, pytest.raises(ssl.SSLError, match=REASONS[fault]):
        trap.ssl_context().wrap_socket(client, server_hostname="localhost")
    assert rule.fired == 1


@pytest.mark.parametrize("implicit", [True, False])
def test_dropped(trap: Mailtrap, *, implicit: bool) -> None:
    trap.fail("tls", {"tls": "drop"})
    with before_the_handshake(trap, implicit=implicit) as client:
        assert client.recv(1000) == b""


@pytest.mark.parametrize("implicit", [True, False])
def test_garbage(trap: Mailtrap, *, implicit: bool) -> None:
    trap.fail("tls", {"tls": "garbage"})
    with before_the_handshake(trap, implicit=implicit) as client:
        assert client.recv(1000) == GARBAGE
        assert client.recv(1000) == b""


@pytest.mark.parametrize("implicit", [True, False])
def test_silence_until_the_client_leaves(trap: Mailtrap, *, implicit: bool) -> None:
    trap.fail("tls", {"tls": "stall"})
    with before_the_handshake(trap, implicit=implicit) as client:
        client.settimeout(0.05)
        with pytest.raises(TimeoutError):
            trap.ssl_context().wrap_socket(client, server_hostname="localhost")
    assert trap.sessions[-1].lines[-1].data == b"says nothing in place of a TLS handshake"


def test_a_rule_at_starttls_says_how_the_handshake_goes(trap: Mailtrap) -> None:
    trap.fail("starttls", {"tls": "wrong-host"})
    refused = pytest.raises(ssl.SSLError, match="Hostname mismatch")
    with before_the_handshake(trap, implicit=False) as client, refused:
        trap.ssl_context().wrap_socket(client, server_hostname="localhost")


def test_plaintext_behind_the_220(trap: Mailtrap) -> None:
    trap.fail("starttls", {"tls": "inject"})
    with socket.create_connection(("127.0.0.1", trap.port), timeout=30) as client:
        client.recv(1000)
        client.sendall(b"EHLO c\r\n")
        client.recv(1000)
        client.sendall(b"STARTTLS\r\n")
        assert client.recv(1000) == READY + INJECTED
        with trap.ssl_context().wrap_socket(client, server_hostname="localhost") as secured:
            secured.sendall(b"NOOP\r\n")
            assert secured.recv(1000) == b"250 2.0.0 Ok\r\n"


def test_every_fault_is_carried_out() -> None:
    tried = {*(bad.value for bad in BadTls), "drop", "garbage", "stall", "inject"}
    assert tried == {fault.value for fault in TlsFault}


@pytest.mark.parametrize("implicit", [True, False])
def test_an_old_client_gets_on_with_an_old_server(trap: Mailtrap, *, implicit: bool) -> None:
    trap.fail("tls", {"tls": "old-version"})
    context = trap.ssl_context()
    with pytest.warns(DeprecationWarning, match="TLSv1_1 is deprecated"):
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    with (
        before_the_handshake(trap, implicit=implicit) as client,
        context.wrap_socket(client, server_hostname="localhost") as secured,
    ):
        assert secured.version() == "TLSv1.1"
        if implicit:
            assert secured.recv(1000).startswith(b"220 ")
        secured.sendall(b"NOOP\r\n")
        assert secured.recv(1000) == b"250 2.0.0 Ok\r\n"


def test_an_old_server_that_hears_nothing_like_tls(trap: Mailtrap) -> None:
    trap.fail("tls", {"tls": "old-version"})
    with before_the_handshake(trap, implicit=True) as client:
        client.sendall(b"EHLO client.example\r\n")
        assert client.recv(1000) == b""
    assert trap.sessions[-1].lines[-1].data.startswith(b"TLS handshake failed")


@pytest.mark.parametrize("implicit", [True, False])
def test_a_rule_knows_the_name_before_the_handshake(trap: Mailtrap, *, implicit: bool) -> None:
    rule = trap.fail("tls", {"tls": "expired"}, sni="*.example")
    for name, refused in (("mail.example", True), ("localhost", False)):
        with before_the_handshake(trap, implicit=implicit) as client:
            context = trap.ssl_context()
            context.check_hostname = False  # the certificate is for another name; it is the time that is looked at
            handshake = context.wrap_socket
            if refused:
                with pytest.raises(ssl.SSLCertVerificationError, match="has expired"):
                    handshake(client, server_hostname=name)
            else:
                handshake(client, server_hostname=name).close()
    assert (rule.fired, rule.nearest_miss) == (1, "")


@pytest.mark.parametrize("implicit", [True, False])
@pytest.mark.parametrize("asked_first", [True, False])
def test_a_rule_knows_the_name_after_the_handshake(trap: Mailtrap, *, implicit: bool, asked_first: bool) -> None:
    if asked_first:
        trap.fail("tls", {"note": "never"}, sni="another")
    rule = trap.fail("ehlo", "550 5.7.1 Not under this name", sni="localhost")
    with (
        before_the_handshake(trap, implicit=implicit) as client,
        trap.ssl_context().wrap_socket(client, server_hostname="localhost") as secured,
    ):
        if implicit:
            secured.recv(1000)
        secured.sendall(b"EHLO c\r\n")
        assert secured.recv(1000) == b"550 5.7.1 Not under this name\r\n"
    assert rule.fired == 1
    with socket.create_connection(("127.0.0.1", trap.port), timeout=30) as plain:
        plain.recv(1000)
        plain.sendall(b"EHLO c\r\n")
        assert plain.recv(1000).startswith(b"250-")  # there is no name without TLS


def test_a_client_that_says_nothing_while_its_name_is_awaited(trap: Mailtrap) -> None:
    trap.fail("tls", {"tls": "drop"}, sni="mail.example")
    with before_the_handshake(trap, implicit=True):
        pass
    with before_the_handshake(trap, implicit=True) as client:
        client.sendall(b"EHLO client.example\r\n")  # not TLS, so the handshake says what is wrong
        client.recv(1000)
    assert trap.home.settle(PATIENCE)  # asyncio has sent its alert before anybody else knows that it failed
    said = [line.data for session in trap.sessions for line in session.lines]
    assert [line.startswith(b"TLS handshake failed") for line in said] == [True]


def test_a_client_that_says_nothing_for_too_long(trap: Mailtrap, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mailtrap_py.smtp.handshake.LIMIT", 0.01)
    trap.fail("tls", {"tls": "drop"}, sni="mail.example")
    with before_the_handshake(trap, implicit=True) as client:
        assert client.recv(1000) == b""
    assert trap.sessions[-1].lines[-1].data == b"the client began no TLS handshake"


@pytest.mark.parametrize("doing", [{"stall": {"max": "10m"}}, {"close": "half"}])
def test_a_client_that_leaves_while_a_rule_waits(trap: Mailtrap, doing: dict[str, object]) -> None:
    rule = trap.fail("tls", doing)
    with before_the_handshake(trap, implicit=True) as client:
        client.sendall(b"\x16")
        homes.until(lambda: rule.fired)
    homes.until(lambda: trap.sessions[0].ending)


@pytest.mark.parametrize("implicit", [True, False])
@pytest.mark.parametrize("shown", [True, False])
def test_a_clients_certificate_is_written_down(tmp_path: Path, *, implicit: bool, shown: bool) -> None:
    authority = trustme.CA(organization_name="clients")
    authority.cert_pem.write_to_path(tmp_path / "authority.pem")
    certificate = authority.issue_cert("ann@example.com", common_name="ann")
    settings = Settings(
        host=("127.0.0.1",), smtp_port=0, smtps_port=0, http_port=None, tls_client_ca=str(tmp_path / "authority.pem")
    )
    with Mailtrap(settings) as mailtrap:
        context = mailtrap.ssl_context()
        if shown:
            certificate.configure_cert(context)
        with before_the_handshake(mailtrap, implicit=implicit) as client:
            secured = context.wrap_socket(client, server_hostname="localhost")
            secured.sendall(b"EHLO c\r\nQUIT\r\n")
            while secured.recv(1000):
                pass
            secured.close()
        notes = [line.data.decode() for line in mailtrap.sessions[0].lines if line.source == "note"]

    named = [note for note in notes if "certificate" in note]
    assert ["CN=ann" in note for note in named] == [True] * shown, notes


@looped
async def test_the_way_out_is_kept_open_in_clear_only() -> None:
    async with house(tls=Authority(("localhost",)).context) as home:
        client = await home.greeted(hello="EHLO c")
        [session] = home.server._sessions  # noqa: SLF001 - it is asked as asyncio asks it
        assert (await client.ask("STARTTLS")).startswith("220")
        await until(lambda: session.goes_under_tls)
        assert session.facts.tls_version == ""  # who refuses the certificate may leave before it is known
        assert session.eof_received() is False

        await home.greeted()
        [other] = home.server._sessions - {session}  # noqa: SLF001 - as above
        assert other.eof_received() is True
