"""What a session offers in reply to EHLO, and what of it holds."""

from __future__ import annotations

from mailtrap_py.smtp.capabilities import Capabilities, keyword_of, size_limit
from mailtrap_py.smtp.service import AuthPolicy, TlsPolicy
from mailtrap_py.smtp.small import SmallCommands
from mailtrap_py.smtp.xclient import OFFER


class Offers(SmallCommands):
    """A session that has extensions."""

    _capabilities: Capabilities
    _honoured_under: tuple[str, int, list[str], int] | None
    _may_be_another: bool

    def _usual(self) -> list[str]:
        offered = [
            "PIPELINING",
            f"SIZE {self.service.max_message_size}",
            "8BITMIME",
            "SMTPUTF8",
            "ENHANCEDSTATUSCODES",
            "DSN",
            "CHUNKING",
            "BINARYMIME",
            f"LIMITS RCPTMAX={self.service.max_recipients}",
        ]
        if self._may_be_another:
            offered.append(OFFER)
        if self.service.tls is not None and not self.facts.tls_version:
            offered.append("STARTTLS")
        if self.service.auth is not AuthPolicy.OFF and not self.needs_tls:
            offered.append(f"AUTH {' '.join(self.service.mechanisms)}")
        return offered

    def _honoured(self) -> list[str]:
        return self._known()[2]

    def _known(self) -> tuple[str, int, list[str], int]:
        # Asked at every MAIL and every content; what they depend on changes hardly ever.
        tls, changes = self.facts.tls_version, self._capabilities.changes
        if self._honoured_under is None or self._honoured_under[:2] != (tls, changes):
            lines = self._capabilities.honoured(self._usual())
            self._honoured_under = tls, changes, lines, size_limit(lines, self.service.max_message_size)
        return self._honoured_under

    @property
    def needs_tls(self) -> bool:
        """Whether AUTH waits for TLS."""
        return self.service.require_tls is not TlsPolicy.OFF and not self.facts.tls_version

    def honours(self, keyword: str) -> bool:
        """Tell whether an extension holds."""
        return keyword in map(keyword_of, self._honoured())

    def size_limit(self) -> int:
        """Give the octets that a message may have."""
        return self._known()[3]
