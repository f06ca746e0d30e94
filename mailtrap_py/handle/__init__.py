"""The handle: what a test holds in its hand, and the pytest fixture gives.

    with Mailtrap() as mailtrap:
        send_welcome_mail(mailtrap.host, mailtrap.port)
        message = mailtrap.wait_for(to="bob@example.com")

    mailtrap      the handle itself
    home          where the server is: what a handle asks of it
    local         a trap on a thread of this process
    remote        a server behind a URL; with remote_record, http and answers (JSON read back)
    waiting       which message is meant, and the words for a wait in vain; asynchronous: the same with `await`
    rules limits  what goes wrong, in Python; faults: sequences, barriers, outages; playing: a scenario; clock: its time
    expecting     what the client is to do; evidence: what it did
    pages choice  lists read to their end; scenarios chosen from the library

Every method may be called from any thread. Nothing polls for mail: waits end when the record announces it.
"""

from mailtrap_py.captured import Message, Session, Transactions
from mailtrap_py.handle.choice import select
from mailtrap_py.handle.expecting import ExpectationError
from mailtrap_py.handle.faults import Barrier, Outage, Turns
from mailtrap_py.handle.limits import Limits
from mailtrap_py.handle.mailtrap import PRIVATE, Mailtrap
from mailtrap_py.handle.playing import Playing
from mailtrap_py.handle.rules import Rule
from mailtrap_py.handle.waiting import NotReceivedError, UnexpectedMessageError, Wanted

__all__ = [
    "PRIVATE",
    "Barrier",
    "ExpectationError",
    "Limits",
    "Mailtrap",
    "Message",
    "NotReceivedError",
    "Outage",
    "Playing",
    "Rule",
    "Session",
    "Transactions",
    "Turns",
    "UnexpectedMessageError",
    "Wanted",
    "select",
]
