"""The name in a client's first message: from real ones, whole, in parts and broken."""

from __future__ import annotations

import ssl

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailtrap_py.smtp.client_hello import MOST, server_name


def hello(name: str | None, *, newest: ssl.TLSVersion = ssl.TLSVersion.MAXIMUM_SUPPORTED) -> bytes:
    """Have Python's own TLS say its first message."""
    context = ssl.create_default_context()
    context.check_hostname = name is not None
    context.maximum_version = newest
    out = ssl.MemoryBIO()
    client = context.wrap_bio(ssl.MemoryBIO(), out, server_hostname=name)
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    return out.read()


@pytest.mark.parametrize("newest", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_the_name_of_a_real_client(newest: ssl.TLSVersion) -> None:
    assert server_name(hello("mail.example.com", newest=newest)) == "mail.example.com"


def test_a_client_that_names_none() -> None:
    assert server_name(hello(None)) == ""
    assert server_name(hello("127.0.0.1")) == ""  # RFC 6066, section 3: literal addresses "are not permitted"


def test_a_part_of_it_is_not_enough() -> None:
    whole = hello("mail.example.com")

    assert {server_name(whole[:length]) for length in range(len(whole))} == {None}
    assert server_name(whole + b"more") == "mail.example.com"


def test_it_may_come_in_several_records() -> None:
    message = hello("mail.example.com")[5:]
    records = [b"\x16\x03\x01" + len(part).to_bytes(2, "big") + part for part in (message[:100], message[100:])]

    assert server_name(records[0]) is None
    assert server_name(b"".join(records)) == "mail.example.com"


@pytest.mark.parametrize(
    "data",
    [
        b"EHLO client.example\r\n",
        b"\x16\x03\x01\x00\x04\x02\x00\x00\x00",  # a handshake, and no ClientHello
        b"\x16\x03\x01\x00\x04\x01\x00\x00\x00",  # an empty one
        b"\x16\x03\x01\x00\x00" * 20_000 + b"\x15",
        b"\x16\x03\x01\xff\xff\x01\xff\xff\xff" + b"x" * 2 * MOST,  # one without an end
    ],
    ids=["a command", "another message", "nothing in it", "empty records", "without end"],
)
def test_what_is_none_has_no_name(data: bytes) -> None:
    assert server_name(data) == ""


WHOLE = hello("mail.example.com")


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=60), st.integers(0, 400), st.binary(max_size=3))
def test_whatever_comes_nothing_raises(data: bytes, place: int, change: bytes) -> None:
    whole = WHOLE

    server_name(data)
    server_name(b"\x16\x03\x01" + data)
    server_name(whole[:place] + change + whole[place + len(change) :])
