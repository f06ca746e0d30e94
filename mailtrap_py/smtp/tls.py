"""Certificates: an authority of the trap's own, made when it is first needed, whose certificate clients can trust.

And the bad ones: for each way in which a certificate or a version can be wrong, a context that is wrong in that way
and right in all others, so that a client that refuses it refuses it for that reason.
"""

from __future__ import annotations

import datetime as dt
import ssl
import threading
import warnings
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from mailtrap_py.errors import SettingError

if TYPE_CHECKING:
    import trustme

_DAY = dt.timedelta(days=1)
_NAME = "name_asked_for"


class BadTls(StrEnum):
    """What can be wrong with the server's side of a handshake that does take place."""

    EXPIRED = "expired"
    NOT_YET_VALID = "not-yet-valid"
    WRONG_HOST = "wrong-host"
    SELF_SIGNED = "self-signed"
    UNTRUSTED = "untrusted"
    OLD_VERSION = "old-version"


class Authority:
    """Makes the server's TLS contexts: from its own authority, or from files that the user gave. Thread-safe."""

    def __init__(self, names: Sequence[str], *, certificate: str = "", key: str = "", client_ca: str = "") -> None:
        """Keep the names that the certificate is for; with a certificate file nothing is made until a bad one is.

        With a file of authorities, `client_ca`, clients are asked for a certificate of one of them.
        """
        self._names = tuple(dict.fromkeys(names))
        self._certificate, self._key = certificate, key
        self._client_ca = client_ca
        self._lock = threading.RLock()
        self._given = b""
        self._authority: trustme.CA | None = None
        self._contexts: dict[BadTls | None, ssl.SSLContext] = {}

    def check(self) -> None:
        """Read the files that the user gave, if any. Raises `SettingError` if they cannot be used."""
        if self._certificate or self._client_ca:
            self.context()

    @property
    def pem(self) -> bytes:
        """The certificate to trust, in PEM."""
        self.context()
        return self._given or self._own().cert_pem.bytes()

    def context(self, bad: BadTls | None = None) -> ssl.SSLContext:
        """Give the server's context, or one that is bad in a certain way; the same each time."""
        with self._lock:
            context = self._contexts.get(bad)
            if context is None:
                context = self._contexts[bad] = self._make(bad)
            return context

    def _own(self) -> trustme.CA:
        import trustme  # noqa: PLC0415 - slow to import; only who uses TLS pays for it

        with self._lock:
            if self._authority is None:
                self._authority = trustme.CA(organization_name="mailtrap_py")
            return self._authority

    def _make(self, bad: BadTls | None) -> ssl.SSLContext:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        if self._certificate and bad is None:
            self._load(context)
        elif bad is BadTls.SELF_SIGNED:
            _sign_itself(context, self._names)
        else:
            self._issue(bad).configure_cert(context)
        if self._client_ca:
            self._ask_for_certificates(context)
        if bad is BadTls.OLD_VERSION:
            _make_old(context)
        context.sni_callback = _remember_name
        return context

    def _ask_for_certificates(self, context: ssl.SSLContext) -> None:
        try:
            context.load_verify_locations(self._client_ca)
        except (OSError, ssl.SSLError) as error:
            raise SettingError(
                f"the authorities {self._client_ca} cannot be used: {error}",
                cure="give a PEM file of certificates with --tls-client-ca",
            ) from error
        context.verify_mode = ssl.CERT_OPTIONAL

    def _issue(self, bad: BadTls | None) -> trustme.LeafCert:
        import trustme  # noqa: PLC0415 - as above

        authority, names, now = self._own(), self._names, dt.datetime.now(dt.UTC)
        match bad:
            case BadTls.UNTRUSTED:
                authority = trustme.CA(organization_name="an authority that nobody trusts")
            case BadTls.WRONG_HOST:
                names = ("wrong-host.invalid",)
            case BadTls.EXPIRED:
                return authority.issue_cert(*names, common_name=names[0], not_after=now - _DAY)
            case BadTls.NOT_YET_VALID:
                return authority.issue_cert(*names, common_name=names[0], not_before=now + 30 * _DAY)
        return authority.issue_cert(*names, common_name=names[0])

    def _load(self, context: ssl.SSLContext) -> None:
        try:
            context.load_cert_chain(self._certificate, self._key or None)
            self._given = Path(self._certificate).read_bytes()
        except (OSError, ssl.SSLError) as error:
            raise SettingError(
                f"the certificate {self._certificate} cannot be used: {error}",
                cure="give a PEM file with --tls-cert, and its unencrypted private key with --tls-key",
            ) from error


def _remember_name(connection: ssl.SSLSocket | ssl.SSLObject, name: str | None, _: ssl.SSLContext) -> None:
    """Keep the name that the client asks a certificate for; the certificate is the same for all."""
    vars(connection)[_NAME] = name or ""


def name_asked_for(connection: ssl.SSLObject) -> str:
    """Give the name that the client asked a certificate for (SNI, RFC 6066, section 3); "" if it named none."""
    return str(vars(connection).get(_NAME, ""))


def _make_old(context: ssl.SSLContext) -> None:
    """Speak TLS 1.1 at most (RFC 8996 forbids it to everybody since 2021)."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # it is old on purpose
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")


def _sign_itself(context: ssl.SSLContext, names: Sequence[str]) -> None:
    """Load a certificate that is its own authority, and right in everything else."""
    import tempfile  # noqa: PLC0415 - for this one case

    import trustme  # noqa: PLC0415 - as above
    from cryptography import x509  # noqa: PLC0415 - comes with trustme
    from cryptography.hazmat.primitives import hashes, serialization  # noqa: PLC0415 - the same
    from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415 - the same

    template = x509.load_pem_x509_certificate(
        trustme.CA().issue_cert(*names, common_name=names[0]).cert_chain_pems[0].bytes()
    )
    key = ec.generate_private_key(ec.SECP256R1())
    builder = (
        x509.CertificateBuilder()
        .subject_name(template.subject)
        .issuer_name(template.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(template.not_valid_before_utc)
        .not_valid_after(template.not_valid_after_utc)
        .add_extension(template.extensions.get_extension_for_class(x509.SubjectAlternativeName).value, critical=False)
    )
    pem = builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM) + key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    with tempfile.TemporaryDirectory(prefix="mailtrap-") as folder:  # OpenSSL reads keys from files only
        file = Path(folder) / "self-signed.pem"
        file.touch(mode=0o600)
        file.write_bytes(pem)
        context.load_cert_chain(file)
