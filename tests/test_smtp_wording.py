"""What a normal reply means."""

from __future__ import annotations

import pytest

from mailtrap_py.events import Reply
from mailtrap_py.scenario.persona import Meaning
from mailtrap_py.smtp import refusals
from mailtrap_py.smtp.wording import meaning_of


@pytest.mark.parametrize(
    ("reply", "verb", "meaning"),
    [
        (Reply(220, "", ("mx ESMTP mailtrap_py",)), "", Meaning.GREETING),
        (Reply(250, "2.1.0", ("Ok",)), "MAIL", Meaning.MAIL),
        (Reply(250, "2.0.0", ("Ok",)), "RSET", Meaning.RSET),
        (Reply(250, "2.0.0", ("Ok",)), "NOOP", Meaning.NOOP),
        (Reply(250, "2.0.0", ("Ok: queued as 1",)), "DATA", Meaning.QUEUED),
        (Reply(250, "2.0.0", ("Ok: queued as 1",)), "BDAT", Meaning.QUEUED),
        (refusals.NEED_MAIL, "RCPT", Meaning.NEED_MAIL),
        (refusals.NEED_MAIL, "DATA", Meaning.DATA_BEFORE_MAIL),
        (refusals.UNKNOWN_COMMAND, "FOO", Meaning.UNKNOWN_COMMAND),
        (refusals.too_big(3), "MAIL", Meaning.MESSAGE_TOO_BIG),
        (refusals.too_big(3), "DATA", Meaning.CONTENT_TOO_BIG),
        (refusals.unsupported("X"), "RCPT", Meaning.UNSUPPORTED_PARAMETER),
        (refusals.syntax_error("EHLO hostname"), "EHLO", Meaning.HELLO_SYNTAX),
        (refusals.syntax_error("RSET"), "RSET", Meaning.SYNTAX),
        (Reply(421, "4.4.2", ("mx Error: timeout exceeded",)), "MAIL", Meaning.TIMEOUT),
        (Reply(334, "", ("VXNlcm5hbWU6",)), "AUTH", None),
        (Reply(421, "4.3.0", ("mx Internal error",)), "MAIL", None),
    ],
)
def test_it_is_known_by_its_value(reply: Reply, verb: str, meaning: Meaning | None) -> None:
    assert meaning_of(reply, verb) is meaning
