from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
import trustme

from mailtrap_py.errors import SettingError
from mailtrap_py.smtp.tls import Authority, BadTls

NAMES = ("localhost", "127.0.0.1")
REASONS = {
    BadTls.EXPIRED: "certificate has expired",
    BadTls.NOT_YET_VALID: "certificate is not yet valid",
    BadTls.WRONG_HOST: "Hostname mismatch",
    BadTls.SELF_SIGNED: "self-signed certificate",
    BadTls.UNTRUSTED: "unable to get local issuer certificate",
    BadTls.OLD_VERSION: "PROTOCOL_VERSION",
}


def shake_hands(authority: Authority, bad: BadTls | None, trusted: bytes, name: str = "localhost") -> str:
    """Connect as a careful client does, and give the TLS version."""
    context = authority.context(bad)
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection, suppress(OSError), context.wrap_socket(connection, server_side=True) as secured:
                secured.unwrap()

        server = threading.Thread(target=serve)
        server.start()
        try:
            client = ssl.create_default_context(cadata=trusted.decode())
            with socket.create_connection(listener.getsockname()) as connection:
                secured = client.wrap_socket(connection, server_hostname=name)
                with secured:
                    return secured.version() or ""
        finally:
            server.join()


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_who_trusts_the_authority_likes_the_server(authority: Authority, name: str) -> None:
    assert shake_hands(authority, None, authority.pem, name) == "TLSv1.3"


@pytest.mark.parametrize("bad", BadTls)
def test_each_bad_one_is_refused_for_its_own_reason(authority: Authority, bad: BadTls) -> None:
    with pytest.raises(ssl.SSLError, match=REASONS[bad]):
        shake_hands(authority, bad, authority.pem)


@pytest.mark.parametrize("bad", [None, *BadTls])
def test_contexts_are_made_once(authority: Authority, bad: BadTls | None) -> None:
    assert authority.context(bad) is authority.context(bad)


@pytest.fixture
def files(tmp_path: Path) -> Callable[[str], Path]:
    authority = trustme.CA()
    leaf = authority.issue_cert("localhost")
    contents = {
        "authority": authority.cert_pem.bytes(),
        "cert": leaf.cert_chain_pems[0].bytes(),
        "key": leaf.private_key_pem.bytes(),
        "junk": b"junk",
    }

    def write(what: str) -> Path:
        path = tmp_path / f"{what}.pem"
        path.write_bytes(contents[what])
        return path

    return write


def test_a_given_certificate_is_used(files: Callable[[str], Path]) -> None:
    given = Authority(NAMES, certificate=str(files("cert")), key=str(files("key")))
    given.check()
    assert given.pem == files("cert").read_bytes()
    assert shake_hands(given, None, files("authority").read_bytes()) == "TLSv1.3"


def test_a_given_certificate_does_not_stand_in_the_way_of_bad_ones(files: Callable[[str], Path]) -> None:
    given = Authority(NAMES, certificate=str(files("cert")), key=str(files("key")))
    with pytest.raises(ssl.SSLError):
        shake_hands(given, BadTls.EXPIRED, files("authority").read_bytes())


def test_a_certificate_that_is_none_is_refused_before_anything_is_opened(files: Callable[[str], Path]) -> None:
    wrong = Authority(NAMES, certificate=str(files("junk")), key=str(files("key")))
    with pytest.raises(SettingError, match="cannot be used") as raised:
        wrong.check()
    assert "--tls-cert" in raised.value.cure


def test_nothing_is_made_before_it_is_needed() -> None:
    Authority(NAMES).check()


def test_clients_are_asked_for_a_certificate(tmp_path: Path) -> None:
    file = tmp_path / "authorities.pem"
    trustme.CA().cert_pem.write_to_path(file)

    assert Authority(NAMES, client_ca=str(file)).context().verify_mode is ssl.CERT_OPTIONAL
    assert Authority(NAMES).context().verify_mode is ssl.CERT_NONE


def test_authorities_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match=r"the authorities .* cannot be used") as refused:
        Authority(NAMES, client_ca=str(tmp_path / "missing.pem")).check()
    assert "--tls-client-ca" in refused.value.cure
