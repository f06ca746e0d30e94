"""What stands after a matcher."""

from __future__ import annotations

import ipaddress

import pytest
from pydantic import TypeAdapter, ValidationError

from mailtrap_py.scenario.mistakes import Mistake
from mailtrap_py.scenario.patterns import (
    Addresses,
    Codes,
    Networks,
    Texts,
    TlsVersions,
    Word,
    Words,
    code_matches,
    read_network,
)

ADDRESSES: TypeAdapter[object] = TypeAdapter(Addresses)
TEXTS: TypeAdapter[object] = TypeAdapter(Texts)
WORDS: TypeAdapter[object] = TypeAdapter(Words)
NETWORKS: TypeAdapter[object] = TypeAdapter(Networks)
TLS: TypeAdapter[object] = TypeAdapter(TlsVersions)
CODES: TypeAdapter[object] = TypeAdapter(Codes)


@pytest.mark.parametrize(
    ("pattern", "matching", "other"),
    [
        ("plain", "PLAIN", "XPLAIN"),
        ("XOAUTH?", "xoauth2", "OAUTH2"),
        ("*", "", None),
        ("/^(RSET|NOOP)$/", "NOOP", "noop"),
        ("CRAM-MD5", "cram-md5", "CRAM"),
    ],
)
def test_words(pattern: str, matching: str, other: str | None) -> None:
    word = Word(pattern)

    assert word.matches(matching)
    assert other is None or not word.matches(other)


@pytest.mark.parametrize(
    ("wanted", "code", "matches"),
    [("451", 451, True), ("45x", 459, True), ("4xx", 499, True), ("451", 452, False), ("4xx", 550, False)],
)
def test_codes(wanted: str, code: int, matches: bool) -> None:  # noqa: FBT001 - a parameter of the test
    assert code_matches(wanted, code) is matches


@pytest.mark.parametrize("written", ["SSLv3", "2", "1.4", True, {}])
def test_what_is_not_a_version_in_a_list(written: object) -> None:
    with pytest.raises(ValidationError, match=r"is not a (version of TLS|text)"):
        TLS.validate_python([written])


@pytest.mark.parametrize(
    ("written", "network"),
    [
        ("127.0.0.1", "127.0.0.1/32"),
        ("10.1.2.3/8", "10.0.0.0/8"),
        ("::1", "::1/128"),
        (ipaddress.ip_network("10.0.0.0/8"), "10.0.0.0/8"),
    ],
)
def test_networks(written: object, network: str) -> None:
    assert str(read_network(written)) == network


@pytest.mark.parametrize("written", ["localhost", "10.0.0.0/33", "", 127])
def test_what_is_not_a_network(written: object) -> None:
    with pytest.raises(Mistake, match="is not an address; write an address or a network"):
        read_network(written)


@pytest.mark.parametrize(
    ("kind", "written", "back"),
    [
        (ADDRESSES, "<ann@example.com>", ["ann@example.com"]),
        (ADDRESSES, ["", "*@x"], ["", "*@x"]),
        (TEXTS, ["<b>", 12], ["<b>", "12"]),
        (WORDS, "plain", ["plain"]),
        (NETWORKS, ["::1", "10.0.0.0/8"], ["::1/128", "10.0.0.0/8"]),
        (TLS, False, False),
        (TLS, [1.0, "tls1.2", "TLSv1.?"], ["TLSv1", "TLSv1.2", "TLSv1.?"]),
        (CODES, ["4xx", "45x"], ["4xx", "45x"]),
        (CODES, 451, ["451"]),
    ],
)
def test_they_are_written_as_they_are_read(kind: TypeAdapter[object], written: object, back: list[str]) -> None:
    value = kind.validate_python(written)

    assert kind.dump_python(value, mode="json") == back
    assert kind.validate_python(value) == kind.validate_python(back) == value


@pytest.mark.parametrize("kind", [ADDRESSES, TEXTS, WORDS, NETWORKS, TLS, CODES])
@pytest.mark.parametrize("written", [[], None, "/(/", [{}]])
def test_what_is_no_pattern(kind: TypeAdapter[object], written: object) -> None:
    with pytest.raises(ValidationError):
        kind.validate_python(written)
