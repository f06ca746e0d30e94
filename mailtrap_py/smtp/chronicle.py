"""A session's own facts, written to the record as they become known: who came, which rules acted, how it ended."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from mailtrap_py.events import ClientKnown, Ending, Firing, Point, Record, SessionEnded, SessionStarted, SessionUpdated
from mailtrap_py.ids import new_id
from mailtrap_py.inbox import Inbox
from mailtrap_py.scenario import Decision
from mailtrap_py.smtp.service import Port


@dataclass(slots=True, kw_only=True)
class Chronicle:
    """What is known of a session. Change a field, then call `updated`."""

    record: Record
    inbox: Inbox
    port: Port
    id: str = field(default_factory=new_id)
    number: int = 0
    client: str = ""
    client_port: int = 0
    tls_version: str = ""
    tls_cipher: str = ""
    sni: str = ""
    helo: str = ""
    esmtp: bool = False
    user: str = ""
    mechanism: str = ""

    def started(self, peer: tuple[str, int], upstream: str) -> None:
        """Write down who connected, and number the session."""
        self.client, self.client_port = str(peer[0]), int(peer[1])
        self.number = self.inbox.enter()
        self.record.add(
            SessionStarted(
                id=self.id,
                inbox=self.inbox.name,
                number=self.number,
                at=time.time(),
                clock=self.inbox.clock.now(),
                client=self.client,
                client_port=self.client_port,
                port=self.port.number,
                protocol=self.port.protocol,
                upstream=upstream,
            )
        )

    def updated(self) -> None:
        """Write down what has become known."""
        self.record.add(
            SessionUpdated(
                id=self.id,
                inbox=self.inbox.name,
                helo=self.helo,
                esmtp=self.esmtp,
                tls_version=self.tls_version,
                tls_cipher=self.tls_cipher,
                user=self.user,
                mechanism=self.mechanism,
            )
        )

    def client_known(self) -> None:
        """Write down who the client really is."""
        self.record.add(
            ClientKnown(id=self.id, inbox=self.inbox.name, client=self.client, client_port=self.client_port)
        )

    def fired(self, point: Point, decision: Decision, transaction_id: str) -> None:
        """Write down that a rule acts."""
        self.record.add(
            Firing(
                session_id=self.id,
                transaction_id=transaction_id,
                inbox=self.inbox.name,
                at=time.time(),
                clock=self.inbox.clock.now(),
                point=point,
                rule=decision.rule,
                number=decision.number,
                actions=tuple(action.describe() for action in decision.actions),
            )
        )

    def move(self, inbox: Inbox) -> None:
        """Go on in another inbox, under the number the session has."""
        if inbox is not self.inbox:
            self.inbox.leave()
            self.inbox = inbox
            self.inbox.open_sessions += 1

    def ended(self, ending: Ending, reason: str) -> None:
        """Write down the end."""
        self.record.add(
            SessionEnded(
                id=self.id,
                inbox=self.inbox.name,
                at=time.time(),
                clock=self.inbox.clock.now(),
                ending=ending,
                reason=reason,
            )
        )
