"""What can go wrong outside this program, as three errors: each has an owner, and each says what the owner can do.

An error of our own making is a bug and stays a plain exception. These three are for people: the message says what is
wrong and where, `cure` says what to write or do instead.
"""

from __future__ import annotations


class MailtrapError(Exception):
    """The root of the three; catch it to catch them all."""

    def __init__(self, problem: str, *, cure: str = "") -> None:
        """Keep the problem, and its cure when there is one."""
        super().__init__(f"{problem}\n{cure}" if cure else problem)
        self.problem = problem
        self.cure = cure


class SettingError(MailtrapError):
    """Owner: whoever started the trap. A flag, a variable, a port or a file that cannot be used."""


class ScenarioError(MailtrapError):
    """Owner: whoever wrote the scenario. `where` is `file:line:column`, as far as it is known."""

    def __init__(self, problem: str, *, where: str = "", cure: str = "") -> None:
        """Put the place in front of the problem, as compilers do."""
        super().__init__(f"{where}: {problem}" if where else problem, cure=cure)
        self.where = where


class UpstreamError(MailtrapError):
    """Owner: whoever runs the real server behind the proxy. It is absent, slow, or broke off."""
