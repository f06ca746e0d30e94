"""The client's end of a connection: every reply, and everything that is none."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator

import pytest

from mailtrap_py.check import wire
from mailtrap_py.check.wire import Answer, Wire, readable

SHORT = 0.05  # seconds, where a time-out is waited for


@pytest.fixture
def pair() -> Iterator[tuple[Wire, socket.socket]]:
    """Make a connection; the other end is the server's."""
    near, far = socket.socketpair()
    client = Wire(near, 5.0)
    yield client, far
    client.close()
    far.close()


def heard(data: bytes, *, ends: bool = False, timeout: float = SHORT) -> Answer:
    near, far = socket.socketpair()
    with near, far:
        far.sendall(data)
        if ends:
            far.shutdown(socket.SHUT_WR)
        return Wire(near, timeout).hear()


@pytest.mark.parametrize(
    ("data", "code", "texts"),
    [
        (b"220 ready\r\n", 220, ("220 ready",)),
        (b"250\r\n", 250, ("250",)),
        (b"250-one\r\n250-two\r\n250 three\r\n", 250, ("250-one", "250-two", "250 three")),
        (b"550-\r\n550\r\n", 550, ("550-", "550")),
    ],
)
def test_a_reply_is_read_to_its_last_line(data: bytes, code: int, texts: tuple[str, ...]) -> None:
    for number in range(1, 3):  # and nothing of what comes behind it
        answer = heard(data * number, timeout=30)
        assert (answer.code, answer.texts, answer.problem, answer.odd) == (code, texts, "", ())


@pytest.mark.parametrize(
    ("data", "odd"),
    [
        (b"250 ok\n", "LF alone"),
        (b"250 " + b"x" * 600 + b"\r\n", "606 octets"),
        (b"250 gr\xc3\xbcezi\r\n", "not printable ASCII"),
        (b"250-one\r\n450 two\r\n", "different codes"),
        (b"\r\n\r\n250 ok\r\n", "an empty line stands before"),
    ],
)
def test_what_is_odd_is_noted_once(data: bytes, odd: str) -> None:
    answer = heard(data, timeout=30)

    assert answer.code
    assert len(answer.odd) == 1
    assert odd in answer.odd[0]


@pytest.mark.parametrize(
    ("data", "ends", "problem"),
    [
        (b"", False, "no reply within 0.05 s"),
        (b"25", False, "the reply did not end within 0.05 s"),
        (b"250-one\r\n", False, "the reply did not end within 0.05 s"),
        (b"", True, "the server closed the connection without a reply"),
        (b"250-one\r\n25", True, "the server closed the connection in the middle of its reply"),
        (b"Warning: low on memory\r\n", False, "this is not a reply of SMTP: three digits have to stand first"),
        (b"250-one\r\ntwo\r\n", False, "this is not a reply of SMTP: three digits have to stand first"),
        (b"750 what\r\n", False, "this is not a reply of SMTP: three digits have to stand first"),
        (b"2500\r\n", False, "this is not a reply of SMTP: three digits have to stand first"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", True, "an HTTP server, not SMTP"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", False, "an SSH server, not SMTP"),
        (b"* OK IMAP4rev1\r\n", False, "an IMAP server, not SMTP"),
        (b"+OK POP3\r\n", False, "a POP3 server, not SMTP"),
        (b"\x15\x03\x01\x00\x02\x02\x46", True, "TLS, not SMTP: this port begins with TLS (--tls implicit)"),
    ],
)
def test_what_is_no_reply_is_named(data: bytes, ends: bool, problem: str) -> None:  # noqa: FBT001 - a column of a table
    answer = heard(data, ends=ends, timeout=SHORT if "within" in problem else 30)

    assert (answer.code, answer.problem) == (0, problem)
    assert answer.ended == (ends and not data.startswith(b"HTTP"))
    assert b"".join(answer.lines).startswith(data[:2])


def test_a_reply_without_end_is_given_up() -> None:
    lines = heard(b"250-x\r\n" * (wire.MAX_LINES + 2), timeout=30)
    assert lines.problem == "the reply does not end"
    assert len(lines.lines) <= wire.MAX_LINES + 2


def test_a_line_without_end_is_given_up(pair: tuple[Wire, socket.socket]) -> None:
    client, far = pair
    sender = threading.Thread(target=far.sendall, args=(b"2" * (wire.MAX_OCTETS + wire.MAX_OCTETS // 2),), daemon=True)
    sender.start()
    answer = client.hear()
    client.close()
    far.close()

    assert answer.problem == "the reply does not end"


def test_a_server_that_drips_is_not_waited_for_longer_than_the_time_out() -> None:
    near, far = socket.socketpair()
    over = threading.Event()

    def drip() -> None:
        while not over.wait(0.005):
            far.sendall(b"2")

    thread = threading.Thread(target=drip)
    with near, far:
        thread.start()
        answer = Wire(near, SHORT).hear()
        over.set()
        thread.join()

    assert answer.problem == "the reply did not end within 0.05 s"


def test_a_line_is_sent_with_its_end_and_answered(pair: tuple[Wire, socket.socket]) -> None:
    client, far = pair
    far.sendall(b"250 ok\r\n")

    assert client.ask(b"NOOP").code == 250
    assert far.recv(100) == b"NOOP\r\n"


def test_what_nobody_asked_for_is_taken_away(pair: tuple[Wire, socket.socket]) -> None:
    client, far = pair
    assert client.unasked() == ()
    far.sendall(b"250 one\r\n250 two\r\n450 \x1b[2J\r\n")
    assert client.hear().texts == ("250 one",)
    assert client.unasked() == ("250 two", "450 \\x1b[2J")
    assert client.unasked() == ()


def test_who_has_gone_is_told() -> None:
    near, far = socket.socketpair()
    with near:
        far.close()
        answer = Wire(near, 5.0).ask(b"NOOP")

    assert answer.ended
    assert answer.problem


def test_the_last_words_of_who_has_gone_are_heard() -> None:
    near, far = socket.socketpair()
    with near:
        far.sendall(b"421 bye\r\n")
        far.close()
        answer = Wire(near, 5.0).ask(b"NOOP")

    assert answer.code == 421


def test_who_takes_nothing_in_is_told() -> None:
    near, far = socket.socketpair()
    with near, far:
        answer = Wire(near, SHORT).ask(b"x" * 10_000_000)

    assert answer.problem == "the server takes nothing in, for 0.05 s"


def test_a_reset_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        client = Wire.open("127.0.0.1", listening.getsockname()[1], 5.0)
        far, _ = listening.accept()
        assert client.peer == "127.0.0.1"
        far.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        far.close()
        answer = client.hear()
        assert client.peer == ""
        client.close()

    assert (answer.problem, answer.ended) == ("the server reset the connection", True)


def test_other_failures_are_told_in_their_own_words() -> None:
    broken = ssl.SSLError(1, "bad record")
    broken.reason = "BAD_RECORD"
    assert wire.went(broken) == "TLS broke: bad record"
    assert wire.went(OSError(101, "Network is unreachable")) == "the connection failed: Network is unreachable"


def test_without_tls_there_is_neither_version_nor_certificate(pair: tuple[Wire, socket.socket]) -> None:
    client, _ = pair

    assert client.tls == ("", "")
    assert client.certificate == b""


@pytest.mark.parametrize(
    ("data", "text"),
    [(b"plain", "plain"), ("grüezi".encode(), "grüezi"), (b"\xff", "\\xff"), (b"\x1b[2J\x00", "\\x1b[2J\\x00")],
)
def test_octets_are_shown_so_that_they_do_nothing(data: bytes, text: str) -> None:
    assert readable(data) == text
