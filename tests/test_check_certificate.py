"""What a certificate says, and for whom it is."""

from __future__ import annotations

import datetime as dt
import ssl

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from mailtrap_py.check.certificate import Certificate

NOW = dt.datetime(2026, 11, 21, tzinfo=dt.UTC)


def read(*names: str, ends: dt.datetime | None = None) -> Certificate:
    issued = trustme.CA().issue_cert(*names, common_name="the server", not_after=ends)
    return Certificate.read(ssl.PEM_cert_to_DER_cert(issued.cert_chain_pems[0].bytes().decode()))


def test_a_certificate_is_read() -> None:
    certificate = read("mx.example.com", "192.0.2.1", ends=NOW + dt.timedelta(days=20, hours=5))

    assert certificate.names == ("mx.example.com", "192.0.2.1")
    assert "CN=the server" in certificate.subject
    assert "trustme" in certificate.issuer
    assert certificate.days_left(NOW) == 20
    assert certificate.days_left(NOW + dt.timedelta(days=21)) == -1


def test_without_names_the_common_name_counts() -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "old.example.com")])
    built = x509.CertificateBuilder(
        name, name, key.public_key(), 1, NOW.replace(tzinfo=None), NOW.replace(year=2027, tzinfo=None)
    ).sign(key, hashes.SHA256())
    certificate = Certificate.read(built.public_bytes(serialization.Encoding.DER))

    assert certificate.names == ("old.example.com",)
    assert certificate.fits("OLD.example.com")


def test_what_is_no_certificate_is_refused() -> None:
    with pytest.raises(ValueError, match="parsing"):
        Certificate.read(b"no certificate")


@pytest.mark.parametrize(
    ("names", "host", "fits"),
    [
        (["mx.example.com"], "mx.example.com", True),
        (["mx.example.com"], "MX.Example.COM.", True),
        (["mx.example.com"], "example.com", False),
        (["*.example.com"], "mx.example.com", True),
        (["*.example.com"], "a.mx.example.com", False),
        (["*.example.com"], "example.com", False),
        (["*.com"], "example.com", False),
        (["xn--bcher-kva.example"], "bücher.example", True),
        (["127.0.0.1"], "127.0.0.1", True),
        (["mx.example.com"], "127.0.0.1", False),
        (["::1"], "0:0:0:0:0:0:0:1", True),
        (["mx.example.com"], "mx..example", False),
        (["mx.example.com"], "bü..example", False),
    ],
)
def test_for_whom_it_is(names: list[str], host: str, fits: bool) -> None:  # noqa: FBT001 - a column of a table
    assert read(*names).fits(host) is fits
