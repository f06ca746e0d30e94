"""What EHLO offers in a session, when a scenario bends it; and what is honoured, which is the same unless it lies."""

from __future__ import annotations

from collections.abc import Sequence

from mailtrap_py.scenario import Ehlo


def keyword_of(line: str) -> str:
    """Read the keyword of a line of an EHLO reply, in upper case (RFC 5321, section 4.1.1.1)."""
    return line.split(maxsplit=1)[0].upper() if line.split() else ""


class Capabilities:
    """The changes that a scenario has made so far. They last as long as the session, through STARTTLS too."""

    def __init__(self) -> None:
        """Begin with none."""
        self._changes: list[Ehlo] = []

    def bend(self, action: Ehlo) -> None:
        """Change what is offered from the next EHLO on."""
        self._changes.append(action)

    @property
    def changes(self) -> int:
        """How many changes there have been."""
        return len(self._changes)

    def offered(self, usual: Sequence[str]) -> list[str]:
        """Give the lines of the EHLO reply, `usual` being those of a server without a scenario."""
        return self._changed(usual, self._changes)

    def honoured(self, usual: Sequence[str]) -> list[str]:
        """Give the lines that hold: what is not offered is refused when it is used, unless that was a lie."""
        return self._changed(usual, [change for change in self._changes if not change.lie])

    def _changed(self, usual: Sequence[str], changes: Sequence[Ehlo]) -> list[str]:
        lines = list(usual)
        for change in changes:
            bent = change.ehlo
            if bent.set is not None:
                lines = list(bent.set)
                continue
            gone = {keyword.upper() for keyword in bent.remove} | {keyword_of(line) for line in bent.add}
            lines = [line for line in lines if keyword_of(line) not in gone]
            lines += bent.add
        return lines


def size_limit(lines: Sequence[str], limit: int) -> int:
    """Give the size that the lines declare (RFC 1870, section 4), else `limit`; 0 declares none."""
    for line in lines:
        words = line.split()
        if words[:1] and words[0].upper() == "SIZE" and len(words) > 1 and words[1].isdecimal():
            return int(words[1]) or limit
    return limit
