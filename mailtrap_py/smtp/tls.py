"""Certificates: an authority of the trap's own, made when it is first needed, whose certificate clients can trust."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Sequence
from pathlib import Path

from mailtrap_py.errors import SettingError


class Authority:
    """Makes the server's TLS context: from its own authority, or from files that the user gave. Thread-safe."""

    def __init__(self, names: Sequence[str], *, certificate: str = "", key: str = "") -> None:
        """Keep the names that the certificate is for; with a certificate file nothing is made."""
        self._names = tuple(dict.fromkeys(names))
        self._certificate, self._key = certificate, key
        self._lock = threading.Lock()
        self._pem = b""
        self._context: ssl.SSLContext | None = None

    def check(self) -> None:
        """Read the files that the user gave, if any. Raises `SettingError` if they cannot be used."""
        if self._certificate:
            self.context()

    @property
    def pem(self) -> bytes:
        """The certificate to trust, in PEM."""
        self.context()
        return self._pem

    def context(self) -> ssl.SSLContext:
        """Give the server's context, the same each time."""
        with self._lock:
            if self._context is None:
                context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
                if self._certificate:
                    self._load(context)
                else:
                    self._make(context)
                self._context = context
            return self._context

    def _load(self, context: ssl.SSLContext) -> None:
        try:
            context.load_cert_chain(self._certificate, self._key or None)
            self._pem = Path(self._certificate).read_bytes()
        except (OSError, ssl.SSLError) as error:
            raise SettingError(
                f"the certificate {self._certificate} cannot be used: {error}",
                cure="give a PEM file with --tls-cert, and its unencrypted private key with --tls-key",
            ) from error

    def _make(self, context: ssl.SSLContext) -> None:
        import trustme  # noqa: PLC0415 - slow to import; only who uses TLS pays for it

        authority = trustme.CA(organization_name="mailtrap_py")
        authority.issue_cert(*self._names, common_name=self._names[0]).configure_cert(context)
        self._pem = authority.cert_pem.bytes()
