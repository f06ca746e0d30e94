"""A fixed conversation on the wire."""

from __future__ import annotations

import socket
from collections.abc import Mapping

import pytest

from mailtrap_py import Mailtrap, Settings
from mailtrap_py.events import Source
from mailtrap_py.store import SessionView, Store

SCRIPT = {
    "script": [
        {"S": "220-mx.example ESMTP"},
        {"sleep": "1ms"},
        {"S": "220 mx.example ready"},
        {"C": "/^EHLO /"},
        {"S": ["250-mx.example", "250 SIZE 1000"]},
        {"C": "DATA"},
        {"S": {"raw": "354 go\n"}},
        {"C": {"until": "."}},
        {"S": "250 2.0.0 Ok"},
        {"close": "fin"},
    ]
}


def talk(script: Mapping[str, object], *said: bytes) -> tuple[bytes, SessionView, list[bytes]]:
    """Say all that and close that side; give what came, how the session ended, and the trap's own notes."""
    store = Store()
    try:
        with Mailtrap(store=store) as trap:
            trap.scenario(script)
            with socket.create_connection((trap.host, trap.port), timeout=10) as client:
                client.sendall(b"".join(said))
                client.shutdown(socket.SHUT_WR)
                came = b"".join(iter(lambda: client.recv(4096), b""))
        [session] = store.sessions().items
        notes = [line.data for line in store.transcript(session.id) if line.source is Source.NOTE]
    finally:
        store.close()
    return came, session, notes


def test_a_conversation_byte_by_byte() -> None:
    came, session, notes = talk(SCRIPT, b"EHLO client\r\n", b"data\r\n", b"Subject: x\r\n\r\nbody\r\n.\r\n")

    assert came == (
        b"220-mx.example ESMTP\r\n220 mx.example ready\r\n250-mx.example\r\n250 SIZE 1000\r\n354 go\n250 2.0.0 Ok\r\n"
    )
    assert (session.ending, session.reason, notes) == ("server-closed", "the script closed the connection (fin)", [])


def test_a_client_that_leaves_the_script() -> None:
    came, session, notes = talk(SCRIPT, b"HELO client\r\n")

    assert came == b"220-mx.example ESMTP\r\n220 mx.example ready\r\n"
    assert session.reason == "step 4 of the script expects '/^EHLO /', and the client said 'HELO client'"
    assert notes == [session.reason.encode()]


def test_a_line_that_is_too_long() -> None:
    came, session, _ = talk({"script": [{"C": "*"}]}, b"x" * 20_000 + b"\r\n")

    assert (came, session.reason) == (b"", "the script expects no line that long")


def test_the_client_may_leave() -> None:
    came, session, _ = talk({"script": [{"C": "*"}]})

    assert (came, session.ending) == (b"", "client-closed")


def test_a_silent_client_is_not_waited_for() -> None:
    settings = Settings(smtp_port=0, smtps_port=None, http_port=None, command_timeout=0.05)
    with Mailtrap(settings) as trap:
        trap.scenario({"script": [{"C": "*"}]})
        with socket.create_connection((trap.host, trap.port), timeout=10) as client:
            assert client.recv(10) == b""


def test_a_reset_is_a_reset() -> None:
    with Mailtrap() as trap:
        trap.scenario({"script": [{"C": "EHLO *"}, {"close": "reset"}]})
        with socket.create_connection((trap.host, trap.port), timeout=10) as client:
            client.sendall(b"EHLO client\r\n")
            with pytest.raises(ConnectionResetError):
                client.recv(10)
