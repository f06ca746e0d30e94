"""Asking a mail server what it says, step by step, and telling what is wrong. A client of its own, on the wire.

- `wire` is the connection: replies to the octet, with times and whatever is odd about them.
- `certificate` reads a server's certificate, `trust` judges it.
- `model` has the options and the steps.
- `steps` is the conversation, from the connection to QUIT, and the verdict on each step.
"""

from mailtrap_py.check.model import Options, Security, Status, Step
from mailtrap_py.check.steps import check

__all__ = ["Options", "Security", "Status", "Step", "check"]
