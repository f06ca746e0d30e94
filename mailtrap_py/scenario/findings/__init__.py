"""What every session shows of its client, without a scenario: findings, each with a level and an RFC section.

    kinds      what a finding is
    talk       a session's conversation, with what was known when each command was sent
    order      beginning and end, pipelining, order of commands
    syntax     how commands are written
    privacy    TLS and credentials
    content    the octets of a message, and its header section
    habits     several attempts together
    lint       all of them, over a run

A new kind is one function under `@kind` in the file of its subject, and its two conversations in the tests.
"""

from mailtrap_py.scenario.findings.kinds import Finding, Level
from mailtrap_py.scenario.findings.lint import KINDS, findings

__all__ = ["KINDS", "Finding", "Level", "findings"]
