"""Which messages a query means, and the words that say why one is not meant."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from mailtrap_py.store import MessageSummary, Query
from mailtrap_py.store.query import senders

HELLO = MessageSummary(
    position=7,
    id="m1",
    inbox="default",
    session_id="s1",
    transaction_id="t1",
    at=1.5,
    reverse_path="bounce+1@Lists.Example.com",
    recipients=("bob@Example.net", "Ann@example.net"),
    subject="Hello, Wörld",
    from_='"Smith, Ann" <ann@example.com>',
    to="",
    cc="",
    date="",
    message_id="",
    size=3,
    attachments=0,
    tls_version="",
    user="",
    client="127.0.0.1",
    helo="",
)


@pytest.mark.parametrize(
    "query",
    [
        Query(),
        Query(inbox="default"),
        Query(to="bob@EXAMPLE.NET"),
        Query(to="Ann@example.net"),
        Query(to="*@example.net"),
        Query(to="/^b.b@/"),
        Query(from_="bounce+1@lists.example.com"),
        Query(from_="ann@example.com"),
        Query(from_="bounce*"),
        Query(subject="wÖrld"),
        Query(subject="hello*"),
        Query(subject="/W.rld$/"),
        Query(session_id="s1"),
        Query(after=6),
        Query(inbox="default", to="bob@example.net", from_="ann@*", subject="Hello", session_id="s1", after=0),
    ],
)
def test_a_query_means_what_fits_all_its_fields(query: Query) -> None:
    assert query.misses(HELLO) == ""
    assert query.matches(HELLO)


@pytest.mark.parametrize(
    ("query", "why"),
    [
        (Query(inbox="other"), "inbox is 'default', not 'other'"),
        (Query(to="ann@example.net"), "recipient is 'bob@Example.net' or 'Ann@example.net', not 'ann@example.net'"),
        (Query(to="bob"), "recipient is 'bob@Example.net' or 'Ann@example.net', not 'bob'"),
        (
            Query(from_="Smith@example.com"),
            "sender is 'bounce+1@Lists.Example.com' or 'ann@example.com', not 'Smith@example.com'",
        ),
        (Query(subject="Welcome"), "subject is 'Hello, Wörld', not 'Welcome'"),
        (Query(subject="/hello/"), "subject is 'Hello, Wörld', not '/hello/'"),
        (Query(session_id="s2"), "session is 's1', not 's2'"),
        (Query(after=7), "position is 7, not after 7"),
        (Query(inbox="x", subject="y"), "inbox is 'default', not 'x'; subject is 'Hello, Wörld', not 'y'"),
    ],
)
def test_a_miss_is_explained_with_what_there_is_and_what_was_asked(query: Query, why: str) -> None:
    assert query.misses(HELLO) == why
    assert not query.matches(HELLO)


def test_a_message_for_nobody_says_so() -> None:
    assert Query(to="*").misses(replace(HELLO, recipients=())) == "recipient is nobody, not '*'"


def test_the_null_sender_is_meant_by_the_empty_text() -> None:
    bounce = replace(HELLO, reverse_path="", from_="")
    assert Query(from_="").matches(bounce)
    assert not Query(from_="").matches(HELLO)


def test_a_bad_pattern_is_told_when_the_query_is_made() -> None:
    with pytest.raises(ValueError, match="is not a regular expression"):
        Query(subject="/(/")


def test_senders_are_the_reverse_path_and_every_address_of_the_header() -> None:
    header = '"evil <ann@example.com>" <mallory@example.org>, bob@example.net'
    assert senders("", header) == ("", "mallory@example.org", "bob@example.net")


def test_only_queries_without_patterns_are_exact() -> None:
    exact = Query(to="Bob@Example.NET", from_="", inbox="x", session_id="s", after=1)
    assert exact.exact
    assert (exact.exact_to, exact.exact_from) == ("Bob@example.net", "")
    for pattern in (Query(to="*@example.net"), Query(from_="/ann/"), Query(subject="plain")):
        assert not pattern.exact
        assert pattern.exact_to is None
        assert pattern.exact_from is None


def test_queries_that_ask_the_same_are_the_same() -> None:
    assert len({Query(to="a@b"), Query(to="a@b"), Query(to="c@d")}) == 2
