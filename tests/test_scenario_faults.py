"""Actions beyond replies."""

from __future__ import annotations

import pytest

from mailtrap_py.errors import ScenarioError
from mailtrap_py.scenario import Action, Ehlo, Listener, Read, ReadRate, make_rule


def read(action: object, at: str = "data") -> Action:
    return make_rule({"at": at, "do": action}).do[0]


@pytest.mark.parametrize(
    ("at", "written", "described"),
    [
        ("data", {"read": "stop"}, "read: stop"),
        ("content", {"read": {"rate": "1KB/s"}}, "read: {rate: 1024B/s}"),
        ("tls", {"tls": "not-yet-valid"}, "tls: not-yet-valid"),
        ("starttls", {"tls": "inject"}, "tls: inject"),
        ("ehlo", {"ehlo": {"add": "SIZE 1000", "remove": ["STARTTLS", "AUTH"]}},
         "ehlo: {add: [SIZE 1000], remove: [STARTTLS, AUTH]}"),
        ("ehlo", {"ehlo": {"set": []}, "lie": True}, "ehlo: {set: []} (lie)"),
        ("connect", {"listener": "refuse", "for": "10s"}, "listener: refuse (for 10s)"),
        ("quit", {"listener": "resume"}, "listener: resume"),
    ],
)  # fmt: skip
def test_words(at: str, written: object, described: str) -> None:
    action = read(written, at)

    assert action.describe() == described
    assert read(action.model_dump(mode="json", by_alias=True, exclude_none=True), at) == action


def test_values() -> None:
    assert read({"read": {"rate": "0.5KB/s"}}) == Read(read=ReadRate(rate=512.0))
    listener = read({"listener": "pause", "for": "1m"})
    assert isinstance(listener, Listener)
    assert listener.for_ == 60.0
    ehlo = read({"ehlo": {"set": "SIZE"}})
    assert isinstance(ehlo, Ehlo)
    assert (ehlo.ehlo.set, ehlo.lie) == (("SIZE",), False)


@pytest.mark.parametrize(
    ("written", "problem", "cure"),
    [
        ("read", "'read' cannot stand alone", "write what"),
        ({"read": "slowly"}, "'slowly' is not a way to read", "write stop, or {rate: 1KB/s}"),
        ({"read": {"rate": "1KB"}}, "'1KB' is not a rate", "write a size above 0 and '/s'"),
        ({"read": {"rate": "1KB/s", "x": 1}}, "is not a way to read", ""),
        ({"ehlo": {}}, "nothing changes", "write add, remove or set"),
        ({"ehlo": {"set": [], "add": "X"}}, "'set' is the whole list", "leave the others out"),
        ({"ehlo": {"remove": "AUTH LOGIN"}}, "'AUTH LOGIN' is not", ""),
        ({"ehlo": {"add": "X\r\nY"}}, "is not", ""),
        (
            {"listener": "close"},
            "'close' is none of the values of 'listener'",
            "write one of refuse, pause, blackhole, resume",
        ),
        ({"listener": "refuse", "for": 10}, "10 has no unit", "write '10s'"),
        ({"listener": "resume", "for": "1s"}, "'resume' is for good", "leave 'for' out"),
        ({"listener": "refuse", "max": "1s"}, "unknown key 'max' in 'listener'", ""),
    ],
)
def test_mistakes(written: object, problem: str, cure: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        read(written)

    assert problem in str(caught.value)
    assert cure in caught.value.cure


def test_a_mistake_in_a_handshake() -> None:
    with pytest.raises(ScenarioError, match="did you mean 'expired'"):
        read({"tls": "expird"}, "tls")
