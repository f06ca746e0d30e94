from __future__ import annotations

from collections.abc import Mapping

import pytest

from mailtrap_py.scenario import Ehlo
from mailtrap_py.smtp.capabilities import Capabilities, keyword_of, size_limit

USUAL = ["PIPELINING", "SIZE 1000", "8BITMIME", "AUTH PLAIN"]


def bent(*changes: Mapping[str, object]) -> Capabilities:
    capabilities = Capabilities()
    for change in changes:
        capabilities.bend(Ehlo.model_validate(change))
    return capabilities


@pytest.mark.parametrize(
    ("changes", "offered"),
    [
        ([], USUAL),
        ([{"ehlo": {"remove": ["size", "AUTH"]}}], ["PIPELINING", "8BITMIME"]),
        ([{"ehlo": {"add": ["DSN"]}}], [*USUAL, "DSN"]),
        ([{"ehlo": {"add": ["SIZE 10"]}}], ["PIPELINING", "8BITMIME", "AUTH PLAIN", "SIZE 10"]),
        ([{"ehlo": {"set": ["X"]}}, {"ehlo": {"add": ["Y"]}}], ["X", "Y"]),
        ([{"ehlo": {"set": []}}], []),
    ],
)
def test_what_is_offered_is_what_holds(changes: list[Mapping[str, object]], offered: list[str]) -> None:
    assert bent(*changes).offered(USUAL) == offered
    assert bent(*changes).honoured(USUAL) == offered


def test_a_lie_changes_only_what_is_said() -> None:
    lying = bent({"ehlo": {"remove": ["AUTH"]}, "lie": True}, {"ehlo": {"remove": ["PIPELINING"]}})
    assert lying.offered(USUAL) == ["SIZE 1000", "8BITMIME"]
    assert lying.honoured(USUAL) == ["SIZE 1000", "8BITMIME", "AUTH PLAIN"]


@pytest.mark.parametrize(("line", "keyword"), [("auth=LOGIN x", "AUTH=LOGIN"), (" size 1", "SIZE"), ("", "")])
def test_keywords(line: str, keyword: str) -> None:
    assert keyword_of(line) == keyword


@pytest.mark.parametrize(
    ("lines", "limit"), [(["SIZE 7"], 7), (["SIZE 0"], 99), (["SIZE"], 99), (["SIZE x"], 99), (["DSN"], 99), ([], 99)]
)
def test_the_size_that_is_declared(lines: list[str], limit: int) -> None:
    assert size_limit(lines, 99) == limit
