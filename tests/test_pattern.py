from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailtrap_py.pattern import Pattern, fold_domain


@pytest.mark.parametrize(
    ("pattern", "matching", "other"),
    [
        ("bob@example.com", ["bob@example.com", "bob@EXAMPLE.com"], ["Bob@example.com", "bob@example.com.au", "bob"]),
        ("Bob@Example.COM", ["Bob@example.com"], ["bob@example.com"]),
        ("", [""], ["a@b"]),
        ("*@example.com", ["a@example.com", "@example.com", "B@EXAMPLE.COM"], ["a@example.org", "a@example.comx"]),
        ("?ob@example.com", ["bob@example.com", "Rob@example.com"], ["ob@example.com", "blob@example.com"]),
        ("bob@*", ["bob@x", "bob@[127.0.0.1]"], ["Bob@x"]),
        ("u@[127.0.0.1]", ["u@[127.0.0.1]"], ["u@1"]),
        ("*@[127.0.0.?]", ["u@[127.0.0.1]"], ["u@[127.0.0.10]", "u@1"]),
        ("/b.b@/", ["bob@x", "xbab@y"], ["bb@x"]),
        ("/^BOB/", ["BOB@x"], ["bob@x"]),
        ("/@example\\.com$/", ["a@EXAMPLE.com"], ["a@example.com.au"]),
        ("//", ["//"], ["a@b"]),
        ('"a*b"@x', ['"a*b"@x', '"a c b"@x'], ["ab@x"]),
        ("aa*a@x", ["aaa@x", "aa-a@X"], ["aa@x"]),
        ("*", ["", "anything", "two\nlines"], []),
    ],
)
def test_an_address(pattern: str, matching: list[str], other: list[str]) -> None:
    compiled = Pattern(pattern, "address")

    assert [one for one in matching if not compiled.matches(one)] == []
    assert [one for one in other if compiled.matches(one)] == []


@pytest.mark.parametrize(
    ("pattern", "matching", "other"),
    [
        ("welcome", ["Welcome to us", "WELCOME", "you are welcome"], ["Hello"]),
        ("straße", ["STRASSE"], ["strase"]),
        ("", ["", "anything"], []),
        ("Your order *", ["your ORDER 5", "Your order "], ["Re: Your order 5"]),
        ("order ?", ["Order 5"], ["Order 55", "order"]),
        ("/order [0-9]+$/", ["Your order 55"], ["Your Order 55", "order"]),
        ("a.b", ["xA.By"], ["axb"]),
        ("*b.", ["ab."], ["abc"]),
    ],
)
def test_a_text(pattern: str, matching: list[str], other: list[str]) -> None:
    compiled = Pattern(pattern)

    assert [one for one in matching if not compiled.matches(one)] == []
    assert [one for one in other if compiled.matches(one)] == []


def test_what_is_no_regular_expression_is_refused_at_once() -> None:
    with pytest.raises(ValueError, match=r"/\(/ is not a regular expression: missing \)"):
        Pattern("/(/")


@pytest.mark.parametrize(
    ("pattern", "kind", "exact"),
    [
        ("Bob@Example.COM", "address", "Bob@example.com"),
        ("Hello", "text", "hello"),
        ("*", "text", None),
        ("/x/", "address", None),
        ("?", "address", None),
    ],
)
def test_a_pattern_without_anything_special_is_exact(pattern: str, kind: str, exact: str | None) -> None:
    assert Pattern(pattern, "address" if kind == "address" else "text").exact == exact


def test_patterns_are_equal_when_they_are_written_alike() -> None:
    assert Pattern("a*") == Pattern("a*")
    assert Pattern("a*") != Pattern("a*", "address")
    assert len({Pattern("a*"), Pattern("a*")}) == 1
    assert repr(Pattern("a*")) == "Pattern(text='a*', kind='text')"


@given(st.text())
def test_every_address_matches_itself_unless_it_is_a_pattern(text: str) -> None:
    special = "*" in text or "?" in text or (len(text) > 2 and text[0] == text[-1] == "/")

    assert special or Pattern(text, "address").matches(text)


@given(st.text(), st.text(alphabet="ab@*?"))
def test_a_star_stands_for_any_run(text: str, pattern: str) -> None:
    assert Pattern("*" + pattern.replace("?", "*"), "address").matches(text + pattern.replace("*", text))


@pytest.mark.parametrize(
    ("address", "folded"),
    [("A@B.C", "A@b.c"), ("A", "A"), ('"a@B"@C', '"a@B"@c'), ("", ""), ("Postmaster", "Postmaster")],
)
def test_only_the_domain_is_folded(address: str, folded: str) -> None:
    assert fold_domain(address) == folded


def test_named_groups() -> None:
    pattern = Pattern(r"/^(?P<code>[0-9]+)(x(?P<n>[0-9]+))?@fail\.test$/", "address")

    assert pattern.group_names == ("code", "n")
    assert pattern.groups("450x2@FAIL.test") == {"code": "450", "n": "2"}
    assert pattern.groups("450@fail.test") == {"code": "450", "n": ""}
    assert pattern.groups("bob@fail.test") == {}
    assert (Pattern("bob").group_names, Pattern("bob").groups("bob")) == ((), {})
