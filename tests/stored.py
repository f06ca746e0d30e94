"""One of each event that a record is filled with: tests change what they are about."""

from __future__ import annotations

from mailtrap_py.events import Ending, Line, Message, Recipient, Reply, SessionEnded, SessionStarted, Source

STARTED = SessionStarted(
    id="s", inbox="default", number=1, at=1.0, clock=1.0, client="::1", client_port=9, port=1025, protocol="smtp"
)
LINE = Line(session_id="s", number=1, at=1.0, clock=1.0, source=Source.CLIENT, data=b"NOOP\r\n")
MESSAGE = Message(
    id="m",
    inbox="default",
    session_id="s",
    transaction_id="t",
    at=1.0,
    clock=1.0,
    reverse_path="ann@example.com",
    parameters={},
    recipients=(Recipient(address="bob@example.net", reply=Reply(250)),),
    raw=b"Subject: Hello\r\n\r\n",
    client="::1",
    helo="",
    tls_version="",
    user="",
)
ENDED = SessionEnded(id="s", inbox="default", at=2.0, clock=2.0, ending=Ending.QUIT)
