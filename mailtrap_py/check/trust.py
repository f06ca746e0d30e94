"""Whether a server can be trusted: the TLS contexts of a client, and the verdicts on handshakes and certificates."""

from __future__ import annotations

import datetime as dt
import ssl

from mailtrap_py.check.certificate import Certificate
from mailtrap_py.check.model import Options, Security, Status, Step
from mailtrap_py.check.wire import readable
from mailtrap_py.errors import SettingError

_SOON = 14  # days before its end at which a certificate is worth a word


def context(ca_file: str, *, verify: bool) -> ssl.SSLContext:
    """Make the context of a client, which trusts the authorities in a file, or the system's. Raises `SettingError`."""
    try:
        made = ssl.create_default_context(cafile=ca_file or None)
    except (OSError, ssl.SSLError) as error:
        raise SettingError(
            f"the authorities in {ca_file} cannot be read: {error}", cure="give a file of certificates in PEM"
        ) from None
    made.check_hostname = False  # the name is judged apart from the trust, so that each gets its own words
    made.verify_mode = ssl.CERT_REQUIRED if verify else ssl.CERT_NONE
    return made


def no_tls(error: OSError, options: Options) -> tuple[str, str]:
    """Say why there is no TLS, and what to do."""
    reason = (getattr(error, "reason", "") or "") if isinstance(error, ssl.SSLError) else ""
    if reason in {"WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "PACKET_LENGTH_TOO_LONG", "HTTP_REQUEST"}:
        do = "Use --tls starttls on this port." if options.tls is not Security.STARTTLS else ""
        return "the server does not speak TLS here", do
    if "PROTOCOL" in reason or reason == "NO_CIPHERS_AVAILABLE":
        return "the server speaks only TLS before 1.2, or a version that nobody knows", "Let it speak TLS 1.2 or 1.3."
    if isinstance(error, TimeoutError):
        return f"the handshake was not done within {options.timeout:g} s", "Look at the server's log."
    if isinstance(error, ssl.SSLEOFError | ConnectionError):
        return "the server ended the connection in the handshake", "Look at the server's log."
    return f"the handshake failed: {reason.lower().replace('_', ' ') or error}", "Look at the server's log."


def judged(der: bytes, name: str, distrust: str, *, insecure: bool) -> Step:
    """Judge a certificate; `distrust` is why the chain was not trusted, empty when it was."""
    try:
        found = Certificate.read(der)
    except ValueError as error:
        return Step(name="certificate", status=Status.FAILED, verdict=f"it cannot be read: {error}")
    now = dt.datetime.now(dt.UTC)
    left = found.days_left(now)
    wrong = []
    if now < found.begins:
        wrong.append(f"not valid until {found.begins:%Y-%m-%d}")
    elif now > found.ends:
        wrong.append(f"expired on {found.ends:%Y-%m-%d}")
    elif distrust:
        wrong.append(f"not trusted: {distrust}")
    if not found.fits(name):
        wrong.append(f"not for {name}, but for {_shown(', '.join(found.names)) or 'nobody'}")
    status = Status.OK if left >= _SOON else Status.NOTE
    do = ""
    if wrong:
        status = Status.NOTE if insecure else Status.FAILED
        do = "Give the server a good one, or name its authority by --ca-file."
        do = do if insecure else f"{do} To go on all the same, say --insecure."
    remaining = f"{left} day{'' if left == 1 else 's'} left"
    return Step(
        name="certificate",
        status=status,
        verdict="; ".join(wrong) or f"trusted, for {name}, {remaining}",
        do=do,
        facts={
            "subject": _shown(found.subject),
            "names": _shown(", ".join(found.names)),
            "issuer": _shown(found.issuer),
            "valid": f"{found.begins:%Y-%m-%d} to {found.ends:%Y-%m-%d} ({remaining})",
            "name": f"{name}: {'matches' if found.fits(name) else 'does not match'}",
            "trust": distrust or "yes",
        },
    )


def _shown(name: str) -> str:
    """Show a name out of a certificate, which anybody may have written."""
    return readable(name.encode("utf-8", "surrogatepass"))
