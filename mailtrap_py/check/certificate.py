"""What a server's certificate says: for whom it is, by whom, and until when."""

from __future__ import annotations

import datetime as dt
import ipaddress
import math
from dataclasses import dataclass

from cryptography import x509
from cryptography.x509.oid import NameOID

_DAY = 86_400.0


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate, as far as it matters to a client of mail. Times are in UTC."""

    subject: str
    issuer: str
    names: tuple[str, ...]
    begins: dt.datetime
    ends: dt.datetime

    @classmethod
    def read(cls, der: bytes) -> Certificate:
        """Read one in DER. Raises `ValueError`."""
        read = x509.load_der_x509_certificate(der)
        try:
            # RFC 6125, section 6.4.4: the common name counts only where there are no such names at all.
            alternative = read.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
            names = [*alternative.get_values_for_type(x509.DNSName)]
            names += [str(each) for each in alternative.get_values_for_type(x509.IPAddress)]
        except x509.ExtensionNotFound:
            names = [str(each.value) for each in read.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
        return cls(
            read.subject.rfc4514_string(),
            read.issuer.rfc4514_string(),
            tuple(names),
            read.not_valid_before_utc,
            read.not_valid_after_utc,
        )

    def days_left(self, now: dt.datetime) -> int:
        """Count the whole days until it ends; negative when it has ended."""
        return math.floor((self.ends - now).total_seconds() / _DAY)

    def fits(self, host: str) -> bool:
        """Say whether it is for this host: a name, of which a wildcard may stand for the first label, or an address."""
        try:
            address = ipaddress.ip_address(host)
        except ValueError:
            wanted = _labels(host)
            return any(_same(_labels(name), wanted) for name in self.names)
        return any(_address(name) == address for name in self.names)


def _labels(name: str) -> list[str]:
    try:
        ascii_name = name if name.isascii() else name.encode("idna").decode("ascii")
    except UnicodeError:
        ascii_name = name
    return ascii_name.casefold().rstrip(".").split(".")


def _same(pattern: list[str], wanted: list[str]) -> bool:
    """Compare labels. RFC 6125, section 6.4.3: the wildcard is the whole left-most label, and stands for one."""
    if pattern[0] == "*" and len(pattern) > 2:  # noqa: PLR2004 - not for a whole top-level domain
        return len(pattern) == len(wanted) and pattern[1:] == wanted[1:]
    return pattern == wanted


def _address(name: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(name)
    except ValueError:
        return None
